//! One commit for one event, whatever happens in between.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use events::Envelope;
use events::payload::deploy::Image;
use resources::Environment;
use resources::app::{Git, Verify};

use super::{CommitError, Committed, find, message, write};
use crate::git::testbed::{Testbed, intended};
use crate::git::{Author, Repositories};
use crate::image::Wanted;
use crate::plan::Plan;

const FILE: &str = "my-app/dev.yaml";
const TEXT: &str = "# ours\nimage:\n  tag: v1 # CI\n";

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("a time")
}

fn author() -> Author {
    Author { name: "Signalbox".to_owned(), email: "signalbox@example.org".to_owned() }
}

fn event(id: &str) -> Envelope {
    Envelope::builder(id, "/signalbox/automator", "io.signalbox.deploy.requested.v1")
        .extension("correlationid", "the root")
        .build()
        .expect("a valid event")
}

fn plan(testbed: &Testbed, app: &str, tag: &str) -> Plan {
    let git = Git {
        repository: testbed.address(),
        branch: "main".to_owned(),
        file: format!("{app}/dev.yaml"),
        tag_key: vec!["image".to_owned(), "tag".to_owned()],
        digest_key: None,
    };
    let verify = Verify { timeout: Duration::from_mins(1), hold: Duration::from_secs(1) };
    let image = Image { tag: Some(tag.to_owned()), digest: None };
    Plan {
        app: app.to_owned(),
        image_name: None,
        environment: Environment { name: "dev".to_owned(), git, argocd: None, verify },
        wanted: Wanted::of(&image).expect("a tag"),
        automation: Some("ship".to_owned()),
    }
}

async fn make(repositories: &Repositories, plan: &Plan, event: &Envelope) -> Result<Committed, CommitError> {
    write(repositories, plan, event, &author(), now(), &intended()).await
}

#[tokio::test]
async fn the_commit_names_its_event() {
    let testbed = Testbed::new(&[(FILE, TEXT)]);
    let made =
        make(&testbed.repositories(), &plan(&testbed, "my-app", "v2"), &event("e1")).await.expect("a commit");
    assert_eq!(made, Committed { commit: testbed.tip(), changed: true });
    assert_eq!(testbed.file(FILE), "# ours\nimage:\n  tag: v2 # CI\n");
    let message = "my-app: deploy v2 to dev\n\n\
                   Asked for by the automation ship.\n\
                   Before: v1.\n\n\
                   Signalbox-Event: e1\n\
                   Signalbox-Source: /signalbox/automator\n\
                   Signalbox-Correlation: the%20root";
    assert_eq!(testbed.on_origin(&["log", "-1", "--format=%B"]).trim(), message);
}

#[tokio::test]
async fn a_repository_that_says_so_already_gets_no_commit() {
    let testbed = Testbed::new(&[(FILE, TEXT)]);
    let says_so = testbed.tip();
    testbed.somebody_pushes("other.txt", "x");
    let made = make(&testbed.repositories(), &plan(&testbed, "my-app", "v1"), &event("e1"))
        .await
        .expect("no commit");
    assert_eq!(made, Committed { commit: says_so, changed: false });
    assert_eq!(testbed.log(), ["somebody else's", "begin"]);
}

#[tokio::test]
async fn killed_between_commit_and_push_there_is_one_commit_in_the_end() {
    let testbed = Testbed::new(&[(FILE, TEXT)]);
    let (plan, event) = (plan(&testbed, "my-app", "v2"), event("e1"));
    {
        // As far as `deployer.after-commit`.
        let repository = testbed.repositories().lock(&testbed.address()).await;
        let head = repository.fetch("main").await.expect("a head");
        let stored =
            repository.file(&head, "main", FILE).await.expect("a file").with(b"image:\n  tag: v2\n".to_vec());
        let message = message::message(&plan, &event, None);
        repository.commit(&head, FILE, &stored, &message, &author(), now()).await.expect("a commit");
    }
    let repositories = testbed.repositories();
    assert_eq!(find(&repositories, &plan, &event).await.expect("an answer"), None);
    assert!(make(&repositories, &plan, &event).await.expect("a commit").changed);
    assert_eq!(testbed.log(), ["my-app: deploy v2 to dev", "begin"]);
}

#[tokio::test]
async fn killed_after_the_push_the_commit_is_found_and_not_made_again() {
    let testbed = Testbed::new(&[(FILE, TEXT)]);
    let (plan, event) = (plan(&testbed, "my-app", "v2"), event("e1"));
    let made = make(&testbed.repositories(), &plan, &event).await.expect("a commit");
    // Somebody else goes on, even back.
    testbed.somebody_pushes(FILE, TEXT);
    let repositories = testbed.repositories();
    assert_eq!(find(&repositories, &plan, &event).await.expect("an answer"), Some(made.clone()));
    assert_eq!(make(&repositories, &plan, &event).await.expect("the same commit"), made);
    assert_eq!(testbed.log(), ["somebody else's", "my-app: deploy v2 to dev", "begin"]);
    assert_eq!(find(&repositories, &plan, &self::event("e2")).await.expect("an answer"), None);
}

#[tokio::test]
async fn the_edit_is_made_anew_on_what_somebody_else_has_pushed() {
    let testbed = Testbed::new(&[(FILE, TEXT)]);
    let repositories = testbed.repositories();
    let plan = plan(&testbed, "my-app", "v2");
    make(&repositories, &plan, &event("e1")).await.expect("a commit");
    testbed.somebody_pushes(FILE, "image:\n  pull: Always\n  tag: 'v2'\n");
    let plan = self::plan(&testbed, "my-app", "v3");
    make(&repositories, &plan, &event("e2")).await.expect("a commit");
    assert_eq!(testbed.file(FILE), "image:\n  pull: Always\n  tag: 'v3'\n");
}

#[tokio::test]
async fn many_who_push_at_once_all_get_through_and_lose_nothing() {
    let apps = ["a", "b", "c", "d"];
    let files: Vec<_> = apps.iter().map(|app| format!("{app}/dev.yaml")).collect();
    let files: Vec<_> = files.iter().map(|file| (file.as_str(), TEXT)).collect();
    let testbed = Arc::new(Testbed::new(&files));
    let mut writers = tokio::task::JoinSet::new();
    for (n, app) in apps.into_iter().enumerate() {
        let testbed = testbed.clone();
        writers.spawn(async move {
            // Each with a cache of its own, as another process would have.
            let work_dir = testbed.work_dir().join(n.to_string());
            let repositories = Repositories::new(work_dir, Duration::from_mins(1));
            for tag in ["v2", "v3"] {
                make(&repositories, &plan(&testbed, app, tag), &event(&format!("{app}-{tag}")))
                    .await
                    .expect("a commit");
            }
        });
    }
    while let Some(writer) = writers.join_next().await {
        writer.expect("every writer gets through");
    }
    let mut log = testbed.log();
    log.sort();
    let mut expected: Vec<_> =
        apps.iter().flat_map(|app| ["v2", "v3"].map(|tag| format!("{app}: deploy {tag} to dev"))).collect();
    expected.push("begin".to_owned());
    expected.sort();
    assert_eq!(log, expected);
    for app in apps {
        assert_eq!(testbed.file(&format!("{app}/dev.yaml")), "# ours\nimage:\n  tag: v3 # CI\n");
    }
}

#[tokio::test]
async fn an_object_that_is_broken_behind_the_back_of_fetch_costs_a_new_cache() {
    let testbed = Testbed::new(&[(FILE, TEXT)]);
    let repositories = testbed.repositories();
    make(&repositories, &plan(&testbed, "my-app", "v2"), &event("e1")).await.expect("a commit");
    // The branch is as it was, so the next fetch has nothing to do; but the file's bytes are gone.
    let object = testbed.on_origin(&["rev-parse", &format!("main:{FILE}")]);
    let object = testbed.cache().join("objects").join(&object[..2]).join(object[2..].trim());
    std::fs::remove_file(&object).expect("the cache has it as a loose object");
    make(&repositories, &plan(&testbed, "my-app", "v3"), &event("e2")).await.expect("a commit");
    assert_eq!(testbed.file(FILE), "# ours\nimage:\n  tag: v3 # CI\n");
}

#[tokio::test]
async fn what_a_person_must_mend_is_told_from_what_mends_itself() {
    let testbed = Testbed::new(&[(FILE, "- a list\n")]);
    let repositories = testbed.repositories();
    let error =
        make(&repositories, &plan(&testbed, "my-app", "v2"), &event("e1")).await.expect_err("no mapping");
    assert!(error.is_lasting() && error.is_absent());
    let error = format!("{:#}", anyhow::Error::new(error));
    assert_eq!(
        error,
        "the values file my-app/dev.yaml cannot be edited: it is a list, line 1, column 1: a values file is a mapping of keys"
    );

    let error = make(&repositories, &plan(&testbed, "other", "v2"), &event("e1")).await.expect_err("no file");
    assert!(error.is_lasting() && error.is_absent());

    testbed.somebody_pushes(FILE, TEXT);
    testbed.refuse("echo no; exit 1");
    let error =
        make(&repositories, &plan(&testbed, "my-app", "v2"), &event("e1")).await.expect_err("refused");
    assert!(error.is_lasting() && error.is_absent());
    assert_eq!(testbed.log(), ["somebody else's", "begin"]);
}
