//! Each clause unmet by itself.

use super::*;

fn success(revision: &str, pods: u32) -> Verdict {
    Verdict::Success { revision: revision.to_owned(), pods }
}

#[test]
fn when_all_is_well_for_the_hold_it_is_done() {
    assert_eq!(after(10, &well()), success(OURS, 2));
}

#[test]
fn these_are_well_too() {
    let none = |observed: &mut Observed| observed.application.as_mut().unwrap().operation = None;
    for (what, observed, revision, pods) in [
        ("a later commit of somebody else's", app(|it| it.sync.revisions = vec![LATER.to_owned()]), LATER, 2),
        (
            "a commit that changed no manifest needs no operation of its own",
            operation(|it| it.revisions = vec![OLD.to_owned()]),
            OURS,
            2,
        ),
        ("an Application that never needed an operation", seen(none), OURS, 2),
        (
            "a chart and its values from two sources",
            app(|it| it.sync.revisions = vec!["1.2.3".to_owned(), OURS.to_owned()]),
            OURS,
            2,
        ),
        (
            "a terminating pod of the old template",
            ours(|it| {
                it.pods.push(Pod { terminating: true, ..pod("old", "ghcr.io/acme/my-app:v1") });
            }),
            OURS,
            2,
        ),
        (
            "a pod that comes in addition and is not ready yet",
            ours(|it| {
                it.pods.push(Pod { ready: false, ..pod("new", "ghcr.io/acme/my-app:v2") });
            }),
            OURS,
            2,
        ),
        (
            "scaled to zero",
            ours(|it| {
                (it.desired, it.total, it.updated, it.ready) = (0, 0, 0, 0);
                it.pods.clear();
            }),
            OURS,
            0,
        ),
        (
            "two workloads of the same image",
            seen(|it| {
                it.workloads[1] = workload("worker", "ghcr.io/acme/my-app:v2");
            }),
            OURS,
            4,
        ),
        (
            "another workload with another version of the image",
            seen(|it| {
                it.workloads[1] = workload("migrations", "ghcr.io/acme/my-app:v1");
            }),
            OURS,
            2,
        ),
        (
            "a sidecar",
            ours(|it| {
                it.images.push("proxy:1".to_owned());
                for pod in &mut it.pods {
                    pod.containers
                        .push(Container { image: "proxy:1".to_owned(), ..pod.containers[0].clone() });
                }
            }),
            OURS,
            2,
        ),
    ] {
        assert_eq!(after(10, &observed), success(revision, pods), "{what}");
    }
}

/// It is not done until the timeout, and then `why` is said.
fn keeps_it_from_being_done(observed: &Observed, step: Step, why: &str) {
    let timeout = TIMEOUT.as_secs().cast_signed();
    let before = after(timeout - 1, observed);
    assert!(matches!(&before, Verdict::Waiting(clause) if clause.to_string() == why), "{why}: {before:?}");
    assert_eq!(
        after(timeout, observed),
        Verdict::Failed { step, reason: format!("not done within 300 s: {why}") }
    );
}

#[test]
fn each_unmet_clause_of_argo_cd_keeps_it_from_being_done_and_is_named() {
    for (observed, step, why) in [
        (Observed::default(), Step::Sync, "there is no Application of that name"),
        (
            app(|it| it.sync.revisions = vec![OLD.to_owned()]),
            Step::Sync,
            "Argo CD has not compared with commit 2222222222 yet, but with 1111111111",
        ),
        (
            app(|it| it.sync.revisions.clear()),
            Step::Sync,
            "Argo CD has not compared with commit 2222222222 yet, nor with any other",
        ),
        (
            app(|it| it.sync.revisions = vec!["1.2.3".to_owned()]),
            Step::Sync,
            "Argo CD compares with 1.2.3, which is not in the repository of commit 2222222222: does the Application \
             follow the repository and branch that the environment names?",
        ),
        (
            app(|it| it.sync.status = "OutOfSync".to_owned()),
            Step::Sync,
            "the Application is OutOfSync at revision 2222222222",
        ),
        (
            app(|it| it.sync.status.clear()),
            Step::Sync,
            "the Application is not compared at revision 2222222222",
        ),
        (app(|it| it.operation_asked = true), Step::Sync, "an operation is asked for and has not begun"),
        (
            operation(|it| {
                it.phase = Phase::Running;
                it.message = "waiting for healthy state of batch/Job/migrate".to_owned();
                it.retries = 1;
            }),
            Step::Sync,
            "the operation is Running (attempt 2): waiting for healthy state of batch/Job/migrate",
        ),
        (
            operation(|it| {
                it.phase = Phase::Failed;
                it.message = "hook failed".to_owned();
                it.revisions = vec![OLD.to_owned()];
            }),
            Step::Sync,
            "the last operation, for 1111111111, ended as Failed: hook failed",
        ),
        (
            app(|it| {
                it.health.status = "Progressing".to_owned();
                it.health.message = "1 of 2 updated".to_owned();
            }),
            Step::Rollout,
            "the health of the Application is Progressing: 1 of 2 updated",
        ),
        (app(|it| it.health.status.clear()), Step::Rollout, "the health of the Application is not looked at"),
        (
            app(|it| it.reconciled_at = it.operation.as_ref().unwrap().finished_at),
            Step::Rollout,
            "Argo CD has not looked at the Application since the operation ended",
        ),
        (
            app(|it| it.reconciled_at = None),
            Step::Rollout,
            "Argo CD has not looked at the Application since the operation ended",
        ),
    ] {
        keeps_it_from_being_done(&observed, step, why);
    }
}

#[test]
fn each_unmet_clause_of_the_rollout_keeps_it_from_being_done_and_is_named() {
    for (observed, why) in [
        (
            seen(|it| {
                it.workloads.pop();
                it.absent.push(id("redis"));
            }),
            "Deployment dev/redis is not in the cluster",
        ),
        (
            ours(|it| it.observed_generation = 6),
            "Deployment dev/my-app is not rolled out: its controller has seen generation 6 of 7, of 2 pods 2 are new \
             and 2 are ready, 2 are there",
        ),
        (
            ours(|it| (it.updated, it.total, it.paused) = (1, 3, true)),
            "Deployment dev/my-app is not rolled out: it is paused, of 2 pods 1 are new and 2 are ready, 3 are there",
        ),
        (
            seen(|it| it.workloads[1].ready = 1),
            "Deployment dev/redis is not rolled out: of 2 pods 2 are new and 1 are ready, 2 are there",
        ),
        (
            ours(|it| it.images = vec!["ghcr.io/acme/my-app:v1".to_owned()]),
            "no workload of the Application names the image v2; they name ghcr.io/acme/my-app:v1, redis:7",
        ),
        (
            ours(|it| it.images = vec!["ghcr.io/acme/other:v2".to_owned()]),
            "no workload of the Application names the image v2; they name ghcr.io/acme/other:v2, redis:7",
        ),
        (
            seen(|it| it.workloads.clear()),
            "the Application has no Deployment, StatefulSet or DaemonSet that could run v2",
        ),
        (
            ours(|it| it.pods[1] = pod("my-app-b", "ghcr.io/acme/my-app:v1")),
            &format!(
                "1 of 2 pods of Deployment dev/my-app are ready with the image v2; others run ghcr.io/acme/my-app:v1 \
                 ({DIGEST})"
            ),
        ),
        (
            ours(|it| it.pods.push(pod("my-app-c", "ghcr.io/acme/my-app:v1@sha256:1"))),
            "2 of 2 pods of Deployment dev/my-app are ready with the image v2; others run \
             ghcr.io/acme/my-app:v1@sha256:1",
        ),
        (
            ours(|it| it.pods[0].terminating = true),
            "1 of 2 pods of Deployment dev/my-app are ready with the image v2",
        ),
        (
            ours(|it| it.pods[0].ready = false),
            "1 of 2 pods of Deployment dev/my-app are ready with the image v2",
        ),
    ] {
        keeps_it_from_being_done(&observed, Step::Rollout, why);
    }
}

#[test]
fn a_wanted_digest_is_looked_for_in_what_the_runtime_says() {
    let by_digest = Goal { wanted: Wanted::of(&image(Some("v2"), Some(DIGEST))).unwrap(), ..goal() };
    let names = image(Some("v2"), Some(DIGEST));
    let well = seen(|it| {
        it.revisions.0.insert(OURS.to_owned(), contains(names.clone()));
    });
    let mut memory = Memory::new(at(0));
    assert!(matches!(
        verdict(&by_digest, &well, &mut memory, at(0)),
        Verdict::Waiting(Clause::Holding { .. })
    ));
    let mut other = well;
    other.workloads[0].pods[1].containers[0].image_id = "ghcr.io/acme/my-app@sha256:6".to_owned();
    let Verdict::Waiting(clause) = verdict(&by_digest, &other, &mut memory, at(1)) else {
        panic!("the tag is right, the digest is not");
    };
    let why = format!(
        "1 of 2 pods of Deployment dev/my-app are ready with the image v2@{DIGEST}; others run \
         ghcr.io/acme/my-app:v2 (sha256:6)"
    );
    assert_eq!(clause.to_string(), why);
}

#[test]
fn who_changes_the_key_after_us_supersedes_us() {
    for (names, now) in [
        (Some(image(Some("v3"), None)), "v3"),
        (Some(image(Some("v2"), Some(DIGEST))), &*format!("v2@{DIGEST}")),
        (None, "no image"),
    ] {
        let observed = seen(|it| {
            it.application.as_mut().unwrap().sync.revisions = vec![LATER.to_owned()];
            it.revisions.0.insert(LATER.to_owned(), Relation::Contains { names });
        });
        let reason = format!("superseded: at revision 3333333333 the values file names {now}");
        assert_eq!(first_look(&observed), Verdict::Failed { step: Step::Sync, reason });
    }
}

#[test]
fn what_argo_cd_can_mend_by_looking_is_nudged_and_nothing_else() {
    let nudged = |observed: &Observed| match first_look(observed) {
        Verdict::Waiting(clause) => clause.awaits_refresh(),
        verdict => panic!("{verdict:?}"),
    };
    assert!(nudged(&app(|it| it.sync.revisions = vec![OLD.to_owned()])));
    assert!(nudged(&app(|it| it.reconciled_at = None)));
    assert!(nudged(&app(|it| it.health.status = "Progressing".to_owned())));
    assert!(!nudged(&operation(|it| it.phase = Phase::Running)));
    assert!(!nudged(&ours(|it| it.ready = 1)));
    assert!(!nudged(&well()));
}
