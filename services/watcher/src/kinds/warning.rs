//! Warnings (`v1` Events of the type `Warning`), aggregated: one for each object and reason, and again when there are ten
//! times as many. What is quiet for as long as Kubernetes keeps Events (an hour) begins anew.

mod wire;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use events::Envelope;
use events::payload::warning::{Transition, Warning};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::announce::{self, Identity, Place, Voice};
use crate::gather::{Metadata, Time, Unreadable, said};
use crate::key::Key;
use crate::watched::{self, Verdict, Watched, What};

type Change = watched::Change<Transition>;

/// It is said again when there are so many times as many.
const GROWTH: i64 = 10;
/// So many Events of one object and reason are told apart: Kubernetes itself combines more than ten.
const APART: usize = 32;
/// The namespace of the keys (RFC 9562 version 5). Chosen once.
const NAMESPACE: Uuid = Uuid::from_u128(0x8b1d_2f64_0c3e_5a97_b2d1_6e4f_a07c_9135);

/// Warnings.
#[derive(Debug)]
pub struct Warnings(What);

/// How an Event stands; and, in what is kept, how all those of one object and reason do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    /// The uid of the object that it is about.
    uid: String,
    kind: String,
    name: String,
    namespace: String,
    reason: String,
    message: String,
    first: Option<Time>,
    last: Option<Time>,
    reporter: Option<String>,
    /// How often, by the uid of the Event.
    counts: BTreeMap<String, i64>,
    /// How often it was when it was said last.
    #[serde(default)]
    said: i64,
}

impl Default for Warnings {
    fn default() -> Self {
        let what = super::of_kubernetes("", "Event", "events", true);
        Self(What { fields: Some("type=Warning"), ..what })
    }
}

impl Sight {
    fn total(&self) -> i64 {
        self.counts.values().fold(0, |total, count| total.saturating_add(*count))
    }

    fn joined(&self, now: &Self) -> Self {
        let mut counts = self.counts.clone();
        for (event, count) in &now.counts {
            if counts.len() < APART || counts.contains_key(event) {
                counts.insert(event.clone(), *count);
            }
        }
        let first = [&self.first, &now.first].into_iter().flatten().min_by_key(|time| time.utc()).cloned();
        Self { counts, first, said: self.said, ..now.clone() }
    }
}

impl Watched for Warnings {
    type Body = wire::Event;
    type Sight = Sight;
    type Transition = Transition;

    fn what(&self) -> &What {
        &self.0
    }

    fn read(&self, body: wire::Event, _at: DateTime<Utc>) -> Result<Sight, Unreadable> {
        let event = body.metadata.uid()?;
        let count = body.series.as_ref().and_then(|series| series.count).or(body.count).unwrap_or(1);
        let last = body.series.and_then(|series| series.last_observed_time);
        let first = body.first_timestamp.or_else(|| body.at.clone());
        let wire::Involved { kind, name, namespace, uid } = body.involved_object.unwrap_or_default();
        let text = |text: Option<String>| said(text).unwrap_or_default();
        Ok(Sight {
            uid: text(uid),
            kind: text(kind),
            name: text(name),
            namespace: text(namespace),
            reason: text(body.reason),
            message: text(body.message),
            last: last.or(body.last_timestamp).or(body.at),
            first: first.or(body.metadata.creation_timestamp),
            reporter: said(body.reporting_component).or_else(|| said(body.source?.component)),
            counts: BTreeMap::from([(event, count.max(1))]),
            said: 0,
        })
    }

    fn key(&self, metadata: &Metadata, sight: Option<&Sight>) -> Option<Key> {
        let Sight { uid, kind, name, namespace, reason, .. } = sight?;
        let what = format!("{kind}/{namespace}/{name}/{uid}/{reason}");
        let id = Uuid::new_v5(&NAMESPACE, what.as_bytes()).to_string();
        Key::new(metadata.namespace.as_deref(), &id)
    }

    fn uid<'a>(&self, sight: &'a Sight) -> &'a str {
        &sight.uid
    }

    fn decide(&self, seen: Option<&Sight>, now: &Sight, _at: DateTime<Utc>) -> Verdict<Sight, Transition> {
        let Some(seen) = seen else {
            let keep = Sight { said: now.total(), ..now.clone() };
            return Verdict::new(vec![Change::new(Transition::Warning)], Some(keep));
        };
        let joined = seen.joined(now);
        let total = joined.total();
        if total >= seen.said.saturating_mul(GROWTH) {
            let change = Change::new(Transition::Warning).from(seen.said.to_string());
            return Verdict::new(vec![change], Some(Sight { said: total, ..joined }));
        }
        // That there is one more Event is kept; that it happened once more is not worth a write.
        let keep = if joined.counts.len() > seen.counts.len() { joined } else { seen.clone() };
        Verdict::new(Vec::new(), Some(keep))
    }

    /// An Event is gone an hour after it was seen last.
    fn end(&self, seen: &Sight, last: Option<&Sight>) -> Verdict<Sight, Transition> {
        let Some(last) = last else { return Verdict::new(Vec::new(), None) };
        let mut rest = seen.clone();
        rest.counts.retain(|event, _| !last.counts.contains_key(event));
        let keep = (!rest.counts.is_empty()).then_some(rest);
        Verdict::new(Vec::new(), keep)
    }

    fn event(&self, key: &Key, place: Place, sight: &Sight, change: &Change, now: DateTime<Utc>) -> Envelope {
        let before: i64 = change.previous.as_ref().and_then(|count| count.parse().ok()).unwrap_or_default();
        let payload = Warning {
            transition: change.transition,
            reason: sight.reason.clone(),
            message: sight.message.clone(),
            kind: sight.kind.clone(),
            name: sight.name.clone(),
            namespace: sight.namespace.clone(),
            count: sight.total().max(before),
            first_at: super::text(sight.first.as_ref()),
            last_at: super::text(sight.last.as_ref()),
            reporter: sight.reporter.clone(),
            previous: change.previous.clone(),
        };
        let voice = Voice { source: "/kubernetes", partition: "events" };
        // What is written into an Event is not checked by Kubernetes.
        let object = Key::new(Some(&sight.kind.to_lowercase()), &sight.name);
        let subject = object.map(|object| match key.namespace() {
            Some(namespace) => format!("{namespace}/{object}"),
            None => object.to_string(),
        });
        let subject = subject.unwrap_or_else(|| key.to_string());
        let identity = Identity { uid: &sight.uid, place, about: Some(&sight.reason) };
        let time = sight.last.as_ref().and_then(Time::utc).unwrap_or(now);
        announce::event_about(voice, key.namespace(), &subject, identity, &payload, time)
    }
}
