//! What a sender hears when the bus has trouble: come again, and never anything else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chassis::{
    Bus, BusError, BusUrl, ConsumerSpec, Deliveries, Engine, Position, PublishError, Published, Recorded,
};
use events::Envelope;
use serde_json::json;

use crate::world::{PUSH, World, delivery, notification};

/// What a bus in trouble does with an event.
#[derive(Debug, Clone, Copy)]
pub enum Trouble {
    Unavailable,
    Busy,
    Full,
    TooLarge,
    /// It never answers.
    Silent,
    /// It takes all but the n-th of all events, counted from 1.
    Nth(usize),
}

/// A bus in trouble, in front of a real one.
struct Troubled {
    trouble: Trouble,
    calls: AtomicUsize,
    bus: Arc<dyn Bus>,
}

#[async_trait]
impl Bus for Troubled {
    async fn publish(&self, event: &Envelope) -> Result<Published, PublishError> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let cause = || anyhow::anyhow!("nats://signalbox:hunter2@nats:4222 refused the connection");
        match self.trouble {
            Trouble::Unavailable => Err(PublishError::Unavailable(cause())),
            Trouble::Busy => Err(PublishError::Busy),
            Trouble::Full => Err(PublishError::Full(cause())),
            Trouble::TooLarge => Err(PublishError::TooLarge { bytes: 2, limit: 1 }),
            Trouble::Silent => std::future::pending().await,
            Trouble::Nth(n) if call == n => Err(PublishError::Unavailable(cause())),
            Trouble::Nth(_) => self.bus.publish(event).await,
        }
    }

    async fn redeliver(
        &self,
        handler: &str,
        event: &Envelope,
        token: &str,
    ) -> Result<Published, PublishError> {
        self.bus.redeliver(handler, event, token).await
    }

    async fn consume(&self, spec: ConsumerSpec) -> Result<Box<dyn Deliveries>, BusError> {
        self.bus.consume(spec).await
    }

    async fn read(&self, from: Position, limit: usize) -> Result<Vec<Recorded>, BusError> {
        self.bus.read(from, limit).await
    }

    async fn last(&self) -> Result<Position, BusError> {
        self.bus.last().await
    }

    async fn changed(&self, position: Position) -> Result<(), BusError> {
        self.bus.changed(position).await
    }

    async fn check(&self) -> Result<(), BusError> {
        self.bus.check().await
    }
}

/// A gateway with such a bus.
pub async fn world(trouble: Trouble) -> World {
    World::behind(|bus| Arc::new(Troubled { trouble, calls: AtomicUsize::new(0), bus })).await
}

fn alerts(names: &[&str]) -> Vec<u8> {
    let alert = |name: &&str| json!({"status": "firing", "labels": {"alertname": name}, "startsAt": "2026-09-21T13:05:00Z"});
    let alerts: Vec<_> = names.iter().map(alert).collect();
    json!({"version": "4", "groupKey": "{}", "receiver": "signalbox", "alerts": alerts})
        .to_string()
        .into_bytes()
}

#[tokio::test]
async fn a_bus_that_does_not_take_the_event_makes_the_sender_come_again() {
    for (trouble, answer) in
        [(Trouble::Unavailable, "bus_unavailable"), (Trouble::Busy, "bus_busy"), (Trouble::Full, "bus_full")]
    {
        let world = world(trouble).await;
        let refused = world.send(delivery("d-1", PUSH)).await;
        refused.assert_come_again("could not be stored");
        assert!(
            !refused.json.to_string().contains("nats"),
            "the sender should not learn of our servers: {refused:?}"
        );
        world.send(notification(alerts(&["DiskFull"]))).await.assert_come_again("could not be stored");
        assert!(world.stored().await.is_empty());
        for kind in ["github", "alertmanager"] {
            let line =
                format!("signalbox_gateway_requests_total{{answer=\"{answer}\",source_kind=\"{kind}\"}} 1");
            assert!(world.counts(&line), "{line}: {}", world.metrics());
        }
    }
}

#[tokio::test]
async fn a_nats_server_that_is_not_there_makes_the_sender_come_again() {
    // Nothing listens on port 1 of the loopback address.
    let nats = Engine::open(&BusUrl::Nats("nats://127.0.0.1:1".to_owned())).await.unwrap();
    let world = World::behind(|_| nats.bus.clone()).await;
    world.send(delivery("d-1", PUSH)).await.assert_come_again("could not be stored");
    assert!(
        world.counts(r#"signalbox_gateway_requests_total{answer="bus_unavailable",source_kind="github"} 1"#)
            || world.counts(r#"signalbox_gateway_requests_total{answer="bus_slow",source_kind="github"} 1"#),
        "{}",
        world.metrics()
    );
}

#[tokio::test]
async fn an_event_that_the_bus_will_never_take_is_too_large() {
    let world = world(Trouble::TooLarge).await;
    world.send(delivery("d-1", PUSH)).await.assert_refused(413, "could not be stored");
}

#[tokio::test]
async fn a_bus_that_is_silent_is_given_up_before_github_gives_up() {
    let world = world(Trouble::Silent).await;
    tokio::time::pause();
    let before = tokio::time::Instant::now();
    world.send(delivery("d-1", PUSH)).await.assert_come_again("in time");
    assert_eq!(before.elapsed().as_secs(), 8);
    world.send(notification(alerts(&["DiskFull"]))).await.assert_come_again("in time");
    assert!(world.counts(r#"signalbox_gateway_requests_total{answer="bus_slow",source_kind="github"} 1"#));
}

#[tokio::test]
async fn one_alert_that_is_not_stored_brings_the_whole_group_again_and_nothing_doubles() {
    let world = world(Trouble::Nth(2)).await;
    let group = alerts(&["DiskFull", "NodeDown", "PodCrashLooping"]);
    world.send(notification(group.clone())).await.assert_come_again("could not be stored");
    let again = world.send(notification(group)).await;
    assert_eq!(again.status, 202, "{again:?}");
    assert_eq!(again.json["ids"].as_array().map(Vec::len), Some(3));
    let mut subjects: Vec<_> =
        world.stored().await.iter().filter_map(|event| event.subject().map(str::to_owned)).collect();
    subjects.sort_unstable();
    let names: Vec<_> = subjects.iter().map(|subject| subject.split('/').next().unwrap()).collect();
    assert_eq!(names, ["DiskFull", "NodeDown", "PodCrashLooping"]);
}
