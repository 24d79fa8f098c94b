//! A bus is moved, and nothing of it is lost, repeated or forgotten.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Context as _;
use chassis::dead::{DeadLetters, Survey};
use chassis::{BusUrl, Clock as _, Engine, Position, SystemClock, claim};
use events::Envelope;

use super::mover::{LARGE, Mover, PATIENCE, Running, event, ids, plain};
use super::{Place, open};

/// What a reader of the log sees of an event: its id, when it was recorded, and its body.
type Told = (String, i64, Vec<u8>);

async fn history(engine: &Engine) -> anyhow::Result<Vec<Told>> {
    let (mut told, mut from) = (Vec::new(), Position(1));
    loop {
        let page = engine.bus.read(from, 100).await?;
        let Some(last) = page.last() else { return Ok(told) };
        from = Position(last.position.0 + 1);
        for recorded in page {
            let event = recorded.event.map_err(|message| anyhow::anyhow!("{message:?}"))?;
            let event = claim::check_out(&*engine.store, event).await?;
            told.push((event.id().to_owned(), recorded.recorded.timestamp_millis(), event.body().to_vec()));
        }
    }
}

async fn publish(engine: &Engine, events: &[Envelope]) -> anyhow::Result<()> {
    for event in events {
        assert!(!engine.bus.publish(event).await?.duplicate, "{} is new", event.id());
    }
    Ok(())
}

async fn letters(engine: &Engine, count: usize) -> anyhow::Result<Survey> {
    let dead = DeadLetters::new(engine.store.clone());
    tests::eventually(PATIENCE, "the dead letters are there", async || {
        let survey = dead.survey().await?;
        anyhow::ensure!(survey.letters.len() == count && survey.damaged.is_empty(), "{survey:?}");
        Ok(survey)
    })
    .await
}

/// A bus in the middle of its work: something handled, something dead, something that fails, and a backlog.
async fn at_work(bus: &BusUrl, mover: &Arc<Mover>) -> anyhow::Result<Vec<Envelope>> {
    let engine = open(bus).await?;
    let mut events = plain("first", 10);
    events.insert(3, event("stuck", "t.stuck", "stuck", 10));
    events.insert(5, event("dead", "t.dead", "dead", 10));
    events.insert(7, event("large", "t.plain", "large", LARGE));
    publish(&engine, &events).await?;
    let running = Running::start(mover, &engine);
    mover.has_seen(&ids(&events)).await?;
    letters(&engine, 1).await?;
    running.stop().await?;
    let backlog = plain("behind", 6);
    publish(&engine, &backlog).await?;
    events.extend(backlog);
    engine.close().await;
    mover.seen();
    Ok(events)
}

/// Everything that was there before is there now, and means the same.
async fn nothing_is_forgotten(engine: &Engine, before: &[Told], events: &[Envelope]) -> anyhow::Result<()> {
    assert_eq!(history(engine).await?, before);
    let last = engine.bus.last().await?;
    for event in events {
        let again = engine.bus.publish(event).await?;
        assert!(again.duplicate, "{} is known", event.id());
    }
    assert_eq!(engine.bus.last().await?, last, "nothing was stored twice");
    Ok(())
}

async fn told(bus: &BusUrl) -> anyhow::Result<Vec<Told>> {
    let engine = open(bus).await?;
    let told = history(&engine).await?;
    engine.close().await;
    Ok(told)
}

/// Moves a bus along these places, and works on at each.
async fn moves(place: &Place, from: &BusUrl, along: &[BusUrl]) -> anyhow::Result<()> {
    let mover = Arc::new(Mover::default());
    let mut events = at_work(from, &mover).await?;
    let mut from = from.clone();
    // What the handler has not settled, besides the dead letter.
    let mut open_work: Vec<String> = ids(&plain("behind", 6));
    open_work.push("stuck".to_owned());
    for (turn, to) in along.iter().enumerate() {
        let before = told(&from).await?;
        place.moved(&from, to, &format!("{turn}.jsonl"))?;
        let engine = open(to).await?;
        nothing_is_forgotten(&engine, &before, &events).await?;
        // The dead letter knows where its event stands now.
        let survey = letters(&engine, 1).await?;
        let expected = if turn == 0 { "dead" } else { "dead again" };
        assert_eq!(id_at(&engine, survey.letters[0].position).await?, expected);

        // The handler goes on where it was.
        mover.mended.store(true, Ordering::SeqCst);
        let running = Running::start(&mover, &engine);
        mover.has_seen(&open_work).await?;
        let dead = DeadLetters::new(engine.store.clone());
        dead.redrive(&*engine.bus, &survey.letters[0].id, SystemClock.now()).await?;
        mover.has_seen(&[expected.to_owned()]).await?;
        letters(&engine, 0).await?;

        // And it has something to do at the next place.
        mover.mended.store(false, Ordering::SeqCst);
        if turn + 1 < along.len() {
            let dying = event("dead again", "t.dead", "dead", 10);
            publish(&engine, std::slice::from_ref(&dying)).await?;
            events.push(dying);
            letters(&engine, 1).await?;
            mover.seen();
        }
        running.stop().await?;
        let backlog = plain(&format!("turn{turn}"), 5);
        publish(&engine, &backlog).await?;
        open_work = ids(&backlog);
        events.extend(backlog);
        engine.close().await;
        from = to.clone();
    }
    let effects = mover.effects();
    let doubled: Vec<_> = effects.iter().filter(|(_, count)| **count != 1).collect();
    assert!(doubled.is_empty(), "each effect once: {doubled:?}");
    assert_eq!(effects.len(), events.len() - 5, "and none is missing but those of the last backlog");
    Ok(())
}

async fn id_at(engine: &Engine, position: Position) -> anyhow::Result<String> {
    let page = engine.bus.read(position, 1).await?;
    let recorded = page.into_iter().find(|recorded| recorded.position == position);
    let event = recorded.with_context(|| format!("nothing stands at {position}"))?.event;
    Ok(event.map_err(|message| anyhow::anyhow!("{message:?}"))?.id().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_moves_to_another_folder_and_nothing_is_lost_or_repeated() -> anyhow::Result<()> {
    let place = Place::new()?;
    let (from, to, last) = (place.embedded("one"), place.embedded("two"), place.embedded("three"));
    moves(&place, &from, &[to, last]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_moves_to_nats_and_back_and_nothing_is_lost_or_repeated() -> anyhow::Result<()> {
    let mut place = Place::new()?;
    let (from, nats, back) = (place.embedded("one"), place.nats().await?, place.embedded("two"));
    moves(&place, &from, &[nats, back]).await
}

/// What is exported from a bus that an export was restored to is the same, but for the engine's own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_of_an_import_is_the_export() -> anyhow::Result<()> {
    let place = Place::new()?;
    let (from, to, again) = (place.embedded("one"), place.embedded("two"), place.embedded("three"));
    at_work(&from, &Arc::new(Mover::default())).await?;
    let first = place.moved(&from, &to, "first.jsonl")?;
    let second = place.moved(&to, &again, "second.jsonl")?;
    let body = |text: &str| {
        text.lines()
            .skip(1)
            .filter(|line| !line.starts_with("{\"end\""))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(body(&first), body(&second));
    Ok(())
}
