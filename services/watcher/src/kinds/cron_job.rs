//! `CronJobs`: whether they make their Jobs.

mod decide;
mod sight;
mod wire;

use chrono::{DateTime, Utc};
use events::Envelope;
use events::payload::cron_job::{CronJob, Transition};

use crate::announce::Place;
use crate::gather::Unreadable;
use crate::key::Key;
use crate::patience::Patience;
use crate::watched::{self, Verdict, Watched, What};

pub use sight::Sight;

type Change = watched::Change<Transition>;

/// `CronJobs`.
#[derive(Debug)]
pub struct CronJobs {
    what: What,
    patience: Patience,
}

impl Default for CronJobs {
    fn default() -> Self {
        Self::new(Patience::default())
    }
}

impl CronJobs {
    /// Says what has lasted for so long.
    pub fn new(patience: Patience) -> Self {
        Self { what: super::of_kubernetes("batch", "CronJob", "cronjobs", true), patience }
    }
}

impl Watched for CronJobs {
    type Body = wire::CronJob;
    type Sight = Sight;
    type Transition = Transition;

    fn what(&self) -> &What {
        &self.what
    }

    fn read(&self, body: wire::CronJob, _at: DateTime<Utc>) -> Result<Sight, Unreadable> {
        Sight::read(body)
    }

    fn uid<'a>(&self, sight: &'a Sight) -> &'a str {
        &sight.uid
    }

    fn decide(&self, seen: Option<&Sight>, now: &Sight, at: DateTime<Utc>) -> Verdict<Sight, Transition> {
        decide::decide(self.patience.cron_job_missed, seen, now, at)
    }

    /// That a `CronJob` is taken away is no news.
    fn end(&self, _seen: &Sight, _last: Option<&Sight>) -> Verdict<Sight, Transition> {
        Verdict::new(Vec::new(), None)
    }

    fn event(&self, key: &Key, place: Place, sight: &Sight, change: &Change, now: DateTime<Utc>) -> Envelope {
        let payload = CronJob {
            transition: change.transition,
            name: key.name().to_owned(),
            namespace: super::namespace(key),
            schedule: sight.schedule.clone(),
            time_zone: sight.zone.clone(),
            active: sight.active,
            scheduled_at: change.about.clone(),
            times: change.previous.as_ref().and_then(|times| times.parse().ok()),
            last_scheduled_at: super::text(sight.last.as_ref()),
        };
        super::event(&self.what, key, &sight.uid, place, change, &payload, now)
    }
}
