//! A full disk under the embedded bus: the program refuses, stays, and goes on when there is space again. Nothing that was
//! accepted is lost, and nothing is there twice.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::ensure;
use chassis::archive::Archive as _;
use chassis::embedded::{Embedded, Options};
use chassis::{Bucket, Bus as _, BusUrl, Engine, Expect, Store as _, StoreError, SystemClock};
use tests::fixtures::PUSH;
use tests::signalbox::{Signalbox, Start};
use tests::small_disk::SmallDisk;
use tests::world::SECRET;
use tokio::task::JoinSet;

use crate::crash::{SENDERS, account, logged, send, signalbox};

const PATIENCE: Duration = Duration::from_mins(1);
/// Enough for some 2,000 deliveries, which is not long.
const DISK_MIB: u32 = 32;
/// What is freed again.
const BALLAST_BYTES: usize = 12 * 1024 * 1024;

/// Deliveries one by one, each another: a known one is answered with 202 on a full disk, too.
#[derive(Default)]
struct Probes {
    sent: AtomicU32,
    accepted: Mutex<BTreeSet<String>>,
}

impl Probes {
    async fn post(&self, signalbox: &Signalbox) -> anyhow::Result<(u16, String)> {
        let id = format!("probe-{}", self.sent.fetch_add(1, Ordering::SeqCst));
        let (status, text) = signalbox.deliver(SECRET, "push", &id, PUSH).await?;
        if status == 202 {
            self.accepted.lock().unwrap().insert(id);
        }
        Ok((status, text))
    }
}

async fn readiness(signalbox: &Signalbox) -> anyhow::Result<(u16, String)> {
    let answer = reqwest::get(format!("http://{}/readyz", signalbox.private())).await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

/// How many deliveries the automator has settled well: none of them may end as a dead letter.
async fn settled(signalbox: &Signalbox) -> anyhow::Result<f64> {
    let text = reqwest::get(format!("http://{}/metrics", signalbox.private())).await?.text().await?;
    let of = |outcome: &str| -> f64 {
        let line = format!("signalbox_handled_total{{handler=\"automator\",outcome=\"{outcome}\"}} ");
        text.lines().filter_map(|said| said.strip_prefix(&line)?.parse::<f64>().ok()).sum()
    };
    ensure!(of("rejected") + of("undecodable") == 0.0, "it gave up: {text}");
    Ok(of("done") + of("ignored"))
}

/// Want of space is no fault of an event.
async fn nothing_was_given_up(engine: &Engine) -> anyhow::Result<()> {
    let letters = engine.store.scan(Bucket::DeadLetters, "").await?;
    ensure!(letters.is_empty(), "{} dead letters: {:?}", letters.len(), letters.first());
    Ok(())
}

/// Fills the disk under load, twice: until events are refused, and until not a byte is left. Then frees it.
async fn full_and_free_again(reserve: &str, why: &str) -> anyhow::Result<()> {
    let secrets = tempfile::tempdir()?;
    let mut signalbox = signalbox(&secrets, None)?;
    let Some(disk) = SmallDisk::mount(&signalbox.dir().join("bus"), DISK_MIB)? else { return Ok(()) };
    disk.ballast("ballast", BALLAST_BYTES)?;
    let environment = vec![("SIGNALBOX_EMBEDDED__RESERVE".to_owned(), reserve.to_owned())];
    signalbox.start(Start { environment, ..Start::default() }).await?;
    signalbox.ready().await?;
    let (mut accepted, probes) = (BTreeSet::new(), Probes::default());
    // Twice, so that what it does about it once does not keep it from doing it again.
    for round in 0..2 {
        let (next, stop) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
        let mut senders = JoinSet::new();
        for _ in 0..SENDERS {
            senders.spawn(send(signalbox.hook("github"), round, next.clone(), stop.clone()));
        }
        if round == 1 {
            disk.fill("filler")?;
        }
        tests::eventually(PATIENCE, "an event is refused for want of space", async || {
            let (status, text) = probes.post(&signalbox).await?;
            ensure!(status == 503, "{status}: {text}");
            let (status, text) = readiness(&signalbox).await?;
            ensure!(status == 503 && text.contains(why), "{status}: {text}");
            Ok(())
        })
        .await?;
        if round == 0 {
            disk.fill("filler")?;
        }
        let begun = next.load(Ordering::SeqCst);
        tests::eventually(PATIENCE, "many more were sent to the full disk", async || {
            let sent = next.load(Ordering::SeqCst) - begun;
            ensure!(sent > 200, "{sent}");
            Ok(())
        })
        .await?;
        disk.free("filler")?;
        if round == 0 {
            disk.free("ballast")?;
        }
        tests::eventually(PATIENCE, "an event is accepted again", async || {
            let (status, text) = probes.post(&signalbox).await?;
            ensure!(status == 202, "{status}: {text}");
            Ok(())
        })
        .await?;
        stop.store(true, Ordering::SeqCst);
        while let Some(sender) = senders.join_next().await {
            accepted.extend(sender??);
        }
        accepted.append(&mut probes.accepted.lock().unwrap());
        signalbox.ready().await?;
    }
    tests::eventually(PATIENCE, "nothing is stuck", async || {
        let (settled, accepted) = (settled(&signalbox).await?, f64::from(u32::try_from(accepted.len())?));
        ensure!(settled >= accepted, "{accepted} accepted, {settled} settled");
        Ok(())
    })
    .await?;
    let status = signalbox.process()?.terminate(PATIENCE).await?;
    assert!(status.success(), "it stayed until it was asked to end: {status}");
    // The last load may have filled it once more; to look at it takes room.
    disk.grow(DISK_MIB * 4)?;
    let engine = Engine::open(&BusUrl::Embedded(signalbox.dir().join("bus"))).await?;
    account(&accepted, &logged(&engine).await?);
    nothing_was_given_up(&engine).await?;
    engine.close().await;
    drop(disk);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_refused_before_it_is_full_and_taken_up_again() -> anyhow::Result<()> {
    full_and_free_again("4MiB", "must be: free some").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_to_the_last_byte_is_survived() -> anyhow::Result<()> {
    full_and_free_again("0B", "disk is full").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_on_a_full_disk_reads_refuses_and_goes_on_when_there_is_space() -> anyhow::Result<()> {
    let secrets = tempfile::tempdir()?;
    let mut signalbox = signalbox(&secrets, None)?;
    let Some(disk) = SmallDisk::mount(&signalbox.dir().join("bus"), DISK_MIB)? else { return Ok(()) };
    let start = || Start {
        environment: vec![("SIGNALBOX_EMBEDDED__RESERVE".to_owned(), "0B".to_owned())],
        ..Start::default()
    };
    signalbox.start(start()).await?;
    signalbox.ready().await?;
    let probes = Probes::default();
    for _ in 0..5 {
        assert_eq!(probes.post(&signalbox).await?.0, 202);
    }
    signalbox.process()?.terminate(PATIENCE).await?;
    disk.fill("filler")?;
    signalbox.start(start()).await?;
    let (status, text) = readiness(&signalbox).await?;
    assert!(status == 503 && text.contains("disk is full"), "{status}: {text}");
    let alive = reqwest::get(format!("http://{}/healthz", signalbox.private())).await?;
    assert_eq!(alive.status(), 200);
    let (status, text) = probes.post(&signalbox).await?;
    assert_eq!(status, 503, "{text}");
    let token = std::fs::read_to_string(signalbox.dir().join("bus").join("api-token"))?;
    let events = format!("http://{}/api/v1/events", signalbox.private());
    let answer = reqwest::Client::new().get(events).bearer_auth(token.trim()).send().await?;
    let page: serde_json::Value = answer.json().await?;
    let events = page["events"].as_array().map_or(0, Vec::len);
    assert!(events >= 5, "what is there can be read: {page}");
    disk.free("filler")?;
    tests::eventually(PATIENCE, "an event is accepted again", async || {
        let (status, text) = probes.post(&signalbox).await?;
        ensure!(status == 202, "{status}: {text}");
        Ok(())
    })
    .await?;
    signalbox.ready().await?;
    tests::eventually(PATIENCE, "its handlers go on", async || {
        let settled = settled(&signalbox).await?;
        ensure!(settled >= 1.0, "{settled}");
        Ok(())
    })
    .await?;
    let status = signalbox.process()?.terminate(PATIENCE).await?;
    assert!(status.success(), "{status}");
    let engine = Engine::open(&BusUrl::Embedded(signalbox.dir().join("bus"))).await?;
    nothing_was_given_up(&engine).await?;
    let logged = logged(&engine).await?;
    let accepted = probes.accepted.lock().unwrap().clone();
    assert!(
        accepted.len() >= 6 && accepted.iter().all(|id| logged.get(id) == Some(&1)),
        "{accepted:?} {logged:?}"
    );
    engine.close().await;
    drop(disk);
    Ok(())
}

fn value(at: u32) -> Vec<u8> {
    vec![u8::try_from(at % 251).unwrap_or_default(); 10_000]
}

async fn all_there(engine: &Embedded, kept: &[u32]) -> anyhow::Result<()> {
    for at in kept {
        let found = engine.get(Bucket::Watch, &format!("key-{at}")).await?;
        ensure!(found.is_some_and(|entry| entry.value == value(*at)), "key-{at} was answered, and is gone");
    }
    Ok(())
}

/// With no reserve, sled itself runs into the end of the disk, and takes nothing more until it is opened anew.
#[tokio::test(flavor = "multi_thread")]
async fn the_state_is_opened_anew_after_an_error_of_the_disk() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let Some(disk) = SmallDisk::mount(&dir.path().join("bus"), 96)? else { return Ok(()) };
    let options = || Options { reserve_bytes: 0, ..Options::default() };
    let engine = Embedded::open_with(&dir.path().join("bus"), Arc::new(SystemClock), options()).await?;
    let put = async |engine: &Embedded, at: u32| {
        engine.put(Bucket::Watch, &format!("key-{at}"), value(at), Expect::Absent, None).await
    };
    let (mut kept, mut next) = (Vec::new(), 0);
    for _ in 0..2 {
        for _ in 0..100 {
            put(&engine, next).await?;
            kept.push(next);
            next += 1;
        }
        disk.fill("filler")?;
        // What sled has buffered may still have a place.
        let mut refused = 0;
        while refused < 20 {
            match put(&engine, next).await {
                Ok(_) => kept.push(next),
                Err(StoreError::Full(_) | StoreError::Unavailable(_)) => refused += 1,
                Err(error @ StoreError::Conflict) => return Err(error.into()),
            }
            next += 1;
            ensure!(next < 10_000, "the disk is full, and the state takes everything");
        }
        assert!(engine.check().await.is_err(), "readiness is red");
        disk.free("filler")?;
        tests::eventually(PATIENCE, "the state is opened anew", async || Ok(engine.check().await?)).await?;
    }
    all_there(&engine, &kept).await?;
    engine.close().await;
    drop(engine);
    let engine = Embedded::open_with(&dir.path().join("bus"), Arc::new(SystemClock), options()).await?;
    all_there(&engine, &kept).await?;
    let report = engine.verify().await?;
    assert_eq!(report.damage, Vec::<String>::new());
    engine.close().await;
    drop(engine);
    disk.unmount()
}
