//! Webhooks of other senders than GitHub, at the real listener of the real program.

use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};
use tests::process::{command, output};
use tests::signalbox::{Signalbox, program};

const TOKEN: &str = "a-token-of-these-tests";

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
