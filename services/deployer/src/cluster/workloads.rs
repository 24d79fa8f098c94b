//! Reads workloads and their pods.

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use kube::Resource;
use kube::api::{Api, ListParams};
use kube::core::Selector;
use serde::de::DeserializeOwned;

use super::{Cluster, ClusterError, answer, pods};
use crate::observed::{Kind, ResourceId, Workload};

impl Cluster {
    /// The workload and its pods; `None` when it is not there.
    pub async fn workload(&self, id: &ResourceId) -> Result<Option<Workload>, ClusterError> {
        let seen = match id.kind {
            Kind::Deployment => self.read::<Deployment>(id).await?.map(|it| deployment(id, it)),
            Kind::StatefulSet => self.read::<StatefulSet>(id).await?.map(|it| stateful_set(id, it)),
            Kind::DaemonSet => self.read::<DaemonSet>(id).await?.map(|it| daemon_set(id, it)),
        };
        let Some((mut workload, selector)) = seen else { return Ok(None) };
        workload.pods = self.pods(id, selector).await?;
        Ok(Some(workload))
    }

    async fn read<K>(&self, id: &ResourceId) -> Result<Option<K>, ClusterError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned,
    {
        let api: Api<K> = Api::namespaced(self.client.clone(), &id.namespace);
        answer("read a workload of the Application", api.get_opt(&id.name)).await
    }

    async fn pods(
        &self,
        id: &ResourceId,
        selector: LabelSelector,
    ) -> Result<Vec<crate::observed::Pod>, ClusterError> {
        // A selector that the API server took and this does not parse selects nothing: the clause says how many pods run.
        let Ok(selector) = Selector::try_from(selector) else { return Ok(Vec::new()) };
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &id.namespace);
        let params = ListParams::default().labels_from(&selector);
        let list = answer("list the pods of the Application", api.list(&params)).await?;
        Ok(list.items.iter().map(pods::seen).collect())
    }
}

type Seen = (Workload, LabelSelector);

fn deployment(id: &ResourceId, object: Deployment) -> Seen {
    let begun = begun(id, &object.metadata);
    let (spec, status) = (object.spec.unwrap_or_default(), object.status.unwrap_or_default());
    let workload = Workload {
        observed_generation: status.observed_generation.unwrap_or(0),
        // The API server fills in 1.
        desired: spec.replicas.unwrap_or(1),
        total: status.replicas.unwrap_or(0),
        updated: status.updated_replicas.unwrap_or(0),
        ready: status.ready_replicas.unwrap_or(0),
        paused: spec.paused.unwrap_or(false),
        images: images(&spec.template),
        ..begun
    };
    (workload, spec.selector)
}

fn stateful_set(id: &ResourceId, object: StatefulSet) -> Seen {
    let begun = begun(id, &object.metadata);
    let (spec, status) = (object.spec.unwrap_or_default(), object.status.unwrap_or_default());
    let workload = Workload {
        observed_generation: status.observed_generation.unwrap_or(0),
        desired: spec.replicas.unwrap_or(1),
        total: status.replicas,
        updated: status.updated_replicas.unwrap_or(0),
        ready: status.ready_replicas.unwrap_or(0),
        images: images(&spec.template),
        ..begun
    };
    (workload, spec.selector)
}

fn daemon_set(id: &ResourceId, object: DaemonSet) -> Seen {
    let begun = begun(id, &object.metadata);
    let (spec, status) = (object.spec.unwrap_or_default(), object.status.unwrap_or_default());
    let workload = Workload {
        observed_generation: status.observed_generation.unwrap_or(0),
        desired: status.desired_number_scheduled,
        total: status.current_number_scheduled,
        updated: status.updated_number_scheduled.unwrap_or(0),
        ready: status.number_ready,
        images: images(&spec.template),
        ..begun
    };
    (workload, spec.selector)
}

fn begun(id: &ResourceId, meta: &ObjectMeta) -> Workload {
    Workload {
        id: id.clone(),
        generation: meta.generation.unwrap_or(0),
        observed_generation: 0,
        desired: 0,
        total: 0,
        updated: 0,
        ready: 0,
        paused: false,
        images: Vec::new(),
        pods: Vec::new(),
    }
}

fn images(template: &PodTemplateSpec) -> Vec<String> {
    let Some(spec) = &template.spec else { return Vec::new() };
    spec.containers.iter().filter_map(|container| container.image.clone()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn id(kind: Kind) -> ResourceId {
        ResourceId { kind, namespace: "dev".to_owned(), name: "it".to_owned() }
    }

    fn object<K: DeserializeOwned>(spec: &Value, status: &Value) -> K {
        let mut spec = spec.clone();
        spec["selector"] = json!({ "matchLabels": { "app": "it" } });
        spec["template"] = json!({ "spec": { "containers": [{ "name": "it", "image": "it:2" }] } });
        serde_json::from_value(json!({ "metadata": { "generation": 4 }, "spec": spec, "status": status }))
            .expect("an object")
    }

    #[test]
    fn a_deployment_that_is_rolled_out_is_told_from_one_that_is_not() {
        let status =
            json!({ "observedGeneration": 4, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3 });
        let (done, selector) = deployment(&id(Kind::Deployment), object(&json!({ "replicas": 3 }), &status));
        assert!(done.is_complete(), "{done:?}");
        assert_eq!(done.images, ["it:2"]);
        assert_eq!(selector.match_labels.expect("labels")["app"], "it");
        for (name, value) in
            [("observedGeneration", 3), ("replicas", 4), ("updatedReplicas", 2), ("readyReplicas", 2)]
        {
            let mut status = status.clone();
            status[name] = json!(value);
            let (behind, _) = deployment(&id(Kind::Deployment), object(&json!({ "replicas": 3 }), &status));
            assert!(!behind.is_complete(), "{name}: {behind:?}");
        }
        let (new, _) =
            deployment(&id(Kind::Deployment), object(&json!({ "replicas": 1, "paused": true }), &json!({})));
        assert!(!new.is_complete() && new.paused, "{new:?}");
    }

    #[test]
    fn so_are_stateful_sets_and_daemon_sets() {
        let status = json!({
            "observedGeneration": 4, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "currentReplicas": 2
        });
        let (done, _) = stateful_set(
            &id(Kind::StatefulSet),
            object(&json!({ "replicas": 2, "serviceName": "it" }), &status),
        );
        assert!(done.is_complete(), "{done:?}");
        let status =
            json!({ "observedGeneration": 4, "replicas": 2, "updatedReplicas": 1, "readyReplicas": 2 });
        let (behind, _) = stateful_set(
            &id(Kind::StatefulSet),
            object(&json!({ "replicas": 2, "serviceName": "it" }), &status),
        );
        assert!(!behind.is_complete(), "{behind:?}");

        let status = |updated: i32| {
            json!({
                "observedGeneration": 4, "desiredNumberScheduled": 2, "currentNumberScheduled": 2, "numberMisscheduled": 0,
                "updatedNumberScheduled": updated, "numberReady": 2
            })
        };
        let (done, _) = daemon_set(&id(Kind::DaemonSet), object(&json!({}), &status(2)));
        assert!(done.is_complete(), "{done:?}");
        let (behind, _) = daemon_set(&id(Kind::DaemonSet), object(&json!({}), &status(1)));
        assert!(!behind.is_complete(), "{behind:?}");
    }
}
