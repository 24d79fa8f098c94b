//! Jobs. What ended before anybody looked is known to have ended, so its record is kept as long as the Job is there.

use chrono::{DateTime, Utc};
use events::Envelope;
use events::payload::job::{Job, Transition};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::condition::{Condition, find};
use crate::announce::Place;
use crate::gather::{Common, Time, Unreadable, said};
use crate::key::Key;
use crate::watched::{self, Verdict, Watched, What};

type Change = watched::Change<Transition>;

/// Jobs.
#[derive(Debug)]
pub struct Jobs(What);

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    conditions: Option<Vec<Condition>>,
    succeeded: Option<i64>,
    failed: Option<i64>,
    start_time: Option<Time>,
    completion_time: Option<Time>,
}

/// How a Job stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    uid: String,
    owner: Option<String>,
    /// How it ended, if it has.
    outcome: Option<Transition>,
    succeeded: i64,
    failed: i64,
    started: Option<Time>,
    finished: Option<Time>,
    reason: Option<String>,
    message: Option<String>,
}

impl Default for Jobs {
    fn default() -> Self {
        Self(super::of_kubernetes("batch", "Job", "jobs", true))
    }
}

impl Watched for Jobs {
    type Body = Common<IgnoredAny, Status>;
    type Sight = Sight;
    type Transition = Transition;

    fn what(&self) -> &What {
        &self.0
    }

    fn read(&self, body: Self::Body, _at: DateTime<Utc>) -> Result<Sight, Unreadable> {
        let Common { metadata, spec: _, status } = body;
        let Status { conditions, succeeded, failed, start_time, completion_time } =
            status.unwrap_or_default();
        let end = |ty: &str| find(conditions.as_deref(), ty).filter(|condition| condition.holds());
        let (outcome, condition) = match (end("Complete"), end("Failed")) {
            (Some(condition), _) => (Some(Transition::Succeeded), Some(condition)),
            (None, Some(condition)) => (Some(Transition::Failed), Some(condition)),
            (None, None) => (None, None),
        };
        Ok(Sight {
            uid: metadata.uid()?,
            owner: metadata.owner(),
            outcome,
            succeeded: succeeded.unwrap_or_default(),
            failed: failed.unwrap_or_default(),
            started: start_time,
            finished: completion_time.or_else(|| condition?.last_transition_time.clone()),
            reason: condition.and_then(|condition| said(condition.reason.clone())),
            message: condition.and_then(|condition| said(condition.message.clone())),
        })
    }

    fn uid<'a>(&self, sight: &'a Sight) -> &'a str {
        &sight.uid
    }

    fn decide(&self, seen: Option<&Sight>, now: &Sight, _at: DateTime<Utc>) -> Verdict<Sight, Transition> {
        match (seen, now.outcome) {
            // A Job ends once.
            (Some(seen), _) => Verdict::new(Vec::new(), Some(seen.clone())),
            (None, Some(outcome)) => Verdict::new(vec![Change::new(outcome)], Some(now.clone())),
            (None, None) => Verdict::new(Vec::new(), None),
        }
    }

    /// That a Job is cleared away is no news.
    fn end(&self, _seen: &Sight, _last: Option<&Sight>) -> Verdict<Sight, Transition> {
        Verdict::new(Vec::new(), None)
    }

    fn event(&self, key: &Key, place: Place, sight: &Sight, change: &Change, now: DateTime<Utc>) -> Envelope {
        let payload = Job {
            transition: change.transition,
            name: key.name().to_owned(),
            namespace: super::namespace(key),
            owner: sight.owner.clone(),
            succeeded: sight.succeeded,
            failed: sight.failed,
            started_at: super::text(sight.started.as_ref()),
            finished_at: super::text(sight.finished.as_ref()),
            reason: sight.reason.clone(),
            message: sight.message.clone(),
        };
        let time = sight.finished.as_ref().and_then(Time::utc).unwrap_or(now);
        super::event(&self.0, key, &sight.uid, place, change, &payload, time)
    }
}
