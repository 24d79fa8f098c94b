//! Decide: what is missing, and what is to be done about it. Pure: the time is an argument.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use resources::source::Deliveries;

use super::gather::{Attempt, Listing, Reached};
use super::record::{Open, Record};

/// An attempt is in the list only when it is over, at most so long after it began: GitHub waits 10 s (a server 30 s) for an
/// answer. So the list is looked at a little further back each time.
pub const OVERLAP: TimeDelta = TimeDelta::minutes(2);
/// How many deliveries are fetched in one sweep; the next one comes at once.
const BATCH: usize = 200;
/// How often another attempt is asked for …
const TIMES: u32 = 3;
/// … and how long one may take until the next is asked for.
const PATIENCE: TimeDelta = TimeDelta::minutes(10);

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Those to fetch, oldest first.
    pub fetch: Vec<Wanted>,
    /// Those that were delivered again, and taken.
    pub redelivered: Vec<Open>,
    /// Those to be delivered again.
    pub ask: Vec<Open>,
    /// Those that are waited for.
    pub wait: Vec<Open>,
    /// Those that are given up.
    pub lost: Vec<Open>,
    /// The time of which nothing can be had any more.
    pub gone: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Up to when everything is looked at once this is done.
    pub through: DateTime<Utc>,
    /// Whether there is more to fetch than at once.
    pub more: bool,
}

/// A delivery that nobody took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What all its attempts share.
    pub guid: String,
    /// The newest attempt.
    pub delivery: u64,
    /// The event, as in `X-GitHub-Event`.
    pub event: String,
    /// The type of its event.
    pub event_type: String,
    /// When it was delivered first.
    pub at: DateTime<Utc>,
    /// When it was delivered last.
    pub last: DateTime<Utc>,
}

/// From when on the list is looked at.
pub fn since(record: &Record) -> DateTime<Utc> {
    record.through - OVERLAP
}

/// What the list means. `keeps` is for how long GitHub keeps deliveries.
pub fn decide(
    record: &Record,
    listing: &Listing,
    which: Deliveries,
    keeps: TimeDelta,
    now: DateTime<Utc>,
) -> Decision {
    let since = since(record);
    let mut groups: BTreeMap<&str, Vec<&Attempt>> = BTreeMap::new();
    for attempt in listing.attempts.iter().filter(|attempt| attempt.delivered_at >= since) {
        groups.entry(&attempt.guid).or_default().push(attempt);
    }
    let newest = listing.attempts.iter().map(|attempt| attempt.delivered_at).max();
    let gone = gone(record, listing, keeps, now);
    let known = gone.map_or(record.through, |(_, begins)| begins.max(record.through));
    let mut decision = Decision {
        fetch: Vec::new(),
        redelivered: Vec::new(),
        ask: Vec::new(),
        wait: Vec::new(),
        lost: Vec::new(),
        gone,
        through: newest.map_or(known, |newest| newest.max(known)),
        more: false,
    };
    for open in &record.open {
        reconsider(open, &groups.remove(&*open.guid).unwrap_or_default(), keeps, now, &mut decision);
    }
    for (guid, attempts) in groups {
        let taken = attempts.iter().any(|attempt| attempt.is_taken());
        let Some(wanted) = wanted(guid, &attempts) else { continue };
        let settled = record.settled.get(guid).is_some_and(|last| *last >= wanted.last);
        if !settled && (!taken || which == Deliveries::All) {
            decision.fetch.push(wanted);
        }
    }
    decision.fetch.sort_by_key(|wanted| (wanted.at, wanted.delivery));
    if decision.fetch.len() > BATCH {
        decision.through = decision.fetch[BATCH].at.min(decision.through);
        decision.fetch.truncate(BATCH);
        decision.more = true;
    }
    decision
}

fn wanted(guid: &str, attempts: &[&Attempt]) -> Option<Wanted> {
    let newest = attempts.iter().max_by_key(|attempt| (attempt.delivered_at, attempt.id))?;
    let at = attempts.iter().map(|attempt| attempt.delivered_at).min()?;
    Some(Wanted {
        guid: guid.to_owned(),
        delivery: newest.id,
        event: newest.event.clone(),
        event_type: newest.event_type(),
        at,
        last: newest.delivered_at,
    })
}

/// One that could not be fetched.
fn reconsider(
    open: &Open,
    attempts: &[&Attempt],
    keeps: TimeDelta,
    now: DateTime<Utc>,
    decision: &mut Decision,
) {
    let mut open = open.clone();
    if attempts.iter().any(|attempt| attempt.is_taken()) {
        decision.redelivered.push(open);
        return;
    }
    let last = attempts.iter().map(|attempt| attempt.delivered_at).max().unwrap_or(open.last);
    let answered = last > open.last;
    open.last = open.last.max(last);
    let overdue = open.asked_at.is_none_or(|asked| asked + PATIENCE <= now);
    if open.at + keeps <= now || (open.asked >= TIMES && (answered || overdue)) {
        decision.lost.push(open);
    } else if open.asked == 0 || overdue {
        decision.ask.push(open);
    } else {
        decision.wait.push(open);
    }
}

/// The time between what was looked at and what GitHub still has, or what is read at once.
fn gone(
    record: &Record,
    listing: &Listing,
    keeps: TimeDelta,
    now: DateTime<Utc>,
) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let begins = match listing.reached {
        Reached::Time => None,
        Reached::End => Some(now - keeps),
        Reached::Neither => listing.attempts.iter().map(|attempt| attempt.delivered_at).min(),
    };
    begins.filter(|begins| record.through < *begins).map(|begins| (record.through, begins))
}
