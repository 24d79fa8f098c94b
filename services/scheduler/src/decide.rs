//! Decide: which tick is next, and whether its time has come. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use events::payload::schedule::Cause;
use resources::{CatchUp, Schedule};

use crate::announce;
use crate::record::Record;

/// A tick that is later than this was missed: longer than another process needs to take over, and than a clock is off.
pub const GRACE: TimeDelta = TimeDelta::seconds(60);
/// How many missed ticks are made up for at once with `catchUp: all`.
pub const MOST_CAUGHT_UP: usize = 100;
/// How many missed ticks are counted.
pub const MOST_COUNTED: usize = 1000;
/// How far back is looked first for ticks that were missed, and how much further each time.
const FIRST_LOOK: TimeDelta = TimeDelta::hours(1);
const FURTHER: i32 = 8;

/// A tick whose time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// When it should come by the schedule.
    pub nominal: DateTime<Utc>,
    /// When it should come with its delay.
    pub due: DateTime<Utc>,
    /// Why it comes.
    pub cause: Cause,
    /// The tick before.
    pub previous: Option<DateTime<Utc>>,
    /// How many were left out since.
    pub missed: u32,
}

/// What is to be done about a schedule.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub enum Decision {
    /// Nothing before this time, or ever.
    Wait(Option<DateTime<Utc>>),
    /// It is new, or another one than before: it has no past.
    Begin(Record),
    /// The clock was set back: times that come once more are decided once more, and the bus knows the ticks that were said.
    StepBack(Record),
    /// Ticks were missed, and none comes for them.
    Skip(Record, u32),
    /// A tick comes; so many before it are left out.
    Fire(Record, Tick, u32),
}

/// What is to be done now about the schedule of this name.
pub fn decide(name: &str, schedule: &Schedule, record: Option<&Record>, now: DateTime<Utc>) -> Decision {
    let identity = schedule.identity();
    let Some(record) = record.filter(|record| record.identity == identity) else {
        let last = record.and_then(|record| record.last);
        return Decision::Begin(Record { identity, through: now, last, missed: 0, unpublished: None });
    };
    if schedule.suspend {
        return Decision::Wait(None);
    }
    if record.through > now + GRACE {
        return Decision::StepBack(Record { through: now, ..record.clone() });
    }
    let delay = |nominal| schedule.delay(announce::identity(name, nominal).as_u64_pair().1);
    match first_due(schedule, record.through, delay) {
        Some(first) if first <= now => {}
        first => return Decision::Wait(first),
    }
    let past = past(schedule, record.through, now, delay);
    choose(schedule.catch_up, record, &past, now)
}

/// When the first tick after this time is due.
fn first_due(
    schedule: &Schedule,
    through: DateTime<Utc>,
    delay: impl Fn(DateTime<Utc>) -> TimeDelta,
) -> Option<DateTime<Utc>> {
    let first = schedule.after(through).next()?;
    dues(schedule, through, delay).find(|(nominal, _)| *nominal == first).map(|(_, due)| due)
}

/// The ticks after this time, with the times at which they are due. Their order is that of the nominal times: a tick is not
/// due before those before it, whatever their delays; so it is as late as the latest of them within the jitter.
fn dues(
    schedule: &Schedule,
    after: DateTime<Utc>,
    delay: impl Fn(DateTime<Utc>) -> TimeDelta,
) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> {
    let jitter = TimeDelta::from_std(schedule.jitter).unwrap_or_default();
    let mut latest = DateTime::<Utc>::MIN_UTC;
    let all = schedule.after(after.checked_sub_signed(jitter).unwrap_or(after)).map(move |nominal| {
        latest = latest.max(nominal + delay(nominal));
        (nominal, latest)
    });
    all.skip_while(move |(nominal, _)| *nominal <= after)
}

/// The last ticks whose time has come, in order, with the times at which they were due.
fn past(
    schedule: &Schedule,
    through: DateTime<Utc>,
    now: DateTime<Utc>,
    delay: impl Fn(DateTime<Utc>) -> TimeDelta,
) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    // What is older is due, whatever its delay.
    let settled = now - TimeDelta::from_std(schedule.jitter).unwrap_or_default();
    let mut look = FIRST_LOOK;
    loop {
        let from = settled.checked_sub_signed(look).map_or(through, |from| from.max(through));
        let past: Vec<_> = dues(schedule, from, &delay).take_while(|(_, due)| *due <= now).collect();
        if from == through || past.len() >= MOST_COUNTED {
            return past;
        }
        look = look.checked_mul(FURTHER).unwrap_or(TimeDelta::MAX);
    }
}

/// Which of the ticks whose time has come (at least one) comes next, and which are left out for good.
fn choose(
    catch_up: CatchUp,
    record: &Record,
    past: &[(DateTime<Utc>, DateTime<Utc>)],
    now: DateTime<Utc>,
) -> Decision {
    let missed = past.partition_point(|(_, due)| now - *due > GRACE);
    let on_time = past.get(missed).is_some();
    let (at, cause) = match (catch_up, missed) {
        (_, 0) => (0, Cause::Due),
        (CatchUp::None | CatchUp::Once, _) if on_time => (missed, Cause::Due),
        (CatchUp::None, _) => {
            let through = past.last().map_or(record.through, |(nominal, _)| *nominal);
            let skipped = counted(missed);
            let missed = sum(record.missed, skipped);
            return Decision::Skip(Record { through, missed, ..record.clone() }, skipped);
        }
        (CatchUp::Once, _) => (missed - 1, Cause::CatchUp),
        (CatchUp::All, _) => (missed.saturating_sub(MOST_CAUGHT_UP), Cause::CatchUp),
    };
    let Some(&(nominal, due)) = past.get(at) else { return Decision::Wait(Some(now)) };
    let skipped = counted(at);
    let tick = Tick { nominal, due, cause, previous: record.last, missed: sum(record.missed, skipped) };
    let record = Record { through: nominal, last: Some(nominal), missed: 0, ..record.clone() };
    Decision::Fire(record, tick, skipped)
}

fn counted(ticks: usize) -> u32 {
    u32::try_from(ticks.min(MOST_COUNTED)).unwrap_or(u32::MAX)
}

fn sum(before: u32, more: u32) -> u32 {
    before.saturating_add(more).min(counted(MOST_COUNTED))
}
