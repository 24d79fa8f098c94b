//! Decide: which alerts the bus does not know of, and which it believes to fire and do not. Pure: the time is an argument.

use chrono::{DateTime, TimeDelta, Utc};
use events::alertmanager::{Listed, State};
use events::payload::alert::Alert;

use super::record::{Firing, Record};

/// Alertmanager tells of a new alert of a group that it has told of after `group_interval`, which is 5 minutes where nobody
/// says otherwise: one that is younger is not missing.
const TOLD_WITHIN: TimeDelta = TimeDelta::minutes(6);
/// An alert is over when it is not listed for so long: Prometheus sends each of its alerts anew once a minute, and
/// Alertmanager ends one after 5 minutes (`resolve_timeout`). After its start it knows of none.
const OVER_AFTER: TimeDelta = TimeDelta::minutes(5);
/// How many events are made in one sweep: they are kept in one value until the bus has them.
const BATCH: usize = 200;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// These fire, and the bus does not know.
    pub fire: Vec<Alert>,
    /// These fire no longer: the fingerprint, and what is known.
    pub over: Vec<(String, Firing)>,
    /// Since when what is believed to fire is not listed.
    pub absent: Vec<(String, Option<DateTime<Utc>>)>,
    /// Whether there is more than is done at once.
    pub more: bool,
}

/// What the list means. `up_since` is when Alertmanager was started; `left_out`, whether it has left alerts out of a
/// notification.
pub fn decide(
    record: &Record,
    listed: &[Listed],
    up_since: DateTime<Utc>,
    left_out: bool,
    now: DateTime<Utc>,
) -> Decision {
    let mut decision = Decision { fire: Vec::new(), over: Vec::new(), absent: Vec::new(), more: false };
    for Listed { alert, state } in listed {
        let known = record.firing.get(&alert.fingerprint);
        let is_known = known.is_some_and(|known| millis(known.starts_at) >= millis(alert.starts_at));
        let is_missing = left_out || alert.starts_at + TOLD_WITHIN <= now;
        if *state == State::Active && !is_known && is_missing {
            decision.fire.push(alert.clone());
        }
    }
    let ready = up_since + OVER_AFTER <= now;
    for (fingerprint, firing) in &record.firing {
        let listed = listed.iter().find(|listed| listed.alert.fingerprint == *fingerprint);
        let absent = match listed {
            // It began anew: the one that is known was over before.
            Some(listed) if millis(listed.alert.starts_at) > millis(firing.starts_at) => {
                if decision.fire.contains(&listed.alert) {
                    decision.over.push((fingerprint.clone(), firing.clone()));
                }
                continue;
            }
            Some(_) => None,
            None => Some(firing.absent.unwrap_or(now)),
        };
        match absent {
            Some(since) if ready && since + OVER_AFTER <= now => {
                decision.over.push((fingerprint.clone(), firing.clone()));
            }
            absent if absent != firing.absent => decision.absent.push((fingerprint.clone(), absent)),
            _ => {}
        }
    }
    decision
        .fire
        .sort_by(|one, other| (one.starts_at, &one.fingerprint).cmp(&(other.starts_at, &other.fingerprint)));
    decision.more = decision.fire.len() + decision.over.len() > BATCH;
    decision.over.truncate(BATCH);
    decision.fire.truncate(BATCH - decision.over.len());
    decision
}

/// The API cuts the rest off.
fn millis(time: DateTime<Utc>) -> i64 {
    time.timestamp_millis()
}
