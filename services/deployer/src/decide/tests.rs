//! Every clause of the safe rule: with it unmet, nothing is done; with all of them met for long enough, it is.

mod clauses;
mod time;
mod troubles;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use events::payload::deploy::{Image, Step};
use resources::app::Verify;

use super::{Clause, Goal, Memory, Verdict, verdict};
use crate::git::Commit;
use crate::image::Wanted;
use crate::observed::{
    Application, Container, Health, Kind, Observed, Operation, Phase, Pod, Relation, ResourceId, Revisions,
    Sync, Workload,
};

const OLD: &str = "1111111111111111111111111111111111111111";
const OURS: &str = "2222222222222222222222222222222222222222";
const LATER: &str = "3333333333333333333333333333333333333333";
const DIGEST: &str = "sha256:5555555555555555555555555555555555555555555555555555555555555555";
const HOLD: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_mins(5);

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("a time") + TimeDelta::seconds(second)
}

fn image(tag: Option<&str>, digest: Option<&str>) -> Image {
    Image { tag: tag.map(str::to_owned), digest: digest.map(str::to_owned) }
}

fn goal() -> Goal {
    Goal {
        commit: Commit::parse(OURS).expect("a commit"),
        wanted: Wanted::of(&image(Some("v2"), None)).expect("a tag"),
        image_name: Some("ghcr.io/acme/my-app".to_owned()),
        verify: Verify { timeout: TIMEOUT, hold: HOLD },
    }
}

fn id(name: &str) -> ResourceId {
    ResourceId { kind: Kind::Deployment, namespace: "dev".to_owned(), name: name.to_owned() }
}

fn pod(name: &str, image: &str) -> Pod {
    let container = Container {
        name: "my-app".to_owned(),
        image: image.to_owned(),
        image_id: format!("ghcr.io/acme/my-app@{DIGEST}"),
        running: true,
        ready: true,
        ..Container::default()
    };
    Pod { name: name.to_owned(), ready: true, containers: vec![container], ..Pod::default() }
}

fn workload(name: &str, image: &str) -> Workload {
    Workload {
        id: id(name),
        generation: 7,
        observed_generation: 7,
        desired: 2,
        total: 2,
        updated: 2,
        ready: 2,
        paused: false,
        images: vec![image.to_owned()],
        pods: vec![pod(&format!("{name}-a"), image), pod(&format!("{name}-b"), image)],
    }
}

fn contains(names: Image) -> Relation {
    Relation::Contains { names: Some(names) }
}

/// All is well: two workloads, one of which is ours.
fn well() -> Observed {
    let v2 = || contains(image(Some("v2"), None));
    Observed {
        application: Some(Application {
            sources: vec!["https://github.com/acme/deploy".to_owned()],
            sync: Sync { status: "Synced".to_owned(), revisions: vec![OURS.to_owned()] },
            health: Health { status: "Healthy".to_owned(), message: String::new() },
            reconciled_at: Some(at(-5)),
            operation: Some(Operation {
                phase: Phase::Succeeded,
                message: "successfully synced".to_owned(),
                revisions: vec![OURS.to_owned()],
                finished_at: Some(at(-6)),
                retries: 0,
                failed: Vec::new(),
            }),
            workloads: vec![id("my-app"), id("redis")],
            ..Application::default()
        }),
        revisions: Revisions(
            [(OLD.to_owned(), Relation::Lacks), (OURS.to_owned(), v2()), (LATER.to_owned(), v2())].into(),
        ),
        workloads: vec![workload("my-app", "ghcr.io/acme/my-app:v2"), workload("redis", "redis:7")],
        absent: Vec::new(),
    }
}

/// What is seen, with changes.
fn seen(change: impl FnOnce(&mut Observed)) -> Observed {
    let mut observed = well();
    change(&mut observed);
    observed
}

/// As [`seen`], for the Application.
fn app(change: impl FnOnce(&mut Application)) -> Observed {
    seen(|observed| change(observed.application.as_mut().expect("there is one")))
}

/// As [`seen`], for the operation of the Application.
fn operation(change: impl FnOnce(&mut Operation)) -> Observed {
    app(|application| change(application.operation.as_mut().expect("there is one")))
}

/// As [`seen`], for our workload.
fn ours(change: impl FnOnce(&mut Workload)) -> Observed {
    seen(|observed| change(&mut observed.workloads[0]))
}

/// The first look.
fn first_look(observed: &Observed) -> Verdict {
    verdict(&goal(), observed, &mut Memory::new(at(0)), at(0))
}

/// The verdict after the same was seen every second from 0 to `seconds`.
fn after(seconds: i64, observed: &Observed) -> Verdict {
    let mut memory = Memory::new(at(0));
    let mut last = first_look(observed);
    for second in 0..=seconds {
        last = verdict(&goal(), observed, &mut memory, at(second));
        if !matches!(last, Verdict::Waiting(_)) {
            return last;
        }
    }
    last
}
