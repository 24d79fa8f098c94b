//! How far a run has come: counted by those who send and receive, read by those who wait.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use tokio::time::Instant;

/// Looking again costs a few loads.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What happened to the deliveries of a phase.
#[derive(Debug, Default)]
pub struct Counts {
    /// Requests to the gateway.
    pub sent: AtomicU64,
    /// Events that were answered with 202.
    pub accepted: AtomicU64,
    /// Requests that were answered with 503.
    pub refused: AtomicU64,
    /// Requests without an answer.
    pub cut_off: AtomicU64,
}

/// How far a run has come.
#[derive(Debug)]
pub struct Progress {
    start: Instant,
    /// Without kills.
    pub calm: Counts,
    /// With kills.
    pub storm: Counts,
    /// Effects that happened, each counted once.
    pub effects: AtomicU64,
    /// Effects that were refused for ever, each counted once.
    pub refusals: AtomicU64,
    /// Accepted events of which no effect will come.
    pub hopeless: AtomicU64,
    /// Senders that have nothing more to send.
    pub senders_done: AtomicU64,
    accepted_from: AtomicU64,
    effect_at: AtomicU64,
    storm_from: AtomicU64,
}

impl Progress {
    /// Of a run that begins now.
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            calm: Counts::default(),
            storm: Counts::default(),
            effects: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
            hopeless: AtomicU64::new(0),
            senders_done: AtomicU64::new(0),
            accepted_from: AtomicU64::new(0),
            effect_at: AtomicU64::new(0),
            storm_from: AtomicU64::new(0),
        }
    }

    /// Time since the beginning, in microseconds.
    pub fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// A request that had begun then was answered with 202.
    pub fn accepted(&self, begun: u64) {
        self.accepted_from.fetch_max(begun, SeqCst);
    }

    /// An effect happened now; returns how many have.
    pub fn effect(&self) -> u64 {
        self.effect_at.fetch_max(self.now(), SeqCst);
        self.effects.fetch_add(1, SeqCst) + 1
    }

    /// An event of the storm is sent.
    pub fn storm(&self) {
        let _ = self.storm_from.compare_exchange(0, self.now(), SeqCst, SeqCst);
    }

    /// When the first event of the storm was sent, in microseconds; 0 if none was.
    pub fn storm_from(&self) -> u64 {
        self.storm_from.load(SeqCst)
    }

    /// Whether a request that began after this was accepted.
    pub fn accepts_since(&self, then: u64) -> bool {
        self.accepted_from.load(SeqCst) > then
    }

    /// Whether an effect happened after this.
    pub fn acts_since(&self, then: u64) -> bool {
        self.effect_at.load(SeqCst) > then
    }

    /// Events that were accepted.
    pub fn accepted_in_all(&self) -> u64 {
        self.calm.accepted.load(SeqCst) + self.storm.accepted.load(SeqCst)
    }

    /// Requests that were not answered with 202.
    pub fn failed_in_all(&self) -> u64 {
        let counts = [&self.calm, &self.storm];
        counts.iter().map(|counts| counts.refused.load(SeqCst) + counts.cut_off.load(SeqCst)).sum()
    }

    /// Accepted events that are on their way. What was kept without being accepted is not known here, so this may be a
    /// few too low.
    pub fn under_way(&self) -> u64 {
        let ended = self.effects.load(SeqCst) + self.refusals.load(SeqCst) + self.hopeless.load(SeqCst);
        self.accepted_in_all().saturating_sub(ended)
    }

    /// Grows with everything that goes on.
    pub fn sum(&self) -> u64 {
        self.accepted_in_all() + self.effects.load(SeqCst) + self.refusals.load(SeqCst)
    }
}

/// Waits until it holds.
pub async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
