//! Two whole programs on one NATS server: one of them acts, the other takes over when it is killed, and what people are
//! told comes once and in the order in which it happened.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use tests::fixtures::PUSH;
use tests::nats::Nats;
use tests::signalbox::Signalbox;
use tests::world::SECRET;
use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_mins(1);
/// What a fail-over may take.
const FAILOVER: Duration = Duration::from_secs(15);
const DELIVERIES: usize = 60;
/// The active program is killed when so many messages have arrived.
const KILLED_AFTER: usize = 20;

/// What arrived: the key of each message, and the delivery that it is about.
type Arrived = Arc<Mutex<Vec<(String, String)>>>;

/// An endpoint that takes messages and can be asked whether it has one.
async fn endpoint(arrived: Arrived) -> anyhow::Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let router =
        axum::Router::new().route("/take", post(take)).route("/ask/{key}", get(ask)).with_state(arrived);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

async fn take(State(arrived): State<Arrived>, headers: HeaderMap, body: String) -> StatusCode {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default();
    let message: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    let about = message["correlationid"].as_str().unwrap_or_default();
    arrived.lock().unwrap().push((key.to_owned(), about.to_owned()));
    StatusCode::OK
}

async fn ask(State(arrived): State<Arrived>, Path(key): Path<String>) -> StatusCode {
    let known = arrived.lock().unwrap().iter().any(|(taken, _)| *taken == key);
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
    let address = endpoint(arrived.clone()).await?;
    let dir = folder.path();
    std::fs::write(dir.join("secret"), SECRET)?;
    std::fs::write(dir.join("url"), format!("http://{address}/take"))?;
    std::fs::write(dir.join("ask"), format!("http://{address}/ask/{{id}}"))?;
    let resources = resources(dir);
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
    let about: Vec<String> = arrived.lock().unwrap().iter().map(|(_, about)| about.clone()).collect();
    let wanted: Vec<String> = (0..DELIVERIES).map(|at| format!("d{at:03}")).collect();
    assert_eq!(about, wanted);
    Ok(())
}
