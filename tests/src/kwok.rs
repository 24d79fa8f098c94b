//! Simulated nodes. A pod on them gets ready at once, unless its image says `broken` (it cannot be pulled) or `crashing`
//! (its program ends at once).

use std::fs;
use std::slice;
use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, PostParams};

use crate::kube_api::KubeApi;
use crate::process::{Process, command, while_running};
use crate::scratch::Scratch;
use crate::{eventually, ports, tools};

const PATIENCE: Duration = Duration::from_mins(1);
const NODE: &str = "simulated";
const FAILING: &str = include_str!("kwok/failing.yaml");

/// The simulator's stage of a pod that gets ready would take these too.
const NOT_FAILING: &str = "    - {key: '.spec.containers[].image | test(\"broken|crashing\")', operator: NotIn, values: ['true']}\n";
/// A kubelet says which image it runs by its digest; the simulator leaves that out.
const IMAGE_ID: &str = r#"        imageID: {{ if contains "@" .image }}{{ .image | Quote }}{{ else }}{{ printf "%s@sha256:%s" .image (.image | sha256sum) | Quote }}{{ end }}
"#;

/// The simulator.
#[derive(Debug)]
pub struct Kwok {
    _dir: Scratch,
    process: Process,
}

impl Kwok {
    /// Starts the simulator with one node and waits until the node is ready.
    pub async fn start(api: &KubeApi) -> anyhow::Result<Self> {
        let dir = Scratch::new("kwok")?;
        let program = tools::find("kwok")?;
        let stages = fs::read_to_string(program.with_file_name("stages.yaml"));
        let stages = stages.with_context(|| format!("{} has no stages beside it", program.display()))?;
        fs::write(dir.join("stages.yaml"), format!("{}\n---\n{FAILING}", adapt(&stages)?))?;
        let arguments = [
            format!("--kubeconfig={}", api.kubeconfig().display()),
            "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake".to_owned(),
            format!("--config={}", dir.join("stages.yaml").display()),
            format!("--server-address=127.0.0.1:{}", ports::free()?),
        ];
        let process = Process::start("kwok", command(program, arguments), &dir.join("kwok.log"))?;
        let mut kwok = Self { _dir: dir, process };
        let nodes: Api<Node> = Api::all(api.client().await?);
        let node: Node = serde_json::from_value(serde_json::json!({
            "metadata": { "name": NODE, "annotations": { "kwok.x-k8s.io/node": "fake" },
                          "labels": { "kubernetes.io/os": "linux", "kubernetes.io/hostname": NODE } },
        }))?;
        nodes.create(&PostParams::default(), &node).await?;
        let ready = eventually(PATIENCE, "the simulated node is ready", async || {
            let node = nodes.get(NODE).await?;
            let (status, spec) = (node.status.unwrap_or_default(), node.spec.unwrap_or_default());
            let ready = status.conditions.iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True");
            // Until its taint is gone, nothing is scheduled there.
            let taints = spec.taints.unwrap_or_default();
            anyhow::ensure!(ready && taints.is_empty(), "{taints:?}, {:?}", status.conditions);
            Ok(())
        });
        while_running(slice::from_mut(&mut kwok.process), ready).await?;
        Ok(kwok)
    }

    /// What it has printed last.
    pub fn last_words(&self) -> String {
        self.process.last_words()
    }
}

/// The stages of the simulator's own sources, for images as this harness has them.
fn adapt(stages: &str) -> anyhow::Result<String> {
    let (before, ready) = stages.split_once("name: pod-ready").context("there is no stage pod-ready")?;
    let (selector, status) = ready.split_once("statusTemplate:").context("the stage has no status")?;
    let selector = insert(selector, "matchExpressions:\n", NOT_FAILING)?;
    let status = insert(status, "- image: {{ .image | Quote }}\n", IMAGE_ID)?;
    Ok(format!("{before}name: pod-ready{selector}statusTemplate:{status}"))
}

/// `text` with `what` after the first `place`.
fn insert(text: &str, place: &str, what: &str) -> anyhow::Result<String> {
    let (before, after) = text.split_once(place).with_context(|| format!("{place:?} is not there"))?;
    Ok(format!("{before}{place}{what}{after}"))
}
