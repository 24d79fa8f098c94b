//! Webhooks of Gitea, Forgejo, GitLab and image registries, as they send them.

use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use events::payload::image;
use events::{argocd, gitea, gitlab, registry};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::world::{NOW, OLD_SECRET, SECRET, World, sign};

async fn world(spec: &str) -> World {
    let head = "apiVersion: signalbox.dev/v1alpha1\nkind: Source\nmetadata: {name: forge}\n";
    World::declaring(&format!("{head}spec: {spec}\n")).await
}

fn post(address: &str, body: impl Into<Vec<u8>>, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request =
        Request::post(format!("/hooks/forge{address}")).header("Content-Type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.into())).unwrap()
}

fn hex(body: &str) -> String {
    sign(SECRET, body.as_bytes()).trim_start_matches("sha256=").to_owned()
}

#[tokio::test]
async fn every_sample_of_gitea_and_of_forgejo_is_taken_once() {
    for of in ["Gitea", "Forgejo"] {
        let world = world("{gitea: {secrets: [{env: A}, {env: B}]}}").await;
        for (event, body) in gitea::SAMPLES {
            let signature = hex(body);
            let mut headers = vec![
                ("X-Gitea-Event", event),
                ("X-Gitea-Delivery", event),
                ("X-Gitea-Signature", &*signature),
            ];
            if of == "Forgejo" {
                headers.extend([
                    ("X-Forgejo-Event", event),
                    ("X-Forgejo-Delivery", event),
                    ("X-Forgejo-Signature", &signature),
                ]);
            }
            for duplicate in [false, true] {
                let answer = world.send(post("", body, &headers)).await;
                assert_eq!(
                    (answer.status.as_u16(), &answer.json["duplicate"]),
                    (202, &duplicate.into()),
                    "{answer:?}"
                );
            }
        }
        assert_eq!(world.stored().await.len(), gitea::SAMPLES.len());
        assert!(world.counts(r#"signalbox_gateway_requests_total{answer="accepted",source_kind="gitea"} 6"#));
    }
}

#[tokio::test]
async fn what_is_no_delivery_of_gitea_is_refused() {
    let world = world("{gitea: {secrets: [{env: A}]}}").await;
    let (event, body) = gitea::SAMPLES[3];
    let signature = hex(body);
    let good = [("X-Gitea-Event", event), ("X-Gitea-Delivery", "1"), ("X-Gitea-Signature", &*signature)];
    let refused = async |change: &[(&'static str, &str)], body: &str| {
        let mut headers: Vec<(&str, &str)> =
            good.into_iter().filter(|(name, _)| !change.iter().any(|(changed, _)| changed == name)).collect();
        headers.extend(change.iter().filter(|(_, value)| !value.is_empty()));
        world.send(post("", body, &headers)).await
    };
    refused(&[("X-Gitea-Signature", "")], body).await.assert_refused(401, "x-gitea-signature is missing");
    refused(&[("X-Gitea-Signature", &hex("other"))], body)
        .await
        .assert_refused(401, "fits none of the secrets");
    refused(&[("X-Gitea-Signature", "00")], body).await.assert_refused(401, "does not have the form");
    refused(&[("X-Forgejo-Signature", &hex("other"))], body)
        .await
        .assert_refused(401, "x-forgejo-signature fits none");
    refused(&[("X-Gitea-Event", "")], body).await.assert_refused(400, "X-Gitea-Event is missing");
    refused(&[("X-Gitea-Event", "Not an event")], body).await.assert_refused(400, "not the name of an event");
    refused(&[("X-Gitea-Delivery", "a b")], body)
        .await
        .assert_refused(400, "X-Gitea-Delivery has a character");
    let cut = &body[..body.len() / 2];
    refused(&[("X-Gitea-Signature", &hex(cut))], cut).await.assert_refused(400, "not what Gitea sends: EOF");
    refused(&[("X-Gitea-Signature", &hex(""))], &" ".repeat(9 << 20))
        .await
        .assert_refused(413, "larger than");
    let mut form = post("", body, &good);
    form.headers_mut().insert("Content-Type", "application/x-www-form-urlencoded".parse().unwrap());
    world.send(form).await.assert_refused(415, "HTML form");
    assert!(world.stored().await.is_empty());
}

#[tokio::test]
async fn every_sample_of_gitlab_is_taken_with_its_token_and_a_retry_is_no_other_event() {
    let world = world("{gitlab: {tokens: [{env: A}]}}").await;
    for (kind, body) in gitlab::SAMPLES {
        let send = async |token: &str| {
            let headers =
                [("X-Gitlab-Token", token), ("Idempotency-Key", kind), ("X-Gitlab-Event", "Any Hook")];
            world.send(post("", body, &headers)).await
        };
        assert_eq!(send(SECRET).await.json["duplicate"], false);
        assert_eq!(send(SECRET).await.json["duplicate"], true);
        send("wrong").await.assert_refused(401, "x-gitlab-token fits none");
    }
    world.send(post("", "{}", &[])).await.assert_refused(401, "x-gitlab-token is missing");
    world.send(post("", "{}", &[("X-Gitlab-Token", SECRET)])).await.assert_refused(400, "object_kind");
    world
        .send(post("", "{", &[("X-Gitlab-Token", SECRET)]))
        .await
        .assert_refused(400, "not what GitLab sends: EOF");
    assert_eq!(world.stored().await.len(), gitlab::SAMPLES.len());
}

#[tokio::test]
async fn the_signing_token_of_gitlab_proves_body_id_and_time() {
    let world = world("{gitlab: {secrets: [{env: A}]}}").await;
    let body = gitlab::SAMPLES[0].1;
    let send = async |id: &str, time: i64, signed: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(signed.as_bytes());
        let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        let time = time.to_string();
        let headers = [
            ("webhook-id", id),
            ("webhook-timestamp", &*time),
            ("webhook-signature", &*signature),
            ("Idempotency-Key", id),
        ];
        world.send(post("", body, &headers)).await
    };
    let now = NOW.timestamp();
    for secret in [SECRET.to_owned(), format!("whsec_{}", STANDARD.encode(SECRET))] {
        world.rotate("new", &secret);
        assert_eq!(send("k-1", now, &format!("k-1.{now}.{body}")).await.json["id"], "k-1");
    }
    send("k-2", now, &format!("k-1.{now}.{body}")).await.assert_refused(401, "fits none");
    send("k-1", now - 400, &format!("k-1.{}.{body}", now - 400))
        .await
        .assert_refused(401, "too far from now");
}

#[tokio::test]
async fn every_registry_is_taken_by_what_it_can_show() {
    let ghcr = registry::sample(image::Registry::Ghcr);
    let signature = sign(SECRET, ghcr.as_bytes());
    let bearer = format!("Bearer {SECRET}");
    let basic = format!("Basic {}", STANDARD.encode(format!("ci:{SECRET}")));
    let in_address = format!("?access_token={SECRET}");
    for (spec, kind, address, headers, tags) in [
        (
            "ghcr: {secrets: [{env: A}]}",
            image::Registry::Ghcr,
            "",
            vec![("X-GitHub-Event", "registry_package"), ("X-Hub-Signature-256", &*signature)],
            1,
        ),
        ("dockerhub: {tokens: [{env: A}]}", image::Registry::DockerHub, &*in_address, vec![], 1),
        ("harbor: {tokens: [{env: A}]}", image::Registry::Harbor, "", vec![("Authorization", &*bearer)], 1),
        (
            "harbor: {header: {name: Authorization, values: [{env: A}]}}",
            image::Registry::Harbor,
            "",
            vec![("Authorization", SECRET)],
            1,
        ),
        ("quay: {tokens: [{env: A}]}", image::Registry::Quay, &in_address, vec![], 2),
        (
            "distribution: {basic: {user: ci, passwords: [{env: A}]}}",
            image::Registry::Distribution,
            "",
            vec![("Authorization", &*basic)],
            1,
        ),
    ] {
        let world = world(&format!("{{registry: {{{spec}}}}}")).await;
        let send = async |body: &str| {
            let mut request = post(address, body, &headers);
            if kind == image::Registry::Distribution {
                let media_type = "application/vnd.docker.distribution.events.v2+json".parse().unwrap();
                request.headers_mut().insert("Content-Type", media_type);
            }
            world.send(request).await
        };
        for duplicates in [0, tags] {
            let answer = send(registry::sample(kind)).await;
            assert_eq!(answer.status, 202, "{spec}: {answer:?}");
            assert_eq!(
                (answer.json["ids"].as_array().unwrap().len(), &answer.json["duplicates"]),
                (tags, &duplicates.into()),
                "{spec}"
            );
        }
        let stored = world.stored().await;
        assert_eq!(stored.len(), tags, "{spec}");
        assert!(stored.iter().all(|event| event.ty() == "io.signalbox.image.pushed.v1"));
        if kind != image::Registry::Ghcr {
            send("{\"x\":").await.assert_refused(400, "the body is not what ");
            send("{}").await.assert_refused(400, "missing field");
        }
        assert!(matches!(world.send(post("", "{}", &[])).await.status.as_u16(), 401), "{spec}");
        // Another secret is no secret until it is rotated in.
        world.rotate("new", OLD_SECRET);
        send(registry::sample(kind)).await.assert_refused(401, "");
    }
}

#[tokio::test]
async fn a_ping_and_a_pull_are_taken_without_any_event() {
    let world = world("{registry: {ghcr: {secrets: [{env: A}]}}}").await;
    let body = r#"{"zen":"Keep it logically awesome."}"#;
    let signature = sign(SECRET, body.as_bytes());
    let answer =
        world.send(post("", body, &[("X-GitHub-Event", "ping"), ("X-Hub-Signature-256", &signature)])).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json.to_string()),
        (202, r#"{"duplicates":0,"ids":[]}"#.to_owned())
    );
    let answer = world.send(post("", body, &[("X-Hub-Signature-256", &signature)])).await;
    answer.assert_refused(400, "X-GitHub-Event");
}

#[tokio::test]
async fn a_notification_of_argo_cd_is_one_event_however_often_it_comes() {
    let world = world("{argocd: {tokens: [{env: A}]}, bodyLimit: 4KiB}").await;
    let bearer = format!("Bearer {SECRET}");
    let proven = [("Authorization", &*bearer)];
    for duplicate in [false, true] {
        let answer = world.send(post("", argocd::SAMPLE, &proven)).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json["duplicate"]),
            (202, &duplicate.into()),
            "{answer:?}"
        );
    }
    let stored = world.stored().await;
    assert_eq!(
        stored.iter().map(events::Envelope::ty).collect::<Vec<_>>(),
        ["io.argoproj.notification.received.v1"]
    );
    for (body, headers, status, about) in [
        (argocd::SAMPLE.to_owned(), &[][..], 401, "Authorization"),
        (argocd::SAMPLE.to_owned(), &[("Authorization", "Bearer another")], 401, "none of the tokens"),
        (argocd::SAMPLE.replace("\"1\"", "\"2\""), &proven, 400, "unknown variant `2`"),
        (argocd::SAMPLE.replace("\"Synced\"", "<no value>"), &proven, 400, "expected value"),
        (format!("{}{}", argocd::SAMPLE, " ".repeat(4096)), &proven, 413, "4096 bytes"),
    ] {
        world.send(post("", body, headers)).await.assert_refused(status, about);
    }
    assert_eq!(world.stored().await.len(), 1);
}

#[tokio::test]
async fn a_forge_is_taken_from_the_repositories_that_its_source_names_and_from_no_others() {
    let push = |name: &str| format!(r#"{{"ref":"refs/heads/main","repository":{{"full_name":"{name}"}}}}"#);
    let of_gitea = [
        (push("acme/shop"), 202, ""),
        (push("ACME/other"), 202, ""),
        (push("acme-evil/shop"), 403, "the repository acme-evil/shop"),
        (r#"{"repository":null,"package":{"owner":{"login":"acme"}}}"#.to_owned(), 202, ""),
        (
            r#"{"repository":null,"organization":{"username":"evil"}}"#.to_owned(),
            403,
            "the organisation evil",
        ),
        (r#"{"sender":{"login":"acme"}}"#.to_owned(), 403, "neither a repository nor an organisation"),
    ];
    let gitea = world("{gitea: {secrets: [{env: A}], repositories: ['acme/*']}}").await;
    for (n, (body, status, words)) in of_gitea.iter().enumerate() {
        let (id, signature) = (n.to_string(), hex(body));
        let headers =
            [("X-Gitea-Event", "push"), ("X-Gitea-Delivery", &*id), ("X-Gitea-Signature", &*signature)];
        let answer = gitea.send(post("", body.as_str(), &headers)).await;
        assert_eq!(answer.status.as_u16(), *status, "{body}: {answer:?}");
        if *status == 403 {
            answer.assert_refused(403, words);
        }
    }
    // A stranger does not learn which repositories are taken.
    let headers =
        [("X-Gitea-Event", "push"), ("X-Gitea-Delivery", "x"), ("X-Gitea-Signature", &*hex("other"))];
    gitea.send(post("", push("acme/shop"), &headers)).await.assert_refused(401, "");
    assert_eq!(gitea.stored().await.len(), 3);

    let push =
        |path: &str| format!(r#"{{"object_kind":"push","project":{{"path_with_namespace":"{path}"}}}}"#);
    let of_gitlab = [
        (push("acme/web/shop"), 202, ""),
        (push("Acme/api"), 202, ""),
        (push("other/shop"), 403, "the project other/shop"),
        (r#"{"object_kind":"access_token","group":{"full_path":"acme/web"}}"#.to_owned(), 202, ""),
        (r#"{"object_kind":"access_token","group":{"full_path":"evil"}}"#.to_owned(), 403, "the group evil"),
    ];
    let gitlab = world("{gitlab: {tokens: [{env: A}], projects: ['acme/*']}}").await;
    for (n, (body, status, words)) in of_gitlab.iter().enumerate() {
        let id = n.to_string();
        let headers = [("X-Gitlab-Token", SECRET), ("Idempotency-Key", &*id)];
        let answer = gitlab.send(post("", body.as_str(), &headers)).await;
        assert_eq!(answer.status.as_u16(), *status, "{body}: {answer:?}");
        if *status == 403 {
            answer.assert_refused(403, words);
            assert!(answer.json["hint"].as_str().unwrap().contains("`projects`"), "{answer:?}");
        }
    }
    assert_eq!(gitlab.stored().await.len(), 3);
}
