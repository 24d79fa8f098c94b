//! A dead letter and the memory of the ledger: an effect is not had twice because it was long ago.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chassis::dead::{DeadError, DeadLetter, DeadLetters};
use chassis::runner::{self, Options, Ports};
use chassis::{
    Clock as _, Context, Failure, Handler, Hears, ManualClock, Outcome, Reconciled, Shutdown, SystemClock,
};
use events::Envelope;

use super::{ACK_WAIT, Fixture, PATIENCE, on_both_engines, ports};

on_both_engines!(an_event_that_died_again_is_as_old_as_its_first_attempt);

const DAY: Duration = Duration::from_hours(24);

/// Has an effect, and then gives up.
#[derive(Default)]
struct Halfway {
    seen: Mutex<Vec<Envelope>>,
    effects: AtomicU32,
}

impl Handler for Halfway {
    const NAME: &'static str = "halfway";
    const HEARS: &'static [Hears] = &[Hears::Glob("t.*")];

    async fn handle(&self, event: &Envelope, cx: &Context) -> Result<Outcome, Failure> {
        self.seen.lock().unwrap().push(event.clone());
        let absent = || async { Ok(Reconciled::Absent) };
        let act = |_| async {
            self.effects.fetch_add(1, Ordering::SeqCst);
            Ok(())
        };
        cx.effect("first half", absent, act).await?;
        Err(Failure::reject(anyhow::anyhow!("the second half is broken")))
    }
}

/// The letter of the death that is at this time.
async fn died(dead: &DeadLetters, clock: &ManualClock) -> anyhow::Result<DeadLetter> {
    tests::eventually(PATIENCE, "it has died", async || {
        let letter = dead.list().await?.pop().ok_or_else(|| anyhow::anyhow!("there is no letter"))?;
        anyhow::ensure!(letter.died_at == clock.now(), "it died at {}", letter.died_at);
        Ok(letter)
    })
    .await
}

async fn an_event_that_died_again_is_as_old_as_its_first_attempt(on: Fixture) -> anyhow::Result<()> {
    let began = SystemClock.now();
    let (clock, shutdown, handler) =
        (Arc::new(ManualClock::at(began)), Shutdown::new(), Arc::new(Halfway::default()));
    let ports = Ports { clock: clock.clone(), ..ports(&on.engine) };
    let options = Options { ack_wait: Some(ACK_WAIT), ..Options::default() };
    let running = tokio::spawn(runner::run_with(handler.clone(), ports, options, shutdown.clone()));
    let event = Envelope::builder("1", "/tests", "t.x").build()?;
    on.engine.bus.publish(&event).await?;
    let (bus, dead) = (&*on.engine.bus, DeadLetters::new(on.engine.store.clone()));
    let letter = died(&dead, &clock).await?;

    clock.advance(DAY * 40);
    dead.redrive(bus, &letter.id, clock.now()).await?;
    let letter = died(&dead, &clock).await?;
    assert_eq!(handler.effects.load(Ordering::SeqCst), 1, "the ledger knows it");
    assert_eq!(letter.first_tried(), began);

    clock.advance(DAY * 6);
    let refused = dead.redrive(bus, &letter.id, clock.now()).await;
    assert!(matches!(refused, Err(DeadError::Forgotten { first_tried, .. }) if first_tried == began));
    dead.redrive_forced(bus, &letter.id).await?;
    let letter = died(&dead, &clock).await?;
    assert_eq!(letter.first_tried(), began, "also after it was forced");
    assert_eq!(*handler.seen.lock().unwrap(), vec![event.clone(), event.clone(), event], "as it was sent");
    shutdown.trigger();
    tokio::time::timeout(PATIENCE, running).await???;
    Ok(())
}
