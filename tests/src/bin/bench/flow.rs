//! The whole way: from a webhook over the automator and the notifier to an endpoint, at steady rates and as fast as it goes.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use serde_json::Value;
use tests::eventually;
use tests::http1::Connection;
use tests::nats::Nats;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::server::{Server, push};
use super::stage::Ground;
use super::times::{at, millis, per_second};

/// Channels, each with its rule: messages to one channel are sent one after another.
const CHANNELS: usize = 64;
/// How long each rate is held.
const MEASURED: Duration = Duration::from_secs(10);
/// Deliveries in a second.
const RATES: [u32; 2] = [100, 1_000];
/// Deliveries on their way at once when it is to go as fast as it goes.
const AT_ONCE: usize = 256;
const CONNECTIONS: usize = 16;
const PATIENCE: Duration = Duration::from_mins(2);

/// What arrived, and when it was sent.
#[derive(Default)]
struct Seen {
    sent: HashMap<String, Instant>,
    took: Vec<Duration>,
    room: Option<Arc<Semaphore>>,
}

type Shared = Arc<Mutex<Seen>>;

fn lock(seen: &Shared) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

pub async fn run() -> anyhow::Result<()> {
    println!("\n| webhook to effect | rate | effects | p50 | p99 |\n|---|---|---|---|---|");
    for ground in Ground::all() {
        let (folder, nats) = (ground.folder()?, ground.nats().await?);
        let (seen, url) = endpoint().await?;
        std::fs::write(folder.path().join("url"), url)?;
        let resources = resources(&folder.path().join("url").display().to_string());
        let server = start(&folder, nats.as_ref(), &resources).await?;
        for rate in RATES.into_iter().map(Some).chain([None]) {
            let (count, took) = drive(&server, &seen, rate).await?;
            let mut times = std::mem::take(&mut lock(&seen).took);
            let name = rate.map_or_else(|| format!("{AT_ONCE} at once"), |rate| format!("{rate}/s"));
            println!(
                "| {} | {name} | {:.0}/s | {:.2} ms | {:.2} ms |",
                ground.name(),
                per_second(count, took),
                millis(at(&mut times, 500)),
                millis(at(&mut times, 990))
            );
        }
    }
    Ok(())
}

async fn start(folder: &tempfile::TempDir, nats: Option<&Nats>, resources: &str) -> anyhow::Result<Server> {
    Server::start(folder, nats, resources).await
}

/// Takes every message, and notes how long it was on its way.
async fn endpoint() -> anyhow::Result<(Shared, String)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/take", listener.local_addr()?);
    let seen = Shared::default();
    let router = axum::Router::new().fallback(take).with_state(seen.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((seen, url))
}

async fn take(State(seen): State<Shared>, Json(message): Json<Value>) {
    let mut seen = lock(&seen);
    let id = message["correlationid"].as_str().unwrap_or_default();
    if let Some(sent) = seen.sent.remove(id) {
        seen.took.push(sent.elapsed());
        if let Some(room) = &seen.room {
            room.add_permits(1);
        }
    }
}

fn resources(url: &str) -> String {
    let mut text = String::new();
    for channel in 0..CHANNELS {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "---\napiVersion: signalbox.dev/v1alpha1\nkind: Channel\nmetadata: {{name: c{channel}}}\n\
             spec: {{webhook: {{url: {{file: {url}}}}}}}\n\
             ---\napiVersion: signalbox.dev/v1alpha1\nkind: Automation\nmetadata: {{name: tell-c{channel}}}\n\
             spec:\n  on: [{{type: com.github.push, source: '*/bench/r{channel}'}}]\n  \
             do: [{{notify: {{channel: c{channel}, text: hello}}}}]\n"
        );
    }
    text
}

/// Sends at a rate, or as fast as effects happen; returns how many effects there were in which time.
async fn drive(server: &Server, seen: &Shared, rate: Option<u32>) -> anyhow::Result<(usize, Duration)> {
    let room = Arc::new(Semaphore::new(if rate.is_some() { 0 } else { AT_ONCE }));
    lock(seen).room = rate.is_none().then(|| room.clone());
    let begun = Instant::now();
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..CONNECTIONS {
        let (seen, room, address) = (seen.clone(), room.clone(), server.public.clone());
        senders.spawn(async move {
            let mut connection = Connection::open(&address).await?;
            for index in (sender..).step_by(CONNECTIONS) {
                match rate {
                    // By the clock, not by the answers: what is slow does not make the load smaller.
                    Some(rate) => {
                        let at = begun + Duration::from_secs(1) * u32::try_from(index)? / rate;
                        tokio::time::sleep_until(at.into()).await;
                    }
                    None => room.acquire().await?.forget(),
                }
                if begun.elapsed() >= MEASURED {
                    return anyhow::Ok(());
                }
                let id = format!("{}-{index}", rate.unwrap_or_default());
                let bytes = push(&address, &id, &format!("bench/r{}", index % CHANNELS), "x")?;
                lock(&seen).sent.insert(id, Instant::now());
                let status = connection.exchange(&bytes).await?;
                anyhow::ensure!(status == 202, "answered {status}");
            }
            Ok(())
        });
    }
    let mut ended = false;
    eventually(PATIENCE + MEASURED, "every effect has happened", async || {
        while let Some(sender) = senders.try_join_next() {
            sender??;
        }
        ended |= senders.is_empty();
        let left = lock(seen).sent.len();
        anyhow::ensure!(ended && left == 0, "{left} are on their way");
        Ok(())
    })
    .await?;
    let took = begun.elapsed();
    lock(seen).room = None;
    Ok((lock(seen).took.len(), took))
}
