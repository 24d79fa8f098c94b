use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use chassis::{BusUrl, Shutdown};
use reqwest::StatusCode;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Server;
use crate::duration::Span;
use crate::exit::{Exit, Stop};
use crate::settings::{Bus, Settings};

pub(crate) const TOKEN: &str = "a-token-of-the-test";

/// A folder with one Source, and settings that use it.
pub(crate) fn place(resources: &str) -> (TempDir, Settings) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().expect("a temp folder can be made");
    let config = folder.path().join("config");
    std::fs::create_dir(&config).expect("it takes a folder");
    std::fs::write(folder.path().join("token"), TOKEN).expect("it takes a file");
    let text = resources.replace("@FOLDER@", &folder.path().display().to_string());
    std::fs::write(config.join("all.yaml"), text).expect("it takes a file");
    let mut settings = settings_for(&folder.path().join("bus"));
    settings.config = config;
    (folder, settings)
}

fn settings_for(bus: &Path) -> Settings {
    let free = "127.0.0.1:0".parse().expect("it is an address");
    let mut settings = Settings { bus: Bus(BusUrl::Embedded(bus.to_owned())), ..Settings::default() };
    settings.listen.public = free;
    settings.listen.private = free;
    settings
}

pub(crate) const SOURCE: &str = "
apiVersion: signalbox.dev/v1alpha1
kind: Source
metadata: {name: alerts}
spec: {alertmanager: {tokens: [{file: '@FOLDER@/token'}]}}
";

pub(crate) async fn start(settings: Settings) -> (Server, Shutdown, SocketAddr) {
    let shutdown = Shutdown::new();
    let server = Server::start(settings, shutdown.clone()).await.expect("nothing is wrong");
    let public = server.public().expect("the gateway runs");
    (server, shutdown, public)
}

async fn refused(settings: Settings) -> (Exit, String) {
    match Server::start(settings, Shutdown::new()).await {
        Ok(_) => panic!("it should not start"),
        Err(Stop::ClosedPipe) => panic!("nothing was written"),
        Err(Stop::Error(exit, error)) => (exit, format!("{error:#}")),
    }
}

async fn status(url: String) -> StatusCode {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client can be made");
    client.get(url).send().await.expect("it answers").status()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_listener_answers_what_belongs_to_it_and_nothing_else() {
    let (_folder, settings) = place(SOURCE);
    let (server, shutdown, public) = start(settings).await;
    let private = server.private();
    assert_eq!(status(format!("http://{private}/healthz")).await, StatusCode::OK);
    assert_eq!(status(format!("http://{private}/readyz")).await, StatusCode::OK);
    assert_eq!(status(format!("http://{private}/metrics")).await, StatusCode::OK);
    assert_eq!(status(format!("http://{private}/hooks/alerts")).await, StatusCode::NOT_FOUND);
    for path in ["metrics", "readyz", "api/v1/events"] {
        assert_eq!(status(format!("http://{public}/{path}")).await, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(status(format!("http://{public}/hooks/alerts")).await, StatusCode::METHOD_NOT_ALLOWED);
    shutdown.trigger();
    assert_eq!(server.until_end().await.expect("it drains"), Exit::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_begun_is_answered_before_the_end() {
    let (_folder, settings) = place(SOURCE);
    let (server, shutdown, public) = start(settings).await;
    let bus = server.bus().clone();
    let body = include_str!("../../demo/deliveries/alert.json").replace("@NOW@", "2026-01-31T12:00:00Z");
    let mut connection = TcpStream::connect(public).await.expect("it listens");
    let head = format!(
        "POST /hooks/alerts HTTP/1.1\r\nHost: signalbox\r\nContent-Type: application/json\r\n\
         Authorization: Bearer {TOKEN}\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).await.expect("it takes the head");
    // It reads the body from here on: the request has begun.
    let mut answer = vec![0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    connection.read_exact(&mut answer).await.expect("it asks for the body");

    shutdown.trigger();
    let ending = tokio::spawn(server.until_end());
    connection.write_all(body.as_bytes()).await.expect("it takes the body");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.expect("it answers and closes");
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    assert_eq!(ending.await.expect("no panic").expect("it drains"), Exit::Done);
    assert!(TcpStream::connect(public).await.is_err(), "nobody is let in any more");
    drop(bus);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_is_there_after_a_restart() {
    let (_folder, settings) = place(SOURCE);
    let (server, shutdown, public) = start(settings.clone()).await;
    let client = reqwest::Client::builder().no_proxy().build().expect("a client can be made");
    let body = include_str!("../../demo/deliveries/alert.json").replace("@NOW@", "2026-01-31T12:00:00Z");
    let post = |to: SocketAddr| {
        let request = client.post(format!("http://{to}/hooks/alerts")).bearer_auth(TOKEN);
        request.header("Content-Type", "application/json").body(body.clone()).send()
    };
    let first = post(public).await.expect("it answers").text().await.expect("it says what it did");
    assert!(first.contains(r#""duplicates":0"#), "{first}");
    shutdown.trigger();
    server.until_end().await.expect("it drains");

    let (server, shutdown, public) = start(settings).await;
    let again = post(public).await.expect("it answers").text().await.expect("it says what it did");
    assert!(again.contains(r#""duplicates":1"#), "{again}");
    shutdown.trigger();
    server.until_end().await.expect("it drains");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_finds_the_address_while_it_runs() {
    let (folder, settings) = place(SOURCE);
    let (server, shutdown, _) = start(settings).await;
    let file = folder.path().join("bus/console.address");
    let written = std::fs::read_to_string(&file).expect("the address is there");
    assert_eq!(written.trim(), format!("http://{}", server.private()));
    shutdown.trigger();
    server.until_end().await.expect("it drains");
    assert!(!file.exists(), "nobody is there any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_folder_that_is_in_use_is_refused_with_its_own_code() {
    let (_folder, settings) = place(SOURCE);
    let (server, shutdown, _) = start(settings.clone()).await;
    let (exit, error) = refused(settings).await;
    assert_eq!(exit, Exit::Unreachable);
    assert!(error.contains("one process at a time can have an embedded bus"), "{error}");
    shutdown.trigger();
    server.until_end().await.expect("it drains");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_named_with_its_setting_and_the_bus_is_free_again() {
    let (_folder, mut settings) = place(SOURCE);
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = taken.local_addr().expect("it has an address");
    let free = settings.listen.public;
    settings.listen.public = crate::settings::Address(address);
    let (exit, error) = refused(settings.clone()).await;
    assert_eq!(exit, Exit::Failed);
    assert!(error.starts_with(&format!("cannot listen on {address} (listen.public)")), "{error}");
    settings.listen.public = free;
    let (server, shutdown, _) = start(settings).await;
    shutdown.trigger();
    server.until_end().await.expect("it drains");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_resources_are_refused_with_their_place() {
    let (_folder, settings) = place("kind: Sauce\n");
    let (exit, error) = refused(settings).await;
    assert_eq!(exit, Exit::Usage);
    assert!(error.contains("all.yaml:1:"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watcher_alone_needs_a_cluster() {
    let (_folder, mut settings) = place(SOURCE);
    let only = [("SIGNALBOX_ONLY".to_owned(), "watcher".to_owned())];
    settings.only =
        Settings::load(None, only.into_iter(), serde_json::Value::Null).expect("it is right").only;
    let (exit, error) = refused(settings).await;
    assert_eq!(exit, Exit::Usage);
    assert!(error.starts_with("the watcher needs a cluster: set kubernetes.kubeconfig"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_end_in_time_is_cut_off() {
    let (_folder, mut settings) = place(SOURCE);
    settings.drain_timeout = Span(Duration::from_millis(200));
    let (server, shutdown, public) = start(settings).await;
    let mut connection = TcpStream::connect(public).await.expect("it listens");
    let head = format!(
        "POST /hooks/alerts HTTP/1.1\r\nHost: signalbox\r\nContent-Type: application/json\r\n\
         Authorization: Bearer {TOKEN}\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.expect("it takes the head");
    let mut answer = vec![0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    connection.read_exact(&mut answer).await.expect("it asks for the body");

    let begun = Instant::now();
    shutdown.trigger();
    assert_eq!(server.until_end().await.expect("it ends"), Exit::Done);
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_millis(200), "it gave the request its time: {waited:?}");
    // The gateway itself would wait 10 s for the body.
    assert!(waited < Duration::from_secs(8), "it did not wait for the sender: {waited:?}");
}
