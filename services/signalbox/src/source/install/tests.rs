//! Against a stand-in that answers as GitHub's documentation says.

use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::IntoResponse as _;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::*;
use crate::output::tests::Paper;

const TOKEN: &str = "ghp_never-printed";
const SECRET: &str = "a-secret-never-printed";
const REPOSITORY: &str = "/api/v3/repos/acme/shop/hooks";

/// What the stand-in has, and how it misbehaves.
#[derive(Default)]
struct GitHub {
    hooks: Vec<Value>,
    deliveries: Vec<Value>,
    /// Method and path of each request that changed something, with its body.
    changed: Vec<(String, Value)>,
    /// How the hook answers pings.
    answers: u16,
    /// Answers everything with this.
    broken: Option<Broken>,
    /// Somebody makes the same hook before the first one is made here.
    faster: bool,
    base: String,
}

/// A status, headers and a message.
type Broken = (u16, &'static [(&'static str, &'static str)], &'static str);

type Shared = Arc<Mutex<GitHub>>;

fn hook(id: usize, url: &str) -> Value {
    json!({
        "type": "Repository", "id": id, "name": "web", "active": true, "events": ["push"],
        "config": {"content_type": "json", "insecure_ssl": "0", "url": url, "secret": "********"},
    })
}

async fn answer(
    State(github): State<Shared>,
    Query(query): Query<Vec<(String, String)>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> axum::response::Response {
    let mut github = github.lock().expect("no panic");
    assert_eq!(headers["authorization"], format!("Bearer {TOKEN}"));
    if let Some((status, headers, message)) = github.broken {
        let status = StatusCode::from_u16(status).expect("a status");
        return (status, headers_of(headers), Json(json!({"message": message}))).into_response();
    }
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    let path = uri.path().to_owned();
    if method != Method::GET {
        github.changed.push((format!("{method} {path}"), body.clone()));
    }
    let number = |name: &str, or: usize| {
        query.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.parse().ok()).unwrap_or(or)
    };
    let rest = path.strip_prefix(REPOSITORY).or_else(|| path.strip_prefix("/api/v3/orgs/acme/hooks"));
    match (&method, rest.map(|rest| rest.split('/').collect::<Vec<_>>()).as_deref()) {
        (&Method::GET, Some([""])) => {
            // Three on a page, whatever is asked for: the link says how it goes on.
            let page = number("page", 1);
            let hooks: Vec<_> = github.hooks.iter().skip((page - 1) * 3).take(3).cloned().collect();
            let mut answer = Json(hooks).into_response();
            if page * 3 < github.hooks.len() {
                let link = format!("<{}{path}?per_page=100&page={}>; rel=\"next\"", github.base, page + 1);
                answer.headers_mut().insert("link", link.parse().expect("a header"));
            }
            answer
        }
        (&Method::POST, Some([""])) => {
            let url = body["config"]["url"].as_str().unwrap_or_default().to_owned();
            if std::mem::take(&mut github.faster) {
                github.hooks.push(hook(77, &url));
            }
            if github.hooks.iter().any(|hook| hook["config"]["url"] == body["config"]["url"]) {
                let errors = json!({"message": "Validation Failed", "errors": [
                    {"resource": "Hook", "code": "custom", "message": "Hook already exists on this repository"},
                ]});
                return (StatusCode::UNPROCESSABLE_ENTITY, Json(errors)).into_response();
            }
            let mut made = hook(github.hooks.len() + 1, &url);
            made["events"] = body["events"].clone();
            github.hooks.push(made.clone());
            (StatusCode::CREATED, Json(made)).into_response()
        }
        (&Method::PATCH, Some(["", id])) => {
            let found = github.hooks.iter_mut().find(|hook| hook["id"].as_u64() == id.parse().ok());
            let Some(found) = found else { return missing() };
            found["events"] = body["events"].clone();
            found["active"] = body["active"].clone();
            Json(found.clone()).into_response()
        }
        (&Method::POST, Some(["", _, "pings"])) => {
            let (id, answers) = (1000 + github.deliveries.len(), github.answers);
            let status = if answers == 202 { "OK" } else { "Invalid HTTP Response" };
            let delivery = json!({"id": id, "guid": "0b989ba4", "event": "ping", "status": status, "status_code": answers});
            github.deliveries.insert(0, delivery);
            StatusCode::NO_CONTENT.into_response()
        }
        (&Method::GET, Some(["", _, "deliveries"])) => Json(github.deliveries.clone()).into_response(),
        _ => missing(),
    }
}

fn missing() -> axum::response::Response {
    (StatusCode::NOT_FOUND, Json(json!({"message": "Not Found"}))).into_response()
}

fn headers_of(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")))
        .collect()
}

struct World {
    github: Shared,
    folder: tempfile::TempDir,
    settings: Settings,
    api: String,
}

async fn world(answers: u16) -> World {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().expect("a temp folder");
    let write =
        |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("it takes a file");
    write("token", TOKEN);
    write("secret", SECRET);
    let secret = folder.path().join("secret").display().to_string();
    let source = |name: &str, spec: &str| {
        format!(
            "apiVersion: signalbox.dev/v1alpha1\nkind: Source\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"
        )
    };
    write(
        "sources.yaml",
        &[
            source("github", &format!("github: {{secrets: [{{file: {secret}}}]}}")),
            source("images", &format!("registry: {{ghcr: {{secrets: [{{file: {secret}}}]}}}}")),
            source("git", &format!("gitea: {{secrets: [{{file: {secret}}}]}}")),
            source("lost", "github: {secrets: [{file: /nowhere}]}"),
        ]
        .join("---\n"),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let github = Arc::new(Mutex::new(GitHub { answers, base: base.clone(), ..GitHub::default() }));
    let router = Router::new().fallback(answer).with_state(github.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let settings = Settings { config: folder.path().to_owned(), ..Settings::default() };
    World { github, folder, settings, api: format!("{base}/api/v3") }
}

fn args(world: &World, name: &str) -> InstallArgs {
    InstallArgs {
        name: name.to_owned(),
        repo: Some(("acme".to_owned(), "shop".to_owned())),
        org: None,
        url: "https://ci.example.com".to_owned(),
        events: vec!["push".to_owned()],
        api_url: Some(world.api.clone()),
        token_env: "NO_SUCH_VARIABLE".to_owned(),
        token_file: Some(world.folder.path().join("token")),
        set_secret: false,
        dry_run: false,
        config: None,
        json: false,
    }
}

impl World {
    async fn says(&self, args: InstallArgs) -> (Exit, String) {
        let paper = Paper::default();
        let result = run(&self.settings, &args, &mut Output::to(paper.clone())).await;
        let (exit, text) = match result {
            Ok(exit) => (exit, paper.text()),
            Err(Stop::Error(exit, error)) => (exit, format!("{}{error:#}", paper.text())),
            Err(Stop::ClosedPipe) => panic!("paper has no pipe"),
        };
        assert!(!text.contains(TOKEN) && !text.contains(SECRET), "{text}");
        (exit, text)
    }

    fn github(&self) -> std::sync::MutexGuard<'_, GitHub> {
        self.github.lock().expect("no panic")
    }

    fn changed(&self) -> Vec<String> {
        self.github().changed.iter().map(|(what, _)| what.clone()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_created_with_the_secret_of_its_source_and_pinged_and_then_it_is_right() {
    let world = world(202).await;
    let (exit, text) = world.says(args(&world, "github")).await;
    assert_eq!(exit, Exit::Done, "{text}");
    assert!(
        text.contains("created: webhook 1 for https://ci.example.com/hooks/github\n  events: push\n"),
        "{text}"
    );
    assert!(text.contains("ping answered with 202 (OK)"), "{text}");
    let created = world.github().changed[0].1.clone();
    let wanted = json!({
        "name": "web", "active": true, "events": ["push"],
        "config": {"url": "https://ci.example.com/hooks/github", "content_type": "json", "insecure_ssl": "0", "secret": SECRET},
    });
    assert_eq!(created, wanted);
    let (exit, text) = world.says(InstallArgs { json: true, ..args(&world, "github") }).await;
    let told: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(
        (exit, &told["did"], &told["ping"]),
        (Exit::Done, &json!("already right"), &json!(202)),
        "{text}"
    );
    let ping = format!("POST {REPOSITORY}/1/pings");
    assert_eq!(world.changed(), [format!("POST {REPOSITORY}"), ping.clone(), ping]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_on_a_later_page_is_mended_and_a_dry_run_changes_nothing() {
    let world = world(202).await;
    for id in 1..=7 {
        world.github().hooks.push(hook(id, &format!("https://other.example.com/{id}")));
    }
    world.github().hooks.push(hook(8, "https://ci.example.com/hooks/github"));
    let wanted =
        InstallArgs { events: vec!["push".to_owned(), "release".to_owned()], ..args(&world, "github") };
    let dry = InstallArgs { dry_run: true, events: wanted.events.clone(), ..args(&world, "github") };
    let (exit, text) = world.says(dry).await;
    assert!(exit == Exit::Done && text.contains("would be updated: webhook 8 "), "{text}");
    assert!(world.changed().is_empty(), "{:?}", world.changed());
    let (exit, text) = world.says(wanted).await;
    assert!(
        exit == Exit::Done
            && text.contains("updated: webhook 8 ")
            && text.contains("events: push -> push, release"),
        "{text}"
    );
    assert_eq!(world.changed()[0], format!("PATCH {REPOSITORY}/8"));
    assert_eq!(
        world.github().changed[0].1["config"]["secret"],
        SECRET,
        "without it GitHub would forget the secret"
    );
    let (_, text) = world
        .says(InstallArgs {
            dry_run: true,
            org: Some("acme".to_owned()),
            repo: None,
            ..args(&world, "images")
        })
        .await;
    assert!(text.contains("would be created: a webhook for https://ci.example.com/hooks/images"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_somebody_else_made_a_moment_ago_is_taken_as_it_is() {
    let world = world(202).await;
    world.github().faster = true;
    let (exit, text) = world.says(args(&world, "github")).await;
    assert!(exit == Exit::Done && text.contains("already right: webhook 77 "), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_that_is_not_taken_says_what_would_be_right() {
    for (answers, words) in
        [(401, "--set-secret"), (404, "no Source of this name"), (0, "does not reach"), (500, "see its log")]
    {
        let world = world(answers).await;
        let (exit, text) = world.says(args(&world, "github")).await;
        assert!(exit == Exit::Failed && text.contains(words), "{answers}: {text}");
    }
    let world = world(202).await;
    world.says(args(&world, "github")).await;
    let (exit, text) = world.says(InstallArgs { set_secret: true, ..args(&world, "github") }).await;
    assert!(exit == Exit::Done && text.contains("secret: not shown -> that of the Source"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_github_refuses_is_told_with_what_would_be_right() {
    for (status, headers, message, exit, words) in [
        (401, &[][..], "Bad credentials", Exit::Failed, "Bad credentials"),
        (404, &[], "Not Found", Exit::Failed, "needs the permission Webhooks"),
        (
            403,
            &[("x-accepted-github-permissions", "organization_hooks=write")],
            "Resource not accessible by personal access token",
            Exit::Failed,
            "organization_hooks=write",
        ),
        (
            403,
            &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "9999999999")],
            "API rate limit exceeded",
            Exit::Unreachable,
            "rate limit is reached",
        ),
        (
            429,
            &[("retry-after", "60")],
            "You have exceeded a secondary rate limit",
            Exit::Unreachable,
            "secondary rate limit",
        ),
        (502, &[], "Server Error", Exit::Unreachable, "unwell (502)"),
        (422, &[], "Validation Failed", Exit::Failed, "Validation Failed"),
    ] {
        let world = world(202).await;
        world.github().broken = Some((status, headers, message));
        let (found, text) = world.says(args(&world, "github")).await;
        assert!(found == exit && text.contains(words), "{status}: {found:?} {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_installed_is_told_before_anything_is_asked() {
    let world = world(202).await;
    let nowhere = |file: &Path| Some(file.join("no token"));
    for (args, words) in [
        (args(&world, "githbu"), "did you mean `github`?"),
        (args(&world, "git"), "takes nothing from GitHub"),
        (args(&world, "lost"), "the secret of the Source `lost` cannot be read here"),
        (InstallArgs { repo: None, ..args(&world, "github") }, "--repo"),
        (
            InstallArgs { url: "ci.example.com".to_owned(), ..args(&world, "github") },
            "write http://HOST:PORT",
        ),
        (
            InstallArgs { api_url: Some("https://github.com".to_owned()), ..args(&world, "github") },
            "the API is at",
        ),
        (InstallArgs { token_file: None, ..args(&world, "github") }, "NO_SUCH_VARIABLE"),
        (InstallArgs { token_file: nowhere(world.folder.path()), ..args(&world, "github") }, "no token"),
    ] {
        let (exit, text) = world.says(args).await;
        assert!(exit == Exit::Usage && text.contains(words), "{text}");
    }
    assert!(world.changed().is_empty());
}
