//! What the engine does for kinds whose beginning is silent, whose objects leave nothing, and for which time passes.

use std::sync::Arc;
use std::time::Duration;

use chassis::failpoint::memory::{Fault, Memory};
use chassis::{ManualClock, Metrics};
use kube::runtime::watcher::Event;
use serde_json::{Value, json};

use super::all_said;
use crate::apply::{Announcer, Ports};
use crate::gather::Object;
use crate::kinds::custom::Customs;
use crate::kinds::node::Nodes;
use crate::kinds::pod::Pods;
use crate::metrics::WatcherMetrics;
use crate::pulse::Pulse;
use crate::watched::Watched;

struct Desk<W: Watched> {
    memory: Arc<Memory>,
    clock: Arc<ManualClock>,
    announcer: Announcer<W>,
}

fn desk<W: Watched + Default>(memory: &Arc<Memory>, namespace: Option<&str>) -> Desk<W> {
    desk_of(W::default(), memory, namespace)
}

fn desk_of<W: Watched>(watched: W, memory: &Arc<Memory>, namespace: Option<&str>) -> Desk<W> {
    let metrics = Metrics::new();
    let watcher_metrics = WatcherMetrics::register(metrics.registry()).unwrap();
    let clock = Arc::new(ManualClock::at("2026-11-24T12:00:00Z".parse().unwrap()));
    let ports =
        Ports { bus: memory.clone(), store: memory.clone(), clock: clock.clone(), metrics, watcher_metrics };
    let announcer = Announcer::new(Arc::new(watched), ports, Arc::new(Pulse::of("all")), namespace);
    Desk { memory: memory.clone(), clock, announcer }
}

impl<W: Watched> Desk<W> {
    async fn hear(&mut self, events: impl IntoIterator<Item = Event<Object<W::Body>>>) {
        for event in events {
            self.announcer.heed(event).await.unwrap();
        }
    }

    async fn list(&mut self, objects: &[Value]) {
        self.announcer.load().await.unwrap();
        let objects = objects.iter().map(|it| Event::InitApply(decoded(it)));
        self.hear([Event::Init].into_iter().chain(objects).chain([Event::InitDone])).await;
    }

    fn said(&self) -> Vec<String> {
        all_said(&self.memory)
    }
}

fn decoded<B: crate::gather::Body>(object: &Value) -> Object<B> {
    serde_json::from_value(object.clone()).unwrap()
}

fn node(name: &str, ready: bool) -> Value {
    let status = if ready { "True" } else { "False" };
    json!({
        "metadata": {"name": name, "uid": format!("uid-{name}"), "resourceVersion": "1", "creationTimestamp": "2026-11-01T00:00:00Z"},
        "status": {"conditions": [{"type": "Ready", "status": status}]},
    })
}

fn pod(name: &str, uid: &str, ready: bool, waits: Option<&str>) -> Value {
    let status = if ready { "True" } else { "False" };
    let state = waits.map_or_else(
        || json!({"running": {"startedAt": "2026-11-24T11:59:00Z"}}),
        |reason| json!({"waiting": {"reason": reason}}),
    );
    json!({
        "metadata": {"name": name, "namespace": "shop", "uid": uid, "resourceVersion": "1", "creationTimestamp": "2026-11-24T11:59:00Z"},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": status, "lastTransitionTime": "2026-11-24T11:59:00Z"}],
            "containerStatuses": [{"name": "web", "image": "web:1", "ready": ready, "restartCount": 1, "state": state}],
        },
    })
}

#[tokio::test]
async fn the_very_first_list_is_silent_and_what_comes_later_is_said_also_when_it_came_while_nobody_looked() {
    let memory = Arc::new(Memory::default());
    let mut first = desk::<Nodes>(&memory, None);
    first.list(&[node("a", true), node("b", false), node("c", true)]).await;
    assert_eq!(first.said(), [""; 0]);
    assert_eq!(memory.keys(), ["baseline/nodes", "nodes/a", "nodes/b", "nodes/c"]);
    drop(first);

    let mut second = desk::<Nodes>(&memory, None);
    second.list(&[node("a", false), node("b", true), node("d", false)]).await;
    let expected = ["a node.not-ready", "b node.ready", "d node.joined", "d node.not-ready", "c node.left"];
    assert_eq!(second.said(), expected);
    second.list(&[node("a", false), node("b", true), node("d", false)]).await;
    assert_eq!(second.said(), expected, "and only once");
}

#[tokio::test(start_paused = true)]
async fn a_first_list_that_was_cut_off_is_still_the_first() {
    let memory = Arc::new(Memory::default());
    let mut first = desk::<Nodes>(&memory, None);
    first.announcer.load().await.unwrap();
    first.hear([Event::Init, Event::InitApply(decoded(&node("a", false)))]).await;
    // The store takes the state, and the process ends before the mark.
    memory.fail(1, Fault::CrashBefore);
    let done = first.announcer.heed(Event::InitDone);
    tokio::time::timeout(Duration::from_mins(1), done).await.expect_err("it was killed");
    assert_eq!(memory.keys(), ["nodes/a"]);

    let mut second = desk::<Nodes>(&memory, None);
    second.list(&[node("a", true), node("b", false)]).await;
    assert_eq!(second.said(), ["a node.ready"], "what is known is compared, what is not is not said");
}

#[tokio::test]
async fn a_namespace_that_is_part_of_all_namespaces_was_looked_at_before() {
    let memory = Arc::new(Memory::default());
    desk::<Pods>(&memory, None).list(&[]).await;
    let mut shop = desk::<Pods>(&memory, Some("shop"));
    shop.list(&[pod("web", "u1", false, Some("CrashLoopBackOff"))]).await;
    assert_eq!(shop.said(), ["web pod.crash-looping"]);
    let other = Arc::new(Memory::default());
    desk::<Pods>(&other, Some("blog")).list(&[]).await;
    let mut shop = desk::<Pods>(&other, Some("shop"));
    shop.list(&[pod("web", "u1", false, Some("CrashLoopBackOff"))]).await;
    assert_eq!(shop.said(), [""; 0], "nobody looked at this one");
}

#[tokio::test]
async fn of_a_thousand_healthy_pods_nothing_is_kept() {
    let memory = Arc::new(Memory::default());
    let mut desk = desk::<Pods>(&memory, None);
    let pods: Vec<Value> =
        (0..1000).map(|n| pod(&format!("web-{n}"), &format!("u{n}"), true, None)).collect();
    desk.list(&pods).await;
    assert_eq!(memory.keys(), ["baseline/pods"]);
    assert_eq!(memory.writes(), 1);
}

#[tokio::test]
async fn a_problem_leaves_with_its_pod_and_the_next_one_of_that_name_has_its_own() {
    let memory = Arc::new(Memory::default());
    let mut desk = desk::<Pods>(&memory, None);
    desk.list(&[]).await;
    let crashes = |uid| pod("db-0", uid, false, Some("CrashLoopBackOff"));
    desk.hear([Event::Apply(decoded(&crashes("u1"))), Event::Apply(decoded(&crashes("u1")))]).await;
    assert_eq!(memory.keys(), ["baseline/pods", "pods/shop/db-0"]);
    desk.hear([Event::Apply(decoded(&crashes("u2"))), Event::Delete(decoded(&crashes("u1")))]).await;
    assert_eq!(desk.said(), ["db-0 pod.crash-looping", "db-0 pod.crash-looping"]);
    desk.hear([Event::Delete(decoded(&crashes("u2")))]).await;
    assert_eq!(memory.keys(), ["baseline/pods"]);
    assert_eq!(desk.said().len(), 2, "that a pod ends is no news");
}

#[tokio::test]
async fn what_lasts_too_long_is_said_at_its_time_also_after_a_restart() {
    let memory = Arc::new(Memory::default());
    let mut first = desk::<Pods>(&memory, None);
    first.list(&[]).await;
    let slow = pod("web", "u1", false, None);
    first.hear([Event::Apply(decoded(&slow))]).await;
    let due = first.announcer.wakes_at().expect("it waits");
    assert_eq!(due.to_rfc3339(), "2026-11-24T12:04:00+00:00");
    first.clock.advance(Duration::from_secs(239));
    first.announcer.wake().await.unwrap();
    assert_eq!(first.said(), [""; 0]);
    drop(first);

    let mut second = desk::<Pods>(&memory, None);
    second.clock.advance(Duration::from_secs(230));
    second.list(std::slice::from_ref(&slow)).await;
    assert_eq!(second.announcer.wakes_at(), Some(due), "the time goes on, it does not begin anew");
    second.clock.advance(Duration::from_secs(10));
    second.announcer.wake().await.unwrap();
    assert_eq!(second.said(), ["web pod.not-ready"]);
    second.announcer.wake().await.unwrap();
    assert_eq!((second.said().len(), second.announcer.wakes_at()), (1, None));

    // One that is gone before its time says nothing.
    let mut young = pod("api", "u2", false, None);
    young["status"]["conditions"][0]["lastTransitionTime"] = json!("2026-11-24T12:03:59Z");
    second.hear([Event::Apply(decoded(&young))]).await;
    assert!(second.announcer.wakes_at().is_some());
    second.hear([Event::Delete(decoded(&young))]).await;
    second.clock.advance(Duration::from_hours(1));
    second.announcer.wake().await.unwrap();
    assert_eq!(second.said().len(), 1);
}

/// Whether a kind lives in namespaces is not said in the settings.
#[tokio::test(start_paused = true)]
async fn objects_of_a_described_kind_are_known_again_after_a_restart_in_namespaces_and_outside() {
    let memory = Arc::new(Memory::default());
    let widget = |name: &str, namespace: Option<&str>, phase: &str| {
        let metadata = json!({"name": name, "namespace": namespace, "uid": format!("uid-{name}"), "resourceVersion": "1"});
        json!({"metadata": metadata, "status": {"phase": phase}})
    };
    let kind: crate::CustomKind = "widgets.example/v1".parse().unwrap();
    let phase = kind.expression("phase", "object.status.phase").unwrap();
    let lasts = std::collections::BTreeMap::new();
    let custom = crate::Custom { kind, scope: None, phase, again: None, message: None, lasts };
    let desk = || desk_of(Customs::new(custom.clone()), &memory, None);
    let mut first = desk();
    first.list(&[widget("a", Some("shop"), "up"), widget("b", None, "up")]).await;
    assert_eq!(first.said(), [""; 0], "how it stood before anybody looked");
    memory.fail(1, Fault::CrashBefore);
    let down = Event::Apply(decoded(&widget("a", Some("shop"), "down")));
    tokio::time::timeout(Duration::from_mins(1), first.announcer.heed(down))
        .await
        .expect_err("it was killed");

    let mut second = desk();
    second.list(&[widget("a", Some("shop"), "down"), widget("c", None, "up")]).await;
    assert_eq!(second.said(), ["a object.changed", "c object.changed", "b object.deleted"]);
    let mut third = desk();
    third.list(&[widget("a", Some("shop"), "down"), widget("c", None, "up")]).await;
    assert_eq!(third.said().len(), 3, "nothing again");
    let expected =
        ["baseline/custom/widgets.example", "custom/widgets.example/c", "custom/widgets.example/shop/a"];
    assert_eq!(memory.keys(), expected);
}
