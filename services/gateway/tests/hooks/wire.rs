//! The gateway behind a real socket.

use std::net::SocketAddr;
use std::process::Stdio;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use crate::world::{NOW, PUSH, SECRET, TOKEN, World, sign};

/// Serves the gateway on a port of its own.
pub async fn serve(world: &World) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, world.router.clone()).into_future());
    address
}

fn head(signature: &str, length: &str) -> String {
    format!(
        "POST /hooks/github HTTP/1.1\r\nHost: signalbox\r\nContent-Type: application/json\r\nX-GitHub-Event: push\r\n\
         X-GitHub-Delivery: d-1\r\nX-Hub-Signature-256: {signature}\r\n{length}\r\n\r\n"
    )
}

async fn status_line(connection: &mut TcpStream) -> String {
    let mut answer = [0; 15];
    connection.read_exact(&mut answer).await.unwrap();
    String::from_utf8(answer.to_vec()).unwrap()
}

#[tokio::test]
async fn thirty_megabytes_in_chunks_are_cut_off_on_the_wire() {
    let world = World::new().await;
    let mut connection = TcpStream::connect(serve(&world).await).await.unwrap();
    let signature = sign(SECRET, b"");
    connection.write_all(head(&signature, "Transfer-Encoding: chunked").as_bytes()).await.unwrap();
    let chunk = [b"100000\r\n".to_vec(), vec![b' '; 0x10_0000], b"\r\n".to_vec()].concat();
    let mut sent = 0;
    // The server closes the connection when it has had enough.
    while sent < 30 && connection.write_all(&chunk).await.is_ok() {
        sent += 1;
    }
    assert!(sent >= 25, "only {sent} MiB were taken");
    // Ends when the server has closed, in good order or not: unread bytes make it a reset.
    let _ = connection.read_to_end(&mut Vec::new()).await;
    assert!(
        world.counts(r#"signalbox_gateway_requests_total{answer="too_large",source_kind="github"} 1"#),
        "{}",
        world.metrics()
    );
    assert!(world.stored().await.is_empty());
}

#[tokio::test]
async fn a_too_large_announcement_is_answered_before_the_body_is_sent() {
    let world = World::new().await;
    let mut connection = TcpStream::connect(serve(&world).await).await.unwrap();
    let head = head(&sign(SECRET, b""), "Content-Length: 31457280");
    connection.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(status_line(&mut connection).await, "HTTP/1.1 413 Pa");
}

#[tokio::test]
async fn a_sender_that_waits_for_100_continue_gets_it_only_when_its_body_is_wanted() {
    let world = World::new().await;
    let address = serve(&world).await;
    let expect = format!("Content-Length: {}\r\nExpect: 100-continue", PUSH.len());
    let mut signed = TcpStream::connect(address).await.unwrap();
    signed.write_all(head(&sign(SECRET, PUSH.as_bytes()), &expect).as_bytes()).await.unwrap();
    assert_eq!(status_line(&mut signed).await, "HTTP/1.1 100 Co");
    let mut unsigned = TcpStream::connect(address).await.unwrap();
    unsigned.write_all(head("none", &expect).as_bytes()).await.unwrap();
    assert_eq!(status_line(&mut unsigned).await, "HTTP/1.1 401 Un");
}

#[tokio::test]
async fn a_delivery_that_is_under_way_at_shutdown_is_taken() {
    let world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server =
        axum::serve(listener, world.router.clone()).with_graceful_shutdown(async { stopped.await.unwrap() });
    let server = tokio::spawn(server.into_future());
    let mut connection = TcpStream::connect(address).await.unwrap();
    let length = format!("Content-Length: {}\r\nExpect: 100-continue", PUSH.len());
    connection.write_all(head(&sign(SECRET, PUSH.as_bytes()), &length).as_bytes()).await.unwrap();
    // Then the handler reads the body.
    assert_eq!(status_line(&mut connection).await, "HTTP/1.1 100 Co");
    stop.send(()).unwrap();
    connection.write_all(PUSH.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("HTTP/1.1 202 Accepted"), "{answer}");
    server.await.unwrap().unwrap();
    assert_eq!(world.stored().await.len(), 1);
}

/// The README of the crate, and that of the presets.
const README: &str = include_str!("../../README.md");
const OF_PRESETS: &str = include_str!("../../presets/README.md");

/// Runs the example of a document that posts to a hook against a gateway; `None` when a tool that it needs is not here.
async fn example(document: &str, hook: &str, world: &World) -> Option<String> {
    for tool in ["curl", "openssl", "sh"] {
        let found = Command::new("sh")
            .args(["-c", &format!("command -v {tool}")])
            .stdout(Stdio::null())
            .status()
            .await;
        if !found.is_ok_and(|status| status.success()) {
            crate::skipped(&format!("the example needs {tool}, which is not installed here"));
            return None;
        }
    }
    let blocks = document.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    // `/hooks/git` is not `/hooks/github`.
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
    let script =
        blocks.into_iter().find(|block| block.split(hook).skip(1).any(ends)).expect("it has an example");
    let script = script.replace("localhost:8080", &serve(world).await.to_string());
    let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/presets/samples/");
    let script = script.replace("/hooks/shop", "/hooks/events").replace("samples/", samples);
    let output = Command::new("sh")
        .args(["-eu", "-c", &script])
        .current_dir(world.folder.path())
        .env("SHOP_TOKEN", TOKEN)
        .env("ALERTMANAGER_TOKEN", TOKEN)
        .envs(SECRETS.map(|name| (name, SECRET)))
        .env("NOW", NOW.timestamp().to_string())
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8_lossy(&output.stdout).replace("}{", "}\n{"))
}

/// The variables in which the examples have their secrets.
const SECRETS: [&str; 11] = [
    "GITHUB_WEBHOOK_SECRET",
    "BUILDS_SECRET",
    "GITEA_SECRET",
    "GITLAB_TOKEN",
    "HUB_TOKEN",
    "ARGOCD_TOKEN",
    "GRAFANA_WEBHOOK_SECRET",
    "HARBOR_WEBHOOK_TOKEN",
    "HEALTHCHECKS_TOKEN",
    "SENTRY_CLIENT_SECRET",
    "UPTIME_KUMA_TOKEN",
];

#[tokio::test]
async fn the_example_of_the_readme_works() {
    let world = World::new().await;
    let Some(text) = example(README, "/hooks/github", &world).await else { return };
    assert!(text.contains(r#""duplicate":false"#), "{text}");
    let stored = world.stored().await;
    assert_eq!(stored.len(), 1);
    assert_eq!((stored[0].ty(), stored[0].source()), ("com.github.push", "https://github.com/acme/shop"));
}

#[tokio::test]
async fn the_examples_of_cloudevents_in_the_readme_say_what_it_says() {
    let world = World::new().await;
    let Some(text) = example(README, "/hooks/shop", &world).await else { return };
    let told = README
        .split("```text\n")
        .nth(2)
        .and_then(|rest| rest.split("```").next())
        .expect("it says what is answered");
    assert_eq!(text.trim(), told.trim());
    let stored = world.stored().await;
    assert_eq!(
        stored.iter().map(events::Envelope::id).collect::<Vec<_>>(),
        ["order-1", "order-2", "order-3"]
    );
    assert_eq!(stored[0].subject(), Some("Café #1"));
}

#[tokio::test]
async fn the_example_of_a_generic_source_in_the_readme_works() {
    let source = README.split("```yaml\n").find(|block| block.contains("name: builds")).expect("it is there");
    let world = World::declaring(source.split("```").next().expect("it ends")).await;
    let Some(text) = example(README, "/hooks/builds", &world).await else { return };
    assert_eq!(text, r#"{"id":"b-7/failed","type":"com.example.build.failed","duplicate":false}"#);
    assert_eq!(world.stored().await[0].subject(), Some("shop"));
}

#[tokio::test]
async fn the_examples_of_forges_and_registries_in_the_readme_work() {
    for (name, spec, ty) in [
        ("git", "gitea: {secrets: [{env: S}]}", "io.gitea.push"),
        ("gitlab", "gitlab: {tokens: [{env: S}]}", "com.gitlab.push"),
        ("argocd", "argocd: {tokens: [{env: S}]}", "io.argoproj.notification.received.v1"),
        ("hub", "registry: {dockerhub: {tokens: [{env: S}]}}", "io.signalbox.image.pushed.v1"),
    ] {
        let head = "apiVersion: signalbox.dev/v1alpha1\nkind: Source\n";
        let world = World::declaring(&format!("{head}metadata: {{name: {name}}}\nspec: {{{spec}}}\n")).await;
        if example(README, &format!("/hooks/{name}"), &world).await.is_none() {
            return;
        }
        let stored = world.stored().await;
        assert_eq!(stored.iter().map(events::Envelope::ty).collect::<Vec<_>>(), [ty]);
    }
}

#[tokio::test]
async fn the_example_of_alertmanager_in_the_readme_works() {
    let world = World::new().await;
    let Some(text) = example(README, "/hooks/alertmanager", &world).await else { return };
    assert!(text.contains(r#""duplicates":0"#), "{text}");
    let stored = world.stored().await;
    assert_eq!(
        stored.iter().map(events::Envelope::ty).collect::<Vec<_>>(),
        ["io.prometheus.alert.firing.v1"]
    );
}

#[tokio::test]
async fn the_example_of_every_preset_works() {
    let mut tried = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/presets")).unwrap() {
        let path = entry.unwrap().path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".yaml")) else {
            continue;
        };
        let world = World::declaring(&std::fs::read_to_string(&path).unwrap()).await;
        let Some(text) = example(OF_PRESETS, &format!("/hooks/{name}"), &world).await else { return };
        assert!(text.contains(r#""duplicate":false"#), "{name}: {text}");
        tried += 1;
    }
    assert_eq!(tried, 6);
}
