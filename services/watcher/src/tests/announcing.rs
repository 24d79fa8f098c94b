//! The event of a transition.

use chrono::{DateTime, Duration, Utc};
use events::payload::application::{Application, Transition};
use events::{Envelope, Kind};
use serde_json::json;

use super::sample::{key, operation, sight, synced_and_healthy, with};
use crate::announce::{Place, label};
use crate::kinds::application::{Applications, Sight};
use crate::watched::{Change, Watched as _};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn now() -> DateTime<Utc> {
    at("2026-11-24T12:00:00Z")
}

fn place(sequence: u64) -> Place {
    Place { first_seen: at("2026-11-01T00:00:00Z"), sequence }
}

fn say(transition: Transition, previous: Option<&str>) -> Envelope {
    let change = Change { previous: previous.map(str::to_owned), ..Change::new(transition) };
    event(place(7), &sight(&synced_and_healthy()), &change)
}

fn event(place: Place, sight: &Sight, change: &Change<Transition>) -> Envelope {
    Applications::default().event(&key(), place, sight, change, now())
}

#[test]
fn an_event_says_who_what_when_and_what_was_before() {
    let event = say(Transition::Degraded, Some("Healthy"));
    assert_eq!(event.ty(), Kind::ApplicationDegraded.name());
    assert_eq!(event.source(), "/argocd/argocd");
    assert_eq!(event.subject(), Some("argocd/shop"));
    assert_eq!(event.partition_key(), "argocd:argocd/shop");
    assert_eq!(event.datacontenttype(), Some("application/json"));
    assert_eq!(event.correlation_id(), event.id(), "it is the root of its story");
    assert!(event.traceparent().is_some());
    assert_eq!(label(&event), "degraded");
    let body: Application = event.payload().unwrap();
    assert_eq!(body.transition, Transition::Degraded);
    assert_eq!(
        (body.namespace.as_str(), body.name.as_str(), body.project.as_str()),
        ("argocd", "shop", "web")
    );
    assert_eq!(body.previous.as_deref(), Some("Healthy"));
    assert_eq!(body.revisions, ["aaa"]);
    assert_eq!(body.operation.unwrap().phase, "Succeeded");
}

/// A changed scheme of ids would announce everything that waits in a store once more.
#[test]
fn the_id_is_the_one_that_it_always_was() {
    assert_eq!(say(Transition::Degraded, None).id(), "5a411cdc-10fd-575c-8aeb-0824c7710cb5");
}

#[test]
fn the_id_tells_the_transition_the_change_the_object_and_the_beginning_apart() {
    let id = |uid: &str, place: Place, transition: Transition| {
        let mut sight = sight(&synced_and_healthy());
        uid.clone_into(&mut sight.uid);
        event(place, &sight, &Change::new(transition)).id().to_owned()
    };
    let one = id("u1", place(7), Transition::Degraded);
    assert_eq!(one, id("u1", place(7), Transition::Degraded));
    let later = Place { first_seen: place(7).first_seen + Duration::microseconds(1), sequence: 7 };
    for other in [
        id("u1", place(7), Transition::Healthy),
        id("u1", place(8), Transition::Degraded),
        id("u2", place(7), Transition::Degraded),
        id("u1", later, Transition::Degraded),
    ] {
        assert_ne!(one, other);
    }
}

#[test]
fn the_time_is_argo_cds_where_it_says_one() {
    let cases = [
        (Transition::Degraded, "2026-11-24T10:00:00Z"),
        (Transition::OperationRunning, "2026-11-24T09:59:00Z"),
        (Transition::OperationSucceeded, "2026-11-24T09:59:30Z"),
        (Transition::OperationFailed, "2026-11-24T09:59:30Z"),
        (Transition::OperationError, "2026-11-24T09:59:30Z"),
        (Transition::Synced, "2026-11-24T12:00:00Z"),
        (Transition::Created, "2026-11-24T12:00:00Z"),
        (Transition::Deleted, "2026-11-24T12:00:00Z"),
    ];
    for (transition, expected) in cases {
        assert_eq!(say(transition, None).time(), Some(at(expected)), "{transition:?}");
    }
}

#[test]
fn a_time_that_is_none_is_replaced_by_now() {
    for text in ["", "yesterday", "2026-13-01T00:00:00Z", "9999-12-31T23:59:59-01:00"] {
        let status =
            with(synced_and_healthy(), "health", json!({"status": "Degraded", "lastTransitionTime": text}));
        let status = with(status, "operationState", operation("Running", text, None));
        for transition in [Transition::Degraded, Transition::OperationRunning, Transition::OperationFailed] {
            let event = event(place(1), &sight(&status), &Change::new(transition));
            assert_eq!(event.time(), Some(now()), "{text:?} {transition:?}");
        }
    }
}
