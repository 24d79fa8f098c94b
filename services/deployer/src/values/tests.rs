//! What an edit does to a file, and what it refuses.

mod any_file;

use super::{get, set};

fn path(text: &str) -> Vec<String> {
    text.split('.').map(str::to_owned).collect()
}

/// Sets `key` to `value`, beside `image.tag`.
fn edit(before: &str, key: &str, value: &str) -> Result<String, String> {
    set(before, &path(key), value, Some(&path("image.tag"))).map_err(|error| error.to_string())
}

#[test]
fn one_value_changes_and_no_other_byte() {
    for (what, before, value, after) in [
        ("plain", "image:\n  tag: v1\n", "v2", "image:\n  tag: v2\n"),
        ("in double quotes", "image:\n  tag: \"1.1\" # who?\n", "1.2", "image:\n  tag: \"1.2\" # who?\n"),
        (
            "in single quotes",
            "image: # i\n  tag: '1.1'   # who?\nb: 1",
            "1.2",
            "image: # i\n  tag: '1.2'   # who?\nb: 1",
        ),
        ("a number becomes a text", "image:\n  tag: 1.9\n", "1.10", "image:\n  tag: \"1.10\"\n"),
        ("a text that looks like a number", "image: {tag: abcdef0}", "1234567", "image: {tag: \"1234567\"}"),
        ("a sha that looks like a float", "image:\n  tag: abc\n", "12e4567", "image:\n  tag: \"12e4567\"\n"),
        ("a word that looks like a boolean", "image:\n  tag: abc\n", "on", "image:\n  tag: \"on\"\n"),
        ("octal for some", "image:\n  tag: abc\n", "0123", "image:\n  tag: \"0123\"\n"),
        ("three numbers are a text", "image:\n  tag: 1.2.3\n", "1.2.4", "image:\n  tag: 1.2.4\n"),
        ("nothing behind the colon", "image:\n  tag:\n  x: 1\n", "v2", "image:\n  tag: \"v2\"\n  x: 1\n"),
        ("a comment behind the colon", "image:\n  tag: # CI\n", "v2", "image:\n  tag: \"v2\" # CI\n"),
        ("space before the colon", "image:\n  tag : \n", "v2", "image:\n  tag : \"v2\" \n"),
        ("null", "image:\n  tag: null # none\n", "v2", "image:\n  tag: v2 # none\n"),
        ("null in braces", "image: {tag: , a: b}\n", "v2", "image: {tag: \"v2\" , a: b}\n"),
        ("a key without a colon", "image: {tag, a: b}\n", "v2", "image: {tag: \"v2\", a: b}\n"),
        ("empty", "image:\n  tag: ''\n", "v2", "image:\n  tag: 'v2'\n"),
        ("carriage returns", "image:\r\n  tag: v1\r\nb: 1\r\n", "v2", "image:\r\n  tag: v2\r\nb: 1\r\n"),
        ("a byte order mark", "\u{feff}image:\n  tag: v1\n", "v2", "\u{feff}image:\n  tag: v2\n"),
        ("no end of line", "image:\n  tag: v1", "v2", "image:\n  tag: v2"),
        ("quoted keys", "'image':\n  \"tag\": v1\n", "v2", "'image':\n  \"tag\": v2\n"),
        ("a document marker", "---\nimage:\n  tag: v1\n...\n", "v2", "---\nimage:\n  tag: v2\n...\n"),
        ("an anchor nobody uses", "image: &i\n  tag: &t v1\n", "v2", "image: &i\n  tag: &t v2\n"),
        ("a tag that says text", "image:\n  tag: !!str 1.1\n", "1.2", "image:\n  tag: !!str \"1.2\"\n"),
        (
            "over two lines",
            "image:\n  tag: \"v\n    1\" # c\nb: 2\n",
            "v2",
            "image:\n  tag: \"v2\" # c\nb: 2\n",
        ),
        (
            "elsewhere the same words, anchors, lists, blocks",
            "a: &a {tag: v1}\nb: *a\nc:\n- tag: v1\n- |\n  tag: v1\n\nimage:\n    tag: v1\nz: >-\n  é tag: v1\n",
            "v2",
            "a: &a {tag: v1}\nb: *a\nc:\n- tag: v1\n- |\n  tag: v1\n\nimage:\n    tag: v2\nz: >-\n  é tag: v1\n",
        ),
    ] {
        assert_eq!(edit(before, "image.tag", value), Ok(after.to_owned()), "{what}");
        assert_eq!(get(after, &path("image.tag")), Ok(Some(value.to_owned())), "{what}");
        assert_eq!(
            edit(after, "image.tag", value),
            Ok(after.to_owned()),
            "{what}: a second time changes nothing"
        );
    }
}

#[test]
fn a_key_that_is_missing_is_added_where_a_person_would() {
    for (what, before, key, after) in [
        (
            "beside the tag",
            "image:\n  tag: v1 # t\n  pull: a\nb: 1\n",
            "image.digest",
            "image:\n  tag: v1 # t\n  digest: \"x\"\n  pull: a\nb: 1\n",
        ),
        (
            "at the end of its parent",
            "image:\n  name: n\n\n# next\nb: 1\n",
            "image.tag",
            "image:\n  name: n\n  tag: \"x\"\n\n# next\nb: 1\n",
        ),
        (
            "after a nested parent",
            "image:\n  a:\n    b: 1 # c\nb: 1\n",
            "image.tag",
            "image:\n  a:\n    b: 1 # c\n  tag: \"x\"\nb: 1\n",
        ),
        (
            "before a block that has no clear end",
            "image:\n  a: |\n    b\n\nb: 1\n",
            "image.tag",
            "image:\n  tag: \"x\"\n  a: |\n    b\n\nb: 1\n",
        ),
        (
            "in braces",
            "image: {tag: v1, b: c} # d\n",
            "image.digest",
            "image: {tag: v1, digest: \"x\", b: c} # d\n",
        ),
        ("in empty braces", "image: {}\n", "image.tag", "image: {tag: \"x\"}\n"),
        ("in braces over lines", "image: {\n  a: b,\n}\n", "image.tag", "image: {\n  a: b, tag: \"x\",\n}\n"),
        ("in quoted braces", "image: {\"a\":\"b\"}", "image.tag", "image: {\"a\":\"b\", tag: \"x\"}"),
        (
            "under a parent that is empty",
            "image: # c\nb: 1\n",
            "image.tag",
            "image: # c\n  tag: \"x\"\nb: 1\n",
        ),
        (
            "under a parent that is null",
            "image: ~ # c\nb: 1\n",
            "image.tag",
            "image: {tag: \"x\"} # c\nb: 1\n",
        ),
        (
            "under an empty parent in braces",
            "{image: , b: 1}\n",
            "image.tag",
            "{image: {tag: \"x\"} , b: 1}\n",
        ),
        (
            "with its parents",
            "a:\n    b: 1\n",
            "web.image.tag",
            "a:\n    b: 1\nweb:\n    image:\n        tag: \"x\"\n",
        ),
        ("with its parents in braces", "{a: 1}", "web.image.tag", "{a: 1, web: {image: {tag: \"x\"}}}"),
        ("with carriage returns", "a: 1\r\n", "image.tag", "a: 1\r\nimage:\r\n  tag: \"x\"\r\n"),
        ("without an end of line", "image:\n  a: 1", "image.tag", "image:\n  a: 1\n  tag: \"x\""),
        ("in an empty file", "", "image.tag", "image:\n  tag: \"x\"\n"),
        ("in a file of comments", "# ours\n", "image.tag", "# ours\nimage:\n  tag: \"x\"\n"),
        ("in a file of a marker", "---\n", "image.tag", "---\nimage:\n  tag: \"x\"\n"),
        (
            "over a merged default",
            "d: &d {tag: a}\nimage:\n  <<: *d\n",
            "image.tag",
            "d: &d {tag: a}\nimage:\n  <<: *d\n  tag: \"x\"\n",
        ),
        ("under a name that needs quotes", "a: 1\n", "on.tag", "a: 1\n\"on\":\n  tag: \"x\"\n"),
    ] {
        assert_eq!(edit(before, key, "x"), Ok(after.to_owned()), "{what}");
        assert_eq!(get(before, &path(key)), Ok(None), "{what}");
    }
}

#[test]
fn what_cannot_be_edited_safely_is_refused_with_the_place() {
    for (before, why) in [
        ("image: [", "it is not valid YAML: unclosed bracket '[', line 1, column 8"),
        ("image:\n\ttag: v1\n", "it is not valid YAML: "),
        ("- a\n", "it is a list, line 1, column 1: a values file is a mapping of keys"),
        ("just words\n", "it is a text, line 1, column 1: a values file is a mapping of keys"),
        (
            "a: 1\n---\nimage: {}\n",
            "it has a second YAML document, line 2, column 1: keep one document to a file",
        ),
        (
            "image:\n  tag: a\n  tag: b\n",
            "it has the key `tag` twice, line 3, column 3 and line 2, column 3: remove one",
        ),
        (
            "a: {b: 1, \"b\": 2}\n",
            "it has the key `b` twice, line 1, column 11 and line 1, column 5: remove one",
        ),
        ("image: v1\n", "`image` is a text, line 1, column 8: it should be a mapping that holds `image.tag`"),
        (
            "image: [tag]\n",
            "`image` is a list, line 1, column 8: it should be a mapping that holds `image.tag`",
        ),
        ("image:\n  tag: {a: b}\n", "`image.tag` is a mapping, line 2, column 8: it should be a text"),
        (
            "image:\n  tag: |\n    v1\n",
            "`image.tag` is a text of several lines, line 3, column 5: it should be a text",
        ),
        (
            "d: &d {tag: a}\nimage: *d\n",
            "`image` is an alias, line 2, column 8: changing it would change what it points at; write the value here",
        ),
        (
            "t: &t v1\nimage: {tag: *t}\n",
            "`image.tag` is an alias, line 2, column 14: changing it would change what it points at; write the value here",
        ),
        (
            "image: {tag: &t v1}\nb: *t\n",
            "`image.tag` has an anchor, line 1, column 17, that is used elsewhere: changing it would change more; write the value twice",
        ),
        (
            "image: &i {tag: v1}\nb: *i\n",
            "`image` has an anchor, line 1, column 11, that is used elsewhere: changing it would change more; write the value twice",
        ),
        (
            "image: {tag: !!int 1}\n",
            "`image.tag` has the tag `tag:yaml.org,2002:int`, line 1, column 20: remove the tag, the value is a text",
        ),
        (
            "image: {tag: !secret v1}\n",
            "`image.tag` has the tag `!secret`, line 1, column 22: remove the tag, the value is a text",
        ),
        (
            "--- # c\n...\n",
            "`image.tag` cannot be changed without changing more of the file: give it a place of its own in block style",
        ),
    ] {
        let error = edit(before, "image.tag", "v2").expect_err(before);
        assert!(error.starts_with(why), "{before:?}: {error}");
    }
}
