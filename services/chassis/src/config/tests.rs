use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{ConfigError, load};

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    bus: String,
    listen: Listen,
    only: Vec<Service>,
    token: Option<Token>,
    drain: Option<u32>,
    verbose: bool,
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Listen {
    public: Port,
    private: Port,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(try_from = "u16")]
struct Port(u16);

impl TryFrom<u16> for Port {
    type Error = String;

    fn try_from(port: u16) -> Result<Self, String> {
        if port == 0 { Err("port 0 is no port".to_owned()) } else { Ok(Self(port)) }
    }
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Service {
    Gateway,
    Automator,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Token {
    Env(String),
    File(String),
}

fn with(file: Option<&str>, env: &[(&str, &str)], flags: Value) -> Result<Settings, ConfigError> {
    let folder = tempfile::tempdir().expect("a temp folder can be made");
    let path = folder.path().join("signalbox.yaml");
    if let Some(text) = file {
        std::fs::write(&path, text).expect("the temp folder takes a file");
    }
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    load(file.map(|_| path.as_path()), env, flags)
}

fn error_of(file: Option<&str>, env: &[(&str, &str)], flags: Value) -> String {
    let error = with(file, env, flags).expect_err("the input is bad");
    let text = error.to_string();
    match text.find("signalbox.yaml") {
        Some(at) => text[at..].to_owned(),
        None => text,
    }
}

#[test]
fn nothing_given_means_the_defaults() {
    let defaults = Settings::default();
    assert_eq!(with(None, &[], Value::Null).expect("nothing is wrong"), defaults);
    for empty in ["", "\n", "# only a comment\n", "---\n", "listen:\n", "{}\n"] {
        let settings = with(Some(empty), &[], json!({})).unwrap_or_else(|error| panic!("{empty:?}: {error}"));
        assert_eq!(settings, defaults, "{empty:?}");
    }
}

#[test]
fn flags_win_over_variables_and_variables_win_over_the_file() {
    let file = "bus: embedded:/file\nlisten: {public: 1, private: 1}\nverbose: false\n";
    let env = [("SIGNALBOX_BUS", "embedded:/env"), ("SIGNALBOX_LISTEN__PUBLIC", "2")];
    let flags = json!({"bus": "embedded:/flag", "listen": {"public": null}, "only": null});
    let settings = with(Some(file), &env, flags).expect("nothing is wrong");
    assert_eq!(settings.bus, "embedded:/flag");
    assert_eq!(settings.listen, Listen { public: Port(2), private: Port(1) });
}

#[test]
fn a_variable_is_read_as_what_its_setting_needs() {
    let env = [
        ("SIGNALBOX_BUS", "0123"),
        ("SIGNALBOX_DRAIN", "20"),
        ("SIGNALBOX_VERBOSE", "true"),
        ("SIGNALBOX_ONLY", "gateway, automator"),
        ("SIGNALBOX_TOKEN__ENV", "API_TOKEN"),
        ("SIGNALBOX_LABELS__TEAM", "7"),
    ];
    let settings = with(None, &env, Value::Null).expect("nothing is wrong");
    assert_eq!(settings.bus, "0123", "a text stays as it is");
    assert_eq!(settings.drain, Some(20));
    assert!(settings.verbose);
    assert_eq!(settings.only, [Service::Gateway, Service::Automator]);
    assert_eq!(settings.token, Some(Token::Env("API_TOKEN".to_owned())));
    assert_eq!(settings.labels["team"], "7");
}

#[test]
fn a_bad_file_says_where_and_what_would_be_right() {
    let names = "bus, listen, only, token, drain, verbose, labels";
    for (file, expected) in [
        ("bus: x\nlisten:\n  publik: 80\n", "signalbox.yaml:3:3: there is no setting `listen.publik`; did you mean `public`?".to_owned()),
        ("colour: red\n", format!("signalbox.yaml:1:1: there is no setting `colour`; there are: {names}")),
        ("listen: {public: 70000}\n", "signalbox.yaml:1:10: `listen.public`: expected u16, found integer `70000`".to_owned()),
        ("listen: {public: 0}\n", "signalbox.yaml:1:10: `listen.public`: port 0 is no port".to_owned()),
        ("\nlisten: 8080\n", "signalbox.yaml:2:1: `listen`: expected a section with keys (public, private), found a number".to_owned()),
        ("bus: [a]\n", "signalbox.yaml:1:1: `bus`: expected a text, found a list".to_owned()),
        ("bus: 12\n", "signalbox.yaml:1:1: `bus`: expected a text, found `12`".to_owned()),
        ("verbose: sure\n", "signalbox.yaml:1:1: `verbose`: expected true or false, found the text `sure`".to_owned()),
        ("only: gateway\n", "signalbox.yaml:1:1: `only`: expected a list, found the text `gateway`".to_owned()),
        ("only:\n- gateway\n- automater\n", "signalbox.yaml:3:3: `only`: expected one of gateway, automator, found `automater`; did you mean `automator`?".to_owned()),
        ("token: {env: A, file: B}\n", "signalbox.yaml:1:1: `token`: expected exactly one of the keys env, file, found a section with keys".to_owned()),
        ("token: {var: A}\n", "signalbox.yaml:1:9: `token.var`: expected one of env, file, found `var`".to_owned()),
        ("- bus\n", "signalbox.yaml:1:1: a settings file is a list of `key: value`".to_owned()),
        ("hello\n", "signalbox.yaml:1:1: a settings file is a list of `key: value`".to_owned()),
    ] {
        assert_eq!(error_of(Some(file), &[], Value::Null), expected, "{file}");
    }
}

#[test]
fn what_is_no_yaml_is_refused_with_its_place() {
    for (file, place) in [
        ("bus: x\nbus: y\n", "signalbox.yaml:2:1: not valid YAML: "),
        ("bus: [a\n", "signalbox.yaml:"),
        ("listen:\n\tpublic: 1\n", "signalbox.yaml:2:"),
        ("bus: a\n---\nbus: b\n", "signalbox.yaml"),
    ] {
        let error = error_of(Some(file), &[], Value::Null);
        assert!(error.starts_with(place) && error.contains(": not valid YAML: "), "{file:?}: {error}");
    }
}

#[test]
fn a_bad_variable_is_named_with_what_would_be_right() {
    for (name, value, expected) in [
        (
            "SIGNALBOX_LISTEN__PUBLIK",
            "80",
            "SIGNALBOX_LISTEN__PUBLIK: there is no setting `listen.publik`; did you mean SIGNALBOX_LISTEN__PUBLIC?",
        ),
        (
            "SIGNALBOX_LISTEN_PUBLIC",
            "80",
            "SIGNALBOX_LISTEN_PUBLIC: there is no setting `listen_public`; did you mean SIGNALBOX_LISTEN__PUBLIC?",
        ),
        (
            "SIGNALBOX_PORT",
            "80",
            "SIGNALBOX_PORT: there is no setting `port`; there are: bus, listen, only, token, drain, verbose, labels",
        ),
        ("SIGNALBOX_DRAIN", "soon", "SIGNALBOX_DRAIN: `drain`: expected u32, found string \"soon\""),
        ("SIGNALBOX_DRAIN", "-1", "SIGNALBOX_DRAIN: `drain`: expected u32, found integer `-1`"),
        (
            "SIGNALBOX_VERBOSE",
            "1",
            "SIGNALBOX_VERBOSE: `verbose`: expected true or false, found the text `1`",
        ),
        (
            "SIGNALBOX_LISTEN",
            "80",
            "SIGNALBOX_LISTEN: `listen`: expected a section with keys (public, private), found a text",
        ),
        (
            "SIGNALBOX_ONLY",
            "gateway,x",
            "SIGNALBOX_ONLY: `only`: expected one of gateway, automator, found `x`",
        ),
        ("SIGNALBOX_BUS__URL", "x", "SIGNALBOX_BUS__URL: `bus`: expected a text, found a section with keys"),
        (
            "SIGNALBOX___BUS",
            "x",
            "SIGNALBOX___BUS: there is no setting ``; there are: bus, listen, only, token, drain, verbose, labels",
        ),
    ] {
        assert_eq!(error_of(None, &[(name, value)], Value::Null), expected, "{name}={value}");
    }
}

#[test]
fn a_value_and_a_section_of_the_same_name_contradict_each_other() {
    let env = [("SIGNALBOX_LISTEN", "80"), ("SIGNALBOX_LISTEN__PUBLIC", "80")];
    assert_eq!(
        error_of(None, &env, Value::Null),
        "SIGNALBOX_LISTEN__PUBLIC: contradicts the setting of SIGNALBOX_LISTEN: one has a value where the other has keys"
    );
    let error = error_of(Some("listen: 80\n"), &env[1..], Value::Null);
    assert!(error.contains("signalbox.yaml:1:1"), "{error}");
}

#[test]
fn a_bad_flag_is_named() {
    let flags = json!({"listen": {"public": 0}});
    assert_eq!(error_of(None, &[], flags), "--listen-public: `listen.public`: port 0 is no port");
}

#[test]
fn a_setting_that_must_be_there_is_named_with_its_path() {
    #[derive(Debug, Deserialize)]
    struct Needs {
        #[serde(rename = "inner")]
        _inner: Inner,
    }
    #[derive(Debug, Deserialize)]
    struct Inner {
        #[serde(rename = "key")]
        _key: String,
    }
    let error = load::<Needs>(None, std::iter::empty(), json!({})).expect_err("inner is missing");
    assert_eq!(error.to_string(), "the settings: the setting `inner` is missing");
    let error = load::<Needs>(None, std::iter::empty(), json!({"inner": {}})).expect_err("key is missing");
    assert_eq!(error.to_string(), "--inner: the setting `inner.key` is missing");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = load::<Settings>(Some(Path::new("/nowhere/signalbox.yaml")), std::iter::empty(), Value::Null)
        .expect_err("there is no such file");
    assert_eq!(error.to_string(), "cannot read the settings file /nowhere/signalbox.yaml");
    assert!(std::error::Error::source(&error).is_some());
}

/// On the stack of any thread, where 64 levels are too many for an unoptimised program.
#[test]
fn settings_that_are_nested_without_end_are_refused_and_end_no_process() {
    let error = error_of(Some(&"a: [".repeat(10_000)), &[], Value::Null);
    assert!(error.contains("not valid YAML"), "{error}");
    let name = format!("SIGNALBOX_{}A", "A__".repeat(20_000));
    let error = error_of(None, &[(&name, "1")], Value::Null);
    assert!(error.ends_with("there is no setting that lies more than 16 levels deep"), "{error}");
    let deep = "[".repeat(10_000);
    assert!(error_of(None, &[("SIGNALBOX_VERBOSE", &deep)], Value::Null).contains("SIGNALBOX_VERBOSE"));
}
