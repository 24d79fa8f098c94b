//! The closed catalogue of the event types that Signalbox says.

use strum::{Display, EnumIter, EnumString, IntoStaticStr};

/// An event type of ours. Closed: no `_ =>` on it.
///
/// A type is never reused after it is retired; a change that old readers cannot take is a new version.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Display, EnumIter, EnumString, IntoStaticStr,
)]
pub enum Kind {
    /// Alertmanager says that an alert is firing.
    #[strum(serialize = "io.prometheus.alert.firing.v1")]
    AlertFiring,
    /// Alertmanager says that an alert is resolved.
    #[strum(serialize = "io.prometheus.alert.resolved.v1")]
    AlertResolved,

    /// An Argo CD Application came into being, or was seen for the first time.
    #[strum(serialize = "io.argoproj.application.created.v1")]
    ApplicationCreated,
    /// An Argo CD Application is gone.
    #[strum(serialize = "io.argoproj.application.deleted.v1")]
    ApplicationDeleted,
    /// Its live state equals the wanted state.
    #[strum(serialize = "io.argoproj.application.synced.v1")]
    ApplicationSynced,
    /// Its live state differs from the wanted state.
    #[strum(serialize = "io.argoproj.application.out-of-sync.v1")]
    ApplicationOutOfSync,
    /// Whether it is in sync is not known (a comparison error, most often).
    #[strum(serialize = "io.argoproj.application.sync-unknown.v1")]
    ApplicationSyncUnknown,
    /// It became healthy.
    #[strum(serialize = "io.argoproj.application.healthy.v1")]
    ApplicationHealthy,
    /// It is on its way to healthy.
    #[strum(serialize = "io.argoproj.application.progressing.v1")]
    ApplicationProgressing,
    /// It is broken.
    #[strum(serialize = "io.argoproj.application.degraded.v1")]
    ApplicationDegraded,
    /// It is paused.
    #[strum(serialize = "io.argoproj.application.suspended.v1")]
    ApplicationSuspended,
    /// Its resources are not there.
    #[strum(serialize = "io.argoproj.application.missing.v1")]
    ApplicationMissing,
    /// Its health is not known.
    #[strum(serialize = "io.argoproj.application.health-unknown.v1")]
    ApplicationHealthUnknown,
    /// A sync operation runs.
    #[strum(serialize = "io.argoproj.application.operation-running.v1")]
    ApplicationOperationRunning,
    /// A sync operation ended well.
    #[strum(serialize = "io.argoproj.application.operation-succeeded.v1")]
    ApplicationOperationSucceeded,
    /// A sync operation ended in failure: the manifests were refused.
    #[strum(serialize = "io.argoproj.application.operation-failed.v1")]
    ApplicationOperationFailed,
    /// A sync operation could not be carried out.
    #[strum(serialize = "io.argoproj.application.operation-error.v1")]
    ApplicationOperationError,

    /// The automator tried the Automations that listen for an event; says which clause decided.
    #[strum(serialize = "io.signalbox.automation.evaluated.v1")]
    AutomationEvaluated,

    /// An App should run another image in an environment.
    #[strum(serialize = "io.signalbox.deploy.requested.v1")]
    DeployRequested,
    /// The deployer has begun.
    #[strum(serialize = "io.signalbox.deploy.started.v1")]
    DeployStarted,
    /// The wanted image runs, by the safe rule.
    #[strum(serialize = "io.signalbox.deploy.succeeded.v1")]
    DeploySucceeded,
    /// The deploy ended without the wanted image running.
    #[strum(serialize = "io.signalbox.deploy.failed.v1")]
    DeployFailed,

    /// People should be told something.
    #[strum(serialize = "io.signalbox.notification.requested.v1")]
    NotificationRequested,
    /// A channel took the message.
    #[strum(serialize = "io.signalbox.notification.sent.v1")]
    NotificationSent,
    /// A channel refused the message for good.
    #[strum(serialize = "io.signalbox.notification.failed.v1")]
    NotificationFailed,
}

impl Kind {
    /// The CloudEvents `type`.
    pub fn name(self) -> &'static str {
        self.into()
    }
}
