//! Kinds of objects that are described in the settings, and `CronJobs`, on a real API server.

use std::time::Duration;

use anyhow::Context as _;
use chassis::{Clock as _, SystemClock};
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::{Value, json};
use tests::kube_api::{KubeApi, apply, rule};
use tests::signalbox::{Signalbox, Start};
use tests::{eventually, skip};

const PATIENCE: Duration = Duration::from_mins(3);
const READS: [&str; 3] = ["get", "list", "watch"];
/// As in the watcher's examples, with shorter times.
const SETTINGS: &str = r#"
kubernetes:
  watch: []
  custom:
    - kind: certificates.cert-manager.io/v1
      phase: >-
        !object.?status.?conditions.orValue([]).exists(c, c.type == "Ready" && c.status == "True") ? "not-ready" :
        now >= timestamp(object.status.notAfter) ? "expired" :
        now >= timestamp(object.status.notAfter) - duration("10s") ? "expiring" : "ready"
      again: >-
        has(object.status) && has(object.status.notAfter)
        ? [timestamp(object.status.notAfter) - duration("10s"), timestamp(object.status.notAfter)] : null
      message: >-
        object.?status.?conditions.orValue([]).filter(c, c.type == "Ready").map(c, c.?message.orValue("")).join()
      for: {not-ready: 2s}
    - kind: issuers.example.dev/v1
      phase: object.status.phase
"#;

fn definition(group: &str, kind: &str, plural: &str, scope: &str) -> Value {
    let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {
            "group": group, "scope": scope, "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase()},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                          "schema": {"openAPIV3Schema": open}}],
        },
    })
}

struct Stage {
    api: KubeApi,
    signalbox: Signalbox,
    kubeconfig: std::path::PathBuf,
}

impl Stage {
    async fn new(settings: &str, rules: Vec<PolicyRule>) -> anyhow::Result<Self> {
        let api = KubeApi::start().await?;
        api.namespace("shop").await?;
        let kubeconfig = api.kubeconfig_for("watcher", rules).await?;
        let signalbox = Signalbox::new("", None)?;
        std::fs::write(signalbox.dir().join("signalbox.yaml"), settings)?;
        Ok(Self { api, signalbox, kubeconfig })
    }

    async fn start(&mut self) -> anyhow::Result<()> {
        let kubeconfig =
            ("SIGNALBOX_KUBERNETES__KUBECONFIG".to_owned(), self.kubeconfig.display().to_string());
        let arguments = vec!["--only".to_owned(), "watcher,console".to_owned()];
        self.signalbox.start(Start { arguments, environment: vec![kubeconfig] }).await
    }

    /// What was said of a subject, in order.
    fn told(&self, subject: &str) -> anyhow::Result<Vec<Value>> {
        let log = self.signalbox.output(&[
            "events",
            "tail",
            "--no-follow",
            "--json",
            "--type",
            "io.kubernetes.*",
        ])?;
        let events = log.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
        Ok(events.into_iter().filter(|event| event["subject"] == subject).collect())
    }

    /// Waits until the phases of a subject were these, and no others.
    async fn phases(&self, subject: &str, expected: &[&str]) -> anyhow::Result<Vec<Value>> {
        eventually(PATIENCE, &format!("{subject} has its phases"), async || {
            let events = self.told(subject)?;
            let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
            let phases: Vec<String> = events
                .iter()
                .map(|event| &event["data"])
                .map(|data| {
                    format!(
                        "{} {}<{}",
                        word(&data["transition"]),
                        word(&data["phase"]),
                        word(&data["previous"])
                    )
                })
                .collect();
            anyhow::ensure!(phases == expected, "{phases:?}");
            Ok(events)
        })
        .await
    }

    /// Waits until the readiness check of the watch says this.
    async fn unready(&self, why: &str) -> anyhow::Result<()> {
        eventually(PATIENCE, "it is not ready", async || {
            let answer = reqwest::get(format!("http://{}/readyz", self.signalbox.private())).await?;
            let (status, text) = (answer.status(), answer.text().await?);
            anyhow::ensure!(status == 503 && text.contains(why), "{status}: {text}");
            Ok(())
        })
        .await
    }

    async fn certificates(&self) -> anyhow::Result<Api<DynamicObject>> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("cert-manager.io", "v1", "Certificate"));
        Ok(Api::namespaced_with(self.api.client().await?, "shop", &resource))
    }

    async fn certify(&self, ready: &str, ends_in: Duration) -> anyhow::Result<()> {
        let ends = (SystemClock.now() + ends_in).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let conditions = json!([{"type": "Ready", "status": ready, "message": format!("it is {ready}")}]);
        let patch = json!({"status": {"conditions": conditions, "notAfter": ends}});
        self.certificates()
            .await?
            .patch_status("shop-tls", &PatchParams::default(), &Patch::Merge(patch))
            .await?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_described_kind_tells_its_phases_whatever_is_killed_and_by_the_clock_alone() -> anyhow::Result<()> {
    if skip::without(&["kine", "kubernetes"]) {
        return Ok(());
    }
    let rules =
        vec![rule("cert-manager.io", &["certificates"], &READS), rule("example.dev", &["issuers"], &READS)];
    let mut stage = Stage::new(SETTINGS, rules).await?;
    let client = stage.api.client().await?;
    apply(&client, &definition("example.dev", "Issuer", "issuers", "Cluster")).await?;
    stage.start().await?;
    stage.unready("there are no certificates.cert-manager.io: is its definition installed").await?;
    apply(&client, &definition("cert-manager.io", "Certificate", "certificates", "Namespaced")).await?;
    eventually(PATIENCE, "it is ready when the kind is there", async || stage.signalbox.ready().await)
        .await?;

    let certificate = json!({"apiVersion": "cert-manager.io/v1", "kind": "Certificate",
        "metadata": {"name": "shop-tls", "namespace": "shop"}, "spec": {"secretName": "shop-tls"}});
    apply(&client, &certificate).await?;
    stage.phases("shop/shop-tls", &["changed not-ready<-"]).await?;
    stage.certify("True", Duration::from_hours(1)).await?;
    let mut story = vec!["changed not-ready<-", "changed ready<not-ready"];
    let events = stage.phases("shop/shop-tls", &story).await?;
    let body = &events[1]["data"];
    assert_eq!(
        (&body["kind"], &body["message"]),
        (&json!("certificates.cert-manager.io"), &json!("it is True"))
    );

    // While it is away: the end comes near; the clock alone says when, also after the start.
    stage.signalbox.process()?.kill9()?;
    stage.certify("True", Duration::from_secs(25)).await?;
    stage.start().await?;
    stage.signalbox.ready().await?;
    story.push("changed expiring<ready");
    stage.phases("shop/shop-tls", &story).await?;
    story.push("changed expired<expiring");
    stage.phases("shop/shop-tls", &story).await?;
    // It was not ready for a moment only.
    stage.certify("False", Duration::from_hours(1)).await?;
    stage.certify("True", Duration::from_hours(1)).await?;
    story.push("changed ready<expired");
    stage.phases("shop/shop-tls", &story).await?;
    stage.certificates().await?.delete("shop-tls", &DeleteParams::default()).await?;
    story.push("deleted ready<-");
    stage.phases("shop/shop-tls", &story).await?;

    // Outside of namespaces, and at first without the field that the expression asks for.
    let issuer = |status: Value| json!({"apiVersion": "example.dev/v1", "kind": "Issuer", "metadata": {"name": "main"}, "status": status});
    apply(&client, &issuer(json!({}))).await?;
    let issuers = ApiResource::from_gvk(&GroupVersionKind::gvk("example.dev", "v1", "Issuer"));
    let issuers: Api<DynamicObject> = Api::all_with(client.clone(), &issuers);
    for phase in ["Ready", "Ready", "Failed"] {
        let patch = Patch::Merge(json!({"status": {"phase": phase}}));
        issuers.patch_status("main", &PatchParams::default(), &patch).await?;
    }
    stage.phases("main", &["changed Ready<-", "changed Failed<Ready"]).await?;
    stage.signalbox.process()?.kill9()?;
    stage.start().await?;
    stage.signalbox.ready().await?;
    stage.phases("main", &["changed Ready<-", "changed Failed<Ready"]).await?;
    stage.phases("shop/shop-tls", &story).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cron_job_says_when_its_time_passes_without_a_job() -> anyhow::Result<()> {
    if skip::without(&["kine", "kubernetes"]) {
        return Ok(());
    }
    let settings = "kubernetes: {watch: [cronjobs, jobs], patience: {cron_job_missed: 8s}}\n";
    let mut stage = Stage::new(settings, vec![rule("batch", &["jobs", "cronjobs"], &READS)]).await?;
    stage.api.namespace("full").await?;
    let client = stage.api.client().await?;
    // No Job can be made there.
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none", "namespace": "full"},
        "spec": {"hard": {"count/jobs.batch": "0"}}});
    apply(&client, &quota).await?;
    stage.start().await?;
    stage.signalbox.ready().await?;
    let cron = |namespace: &str, suspend: bool| {
        let pod = json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "backup", "image": "registry/backup:1"}]}});
        json!({
            "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "backup", "namespace": namespace},
            "spec": {"schedule": "* * * * *", "suspend": suspend, "jobTemplate": {"spec": {"template": pod}}},
        })
    };
    for namespace in ["shop", "full"] {
        apply(&client, &cron(namespace, false)).await?;
    }
    let jobs: Api<CronJob> = Api::namespaced(client.clone(), "shop");
    let missed = eventually(PATIENCE, "it is missed", async || {
        stage.told("full/backup")?.into_iter().next().context("nothing is said yet")
    })
    .await?;
    let body = &missed["data"];
    assert_eq!((&body["transition"], &body["times"]), (&json!("missed"), &json!(1)), "{missed}");
    assert!(body["scheduled_at"].as_str().is_some_and(|time| time.ends_with(":00Z")), "{missed}");
    let made = jobs.get("backup").await?.status.context("it has a status")?.last_schedule_time;
    assert!(made.is_some(), "the other one has made its Job");
    assert_eq!(stage.told("shop/backup")?, [] as [Value; 0]);

    for suspend in [true, false] {
        apply(&client, &cron("shop", suspend)).await?;
    }
    eventually(PATIENCE, "both are told", async || {
        let events = stage.told("shop/backup")?;
        let told: Vec<_> = events.iter().map(|event| event["data"]["transition"].as_str()).collect();
        anyhow::ensure!(told == [Some("suspended"), Some("resumed")], "{told:?}");
        Ok(())
    })
    .await
}
