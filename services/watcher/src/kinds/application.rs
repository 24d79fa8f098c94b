//! Argo CD's Applications.
//!
//! Source of the fields: `manifests/crds/application-crd.yaml` of Argo CD, `argoproj.io/v1alpha1`.

mod decide;
mod sight;
mod wire;
mod words;

use chrono::{DateTime, Utc};
use events::Envelope;
use events::payload::application::{Application, Transition};
use kube::api::ApiResource;

use crate::announce::{self, Identity, Place, Voice};
use crate::gather::{Time, Unreadable};
use crate::key::Key;
use crate::watched::{Baseline, Change, Verdict, Watched, What};

pub use decide::remember;
pub use sight::Sight;

/// An Application with hundreds of resources has some hundred kilobytes.
const PAGE: u32 = 50;
const VOICE: Voice<'static> = Voice { source: "/argocd", partition: "argocd" };

/// Argo CD's Applications.
#[derive(Debug)]
pub struct Applications(What);

impl Default for Applications {
    fn default() -> Self {
        Self(What {
            resource: ApiResource {
                group: "argoproj.io".to_owned(),
                version: "v1alpha1".to_owned(),
                api_version: "argoproj.io/v1alpha1".to_owned(),
                kind: "Application".to_owned(),
                plural: "applications".to_owned(),
            },
            namespaced: true,
            one: "Application".into(),
            several: "Applications".to_owned(),
            missing: "is Argo CD installed?",
            prefix: "argocd".to_owned(),
            baseline: Baseline::Said,
            fields: None,
            page: PAGE,
        })
    }
}

impl Watched for Applications {
    type Body = wire::Application;
    type Sight = Sight;
    type Transition = Transition;

    fn what(&self) -> &What {
        &self.0
    }

    fn read(&self, body: wire::Application, _at: DateTime<Utc>) -> Result<Sight, Unreadable> {
        Sight::read(body)
    }

    fn uid<'a>(&self, sight: &'a Sight) -> &'a str {
        &sight.uid
    }

    fn decide(&self, seen: Option<&Sight>, now: &Sight, _at: DateTime<Utc>) -> Verdict<Sight, Transition> {
        let changes = decide::changes(seen, now);
        let keep = match seen {
            Some(seen) if changes.is_empty() => decide::refresh(seen, now),
            _ => remember(seen, now.clone()),
        };
        Verdict::new(changes, Some(keep))
    }

    fn end(&self, _seen: &Sight, _last: Option<&Sight>) -> Verdict<Sight, Transition> {
        Verdict::new(vec![Change::new(Transition::Deleted)], None)
    }

    fn event(
        &self,
        key: &Key,
        place: Place,
        sight: &Sight,
        change: &Change<Transition>,
        now: DateTime<Utc>,
    ) -> Envelope {
        let identity = Identity { uid: &sight.uid, place, about: change.about.as_deref() };
        let time = time(sight, change.transition).unwrap_or(now);
        announce::event(VOICE, key, identity, &payload(key, sight, change), time)
    }
}

fn payload(key: &Key, sight: &Sight, change: &Change<Transition>) -> Application {
    let Sight {
        uid: _,
        resource_version: _,
        project,
        destination_namespace,
        sync,
        health,
        health_message,
        health_since: _,
        revisions,
        images,
        operation,
        conditions,
        compared: _,
    } = sight.clone();
    Application {
        transition: change.transition,
        name: key.name().to_owned(),
        namespace: key.namespace().unwrap_or_default().to_owned(),
        project,
        destination_namespace,
        sync,
        health,
        health_message,
        revisions,
        images,
        operation,
        conditions,
        previous: change.previous.clone(),
    }
}

/// When it happened, by Argo CD's clock, where Argo CD says so.
fn time(sight: &Sight, transition: Transition) -> Option<DateTime<Utc>> {
    let operation = sight.operation.as_ref();
    let text = match transition {
        Transition::OperationRunning => operation?.started_at.as_ref(),
        Transition::OperationSucceeded | Transition::OperationFailed | Transition::OperationError => {
            operation?.finished_at.as_ref()
        }
        Transition::Healthy
        | Transition::Progressing
        | Transition::Degraded
        | Transition::Suspended
        | Transition::Missing
        | Transition::HealthUnknown => sight.health_since.as_ref(),
        Transition::Created
        | Transition::Deleted
        | Transition::Synced
        | Transition::OutOfSync
        | Transition::Drifted
        | Transition::SyncUnknown => None,
    };
    Time::from(text?.as_str()).utc()
}
