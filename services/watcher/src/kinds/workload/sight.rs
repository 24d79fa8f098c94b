//! How a workload stands.

use chrono::{DateTime, Utc};
use events::payload::workload::WorkloadKind;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::wire;
use crate::gather::{Time, Unreadable, list, said};
use crate::kinds::condition::{Condition, find};

/// How a workload stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    pub uid: String,
    pub generation: i64,
    /// Whether its controller has seen its newest generation.
    pub current: bool,
    pub desired: i64,
    pub updated: i64,
    pub ready: i64,
    pub available: i64,
    pub images: Vec<String>,
    pub rollout: Rollout,
    /// Whether it has as many pods as it needs.
    pub enough: bool,
    pub reason: Option<String>,
    pub message: Option<String>,
    pub created: Option<Time>,
    /// What was said.
    #[serde(default)]
    pub said: Said,
}

/// How far a roll-out is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rollout {
    /// The newest template is rolled out.
    #[default]
    Done,
    /// It is on its way.
    Progressing,
    /// Its time is over.
    Stalled,
    /// Somebody holds it.
    Paused,
}

/// What was said about a workload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The generation that was rolled out last: until it changes, nothing is being rolled out.
    pub generation: i64,
    pub rollout: Rollout,
    /// Since when it is being rolled out, by our clock.
    pub since: Option<DateTime<Utc>>,
    pub available: Option<bool>,
}

impl Sight {
    /// Reads a workload of that kind.
    pub fn read(kind: WorkloadKind, workload: wire::Workload) -> Result<Self, Unreadable> {
        let wire::Workload { metadata, spec, status } = workload;
        let (spec, status) = (spec.unwrap_or_default(), status.unwrap_or_default());
        let number = |number: Option<i64>| number.unwrap_or_default();
        let replicas = spec.replicas.unwrap_or(1);
        let (desired, updated, ready, available) = match kind {
            WorkloadKind::Deployment | WorkloadKind::StatefulSet => (
                replicas,
                number(status.updated_replicas),
                number(status.ready_replicas),
                number(status.available_replicas),
            ),
            WorkloadKind::DaemonSet => (
                number(status.desired_number_scheduled),
                number(status.updated_number_scheduled),
                number(status.number_ready),
                number(status.number_available),
            ),
        };
        let conditions = status.conditions.as_deref();
        let progress = find(conditions, "Progressing");
        let (rollout, enough, why) = match kind {
            WorkloadKind::Deployment => {
                let available = find(conditions, "Available");
                let enough = available.is_some_and(Condition::holds);
                let rollout = deployment(&spec, progress);
                (rollout, enough, if rollout == Rollout::Stalled { progress } else { available.or(progress) })
            }
            WorkloadKind::StatefulSet => {
                let strategy = spec.update_strategy.clone().unwrap_or_default();
                let partition = strategy.rolling_update.as_ref().and_then(|rolling| rolling.partition);
                let same = status.current_revision == status.update_revision;
                let done = same || updated >= desired - number(partition);
                (of(&strategy, done), available >= needed(desired, &strategy), None)
            }
            WorkloadKind::DaemonSet => {
                let strategy = spec.update_strategy.clone().unwrap_or_default();
                let needed = needed(desired, &strategy);
                (of(&strategy, updated >= desired && available >= needed), available >= needed, None)
            }
        };
        let generation = number(metadata.generation);
        Ok(Self {
            uid: metadata.uid()?,
            generation,
            current: number(status.observed_generation) >= generation,
            desired,
            updated,
            ready,
            available,
            images: images(spec),
            rollout,
            enough,
            reason: why.and_then(|condition| said(condition.reason.clone())),
            message: why.and_then(|condition| said(condition.message.clone())),
            created: metadata.creation_timestamp,
            said: Said::default(),
        })
    }
}

/// Source: `pkg/controller/deployment/util/deployment_util.go` of Kubernetes, the reasons of the condition `Progressing`.
fn deployment(spec: &wire::Spec, progress: Option<&Condition>) -> Rollout {
    match progress.and_then(|condition| condition.reason.as_deref()) {
        _ if spec.paused == Some(true) => Rollout::Paused,
        Some("NewReplicaSetAvailable") => Rollout::Done,
        Some("ProgressDeadlineExceeded") => Rollout::Stalled,
        Some(_) | None => Rollout::Progressing,
    }
}

fn of(strategy: &wire::Strategy, done: bool) -> Rollout {
    // With `OnDelete`, people decide when.
    if done || strategy.ty.as_deref() == Some("OnDelete") { Rollout::Done } else { Rollout::Progressing }
}

/// As many as it has to have, also while it is being rolled out.
fn needed(desired: i64, strategy: &wire::Strategy) -> i64 {
    let may_miss = match strategy.rolling_update.as_ref().and_then(|rolling| rolling.max_unavailable.as_ref())
    {
        Some(Value::Number(number)) => number.as_i64().unwrap_or(1),
        Some(Value::String(text)) => {
            let percent: i64 = text.trim_end_matches('%').parse().unwrap_or_default();
            // Kubernetes rounds up.
            (desired * percent + 99) / 100
        }
        _ => 1,
    };
    if desired == 0 { 0 } else { (desired - may_miss).max(1) }
}

fn images(spec: wire::Spec) -> Vec<String> {
    let pod = spec.template.and_then(|template| template.spec).unwrap_or_default();
    let containers = pod.init_containers.into_iter().chain(pod.containers).flatten();
    list(containers.filter_map(|container| container.image).collect())
}
