//! Consumers that no handler of this program reads: of a service that is no more, or of a handler that was renamed without
//! keeping its `DURABLE`. They are no damage, and are never deleted by themselves: whoever has them may want them back.

use std::fmt;

use anyhow::anyhow;
use chassis::archive::Cursor;
use chassis::{BusError, Engine};
use serde::Serialize;

use crate::exit::{Exit, Stop};
use crate::output::{Output, harmless};
use crate::services::HANDLERS;

/// A consumer without a handler.
#[derive(Debug, Serialize)]
pub struct Unread {
    name: String,
    /// So many messages of the log stand behind its place. It may have heard none of them: what it listened to is known to
    /// its handler alone.
    behind_at_most: u64,
}

/// Whether a handler of this program reads the consumer.
fn is_read(name: &str) -> bool {
    HANDLERS.iter().any(|handler| handler.name == name)
}

/// All of them.
pub async fn find(engine: &Engine) -> Result<Vec<Unread>, BusError> {
    let last = engine.bus.last().await?.0;
    let cursors = engine.archive.cursors().await?.into_iter();
    let behind = |floor: u64, settled: usize| last.saturating_sub(floor).saturating_sub(settled as u64);
    Ok(cursors
        .filter(|cursor| !is_read(&cursor.name))
        .map(|Cursor { name, floor, settled }| Unread {
            name,
            behind_at_most: behind(floor.0, settled.len()),
        })
        .collect())
}

/// Removes one of them, by its exact name.
pub async fn forget(engine: &Engine, name: &str, out: &mut Output) -> Result<Exit, Stop> {
    if is_read(name) {
        let error = anyhow!(
            "the handler {} of this program reads it: without its place, that would begin anew",
            harmless(name)
        );
        return Err(Stop::with(Exit::Usage, error));
    }
    if !engine.archive.forget_cursor(name).await? {
        let unread: Vec<String> = find(engine).await?.into_iter().map(|unread| unread.name).collect();
        let there = if unread.is_empty() { "none is".to_owned() } else { unread.join(", ") };
        let error =
            anyhow!("there is no consumer {}; without a handler: {}", harmless(name), harmless(&there));
        return Err(Stop::with(Exit::NotFound, error));
    }
    out.line(format_args!("the consumer {} is forgotten", harmless(name)))?;
    Ok(Exit::Done)
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, behind_at_most } = self;
        write!(
            f,
            "no handler reads the consumer {name}, at most {behind_at_most} events behind: `signalbox store forget {name}` removes it"
        )
    }
}
