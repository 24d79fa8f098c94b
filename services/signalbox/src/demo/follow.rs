//! Following the bus until a story is told.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use chassis::{Bus, Position};
use events::{Envelope, Kind};

/// Events read at once.
const BATCH: usize = 64;

/// Follows the log from its beginning.
pub struct Follower {
    bus: Arc<dyn Bus>,
    next: Position,
    seen: Vec<Envelope>,
}

impl Follower {
    /// A follower that has seen nothing.
    pub fn new(bus: Arc<dyn Bus>) -> Self {
        Self { bus, next: Position(1), seen: Vec::new() }
    }

    /// Waits until the story of `root` has this many events of this kind. A deploy that failed, or a message that was
    /// refused, ends the wait with its reason.
    pub async fn until(&mut self, root: &str, kind: Kind, times: usize) -> anyhow::Result<()> {
        loop {
            let story = || self.seen.iter().filter(|event| event.correlation_id() == root);
            if story().filter(|event| event.ty() == kind.name()).count() >= times {
                return Ok(());
            }
            if let Some(event) = story().find(|event| ends_badly(event)) {
                bail!("{}: {}", event.ty(), String::from_utf8_lossy(event.body()));
            }
            self.read_on().await?;
        }
    }

    /// The first event of this kind, whichever story it begins or belongs to.
    pub async fn first(&mut self, kind: Kind) -> anyhow::Result<Envelope> {
        loop {
            if let Some(event) = self.seen.iter().find(|event| event.ty() == kind.name()) {
                return Ok(event.clone());
            }
            self.read_on().await?;
        }
    }

    /// What was seen so far, for people: one type per line.
    pub fn seen(&self) -> String {
        self.seen.iter().map(Envelope::ty).collect::<Vec<_>>().join("\n  ")
    }

    async fn read_on(&mut self) -> anyhow::Result<()> {
        let batch = self.bus.read(self.next, BATCH).await.context("cannot read the bus")?;
        if batch.is_empty() {
            let last = Position(self.next.0.saturating_sub(1));
            return self.bus.changed(last).await.context("cannot wait for the bus");
        }
        for recorded in batch {
            self.next = Position(recorded.position.0 + 1);
            self.seen.extend(recorded.event.ok());
        }
        Ok(())
    }
}

fn ends_badly(event: &Envelope) -> bool {
    [Kind::DeployFailed, Kind::NotificationFailed].iter().any(|kind| event.ty() == kind.name())
}
