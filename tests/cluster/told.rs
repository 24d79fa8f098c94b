//! Objects with which nothing happens but what a test does, and what the watcher said of objects.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tests::eventually;
use tests::signalbox::Signalbox;

const PATIENCE: Duration = Duration::from_mins(2);

/// A Deployment in the namespace `shop` that is paused, so that nobody but the test changes anything of it.
pub fn paused(name: &str, image: &str, replicas: i64) -> Value {
    let labels = json!({"app": name});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "replicas": replicas, "paused": true, "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
        },
    })
}

/// What was said of a subject, in order, without what simulated nodes add by themselves.
pub fn said(signalbox: &Signalbox) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let log = signalbox.output(&["events", "tail", "--no-follow", "--json", "--type", "io.kubernetes.*"])?;
    let mut said: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in log.lines() {
        let event: Value = serde_json::from_str(line)?;
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let ty = text("type").replace("io.kubernetes.", "").replace(".v1", "");
        said.entry(text("subject")).or_default().push(ty);
    }
    Ok(said)
}

/// Waits until just this was said of a subject.
pub async fn hears(signalbox: &Signalbox, subject: &str, expected: &[&str]) -> anyhow::Result<()> {
    eventually(PATIENCE, &format!("{subject} has its story"), async || {
        let all = said(signalbox)?;
        let story = all.get(subject).cloned().unwrap_or_default();
        anyhow::ensure!(story == expected, "{story:?}");
        Ok(())
    })
    .await
}
