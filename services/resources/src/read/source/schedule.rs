//! `spec.schedule` of a Source.

use std::time::Duration;

use chrono::{DateTime, TimeDelta};

use crate::names::{self, Misformed};
use crate::reader::{Keys, Read, Reader, Said};
use crate::schedule::{self, CatchUp, Expression, Schedule, Tz};
use crate::yaml::Node;

const SCHEDULE: Keys = Keys { known: &["cron", "zone", "jitter", "catchUp", "suspend"], later: &[] };
/// A tick that comes later than this belongs to another day.
const MAX_JITTER: Duration = Duration::from_hours(24);
/// As many ticks are looked through each time that the clock is.
const MOST_WITHIN_JITTER: usize = 1000;

pub(super) fn read(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Schedule> {
    let fields = reader.fields(node, path, &SCHEDULE)?;
    let expression = reader.required(&fields, "cron", |reader, node, path| {
        let scalar = reader.text(node, path)?;
        Expression::parse(&scalar.text).map_err(|flaws| reader.flaws(path, node, scalar, flaws))
    });
    let zone =
        reader.optional(&fields, "zone", |reader, node, path| reader.formed(node, path, schedule::zone));
    let jitter = reader.optional(&fields, "jitter", |reader, node, path| reader.formed(node, path, jitter));
    let catch_up = reader.optional(&fields, "catchUp", |reader, node, path| {
        reader.choice(
            node,
            path,
            &[CatchUp::None, CatchUp::Once, CatchUp::All].map(|choice| (choice.into(), choice)),
        )
    });
    let suspend = reader.optional(&fields, "suspend", |reader, node, path| {
        reader.choice(node, path, &[("true", true), ("false", false)])
    });
    let schedule = Schedule {
        expression: expression?,
        zone: zone?.unwrap_or(Tz::UTC),
        jitter: jitter?.unwrap_or_default(),
        catch_up: catch_up?.unwrap_or_default(),
        suspend: suspend?.unwrap_or_default(),
    };
    if spans_too_many(&schedule) {
        let message = format!("`{path}.jitter` is longer than {MOST_WITHIN_JITTER} ticks take");
        let hint = "write a jitter that is shorter than the time between a few ticks".to_owned();
        reader.error(fields.get("jitter").map_or(fields.at, |node| node.at), message, Some(hint));
        return Err(Said);
    }
    Ok(schedule)
}

/// The order of ticks is kept, so each waits for those of its jitter: more than a few were not meant.
fn spans_too_many(schedule: &Schedule) -> bool {
    let Some(first) = schedule.after(DateTime::UNIX_EPOCH).next() else { return false };
    let jitter = TimeDelta::from_std(schedule.jitter).unwrap_or_default();
    let within =
        schedule.after(first).take(MOST_WITHIN_JITTER + 1).take_while(|tick| *tick <= first + jitter);
    within.count() > MOST_WITHIN_JITTER
}

fn jitter(text: &str) -> Result<Duration, Misformed> {
    let jitter = names::duration(text)?;
    if jitter <= MAX_JITTER {
        return Ok(jitter);
    }
    let hint = Some("write at most 24h".to_owned());
    Err(Misformed { message: format!("`{text}` is too long for a jitter"), hint })
}
