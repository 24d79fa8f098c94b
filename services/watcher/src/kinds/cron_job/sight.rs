//! How a `CronJob` stands.

use chrono::{DateTime, Utc};
use resources::schedule::{Expression, NEVER, Tz, zone_named};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

use super::wire;
use crate::gather::{Time, Unreadable, said};

/// How a `CronJob` stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    pub uid: String,
    pub schedule: String,
    pub zone: Option<String>,
    pub suspended: bool,
    /// It is being deleted.
    pub ending: bool,
    /// `startingDeadlineSeconds`.
    pub deadline: Option<i64>,
    /// Its policy is `Forbid`: while a Job of it runs, it makes no other, as it should.
    pub forbids: bool,
    /// How many Jobs of it run.
    pub active: i64,
    /// The time for which it made its last Job.
    pub last: Option<Time>,
    /// When a Job of it ended well last.
    pub succeeded: Option<Time>,
    pub created: Option<Time>,
    /// What was said, and what is known.
    #[serde(default)]
    pub said: Said,
}

/// What was said about a `CronJob`, and what is known of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Only times after this one can be missed, by our clock: since then it is as it is, or all before were said.
    pub from: Option<DateTime<Utc>>,
    /// It was seen waiting for a Job of its own to end.
    pub busy: bool,
    /// When `missed` was said last.
    pub missed: Option<DateTime<Utc>>,
}

impl Sight {
    /// Reads a `CronJob`.
    pub fn read(job: wire::CronJob) -> Result<Self, Unreadable> {
        let wire::CronJob { metadata, spec, status } = job;
        let (spec, status) = (spec.unwrap_or_default(), status.unwrap_or_default());
        let sight = Self {
            uid: metadata.uid()?,
            schedule: said(spec.schedule).unwrap_or_default(),
            zone: said(spec.time_zone),
            suspended: spec.suspend == Some(true),
            ending: metadata.deletion_timestamp.is_some(),
            deadline: spec.starting_deadline_seconds,
            forbids: spec.concurrency_policy.as_deref() == Some("Forbid"),
            active: i64::try_from(status.active.unwrap_or_default().len()).unwrap_or(i64::MAX),
            last: status.last_schedule_time,
            succeeded: status.last_successful_time,
            created: metadata.creation_timestamp,
            said: Said::default(),
        };
        sight.times()?;
        Ok(sight)
    }

    /// When it should make Jobs; `None`: never.
    pub fn times(&self) -> Result<Option<Times>, Unreadable> {
        let unreadable = |part: &'static str, why: String| Unreadable::Shape {
            part,
            who: "Kubernetes",
            source: serde_json::Error::custom(why),
        };
        let expression = match Expression::parse(&self.schedule) {
            Ok(expression) => expression,
            // Some write the 31st of February for what they start by hand.
            Err(flaws) if flaws.iter().all(|flaw| flaw.message == NEVER) => return Ok(None),
            Err(flaws) => {
                let why: Vec<String> = flaws.into_iter().map(|flaw| flaw.message).collect();
                let why = format!("`{}`: {}", self.schedule, why.join("; "));
                return Err(unreadable("spec.schedule", why));
            }
        };
        // Without one it is the zone of the controller, which is UTC nearly everywhere.
        let zone = self.zone.as_deref().map_or(Ok(Tz::UTC), zone_named);
        Ok(Some(Times { expression, zone: zone.map_err(|why| unreadable("spec.timeZone", why))? }))
    }

    /// Whether it waits for a Job of its own to end.
    pub fn is_busy(&self) -> bool {
        self.forbids && self.active > 0
    }
}

/// When a `CronJob` should make Jobs.
pub struct Times {
    expression: Expression,
    zone: Tz,
}

impl Times {
    /// The first time after this one.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let next = self.expression.next_after(self.zone, after)?;
        if self.expression.text().starts_with("@every") {
            // Kubernetes counts an interval from the Job before, and not from the beginning of 1970.
            let interval = self.expression.next_after(self.zone, next)? - next;
            return after.checked_add_signed(interval);
        }
        Some(next)
    }
}
