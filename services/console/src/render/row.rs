//! One event on one line.

use events::Kind;

use super::{RenderOptions, Tone};
use crate::line;
use crate::summary::Summary;

/// Longest foreign text on a line, apart from what `Summary` has cut already.
const NAME: usize = 120;

/// What a line shows of an event, apart from its time.
pub(crate) struct Row<'a> {
    pub(crate) id: &'a str,
    pub(crate) ty: &'a str,
    pub(crate) subject: Option<&'a str>,
    pub(crate) summary: &'a Summary,
    /// Whether it is the one that was asked for.
    pub(crate) focus: bool,
}

impl Row<'_> {
    /// `deploy succeeded (io.signalbox.deploy.succeeded.v1) shop/dev: … => commit 1d7e3b9 [id]`.
    pub(crate) fn render(&self, options: RenderOptions) -> String {
        let Self { id, ty, subject, summary, focus } = self;
        let Summary { word, essence, details: _, effect } = summary;
        let kind = ty.parse::<Kind>().ok();
        let tone = if *focus { Tone::Strong } else { tone(kind) };
        let mut row = format!(
            "{} {}",
            options.paint(tone, word),
            options.paint(Tone::Quiet, &format!("({})", line::of(ty, NAME)))
        );
        // Its subject is the id of the event above it; or the essence begins with it.
        let is_said = |subject: &&str| {
            kind == Some(Kind::AutomationEvaluated)
                || essence.strip_prefix(*subject).is_some_and(|rest| rest.starts_with(':'))
        };
        if let Some(subject) = subject.filter(|subject| !is_said(subject)) {
            row.push(' ');
            row.push_str(&line::of(subject, NAME));
        }
        if !essence.is_empty() {
            row.push_str(": ");
            row.push_str(essence);
        }
        if let Some(effect) = effect {
            let id = effect.id.as_deref().filter(|_| options.ids).map(|id| format!(" {}", line::short(id)));
            row = row + " => " + &effect.what + &id.unwrap_or_default();
        }
        if options.ids {
            row.push(' ');
            row.push_str(&options.paint(Tone::Quiet, &format!("[{}]", line::of(id, NAME))));
        }
        row
    }
}

/// How an event of ours is to be taken.
fn tone(kind: Option<Kind>) -> Tone {
    let Some(kind) = kind else { return Tone::Plain };
    match kind {
        Kind::AlertFiring
        | Kind::ApplicationDegraded
        | Kind::ApplicationMissing
        | Kind::ApplicationOperationFailed
        | Kind::ApplicationOperationError
        | Kind::DeadLetterCreated
        | Kind::DeployFailed
        | Kind::NotificationFailed
        | Kind::DeploymentDeadlineExceeded
        | Kind::DeploymentUnavailable
        | Kind::StatefulSetDeadlineExceeded
        | Kind::StatefulSetUnavailable
        | Kind::DaemonSetDeadlineExceeded
        | Kind::DaemonSetUnavailable
        | Kind::PodCrashLooping
        | Kind::PodOomKilled
        | Kind::PodImagePullFailing
        | Kind::PodEvicted
        | Kind::PodUnschedulable
        | Kind::PodNotReady
        | Kind::NodeNotReady
        | Kind::NodeUnderPressure
        | Kind::JobFailed
        | Kind::VolumeClaimLost
        | Kind::AutoscalerAtMax
        | Kind::AutoscalerLimited
        | Kind::EventWarning
        | Kind::VolumeSnapshotFailed => Tone::Bad,
        Kind::AlertResolved
        | Kind::ApplicationHealthy
        | Kind::ApplicationOperationSucceeded
        | Kind::DeploySucceeded
        | Kind::NotificationSent
        | Kind::DeploymentRolledOut
        | Kind::DeploymentAvailable
        | Kind::StatefulSetRolledOut
        | Kind::StatefulSetAvailable
        | Kind::DaemonSetRolledOut
        | Kind::DaemonSetAvailable
        | Kind::PodRecovered
        | Kind::NodeReady
        | Kind::NodeRelieved
        | Kind::JobSucceeded
        | Kind::VolumeClaimBound
        | Kind::AutoscalerWithinLimits
        | Kind::VolumeSnapshotReady => Tone::Good,
        Kind::ImagePushed
        | Kind::ApplicationCreated
        | Kind::ApplicationDeleted
        | Kind::ApplicationSynced
        | Kind::ApplicationOutOfSync
        | Kind::ApplicationSyncUnknown
        | Kind::ApplicationProgressing
        | Kind::ApplicationSuspended
        | Kind::ApplicationHealthUnknown
        | Kind::ApplicationOperationRunning
        | Kind::ApplicationNotified
        | Kind::AutomationEvaluated
        | Kind::DeployRequested
        | Kind::DeployStarted
        | Kind::NotificationRequested
        | Kind::ScheduleTicked
        | Kind::DeploymentCreated
        | Kind::DeploymentDeleted
        | Kind::DeploymentImageChanged
        | Kind::DeploymentScaled
        | Kind::DeploymentProgressing
        | Kind::StatefulSetCreated
        | Kind::StatefulSetDeleted
        | Kind::StatefulSetImageChanged
        | Kind::StatefulSetScaled
        | Kind::StatefulSetProgressing
        | Kind::DaemonSetCreated
        | Kind::DaemonSetDeleted
        | Kind::DaemonSetImageChanged
        | Kind::DaemonSetScaled
        | Kind::DaemonSetProgressing
        | Kind::NodeJoined
        | Kind::NodeLeft
        | Kind::NodeCordoned
        | Kind::NodeUncordoned
        | Kind::VolumeClaimPending
        | Kind::VolumeClaimResized
        | Kind::VolumeClaimDeleted
        | Kind::NamespaceCreated
        | Kind::NamespaceTerminating
        | Kind::NamespaceDeleted => Tone::Plain,
    }
}
