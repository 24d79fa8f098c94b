//! Tests of the whole: the decision by itself, and what comes of it whatever happens meanwhile.

mod crash;
mod deciding;
mod serving;
mod telling;

use std::sync::Arc;

use chassis::failpoint::memory::Memory;
use chassis::{ManualClock, Metrics};
use chrono::{DateTime, Utc};
use events::payload::schedule::Ticked;
use resources::Catalog;

use crate::apply::{Ports, Stop, Ticker};
use crate::metrics::SchedulerMetrics;
use crate::pulse::Pulse;

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("a time of the test").to_utc()
}

/// A catalog with schedules, each a name and its spec.
fn catalog(schedules: &[(&str, &str)]) -> Catalog {
    let document = |(name, spec): &(&str, &str)| {
        format!(
            "apiVersion: signalbox.dev/v1alpha1\nkind: Source\nmetadata: {{name: {name}}}\nspec: {{schedule: {{{spec}}}}}\n"
        )
    };
    let text = schedules.iter().map(document).collect::<Vec<_>>().join("---\n");
    resources::load_text("test.yaml", &text).expect("the schedules are right").catalog
}

/// A scheduler on a bus and a store in memory, by a clock that the test moves.
struct Stage {
    memory: Arc<Memory>,
    clock: Arc<ManualClock>,
    metrics: Arc<Metrics>,
    ticker: Ticker,
}

impl Stage {
    async fn at(time: &str) -> Self {
        let (memory, clock) = (Arc::new(Memory::default()), Arc::new(ManualClock::at(at(time))));
        Self::on(memory, clock).await
    }

    async fn on(memory: Arc<Memory>, clock: Arc<ManualClock>) -> Self {
        let metrics = Metrics::new();
        let mut ticker = Ticker::new(ports(&memory, &clock, &metrics));
        ticker.load().await.expect("the records can be read");
        Self { memory, clock, metrics, ticker }
    }

    /// The process is started anew.
    async fn restart(self) -> Self {
        Self::on(self.memory, self.clock).await
    }

    async fn pass(&mut self, catalog: &Catalog) -> Option<DateTime<Utc>> {
        self.ticker.pass(catalog).await.expect("nobody else writes")
    }

    /// Sets the clock, and lets what is due come.
    async fn when(&mut self, time: &str, catalog: &Catalog) {
        self.clock.set(at(time));
        self.pass(catalog).await;
    }

    fn ticks(&self) -> Vec<Ticked> {
        self.memory.log().iter().map(|event| event.payload().expect("it is a tick")).collect()
    }

    /// The nominal times of what was said, `HH:MM`, with a `+` for each tick that was made up for.
    fn said(&self) -> String {
        let word = |tick: &Ticked| {
            let late = matches!(tick.cause, events::payload::schedule::Cause::CatchUp);
            format!("{}{}", tick.nominal.format("%H:%M"), if late { "+" } else { "" })
        };
        self.ticks().iter().map(word).collect::<Vec<_>>().join(" ")
    }

    fn counted(&self, metric: &str) -> bool {
        self.metrics.render().lines().any(|line| line == metric)
    }
}

fn ports(memory: &Arc<Memory>, clock: &Arc<ManualClock>, metrics: &Arc<Metrics>) -> Ports {
    Ports {
        bus: memory.clone(),
        store: memory.clone(),
        clock: clock.clone(),
        metrics: metrics.clone(),
        counts: SchedulerMetrics::register(metrics.registry()).expect("a new registry"),
        pulse: Arc::<Pulse>::default(),
    }
}

/// Another process with a ticker of its own, or what stopped it.
async fn other(memory: &Arc<Memory>, clock: &Arc<ManualClock>, catalog: &Catalog) -> Result<(), Stop> {
    let mut ticker = Ticker::new(ports(memory, clock, &Metrics::new()));
    ticker.load().await?;
    ticker.pass(catalog).await.map(drop)
}
