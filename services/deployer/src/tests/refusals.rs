//! What cannot be done ends as an event that says why.

use chassis::failure::Decision;
use chassis::{Handler as _, Outcome};
use events::Envelope;
use events::payload::deploy::{Image, Step};
use resources::app::ArgoCd;

use super::bench::{Bench, FILE, failure, request, request_to, tag};
use crate::Deployer;

const DIGEST: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

#[tokio::test]
async fn what_is_not_declared_is_refused_with_a_suggestion() {
    let bench = Bench::new().await;
    for (n, (app, environment, image, why)) in [
        ("my-ap", "dev", tag("v2"), "there is no App `my-ap`; did you mean `my-app`?"),
        ("other", "dev", tag("v2"), "there is no App `other`"),
        ("my-app", "dve", tag("v2"), "the App `my-app` has no environment `dve`; did you mean `dev`?"),
        ("my-app", "prod", tag("v2"), "the App `my-app` has no environment `prod`"),
        (
            "my-app",
            "dev",
            Image { tag: None, digest: None },
            "the image cannot be meant: the request names neither a tag nor a digest",
        ),
        (
            "my-app",
            "dev",
            tag("a b"),
            "the image cannot be meant: `a b` is not a tag: a tag is up to 128 letters, digits, `_`, `.` and `-`, \
             and does not begin with `.` or `-`",
        ),
        (
            "my-app",
            "dev",
            Image { tag: None, digest: Some(DIGEST.to_owned()) },
            "the request names the digest sha256:1111111111111111111111111111111111111111111111111111111111111111, \
             and the environment does not say where a digest goes: add the path of its key as `git.digest`, or ask for a tag alone",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let event = request_to(&format!("e{n}"), app, environment, image);
        assert_eq!(bench.failed(&event).await, (Step::Plan, why.to_owned(), false));
    }
    assert_eq!(bench.started().await, []);
    assert_eq!(bench.testbed.log(), ["begin"]);
}

#[tokio::test]
async fn what_the_repository_does_not_have_is_refused_before_anything_is_done() {
    for (change, why) in [
        (
            (|git| git.file = "nowhere.yaml".to_owned()) as fn(&mut resources::app::Git),
            "cannot read the GitOps repository: the branch `main` has no file `nowhere.yaml`",
        ),
        (
            |git| git.branch = "nowhere".to_owned(),
            "cannot read the GitOps repository: the repository has no branch `nowhere`",
        ),
        (
            |git| git.tag_key = vec!["image".to_owned()],
            "the values file my-app/dev.yaml cannot be edited: `image` is a mapping, line 3, column 3: it should be a \
             text",
        ),
    ] {
        let bench = Bench::with(None, |environment| change(&mut environment.git)).await;
        assert_eq!(bench.failed(&request("e1", tag("v2"))).await, (Step::Plan, why.to_owned(), false));
        assert_eq!(bench.started().await, []);
    }
}

#[tokio::test]
async fn an_environment_that_names_an_application_needs_a_cluster() {
    let argocd = ArgoCd { application: "my-app".to_owned(), namespace: "argocd".to_owned() };
    let bench = Bench::with(None, |environment| environment.argocd = Some(argocd)).await;
    let why = "the environment `dev` of the App `my-app` is verified in Kubernetes (Application `my-app`), and this \
               Signalbox has no access to a cluster";
    assert_eq!(bench.failed(&request("e1", tag("v2"))).await, (Step::Plan, why.to_owned(), false));
    assert_eq!(bench.testbed.log(), ["begin"]);
}

#[tokio::test]
async fn a_push_that_is_refused_ends_the_deploy_with_the_words_of_the_other_side() {
    let bench = Bench::new().await;
    bench.testbed.refuse("echo 'the branch is protected' >&2; exit 1");
    let why = "cannot write to the GitOps repository: the repository refused the commit: [remote rejected] \
               (pre-receive hook declined): the branch is protected";
    let event = request("e1", tag("v2"));
    assert_eq!(bench.failed(&event).await, (Step::Commit, why.to_owned(), false));
    assert_eq!(bench.started().await.len(), 1);
    // The end is the end, also when the branch is no longer protected.
    bench.testbed.refuse("exit 0");
    assert_eq!(bench.failed(&event).await, (Step::Commit, why.to_owned(), false));
    assert_eq!(bench.testbed.log(), ["begin"]);
}

#[tokio::test]
async fn a_repository_that_is_away_is_tried_again_and_then_given_up_for_all_to_see() {
    let address = "http://127.0.0.1:1/deploy.git".to_owned();
    let bench = Bench::with(None, |environment| environment.git.repository = address).await;
    let event = request("e1", tag("v2"));
    for attempt in 1..Deployer::ATTEMPTS {
        let failure = bench.handle(&event, attempt).await.expect_err("it is away");
        assert!(matches!(failure.decision, Decision::Retry(_)), "{failure}");
    }
    let outcome = bench.handle(&event, Deployer::ATTEMPTS).await.expect("an end");
    let Outcome::Done(announcements) = outcome else { panic!("{outcome:?}") };
    let (step, reason, commit) = failure(&announcements[0]);
    assert_eq!((step, commit), (Step::Plan, false));
    assert!(
        reason
            .starts_with("given up after 10 attempts: cannot read the GitOps repository: git fetch failed: ")
    );
    assert!(reason.contains("127.0.0.1"), "{reason}");
}

#[tokio::test]
async fn a_request_that_cannot_be_read_is_a_dead_letter() {
    let bench = Bench::new().await;
    let event = Envelope::builder("e1", "/s", "io.signalbox.deploy.requested.v1")
        .body("application/json", "{\"app\": 1}")
        .build()
        .expect("a valid event");
    let failure = bench.handle(&event, 1).await.expect_err("no request");
    assert_eq!(failure.decision, Decision::Reject);
    let text = failure.to_string();
    assert!(text.starts_with("the request to deploy cannot be read: invalid type: integer `1`"), "{text}");
    assert!(bench.testbed.file(FILE).contains("v1"));
}
