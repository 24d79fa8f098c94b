//! Consumers that no handler of this program reads: of a service that is no more, or of a handler that was renamed without
//! keeping its `DURABLE`. They are no damage, and are never deleted by themselves: whoever has them may want them back.

use std::fmt;

use chassis::archive::Cursor;
use chassis::{BusError, Engine};
use serde::Serialize;

use crate::services::HANDLERS;

/// A consumer without a handler.
#[derive(Debug, Serialize)]
pub struct Unread {
    name: String,
    /// So many messages of the log stand behind its place.
    behind: u64,
}

/// All of them.
pub async fn find(engine: &Engine) -> Result<Vec<Unread>, BusError> {
    let last = engine.bus.last().await?.0;
    let cursors = engine.archive.cursors().await?.into_iter();
    let unread = cursors.filter(|cursor| HANDLERS.iter().all(|handler| handler.name != cursor.name));
    let behind = |floor: u64, settled: usize| last.saturating_sub(floor).saturating_sub(settled as u64);
    Ok(unread
        .map(|Cursor { name, floor, settled }| Unread { name, behind: behind(floor.0, settled.len()) })
        .collect())
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, behind } = self;
        write!(f, "no handler reads the consumer {name}: {behind} events behind")
    }
}
