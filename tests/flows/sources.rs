//! Webhooks of other senders than GitHub, at the real listener of the real program.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use tests::nats::Nats;
use tests::process::{command, output};
use tests::signalbox::{Signalbox, Start, program};

const TOKEN: &str = "a-token-of-these-tests";
const PATIENCE: Duration = Duration::from_secs(20);

/// Sources that take the token of the file, and one that takes nothing from here.
fn resources(token: &Path) -> String {
    let tokens = format!("[{{file: {}}}]", token.display());
    let here = "from: {addresses: [127.0.0.1]}";
    let proxied = "from: {addresses: [192.0.2.0/24], proxies: [127.0.0.0/8]}";
    let source = |name: &str, spec: String| {
        format!(
            "apiVersion: signalbox.dev/v1alpha1\nkind: Source\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"
        )
    };
    [
        source("gitlab", format!("gitlab: {{tokens: {tokens}}}, {here}")),
        source("argocd", format!("argocd: {{tokens: {tokens}}}")),
        source("hub", format!("registry: {{dockerhub: {{tokens: {tokens}}}}}")),
        source(
            "builds",
            format!("generic: {{tokens: {tokens}, type: '\"com.example.\" + body.state', id: body.id}}"),
        ),
        source("far", format!("gitlab: {{tokens: {tokens}}}, {proxied}")),
    ]
    .join("---\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_webhook_comes_to_the_log_of_the_real_program() -> anyhow::Result<()> {
    let secrets = tempfile::tempdir()?;
    let token = secrets.path().join("token");
    std::fs::write(&token, TOKEN)?;
    let mut signalbox = Signalbox::new(&resources(&token), None)?;
    signalbox.serve().await?;
    let http = reqwest::Client::new();
    let post = async |address: &str, headers: &[(&str, &str)], body: &str| -> anyhow::Result<u16> {
        let mut request = http.post(signalbox.hook(address)).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Ok(request.body(body.to_owned()).send().await?.status().as_u16())
    };
    let push = events::gitlab::SAMPLES[2].1;
    let gitlab = [("x-gitlab-token", TOKEN), ("idempotency-key", "k-1")];
    let hub = events::registry::sample(events::payload::image::Registry::DockerHub);
    let bearer = format!("Bearer {TOKEN}");
    assert_eq!(post("gitlab", &gitlab, push).await?, 202);
    assert_eq!(post(&format!("hub?access_token={TOKEN}"), &[], hub).await?, 202);
    let generic = [("authorization", &*bearer)];
    assert_eq!(post("builds", &generic, r#"{"state":"done","id":"b-7"}"#).await?, 202);
    assert_eq!(post("builds", &generic, r#"{"id":"b-8"}"#).await?, 422, "the expression of `type` fails");
    assert_eq!(post("hub", &[], hub).await?, 401);
    // This machine is no sender of `far`, but a proxy that it trusts.
    assert_eq!(post("far", &gitlab, push).await?, 403);
    let forwarded = |address| [gitlab[0], ("idempotency-key", "k-2"), ("x-forwarded-for", address)];
    assert_eq!(post("far", &forwarded("198.51.100.1"), push).await?, 403);
    assert_eq!(post("far", &forwarded("192.0.2.7"), push).await?, 202);
    let lines = signalbox.output(&["events", "tail", "--no-follow", "--json"])?;
    let types: Vec<String> = lines
        .lines()
        .map(|line| Ok(serde_json::from_str::<Value>(line)?["type"].as_str().unwrap_or_default().to_owned()))
        .collect::<anyhow::Result<_>>()?;
    assert_eq!(
        types,
        ["com.gitlab.push", "io.signalbox.image.pushed.v1", "com.example.done", "com.gitlab.push"]
    );
    Ok(())
}

/// The body of our template for Argo CD, rendered by another program with the same template engine and functions
/// (Go's `text/template` and sprig), as the notifications of Argo CD would.
fn rendered(recipient: &str, app: &Value) -> anyhow::Result<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../services/gateway/presets/argocd/argocd-notifications-cm.yaml");
    let map: Value = serde_saphyr::from_str(&std::fs::read_to_string(file)?)?;
    let template = map["data"]["template.signalbox"].as_str().context("it has our template")?;
    let template: Value = serde_saphyr::from_str(template)?;
    let body = template["webhook"]["signalbox"]["body"].as_str().context("the template has a body")?;
    let chart = tempfile::tempdir()?;
    std::fs::create_dir(chart.path().join("templates"))?;
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: body}\ndata: {body: {{ include \"body\" .Values | toJson }}}\n";
    let files = [
        ("Chart.yaml", "apiVersion: v2\nname: body\nversion: 1.0.0\n".to_owned()),
        ("values.yaml", json!({"recipient": recipient, "app": app}).to_string()),
        ("templates/body.yaml", format!("{{{{- define \"body\" }}}}{body}{{{{ end -}}}}\n{manifest}")),
    ];
    for (name, text) in files {
        std::fs::write(chart.path().join(name), text)?;
    }
    let said =
        output(command(tests::tools::find("helm")?, ["template", &*chart.path().display().to_string()]))?;
    anyhow::ensure!(said.status.success(), "{said:?}");
    let map: Value = serde_saphyr::from_str(std::str::from_utf8(&said.stdout)?)?;
    Ok(map["data"]["body"].as_str().context("it is a text")?.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_template_for_argo_cd_makes_is_what_its_source_takes() -> anyhow::Result<()> {
    let secrets = tempfile::tempdir()?;
    let token = secrets.path().join("token");
    std::fs::write(&token, TOKEN)?;
    let mut signalbox = Signalbox::new(&resources(&token), None)?;
    signalbox.serve().await?;
    let metadata = |name: &str| json!({"name": name, "namespace": "argocd", "uid": "3f1d0a52"});
    let message = "Deployment \"shop\" <exceeded> its\nprogress deadline & {{ so on }}";
    let one = json!({
        "metadata": metadata("shop-dev"),
        "spec": {"project": "default", "destination": {"namespace": "shop"}},
        "status": {
            "sync": {"status": "Synced", "revision": "1d7e3b9"},
            "health": {"status": "Degraded", "message": message, "lastTransitionTime": "2026-09-01T10:13:26Z"},
            "operationState": {"phase": "Succeeded", "startedAt": "2026-09-01T10:03:20Z", "syncResult": {"revisions": ["1", "2"]}},
            "summary": {"images": ["acme/shop:1"]},
            "reconciledAt": "2026-09-01T10:13:27Z",
        },
    });
    // One that Argo CD has not looked at yet.
    let none = json!({"metadata": metadata("shop-prod"), "spec": {"project": "default"}});
    for (app, recipient) in [(&one, "on-health-degraded"), (&none, "")] {
        let request = reqwest::Client::new().post(signalbox.hook("argocd")).bearer_auth(TOKEN);
        let request = request.header("content-type", "application/json").body(rendered(recipient, app)?);
        let answer = request.send().await?;
        assert_eq!(answer.status(), 202, "{}", answer.text().await?);
    }
    let lines = signalbox.output(&["events", "tail", "--no-follow", "--json"])?;
    let events: Vec<Value> = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    assert_eq!(events.len(), 2);
    assert_eq!(
        (&events[0]["subject"], &events[1]["subject"]),
        (&json!("argocd/shop-dev"), &json!("argocd/shop-prod"))
    );
    assert_eq!(
        events[0]["data"],
        json!({
            "trigger": "on-health-degraded", "name": "shop-dev", "namespace": "argocd", "project": "default",
            "destination_namespace": "shop", "sync": "Synced", "health": "Degraded", "health_message": message,
            "revisions": ["1d7e3b9"], "images": ["acme/shop:1"],
            "operation": {"phase": "Succeeded", "started_at": "2026-09-01T10:03:20Z", "revisions": ["1", "2"]},
        })
    );
    assert_eq!(
        (&events[1]["data"]["health"], &events[1]["data"]["trigger"]),
        (&json!("Unknown"), &Value::Null)
    );
    Ok(())
}

#[test]
fn the_presets_are_valid_and_a_slip_in_one_is_told_with_its_place() -> anyhow::Result<()> {
    let presets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../services/gateway/presets");
    let config = tempfile::tempdir()?;
    for entry in std::fs::read_dir(&presets)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            std::fs::copy(&path, config.path().join(path.file_name().unwrap_or_default()))?;
        }
    }
    let check = || output(command(program()?, ["check", &*config.path().display().to_string()]));
    let said = check()?;
    assert!(said.status.success(), "{said:?}");
    assert!(String::from_utf8_lossy(&said.stdout).contains("6 sources"), "{said:?}");
    let grafana = config.path().join("grafana.yaml");
    std::fs::write(&grafana, std::fs::read_to_string(&grafana)?.replace("+ body.status'", "+ bdy.status'"))?;
    let said = check()?;
    assert!(!said.status.success());
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(
        text.contains("grafana.yaml:19:35: error: `spec.generic.type`: there is no variable `bdy`"),
        "{text}"
    );
    Ok(())
}

/// A Source of every kind, with a secret in a file.
fn of_every_kind(secret: &Path) -> String {
    let secrets = format!("[{{file: {}}}]", secret.display());
    let source = |(name, spec): (&str, String)| {
        format!(
            "apiVersion: signalbox.dev/v1alpha1\nkind: Source\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"
        )
    };
    [
        ("github", format!("github: {{secrets: {secrets}, repositories: ['octo/*']}}")),
        ("gitea", format!("gitea: {{secrets: {secrets}}}")),
        ("gitlab", format!("gitlab: {{tokens: {secrets}, projects: ['acme/*']}}")),
        ("gitlab-signed", format!("gitlab: {{secrets: {secrets}}}")),
        ("ghcr", format!("registry: {{ghcr: {{secrets: {secrets}}}}}")),
        ("hub", format!("registry: {{dockerhub: {{tokens: {secrets}}}}}")),
        ("harbor", format!("registry: {{harbor: {{tokens: {secrets}}}}}")),
        ("quay", format!("registry: {{quay: {{tokens: {secrets}}}}}")),
        (
            "distribution",
            format!("registry: {{distribution: {{basic: {{user: ci, passwords: {secrets}}}}}}}"),
        ),
        ("argocd", format!("argocd: {{tokens: {secrets}}}")),
        ("alerts", format!("alertmanager: {{tokens: {secrets}}}")),
        ("events", format!("cloudevents: {{tokens: {secrets}}}")),
        ("healthchecks", format!("generic: {{tokens: {secrets}, type: '\"com.example.\" + body.status'}}")),
        ("gone", format!("gitea: {{secrets: {secrets}}}, retired: true")),
        ("lost", "gitea: {secrets: [{file: /nowhere/at/all}]}".to_owned()),
        ("nightly", "schedule: {cron: '@daily'}".to_owned()),
    ]
    .map(source)
    .join("---\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_of_every_kind_is_tried_with_a_sample_and_says_what_came_through_it() -> anyhow::Result<()> {
    let secrets = tempfile::tempdir()?;
    let secret = secrets.path().join("secret");
    std::fs::write(&secret, TOKEN)?;
    let mut signalbox = Signalbox::new(&of_every_kind(&secret), None)?;
    signalbox.serve().await?;
    let gateway = signalbox.hook("x").replace("/hooks/x", "");
    let post = |arguments: &[&str]| {
        signalbox.command(&[&["source", "test"], arguments, &["--url", &gateway]].concat())
    };
    let kinds = [
        ("github", "com.github.push"),
        ("gitea", "io.gitea.push"),
        ("gitlab", "com.gitlab.push"),
        ("gitlab-signed", "com.gitlab.push"),
        ("ghcr", "io.signalbox.image.pushed.v1"),
        ("hub", "io.signalbox.image.pushed.v1"),
        ("harbor", "io.signalbox.image.pushed.v1"),
        ("quay", "io.signalbox.image.pushed.v1"),
        ("distribution", "io.signalbox.image.pushed.v1"),
        ("argocd", "io.argoproj.notification.received.v1"),
        ("alerts", "io.prometheus.alert.firing.v1"),
        ("events", "com.example.source.tested"),
        ("healthchecks", "com.example.down"),
    ];
    for (name, ty) in kinds {
        let said = post(&[name])?;
        let text = String::from_utf8(said.stdout)?;
        let complaint = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.status.success() && text.contains("202 Accepted"), "{name}: {text}{complaint}");
        assert!(!text.contains(TOKEN) && !complaint.contains(TOKEN), "{name}: {text}{complaint}");
        let id = text.lines().last().and_then(|line| line.strip_prefix("its story: signalbox events story "));
        let id = id.with_context(|| format!("{name}: {text}"))?;
        let event: Value = serde_json::from_str(&signalbox.output(&["events", "show", id, "--json"])?)?;
        assert!(event.to_string().contains(&format!("\"type\":\"{ty}\"")), "{name}: {event}");
    }

    for (arguments, code, words) in [
        (&["githbu"][..], 2, "did you mean `github`?"),
        (&["github", "--sample", "psuh"], 2, "did you mean `push`?"),
        (&["healthchecks", "--sample", "push"], 2, "there are dependency-updates, grafana"),
        (&["nightly"], 2, "nobody posts to it"),
        (&["lost"], 2, "cannot read the secret file /nowhere/at/all"),
        (&["gone"], 1, "410 Gone: this source was retired"),
        (
            &["github", "--repository", "other/one"],
            1,
            "403 Forbidden: this source takes no events of the repository other/one",
        ),
    ] {
        let said = post(arguments)?;
        let complaint = String::from_utf8_lossy(&said.stderr).into_owned();
        assert_eq!(said.status.code(), Some(code), "{arguments:?}: {complaint}");
        assert!(complaint.contains(words), "{arguments:?}: {complaint}");
    }
    let nobody = signalbox.command(&["source", "test", "hub", "--url", "http://127.0.0.1:1"])?;
    let complaint = String::from_utf8_lossy(&nobody.stderr).into_owned();
    assert_eq!(nobody.status.code(), Some(3), "{complaint}");
    assert!(complaint.contains("does not answer") && !complaint.contains(TOKEN), "{complaint}");
    let proxied =
        signalbox.command(&["source", "test", "hub", "--url", &format!("http://{}", signalbox.private())])?;
    let complaint = String::from_utf8_lossy(&proxied.stderr).into_owned();
    assert!(complaint.contains("no answer of a gateway"), "{complaint}");
    assert!(signalbox.output(&["source", "test", "github", "--samples"])?.starts_with("push\nping\n"));

    // What came through each is known, also after the program has ended, and without it.
    let known = |signalbox: &Signalbox| -> anyhow::Result<Vec<Value>> {
        let lines = signalbox.output(&["source", "list", "--json"])?;
        Ok(lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
    };
    let while_it_runs = tests::eventually(PATIENCE, "all of it is written down", async || {
        let known = known(&signalbox)?;
        let seen = |source: &&Value| source["accepted"].is_string() || source["refused"][0].is_object();
        anyhow::ensure!(known.iter().filter(seen).count() == kinds.len() + 1, "{known:?}");
        Ok(known)
    })
    .await?;
    let of = |known: &[Value], name: &str| {
        known.iter().find(|source| source["name"] == name).cloned().unwrap_or_default()
    };
    let github = of(&while_it_runs, "github");
    assert_eq!((&github["kind"], &github["address"]), (&json!("github"), &json!("/hooks/github")));
    assert_eq!(github["refused"][0]["answer"], "foreign", "{github}");
    let gone = of(&while_it_runs, "gone");
    assert!(gone["retired"] == true && gone["accepted"].is_null(), "{gone}");
    assert_eq!(of(&while_it_runs, "nightly")["address"], Value::Null);
    signalbox.process()?.terminate(PATIENCE).await?;
    let folder = ["source", "list", "--config", "config"];
    let text = signalbox.output(&folder)?;
    assert!(text.contains("gone: gitea at /hooks/gone  retired\n  accepted  never\n  refused   "), "{text}");
    assert!(text.contains("lost: gitea at /hooks/lost\n  accepted  never\n"), "{text}");
    signalbox.serve().await?;
    let again = known(&signalbox)?;
    for source in &while_it_runs {
        let found = of(&again, source["name"].as_str().unwrap_or_default());
        assert_eq!((&found["accepted"], &found["refused"]), (&source["accepted"], &source["refused"]));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_on_one_bus_know_together_what_came_through_a_source() -> anyhow::Result<()> {
    let (secrets, nats) = (tempfile::tempdir()?, Nats::start().await?);
    let secret = secrets.path().join("secret");
    std::fs::write(&secret, TOKEN)?;
    let resources = of_every_kind(&secret);
    let (mut one, mut two) =
        (Signalbox::new(&resources, Some(nats.url()))?, Signalbox::new(&resources, Some(nats.url()))?);
    for gateway in [&mut one, &mut two] {
        let arguments = vec!["--only".to_owned(), "gateway".to_owned()];
        gateway.start(Start { arguments, ..Start::default() }).await?;
        gateway.ready().await?;
    }
    let at = |gateway: &Signalbox| gateway.hook("x").replace("/hooks/x", "");
    one.output(&["source", "test", "gitea", "--url", &at(&one), "--config", "config"])?;
    let other = ["source", "test", "gitlab", "--repository", "evil/one", "--config", "config", "--url"];
    let refused = two.command(&[&other[..], &[&at(&two)]].concat())?;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    one.process()?.kill9()?;
    tests::eventually(PATIENCE, "both are known", async || {
        let lines = two.output(&["source", "list", "--json", "--config", "config"])?;
        let known: Vec<Value> = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        let of = |name: &str| known.iter().find(|source| source["name"] == name).cloned().unwrap_or_default();
        anyhow::ensure!(of("gitea")["accepted"].is_string(), "{lines}");
        anyhow::ensure!(of("gitlab")["refused"][0]["answer"] == "foreign", "{lines}");
        Ok(())
    })
    .await
}
