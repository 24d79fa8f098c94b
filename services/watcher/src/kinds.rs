//! The kinds of objects that are watched: each says how it is read, what a transition is, and how it is told.

pub mod application;
pub mod autoscaler;
pub mod condition;
pub mod cron_job;
pub mod custom;
pub mod job;
pub mod namespace;
pub mod node;
pub mod pod;
pub mod project;
pub mod volume_claim;
pub mod volume_snapshot;
pub mod volume_usage;
pub mod warning;
pub mod workload;

use chrono::{DateTime, TimeDelta, Utc};
use events::{Envelope, Payload};
use kube::api::ApiResource;

use crate::announce::{self, Identity, Place, Voice};
use crate::gather::Time;
use crate::key::Key;
use crate::watched::{Baseline, Change, What};

/// Objects of Kubernetes itself are small.
const PAGE: u32 = 250;

/// A kind of Kubernetes itself. What there was before anybody looked is not said.
fn of_kubernetes(group: &str, kind: &'static str, plural: &str, namespaced: bool) -> What {
    let version = match group {
        "autoscaling" => "v2",
        "argoproj.io" => "v1alpha1",
        _ => "v1",
    };
    What {
        resource: ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version: if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") },
            kind: kind.to_owned(),
            plural: plural.to_owned(),
        },
        namespaced,
        one: kind.into(),
        several: format!("{kind}s"),
        missing: "does this cluster have them?",
        prefix: plural.to_owned(),
        baseline: Baseline::Silent,
        fields: None,
        page: PAGE,
    }
}

/// The event of a transition of such an object.
fn event<T, P: Payload>(
    what: &What,
    key: &Key,
    uid: &str,
    place: Place,
    change: &Change<T>,
    payload: &P,
    now: DateTime<Utc>,
) -> Envelope {
    let voice = Voice { source: "/kubernetes", partition: &what.resource.plural };
    announce::event(voice, key, Identity { uid, place, about: change.about.as_deref() }, payload, now)
}

/// That time and so much more; `None` if there is no such time.
fn after(time: Option<&Time>, more: TimeDelta) -> Option<DateTime<Utc>> {
    time.and_then(Time::utc)?.checked_add_signed(more)
}

fn text(time: Option<&Time>) -> Option<String> {
    time.and_then(Time::utc).map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
}

fn namespace(key: &Key) -> String {
    key.namespace().unwrap_or_default().to_owned()
}
