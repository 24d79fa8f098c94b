//! The runner: order, retries, dead letters, redrive.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chassis::dead::DeadLetters;
use chassis::runner::{self, Options};
use chassis::{Clock as _, Context, Failure, Handler, Hears, Outcome, Shutdown, SystemClock};
use events::payload::notification;
use events::{Announcement, Envelope};

use super::{ACK_WAIT, Fixture, PATIENCE, on_both_engines, ports};

on_both_engines!(
    events_of_one_key_are_handled_in_order_also_when_one_fails_at_first,
    a_slow_key_does_not_hold_up_another,
    a_rejected_event_is_a_dead_letter_and_can_be_driven_again,
    an_event_that_keeps_failing_is_a_dead_letter_in_the_end,
    a_panic_is_a_failure_and_not_the_end,
    an_announcement_is_published_once_for_all_attempts,
    a_loop_ends_at_the_hop_limit,
    large_bodies_are_handled_at_once_and_in_order,
    an_event_whose_body_is_gone_is_a_dead_letter,
);

/// Does as the event's type says, and keeps the order in which it was asked.
#[derive(Default)]
struct Scripted {
    seen: Mutex<Vec<String>>,
    attempts: Mutex<HashMap<String, u32>>,
    mended: AtomicBool,
    gate: tokio::sync::Notify,
}

impl Handler for Scripted {
    const NAME: &'static str = "scripted";
    const HEARS: &'static [Hears] = &[Hears::Glob("t.*")];
    const ATTEMPTS: u32 = 3;

    async fn handle(&self, event: &Envelope, _cx: &Context) -> Result<Outcome, Failure> {
        self.seen.lock().unwrap().push(event.id().to_owned());
        let attempt = {
            let mut attempts = self.attempts.lock().unwrap();
            *attempts.entry(event.id().to_owned()).and_modify(|attempt| *attempt += 1).or_insert(1)
        };
        let soon = Duration::from_millis(100);
        match event.ty() {
            "t.fails-once" if attempt == 1 => Err(Failure::retry_after(anyhow::anyhow!("not yet"), soon)),
            "t.fails" => Err(Failure::retry_after(anyhow::anyhow!("never").context("it fails"), soon)),
            "t.rejected" if !self.mended.load(Ordering::SeqCst) => {
                Err(Failure::reject(anyhow::anyhow!("the cause").context("it is refused")))
            }
            "t.panics" if attempt == 1 => panic!("ouch"),
            "t.waits" => {
                self.gate.notified().await;
                Ok(Outcome::Done(Vec::new()))
            }
            "t.announces" | "t.announces-late" => {
                if event.ty() == "t.announces-late" && attempt == 1 {
                    return Err(Failure::retry_after(anyhow::anyhow!("not yet"), soon));
                }
                let sent = notification::Sent {
                    channel: "c".to_owned(),
                    channel_kind: "slack".to_owned(),
                    status: 200,
                };
                Ok(Outcome::Done(vec![Announcement::of(&sent)]))
            }
            _ => Ok(Outcome::Done(Vec::new())),
        }
    }
}

impl Scripted {
    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    async fn has_seen(&self, count: usize) -> anyhow::Result<Vec<String>> {
        tests::eventually(PATIENCE, "the handler has seen enough", async || {
            let seen = self.seen();
            anyhow::ensure!(seen.len() >= count, "it has seen {seen:?}");
            Ok(seen)
        })
        .await
    }
}

/// A running handler.
struct Running {
    handler: Arc<Scripted>,
    shutdown: Shutdown,
    task: tokio::task::JoinHandle<Result<(), chassis::BusError>>,
}

impl Running {
    fn start(on: &Fixture) -> Self {
        let (handler, shutdown) = (Arc::new(Scripted::default()), Shutdown::new());
        let options = Options { ack_wait: Some(ACK_WAIT), ..Options::default() };
        let task =
            tokio::spawn(runner::run_with(handler.clone(), ports(&on.engine), options, shutdown.clone()));
        Self { handler, shutdown, task }
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.trigger();
        tokio::time::timeout(PATIENCE, self.task).await???;
        Ok(())
    }
}

fn keyed(id: &str, ty: &str, key: &str) -> Envelope {
    Envelope::builder(id, "/tests", ty).partition_key(key).build().expect("a valid event")
}

async fn letters(on: &Fixture, count: usize) -> anyhow::Result<Vec<chassis::dead::DeadLetter>> {
    let dead = DeadLetters::new(on.engine.store.clone());
    tests::eventually(PATIENCE, "the dead letters are there", async || {
        let letters = dead.list().await?;
        anyhow::ensure!(letters.len() == count, "there are {letters:?}");
        Ok(letters)
    })
    .await
}

async fn events_of_one_key_are_handled_in_order_also_when_one_fails_at_first(
    on: Fixture,
) -> anyhow::Result<()> {
    for (id, ty) in [("1", "t.fine"), ("2", "t.fails-once"), ("3", "t.fine"), ("4", "t.fine")] {
        on.engine.bus.publish(&keyed(id, ty, "k")).await?;
    }
    let running = Running::start(&on);
    assert_eq!(running.handler.has_seen(5).await?, ["1", "2", "2", "3", "4"]);
    running.stop().await
}

async fn a_slow_key_does_not_hold_up_another(on: Fixture) -> anyhow::Result<()> {
    for (id, ty, key) in [("1", "t.waits", "slow"), ("2", "t.fine", "slow"), ("3", "t.fine", "fast")] {
        on.engine.bus.publish(&keyed(id, ty, key)).await?;
    }
    let running = Running::start(&on);
    let mut begun = running.handler.has_seen(2).await?;
    begun.sort();
    assert_eq!(begun, ["1", "3"]);
    running.handler.gate.notify_one();
    assert_eq!(running.handler.has_seen(3).await?[2], "2");
    running.stop().await
}

async fn a_rejected_event_is_a_dead_letter_and_can_be_driven_again(on: Fixture) -> anyhow::Result<()> {
    let sent = keyed("1", "t.rejected", "k");
    on.engine.bus.publish(&sent).await?;
    let running = Running::start(&on);
    let letter = letters(&on, 1).await?.remove(0);
    assert_eq!(letter.handler, "scripted");
    assert_eq!(letter.reasons, ["it is refused", "the cause"]);
    assert_eq!(letter.attempts, 1);
    assert_eq!(events::json::from_value(letter.event.as_ref().expect("it holds the event"))?, sent);

    let dead = DeadLetters::new(on.engine.store.clone());
    // Not mended yet: it dies again, and can be driven again.
    dead.redrive(&*on.engine.bus, &letter.id, SystemClock.now()).await?;
    running.handler.has_seen(2).await?;
    letters(&on, 1).await?;
    running.handler.mended.store(true, Ordering::SeqCst);
    dead.redrive(&*on.engine.bus, &letter.id, SystemClock.now()).await?;
    assert_eq!(running.handler.has_seen(3).await?, ["1", "1", "1"]);
    letters(&on, 0).await?;
    assert!(dead.redrive(&*on.engine.bus, &letter.id, SystemClock.now()).await.is_err(), "it is gone");
    running.stop().await
}

async fn an_event_that_keeps_failing_is_a_dead_letter_in_the_end(on: Fixture) -> anyhow::Result<()> {
    on.engine.bus.publish(&keyed("1", "t.fails", "k")).await?;
    on.engine.bus.publish(&keyed("2", "t.fine", "k")).await?;
    let running = Running::start(&on);
    let letter = letters(&on, 1).await?.remove(0);
    assert_eq!(letter.reasons, ["given up after 3 attempts", "it fails", "never"]);
    assert_eq!(running.handler.has_seen(4).await?, ["1", "1", "1", "2"], "its key goes on");
    running.stop().await
}

async fn a_panic_is_a_failure_and_not_the_end(on: Fixture) -> anyhow::Result<()> {
    on.engine.bus.publish(&keyed("1", "t.panics", "k")).await?;
    let running = Running::start(&on);
    assert_eq!(running.handler.has_seen(2).await?, ["1", "1"]);
    running.stop().await
}

async fn an_announcement_is_published_once_for_all_attempts(on: Fixture) -> anyhow::Result<()> {
    let sent = keyed("1", "t.announces-late", "k");
    on.engine.bus.publish(&sent).await?;
    let running = Running::start(&on);
    let announced = tests::eventually(PATIENCE, "it is announced", async || {
        let log = on.engine.bus.read(chassis::Position(1), 10).await?;
        let event = log.get(1).ok_or_else(|| anyhow::anyhow!("the log has {} events", log.len()))?;
        Ok(event.event.clone().expect("it can be decoded"))
    })
    .await?;
    assert_eq!(announced.ty(), "io.signalbox.notification.sent.v1");
    assert_eq!(announced.source(), "/signalbox/scripted");
    assert_eq!(announced.causation_id().as_deref(), Some("1"));
    assert_eq!(announced.correlation_id(), "1");
    assert_eq!(announced.hops(), 1);
    // The same once more, as after a crash between the announcement and the ack.
    on.engine.bus.redeliver("scripted", &sent, "again").await?;
    running.handler.has_seen(3).await?;
    running.stop().await?;
    assert_eq!(on.engine.bus.read(chassis::Position(1), 10).await?.len(), 2);
    Ok(())
}

async fn a_loop_ends_at_the_hop_limit(on: Fixture) -> anyhow::Result<()> {
    let deep = Envelope::builder("1", "/tests", "t.announces").extension("hops", "16").build()?;
    on.engine.bus.publish(&deep).await?;
    let running = Running::start(&on);
    let letter = letters(&on, 1).await?.remove(0);
    assert!(letter.reasons[0].contains("loop"), "{:?}", letter.reasons);
    running.stop().await
}

async fn large_bodies_are_handled_at_once_and_in_order(on: Fixture) -> anyhow::Result<()> {
    let (keys, each) = (8, 5);
    for at in 0..keys * each {
        let body = if at % 2 == 0 { vec![b'x'; 400_000] } else { b"small".to_vec() };
        let key = format!("k{}", at % keys);
        let event = Envelope::builder(format!("{key}-{at:03}"), "/tests", "t.fine").partition_key(key);
        on.engine.bus.publish(&event.body("application/octet-stream", body).build()?).await?;
    }
    // With the ack wait of a real handler: what is dropped on the way would come back only after it.
    let (handler, shutdown) = (Arc::new(Scripted::default()), Shutdown::new());
    let running = tokio::spawn(runner::run(handler.clone(), ports(&on.engine), shutdown.clone()));
    let seen = handler.has_seen(keys * each).await?;
    for key in 0..keys {
        let of_key: Vec<_> = seen.iter().filter(|id| id.starts_with(&format!("k{key}-"))).collect();
        assert!(of_key.is_sorted() && of_key.len() == each, "{of_key:?}");
    }
    assert!(handler.attempts.lock().unwrap().values().all(|attempts| *attempts == 1));
    shutdown.trigger();
    running.await??;
    Ok(())
}

async fn an_event_whose_body_is_gone_is_a_dead_letter(on: Fixture) -> anyhow::Result<()> {
    let name = format!("signalbox-blob:sha256:{}", "0".repeat(64));
    let event = Envelope::builder("1", "/tests", "t.fine").extension("dataref", name).build()?;
    on.engine.bus.publish(&event).await?;
    on.engine.bus.publish(&keyed("2", "t.fine", "k")).await?;
    let running = Running::start(&on);
    let letter = letters(&on, 1).await?.remove(0);
    assert!(letter.reasons[0].contains("not in the store"), "{:?}", letter.reasons);
    assert!(
        letter.message.is_some_and(|message| message.headers.iter().any(|(name, _)| name == "ce-dataref"))
    );
    assert_eq!(running.handler.has_seen(1).await?, ["2"]);
    // And whoever reads the log sees the others.
    let read = tests::eventually(PATIENCE, "the death is told, too", async || {
        let read = on.engine.bus.read(chassis::Position(1), 10).await?;
        anyhow::ensure!(read.len() == 3, "{} events", read.len());
        Ok(read)
    })
    .await?;
    let mut whole = Vec::new();
    for recorded in read {
        whole.push(match recorded.event {
            Ok(light) => chassis::claim::check_out_or_keep(&*on.engine.store, light).await.is_ok(),
            Err(_) => false,
        });
    }
    assert_eq!(whole, [false, true, true]);
    running.stop().await
}
