//! Accepted means kept: the program and the bus are killed at random instants while deliveries come in, and everything
//! that was answered with 202 is in the log, once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use chassis::{BusUrl, Engine, Position};
use events::Envelope;
use tests::fixtures::{PUSH, sign};
use tests::nats::Nats;
use tests::signalbox::{Signalbox, Start};
use tests::world::SECRET;

const ROUNDS: u64 = 6;
pub const SENDERS: usize = 4;
const PATIENCE: Duration = Duration::from_secs(30);

pub fn resources(dir: &std::path::Path) -> String {
    format!(
        "apiVersion: signalbox.dev/v1alpha1\nkind: Source\nmetadata: {{name: github}}\nspec: {{github: {{secrets: \
         [{{file: {}}}]}}}}\n",
        dir.join("secret").display()
    )
}

pub fn signalbox(secrets: &tempfile::TempDir, bus: Option<String>) -> anyhow::Result<Signalbox> {
    std::fs::write(secrets.path().join("secret"), SECRET)?;
    Signalbox::new(&resources(secrets.path()), bus)
}

/// Sends deliveries until the server is gone; returns the ids that were accepted.
pub async fn send(
    url: String,
    round: u64,
    next: Arc<AtomicU32>,
    stop: Arc<AtomicBool>,
) -> anyhow::Result<BTreeSet<String>> {
    let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
    let signature = sign(SECRET, PUSH);
    let mut accepted = BTreeSet::new();
    while !stop.load(Ordering::SeqCst) {
        let id = format!("{round}-{}", next.fetch_add(1, Ordering::SeqCst));
        let request = http
            .post(&url)
            .header("content-type", "application/json")
            .header("x-github-event", "push")
            .header("x-github-delivery", &id)
            .header("x-hub-signature-256", &signature)
            .body(PUSH);
        match request.send().await {
            Ok(answer) if answer.status() == 202 => {
                accepted.insert(id);
            }
            // Killed, or the bus is away: not accepted, so nothing is promised.
            Ok(answer) if answer.status() == 503 => {}
            Ok(answer) => anyhow::bail!("answered {}", answer.status()),
            Err(_) => {}
        }
    }
    Ok(accepted)
}

/// How often each id is in the log.
pub async fn logged(engine: &Engine) -> anyhow::Result<BTreeMap<String, u32>> {
    let (mut ids, mut from) = (BTreeMap::new(), Position(1));
    loop {
        let page = engine.bus.read(from, 500).await?;
        let Some(last) = page.last() else { return Ok(ids) };
        from = Position(last.position.0 + 1);
        for event in
            page.iter().flat_map(|recorded| &recorded.event).filter(|event| event.ty() == "com.github.push")
        {
            *ids.entry(Envelope::id(event).to_owned()).or_default() += 1;
        }
    }
}

/// A wait between 50 and 800 ms that differs from round to round and is the same in every run.
fn instant(seed: u64) -> Duration {
    let mixed = (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    Duration::from_millis(50 + mixed % 750)
}

async fn storm(signalbox: &mut Signalbox, mut nats: Option<&mut Nats>) -> anyhow::Result<BTreeSet<String>> {
    let mut accepted = BTreeSet::new();
    for round in 0..ROUNDS {
        signalbox.start(Start::default()).await?;
        signalbox.ready().await?;
        let (next, stop) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
        let mut senders = tokio::task::JoinSet::new();
        for _ in 0..SENDERS {
            senders.spawn(send(signalbox.hook("github"), round, next.clone(), stop.clone()));
        }
        // The kill must come at an instant that nothing waits for.
        tokio::time::sleep(instant(round)).await;
        match &mut nats {
            Some(nats) if round % 2 == 1 => {
                nats.kill9()?;
                tokio::time::sleep(instant(round + 100)).await;
                nats.resume().await?;
                signalbox.ready().await?;
                tokio::time::sleep(instant(round + 200)).await;
                signalbox.process()?.kill9()?;
            }
            _ => signalbox.process()?.kill9()?,
        }
        stop.store(true, Ordering::SeqCst);
        while let Some(sender) = senders.join_next().await {
            accepted.extend(sender??);
        }
    }
    Ok(accepted)
}

pub fn account(accepted: &BTreeSet<String>, logged: &BTreeMap<String, u32>) {
    let lost: Vec<_> = accepted.iter().filter(|id| !logged.contains_key(*id)).collect();
    let doubled: Vec<_> = logged.iter().filter(|(_, times)| **times > 1).collect();
    println!(
        "accepted {}, logged {}, lost {}, doubled {}",
        accepted.len(),
        logged.len(),
        lost.len(),
        doubled.len()
    );
    assert!(accepted.len() > 50, "only {} were accepted: this proves nothing", accepted.len());
    assert_eq!((lost, doubled), (Vec::new(), Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_accepted_is_lost_when_the_program_is_killed_on_the_embedded_bus()
-> anyhow::Result<()> {
    let secrets = tempfile::tempdir()?;
    let mut signalbox = signalbox(&secrets, None)?;
    let accepted = storm(&mut signalbox, None).await?;
    let engine = Engine::open(&BusUrl::Embedded(signalbox.dir().join("bus"))).await?;
    account(&accepted, &logged(&engine).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_accepted_is_lost_when_the_program_or_nats_is_killed() -> anyhow::Result<()> {
    let (secrets, mut nats) = (tempfile::tempdir()?, Nats::start().await?);
    let mut signalbox = signalbox(&secrets, Some(nats.url()))?;
    let accepted = storm(&mut signalbox, Some(&mut nats)).await?;
    let engine = Engine::open(&nats.url().parse()?).await?;
    tests::eventually(PATIENCE, "the bus is there", async || Ok(engine.bus.check().await?)).await?;
    account(&accepted, &logged(&engine).await?);
    Ok(())
}
