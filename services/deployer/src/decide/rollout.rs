//! Clauses 4 and 5: what runs.

use std::collections::BTreeSet;

use super::{Clause, Goal, Unmet};
use crate::observed::{Observed, Pod, Workload};

/// The image runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RolledOut {
    /// In so many pods. None if the workload is scaled to zero.
    pub pods: u32,
    /// Whose containers were started again so often.
    pub restarts: i64,
}

/// Whether every workload is rolled out, and the wanted image runs.
pub fn rolled_out(goal: &Goal, observed: &Observed) -> Result<RolledOut, Unmet> {
    if let Some(absent) = observed.absent.first() {
        return Err(Unmet::Yet(Clause::Present { absent: absent.clone() }));
    }
    if let Some(behind) = observed.workloads.iter().find(|workload| !workload.is_complete()) {
        let Workload { id, generation, observed_generation, desired, total, updated, ready, paused, .. } =
            behind;
        return Err(Unmet::Yet(Clause::RolledOut {
            workload: id.clone(),
            generation: *generation,
            observed_generation: *observed_generation,
            desired: *desired,
            total: *total,
            updated: *updated,
            ready: *ready,
            paused: *paused,
        }));
    }
    let ours: Vec<_> = observed.workloads.iter().filter(|workload| names_image(goal, workload)).collect();
    if ours.is_empty() {
        let seen: BTreeSet<_> =
            observed.workloads.iter().flat_map(|workload| workload.images.clone()).collect();
        let image = goal.wanted.image().to_string();
        return Err(Unmet::Yet(Clause::Named { image, seen: seen.into_iter().collect() }));
    }
    let mut sum = RolledOut { pods: 0, restarts: 0 };
    for workload in ours {
        let RolledOut { pods, restarts } = running(goal, workload)?;
        sum = RolledOut { pods: sum.pods + pods, restarts: sum.restarts + restarts };
    }
    Ok(sum)
}

/// Whether a workload's template asks for the wanted image.
pub fn names_image(goal: &Goal, workload: &Workload) -> bool {
    workload.images.iter().any(|image| goal.is_named_by(image))
}

fn running(goal: &Goal, workload: &Workload) -> Result<RolledOut, Unmet> {
    let ready = || workload.pods.iter().filter(|pod| pod.ready && !pod.terminating);
    let (ours, others): (Vec<&Pod>, Vec<&Pod>) = ready().partition(|pod| runs_image(goal, pod));
    let pods = u32::try_from(ours.len()).unwrap_or(u32::MAX);
    let enough = u32::try_from(workload.desired).is_ok_and(|desired| pods >= desired);
    if enough && others.is_empty() {
        let restarts =
            ours.iter().flat_map(|pod| &pod.containers).map(|container| i64::from(container.restarts)).sum();
        return Ok(RolledOut { pods, restarts });
    }
    let others: BTreeSet<_> = others.iter().flat_map(|pod| pod.containers.iter().map(described)).collect();
    Err(Unmet::Yet(Clause::Running {
        workload: workload.id.clone(),
        image: goal.wanted.image().to_string(),
        desired: workload.desired,
        running: pods,
        others: others.into_iter().collect(),
    }))
}

fn runs_image(goal: &Goal, pod: &Pod) -> bool {
    pod.containers.iter().any(|it| it.running && it.ready && goal.is_run_by(&it.image, &it.image_id))
}

/// The image, and what the runtime makes of it.
fn described(container: &crate::observed::Container) -> String {
    match container.image_id.rsplit_once('@') {
        Some((_, digest)) if !container.image.contains('@') => format!("{} ({digest})", container.image),
        Some(_) | None => container.image.clone(),
    }
}
