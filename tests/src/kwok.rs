//! Simulated nodes: pods on them get ready at once, except those whose image says `broken`.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, PostParams};
use tempfile::TempDir;

use crate::kube_api::KubeApi;
use crate::process::{Process, command};
use crate::{eventually, tools};

const PATIENCE: Duration = Duration::from_secs(30);
const NODE: &str = "simulated";
/// Which pods never get ready.
const BROKEN: &str = r#".spec.containers[].image | test("broken")"#;

/// How a pod with a broken image looks on a real node.
const BROKEN_STAGE: &str = r#"
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata:
  name: pod-broken
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - {key: '.metadata.deletionTimestamp', operator: DoesNotExist}
    - {key: '.spec.containers[].image | test("broken")', operator: In, values: ['true']}
    - {key: '.status.containerStatuses.[].state.waiting.reason', operator: DoesNotExist}
  next:
    statusTemplate: |
      {{ $now := Now }}
      conditions:
      - {lastTransitionTime: {{ $now | Quote }}, status: "True", type: Initialized}
      - {lastTransitionTime: {{ $now | Quote }}, status: "False", type: Ready, reason: ContainersNotReady}
      - {lastTransitionTime: {{ $now | Quote }}, status: "False", type: ContainersReady, reason: ContainersNotReady}
      containerStatuses:
      {{ range .spec.containers }}
      - image: {{ .image | Quote }}
        name: {{ .name | Quote }}
        ready: false
        restartCount: 0
        state:
          waiting:
            reason: ImagePullBackOff
            message: {{ printf "Back-off pulling image %s" .image | Quote }}
      {{ end }}
      phase: Pending
      startTime: {{ $now | Quote }}
"#;

/// The simulator.
#[derive(Debug)]
pub struct Kwok {
    _dir: TempDir,
    _process: Process,
}

impl Kwok {
    /// Starts the simulator with one node and waits until the node is ready.
    pub async fn start(api: &KubeApi) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let program = tools::find("kwok")?;
        let stages = dir.path().join("stages.yaml");
        fs::write(&stages, stages_text(&program.with_file_name("stages"))?)?;
        let arguments = [
            format!("--kubeconfig={}", api.kubeconfig().display()),
            "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake".to_owned(),
            format!("--config={}", stages.display()),
            format!("--server-address=127.0.0.1:{}", crate::ports::free()?),
        ];
        let process = Process::start("kwok", command(program, arguments), &dir.path().join("kwok.log"))?;
        let nodes: Api<Node> = Api::all(api.client().await?);
        let node: Node = serde_json::from_value(serde_json::json!({
            "metadata": { "name": NODE, "annotations": { "kwok.x-k8s.io/node": "fake" },
                          "labels": { "kubernetes.io/os": "linux", "kubernetes.io/hostname": NODE } },
        }))?;
        nodes.create(&PostParams::default(), &node).await?;
        eventually(PATIENCE, "the simulated node is ready", async || {
            let status = nodes.get(NODE).await?.status.unwrap_or_default();
            let ready = status.conditions.iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True");
            anyhow::ensure!(ready, "its conditions are {:?}", status.conditions);
            Ok(())
        })
        .await?;
        Ok(Self { _dir: dir, _process: process })
    }
}

/// The stages of the simulator's own source, with those of broken pods.
fn stages_text(folder: &std::path::Path) -> anyhow::Result<String> {
    let mut text = BROKEN_STAGE.to_owned();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let mut stage = fs::read_to_string(entry?.path())?;
        if stage.contains("name: pod-ready") {
            let only = format!(
                "    matchExpressions:\n    - {{key: '{BROKEN}', operator: NotIn, values: ['true']}}\n"
            );
            stage = stage.replacen("    matchExpressions:\n", &only, 1);
        }
        text.push_str("\n---\n");
        text.push_str(&stage);
    }
    Ok(text)
}
