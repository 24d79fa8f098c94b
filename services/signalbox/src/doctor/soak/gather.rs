//! What is kept at the end: the log and the dead letters, read from the bus itself while no service runs.

mod running;

use std::collections::HashMap;

use anyhow::Context as _;
use chassis::dead::{DeadLetter, DeadLetters};
use chassis::{BusUrl, Engine, Position};
use events::{Envelope, Kind};

pub use running::Running;

/// Events that are read at once.
const PAGE: usize = 500;
/// What a delivery becomes.
const DELIVERY: &str = "com.github.push";

/// How often the log has what belongs to one event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kept {
    /// The event itself.
    pub stored: u32,
    /// Where it stands in the log; 0 if it does not.
    pub position: u64,
    /// What the automator asked for.
    pub requested: u32,
    /// What the automator said about its rules.
    pub evaluated: u32,
    /// That the effect happened.
    pub sent: u32,
    /// That it will not happen.
    pub failed: u32,
}

/// All that is kept.
#[derive(Debug, Default)]
pub struct Gathered {
    /// By the number of the event.
    pub kept: HashMap<u64, Kept>,
    /// Who gave up on an event, and why, by its number.
    pub dead: HashMap<u64, Vec<String>>,
    /// What is there and belongs to no event of ours.
    pub strange: Vec<String>,
}

/// Reads all of it.
pub async fn read(bus: &BusUrl) -> anyhow::Result<Gathered> {
    let engine = Engine::open(bus).await.context("cannot open the bus to read it")?;
    let gathered = from(&engine).await;
    engine.close().await;
    gathered
}

async fn from(engine: &Engine) -> anyhow::Result<Gathered> {
    let mut gathered = Gathered::default();
    let mut next = Position(1);
    loop {
        let page = engine.bus.read(next, PAGE).await.context("cannot read the log")?;
        let Some(last) = page.last() else { break };
        next = Position(last.position.0 + 1);
        for recorded in page {
            match recorded.event {
                Ok(event) => gathered.event(&event, recorded.position),
                Err(_) => gathered.strange.push(format!("position {} holds no event", recorded.position)),
            }
        }
    }
    for letter in
        DeadLetters::new(engine.store.clone()).list().await.context("cannot read the dead letters")?
    {
        gathered.letter(&letter)?;
    }
    Ok(gathered)
}

/// The number of the delivery that it all began with.
fn root(event: &Envelope) -> Option<u64> {
    super::number(&event.correlation_id())
}

impl Gathered {
    fn letter(&mut self, letter: &DeadLetter) -> anyhow::Result<()> {
        let event = letter.event.as_ref().map(events::json::from_value).transpose()?;
        let reason = format!("{}: {}", letter.handler, letter.reasons.join(": "));
        match event.as_ref().and_then(root) {
            Some(n) => self.dead.entry(n).or_default().push(reason),
            None => self.strange.push(format!("dead letter {}: {reason}", letter.id)),
        }
        Ok(())
    }

    fn event(&mut self, event: &Envelope, position: Position) {
        let Some(n) = root(event) else {
            self.strange.push(format!("{} {}", event.ty(), event.id()));
            return;
        };
        let kept = self.kept.entry(n).or_default();
        let is = |kind: Kind| event.ty() == kind.name();
        let count = if event.ty() == DELIVERY {
            kept.position = position.0;
            &mut kept.stored
        } else if is(Kind::NotificationRequested) {
            &mut kept.requested
        } else if is(Kind::AutomationEvaluated) {
            &mut kept.evaluated
        } else if is(Kind::NotificationSent) {
            &mut kept.sent
        } else if is(Kind::NotificationFailed) {
            &mut kept.failed
        } else {
            // Such as the news of a dead letter.
            return;
        };
        *count += 1;
    }
}
