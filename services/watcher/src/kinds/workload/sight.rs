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
    /// How many it needs: fewer than it wants, by as many as may be missing.
    #[serde(default)]
    pub least: i64,
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
    /// It is to have more pods than it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growing: Option<Growing>,
}

/// A workload that is to have more pods than it had: until they are there, it needs no more than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Growing {
    /// Since when, by our clock.
    pub since: DateTime<Utc>,
    /// How many it needed before.
    pub least: i64,
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
        let strategy = spec.update_strategy.clone().or_else(|| spec.strategy.clone()).unwrap_or_default();
        let least = match kind {
            WorkloadKind::Deployment => needed_by_deployment(desired, &strategy),
            WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => needed(desired, &strategy),
        };
        let (rollout, enough, why) = match kind {
            WorkloadKind::Deployment => {
                let available = find(conditions, "Available");
                let enough = available.is_some_and(Condition::holds);
                let rollout = deployment(&spec, progress);
                (rollout, enough, if rollout == Rollout::Stalled { progress } else { available.or(progress) })
            }
            WorkloadKind::StatefulSet => {
                let partition = strategy.rolling_update.as_ref().and_then(|rolling| rolling.partition);
                let same = status.current_revision == status.update_revision;
                let done = same || updated >= desired - number(partition);
                (of(&strategy, done), available >= least, None)
            }
            WorkloadKind::DaemonSet => {
                (of(&strategy, updated >= desired && available >= least), available >= least, None)
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
            least,
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

/// Source: `MaxUnavailable` and `ResolveFenceposts` in `pkg/controller/deployment/util/deployment_util.go` of Kubernetes.
fn needed_by_deployment(desired: i64, strategy: &wire::Strategy) -> i64 {
    if strategy.ty.as_deref() == Some("Recreate") || desired == 0 {
        return desired;
    }
    let rolling = strategy.rolling_update.clone().unwrap_or_default();
    let number = |value: Option<Value>, up: i64| match value {
        Some(Value::Number(number)) => number.as_i64().unwrap_or_default(),
        Some(Value::String(text)) => portion(desired, &text, up),
        _ => portion(desired, "25%", up),
    };
    let (may_miss, surge) = (number(rolling.max_unavailable, 0), number(rolling.max_surge, 99));
    (desired - if may_miss == 0 && surge == 0 { 1 } else { may_miss }).max(0)
}

/// A percentage of the wanted pods; `up` is 99 to round up, 0 to round down.
fn portion(desired: i64, percent: &str, up: i64) -> i64 {
    let percent: i64 = percent.trim_end_matches('%').parse().unwrap_or_default();
    desired.saturating_mul(percent).saturating_add(up) / 100
}

/// As many as it has to have, also while it is being rolled out.
fn needed(desired: i64, strategy: &wire::Strategy) -> i64 {
    let may_miss = match strategy.rolling_update.as_ref().and_then(|rolling| rolling.max_unavailable.as_ref())
    {
        Some(Value::Number(number)) => number.as_i64().unwrap_or(1),
        // Kubernetes rounds up.
        Some(Value::String(text)) => portion(desired, text, 99),
        _ => 1,
    };
    if desired == 0 { 0 } else { (desired - may_miss).max(1) }
}

fn images(spec: wire::Spec) -> Vec<String> {
    let pod = spec.template.and_then(|template| template.spec).unwrap_or_default();
    let containers = pod.init_containers.into_iter().chain(pod.containers).flatten();
    list(containers.filter_map(|container| container.image).collect())
}
