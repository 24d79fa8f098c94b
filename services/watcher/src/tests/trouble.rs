//! Single faults, one by one.

use std::sync::Arc;
use std::time::Duration;

use chassis::failpoint::memory::{Fault, Memory};
use chassis::{Bucket, Expect, ManualClock, Metrics, Store as _};
use kube::runtime::watcher::Event;
use serde_json::{Value, json};

use super::all_said;
use super::sample::{Object, application, object, synced_and_healthy, with};
use crate::apply::{Announcer, Ports, Stop};
use crate::kinds::application::Applications;
use crate::metrics::WatcherMetrics;
use crate::pulse::Pulse;

struct Desk {
    memory: Arc<Memory>,
    pulse: Arc<Pulse>,
    metrics: Arc<Metrics>,
    announcer: Announcer<Applications>,
}

fn desk(memory: &Arc<Memory>) -> Desk {
    let (memory, metrics, pulse) = (memory.clone(), Metrics::new(), Arc::new(Pulse::of("Applications")));
    let watcher_metrics = WatcherMetrics::register(metrics.registry()).unwrap();
    let clock = Arc::new(ManualClock::at("2026-11-24T12:00:00Z".parse().unwrap()));
    let (bus, store) = (memory.clone(), memory.clone());
    let ports = Ports { bus, store, clock, metrics: metrics.clone(), watcher_metrics };
    let announcer = Announcer::new(Arc::default(), ports, pulse.clone(), None);
    Desk { memory, pulse, metrics, announcer }
}

impl Desk {
    async fn hear(&mut self, events: impl IntoIterator<Item = Event<Object>>) {
        for event in events {
            self.announcer.heed(event).await.unwrap();
        }
    }

    async fn list(&mut self, objects: &[Value]) {
        self.announcer.load().await.unwrap();
        let objects = objects.iter().map(|it| Event::InitApply(object(it.clone())));
        self.hear([Event::Init].into_iter().chain(objects).chain([Event::InitDone])).await;
    }
}

fn shop(health: &str) -> Value {
    application("shop", "u1", &with(synced_and_healthy(), "health", json!({"status": health})))
}

/// The one that a state saved only after its events were published would lose.
#[tokio::test(start_paused = true)]
async fn a_change_that_was_said_and_undone_before_the_restart_is_said_to_be_undone() {
    let memory = Arc::new(Memory::default());
    let mut first = desk(&memory);
    first.list(&[shop("Healthy")]).await;
    // Keep, publish, and then the end: that it is published is not kept.
    memory.fail(2, Fault::CrashBefore);
    let degraded = first.announcer.heed(Event::Apply(object(shop("Degraded"))));
    tokio::time::timeout(Duration::from_mins(1), degraded).await.expect_err("it was killed");
    assert_eq!(all_said(&memory), ["shop created", "shop degraded"]);

    let mut second = desk(&memory);
    second.list(&[shop("Healthy")]).await;
    assert_eq!(all_said(&memory), ["shop created", "shop degraded", "shop healthy"]);
}

#[tokio::test(start_paused = true)]
async fn while_the_bus_is_away_it_is_not_ready_and_then_says_everything_in_order() {
    let memory = Arc::new(Memory::default());
    let Desk { pulse, mut announcer, metrics, .. } = desk(&memory);
    announcer.load().await.unwrap();
    for event in [Event::Init, Event::InitApply(object(shop("Healthy"))), Event::InitDone] {
        announcer.heed(event).await.unwrap();
    }
    assert_eq!(pulse.check(), Ok(()));

    memory.fail(1, Fault::ErrorBefore);
    let mut heed = Box::pin(announcer.heed(Event::Apply(object(shop("Degraded")))));
    tokio::time::timeout(Duration::from_millis(1), &mut heed).await.expect_err("it waits for the bus");
    let why = pulse.check().unwrap_err();
    assert!(
        why.contains("cannot publish an event: the bus does not take events at the moment: the test says so"),
        "{why}"
    );
    assert_eq!(all_said(&memory), ["shop created"]);

    heed.await.unwrap();
    assert_eq!(pulse.check(), Ok(()));
    assert_eq!(all_said(&memory), ["shop created", "shop degraded"]);
    let text = metrics.render();
    assert!(text.contains("signalbox_watcher_transitions_total{transition=\"degraded\"} 1\n"), "{text}");
    assert!(text.contains("signalbox_watcher_objects 1\n"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_done_and_said_to_have_failed_makes_it_read_anew_and_doubles_nothing() {
    for operation in [0, 2] {
        let memory = Arc::new(Memory::default());
        let mut desk = desk(&memory);
        desk.list(&[shop("Healthy")]).await;
        memory.fail(operation, Fault::ErrorAfter);
        let stop = desk.announcer.heed(Event::Apply(object(shop("Degraded")))).await.unwrap_err();
        assert!(matches!(&stop, Stop::Moved(key) if key.to_string() == "argocd/shop"), "{stop}");
        desk.list(&[shop("Degraded")]).await;
        assert_eq!(all_said(&memory), ["shop created", "shop degraded"], "write {operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_watchers_say_everything_once() {
    let memory = Arc::new(Memory::default());
    let (mut one, mut two) = (desk(&memory), desk(&memory));
    one.list(&[]).await;
    two.list(&[]).await;
    one.hear([Event::Apply(object(shop("Healthy"))), Event::Apply(object(shop("Degraded")))]).await;

    // The other one is behind: it must not say again what is said, nor go back.
    let stop = two.announcer.heed(Event::Apply(object(shop("Healthy")))).await.unwrap_err();
    assert!(matches!(stop, Stop::Moved(_)), "{stop}");
    two.list(&[shop("Degraded")]).await;
    two.hear([Event::Apply(object(shop("Progressing")))]).await;
    assert_eq!(all_said(&memory), ["shop created", "shop degraded", "shop progressing"]);
}

#[tokio::test]
async fn an_application_that_cannot_be_read_is_counted_and_neither_said_to_be_gone_nor_to_have_changed() {
    let mut desk = desk(&Arc::new(Memory::default()));
    desk.list(&[shop("Healthy")]).await;
    let odd = application("shop", "u1", &json!({"health": {"status": 7}}));
    desk.list(std::slice::from_ref(&odd)).await;
    desk.hear([Event::Apply(object(odd.clone()))]).await;
    assert_eq!(all_said(&desk.memory), ["shop created"]);
    assert!(desk.metrics.render().contains("signalbox_watcher_unreadable_total 2\n"));

    desk.hear([Event::Delete(object(odd))]).await;
    assert_eq!(all_said(&desk.memory), ["shop created", "shop deleted"], "that it is gone can be read");
}

#[tokio::test]
async fn the_end_of_an_older_application_is_not_that_of_the_newer_one() {
    let mut desk = desk(&Arc::new(Memory::default()));
    let renewed = application("shop", "u2", &synced_and_healthy());
    desk.list(&[shop("Healthy")]).await;
    desk.hear([Event::Apply(object(renewed)), Event::Delete(object(shop("Healthy")))]).await;
    assert_eq!(all_said(&desk.memory), ["shop created", "shop deleted", "shop created"]);
    assert_eq!(desk.memory.keys(), ["argocd/argocd/shop"]);
}

#[tokio::test]
async fn what_was_deleted_unseen_is_said_once_with_its_last_state() {
    let mut desk = desk(&Arc::new(Memory::default()));
    desk.list(&[shop("Degraded")]).await;
    desk.list(&[]).await;
    desk.list(&[]).await;
    assert_eq!(all_said(&desk.memory), ["shop created", "shop deleted"]);
    let body: events::payload::application::Application = desk.memory.log()[1].payload().unwrap();
    assert_eq!((body.health.as_str(), body.project.as_str()), ("Degraded", "web"));
    assert!(desk.metrics.render().contains("signalbox_watcher_objects 0\n"));
}

#[tokio::test]
async fn the_end_of_a_list_that_never_began_deletes_nothing() {
    let mut desk = desk(&Arc::new(Memory::default()));
    desk.list(&[shop("Healthy")]).await;
    desk.hear([Event::InitDone]).await;
    assert_eq!(all_said(&desk.memory), ["shop created"]);
}

#[tokio::test]
async fn a_state_that_cannot_be_read_stops_it_and_names_the_place() {
    for (key, bytes, expected) in [
        (
            "argocd/argocd/shop",
            "{}",
            "cannot read the state `argocd/argocd/shop` in the bucket `watch`; without it, its Application begins anew",
        ),
        ("argocd/argocd", "{}", "the key `argocd/argocd` in the bucket `watch` names no Application"),
    ] {
        let mut desk = desk(&Arc::new(Memory::default()));
        desk.memory.put(Bucket::Watch, key, bytes.into(), Expect::Absent, None).await.unwrap();
        assert_eq!(desk.announcer.load().await.unwrap_err().to_string(), expected);
    }
}
