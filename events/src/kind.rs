//! The closed catalogue of the event types that Signalbox says.
//!
//! A type is one entry of the table at the end of this file: what it means, whether that is good news, its name, its
//! body. It needs a committed JSON Schema (`events/schemas/<type>.json`) and a golden sample
//! (`events/samples/<type>.json`) too: a type that lacks one of them does not compile.

use strum::{Display, EnumIter, EnumString, IntoStaticStr};

use crate::payload::{
    alert, application, argocd, automation, autoscaler, cron_job, dead_letter, deploy, image, job, namespace,
    node, notification, object, pod, project, schedule, source, volume_claim, volume_snapshot, volume_usage,
    warning, workload,
};
use crate::{Family, Payload};

/// Whether an event is good or bad news, for those who show it to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// Something works, or works again.
    Good,
    /// Something is broken, or will be.
    Bad,
    /// Neither.
    Plain,
}

macro_rules! kinds {
    ($(
        $(#[doc = $doc:literal])+
        $news:ident $kind:ident = $name:literal: $body:ty,
    )+) => {
        /// An event type of ours. Closed: no `_ =>` on it.
        ///
        /// A type is never reused after it is retired; a change that old readers cannot take is a new
        /// version.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Display, EnumIter, EnumString,
            IntoStaticStr,
        )]
        pub enum Kind {
            $( $(#[doc = $doc])+ #[strum(serialize = $name)] $kind, )+
        }

        impl Kind {
            /// What it means, in one sentence or two.
            pub fn description(self) -> &'static str {
                match self {
                    $( Self::$kind => concat!($($doc),+).trim_ascii(), )+
                }
            }

            /// Whether it is good or bad news.
            pub fn news(self) -> News {
                match self {
                    $( Self::$kind => News::$news, )+
                }
            }

            /// What its body is: several types share one.
            pub fn family(self) -> Family {
                match self {
                    $( Self::$kind => <$body as Payload>::FAMILY, )+
                }
            }

            /// JSON Schema (2020-12) of the body, as committed in `events/schemas/`.
            pub fn schema(self) -> &'static str {
                match self {
                    $( Self::$kind => include_str!(concat!("../schemas/", $name, ".json")), )+
                }
            }

            /// A golden sample: an event in the JSON event format, as committed in `events/samples/`.
            ///
            /// ```
            /// use events::{Kind, payload::deploy};
            /// let event = events::json::decode(Kind::DeployRequested.sample().as_bytes())?;
            /// let body: deploy::Requested = event.payload()?;
            /// assert_eq!(body.app, "shop");
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn sample(self) -> &'static str {
                match self {
                    $( Self::$kind => include_str!(concat!("../samples/", $name, ".json")), )+
                }
            }

            /// The service that says it.
            pub fn said_by(self) -> &'static str {
                match self {
                    $( Self::$kind => <$body as Payload>::SAID_BY, )+
                }
            }

            /// The service that it is meant for. The console hears everything, and an Automation can hear
            /// anything.
            pub fn heard_by(self) -> &'static str {
                match self {
                    $( Self::$kind => <$body as Payload>::HEARD_BY, )+
                }
            }

            /// The shape of the attribute `subject`.
            pub fn subject(self) -> &'static str {
                match self {
                    $( Self::$kind => <$body as Payload>::SUBJECT, )+
                }
            }

            /// For the tests of the catalogue: the schema made anew from the Rust type.
            #[cfg(test)]
            pub(crate) fn derive_schema(self) -> serde_json::Value {
                match self {
                    $( Self::$kind => crate::catalogue::schema_of::<$body>($name), )+
                }
            }

            /// For the tests of the catalogue: which type the payload itself says it is, and the body written
            /// again.
            #[cfg(test)]
            pub(crate) fn reread(self, body: &[u8]) -> serde_json::Result<(Self, serde_json::Value)> {
                match self {
                    $( Self::$kind => {
                        let payload: $body = serde_json::from_slice(body)?;
                        Ok((payload.kind(), serde_json::to_value(&payload)?))
                    } )+
                }
            }
        }
    };
}

impl Kind {
    /// The CloudEvents `type`.
    ///
    /// ```
    /// use events::Kind;
    /// assert_eq!(Kind::DeployFailed.name(), "io.signalbox.deploy.failed.v1");
    /// assert_eq!("io.signalbox.deploy.failed.v1".parse(), Ok(Kind::DeployFailed));
    /// ```
    pub fn name(self) -> &'static str {
        self.into()
    }
}

kinds! {
    /// Alertmanager says that an alert is firing.
    Bad AlertFiring = "io.prometheus.alert.firing.v1": alert::Alert,
    /// Alertmanager says that an alert is resolved.
    Good AlertResolved = "io.prometheus.alert.resolved.v1": alert::Alert,

    /// An Argo CD Application came into being, or was seen for the first time.
    Plain ApplicationCreated = "io.argoproj.application.created.v1": application::Application,
    /// An Argo CD Application is gone.
    Plain ApplicationDeleted = "io.argoproj.application.deleted.v1": application::Application,
    /// Its live state equals the wanted state.
    Plain ApplicationSynced = "io.argoproj.application.synced.v1": application::Application,
    /// Its live state differs from the wanted state.
    Plain ApplicationOutOfSync = "io.argoproj.application.out-of-sync.v1": application::Application,
    /// What runs is not any more what Git says and what was synced: somebody or something changed it in the cluster.
    Bad ApplicationDrifted = "io.argoproj.application.drifted.v1": application::Application,
    /// Whether it is in sync is not known (a comparison error, most often).
    Plain ApplicationSyncUnknown = "io.argoproj.application.sync-unknown.v1": application::Application,
    /// It became healthy.
    Good ApplicationHealthy = "io.argoproj.application.healthy.v1": application::Application,
    /// It is on its way to healthy.
    Plain ApplicationProgressing = "io.argoproj.application.progressing.v1": application::Application,
    /// It is broken.
    Bad ApplicationDegraded = "io.argoproj.application.degraded.v1": application::Application,
    /// It is paused.
    Plain ApplicationSuspended = "io.argoproj.application.suspended.v1": application::Application,
    /// Its resources are not there.
    Bad ApplicationMissing = "io.argoproj.application.missing.v1": application::Application,
    /// Its health is not known.
    Plain ApplicationHealthUnknown = "io.argoproj.application.health-unknown.v1": application::Application,
    /// A sync operation runs.
    Plain ApplicationOperationRunning = "io.argoproj.application.operation-running.v1": application::Application,
    /// A sync operation ended well.
    Good ApplicationOperationSucceeded = "io.argoproj.application.operation-succeeded.v1": application::Application,
    /// A sync operation ended in failure: the manifests were refused.
    Bad ApplicationOperationFailed = "io.argoproj.application.operation-failed.v1": application::Application,
    /// A sync operation could not be carried out.
    Bad ApplicationOperationError = "io.argoproj.application.operation-error.v1": application::Application,

    /// Argo CD's notifications said how an Application is: a nudge, the transitions are told by the watcher.
    Plain ApplicationNotified = "io.argoproj.notification.received.v1": argocd::Notified,

    /// An AppProject of Argo CD came into being.
    Plain ProjectCreated = "io.argoproj.appproject.created.v1": project::Project,
    /// An AppProject of Argo CD was changed: what its Applications may do.
    Plain ProjectChanged = "io.argoproj.appproject.changed.v1": project::Project,
    /// An AppProject of Argo CD is gone.
    Plain ProjectDeleted = "io.argoproj.appproject.deleted.v1": project::Project,

    /// A Deployment came into being.
    Plain DeploymentCreated = "io.kubernetes.deployment.created.v1": workload::Workload,
    /// A Deployment is gone.
    Plain DeploymentDeleted = "io.kubernetes.deployment.deleted.v1": workload::Workload,
    /// A Deployment has other images.
    Plain DeploymentImageChanged = "io.kubernetes.deployment.image-changed.v1": workload::Workload,
    /// A Deployment should have another number of pods.
    Plain DeploymentScaled = "io.kubernetes.deployment.scaled.v1": workload::Workload,
    /// A Deployment is being rolled out.
    Plain DeploymentProgressing = "io.kubernetes.deployment.progressing.v1": workload::Workload,
    /// A Deployment's newest template is rolled out.
    Good DeploymentRolledOut = "io.kubernetes.deployment.rolled-out.v1": workload::Workload,
    /// A Deployment's roll-out does not come to an end in its time.
    Bad DeploymentDeadlineExceeded = "io.kubernetes.deployment.deadline-exceeded.v1": workload::Workload,
    /// A Deployment has as many pods as it needs.
    Good DeploymentAvailable = "io.kubernetes.deployment.available.v1": workload::Workload,
    /// A Deployment has fewer pods than it needs.
    Bad DeploymentUnavailable = "io.kubernetes.deployment.unavailable.v1": workload::Workload,

    /// A StatefulSet came into being.
    Plain StatefulSetCreated = "io.kubernetes.statefulset.created.v1": workload::Workload,
    /// A StatefulSet is gone.
    Plain StatefulSetDeleted = "io.kubernetes.statefulset.deleted.v1": workload::Workload,
    /// A StatefulSet has other images.
    Plain StatefulSetImageChanged = "io.kubernetes.statefulset.image-changed.v1": workload::Workload,
    /// A StatefulSet should have another number of pods.
    Plain StatefulSetScaled = "io.kubernetes.statefulset.scaled.v1": workload::Workload,
    /// A StatefulSet is being rolled out.
    Plain StatefulSetProgressing = "io.kubernetes.statefulset.progressing.v1": workload::Workload,
    /// A StatefulSet's newest template is rolled out.
    Good StatefulSetRolledOut = "io.kubernetes.statefulset.rolled-out.v1": workload::Workload,
    /// A StatefulSet's roll-out does not come to an end in its time.
    Bad StatefulSetDeadlineExceeded = "io.kubernetes.statefulset.deadline-exceeded.v1": workload::Workload,
    /// A StatefulSet has as many pods as it needs.
    Good StatefulSetAvailable = "io.kubernetes.statefulset.available.v1": workload::Workload,
    /// A StatefulSet has fewer pods than it needs.
    Bad StatefulSetUnavailable = "io.kubernetes.statefulset.unavailable.v1": workload::Workload,

    /// A DaemonSet came into being.
    Plain DaemonSetCreated = "io.kubernetes.daemonset.created.v1": workload::Workload,
    /// A DaemonSet is gone.
    Plain DaemonSetDeleted = "io.kubernetes.daemonset.deleted.v1": workload::Workload,
    /// A DaemonSet has other images.
    Plain DaemonSetImageChanged = "io.kubernetes.daemonset.image-changed.v1": workload::Workload,
    /// A DaemonSet should have another number of pods.
    Plain DaemonSetScaled = "io.kubernetes.daemonset.scaled.v1": workload::Workload,
    /// A DaemonSet is being rolled out.
    Plain DaemonSetProgressing = "io.kubernetes.daemonset.progressing.v1": workload::Workload,
    /// A DaemonSet's newest template is rolled out.
    Good DaemonSetRolledOut = "io.kubernetes.daemonset.rolled-out.v1": workload::Workload,
    /// A DaemonSet's roll-out does not come to an end in its time.
    Bad DaemonSetDeadlineExceeded = "io.kubernetes.daemonset.deadline-exceeded.v1": workload::Workload,
    /// A DaemonSet has as many pods as it needs.
    Good DaemonSetAvailable = "io.kubernetes.daemonset.available.v1": workload::Workload,
    /// A DaemonSet has fewer pods than it needs.
    Bad DaemonSetUnavailable = "io.kubernetes.daemonset.unavailable.v1": workload::Workload,

    /// A container of a Pod ends again and again.
    Bad PodCrashLooping = "io.kubernetes.pod.crash-looping.v1": pod::Pod,
    /// A container of a Pod took more memory than it may, and was killed.
    Bad PodOomKilled = "io.kubernetes.pod.oom-killed.v1": pod::Pod,
    /// An image of a Pod cannot be pulled.
    Bad PodImagePullFailing = "io.kubernetes.pod.image-pull-failing.v1": pod::Pod,
    /// A Pod was evicted from its node.
    Bad PodEvicted = "io.kubernetes.pod.evicted.v1": pod::Pod,
    /// No node takes a Pod.
    Bad PodUnschedulable = "io.kubernetes.pod.unschedulable.v1": pod::Pod,
    /// A Pod is not ready, for some time.
    Bad PodNotReady = "io.kubernetes.pod.not-ready.v1": pod::Pod,
    /// A Pod that had a problem has been ready for some time.
    Good PodRecovered = "io.kubernetes.pod.recovered.v1": pod::Pod,

    /// A Node is there.
    Plain NodeJoined = "io.kubernetes.node.joined.v1": node::Node,
    /// A Node is gone.
    Plain NodeLeft = "io.kubernetes.node.left.v1": node::Node,
    /// A Node is ready.
    Good NodeReady = "io.kubernetes.node.ready.v1": node::Node,
    /// A Node is not ready.
    Bad NodeNotReady = "io.kubernetes.node.not-ready.v1": node::Node,
    /// A Node is short of memory, disk or process ids, or has no network.
    Bad NodeUnderPressure = "io.kubernetes.node.under-pressure.v1": node::Node,
    /// A Node is no longer short of that.
    Good NodeRelieved = "io.kubernetes.node.relieved.v1": node::Node,
    /// A Node takes no more pods.
    Plain NodeCordoned = "io.kubernetes.node.cordoned.v1": node::Node,
    /// A Node takes pods again.
    Plain NodeUncordoned = "io.kubernetes.node.uncordoned.v1": node::Node,

    /// A Job has ended well.
    Good JobSucceeded = "io.kubernetes.job.succeeded.v1": job::Job,
    /// A Job has failed.
    Bad JobFailed = "io.kubernetes.job.failed.v1": job::Job,

    /// The time of a CronJob has passed without a Job.
    Bad CronJobMissed = "io.kubernetes.cronjob.missed.v1": cron_job::CronJob,
    /// A CronJob makes no Jobs for now.
    Plain CronJobSuspended = "io.kubernetes.cronjob.suspended.v1": cron_job::CronJob,
    /// A CronJob makes Jobs again.
    Plain CronJobResumed = "io.kubernetes.cronjob.resumed.v1": cron_job::CronJob,

    /// A PersistentVolumeClaim has its volume.
    Good VolumeClaimBound = "io.kubernetes.persistentvolumeclaim.bound.v1": volume_claim::VolumeClaim,
    /// A PersistentVolumeClaim has no volume, for some time.
    Plain VolumeClaimPending = "io.kubernetes.persistentvolumeclaim.pending.v1": volume_claim::VolumeClaim,
    /// A PersistentVolumeClaim has lost its volume.
    Bad VolumeClaimLost = "io.kubernetes.persistentvolumeclaim.lost.v1": volume_claim::VolumeClaim,
    /// A PersistentVolumeClaim has another size.
    Plain VolumeClaimResized = "io.kubernetes.persistentvolumeclaim.resized.v1": volume_claim::VolumeClaim,
    /// The volume of a PersistentVolumeClaim is nearly full.
    Bad VolumeNearlyFull = "io.kubernetes.persistentvolumeclaim.nearly-full.v1": volume_usage::VolumeUsage,
    /// The volume of a PersistentVolumeClaim has room again.
    Good VolumeRelieved = "io.kubernetes.persistentvolumeclaim.relieved.v1": volume_usage::VolumeUsage,
    /// A PersistentVolumeClaim is gone.
    Plain VolumeClaimDeleted = "io.kubernetes.persistentvolumeclaim.deleted.v1": volume_claim::VolumeClaim,

    /// A HorizontalPodAutoscaler would like more pods than it may have.
    Bad AutoscalerAtMax = "io.kubernetes.horizontalpodautoscaler.at-max.v1": autoscaler::Autoscaler,
    /// A HorizontalPodAutoscaler cannot scale, for some time.
    Bad AutoscalerLimited = "io.kubernetes.horizontalpodautoscaler.limited.v1": autoscaler::Autoscaler,
    /// A HorizontalPodAutoscaler has all that it would like to have.
    Good AutoscalerWithinLimits = "io.kubernetes.horizontalpodautoscaler.within-limits.v1": autoscaler::Autoscaler,

    /// A Namespace is there.
    Plain NamespaceCreated = "io.kubernetes.namespace.created.v1": namespace::Namespace,
    /// A Namespace is being deleted.
    Plain NamespaceTerminating = "io.kubernetes.namespace.terminating.v1": namespace::Namespace,
    /// A Namespace is gone.
    Plain NamespaceDeleted = "io.kubernetes.namespace.deleted.v1": namespace::Namespace,

    /// Kubernetes warns of something, for the first time or ten times as often as before.
    Bad EventWarning = "io.kubernetes.event.warning.v1": warning::Warning,

    /// A VolumeSnapshot can be used.
    Good VolumeSnapshotReady = "io.kubernetes.volumesnapshot.ready.v1": volume_snapshot::VolumeSnapshot,
    /// A VolumeSnapshot could not be taken.
    Bad VolumeSnapshotFailed = "io.kubernetes.volumesnapshot.failed.v1": volume_snapshot::VolumeSnapshot,

    /// An object of a kind that the settings describe is in another phase.
    Plain ObjectChanged = "io.kubernetes.object.changed.v1": object::Object,
    /// An object of a kind that the settings describe is gone.
    Plain ObjectDeleted = "io.kubernetes.object.deleted.v1": object::Object,

    /// The automator tried the Automations that listen for an event; says which clause decided.
    Plain AutomationEvaluated = "io.signalbox.automation.evaluated.v1": automation::Evaluated,

    /// A handler gave up on an event: it is a dead letter, which waits for a person.
    Bad DeadLetterCreated = "io.signalbox.dead-letter.created.v1": dead_letter::Created,

    /// An App should run another image in an environment.
    Plain DeployRequested = "io.signalbox.deploy.requested.v1": deploy::Requested,
    /// The deployer has begun.
    Plain DeployStarted = "io.signalbox.deploy.started.v1": deploy::Started,
    /// The wanted image runs, by the safe rule.
    Good DeploySucceeded = "io.signalbox.deploy.succeeded.v1": deploy::Succeeded,
    /// The deploy ended without the wanted image running.
    Bad DeployFailed = "io.signalbox.deploy.failed.v1": deploy::Failed,

    /// A tag of an image was pushed to a registry.
    Plain ImagePushed = "io.signalbox.image.pushed.v1": image::Pushed,

    /// People should be told something.
    Plain NotificationRequested = "io.signalbox.notification.requested.v1": notification::Requested,
    /// A channel took the message.
    Good NotificationSent = "io.signalbox.notification.sent.v1": notification::Sent,
    /// A channel refused the message for good.
    Bad NotificationFailed = "io.signalbox.notification.failed.v1": notification::Failed,

    /// The time of a schedule has come.
    Plain ScheduleTicked = "io.signalbox.schedule.ticked.v1": schedule::Ticked,

    /// What a Source missed is on the bus now.
    Good SourceGapFilled = "io.signalbox.source.gap-filled.v1": source::Gap,
    /// What a Source missed cannot be had any more.
    Bad SourceGapLost = "io.signalbox.source.gap-lost.v1": source::Gap,
    /// A Source cannot be asked what it missed, until somebody changes something.
    Bad SourceSweepFailed = "io.signalbox.source.sweep-failed.v1": source::SweepFailed,
}
