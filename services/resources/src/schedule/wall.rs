//! From the wall clock of a zone to instants, also where it is put forward or back.
//!
//! The rules are those of Vixie cron, as croner has them for the Open Cron Pattern Specification:
//!
//! | | a time of the day (`30 2 * * *`, `0 2,14 * * *`) | an interval (`*/15 * * * *`, `0 * * * *`) |
//! |---|---|---|
//! | a time that is skipped | comes at once after the gap | does not come |
//! | a time that is repeated | comes once, the first time | comes both times |

use chrono::{
    DateTime, MappedLocalTime, NaiveDateTime, Offset as _, TimeDelta, TimeZone as _, Timelike as _, Utc,
};
use chrono_tz::Tz;

use super::cron::Cron;

/// No zone moves its clock twice within this time.
const STRIDE: TimeDelta = TimeDelta::days(1);
/// No clock is moved by more than this, nor is further from UTC.
const REACH: TimeDelta = TimeDelta::hours(26);

/// The first instant after this one.
pub(super) fn next_after(cron: &Cron, zone: Tz, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let after = after.with_nanosecond(0).unwrap_or(after);
    if cron.is_fixed() { fixed(cron, zone, after) } else { interval(cron, zone, after) }
}

fn offset(zone: Tz, at: DateTime<Utc>) -> TimeDelta {
    TimeDelta::seconds(i64::from(zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()))
}

fn wall(zone: Tz, at: DateTime<Utc>) -> NaiveDateTime {
    (at + offset(zone, at)).naive_utc()
}

/// Later times on the wall never come earlier here, so the first that comes after will do.
fn fixed(cron: &Cron, zone: Tz, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let mut at = wall(zone, after);
    loop {
        at = cron.next_after(at)?;
        let instant = match zone.from_local_datetime(&at) {
            MappedLocalTime::Single(instant) => instant.to_utc(),
            MappedLocalTime::Ambiguous(first, _second) => first.to_utc(),
            MappedLocalTime::None => after_gap(zone, at),
        };
        if instant > after {
            return Some(instant);
        }
    }
}

/// The first instant after the gap that this time on the wall is in.
fn after_gap(zone: Tz, skipped: NaiveDateTime) -> DateTime<Utc> {
    let (mut before, mut since) = (skipped.and_utc() - REACH, skipped.and_utc() + REACH);
    while since - before > TimeDelta::seconds(1) {
        let middle = before + TimeDelta::seconds((since - before).num_seconds() / 2);
        if wall(zone, middle) > skipped { since = middle } else { before = middle }
    }
    since
}

/// While the offset stays the same, the wall clock is a plain clock: one such stretch after the other.
fn interval(cron: &Cron, zone: Tz, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let mut begin = after;
    let mut from = wall(zone, after);
    loop {
        let shift = offset(zone, begin);
        let found = cron.next_after(from)?.and_utc() - shift;
        let Some(change) = change_within(zone, begin, found) else { return Some(found) };
        begin = change;
        // The first instant of the stretch counts, too.
        from = wall(zone, change) - TimeDelta::seconds(1);
    }
}

/// The first instant after `begin`, and not after `end`, at which the clock has been moved.
fn change_within(zone: Tz, begin: DateTime<Utc>, end: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let shift = offset(zone, begin);
    let mut same = begin;
    while same < end {
        let next = (same + STRIDE).min(end);
        if offset(zone, next) != shift {
            let mut other = next;
            while other - same > TimeDelta::seconds(1) {
                let middle = same + TimeDelta::seconds((other - same).num_seconds() / 2);
                if offset(zone, middle) == shift { same = middle } else { other = middle }
            }
            return Some(other);
        }
        same = next;
    }
    None
}
