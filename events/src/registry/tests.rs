//! What registries send, in the shape of their documentation, and what becomes of it.

use chrono::{DateTime, TimeDelta, Utc};

use super::{decode, repository_of, sample};
use crate::payload::image::{Pushed, Registry};
use crate::{Envelope, json, subject};

const ARRIVED: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).expect("within chrono's range");
const GHCR: &str = sample(Registry::Ghcr);
const DOCKER_HUB: &str = sample(Registry::DockerHub);
const HARBOR: &str = sample(Registry::Harbor);
const HARBOR_CLOUDEVENTS: &str = include_str!("samples/harbor-cloudevents.json");
const QUAY: &str = sample(Registry::Quay);
const DISTRIBUTION: &str = sample(Registry::Distribution);

fn events(registry: Registry, body: &str) -> Vec<Envelope> {
    let event = (registry == Registry::Ghcr).then_some("registry_package");
    decode(registry, event, body.as_bytes(), ARRIVED)
        .unwrap_or_else(|error| panic!("{registry:?}: {error:?}"))
}

fn told(event: &Envelope) -> String {
    let push: Pushed = event.payload().unwrap();
    let or = |text: Option<String>| text.map_or("-".to_owned(), |text| text.chars().take(14).collect());
    format!(
        "{} {} {} {} {} {}",
        event.source(),
        event.subject().unwrap(),
        or(push.digest),
        or(event.time().map(|time| time.format("%H:%M:%S").to_string())),
        or(push.pushed_by),
        or(push.revision),
    )
}

#[test]
fn every_registry_says_what_was_pushed() {
    for (registry, body, expected) in [
        (
            Registry::Ghcr,
            GHCR,
            &["/registry/ghcr.io ghcr.io/acme/shop:1.4.2 sha256:5f0f4d2 14:12:40 ada ec26c3e57ca3a9"][..],
        ),
        (
            Registry::DockerHub,
            DOCKER_HUB,
            &["/registry/docker.io docker.io/acme/shop:1.4.2 - 14:12:40 ada -"],
        ),
        (
            Registry::Harbor,
            HARBOR,
            &[
                "/registry/harbor.example.com:8443 harbor.example.com:8443/acme/shop:1.4.2 sha256:954b378 14:12:40 robot$ci -",
            ],
        ),
        (
            Registry::Quay,
            QUAY,
            &[
                "/registry/quay.io quay.io/acme/shop:1.4.2 - - - -",
                "/registry/quay.io quay.io/acme/shop:latest - - - -",
            ],
        ),
        (
            Registry::Distribution,
            DISTRIBUTION,
            &[
                "/registry/registry.example.com:5000 registry.example.com:5000/acme/shop:1.4.2 sha256:fea8895 14:12:40 ci -",
            ],
        ),
    ] {
        let events = events(registry, body);
        assert_eq!(events.iter().map(told).collect::<Vec<_>>(), expected, "{registry:?}");
        for event in &events {
            assert_eq!(event.ty(), "io.signalbox.image.pushed.v1");
            assert!(event.subject().unwrap().starts_with(&*event.partition_key()));
            assert_eq!(json::decode(&json::encode(event)).unwrap().id(), event.id());
            assert_eq!(subject::of(event.ty()), "signalbox.events.io.signalbox.image.pushed.v1");
        }
    }
}

#[test]
fn a_webhook_that_is_sent_again_is_one_event_and_another_push_another() {
    for (registry, body) in [
        (Registry::Ghcr, GHCR),
        (Registry::DockerHub, DOCKER_HUB),
        (Registry::Harbor, HARBOR),
        (Registry::Distribution, DISTRIBUTION),
    ] {
        let first = events(registry, body);
        let event = (registry == Registry::Ghcr).then_some("package");
        let body = body.replace("\"registry_package\"", "\"package\"");
        let again = decode(registry, event, body.as_bytes(), ARRIVED + TimeDelta::minutes(5)).unwrap();
        assert_eq!(first[0].id(), again[0].id(), "{registry:?}");
        // The tag was moved away and back: the same tag and digest, at another time.
        let later = body.replace("14:12:40", "15:12:40").replace("1789999960", "1790003560");
        assert_ne!(first[0].id(), events_of(registry, &later)[0].id(), "{registry:?}");
    }
    let harbor = [HARBOR, HARBOR_CLOUDEVENTS].map(|body| events(Registry::Harbor, body)[0].id().to_owned());
    assert_eq!(harbor[0], harbor[1], "both formats of Harbor");
}

fn events_of(registry: Registry, body: &str) -> Vec<Envelope> {
    let event = (registry == Registry::Ghcr).then_some("package");
    decode(registry, event, body.as_bytes(), ARRIVED).unwrap()
}

#[test]
fn pushes_of_one_tag_to_quay_are_told_apart_by_their_arrival() {
    let at = |seconds| {
        decode(Registry::Quay, None, QUAY.as_bytes(), ARRIVED + TimeDelta::seconds(seconds)).unwrap()
    };
    assert_eq!(at(0)[0].id(), at(0)[0].id());
    assert_ne!(at(0)[0].id(), at(1)[0].id());
    assert_ne!(at(0)[0].id(), at(0)[1].id(), "two tags");
}

#[test]
fn what_is_no_push_of_a_tag_makes_no_event() {
    for (registry, event, body) in [
        (Registry::Ghcr, Some("ping"), r#"{"zen":"x"}"#.to_owned()),
        (Registry::Ghcr, Some("push"), "{}".to_owned()),
        (Registry::Ghcr, Some("package"), GHCR.replace("CONTAINER", "npm")),
        (Registry::Ghcr, Some("package"), GHCR.replace("published", "deleted")),
        (Registry::Ghcr, Some("package"), GHCR.replace("\"name\": \"1.4.2\"", "\"name\": \"\"")),
        (Registry::DockerHub, None, DOCKER_HUB.replace("\"tag\": \"1.4.2\"", "\"tag\": null")),
        (Registry::Harbor, None, HARBOR.replace("PUSH_ARTIFACT", "DELETE_ARTIFACT")),
        (Registry::Harbor, None, HARBOR.replace("\"tag\": \"1.4.2\",", "")),
        (Registry::Quay, None, QUAY.replace("updated_tags", "build_id_of")),
        (Registry::Distribution, None, DISTRIBUTION.replace("\"push\"", "\"pull\"")),
        (Registry::Distribution, None, r#"{"events": []}"#.to_owned()),
    ] {
        let events = decode(registry, event, body.as_bytes(), ARRIVED)
            .unwrap_or_else(|error| panic!("{body}: {error:?}"));
        assert_eq!(events, [], "{registry:?} {body}");
    }
}

#[test]
fn what_a_registry_never_sends_is_refused_with_its_name() {
    for registry in [Registry::DockerHub, Registry::Harbor, Registry::Quay, Registry::Distribution] {
        for body in ["", "[]", "{}", "{\"events\": 7}", &DOCKER_HUB[..50]] {
            let error = decode(registry, None, body.as_bytes(), ARRIVED).unwrap_err().to_string();
            assert!(error.starts_with("the body is not what "), "{registry:?} {body}: {error}");
        }
    }
    let error = decode(Registry::Ghcr, None, GHCR.as_bytes(), ARRIVED).unwrap_err();
    assert_eq!(error.to_string(), "the header X-GitHub-Event is missing, or is not the name of an event");
    let odd = DOCKER_HUB
        .replace("acme/shop\",\n    \"repo_url", "acme/\u{1}\",\n    \"repo_url")
        .replace('\u{1}', "\\u0001");
    let error = decode(Registry::DockerHub, None, odd.as_bytes(), ARRIVED).unwrap_err();
    assert_eq!(error.to_string(), "what Docker Hub sent does not make a valid CloudEvent");
}

#[test]
fn a_reference_loses_its_tag_and_digest_and_keeps_its_port() {
    for (reference, repository) in [
        ("a.b/c:1", "a.b/c"),
        ("a.b:5000/c:1", "a.b:5000/c"),
        ("a.b:5000/c", "a.b:5000/c"),
        ("a.b/c@sha256:0a", "a.b/c"),
        ("a.b/c:1@sha256:0a", "a.b/c"),
        ("a.b/c:", "a.b/c"),
    ] {
        assert_eq!(repository_of(reference), repository, "{reference}");
    }
}

/// The index of an image for several platforms, as the distribution registry says it with `includereferences`: the descriptors
/// of the OCI image specification, an attestation of `BuildKit` among them.
#[test]
fn the_platforms_of_an_image_are_told_where_the_registry_tells_them() {
    let reference = |platform: &str| {
        format!(
            r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:0a","size":1,"platform":{platform}}}"#
        )
    };
    let of = |target: &str| {
        let body = DISTRIBUTION.replacen("\"tag\": \"1.4.2\"", &format!("\"tag\": \"1.4.2\"{target}"), 1);
        let push: Pushed = events(Registry::Distribution, &body)[0].payload().unwrap();
        push.platforms
    };
    assert_eq!(of(""), [""; 0]);
    let references = [
        r#"{"architecture":"arm64","os":"linux","variant":"v8"}"#,
        r#"{"architecture":"amd64","os":"linux"}"#,
        r#"{"architecture":"amd64","os":"linux"}"#,
        r#"{"architecture":"unknown","os":"unknown"}"#,
        r#"{"architecture":"amd64"}"#,
        "null",
    ];
    let references = references.map(reference).join(",");
    assert_eq!(of(&format!(",\"references\": [{references}]")), ["linux/amd64", "linux/arm64/v8"]);
    assert_eq!(
        of(r#","platform":{"architecture":"amd64","os":"windows","os.version":"10.0"}"#),
        ["windows/amd64"]
    );
    assert_eq!(of(r#","references":null"#), [""; 0]);
    // An id is made of what was pushed, not of what is told about it.
    let ids = ["", &format!(",\"references\": [{references}]")].map(|target| {
        let body = DISTRIBUTION.replacen("\"tag\": \"1.4.2\"", &format!("\"tag\": \"1.4.2\"{target}"), 1);
        events(Registry::Distribution, &body)[0].id().to_owned()
    });
    assert_eq!(ids[0], ids[1]);
}
