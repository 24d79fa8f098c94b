//! `spec.schedule` of a Source.

use std::time::Duration;

use crate::names::{self, Misformed};
use crate::reader::{Keys, Read, Reader};
use crate::schedule::{self, CatchUp, Expression, Schedule, Tz};
use crate::yaml::Node;

const SCHEDULE: Keys = Keys { known: &["cron", "zone", "jitter", "catchUp", "suspend"], later: &[] };
/// A tick that comes later than this belongs to another day.
const MAX_JITTER: Duration = Duration::from_hours(24);

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
    Ok(Schedule {
        expression: expression?,
        zone: zone?.unwrap_or(Tz::UTC),
        jitter: jitter?.unwrap_or_default(),
        catch_up: catch_up?.unwrap_or_default(),
        suspend: suspend?.unwrap_or_default(),
    })
}

fn jitter(text: &str) -> Result<Duration, Misformed> {
    let jitter = names::duration(text)?;
    if jitter <= MAX_JITTER {
        return Ok(jitter);
    }
    let hint = Some("write at most 24h".to_owned());
    Err(Misformed { message: format!("`{text}` is too long for a jitter"), hint })
}
