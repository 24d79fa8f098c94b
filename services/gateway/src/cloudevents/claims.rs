//! What an event claims, and whether its sender may claim it. Pure.

use std::fmt;

use chassis::claim;
use events::http::ContentMode;
use events::{Envelope, extension};
use resources::source::CloudEvents;
use thiserror::Error;

use crate::Limits;
use crate::refusal::Refusal;

/// How much of a value is shown to its sender, in characters: enough to know it again.
const SHOWN: usize = 120;

/// An attribute that the sender may not give.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("this source takes no event whose `{attribute}` is `{value}`{place}")]
pub(crate) struct Claim {
    /// Which attribute.
    pub(crate) attribute: Attribute,
    value: String,
    place: Place,
}

/// The attributes that a sender may not give as it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Attribute {
    /// What happened.
    Type,
    /// Where it happened.
    Source,
    /// Where its data is.
    Dataref,
    /// Which replay delivers it.
    ReplayRun,
    /// Whether that replay has effects.
    ReplayEffects,
}

/// Which event of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place(Option<usize>);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(index) => write!(f, ": event {index} of the batch (counted from 0)"),
            None => Ok(()),
        }
    }
}

impl Claim {
    /// What would be right.
    pub(crate) fn hint(&self) -> &'static str {
        match self.attribute {
            Attribute::Type => {
                "add it to `types` of the Source; types that Signalbox itself vouches for have to be named there literally"
            }
            Attribute::Source => {
                "add it to `sources` of the Source; sources of Signalbox's own events have to be named there literally"
            }
            Attribute::Dataref => "send the data with the event, or a dataref of your own",
            Attribute::ReplayRun | Attribute::ReplayEffects => {
                "send the event without it: a replay of Signalbox alone says that an event is a replay's"
            }
        }
    }
}

/// Refuses all when the sender may not send one of them.
pub(crate) fn check(source: &CloudEvents, events: &[Envelope], mode: ContentMode) -> Result<(), Refusal> {
    for (index, event) in events.iter().enumerate() {
        let place = Place((mode == ContentMode::Batched).then_some(index));
        let foreign = |attribute, value: &str| {
            Err(Refusal::Claim(Claim { attribute, value: value.chars().take(SHOWN).collect(), place }))
        };
        if !source.takes_type(event.ty()) {
            return foreign(Attribute::Type, event.ty());
        }
        if !source.takes_source(event.source()) {
            return foreign(Attribute::Source, event.source());
        }
        // Otherwise a sender could have the body of somebody else's event for its own.
        if claim::is_checked_in(event) {
            return foreign(Attribute::Dataref, &event.extension(extension::DATAREF).unwrap_or_default());
        }
        // Otherwise a sender could have its event taken and nothing done about it.
        for (attribute, name) in [
            (Attribute::ReplayRun, extension::REPLAY_RUN),
            (Attribute::ReplayEffects, extension::REPLAY_EFFECTS),
        ] {
            if let Some(value) = event.extension(name) {
                return foreign(attribute, &value);
            }
        }
    }
    Ok(())
}

/// Refuses a batch that could not be on the bus in time.
pub(crate) fn not_too_many(events: usize) -> Result<(), Refusal> {
    if events <= Limits::EVENTS_OF_A_BATCH { Ok(()) } else { Err(Refusal::TooManyEvents { events }) }
}
