//! Whether a `CronJob` has missed a time. Pure.
//!
//! Kubernetes keeps the time for which the last Job was made (`status.lastScheduleTime`). A time after that which is over,
//! with all the patience that there is, was missed.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use events::payload::cron_job::Transition;

use super::Change;
use super::sight::{Said, Sight, Times};
use crate::gather::Time;
use crate::watched::Verdict;

/// The controller needs some seconds to make a Job and to say so.
const SLACK: TimeDelta = TimeDelta::seconds(30);
/// A `CronJob` that misses one time after the other says so this often; each says how many there were.
const QUIET: TimeDelta = TimeDelta::hours(1);
/// So many missed times are counted; the controller itself counts no further.
const MOST: i64 = 100;

/// What is to be said about a `CronJob`; a time without a `startingDeadlineSeconds` is missed when it is over for so long.
pub fn decide(
    patience: TimeDelta,
    seen: Option<&Sight>,
    now: &Sight,
    at: DateTime<Utc>,
) -> Verdict<Sight, Transition> {
    let mut changes = Vec::new();
    match seen.map(|seen| seen.suspended) {
        Some(false) if now.suspended => changes.push(Change::new(Transition::Suspended)),
        Some(true) if !now.suspended => changes.push(Change::new(Transition::Resumed)),
        Some(_) | None => {}
    }
    let mut said = said(seen, now, at);
    let rests = now.suspended || now.ending || now.is_busy();
    let mut again = None;
    if let (false, Ok(Some(times))) = (rests, now.times()) {
        let grace = now.deadline.and_then(TimeDelta::try_seconds);
        let grace = grace.and_then(|deadline| deadline.checked_add(&SLACK)).unwrap_or(patience);
        let missed = missed(&times, from(&said, now), grace, at);
        let quiet = said.missed.map(|said| said + QUIET).filter(|until| *until > at);
        match (missed, quiet) {
            (Missed { last: Some(last), count, until, .. }, None) => {
                let text = last.to_rfc3339_opts(SecondsFormat::Secs, true);
                changes.push(Change::new(Transition::Missed).about(text).from(count.to_string()));
                (said.from, said.missed) = (until, Some(at));
                again = at.checked_add_signed(QUIET);
            }
            (Missed { last: Some(_), .. }, Some(quiet)) => again = Some(quiet),
            (Missed { last: None, due, .. }, quiet) => again = due.max(quiet.filter(|_| due.is_some())),
        }
    }
    let keep = match seen {
        Some(seen) if changes.is_empty() && seen.said == said && !other(seen, now) => seen.clone(),
        _ => Sight { said, ..now.clone() },
    };
    Verdict { changes, keep: Some(keep), again }
}

/// Its times are others than before.
fn other(seen: &Sight, now: &Sight) -> bool {
    (&seen.schedule, &seen.zone) != (&now.schedule, &now.zone)
}

/// What is known before the clock is looked at.
fn said(seen: Option<&Sight>, now: &Sight, at: DateTime<Utc>) -> Said {
    let Some(seen) = seen else {
        let from = now.created.as_ref().and_then(Time::utc).unwrap_or(at);
        return Said { from: Some(from), busy: now.is_busy(), missed: None };
    };
    // Times before it was resumed or changed, and those in which it waited for its own Job, are not missed.
    let anew = (seen.suspended && !now.suspended) || other(seen, now) || (seen.said.busy && !now.is_busy());
    let from = if anew { Some(at) } else { seen.said.from };
    Said { from, busy: now.is_busy(), missed: seen.said.missed }
}

/// The time after which one can be missed.
fn from(said: &Said, now: &Sight) -> DateTime<Utc> {
    let last = now.last.as_ref().and_then(Time::utc);
    // Where it waits for its Jobs, those that were skipped while nobody looked were before the end of the last one.
    let succeeded = now.succeeded.as_ref().filter(|_| now.forbids).and_then(Time::utc);
    [said.from, last, succeeded].into_iter().flatten().max().unwrap_or(DateTime::UNIX_EPOCH)
}

struct Missed {
    /// The last time that was missed.
    last: Option<DateTime<Utc>>,
    count: i64,
    /// Up to when they were counted.
    until: Option<DateTime<Utc>>,
    /// When the next one will be.
    due: Option<DateTime<Utc>>,
}

fn missed(times: &Times, from: DateTime<Utc>, grace: TimeDelta, at: DateTime<Utc>) -> Missed {
    let mut missed = Missed { last: None, count: 0, until: None, due: None };
    let mut before = from;
    while let Some(time) = times.next_after(before) {
        let due = time.checked_add_signed(grace);
        if due.is_none_or(|due| due > at) {
            missed.due = due;
            break;
        }
        (missed.last, missed.until) = (Some(time), Some(time));
        missed.count += 1;
        before = time;
        if missed.count == MOST {
            // Those up to now are passed over.
            missed.until = at.checked_sub_signed(grace).max(missed.until);
            break;
        }
    }
    missed
}
