//! Every sample of every kind of Source comes through the gateway, and each time as another event.

use axum::body::Body;
use axum::http::Request;
use chrono::TimeDelta;
use gateway::sample::{self, Draw, Post, Wanted};
use resources::{Secret, Source};

use crate::world::{NOW, SECRET, World};

/// A Source of each kind, and every preset.
fn everything() -> String {
    let specs = [
        ("github", "github: {secrets: [{env: A}], repositories: ['octo/*']}"),
        ("gitea", "gitea: {secrets: [{env: A}], repositories: [octo/one]}"),
        ("gitlab", "gitlab: {tokens: [{env: A}], projects: ['octo/web/*']}"),
        ("gitlab-signed", "gitlab: {secrets: [{env: A}]}"),
        ("ghcr", "registry: {ghcr: {secrets: [{env: A}]}}"),
        ("dockerhub", "registry: {dockerhub: {tokens: [{env: A}]}}"),
        ("harbor", "registry: {harbor: {basic: {user: harbor, passwords: [{env: A}]}}}"),
        ("quay", "registry: {quay: {tokens: [{env: A}]}}"),
        ("distribution", "registry: {distribution: {header: {name: X-Token, values: [{env: A}]}}}"),
        ("argocd", "argocd: {tokens: [{env: A}]}"),
        ("alertmanager", "alertmanager: {tokens: [{env: A}]}"),
        (
            "events",
            "cloudevents: {tokens: [{env: A}], types: ['com.shop.*'], sources: ['https://shop.example/*']}",
        ),
        ("events-signed", "cloudevents: {secrets: [{env: A}]}"),
    ];
    let source = |(name, spec): (&str, &str)| {
        format!(
            "apiVersion: signalbox.dev/v1alpha1\nkind: Source\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"
        )
    };
    let presets =
        std::fs::read_dir(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("presets")).unwrap();
    let presets = presets
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| std::fs::read_to_string(path).unwrap());
    specs.into_iter().map(source).chain(presets).collect::<Vec<_>>().join("---\n")
}

fn request(source: &str, post: &Post) -> Request<Body> {
    let query = post.query.as_ref().map_or_else(String::new, |query| format!("?{query}"));
    let mut request = Request::post(format!("/hooks/{source}{query}"));
    for (name, value) in &post.headers {
        request = request.header(name, value.as_slice());
    }
    request.body(Body::from(post.body.clone())).unwrap()
}

/// The n-th post: a second after the one before, with other bits.
fn made(source: &Source, sample: &str, secret: &str, n: u32) -> Post {
    // The golden ratio spreads them.
    let nonce = u128::from(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let draw = Draw { now: NOW + TimeDelta::seconds(n.into()), nonce };
    let wanted = Wanted { sample: Some(sample), repository: None, draw };
    sample::post(source, wanted, &Secret::new(secret)).unwrap()
}

#[tokio::test]
async fn the_gateway_takes_every_sample_each_time_as_another_event_and_none_without_the_secret() {
    let text = everything();
    let world = World::declaring(&text).await;
    let sources = resources::load_text("all.yaml", &text).unwrap().catalog.sources;
    let mut tried = 0;
    for (name, source) in &sources {
        // Of the presets, each takes what its product sends.
        let of_a_preset = source.kind.name() == "generic";
        for sample in sample::names(source).into_iter().filter(|sample| !of_a_preset || sample == name) {
            for again in [false, true] {
                let answer = world.send(request(name, &made(source, sample, SECRET, tried))).await;
                assert_eq!(answer.status, 202, "{name} {sample}: {answer:?}");
                let duplicate =
                    answer.json["duplicate"] == true || answer.json["duplicates"].as_u64() > Some(0);
                // Quay tells two pushes apart by our clock alone, which stands still here.
                assert_eq!(duplicate, again && name == "quay", "{name} {sample}: {answer:?}");
                tried += 1;
            }
            let forged = world.send(request(name, &made(source, sample, "a guess", tried))).await;
            assert_eq!(forged.status, 401, "{name} {sample}: {forged:?}");
        }
    }
    assert!(tried > 40, "{tried}");
    let stored = world.stored().await;
    for ty in [
        "com.github.push",
        "io.gitea.push",
        "com.gitlab.push",
        "io.prometheus.alert.firing.v1",
        "com.shop.try",
    ] {
        assert!(stored.iter().any(|event| event.ty() == ty), "{ty}");
    }
}
