//! What will most likely not get better by waiting.
//!
//! Each trouble has a patience: a registry hiccups, a database is up a little later than its client. What lasts longer ends
//! the deploy with its reason, long before the timeout.

use std::time::Duration;

use events::payload::deploy::Step;

use super::clause::{name, shorts};
use super::{Goal, rollout};
use crate::observed::{Application, Container, Observed, Phase, Pod, Waiting};

/// Argo CD's own trouble: its repo-server restarts in less.
const PATIENCE_WITH_ARGOCD: Duration = Duration::from_secs(30);
/// A new `HorizontalPodAutoscaler` is "Degraded" until it has its first metrics.
const PATIENCE_WITH_HEALTH: Duration = Duration::from_mins(1);
/// An image cannot be pulled, or a container cannot be made. The kubelet tries again after 10 s.
const PATIENCE_WITH_IMAGES: Duration = Duration::from_secs(20);
/// A container ends again and again.
const PATIENCE_WITH_CRASHES: Duration = Duration::from_secs(30);
/// So many restarts are a loop, also while the container happens to run.
const MANY_RESTARTS: i32 = 3;

/// The reasons of the kubelet that mean: this container will not start as it is.
const CANNOT_START: &[&str] = &[
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
];

/// Something that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Tells it from others, and stays the same while its text changes.
    pub key: String,
    /// Where it stands in the way.
    pub step: Step,
    /// What it is, for people.
    pub text: String,
    /// How long it may last; `None`: until the timeout.
    pub patience: Option<Duration>,
}

/// All that stands in the way, the most telling first.
pub fn troubles(goal: &Goal, observed: &Observed) -> Vec<Trouble> {
    let Some(application) = &observed.application else { return Vec::new() };
    let compared = observed.revisions.containing(&application.sync.revisions).is_some();
    let mut troubles = Vec::new();
    troubles.extend(operation(application, observed));
    troubles.extend(
        observed
            .workloads
            .iter()
            .filter(|it| rollout::names_image(goal, it))
            .flat_map(|workload| workload.pods.iter().filter(|pod| is_new(goal, pod)).flat_map(pod)),
    );
    troubles.extend(conditions(application, compared));
    troubles.extend(degraded(application, compared));
    troubles
}

/// The operation that carries our commit has ended badly, and Argo CD does not try the same again.
fn operation(application: &Application, observed: &Observed) -> Option<Trouble> {
    let operation = application.operation.as_ref()?;
    observed.revisions.containing(&operation.revisions)?;
    match operation.phase {
        Phase::Failed | Phase::Error => {}
        Phase::Running | Phase::Terminating | Phase::Succeeded => return None,
    }
    let (ended, revisions) = (name(operation.phase), shorts(&operation.revisions));
    let failed = operation.failed.iter().map(|resource| format!("{}: {}", resource.name, resource.message));
    let said: Vec<_> = std::iter::once(operation.message.clone()).chain(failed).collect();
    let text = format!("Argo CD's operation for {revisions} ended as {ended}: {}", said.join("; "));
    Some(Trouble { key: "operation".to_owned(), step: Step::Sync, text, patience: Some(Duration::ZERO) })
}

/// Argo CD's error conditions. That a sync failed says nothing of ours while it has not compared with our commit.
fn conditions(application: &Application, compared: bool) -> impl Iterator<Item = Trouble> {
    let ours = move |name: &str| name.ends_with("Error") && (compared || name != "SyncError");
    application.conditions.iter().filter(move |it| ours(&it.name)).map(|condition| Trouble {
        key: format!("condition/{}", condition.name),
        step: Step::Sync,
        text: format!("Argo CD: {}: {}", condition.name, condition.message),
        patience: Some(PATIENCE_WITH_ARGOCD),
    })
}

/// The health of our revision, not of the one before.
fn degraded(application: &Application, compared: bool) -> Option<Trouble> {
    let ended = application.operation.as_ref().is_none_or(|operation| operation.phase == Phase::Succeeded);
    let bad =
        compared && ended && application.sync.status == "Synced" && application.health.status == "Degraded";
    let message = Some(&application.health.message).filter(|message| !message.is_empty());
    bad.then(|| Trouble {
        key: "health".to_owned(),
        step: Step::Rollout,
        text: format!(
            "the Application is Degraded{}",
            message.map(|it| format!(": {it}")).unwrap_or_default()
        ),
        patience: Some(PATIENCE_WITH_HEALTH),
    })
}

/// A pod of the new template, that is here to stay. The old ones may do what they want.
fn is_new(goal: &Goal, pod: &Pod) -> bool {
    !pod.terminating && pod.containers.iter().any(|container| goal.is_named_by(&container.image))
}

fn pod(pod: &Pod) -> impl Iterator<Item = Trouble> {
    let unschedulable = pod.unschedulable.as_ref().map(|message| Trouble {
        key: format!("pod/{}", pod.name),
        step: Step::Rollout,
        text: format!("pod {}: Unschedulable: {message}", pod.name),
        // A node may join, or another pod may leave.
        patience: None,
    });
    pod.containers.iter().filter_map(|it| container(pod, it)).chain(unschedulable)
}

fn container(pod: &Pod, container: &Container) -> Option<Trouble> {
    let waiting = container.waiting.as_ref();
    let reason = waiting.map_or("", |waiting| waiting.reason.as_str());
    let crashes = reason == "CrashLoopBackOff"
        || (!container.ready && container.restarts >= MANY_RESTARTS && container.last_end.is_some());
    let (key, patience) = if CANNOT_START.contains(&reason) {
        ("start", PATIENCE_WITH_IMAGES)
    } else if crashes {
        ("crash", PATIENCE_WITH_CRASHES)
    } else {
        return None;
    };
    let what = match waiting {
        Some(Waiting { reason, message }) if message.is_empty() => reason.clone(),
        Some(Waiting { reason, message }) => format!("{reason}: {message}"),
        None => format!("started again {} times", container.restarts),
    };
    let end = match &container.last_end {
        Some((reason, code)) if crashes => format!(" (it ended with code {code}, {reason})"),
        Some(_) | None => String::new(),
    };
    let text = format!("pod {} container {}: {what}{end}", pod.name, container.name);
    let key = format!("pod/{}/{}/{key}", pod.name, container.name);
    Some(Trouble { key, step: Step::Rollout, text, patience: Some(patience) })
}
