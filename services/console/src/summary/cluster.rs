//! What happened in the cluster, as the watcher tells it.

use events::payload::autoscaler::Autoscaler;
use events::payload::cron_job::CronJob;
use events::payload::job::Job;
use events::payload::namespace::Namespace;
use events::payload::node::Node;
use events::payload::object::Object;
use events::payload::pod::Pod;
use events::payload::project::Project;
use events::payload::volume_claim::VolumeClaim;
use events::payload::volume_snapshot::VolumeSnapshot;
use events::payload::volume_usage::{Resource, VolumeUsage};
use events::payload::warning::Warning;
use events::payload::workload::{Transition, Workload};

use super::LINE;
use crate::line;

pub(super) fn workload(it: &Workload) -> String {
    let Workload { transition, desired, updated, available, images, reason, message, previous, .. } = it;
    let was = previous.as_deref().unwrap_or("nothing");
    match transition {
        Transition::Created | Transition::Deleted => images.join(", "),
        Transition::ImageChanged => format!("{} (was {was})", images.join(", ")),
        Transition::Scaled => format!("{desired} pods (were {was})"),
        Transition::Progressing => format!("{updated} of {desired} pods are new"),
        Transition::RolledOut | Transition::Available => {
            format!("{available} of {desired} pods are available")
        }
        Transition::DeadlineExceeded | Transition::Unavailable => {
            let why = why(reason.as_deref(), message.as_deref());
            because(format!("{available} of {desired} pods are available"), &why)
        }
    }
}

pub(super) fn pod(it: &Pod) -> String {
    let why = why(it.reason.as_deref(), it.message.as_deref());
    let container = it.container.as_ref().map(|name| format!("container {name}"));
    let restarts = (it.restarts > 0).then(|| format!("{} restarts", it.restarts));
    let parts: Vec<String> = container.into_iter().chain(restarts).collect();
    because(parts.join(", "), &why)
}

pub(super) fn node(it: &Node) -> String {
    let why = why(it.reason.as_deref(), it.message.as_deref());
    because(it.condition.clone().unwrap_or_default(), &why)
}

pub(super) fn job(it: &Job) -> String {
    let why = why(it.reason.as_deref(), it.message.as_deref());
    because(format!("{} ended well, {} failed", it.succeeded, it.failed), &why)
}

pub(super) fn cron_job(it: &CronJob) -> String {
    let zone = it.time_zone.as_ref().map(|zone| format!(" in {zone}")).unwrap_or_default();
    let when = format!("{}{zone}", it.schedule);
    let times = it.times.filter(|times| *times > 1).map(|times| format!("{times} times, the last "));
    match &it.scheduled_at {
        Some(missed) => format!("no Job for {}{missed} ({when})", times.unwrap_or_default()),
        None => when,
    }
}

pub(super) fn volume_claim(it: &VolumeClaim) -> String {
    let size = it.capacity.as_deref().or(it.requested.as_deref()).unwrap_or("unknown size");
    let was = it.previous.as_ref().map(|previous| format!(" (was {previous})"));
    format!("{}, {size}{}", it.phase, was.unwrap_or_default())
}

pub(super) fn volume_usage(it: &VolumeUsage) -> String {
    let of = match it.scarce {
        Resource::Space => "its space",
        Resource::Inodes => "its inodes",
    };
    format!("{}% of {of} is used", it.used_percent)
}

pub(super) fn autoscaler(it: &Autoscaler) -> String {
    let why = why(it.reason.as_deref(), it.message.as_deref());
    because(format!("{} has {} of at most {} pods", it.target, it.current, it.max), &why)
}

pub(super) fn namespace(_: &Namespace) -> String {
    String::new()
}

pub(super) fn project(it: &Project) -> String {
    let about = it.description.as_deref().map(|text| line::first(text, LINE)).unwrap_or_default();
    if it.changed.is_empty() { about } else { format!("{} changed", it.changed.join(", ")) }
}

pub(super) fn warning(it: &Warning) -> String {
    let times = if it.count > 1 { format!(", {} times", it.count) } else { String::new() };
    because(format!("{}{times}", it.reason), &line::first(&it.message, LINE))
}

pub(super) fn object(it: &Object) -> String {
    let phase = it.phase.as_deref().unwrap_or("no phase");
    let was = it.previous.as_ref().map(|previous| format!(" (was {previous})")).unwrap_or_default();
    because(format!("{} {phase}{was}", it.kind), &why(None, it.message.as_deref()))
}

pub(super) fn volume_snapshot(it: &VolumeSnapshot) -> String {
    let claim = it.claim.as_ref().map(|claim| format!("of {claim}"));
    because(claim.unwrap_or_default(), &why(None, it.message.as_deref()))
}

fn because(what: String, why: &str) -> String {
    match (what.is_empty(), why.is_empty()) {
        (true, _) => why.to_owned(),
        (false, true) => what,
        (false, false) => format!("{what}: {why}"),
    }
}

/// The sentence, or else the word.
fn why(reason: Option<&str>, message: Option<&str>) -> String {
    line::first(message.or(reason).unwrap_or_default(), LINE)
}
