//! Two whole programs on one NATS server: one of them acts, the other takes over when it is killed, and what people are
//! told comes once and in the order in which it happened.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use rustix::process::Signal;
use tests::fixtures::PUSH;
use tests::nats::Nats;
use tests::signalbox::Signalbox;
use tests::world::SECRET;
use tokio::sync::Notify;
use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_mins(1);
/// What a fail-over may take.
const FAILOVER: Duration = Duration::from_secs(15);
const DELIVERIES: usize = 60;
/// The active program is killed when so many messages have arrived.
const KILLED_AFTER: usize = 20;

/// What arrived: the key of each message, and the delivery that it is about.
type Arrived = Arc<Mutex<Vec<(String, String)>>>;

/// The answer to this message waits until it is let go.
#[derive(Clone)]
struct Held {
    message: usize,
    go: Arc<Notify>,
}

/// What the endpoint knows.
#[derive(Clone)]
struct Endpoint {
    arrived: Arrived,
    held: Option<Held>,
}

/// An endpoint that takes messages and can be asked whether it has one.
async fn endpoint(arrived: Arrived, held: Option<Held>) -> anyhow::Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let router = axum::Router::new().route("/take", post(take)).route("/ask/{key}", get(ask));
    let router = router.with_state(Endpoint { arrived, held });
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

async fn take(State(endpoint): State<Endpoint>, headers: HeaderMap, body: String) -> StatusCode {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default();
    let message: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    let about = message["correlationid"].as_str().unwrap_or_default();
    let count = {
        let mut arrived = endpoint.arrived.lock().unwrap();
        arrived.push((key.to_owned(), about.to_owned()));
        arrived.len()
    };
    if let Some(Held { message, go }) = &endpoint.held
        && *message == count
    {
        go.notified().await;
    }
    StatusCode::OK
}

async fn ask(State(endpoint): State<Endpoint>, Path(key): Path<String>) -> StatusCode {
    let known = endpoint.arrived.lock().unwrap().iter().any(|(taken, _)| *taken == key);
    if known { StatusCode::OK } else { StatusCode::NOT_FOUND }
}

fn resources(dir: &std::path::Path) -> String {
    format!(
        "apiVersion: signalbox.dev/v1alpha1\nkind: Source\nmetadata: {{name: github}}\nspec: {{github: {{secrets: \
         [{{file: {}}}]}}}}\n---\napiVersion: signalbox.dev/v1alpha1\nkind: Channel\nmetadata: {{name: team}}\nspec: \
         {{webhook: {{url: {{file: {}}}, ask: {{file: {}}}}}}}\n---\napiVersion: \
         signalbox.dev/v1alpha1\nkind: Automation\nmetadata: {{name: tell}}\nspec:\n  on: [{{type: \
         com.github.push}}]\n  do: [{{notify: {{channel: team, text: pushed}}}}]\n",
        dir.join("secret").display(),
        dir.join("url").display(),
        dir.join("ask").display()
    )
}

/// Writes the secrets that the resources name; returns the resources.
fn prepare(dir: &std::path::Path, address: &str) -> anyhow::Result<String> {
    std::fs::write(dir.join("secret"), SECRET)?;
    std::fs::write(dir.join("url"), format!("http://{address}/take"))?;
    std::fs::write(dir.join("ask"), format!("http://{address}/ask/{{id}}"))?;
    Ok(resources(dir))
}

/// Which deliveries the messages are about, in their order.
fn about(arrived: &Arrived) -> Vec<String> {
    arrived.lock().unwrap().iter().map(|(_, about)| about.clone()).collect()
}

async fn count(arrived: &Arrived, wanted: usize) -> anyhow::Result<()> {
    tests::eventually(PATIENCE, "the messages arrive", async || {
        let arrived = arrived.lock().unwrap().len();
        anyhow::ensure!(arrived >= wanted, "{arrived} of {wanted} are there");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_program_takes_over_and_everything_is_told_once_and_in_order() -> anyhow::Result<()> {
    let (folder, nats, arrived) = (tempfile::tempdir()?, Nats::start().await?, Arrived::default());
    let resources = prepare(folder.path(), &endpoint(arrived.clone(), None).await?)?;
    let (mut one, mut two) =
        (Signalbox::new(&resources, Some(nats.url()))?, Signalbox::new(&resources, Some(nats.url()))?);
    one.serve().await?;
    // It has the leases before the other asks for them.
    one.deliver(SECRET, "push", "d000", PUSH).await?;
    count(&arrived, 1).await?;
    two.serve().await?;

    let mut killed = None;
    for at in 1..DELIVERIES {
        // Any gateway will do: they all run.
        let (status, text) = two.deliver(SECRET, "push", &format!("d{at:03}"), PUSH).await?;
        assert_eq!(status, 202, "{text}");
        if at == KILLED_AFTER {
            count(&arrived, at / 2).await?;
            one.process()?.kill9()?;
            killed = Some((Instant::now(), arrived.lock().unwrap().len()));
        }
    }
    let (killed, before) = killed.expect("it was killed on the way");
    count(&arrived, before + 1).await?;
    let took = killed.elapsed();
    println!("another program took over after {took:?}");
    assert!(took < FAILOVER, "{took:?}");
    count(&arrived, DELIVERIES).await?;
    let wanted: Vec<String> = (0..DELIVERIES).map(|at| format!("d{at:03}")).collect();
    assert_eq!(about(&arrived), wanted);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_was_frozen_does_nothing_twice_and_nothing_late() -> anyhow::Result<()> {
    const BURST: usize = 30;
    const LATER: usize = 10;
    const AT_LAST: usize = 5;
    let (folder, nats, arrived) = (tempfile::tempdir()?, Nats::start().await?, Arrived::default());
    // It is frozen in the middle of an effect, with those behind it pulled already.
    let held = Held { message: BURST / 3, go: Arc::new(Notify::new()) };
    let resources = prepare(folder.path(), &endpoint(arrived.clone(), Some(held.clone())).await?)?;
    let (mut one, mut two) =
        (Signalbox::new(&resources, Some(nats.url()))?, Signalbox::new(&resources, Some(nats.url()))?);
    one.serve().await?;
    one.deliver(SECRET, "push", "d000", PUSH).await?;
    count(&arrived, 1).await?;
    two.serve().await?;
    let deliver = async |by: &Signalbox, from: usize, to: usize| {
        for at in from..to {
            let (status, text) = by.deliver(SECRET, "push", &format!("d{at:03}"), PUSH).await?;
            assert_eq!(status, 202, "{text}");
        }
        anyhow::Ok(())
    };
    deliver(&two, 1, BURST).await?;
    count(&arrived, held.message).await?;

    one.process()?.signal(Signal::STOP)?;
    let frozen = Instant::now();
    assert_eq!(arrived.lock().unwrap().len(), held.message, "it goes on although it is frozen");
    held.go.notify_one();
    count(&arrived, held.message + 1).await?;
    let took = frozen.elapsed();
    println!("another program took over from a frozen one after {took:?}");
    assert!(took < FAILOVER, "{took:?}");
    count(&arrived, BURST).await?;

    one.process()?.signal(Signal::CONT)?;
    // It finds out, for each of its handlers.
    for handler in ["automator", "notifier"] {
        let lost = |line: &str| (line.contains("the lease is lost") && line.contains(handler)).then_some(());
        one.process()?.said(PATIENCE, lost).await?;
    }
    deliver(&two, BURST, BURST + LATER).await?;
    count(&arrived, BURST + LATER).await?;
    // And it is as good as any other when it is its turn again.
    two.process()?.kill9()?;
    deliver(&one, BURST + LATER, BURST + LATER + AT_LAST).await?;
    count(&arrived, BURST + LATER + AT_LAST).await?;
    let wanted: Vec<String> = (0..BURST + LATER + AT_LAST).map(|at| format!("d{at:03}")).collect();
    assert_eq!(about(&arrived), wanted);
    Ok(())
}
