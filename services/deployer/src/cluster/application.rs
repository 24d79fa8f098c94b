//! Reads an Argo CD Application (`argoproj.io/v1alpha1`, as Argo CD 2.4 to 3.6 write it). Everything in it is optional: a new
//! one has no status, and versions differ.

use chrono::{DateTime, Utc};
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use resources::app::ArgoCd;
use serde::Deserialize;

use super::{Cluster, ClusterError, answer};
use crate::observed::{
    Application, Condition, Health, Kind, Operation, Phase, ResourceId, Sync, SyncedResource,
};

/// What makes Argo CD look again; it takes it off when it has begun to.
pub(super) const REFRESH: &str = "argocd.argoproj.io/refresh";

impl Cluster {
    /// The Application; `None` when there is none of that name (or the cluster has no Argo CD).
    pub async fn application(&self, argocd: &ArgoCd) -> Result<Option<Application>, ClusterError> {
        let found =
            answer("read the Application", self.applications(argocd).get_opt(&argocd.application)).await?;
        found.map(|object| parse(&object)).transpose().map_err(ClusterError::Malformed)
    }

    pub(super) fn applications(&self, argocd: &ArgoCd) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application");
        let resource = ApiResource::from_gvk_with_plural(&kind, "applications");
        Api::namespaced_with(self.client.clone(), &argocd.namespace, &resource)
    }
}

fn parse(object: &DynamicObject) -> Result<Application, serde_json::Error> {
    let Body { spec, status, operation } = Body::deserialize(&object.data)?;
    let default_namespace = spec.destination.namespace;
    // Argo CD goes by `source` only where there are no `sources`.
    let sources = if spec.sources.is_empty() { spec.source.into_iter().collect() } else { spec.sources };
    Ok(Application {
        sources: sources.into_iter().map(|source| source.repo_url).collect(),
        sync: Sync {
            status: status.sync.status,
            revisions: revisions(status.sync.revision, status.sync.revisions),
        },
        health: Health { status: status.health.status, message: status.health.message },
        reconciled_at: status.reconciled_at,
        operation: status.operation_state.and_then(OperationState::into_operation),
        operation_asked: operation.is_some_and(|operation| !operation.is_null()),
        conditions: status
            .conditions
            .into_iter()
            .map(|condition| Condition { name: condition.r#type, message: condition.message })
            .collect(),
        workloads: status
            .resources
            .into_iter()
            .filter_map(|resource| resource.workload(&default_namespace))
            .collect(),
    })
}

/// One source has `revision`, several have `revisions`.
fn revisions(one: String, several: Vec<String>) -> Vec<String> {
    let all = if several.is_empty() { vec![one] } else { several };
    all.into_iter().filter(|revision| !revision.is_empty()).collect()
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
    operation: Option<serde_json::Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Spec {
    source: Option<Source>,
    sources: Vec<Source>,
    destination: Destination,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Source {
    #[serde(rename = "repoURL")]
    repo_url: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Destination {
    namespace: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    sync: SyncStatus,
    health: HealthStatus,
    reconciled_at: Option<DateTime<Utc>>,
    operation_state: Option<OperationState>,
    conditions: Vec<RawCondition>,
    resources: Vec<Resource>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SyncStatus {
    status: String,
    revision: String,
    revisions: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HealthStatus {
    status: String,
    message: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawCondition {
    r#type: String,
    message: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct OperationState {
    phase: String,
    message: String,
    finished_at: Option<DateTime<Utc>>,
    retry_count: u32,
    operation: Asked,
    sync_result: Option<SyncResult>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    sync: Option<SyncStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SyncResult {
    revision: String,
    revisions: Vec<String>,
    resources: Vec<Resource>,
}

/// Of `status.resources` and of `syncResult.resources`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Resource {
    group: String,
    kind: String,
    namespace: String,
    name: String,
    message: String,
    status: String,
    hook: bool,
    hook_phase: String,
    requires_pruning: bool,
}

impl OperationState {
    /// `None` for a phase that nobody knows, or none: as if there were no operation.
    fn into_operation(self) -> Option<Operation> {
        let Self { phase, message, finished_at, retry_count, operation, sync_result } = self;
        let phase = match phase.as_str() {
            "Running" => Phase::Running,
            "Terminating" => Phase::Terminating,
            "Failed" => Phase::Failed,
            "Error" => Phase::Error,
            "Succeeded" => Phase::Succeeded,
            _ => return None,
        };
        let SyncResult { revision, revisions: several, resources } = sync_result.unwrap_or_default();
        let mut revisions = revisions(revision, several);
        if revisions.is_empty() {
            // It has not come so far as to have a result.
            revisions = operation
                .sync
                .map(|asked| self::revisions(asked.revision, asked.revisions))
                .unwrap_or_default();
        }
        let failed = resources.into_iter().filter(Resource::has_failed).map(Resource::described).collect();
        Some(Operation { phase, message, revisions, finished_at, retries: retry_count, failed })
    }
}

impl Resource {
    fn has_failed(&self) -> bool {
        self.status == "SyncFailed" || matches!(self.hook_phase.as_str(), "Failed" | "Error")
    }

    fn described(self) -> SyncedResource {
        let Self { kind, namespace, name, message, .. } = self;
        let name = if namespace.is_empty() {
            format!("{kind} {name}")
        } else {
            format!("{kind} {namespace}/{name}")
        };
        SyncedResource { name, message }
    }

    /// As a workload, if it is one that stays.
    fn workload(self, default_namespace: &str) -> Option<ResourceId> {
        let kind = match (self.group.as_str(), self.kind.as_str()) {
            ("apps", "Deployment") => Kind::Deployment,
            ("apps", "StatefulSet") => Kind::StatefulSet,
            ("apps", "DaemonSet") => Kind::DaemonSet,
            _ => return None,
        };
        let namespace = if self.namespace.is_empty() { default_namespace.to_owned() } else { self.namespace };
        (!self.hook && !self.requires_pruning).then_some(ResourceId { kind, namespace, name: self.name })
    }
}

#[cfg(test)]
mod tests;
