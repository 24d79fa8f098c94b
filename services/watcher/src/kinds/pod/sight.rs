//! How a Pod stands: what may be wrong with it.

use std::collections::BTreeSet;

use events::payload::pod::Transition;
use serde::{Deserialize, Serialize};

use super::wire::{self, Terminated};
use crate::gather::{Time, Unreadable, said};
use crate::kinds::condition::{Condition, find};

/// Why an image is not there; Kubernetes goes back and forth between them.
const PULL: [&str; 6] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
];

/// How a Pod stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    pub uid: String,
    pub phase: String,
    pub ready: bool,
    /// It is being deleted: whatever becomes of it is no problem any more.
    pub ending: bool,
    pub node: Option<String>,
    pub owner: Option<String>,
    pub restarts: i64,
    /// Since when all containers run, if all do and it is ready.
    pub fine_since: Option<Time>,
    pub causes: Vec<Cause>,
    /// What was said to be wrong.
    #[serde(default)]
    pub said: BTreeSet<Transition>,
}

/// Something that may be wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    pub problem: Transition,
    pub since: Option<Time>,
    /// The container runs again since then: after a while this is history.
    pub runs_since: Option<Time>,
    pub reason: Option<String>,
    pub message: Option<String>,
    pub container: Option<Container>,
}

/// Which container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    pub name: String,
    pub image: String,
    pub exit_code: Option<i64>,
}

impl Sight {
    /// Reads a Pod.
    pub fn read(pod: wire::Pod) -> Result<Self, Unreadable> {
        let wire::Pod { metadata, spec, status } = pod;
        let status = status.unwrap_or_default();
        let conditions = status.conditions.as_deref();
        let ready = find(conditions, "Ready");
        let is_ready = ready.is_some_and(Condition::holds);
        let phase = status.phase.clone().unwrap_or_else(|| "Pending".to_owned());
        let containers: Vec<&wire::Container> =
            status.init_container_statuses.iter().chain(&status.container_statuses).flatten().collect();
        let mut causes: Vec<Cause> =
            containers.iter().filter_map(|container| of_container(container)).collect();
        if phase == "Failed" && status.reason.as_deref() == Some("Evicted") {
            causes.push(cause(Transition::Evicted, None, status.reason.clone(), status.message.clone()));
        }
        if let Some(condition) = find(conditions, "PodScheduled").filter(|it| it.is_false())
            && condition.because("Unschedulable")
        {
            causes.push(of_condition(Transition::Unschedulable, condition, None));
        }
        if !is_ready && matches!(phase.as_str(), "Pending" | "Running") {
            let born = metadata.creation_timestamp.clone();
            causes.push(match ready {
                Some(condition) => of_condition(Transition::NotReady, condition, born),
                None => cause(Transition::NotReady, born, None, None),
            });
        }
        let restarts = containers.iter().map(|container| container.restart_count).sum();
        Ok(Self {
            uid: metadata.uid()?,
            ready: is_ready,
            ending: metadata.deletion_timestamp.is_some(),
            node: said(spec.and_then(|spec| spec.node_name)),
            owner: metadata.owner(),
            restarts,
            fine_since: fine_since(&status, ready.filter(|_| is_ready)),
            causes,
            phase,
            said: BTreeSet::new(),
        })
    }
}

/// The latest of the starts of its containers and of its being ready.
fn fine_since(status: &wire::Status, ready: Option<&Condition>) -> Option<Time> {
    let ready = ready?.last_transition_time.clone();
    let containers = status.container_statuses.iter().flatten();
    let starts =
        containers.filter_map(|container| container.state.as_ref()?.running.as_ref()?.started_at.clone());
    starts.chain(ready).max_by_key(Time::utc)
}

fn of_container(container: &wire::Container) -> Option<Cause> {
    let wire::Container { name, image, ready, restart_count: _, state, last_state } = container;
    let ended = |state: &Option<wire::State>| state.as_ref()?.terminated.clone();
    let last = ended(state).or_else(|| ended(last_state));
    let waiting = state.as_ref().and_then(|state| state.waiting.clone());
    let because = |reason: &str| waiting.as_ref().is_some_and(|it| it.reason.as_deref() == Some(reason));
    let killed = last.as_ref().filter(|last| last.reason.as_deref() == Some("OOMKilled"));
    let at = last.as_ref().and_then(|last| last.finished_at.clone());
    let runs_since = state.as_ref().and_then(|state| state.running.as_ref()?.started_at.clone());
    let problem = if killed.is_some() {
        Transition::OomKilled
    } else if because("CrashLoopBackOff") {
        Transition::CrashLooping
    } else if PULL.iter().any(|reason| because(reason)) {
        Transition::ImagePullFailing
    } else {
        return None;
    };
    let (reason, message) = match (killed, &waiting) {
        (Some(Terminated { reason, message, .. }), _) => (reason.clone(), message.clone()),
        (None, Some(waiting)) => (waiting.reason.clone(), waiting.message.clone()),
        (None, None) => (None, None),
    };
    Some(Cause {
        runs_since: runs_since.filter(|_| *ready),
        container: Some(Container {
            name: name.clone(),
            image: image.clone(),
            exit_code: last.and_then(|last| last.exit_code),
        }),
        ..cause(problem, at, reason, message)
    })
}

fn of_condition(problem: Transition, condition: &Condition, otherwise: Option<Time>) -> Cause {
    let since = condition.last_transition_time.clone().or(otherwise);
    cause(problem, since, condition.reason.clone(), condition.message.clone())
}

fn cause(problem: Transition, since: Option<Time>, reason: Option<String>, message: Option<String>) -> Cause {
    Cause { problem, since, runs_since: None, reason: said(reason), message: said(message), container: None }
}
