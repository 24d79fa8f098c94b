//! The promise: wherever the scheduler is killed, whatever its ports do, and however its clock goes, the bus has each tick
//! once, and none is missing that was in time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chassis::failpoint::memory::{Fault, Memory};
use chassis::{ManualClock, Metrics};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::{at, catalog, other, ports};
use crate::apply::{Stop, Ticker};

/// Longer than any wait for a port: whoever has not ended by then never will.
const FOR_EVER: Duration = Duration::from_hours(1);

#[derive(Debug, Clone)]
enum Step {
    /// The clock goes on, and the scheduler looks.
    Go(u32),
    /// The clock is set back.
    Back(u32),
    /// The process ends and another begins.
    Restart,
    /// A second process, which thinks that it is active, looks.
    Other,
    /// One of the next operations on a port has a fault.
    Fault { after: u32, fault: Fault },
}

fn step() -> impl Strategy<Value = Step> {
    let fault = prop_oneof![
        Just(Fault::CrashBefore),
        Just(Fault::CrashAfter),
        Just(Fault::ErrorBefore),
        Just(Fault::ErrorAfter)
    ];
    prop_oneof![
        8 => (1..400_u32).prop_map(Step::Go),
        1 => (1..2000_u32).prop_map(Step::Back),
        2 => Just(Step::Restart),
        2 => Just(Step::Other),
        4 => (0..5_u32, fault).prop_map(|(after, fault)| Step::Fault { after, fault }),
    ]
}

struct Story {
    memory: Arc<Memory>,
    clock: Arc<ManualClock>,
    ticker: Option<Ticker>,
}

impl Story {
    /// Looks, with what became of it; a crash ends the process, and the next look is that of another.
    async fn look(&mut self, catalog: &resources::Catalog) {
        let mut ticker = if let Some(ticker) = self.ticker.take() {
            ticker
        } else {
            let mut ticker = Ticker::new(ports(&self.memory, &self.clock, &Metrics::new()));
            match tokio::time::timeout(FOR_EVER, ticker.load()).await {
                Ok(Ok(())) => ticker,
                Ok(Err(Stop::Moved(_))) | Err(_) => return,
                Ok(Err(stop)) => panic!("{stop}"),
            }
        };
        match tokio::time::timeout(FOR_EVER, ticker.pass(catalog)).await {
            Ok(Ok(_)) => self.ticker = Some(ticker),
            Ok(Err(Stop::Moved(_))) | Err(_) => {}
            Ok(Err(stop)) => panic!("{stop}"),
        }
    }
}

async fn play(steps: Vec<Step>) {
    let catalog = catalog(&[
        ("clock", "cron: '*/5 * * * *', catchUp: all"),
        ("late", "cron: '* * * * *', jitter: 2m, catchUp: all"),
    ]);
    let (memory, start) = (Arc::new(Memory::default()), at("2026-11-24T10:30:30Z"));
    let clock = Arc::new(ManualClock::at(start));
    let mut story = Story { memory: memory.clone(), clock: clock.clone(), ticker: None };
    story.look(&catalog).await;
    let mut latest = start;
    for step in steps {
        match step {
            Step::Go(seconds) => {
                clock.advance(Duration::from_secs(seconds.into()));
                story.look(&catalog).await;
            }
            Step::Back(seconds) => {
                let now = chassis::Clock::now(&*clock);
                clock.set((now - TimeDelta::seconds(seconds.into())).max(start));
                story.look(&catalog).await;
            }
            Step::Restart => story.ticker = None,
            Step::Other => {
                let looking = tokio::time::timeout(FOR_EVER, other(&memory, &clock, &catalog)).await;
                assert!(matches!(looking, Ok(Ok(()) | Err(Stop::Moved(_))) | Err(_)));
            }
            Step::Fault { after, fault } => memory.fail(after, fault),
        }
        latest = latest.max(chassis::Clock::now(&*clock));
    }
    memory.heal();
    // All jitter over, and whoever lost the race looks again.
    clock.set(latest + TimeDelta::minutes(3));
    for _ in 0..3 {
        story.look(&catalog).await;
    }
    let end = chassis::Clock::now(&*clock);
    for (name, schedule) in catalog.schedules() {
        let said: Vec<DateTime<Utc>> = memory
            .log()
            .iter()
            .filter(|event| event.subject() == Some(name))
            .map(|event| event.payload::<events::payload::schedule::Ticked>().expect("it is a tick").nominal)
            .collect();
        let once: BTreeSet<_> = said.iter().copied().collect();
        assert_eq!(said.len(), once.len(), "{name}: each once");
        // More than a hundred at once are never missed here.
        let due = end - TimeDelta::minutes(3);
        let wanted: Vec<_> = schedule.after(start).take_while(|nominal| *nominal <= due).collect();
        let missing: Vec<_> = wanted.iter().filter(|nominal| !once.contains(nominal)).collect();
        assert!(missing.is_empty(), "{name}: missing {missing:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_tick_comes_once_whatever_happens(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime can be made").block_on(play(steps));
    }
}
