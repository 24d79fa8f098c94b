//! Each effect once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chassis::{Bucket, Clock as _, Context, Failure, Reconciled, SystemClock};

use super::{Fixture, event, on_both_engines};

on_both_engines!(
    a_done_effect_is_not_done_again,
    an_intended_effect_is_reconciled_first,
    a_refused_effect_is_tried_again_without_reconciling,
    effects_of_other_events_handlers_and_steps_are_others,
    a_result_that_is_too_long_is_not_kept_and_the_effect_is_not_repeated,
    an_effect_is_remembered_for_longer_than_its_event_and_not_for_ever,
);

fn context(on: &Fixture, handler: &'static str, id: &str) -> Context {
    let (bus, store) = (on.engine.bus.clone(), on.engine.store.clone());
    Context::new(handler, Arc::new(event(id)), 1, bus, store, Arc::new(SystemClock))
}

async fn never() -> Result<Reconciled<String>, Failure> {
    Err(Failure::reject(anyhow::anyhow!("there is nothing to reconcile")))
}

async fn a_done_effect_is_not_done_again(on: Fixture) -> anyhow::Result<()> {
    let acts = AtomicU32::new(0);
    for _ in 0..3 {
        let cx = context(&on, "h", "1");
        let done = cx.effect("step", never, |_| async {
            acts.fetch_add(1, Ordering::SeqCst);
            Ok("result".to_owned())
        });
        assert_eq!(done.await.map_err(|failure| failure.error)?, "result");
    }
    assert_eq!(acts.load(Ordering::SeqCst), 1);
    Ok(())
}

async fn an_intended_effect_is_reconciled_first(on: Fixture) -> anyhow::Result<()> {
    let lost = |_| async { Err::<String, _>(Failure::retry(anyhow::anyhow!("the answer was lost"))) };
    for (id, world, acted) in
        [("1", Reconciled::Happened("seen".to_owned()), 0), ("2", Reconciled::Absent, 1)]
    {
        let cx = context(&on, "h", id);
        assert!(cx.effect("step", never, lost).await.is_err());
        let acts = AtomicU32::new(0);
        let second = cx.effect(
            "step",
            || async { Ok(world) },
            |_| async {
                acts.fetch_add(1, Ordering::SeqCst);
                Ok("acted".to_owned())
            },
        );
        let result = second.await.map_err(|failure| failure.error)?;
        assert_eq!(
            (result.as_str(), acts.load(Ordering::SeqCst)),
            (if acted == 0 { "seen" } else { "acted" }, acted)
        );
    }
    Ok(())
}

async fn a_refused_effect_is_tried_again_without_reconciling(on: Fixture) -> anyhow::Result<()> {
    let cx = context(&on, "h", "1");
    let refused = |_| async { Err::<String, _>(Failure::retry(anyhow::anyhow!("429")).effect_absent()) };
    assert!(cx.effect("step", never, refused).await.is_err());
    let second = cx.effect("step", never, |_| async { Ok("sent".to_owned()) }).await;
    assert_eq!(second.map_err(|failure| failure.error)?, "sent");
    Ok(())
}

async fn effects_of_other_events_handlers_and_steps_are_others(on: Fixture) -> anyhow::Result<()> {
    let acts = AtomicU32::new(0);
    for (handler, id, step) in [("h", "1", "a"), ("h", "2", "a"), ("i", "1", "a"), ("h", "1", "b")] {
        let cx = context(&on, handler, id);
        let done = cx.effect(step, never, |_| async {
            acts.fetch_add(1, Ordering::SeqCst);
            Ok(String::new())
        });
        done.await.map_err(|failure| failure.error)?;
    }
    assert_eq!(acts.load(Ordering::SeqCst), 4);
    Ok(())
}

async fn a_result_that_is_too_long_is_not_kept_and_the_effect_is_not_repeated(
    on: Fixture,
) -> anyhow::Result<()> {
    let acts = AtomicU32::new(0);
    // More than a server of NATS takes.
    let result = "x".repeat(2 << 20);
    let effect = || async {
        let act = |_| async {
            acts.fetch_add(1, Ordering::SeqCst);
            Ok(result.clone())
        };
        context(&on, "h", "1").effect("step", never, act).await
    };
    assert_eq!(effect().await.map_err(|failure| failure.error)?.len(), result.len());
    let again = effect().await.expect_err("there is no result to give").error;
    let said = "h / step is done, but its result had 2097154 bytes, and the ledger keeps no more than 65536";
    assert_eq!(again.to_string(), said);
    assert_eq!(acts.load(Ordering::SeqCst), 1);
    Ok(())
}

async fn an_effect_is_remembered_for_longer_than_its_event_and_not_for_ever(
    on: Fixture,
) -> anyhow::Result<()> {
    let cx = context(&on, "h", "1");
    let done = cx.effect("step", never, |_| async { Ok("result".to_owned()) });
    done.await.map_err(|failure| failure.error)?;
    let entries = on.engine.archive.state(Bucket::Ledger, None, 10).await?;
    assert_eq!(entries.len(), 1);
    let left = entries[0].expires.expect("it expires") - SystemClock.now();
    // The log keeps an event for 30 days.
    assert!(left > chrono::Duration::days(31) && left <= chrono::Duration::days(45), "{left}");
    Ok(())
}
