//! Replays: a range once more for one handler, rehearsed or in earnest.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chassis::replay::{Outcome as Came, ReplayError, Replayable, Replays, Request};
use chassis::runner;
use chassis::{
    Clock as _, Context, Failure, Handler, Hears, Outcome, Position, Reconciled, Shutdown, SystemClock,
};
use events::payload::notification;
use events::{Announcement, Envelope};

use super::{Fixture, PATIENCE, on_both_engines, ports, typed};

on_both_engines!(
    a_replay_without_effects_does_nothing_and_tells_what_it_would_do,
    a_replay_with_effects_has_them_once_in_its_run,
    a_replay_is_of_the_range_and_the_types_that_were_asked_for,
    a_replay_that_makes_no_sense_is_refused,
    a_rehearsal_of_an_event_whose_body_is_gone_buries_nothing,
    an_event_is_no_replay_because_its_publisher_says_so,
);

/// Has one effect for each event of `t.acts`, and announces something for each event.
#[derive(Default)]
struct Acting {
    effects: AtomicU32,
}

impl Handler for Acting {
    const NAME: &'static str = "acting";
    const HEARS: &'static [Hears] = &[Hears::Glob("t.*")];

    async fn handle(&self, event: &Envelope, cx: &Context) -> Result<Outcome, Failure> {
        let sent =
            notification::Sent { channel: "c".to_owned(), channel_kind: "slack".to_owned(), status: 200 };
        if event.ty() == "t.bad" {
            return Err(Failure::reject(anyhow::anyhow!("it is bad")));
        }
        if event.ty() == "t.acts" {
            cx.announce("before", &Announcement::of(&sent)).await?;
            let absent = async || Ok(Reconciled::<u32>::Absent);
            cx.effect("act", absent, async |_| Ok(self.effects.fetch_add(1, Ordering::SeqCst))).await?;
        }
        Ok(Outcome::Done(vec![Announcement::of(&sent)]))
    }
}

struct Stage {
    on: Fixture,
    handler: Arc<Acting>,
    replays: Replays,
    shutdown: Shutdown,
}

impl Stage {
    fn new(on: Fixture) -> Self {
        let (handler, shutdown) = (Arc::new(Acting::default()), Shutdown::new());
        tokio::spawn(runner::run(handler.clone(), ports(&on.engine), shutdown.clone()));
        let replays = Replays::new(on.engine.bus.clone(), on.engine.store.clone());
        Self { on, handler, replays, shutdown }
    }

    async fn start(&self, request: &Request) -> Result<chassis::replay::Run, ReplayError> {
        self.replays.start(request, &[Replayable::of::<Acting>()], SystemClock.now()).await
    }

    async fn show(&self, run: &str, count: usize) -> anyhow::Result<Vec<chassis::replay::Replayed>> {
        tests::eventually(PATIENCE, "the replayed events are handled", async || {
            let (_, events) = self.replays.show(run).await?;
            anyhow::ensure!(events.len() == count, "{events:?}");
            Ok(events)
        })
        .await
    }

    async fn log(&self) -> anyhow::Result<Vec<Envelope>> {
        let log = self.on.engine.bus.read(Position(1), 100).await?;
        Ok(log.into_iter().filter_map(|recorded| recorded.event.ok()).collect())
    }

    async fn has_logged(&self, count: usize) -> anyhow::Result<Vec<Envelope>> {
        tests::eventually(PATIENCE, "the log has grown", async || {
            let log = self.log().await?;
            anyhow::ensure!(log.len() >= count, "it has {}", log.len());
            Ok(log)
        })
        .await
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.shutdown.trigger();
    }
}

fn request(run: &str, effects: bool) -> Request {
    Request {
        run: run.to_owned(),
        handler: "acting".to_owned(),
        from: Position(1),
        to: Position(2),
        types: Vec::new(),
        effects,
    }
}

async fn a_replay_without_effects_does_nothing_and_tells_what_it_would_do(on: Fixture) -> anyhow::Result<()> {
    let stage = Stage::new(on);
    stage.on.engine.bus.publish(&typed("1", "t.acts")).await?;
    let before = stage.has_logged(3).await?;
    // What was done is not done again: the recorded result carries the rehearsal to its end.
    stage.start(&Request { to: Position(1), ..request("past", false) }).await?;
    let past = stage.show("past", 1).await?.remove(0);
    assert_eq!((past.outcome, past.announced.len()), (Came::Done, 2));

    // What was never handled stops at its effect.
    stage
        .on
        .engine
        .store
        .delete(chassis::Bucket::Ledger, &ledger_key(&stage).await?, chassis::Expect::Any)
        .await?;
    stage.start(&Request { to: Position(1), ..request("new", false) }).await?;
    let new = stage.show("new", 1).await?.remove(0);
    assert_eq!((new.outcome, new.event.as_str()), (Came::WouldAct, "1"));
    assert_eq!(new.because.as_deref(), Some("it would have the effect `act`"));
    assert_eq!(new.announced.len(), 1, "what it says before the effect");
    assert_eq!(new.announced[0]["type"], "io.signalbox.notification.sent.v1");

    assert_eq!(stage.handler.effects.load(Ordering::SeqCst), 1);
    assert_eq!(stage.log().await?, before, "nothing was published");
    Ok(())
}

async fn ledger_key(stage: &Stage) -> anyhow::Result<String> {
    let entries = stage.on.engine.store.scan(chassis::Bucket::Ledger, "acting/").await?;
    entries.into_iter().map(|(key, _)| key).next().ok_or_else(|| anyhow::anyhow!("the ledger is empty"))
}

async fn a_replay_with_effects_has_them_once_in_its_run(on: Fixture) -> anyhow::Result<()> {
    let stage = Stage::new(on);
    stage.on.engine.bus.publish(&typed("1", "t.acts")).await?;
    stage.has_logged(3).await?;
    let asked = Request { to: Position(1), ..request("again", true) };
    assert_eq!(stage.start(&asked).await?.delivered, 1);
    let log = stage.has_logged(5).await?;
    assert_eq!(stage.handler.effects.load(Ordering::SeqCst), 2);
    let ids: std::collections::BTreeSet<&str> = log.iter().map(Envelope::id).collect();
    assert_eq!(ids.len(), 5, "what is said in a run has ids of its own");
    assert_eq!(log[4].replay_run().as_deref(), Some("again"));
    assert_eq!(log[4].correlation_id(), "1", "and is part of the story");

    // The same request once more, as after a crash.
    assert_eq!(stage.start(&asked).await?.delivered, 1);
    stage.start(&Request { run: "third".to_owned(), ..asked }).await?;
    stage.has_logged(7).await?;
    assert_eq!(stage.handler.effects.load(Ordering::SeqCst), 3);
    assert_eq!(stage.log().await?.len(), 7);
    assert_eq!(stage.replays.list().await?.len(), 2);
    Ok(())
}

async fn a_replay_is_of_the_range_and_the_types_that_were_asked_for(on: Fixture) -> anyhow::Result<()> {
    for (id, ty) in [("1", "t.a"), ("2", "t.b"), ("3", "other"), ("4", "t.bad"), ("5", "t.a")] {
        on.engine.bus.publish(&typed(id, ty)).await?;
    }
    let stage = Stage::new(on);
    let run = stage.start(&Request { to: Position(4), ..request("some", false) }).await?;
    assert_eq!((run.delivered, run.next), (3, Position(5)));
    let events = stage.show("some", 3).await?;
    let came: Vec<_> = events.iter().map(|event| (event.event.as_str(), event.outcome)).collect();
    assert_eq!(came, [("1", Came::Done), ("2", Came::Done), ("4", Came::Rejected)]);
    let dead = chassis::dead::DeadLetters::new(stage.on.engine.store.clone());
    tests::eventually(PATIENCE, "the first handling gave up once", async || {
        anyhow::ensure!(dead.list().await?.len() == 1);
        Ok(())
    })
    .await?;

    let types = vec!["*.b".to_owned()];
    let run = stage.start(&Request { types, to: Position(4), ..request("one", false) }).await?;
    assert_eq!(run.delivered, 1);
    assert_eq!(stage.show("one", 1).await?[0].event, "2");
    Ok(())
}

async fn a_replay_that_makes_no_sense_is_refused(on: Fixture) -> anyhow::Result<()> {
    let stage = Stage::new(on);
    for id in ["1", "2"] {
        stage.on.engine.bus.publish(&typed(id, "t.a")).await?;
    }
    let ok = request("fine", false);
    stage.start(&ok).await?;
    let cases = [
        (Request { run: "Not a name".to_owned(), ..ok.clone() }, "is no name for a replay"),
        (Request { effects: true, ..ok.clone() }, "there is a replay `fine` already"),
        (Request { handler: "nobody".to_owned(), run: "x".to_owned(), ..ok.clone() }, "there is acting"),
        (Request { from: Position(2), to: Position(1), run: "x".to_owned(), ..ok.clone() }, "is empty"),
        (Request { from: Position(1000), to: Position(1001), run: "x".to_owned(), ..ok }, "is empty"),
    ];
    for (request, wanted) in cases {
        let error = stage.start(&request).await.expect_err(wanted).to_string();
        assert!(error.contains(wanted), "{error}");
    }
    assert!(matches!(stage.replays.show("none").await, Err(ReplayError::Unknown(_))));
    tokio::time::timeout(Duration::from_secs(1), stage.replays.list()).await??;
    Ok(())
}

async fn a_rehearsal_of_an_event_whose_body_is_gone_buries_nothing(on: Fixture) -> anyhow::Result<()> {
    let name = format!("signalbox-blob:sha256:{}", "0".repeat(64));
    let event = Envelope::builder("1", "/tests", "t.a").extension("dataref", name).build()?;
    on.engine.bus.publish(&event).await?;
    let stage = Stage::new(on);
    // The handling in earnest buries it, and says so.
    let before = stage.has_logged(2).await?;
    stage.start(&Request { to: Position(1), ..request("gone", false) }).await?;
    let gone = stage.show("gone", 1).await?.remove(0);
    assert_eq!(gone.outcome, Came::Rejected);
    assert!(gone.because.is_some_and(|why| why.contains("not in the store")));
    let dead = chassis::dead::DeadLetters::new(stage.on.engine.store.clone());
    assert_eq!(dead.list().await?.len(), 1, "that of the first handling");
    assert_eq!(stage.log().await?, before);
    Ok(())
}

async fn an_event_is_no_replay_because_its_publisher_says_so(on: Fixture) -> anyhow::Result<()> {
    let stage = Stage::new(on);
    stage.on.engine.bus.publish(&typed("1", "t.acts")).await?;
    stage.has_logged(3).await?;
    stage.start(&Request { to: Position(1), ..request("past", false) }).await?;
    stage.show("past", 1).await?;
    let long = "x".repeat(2000);
    for (id, run, effects) in
        [("2", "past", "off"), ("3", "none", "off"), ("4", "past", "on"), ("5", &long, "off")]
    {
        let said = typed(id, "t.acts").to_builder();
        let said = said.extension("replayrun", run).extension("replayeffects", effects).build()?;
        stage.on.engine.bus.publish(&said).await?;
    }
    // And one that is given up stays what it is when it is driven again.
    let bad = typed("6", "t.bad").to_builder().extension("replayeffects", "off").build()?;
    stage.on.engine.bus.publish(&bad).await?;
    stage.has_logged(3 + 4 * 3 + 1).await?;
    assert_eq!(stage.handler.effects.load(Ordering::SeqCst), 5);
    let dead = chassis::dead::DeadLetters::new(stage.on.engine.store.clone());
    for _ in 0..2 {
        let letter = tests::eventually(PATIENCE, "it is a dead letter", async || {
            dead.list().await?.pop().ok_or_else(|| anyhow::anyhow!("there is none"))
        })
        .await?;
        dead.redrive(&*stage.on.engine.bus, &letter.id, SystemClock.now()).await?;
    }
    assert_eq!(stage.show("past", 1).await?[0].event, "1", "it is told of what it has delivered alone");
    Ok(())
}
