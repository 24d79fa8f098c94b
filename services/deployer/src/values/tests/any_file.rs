//! Properties that hold for any file.

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use crate::values::{get, set};

/// A values file: a mapping with comments, blank lines, quotes, flow and block collections.
fn file() -> impl Strategy<Value = String> {
    (
        block(0, 3),
        prop_oneof![Just(""), Just("# head\n\n"), Just("---\n"), Just("\u{feff}")],
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(body, head, carriage_returns, end)| {
            let text = format!("{head}{body}");
            let text = if end { text } else { text.trim_end_matches('\n').to_owned() };
            if carriage_returns { text.replace('\n', "\r\n") } else { text }
        })
}

/// The lines of a block mapping at an indentation.
fn block(indent: usize, depth: u32) -> BoxedStrategy<String> {
    let entry = (scalar(), comment(), value(indent, depth));
    vec(entry, 1..5)
        .prop_map(move |entries| {
            let mut lines = String::new();
            for (n, (key, comment, value)) in entries.into_iter().enumerate() {
                // A number keeps the keys of one mapping apart.
                let key = format!("{}{n}", ["image", "tag", "digest", "a"][key.len() % 4]);
                let key = key.strip_suffix('0').map_or(key.clone(), str::to_owned);
                let value = value.replace('\u{0}', &comment);
                let _ = writeln!(lines, "{}{key}:{value}", " ".repeat(indent));
            }
            lines
        })
        .boxed()
}

/// What stands behind a colon, with the line's comment at NUL.
fn value(indent: usize, depth: u32) -> BoxedStrategy<String> {
    let inner = " ".repeat(indent + 2);
    let leaf = prop_oneof![
        4 => scalar().prop_map(|scalar| format!(" {scalar}\u{0}")),
        1 => Just("\u{0}".to_owned()),
        1 => Just(" {}\u{0}".to_owned()),
        1 => flow().prop_map(|flow| format!(" {flow}\u{0}")),
        1 => vec(scalar(), 1..3).prop_map({
            let inner = inner.clone();
            move |items| format!("\u{0}\n{}", items.iter().map(|item| format!("{inner}- {item}")).collect::<Vec<_>>().join("\n"))
        }),
        1 => prop_oneof![Just("|"), Just(">-"), Just("|+")].prop_map(move |style| format!(" {style}\u{0}\n{inner}text: of\n\n{inner}lines")),
    ];
    if depth == 0 {
        leaf.boxed()
    } else {
        prop_oneof![3 => leaf, 2 => block(indent + 2, depth - 1).prop_map(|block| format!("\u{0}\n{}", block.trim_end_matches('\n')))]
            .boxed()
    }
}

fn flow() -> impl Strategy<Value = String> {
    (scalar(), scalar(), any::<bool>()).prop_map(|(a, b, spaced)| {
        if spaced { format!("{{ image: {a}, tag: {{a: {b}}} }}") } else { format!("{{tag: {a}, a: [{b}]}}") }
    })
}

fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9.-]{0,8}[a-z0-9]",
        "[0-9]{1,3}(\\.[0-9]{1,2}){0,3}",
        "\"[a-z0-9 #:é,{}]{0,6}\"",
        "'[a-z0-9 #:,\\[\\]]{0,6}'",
        Just("true".to_owned()),
        Just("null".to_owned()),
        Just("~".to_owned()),
    ]
}

fn comment() -> impl Strategy<Value = String> {
    prop_oneof![2 => Just(String::new()), 1 => Just(" # tag: é".to_owned()), 1 => Just("  #".to_owned())]
}

/// Tags that Docker allows, and those that YAML readers like to take for something else.
fn tag() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z0-9_][A-Za-z0-9._-]{0,12}",
        "[0-9]{1,7}",
        "[0-9]{1,3}e[0-9]{1,5}",
        "[0-9]{1,2}\\.[0-9]{1,2}",
        "0[0-7]{1,4}",
        "0x[0-9a-f]{1,4}",
        Just("true".to_owned()),
        Just("No".to_owned()),
        Just("null".to_owned()),
        Just(String::new()),
        "sha256:[0-9a-f]{64}",
    ]
}

fn key() -> impl Strategy<Value = Vec<String>> {
    vec(
        prop_oneof![Just("image"), Just("tag"), Just("digest"), Just("a"), Just("tag1"), Just("image2")],
        1..4,
    )
    .prop_map(|keys| keys.into_iter().map(str::to_owned).collect())
}

/// What another reader makes of the file.
fn read(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// `value` with the text `tag` at `path`.
fn expected(mut value: Value, path: &[String], tag: &str) -> Value {
    let mut place = &mut value;
    for key in path {
        if !place.is_object() {
            *place = Value::Object(serde_json::Map::new());
        }
        place = place.as_object_mut().unwrap().entry(key.clone()).or_insert(Value::Null);
    }
    *place = Value::String(tag.to_owned());
    value
}

/// How many bytes both begin with, and how many both end with.
fn outside(before: &str, after: &str) -> (usize, usize) {
    let same = |(a, b): &(char, char)| a == b;
    let size =
        |pairs: &mut dyn Iterator<Item = (char, char)>| pairs.map(|(c, _)| c.len_utf8()).sum::<usize>();
    let begin = size(&mut before.chars().zip(after.chars()).take_while(same));
    let (before, after) = (&before[begin..], &after[begin..]);
    (begin, size(&mut before.chars().rev().zip(after.chars().rev()).take_while(same)))
}

proptest! {
    #[test]
    fn an_edit_changes_the_one_value_and_nothing_else(before in file(), path in key(), tag in tag()) {
        let Ok(after) = set(&before, &path, &tag, None) else {
            // Refused: then it must be for a reason. A path of mappings and nothing in the way is always edited.
            let blocked = path.iter().try_fold(read(&before), |value, key| match value {
                Value::Object(mut map) => Some(map.remove(key).unwrap_or(Value::Null)),
                Value::Null => Some(Value::Null),
                _ => None,
            });
            let refused_for_cause = !matches!(blocked, Some(Value::Null | Value::Bool(_) | Value::Number(_)));
            prop_assert!(refused_for_cause, "refused {path:?} in\n{before}: {:?}", set(&before, &path, &tag, None));
            return Ok(());
        };
        prop_assert_eq!(get(&after, &path).unwrap(), Some(tag.clone()));
        prop_assert_eq!(read(&after), expected(read(&before), &path, &tag), "{}\n---\n{}", before, after);

        // What was taken out is a part of the one old value; all else is there, byte for byte.
        let (begin, end) = outside(&before, &after);
        let taken = &before[begin..before.len() - end];
        let old = get(&before, &path).unwrap().unwrap_or_else(|| "null~".to_owned());
        prop_assert!(taken.chars().all(|c| old.contains(c) || "\"'null~".contains(c)), "{taken:?} of {old:?}");
        prop_assert!(!taken.contains('\n'));

        // Once more changes nothing.
        prop_assert_eq!(set(&after, &path, &tag, None).unwrap(), after);
    }
}
