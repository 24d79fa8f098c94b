//! Namespaces.

use chrono::{DateTime, Utc};
use events::Envelope;
use events::payload::namespace::{Namespace, Transition};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::announce::Place;
use crate::gather::{Common, Unreadable};
use crate::key::Key;
use crate::watched::{self, Verdict, Watched, What};

type Change = watched::Change<Transition>;

/// Namespaces.
#[derive(Debug)]
pub struct Namespaces(What);

/// How a Namespace stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    uid: String,
    terminating: bool,
}

impl Default for Namespaces {
    fn default() -> Self {
        Self(super::of_kubernetes("", "Namespace", "namespaces", false))
    }
}

impl Watched for Namespaces {
    type Body = Common<IgnoredAny, IgnoredAny>;
    type Sight = Sight;
    type Transition = Transition;

    fn what(&self) -> &What {
        &self.0
    }

    fn read(&self, body: Self::Body, _at: DateTime<Utc>) -> Result<Sight, Unreadable> {
        Ok(Sight { uid: body.metadata.uid()?, terminating: body.metadata.deletion_timestamp.is_some() })
    }

    fn uid<'a>(&self, sight: &'a Sight) -> &'a str {
        &sight.uid
    }

    fn decide(&self, seen: Option<&Sight>, now: &Sight, _at: DateTime<Utc>) -> Verdict<Sight, Transition> {
        let created = seen.is_none().then_some(Transition::Created);
        let terminating = now.terminating && !seen.is_some_and(|seen| seen.terminating);
        let changes = created.into_iter().chain(terminating.then_some(Transition::Terminating));
        Verdict::new(changes.map(Change::new).collect(), Some(now.clone()))
    }

    fn end(&self, _seen: &Sight, _last: Option<&Sight>) -> Verdict<Sight, Transition> {
        Verdict::new(vec![Change::new(Transition::Deleted)], None)
    }

    fn event(&self, key: &Key, place: Place, sight: &Sight, change: &Change, now: DateTime<Utc>) -> Envelope {
        let payload = Namespace { transition: change.transition, name: key.name().to_owned() };
        super::event(&self.0, key, &sight.uid, place, change, &payload, now)
    }
}
