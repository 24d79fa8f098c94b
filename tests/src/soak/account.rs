//! Whether every input is on the bus once. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use events::payload::schedule::Ticked;
use events::{Envelope, Kind};

use super::source::Source;

/// What is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// An input that was accepted is not there.
    Lost(Source, u64),
    /// An input is there so often.
    Doubled(Source, u64, usize),
    /// An input that was never sent.
    Invented(Source, u64),
    /// An alert is resolved that is not linked to where it fired.
    Unlinked(u64),
    /// A tick is missing.
    NoTick(DateTime<Utc>),
    /// A tick is there so often, or too early.
    Tick(DateTime<Utc>),
}

/// What is wrong with a log, when so many inputs of each source were accepted, numbered from 0. Each second between the first
/// and the last tick is to have one.
pub fn account(accepted: &BTreeMap<Source, u64>, log: &[Envelope]) -> anyhow::Result<Vec<Wrong>> {
    let mut found: BTreeMap<(Source, u64), Vec<&Envelope>> = BTreeMap::new();
    for event in log {
        if let Some(input) = Source::of(event)? {
            found.entry(input).or_default().push(event);
        }
    }
    let mut wrong = Vec::new();
    for (source, count) in accepted {
        for number in 0..*count {
            match found.remove(&(*source, number)).unwrap_or_default().as_slice() {
                [] => wrong.push(Wrong::Lost(*source, number)),
                [event] if *source == Source::Resolved && !is_linked(event, log) => {
                    wrong.push(Wrong::Unlinked(number));
                }
                [_] => {}
                several => wrong.push(Wrong::Doubled(*source, number, several.len())),
            }
        }
    }
    wrong.extend(found.into_keys().map(|(source, number)| Wrong::Invented(source, number)));
    wrong.extend(ticks(log)?);
    Ok(wrong)
}

/// Whether what it is caused by is in the log, if that alert was sent at all.
fn is_linked(resolved: &Envelope, log: &[Envelope]) -> bool {
    let firing =
        |event: &&Envelope| event.ty() == Kind::AlertFiring.name() && event.subject() == resolved.subject();
    log.iter().find(firing).is_none_or(|firing| resolved.correlation_id() == firing.id())
}

fn ticks(log: &[Envelope]) -> anyhow::Result<Vec<Wrong>> {
    let ticks = log.iter().filter(|event| event.ty() == Kind::ScheduleTicked.name());
    let nominal: Vec<DateTime<Utc>> =
        ticks.map(|tick| Ok(tick.payload::<Ticked>()?.nominal)).collect::<anyhow::Result<_>>()?;
    let mut wrong = Vec::new();
    let Some(mut due) = nominal.first().copied() else { return Ok(wrong) };
    for tick in nominal {
        if tick < due {
            wrong.push(Wrong::Tick(tick));
            continue;
        }
        while due < tick {
            wrong.push(Wrong::NoTick(due));
            due += TimeDelta::seconds(1);
        }
        due += TimeDelta::seconds(1);
    }
    Ok(wrong)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use events::Envelope;
    use serde_json::json;

    use super::{Source, Wrong, account};

    fn generic(number: u64) -> anyhow::Result<Envelope> {
        let event = Envelope::builder(format!("n-{number}"), "/hooks/generic", "com.example.soak.generic");
        Ok(event.json(&json!({"number": number})).build()?)
    }

    fn tick(second: u32) -> anyhow::Result<Envelope> {
        let sample = include_str!("../../../events/samples/io.signalbox.schedule.ticked.v1.json");
        let mut sample: serde_json::Value = serde_json::from_str(sample)?;
        let data = if sample.get("data").is_some() { &mut sample["data"] } else { &mut sample };
        data["nominal"] = json!(format!("2026-11-30T12:00:{second:02}Z"));
        let event = Envelope::builder(
            format!("t-{second}"),
            "/signalbox/scheduler",
            "io.signalbox.schedule.ticked.v1",
        );
        Ok(event.json(data).build()?)
    }

    #[test]
    fn what_is_lost_doubled_or_invented_is_named() -> anyhow::Result<()> {
        let accepted = BTreeMap::from([(Source::Generic, 3)]);
        let log = [generic(0)?, generic(2)?, generic(1)?, tick(1)?, tick(2)?];
        assert!(account(&accepted, &log)?.is_empty());
        let log = [generic(0)?, generic(2)?, generic(2)?, generic(3)?, tick(1)?, tick(3)?, tick(3)?];
        let second = |second: u32| format!("2026-11-30T12:00:{second:02}Z").parse();
        let wanted = [
            Wrong::Lost(Source::Generic, 1),
            Wrong::Doubled(Source::Generic, 2, 2),
            Wrong::Invented(Source::Generic, 3),
            Wrong::NoTick(second(2)?),
            Wrong::Tick(second(3)?),
        ];
        assert_eq!(account(&accepted, &log)?, wanted);
        Ok(())
    }
}
