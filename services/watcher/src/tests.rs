//! Tests of the whole: each file is a part of the story.

mod announcing;
mod crash;
mod deciding;
mod engine;
mod fake_api;
mod following;
mod gathering;
mod kinds;
mod sample;
mod state;
mod trouble;
mod usage;

use chassis::failpoint::memory::Memory;
use events::Envelope;

/// What the bus has, as `name transition`.
fn all_said(memory: &Memory) -> Vec<String> {
    memory.log().iter().map(said).collect()
}

/// `name transition` of an event.
fn said(event: &Envelope) -> String {
    let name = event.subject().unwrap().rsplit('/').next().unwrap();
    format!("{name} {}", crate::announce::label(event))
}
