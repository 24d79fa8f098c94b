//! Where a source lifts a ban, and why.

/// A place that lifts a ban of `.clippy.toml`.
#[derive(Debug, PartialEq, Eq)]
pub struct Lifted {
    /// From 1.
    pub line: usize,
    pub why: Why,
}

/// What it says why, by the first word of its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// `effect: …`: it stands before a function, and that function asks for the ledger's word.
    Effect { asks_for_the_word: bool },
    /// `asks: …`: it stands before a function, and that function changes nothing: it has no other method than GET.
    Asks { and_no_more: bool },
    /// `except: …`
    Except,
    /// `a test …`
    Test,
    /// Anything else.
    Unclear,
}

/// The places of a source.
pub fn lifted(text: &str) -> Vec<Lifted> {
    // In two parts, so that this is no place itself.
    let lint = concat!("clippy::", "disallowed_methods");
    let places = text.match_indices(lint).map(|(at, _)| at);
    let in_code = |at: &usize| !text[..*at].rsplit('\n').next().unwrap_or_default().contains("//");
    places
        .filter(in_code)
        .map(|at| Lifted { line: text[..at].matches('\n').count() + 1, why: why(&text[at..]) })
        .collect()
}

/// `rest` begins with the name of the lint in an attribute.
fn why(rest: &str) -> Why {
    let Some((attribute, item)) = rest.split_once(")]") else { return Why::Unclear };
    let Some((_, reason)) = attribute.split_once("reason = \"") else { return Why::Unclear };
    if reason.starts_with("effect: ") {
        return Why::Effect { asks_for_the_word: asks(item) };
    }
    if reason.starts_with("asks: ") {
        Why::Asks { and_no_more: only_asks(item) }
    } else if reason.starts_with("except: ") {
        Why::Except
    } else if reason.starts_with("a test") {
        Why::Test
    } else {
        Why::Unclear
    }
}

/// Whether what follows an attribute is a function with an argument that is the ledger's word.
fn asks(item: &str) -> bool {
    let signature = item.split(['{', ';']).next().unwrap_or_default();
    let Some((_, function)) = signature.split_once("fn ") else { return false };
    let arguments = function.split_once('(').map_or("", |(_, arguments)| arguments);
    let arguments = arguments.split("->").next().unwrap_or_default();
    let of_the_word = |argument: &str| {
        argument
            .split_once(':')
            .is_some_and(|(_, ty)| matches!(ty.trim().trim_end_matches(')').trim(), "Intended" | "&Intended"))
    };
    arguments.split(',').any(of_the_word)
}

/// Whether the function that follows an attribute sends nothing but GET.
fn only_asks(item: &str) -> bool {
    // A function of a module ends with a brace in the first column, one of an `impl` in the fifth.
    let end = ["\n}", "\n    }"].iter().filter_map(|end| item.find(end)).min();
    let function = &item[..end.unwrap_or(item.len())];
    let changes =
        [".post(", ".put(", ".patch(", ".delete(", ".request(", "Method::", "spawn(", "output(", "status("];
    function.contains("fn ")
        && function.contains(".get(")
        && !changes.iter().any(|call| function.contains(call))
}

/// Whether the line is in a test: in a file of tests, or before a module of them.
pub fn is_test(file: &str, text: &str, line: usize) -> bool {
    let of_tests = |part: &str| matches!(part, "tests" | "tests.rs" | "testbed.rs");
    file.split('/').any(of_tests)
        || text
            .lines()
            .skip(line)
            .take(2)
            .any(|line| line.trim_end_matches([';', '{', ' ']).ends_with("mod tests"))
}

#[test]
fn an_effect_without_the_ledgers_word_is_found() {
    let attribute =
        |reason: &str| format!("#[expect(clippy::{}, reason = \"{reason}\")]\n", "disallowed_methods");
    let effect = attribute("effect: sends");
    let why = |text: &str| {
        let [Lifted { why, .. }] = lifted(text)[..] else { panic!("one place: {text}") };
        why
    };
    for (text, asks_for_the_word) in [
        ("async fn post(http: &Client, _: &Intended) -> Heard {\n", true),
        ("pub(crate) fn post(http: &Client,\n    intended: Intended,\n) {\n", true),
        ("async fn post(http: &Client) -> Heard {\n", false),
        ("async fn post(http: &Client) -> Intended {\n", false),
        ("async fn post(intended: &Client) -> Heard { f(&Intended) }\n", false),
        ("async fn post(it: Option<Intended>) -> Heard {\n", false),
        ("let sent = request.send().await; f(_: &Intended)\n", false),
        ("mod post;\n", false),
    ] {
        assert_eq!(why(&format!("{effect}{text}")), Why::Effect { asks_for_the_word }, "{text}");
    }
    let asks = attribute("asks: whether it is there");
    for (text, and_no_more) in [
        (
            "async fn ask(http: &Client) -> Heard {\n    http.get(url).send().await\n}\nfn f() { http.post(url) }\n",
            true,
        ),
        (
            "    fn ask() {\n        http.get(url)\n    }\n\n    fn f() {\n        http.post(url)\n    }\n}\n",
            true,
        ),
        (
            "async fn ask(http: &Client) -> Heard {\n    http.get(url); http.post(url).send().await\n}\n",
            false,
        ),
        ("async fn ask(request: RequestBuilder) -> Heard {\n    request.send().await\n}\n", false),
    ] {
        assert_eq!(why(&format!("{asks}{text}")), Why::Asks { and_no_more }, "{text}");
    }
    assert_eq!(why(&attribute("except: a person asks")), Why::Except);
    assert_eq!(why(&attribute("a test plays the world")), Why::Test);
    assert_eq!(why(&attribute("I know what I do")), Why::Unclear);
    assert_eq!(why(concat!("#[allow(clippy::", "disallowed_methods)]\nfn f() {}")), Why::Unclear);
    assert!(lifted("fn post(_: &Intended) {}").is_empty());
    assert_eq!(lifted(&format!("\n\n{effect}")).first().map(|place| place.line), Some(3));
}

#[test]
fn a_test_is_a_file_or_a_module_of_tests() {
    assert!(is_test("services/gateway/tests/hooks/wire.rs", "", 1));
    assert!(is_test("services/deployer/src/git/tests.rs", "", 1));
    assert!(is_test("services/x/src/a.rs", "#[cfg(test)]\n#[expect(…)]\nmod tests;\n", 2));
    assert!(!is_test("services/x/src/a.rs", "#[expect(…)]\nfn f() {}\n\n\nmod tests;\n", 1));
}
