//! What is said of each kind of object, told as stories: how it stands, one sight after the other, and what is said.

mod cron_jobs;
mod custom;
mod objects;
mod patience;
mod pods;
mod workloads;

use chrono::{DateTime, TimeDelta, Utc};
use events::Envelope;
use serde_json::{Value, json};

use crate::announce::{Place, label};
use crate::gather::{Body as _, Object};
use crate::watched::Watched;

/// When all stories begin; the objects were made then.
const BEGIN: &str = "2026-11-24T12:00:00Z";

fn begin() -> DateTime<Utc> {
    BEGIN.parse().unwrap()
}

/// A time, in seconds from the beginning, as Kubernetes writes it.
fn at(seconds: i64) -> String {
    (begin() + TimeDelta::seconds(seconds)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// An object that stands like this.
fn object(name: &str, namespace: Option<&str>, rest: &Value) -> Value {
    let mut object = rest.clone();
    let given = object["metadata"].take();
    object["metadata"] = json!({
        "name": name, "namespace": namespace, "uid": format!("uid-{name}"), "resourceVersion": "1",
        "creationTimestamp": BEGIN, "generation": 1,
    });
    for (field, value) in given.as_object().into_iter().flatten() {
        object["metadata"][field] = value.clone();
    }
    object
}

/// Follows one object through its sights, as the engine does, without the engine.
pub struct Follower<W: Watched> {
    watched: W,
    pub seen: Option<W::Sight>,
    now: Option<(Value, W::Sight)>,
    again: Option<DateTime<Utc>>,
    sequence: u64,
    events: Vec<Envelope>,
}

impl<W: Watched> Follower<W> {
    pub fn new(watched: W) -> Self {
        Self { watched, seen: None, now: None, again: None, sequence: 0, events: Vec::new() }
    }

    /// What is said when it stands like this, so many seconds after the beginning; `*` stands for a wait that is kept in
    /// mind.
    pub fn sees(&mut self, seconds: i64, object: &Value) -> Vec<String> {
        let decoded: Object<W::Body> = serde_json::from_value(object.clone()).unwrap();
        let sight = self.watched.read(decoded.body, begin() + TimeDelta::seconds(seconds)).unwrap();
        self.now = Some((object.clone(), sight));
        self.looks(seconds)
    }

    /// What is said when it stands as before, and time has passed.
    fn looks(&mut self, seconds: i64) -> Vec<String> {
        let at = begin() + TimeDelta::seconds(seconds);
        let (object, sight) = self.now.clone().expect("it was seen");
        let verdict = self.watched.decide(self.seen.as_ref(), &sight, at);
        assert!(verdict.again.is_none_or(|again| again > at), "it would look at it for ever");
        let decoded: Object<W::Body> = serde_json::from_value(object).unwrap();
        let key = self.watched.key(decoded.body.metadata(), Some(&sight)).unwrap();
        self.sequence += 1;
        let place = Place { first_seen: begin(), sequence: self.sequence };
        let events: Vec<Envelope> = verdict
            .changes
            .iter()
            .map(|change| self.watched.event(&key, place, &sight, change, at))
            .collect();
        let ids: std::collections::BTreeSet<_> = events.iter().map(Envelope::id).collect();
        assert_eq!(ids.len(), events.len(), "each has an id of its own");
        let said = events.iter().map(|event| label(event).split_once('.').unwrap().1.to_owned()).collect();
        self.events.extend(events);
        self.again = verdict.again;
        self.seen = verdict.keep;
        // What is kept survives the store.
        let stored = serde_json::to_vec(&self.seen).unwrap();
        assert_eq!(serde_json::from_slice::<Option<W::Sight>>(&stored).unwrap(), self.seen);
        said
    }

    /// When it would be looked at again, in seconds from the beginning.
    fn waits_until(&self) -> Option<i64> {
        self.again.map(|again| (again - begin()).num_seconds())
    }

    /// What is said when it is gone.
    pub fn ends(&self) -> Vec<String> {
        let Some(seen) = &self.seen else { return Vec::new() };
        let verdict = self.watched.end(seen, None);
        assert_eq!(verdict.keep, None);
        verdict.changes.iter().map(|change| format!("{:?}", change.transition)).collect()
    }

    pub fn last(&self) -> Value {
        self.events.last().expect("something was said").json().unwrap()
    }
}
