//! What ends a deploy before its time.

use super::*;
use crate::observed::{Condition, SyncedResource, Waiting};

/// Our first pod cannot start.
fn waiting(reason: &str, message: &str, change: impl FnOnce(&mut Container)) -> Observed {
    ours(|it| {
        it.ready = 1;
        let pod = &mut it.pods[0];
        pod.ready = false;
        let container = &mut pod.containers[0];
        (container.running, container.ready) = (false, false);
        container.waiting = Some(Waiting { reason: reason.to_owned(), message: message.to_owned() });
        change(container);
    })
}

#[test]
fn a_trouble_ends_the_deploy_when_its_patience_is_over_and_says_what_it_is() {
    let condition =
        |name: &str| vec![Condition { name: name.to_owned(), message: "no such chart".to_owned() }];
    for (patience, observed, step, reason) in [
        (
            0,
            operation(|it| {
                it.phase = Phase::Failed;
                it.message = "one or more objects failed to apply".to_owned();
                let message = "spec.replicas: Invalid value: -1".to_owned();
                it.failed = vec![SyncedResource { name: "Deployment dev/my-app".to_owned(), message }];
            }),
            Step::Sync,
            "Argo CD's operation for 2222222222 ended as Failed: one or more objects failed to apply; Deployment \
             dev/my-app: spec.replicas: Invalid value: -1",
        ),
        (
            0,
            operation(|it| {
                it.phase = Phase::Error;
                it.message = "permission denied".to_owned();
                it.revisions = vec![LATER.to_owned()];
            }),
            Step::Sync,
            "Argo CD's operation for 3333333333 ended as Error: permission denied",
        ),
        (
            20,
            waiting("ImagePullBackOff", "Back-off pulling image \"ghcr.io/acme/my-app:v2\"", |_| ()),
            Step::Rollout,
            "pod my-app-a container my-app: ImagePullBackOff: Back-off pulling image \"ghcr.io/acme/my-app:v2\"",
        ),
        (
            20,
            waiting("CreateContainerConfigError", "secret \"db\" not found", |_| ()),
            Step::Rollout,
            "pod my-app-a container my-app: CreateContainerConfigError: secret \"db\" not found",
        ),
        (
            20,
            waiting("InvalidImageName", "", |_| ()),
            Step::Rollout,
            "pod my-app-a container my-app: InvalidImageName",
        ),
        (
            30,
            waiting("CrashLoopBackOff", "back-off 20s restarting failed container", |it| {
                it.last_end = Some(("Error".to_owned(), 1));
            }),
            Step::Rollout,
            "pod my-app-a container my-app: CrashLoopBackOff: back-off 20s restarting failed container (it ended \
             with code 1, Error)",
        ),
        (
            30,
            waiting("", "", |it| {
                it.waiting = None;
                it.running = true;
                it.restarts = 3;
                it.last_end = Some(("OOMKilled".to_owned(), 137));
            }),
            Step::Rollout,
            "pod my-app-a container my-app: started again 3 times (it ended with code 137, OOMKilled)",
        ),
        (
            30,
            app(|it| {
                it.sync = Sync { status: "Unknown".to_owned(), revisions: vec![OLD.to_owned()] };
                it.conditions = condition("ComparisonError");
            }),
            Step::Sync,
            "Argo CD: ComparisonError: no such chart",
        ),
        (
            30,
            app(|it| {
                it.sync.status = "OutOfSync".to_owned();
                it.conditions = condition("SyncError");
            }),
            Step::Sync,
            "Argo CD: SyncError: no such chart",
        ),
        (
            60,
            app(|it| {
                it.health.status = "Degraded".to_owned();
                it.health.message = "exceeded its progress deadline".to_owned();
            }),
            Step::Rollout,
            "the Application is Degraded: exceeded its progress deadline",
        ),
    ] {
        if patience > 0 {
            assert!(matches!(after(patience - 1, &observed), Verdict::Waiting(_)), "{reason}");
        }
        let failed = Verdict::Failed { step, reason: reason.to_owned() };
        assert_eq!(after(patience, &observed), failed);
    }
}

#[test]
fn the_troubles_of_others_and_of_the_past_are_waited_out() {
    for (what, observed) in [
        (
            "the operation for an older commit failed",
            app(|it| {
                it.sync.revisions = vec![OLD.to_owned()];
                let operation = it.operation.as_mut().unwrap();
                (operation.phase, operation.revisions) = (Phase::Failed, vec![OLD.to_owned()]);
            }),
        ),
        (
            "a failed attempt will be repeated",
            operation(|it| {
                (it.phase, it.finished_at, it.retries) = (Phase::Running, Some(at(-1)), 2);
            }),
        ),
        (
            "the old commit cannot be synced",
            app(|it| {
                it.sync.revisions = vec![OLD.to_owned()];
                it.conditions = vec![Condition { name: "SyncError".to_owned(), message: String::new() }];
            }),
        ),
        (
            "a warning",
            app(|it| {
                it.sync.status = "OutOfSync".to_owned();
                it.conditions =
                    vec![Condition { name: "OrphanedResourceWarning".to_owned(), message: String::new() }];
            }),
        ),
        (
            "the old commit is degraded",
            app(|it| {
                it.sync.revisions = vec![OLD.to_owned()];
                it.health.status = "Degraded".to_owned();
            }),
        ),
        (
            "degraded before the sync",
            app(|it| {
                it.sync.status = "OutOfSync".to_owned();
                it.health.status = "Degraded".to_owned();
            }),
        ),
        (
            "an old pod crashes",
            ours(|it| {
                it.ready = 1;
                let mut old = pod("old", "ghcr.io/acme/my-app:v1");
                old.ready = false;
                old.containers[0].waiting =
                    Some(Waiting { reason: "CrashLoopBackOff".to_owned(), message: String::new() });
                it.pods.push(old);
            }),
        ),
        ("a terminating pod crashes", {
            let mut observed = waiting("CrashLoopBackOff", "", |_| ());
            observed.workloads[0].pods[0].terminating = true;
            observed
        }),
        ("a pod of another workload crashes", {
            let mut observed = waiting("CrashLoopBackOff", "", |_| ());
            observed.workloads.swap(0, 1);
            let pods = observed.workloads[1].pods.clone();
            observed.workloads[1] = workload("my-app", "ghcr.io/acme/my-app:v2");
            observed.workloads[0].pods = pods;
            observed.workloads[0].ready = 1;
            observed
        }),
        ("a container is being made", waiting("ContainerCreating", "", |_| ())),
        ("one restart", waiting("PodInitializing", "", |it| it.restarts = 1)),
    ] {
        let verdict = after(200, &observed);
        assert!(matches!(verdict, Verdict::Waiting(_)), "{what}: {verdict:?}");
    }
}

#[test]
fn a_pod_without_a_node_is_named_at_the_timeout() {
    let observed = ours(|it| {
        it.ready = 1;
        it.pods[0] = Pod {
            ready: false,
            unschedulable: Some("0/1 nodes are available: 1 Insufficient memory.".to_owned()),
            ..pod("my-app-a", "ghcr.io/acme/my-app:v2")
        };
    });
    assert!(matches!(after(299, &observed), Verdict::Waiting(_)));
    let reason = "not done within 300 s: Deployment dev/my-app is not rolled out: of 2 pods 2 are new and 1 are \
                  ready, 2 are there; pod my-app-a: Unschedulable: 0/1 nodes are available: 1 Insufficient memory.";
    assert_eq!(after(300, &observed), Verdict::Failed { step: Step::Rollout, reason: reason.to_owned() });
}

#[test]
fn the_reasons_of_an_image_that_cannot_be_pulled_take_turns_and_are_one_trouble() {
    let mut memory = Memory::new(at(0));
    for second in 0..20 {
        let reason = if second % 2 == 0 { "ErrImagePull" } else { "ImagePullBackOff" };
        let verdict = verdict(&goal(), &waiting(reason, "", |_| ()), &mut memory, at(second));
        assert!(matches!(verdict, Verdict::Waiting(_)), "{second}: {verdict:?}");
    }
    let verdict = verdict(&goal(), &waiting("ErrImagePull", "", |_| ()), &mut memory, at(20));
    assert!(matches!(verdict, Verdict::Failed { .. }), "{verdict:?}");
}
