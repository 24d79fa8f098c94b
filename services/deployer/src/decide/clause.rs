//! The clauses of the safe rule, and what was seen when one is not met.

use std::fmt;
use std::time::Duration;

use events::payload::deploy::Step;

use crate::observed::{Phase, ResourceId};

/// A clause that is not met, with what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clause {
    /// The Application is there.
    Exists,
    /// Argo CD compares with our commit or a later one.
    Compared { commit: String, seen: Vec<String>, known: bool },
    /// No operation is asked for or runs.
    AtRest { phase: Option<Phase>, message: String, retries: u32 },
    /// The live state equals that of the revision.
    Synced { status: String, revision: String },
    /// The last operation succeeded.
    Succeeded { phase: Phase, revisions: Vec<String>, message: String },
    /// The Application is healthy.
    Healthy { status: String, message: String },
    /// Its health was looked at after the operation ended.
    Fresh,
    /// The workloads are in the cluster.
    Present { absent: ResourceId },
    /// A workload is rolled out.
    RolledOut {
        workload: ResourceId,
        generation: i64,
        observed_generation: i64,
        desired: i32,
        total: i32,
        updated: i32,
        ready: i32,
        paused: bool,
    },
    /// A workload names the wanted image.
    Named { image: String, seen: Vec<String> },
    /// The pods run the wanted image.
    Running { workload: ResourceId, image: String, desired: i32, running: u32, others: Vec<String> },
    /// All of that stays so for a while.
    Holding { hold: Duration },
}

impl Clause {
    /// The step of the deploy that it belongs to.
    pub fn step(&self) -> Step {
        match self {
            Self::Exists
            | Self::Compared { .. }
            | Self::AtRest { .. }
            | Self::Synced { .. }
            | Self::Succeeded { .. } => Step::Sync,
            Self::Healthy { .. }
            | Self::Fresh
            | Self::Present { .. }
            | Self::RolledOut { .. }
            | Self::Named { .. }
            | Self::Running { .. }
            | Self::Holding { .. } => Step::Rollout,
        }
    }

    /// Whether it may be met as soon as Argo CD looks again.
    pub fn awaits_refresh(&self) -> bool {
        match self {
            Self::Compared { .. } | Self::Synced { .. } | Self::Healthy { .. } | Self::Fresh => true,
            Self::Exists
            | Self::AtRest { .. }
            | Self::Succeeded { .. }
            | Self::Present { .. }
            | Self::RolledOut { .. }
            | Self::Named { .. }
            | Self::Running { .. }
            | Self::Holding { .. } => false,
        }
    }
}

/// Says what is not met and what was seen instead.
impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists => write!(f, "there is no Application of that name"),
            Self::Compared { commit, seen, .. } if seen.is_empty() => {
                write!(f, "Argo CD has not compared with commit {} yet, nor with any other", short(commit))
            }
            Self::Compared { commit, seen, known: true } => {
                write!(
                    f,
                    "Argo CD has not compared with commit {} yet, but with {}",
                    short(commit),
                    shorts(seen)
                )
            }
            Self::Compared { commit, seen, known: false } => write!(
                f,
                "Argo CD compares with {}, which is not in the repository of commit {}: does the Application follow \
                 the repository and branch that the environment names?",
                shorts(seen),
                short(commit)
            ),
            Self::AtRest { phase: None, .. } => write!(f, "an operation is asked for and has not begun"),
            Self::AtRest { phase: Some(phase), message, retries } => {
                write!(f, "the operation is {}", name(*phase))?;
                if *retries > 0 {
                    write!(f, " (attempt {})", retries + 1)?;
                }
                because(f, message)
            }
            Self::Synced { status, revision } => {
                let status = if status.is_empty() { "not compared" } else { status };
                write!(f, "the Application is {status} at revision {}", short(revision))
            }
            Self::Succeeded { phase, revisions, message } => {
                write!(f, "the last operation, for {}, ended as {}", shorts(revisions), name(*phase))?;
                because(f, message)
            }
            Self::Healthy { status, message } => {
                let status = if status.is_empty() { "not looked at" } else { status };
                write!(f, "the health of the Application is {status}")?;
                because(f, message)
            }
            Self::Fresh => write!(f, "Argo CD has not looked at the Application since the operation ended"),
            Self::Present { absent } => write!(f, "{absent} is not in the cluster"),
            Self::RolledOut {
                workload,
                generation,
                observed_generation,
                desired,
                total,
                updated,
                ready,
                paused,
            } => {
                write!(f, "{workload} is not rolled out: ")?;
                if *paused {
                    write!(f, "it is paused, ")?;
                }
                if observed_generation != generation {
                    write!(f, "its controller has seen generation {observed_generation} of {generation}, ")?;
                }
                write!(f, "of {desired} pods {updated} are new and {ready} are ready, {total} are there")
            }
            Self::Named { image, seen } if seen.is_empty() => {
                write!(
                    f,
                    "the Application has no Deployment, StatefulSet or DaemonSet that could run {image}"
                )
            }
            Self::Named { image, seen } => {
                write!(
                    f,
                    "no workload of the Application names the image {image}; they name {}",
                    seen.join(", ")
                )
            }
            Self::Running { workload, image, desired, running, others } => {
                write!(f, "{running} of {desired} pods of {workload} are ready with the image {image}")?;
                if others.is_empty() { Ok(()) } else { write!(f, "; others run {}", others.join(", ")) }
            }
            Self::Holding { hold } => write!(f, "it has to stay well for {} s", hold.as_secs()),
        }
    }
}

fn because(f: &mut fmt::Formatter<'_>, message: &str) -> fmt::Result {
    if message.is_empty() { Ok(()) } else { write!(f, ": {message}") }
}

/// Argo CD's word for it.
pub(super) fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Running => "Running",
        Phase::Terminating => "Terminating",
        Phase::Failed => "Failed",
        Phase::Error => "Error",
        Phase::Succeeded => "Succeeded",
    }
}

/// A commit's name as people write it; anything else as it is.
pub(super) fn short(revision: &str) -> &str {
    let hex = revision.len() >= 40 && revision.bytes().all(|b| b.is_ascii_hexdigit());
    if hex { &revision[..10] } else { revision }
}

pub(super) fn shorts(revisions: &[String]) -> String {
    revisions.iter().map(|revision| short(revision)).collect::<Vec<_>>().join(", ")
}
