//! Reads a pod.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container as Spec, ContainerStatus, Pod as Object};
use kube::ResourceExt as _;

use crate::observed::{Container, Pod, Waiting};

/// What a deploy looks at of a pod.
pub fn seen(object: &Object) -> Pod {
    let status = object.status.clone().unwrap_or_default();
    let conditions = status.conditions.unwrap_or_default();
    let condition = |name: &str| conditions.iter().find(|condition| condition.type_ == name);
    let unschedulable = condition("PodScheduled")
        .filter(|it| it.status == "False" && it.reason.as_deref() == Some("Unschedulable"))
        .map(|it| it.message.clone().unwrap_or_default());
    let statuses: BTreeMap<String, ContainerStatus> = status
        .container_statuses
        .into_iter()
        .chain(status.init_container_statuses)
        .flatten()
        .map(|status| (status.name.clone(), status))
        .collect();
    let spec = object.spec.clone().unwrap_or_default();
    let all = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    Pod {
        name: object.name_any(),
        terminating: object.metadata.deletion_timestamp.is_some(),
        ready: condition("Ready").is_some_and(|it| it.status == "True"),
        unschedulable,
        containers: all.map(|spec| container(spec, statuses.get(&spec.name))).collect(),
    }
}

fn container(spec: &Spec, status: Option<&ContainerStatus>) -> Container {
    let image = spec.image.clone().unwrap_or_default();
    let Some(status) = status else {
        return Container { name: spec.name.clone(), image, ..Container::default() };
    };
    let state = status.state.clone().unwrap_or_default();
    let last = status.last_state.clone().unwrap_or_default();
    Container {
        name: spec.name.clone(),
        image,
        image_id: status.image_id.clone(),
        running: state.running.is_some(),
        ready: status.ready,
        restarts: status.restart_count,
        waiting: state.waiting.map(|waiting| Waiting {
            reason: waiting.reason.unwrap_or_default(),
            message: waiting.message.unwrap_or_default(),
        }),
        last_end: state
            .terminated
            .or(last.terminated)
            .map(|end| (end.reason.unwrap_or_default(), end.exit_code)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(status: &serde_json::Value) -> Pod {
        let object = json!({
            "metadata": { "name": "my-app-1" },
            "spec": {
                "initContainers": [{ "name": "migrate", "image": "my-app:v2" }],
                "containers": [{ "name": "web", "image": "my-app:v2" }, { "name": "proxy", "image": "proxy:1" }]
            },
            "status": status
        });
        seen(&serde_json::from_value(object).expect("a pod"))
    }

    #[test]
    fn a_pod_that_crashes_says_how_it_ended() {
        let pod = pod(&json!({
            "conditions": [{ "type": "PodScheduled", "status": "True" }, { "type": "Ready", "status": "False" }],
            "initContainerStatuses": [{
                "name": "migrate", "image": "my-app:v2", "imageID": "my-app@sha256:1", "ready": true, "restartCount": 0,
                "state": { "terminated": { "exitCode": 0, "reason": "Completed" } }
            }],
            "containerStatuses": [{
                "name": "web", "image": "my-app:v2", "imageID": "my-app@sha256:1", "ready": false, "restartCount": 4,
                "state": { "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 40s" } },
                "lastState": { "terminated": { "exitCode": 1, "reason": "Error" } }
            }]
        }));
        assert_eq!(
            (pod.name.as_str(), pod.ready, pod.terminating, &pod.unschedulable),
            ("my-app-1", false, false, &None)
        );
        let [web, proxy, migrate] = &pod.containers[..] else { panic!("{pod:?}") };
        let waiting = Waiting { reason: "CrashLoopBackOff".to_owned(), message: "back-off 40s".to_owned() };
        assert_eq!(web.waiting, Some(waiting));
        assert_eq!(web.last_end, Some(("Error".to_owned(), 1)));
        assert_eq!((web.restarts, web.ready, web.running), (4, false, false));
        assert_eq!(
            *proxy,
            Container { name: "proxy".to_owned(), image: "proxy:1".to_owned(), ..Container::default() }
        );
        assert_eq!((migrate.ready, migrate.image_id.as_str()), (true, "my-app@sha256:1"));
    }

    #[test]
    fn a_pod_that_no_node_takes_says_why() {
        let message = "0/1 nodes are available: 1 Insufficient memory.";
        let pod = pod(&json!({ "conditions": [
            { "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message }
        ] }));
        assert_eq!(pod.unschedulable.as_deref(), Some(message));
    }

    #[test]
    fn a_pod_that_nobody_has_looked_at_is_not_ready() {
        let pod = pod(&json!(null));
        assert!(!pod.ready && pod.containers.iter().all(|it| !it.running && it.waiting.is_none()));
    }
}
