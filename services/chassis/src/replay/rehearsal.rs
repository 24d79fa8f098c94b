//! A replay without effects, and the record of what became of an event in its run.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use events::{Envelope, extension};

use super::{Outcome, REMEMBERED, Replayed, VERSION};
use crate::ledger;
use crate::store::{Bucket, Expect, Store, StoreError};

/// What a handler says in a replay without effects: it is kept, and not published.
#[derive(Debug, Default)]
pub(crate) struct Rehearsal(Mutex<Vec<Envelope>>);

/// The event of a delivery, as a handler is to have it: one that did not come to it alone is no replay's, whatever its
/// publisher says. A descendant of a run keeps the name of it.
pub(crate) fn delivered(event: Envelope, alone: bool) -> Envelope {
    if alone || event.extension(extension::REPLAY_EFFECTS).is_none() {
        return event;
    }
    tracing::warn!(
        event.id = event.id(),
        event.source = event.source(),
        "its publisher says that it is a replay's, and it is none: it is handled as any other"
    );
    let without = event.to_builder().without_extension(extension::REPLAY_EFFECTS).build();
    without.expect("a valid event stays valid without an extension")
}

impl Rehearsal {
    /// Whether the event, as it was [`delivered`], is one of a replay without effects.
    pub(crate) fn of(event: &Envelope) -> Option<Arc<Self>> {
        let off = event.extension(extension::REPLAY_EFFECTS).is_some_and(|effects| effects == "off");
        off.then(Arc::default)
    }

    pub(crate) fn say(&self, event: Envelope) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }

    fn said(&self) -> Vec<Envelope> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Records what became of an event in its run; nothing outside of one.
pub(crate) async fn record(
    store: &dyn Store,
    event: &Envelope,
    rehearsal: Option<&Rehearsal>,
    outcome: Outcome,
    because: Option<String>,
    announced: Vec<Envelope>,
    now: DateTime<Utc>,
) {
    // What descends from a run has its name, and was not delivered by it.
    let Some(run) = event.replay_run().filter(|_| event.extension(extension::REPLAY_EFFECTS).is_some())
    else {
        return;
    };
    let mut said = rehearsal.map(Rehearsal::said).unwrap_or_default();
    said.extend(announced);
    let record = Replayed {
        v: VERSION,
        source: event.source().to_owned(),
        event: event.id().to_owned(),
        ty: event.ty().to_owned(),
        outcome,
        because,
        announced: said.iter().map(events::json::to_value).collect(),
        at: now,
    };
    let key = format!("event/{run}/{}", ledger::event_hash(event));
    let written = match serde_json::to_vec(&record) {
        Ok(bytes) => store.put(Bucket::Runs, &key, bytes, Expect::Any, Some(REMEMBERED)).await.map(|_| ()),
        Err(error) => Err(StoreError::unavailable(error)),
    };
    if let Err(error) = written {
        let error = format!("{:#}", anyhow::Error::new(error));
        tracing::warn!(run = %run, error, "what became of a replayed event is not recorded");
    }
}
