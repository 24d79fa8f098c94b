use resources::SourceKind;

use super::*;

fn sources() -> Vec<Source> {
    let text = [
        "github: {secrets: [{env: PATH}], repositories: ['octo/*']}",
        "gitea: {secrets: [{env: PATH}], repositories: [octo/one]}",
        "gitlab: {tokens: [{env: PATH}], projects: ['octo/web/*']}",
        "gitlab: {secrets: [{env: PATH}]}",
        "registry: {ghcr: {secrets: [{env: PATH}]}}",
        "registry: {dockerhub: {tokens: [{env: PATH}]}}",
        "registry: {harbor: {basic: {user: harbor, passwords: [{env: PATH}]}}}",
        "registry: {quay: {tokens: [{env: PATH}]}}",
        "registry: {distribution: {header: {name: X-Token, values: [{env: PATH}]}}}",
        "argocd: {tokens: [{env: PATH}]}",
        "alertmanager: {tokens: [{env: PATH}]}",
        "cloudevents: {tokens: [{env: PATH}], types: ['com.shop.*'], sources: ['https://shop.example/*']}",
        "cloudevents: {secrets: [{env: PATH}]}",
        "generic: {hmac: {secrets: [{env: PATH}], header: X-Sign, algorithm: sha512, encoding: base64, signs: 'v0:{timestamp}:{x-request}:{body}', timestamp: {header: X-Time}}, type: '\"com.example.x\"'}",
    ];
    let source = |(n, spec): (usize, &&str)| {
        format!(
            "apiVersion: signalbox.dev/v1alpha1\nkind: Source\nmetadata: {{name: s{n:02}}}\nspec: {{{spec}}}\n"
        )
    };
    let text = text.iter().enumerate().map(source).collect::<Vec<_>>().join("---\n");
    resources::load_text("all.yaml", &text).unwrap().catalog.sources.into_values().collect()
}

fn draw(nonce: u128) -> Draw {
    Draw { now: "2026-09-01T10:00:00Z".parse().unwrap(), nonce }
}

fn wanted(sample: Option<&'static str>, nonce: u128) -> Wanted<'static> {
    Wanted { sample, repository: None, draw: draw(nonce) }
}

#[test]
fn every_sample_is_json_with_every_member_that_is_new_each_time() {
    for source in sources() {
        for sample in known::of(&source.kind) {
            let body: serde_json::Value = serde_json::from_str(&sample.body()).unwrap();
            for (pointer, _) in sample.fresh {
                assert!(body.pointer(pointer).is_some(), "{}: {pointer}", sample.name);
            }
            let of_a_forge =
                matches!(source.kind, SourceKind::Github(_) | SourceKind::Gitea(_) | SourceKind::Gitlab(_));
            assert!(
                !of_a_forge || sample.body().contains(known::repository(&source.kind)),
                "{}",
                sample.name
            );
        }
    }
}

#[test]
fn a_sample_is_of_a_repository_that_its_source_takes_or_of_the_one_that_was_asked_for() {
    let secret = Secret::new("s");
    let says = |source: &Source, repository| {
        let post = post(source, Wanted { repository, ..wanted(None, 1) }, &secret).unwrap();
        String::from_utf8(post.body).unwrap()
    };
    let sources = sources();
    for (source, found) in sources.iter().zip(["octo/shop", "octo/one", "octo/web/shop", "acme/web/shop"]) {
        assert!(says(source, None).contains(&format!("\"{found}\"")), "{found}");
        assert!(says(source, Some("a\"b/c")).contains("a\\\"b/c"), "{found}");
    }
    assert!(says(&sources[11], None).contains(r#""type":"com.shop.try""#));
    assert!(says(&sources[11], None).contains(r#""source":"https://shop.example/try""#));
}

#[test]
fn what_cannot_be_posted_is_told() {
    let sources = sources();
    let secret = Secret::new("s");
    let told = |source: &Source, sample, secret: &Secret| match post(source, wanted(sample, 1), secret) {
        Ok(post) => panic!("{}", post.sample),
        Err(error) => error.to_string(),
    };
    assert_eq!(
        told(&sources[0], Some("psuh"), &secret),
        "there is no sample `psuh` of a Source of the kind github"
    );
    assert!(told(&sources[13], None, &secret).contains("name a sample"));
    assert!(told(&sources[9], None, &Secret::new("a\nb")).contains("no header can hold"));
    let clock = "apiVersion: signalbox.dev/v1alpha1\nkind: Source\nmetadata: {name: c}\nspec: {schedule: {cron: '@daily'}}\n";
    let clock = resources::load_text("c.yaml", clock).unwrap().catalog.sources.remove("c").unwrap();
    assert!(told(&clock, None, &secret).contains("nobody posts"));
    assert!(names(&clock).is_empty() && secrets(&clock).is_empty());
}
