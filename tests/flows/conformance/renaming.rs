//! A handler that is renamed goes on where it was, and does nothing twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use chassis::runner::{self, Options};
use chassis::{Context, Failure, Handler, Hears, Outcome, Reconciled, Shutdown};
use events::payload::notification;
use events::{Announcement, Envelope};

use super::{ACK_WAIT, Fixture, PATIENCE, on_both_engines, ports, typed};

on_both_engines!(a_renamed_handler_keeps_its_backlog_and_repeats_nothing);

/// What both names share: the world.
#[derive(Default)]
struct World {
    effects: AtomicU32,
    seen: AtomicU32,
    mended: AtomicBool,
}

async fn handle(world: &World, event: &Envelope, cx: &Context) -> Result<Outcome, Failure> {
    world.seen.fetch_add(1, Ordering::SeqCst);
    let absent = async || Ok(Reconciled::<u32>::Absent);
    cx.effect("act", absent, async |_| Ok(world.effects.fetch_add(1, Ordering::SeqCst))).await?;
    if event.id() == "stuck" && !world.mended.load(Ordering::SeqCst) {
        // After its effect: it must not be had again under another name.
        return Err(Failure::retry_after(anyhow::anyhow!("not yet"), Duration::from_millis(200)));
    }
    let sent = notification::Sent { channel: "c".to_owned(), channel_kind: "slack".to_owned(), status: 200 };
    Ok(Outcome::Done(vec![Announcement::of(&sent)]))
}

struct Before(Arc<World>);

impl Handler for Before {
    const NAME: &'static str = "before";
    const HEARS: &'static [Hears] = &[Hears::Glob("t.*")];
    const ATTEMPTS: u32 = 1000;

    async fn handle(&self, event: &Envelope, cx: &Context) -> Result<Outcome, Failure> {
        handle(&self.0, event, cx).await
    }
}

struct After(Arc<World>);

impl Handler for After {
    const NAME: &'static str = "after";
    const DURABLE: &'static str = Before::NAME;
    const HEARS: &'static [Hears] = &[Hears::Glob("t.*")];
    const ATTEMPTS: u32 = 1000;

    async fn handle(&self, event: &Envelope, cx: &Context) -> Result<Outcome, Failure> {
        handle(&self.0, event, cx).await
    }
}

async fn logged(on: &Fixture, count: usize) -> anyhow::Result<Vec<Envelope>> {
    tests::eventually(PATIENCE, "the log has grown", async || {
        let log = on.engine.bus.read(chassis::Position(1), 100).await?;
        anyhow::ensure!(log.len() >= count, "it has {}", log.len());
        Ok(log.into_iter().filter_map(|recorded| recorded.event.ok()).collect())
    })
    .await
}

async fn a_renamed_handler_keeps_its_backlog_and_repeats_nothing(on: Fixture) -> anyhow::Result<()> {
    let world = Arc::<World>::default();
    let key = |id: &str, key: &str| {
        let event = typed(id, "t.plain").to_builder().partition_key(key);
        event.build().expect("a valid event")
    };
    for event in [key("1", "a"), key("stuck", "b"), key("2", "a"), key("3", "c")] {
        on.engine.bus.publish(&event).await?;
    }
    let options = Options { ack_wait: Some(ACK_WAIT), ..Options::default() };
    let shutdown = Shutdown::new();
    let before = Arc::new(Before(world.clone()));
    let running =
        tokio::spawn(runner::run_with(before, ports(&on.engine), options.clone(), shutdown.clone()));
    logged(&on, 7).await?;
    tests::eventually(PATIENCE, "the stuck one had its effect", async || {
        anyhow::ensure!(world.effects.load(Ordering::SeqCst) == 4);
        Ok(())
    })
    .await?;
    shutdown.trigger();
    running.await??;

    let on = on.reopened().await?;
    on.engine.bus.publish(&key("4", "a")).await?;
    world.mended.store(true, Ordering::SeqCst);
    let seen = world.seen.load(Ordering::SeqCst);
    let shutdown = Shutdown::new();
    let after = Arc::new(After(world.clone()));
    let running = tokio::spawn(runner::run_with(after, ports(&on.engine), options, shutdown.clone()));
    let log = logged(&on, 10).await?;
    shutdown.trigger();
    running.await??;
    let announced = |id: &str| log.iter().filter(|event| event.causation_id().as_deref() == Some(id)).count();
    for id in ["1", "2", "3", "stuck", "4"] {
        assert_eq!(announced(id), 1, "{id}");
    }
    assert_eq!(world.effects.load(Ordering::SeqCst), 5, "one for each event");
    assert_eq!(world.seen.load(Ordering::SeqCst), seen + 2, "the stuck one and the new one");
    Ok(())
}
