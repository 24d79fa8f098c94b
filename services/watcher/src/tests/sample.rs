//! Applications for the tests, as Kubernetes sends them.

use serde_json::{Value, json};

use crate::gather::Unreadable;
use crate::key::Key;
use crate::kinds::application::{Applications, Sight};
use crate::watched::Watched as _;

/// An Application as the watcher has it after decoding.
pub type Object = crate::gather::Object<<Applications as crate::watched::Watched>::Body>;

/// `argocd/shop`.
pub fn key() -> Key {
    Key::new(Some("argocd"), "shop").unwrap()
}

/// An Application with that status.
pub fn application(name: &str, uid: &str, status: &Value) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": "argocd", "uid": uid, "resourceVersion": "1"},
        "spec": {"project": "web", "destination": {"namespace": "shop", "server": "https://kubernetes.default.svc"}},
        "status": status,
    })
}

/// The status that most tests begin with.
pub fn synced_and_healthy() -> Value {
    json!({
        "sync": {"status": "Synced", "revision": "aaa"},
        "health": {"status": "Healthy", "lastTransitionTime": "2026-11-24T10:00:00Z"},
        "operationState": operation("Succeeded", "2026-11-24T09:59:00Z", Some("2026-11-24T09:59:30Z")),
    })
}

/// `status.operationState`.
pub fn operation(phase: &str, started: &str, finished: Option<&str>) -> Value {
    json!({"phase": phase, "startedAt": started, "finishedAt": finished, "message": format!("it is {phase}")})
}

/// `status` with one part replaced.
pub fn with(mut status: Value, part: &str, value: Value) -> Value {
    status[part] = value;
    status
}

/// As the watcher has it after decoding.
pub fn object(application: Value) -> Object {
    serde_json::from_value(application).unwrap()
}

/// How `argocd/shop` with the uid `u1` stands with that status.
pub fn sight(status: &Value) -> Sight {
    read(application("shop", "u1", status)).unwrap()
}

/// How it stands, if that can be read.
pub fn read(application: Value) -> Result<Sight, Unreadable> {
    Applications::default().read(object(application).body, "2026-11-24T12:00:00Z".parse().unwrap())
}
