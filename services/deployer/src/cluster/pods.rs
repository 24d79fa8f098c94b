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
