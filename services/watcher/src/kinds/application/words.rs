//! Argo CD's words as closed enums.
//!
//! Source: `pkg/apis/application/v1alpha1/types.go` (`SyncStatusCode`), `gitops-engine/pkg/health/health.go` and
//! `gitops-engine/pkg/sync/common/types.go` (`OperationPhase`).

use events::payload::application::Transition;

/// `status.sync.status`.
#[expect(clippy::enum_variant_names, reason = "they are Argo CD's words")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    Synced,
    OutOfSync,
    Unknown,
}

/// `status.health.status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    Healthy,
    Progressing,
    Degraded,
    Suspended,
    Missing,
    Unknown,
}

/// `status.operationState.phase`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Running,
    Succeeded,
    Failed,
    Error,
}

impl Sync {
    /// A word of a later Argo CD is not known to us; the event's body has it.
    pub fn of(word: &str) -> Self {
        match word {
            "Synced" => Self::Synced,
            "OutOfSync" => Self::OutOfSync,
            _ => Self::Unknown,
        }
    }

    pub fn transition(self) -> Transition {
        match self {
            Self::Synced => Transition::Synced,
            Self::OutOfSync => Transition::OutOfSync,
            Self::Unknown => Transition::SyncUnknown,
        }
    }
}

impl Health {
    /// A word of a later Argo CD is not known to us; the event's body has it.
    pub fn of(word: &str) -> Self {
        match word {
            "Healthy" => Self::Healthy,
            "Progressing" => Self::Progressing,
            "Degraded" => Self::Degraded,
            "Suspended" => Self::Suspended,
            "Missing" => Self::Missing,
            _ => Self::Unknown,
        }
    }

    pub fn transition(self) -> Transition {
        match self {
            Self::Healthy => Transition::Healthy,
            Self::Progressing => Transition::Progressing,
            Self::Degraded => Transition::Degraded,
            Self::Suspended => Transition::Suspended,
            Self::Missing => Transition::Missing,
            Self::Unknown => Transition::HealthUnknown,
        }
    }
}

impl Phase {
    /// `Terminating` still runs. `None` for a word of a later Argo CD: whether it has ended is not known.
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "Running" | "Terminating" => Some(Self::Running),
            "Succeeded" => Some(Self::Succeeded),
            "Failed" => Some(Self::Failed),
            "Error" => Some(Self::Error),
            _ => None,
        }
    }

    pub fn transition(self) -> Transition {
        match self {
            Self::Running => Transition::OperationRunning,
            Self::Succeeded => Transition::OperationSucceeded,
            Self::Failed => Transition::OperationFailed,
            Self::Error => Transition::OperationError,
        }
    }
}
