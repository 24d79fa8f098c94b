//! The program as a whole: exit codes, streams, signals.

#![expect(clippy::disallowed_methods, reason = "a test plays the world")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

fn signalbox(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    // Nothing of the environment of whoever runs the tests is a setting.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SIGNALBOX_") {
            command.env_remove(name);
        }
    }
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    signalbox(folder, arguments).output().expect("the program can be started")
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temp folder can be made")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A running server; killed when the test ends early.
struct Serving {
    child: Child,
    log: BufReader<std::process::ChildStdout>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut child =
            signalbox(folder, arguments).stdout(Stdio::piped()).spawn().expect("the program can be started");
        let log = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, log }
    }

    /// The next line of the log with this message.
    fn line(&mut self, message: &str) -> Value {
        let lines = self.log.by_ref().lines().map(|line| line.expect("the log is text"));
        let mut lines = lines.map(|line| serde_json::from_str::<Value>(&line).expect("each line is JSON"));
        lines.find(|line| line["message"] == message).expect("the log has a line with this message")
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().expect("kill is there");
        assert!(sent.success());
    }
}

#[test]
fn a_wrong_command_line_exits_with_2_and_help_with_0() {
    let folder = folder();
    let wrong = run(folder.path(), &["sevre"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(wrong.stdout.is_empty());
    assert!(text(&wrong.stderr).contains("'serve'"), "{}", text(&wrong.stderr));
    assert_eq!(run(folder.path(), &["--help"]).status.code(), Some(0));
    let version = run(folder.path(), &["version"]);
    assert!(text(&version.stdout).starts_with("signalbox 0."), "{}", text(&version.stdout));
}

#[test]
fn wrong_settings_exit_with_2_and_name_the_place() {
    let folder = folder();
    std::fs::write(folder.path().join("signalbox.yaml"), "listen: {publik: ':80'}\n")
        .expect("it takes a file");
    let output = run(folder.path(), &["serve"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert_eq!(
        said,
        "error: signalbox.yaml:1:10: there is no setting `listen.publik`; did you mean `public`?\n"
    );
    let output = signalbox(folder.path(), &["serve"])
        .env("SIGNALBOX_DRAIN_TIMEOUT", "soon")
        .env("SIGNALBOX_SETTINGS", "/dev/null")
        .output()
        .expect("the program can be started");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).starts_with("error: SIGNALBOX_DRAIN_TIMEOUT: "), "{}", text(&output.stderr));
}

#[test]
fn check_says_what_is_wrong_and_exits_with_1() {
    let folder = folder();
    std::fs::write(
        folder.path().join("a.yaml"),
        "apiVersion: signalbox.dev/v1alpha1\nkind: Sauce\nmetadata: {name: a}\nspec: {}\n",
    )
    .expect("it takes a file");
    let output = run(folder.path(), &["check", "."]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(said.contains("a.yaml:2:7: error: ") && said.ends_with("not ok; 1 error\n"), "{said}");
    assert!(output.stderr.is_empty());

    std::fs::write(folder.path().join("a.yaml"), "").expect("it takes a file");
    let output = run(folder.path(), &["check", "."]);
    let said = "warning: . declares nothing: resources are read from *.yaml and *.yml\n\
                ok: 0 sources, 0 apps, 0 automations, 0 channels\n";
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(0), said));
    assert_eq!(run(folder.path(), &["check", "nowhere"]).status.code(), Some(1));
}

#[test]
fn completions_are_made_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(folder().path(), &["completions", shell]);
        assert!(output.status.success(), "{shell}");
        assert!(text(&output.stdout).contains("redrive"), "{shell}");
    }
}

#[test]
fn a_closed_pipe_is_no_error_and_no_panic() {
    let folder = folder();
    let mut child = signalbox(folder.path(), &["completions", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
}

#[test]
fn serve_says_where_it_listens_and_ends_with_0_on_sigterm() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("config")).expect("it takes a folder");
    let free = "127.0.0.1:0";
    let mut serving =
        Serving::start(folder.path(), &["serve", "--listen-public", free, "--listen-private", free]);
    for listener in ["public", "private"] {
        let line = serving.line("listening");
        let known = line["listener"] == "public" || line["listener"] == "private";
        assert!(known, "{listener}: {line}");
        let address = line["address"].as_str().expect("it says where");
        TcpStream::connect(address).expect("it listens there");
    }
    serving.signal("TERM");
    serving.line("drained");
    assert_eq!(serving.child.wait().expect("it ends").code(), Some(0));
}

/// Posts an alert to the Source `alerts`, by hand.
fn post_alert(address: &str) {
    let body = include_str!("../demo/deliveries/alert.json").replace("@NOW@", "2026-01-31T12:00:00Z");
    let mut connection = TcpStream::connect(address).expect("it listens");
    let head =
        "POST /hooks/alerts HTTP/1.1\r\nHost: s\r\nConnection: close\r\nContent-Type: application/json";
    write!(
        connection,
        "{head}\r\nAuthorization: Bearer secret\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("it takes a request");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
}

#[test]
fn tail_finds_the_server_and_ends_quietly_when_nobody_reads_any_more() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("config")).expect("it takes a folder");
    std::fs::write(folder.path().join("token"), "secret").expect("it takes a file");
    let source = "apiVersion: signalbox.dev/v1alpha1\nkind: Source\nmetadata: {name: alerts}\n\
                  spec: {alertmanager: {tokens: [{file: token}]}}\n";
    std::fs::write(folder.path().join("config/a.yaml"), source).expect("it takes a file");
    let free = "127.0.0.1:0";
    let mut serving =
        Serving::start(folder.path(), &["serve", "--listen-public", free, "--listen-private", free]);
    let public = loop {
        let line = serving.line("listening");
        if line["listener"] == "public" {
            break line["address"].as_str().expect("it says where").to_owned();
        }
    };
    post_alert(&public);
    let mut tail = signalbox(folder.path(), &["events", "tail", "--since", "all", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    let mut first = String::new();
    BufReader::new(tail.stdout.take().expect("it is piped")).read_line(&mut first).expect("it prints text");
    let event: Value = serde_json::from_str(&first).expect("a line is an event");
    assert_eq!(event["type"], "io.prometheus.alert.firing.v1");
    // The reader is gone now, and no further event comes.
    let output = tail.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
}

#[test]
fn asking_where_there_is_no_bus_exits_with_3() {
    let folder = folder();
    for question in [&["events", "tail"][..], &["events", "show", "x"], &["dead", "list"]] {
        let output = run(folder.path(), question);
        assert_eq!(output.status.code(), Some(3), "{question:?}");
        assert_eq!(
            text(&output.stderr),
            "error: there is no bus in data: name its folder with --bus embedded:DIR\n"
        );
    }
}

#[test]
fn the_demo_tells_the_whole_story() {
    let folder = folder();
    let output = run(folder.path(), &["demo"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}\n{}", text(&output.stderr));
    for expected in [
        "202",
        "\"duplicate\":true",
        "401",
        "+  tag: \"4c1f9a0\"",
        "is in dev",
        "KubePersistentVolumeFillingUp",
        "deploy.succeeded",
    ] {
        assert!(said.contains(expected), "no {expected} in:\n{said}");
    }
    assert!(!said.contains('\u{1b}'), "no colours where nobody looks");
    assert_eq!(
        std::fs::read_dir(folder.path()).expect("it is a folder").count(),
        0,
        "it leaves nothing behind"
    );
}

#[test]
fn a_kept_demo_stays_until_it_is_interrupted_and_takes_its_folder_along() {
    let folder = folder();
    let mut demo = signalbox(folder.path(), &["demo", "--keep"])
        .env("TMPDIR", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    let said = BufReader::new(demo.stdout.take().expect("it is piped"));
    let mut said = said.lines().map(|line| line.expect("it prints text"));
    let invited = said.any(|line| line.starts_with("It stays, until Ctrl-C"));
    assert!(invited, "the demo ended by itself: {:?}", demo.wait());
    // Its last line.
    assert!(said.any(|line| line.contains("X-Hub-Signature-256")));
    assert!(demo.try_wait().expect("it can be asked").is_none(), "it stays");
    let pid = demo.id().to_string();
    assert!(Command::new("kill").args(["-s", "INT", &pid]).status().expect("kill is there").success());
    assert_eq!(demo.wait().expect("it ends").code(), Some(0));
    assert_eq!(std::fs::read_dir(folder.path()).expect("it is a folder").count(), 0, "its folder is gone");
}

#[test]
fn the_demo_without_git_says_what_is_missing() {
    let folder = folder();
    let output =
        signalbox(folder.path(), &["demo"]).env("PATH", "/nowhere").output().expect("it can be started");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).starts_with("error: there is no `git` on the PATH"),
        "{}",
        text(&output.stderr)
    );
}
