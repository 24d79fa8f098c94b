//! More than fits: handlers that take longer than their ack wait, and publishers that want more than the bus can store.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chassis::runner::{self, Options, Ports};
use chassis::{
    Bus, BusError, ConsumerSpec, Context, Deliveries, Delivery, Failure, Handler, Hears, Outcome, Position,
    PublishError, Published, Recorded, Shutdown,
};
use chrono::{DateTime, Utc};
use events::Envelope;

use super::{ACK_WAIT, Fixture, PATIENCE, event, on_both_engines, ports};

on_both_engines!(
    an_event_that_is_handled_for_longer_than_its_ack_wait_is_not_delivered_again_meanwhile,
    more_than_the_bus_can_store_at_once_is_busy_and_goes_in_later,
);

/// A bus that counts what it delivers.
struct Tap {
    bus: Arc<dyn Bus>,
    delivered: Arc<AtomicUsize>,
}

struct Tapped(Box<dyn Deliveries>, Arc<AtomicUsize>);

#[async_trait]
impl Deliveries for Tapped {
    async fn next(&mut self) -> Result<Delivery, BusError> {
        let delivery = self.0.next().await;
        self.1.fetch_add(usize::from(delivery.is_ok()), Ordering::SeqCst);
        delivery
    }
}

#[async_trait]
impl Bus for Tap {
    async fn publish(&self, event: &Envelope) -> Result<Published, PublishError> {
        self.bus.publish(event).await
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
        Ok(Box::new(Tapped(self.bus.consume(spec).await?, self.delivered.clone())))
    }

    async fn read(&self, from: Position, limit: usize) -> Result<Vec<Recorded>, BusError> {
        self.bus.read(from, limit).await
    }

    async fn seek(&self, time: DateTime<Utc>) -> Result<Position, BusError> {
        self.bus.seek(time).await
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

/// Takes two and a half ack waits for the first event, and says when it has ended.
struct Slow(Arc<AtomicUsize>);

impl Handler for Slow {
    const NAME: &'static str = "slow";
    const HEARS: &'static [Hears] = &[Hears::Glob("t.*")];

    async fn handle(&self, event: &Envelope, _cx: &Context) -> Result<Outcome, Failure> {
        if event.id() == "long" {
            // This is the work, not a wait for something.
            tokio::time::sleep(ACK_WAIT * 5 / 2).await;
        }
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(Outcome::Done(Vec::new()))
    }
}

async fn an_event_that_is_handled_for_longer_than_its_ack_wait_is_not_delivered_again_meanwhile(
    on: Fixture,
) -> anyhow::Result<()> {
    on.engine.bus.publish(&event("long")).await?;
    // Of the same key: it waits in the runner all the time, and must not be delivered again either.
    on.engine.bus.publish(&event("behind")).await?;
    let (delivered, ended, shutdown) = (Arc::<AtomicUsize>::default(), Arc::default(), Shutdown::new());
    let bus = Arc::new(Tap { bus: on.engine.bus.clone(), delivered: delivered.clone() });
    let handler = Arc::new(Slow(Arc::clone(&ended)));
    let options = Options { ack_wait: Some(ACK_WAIT), ..Options::default() };
    let ports = Ports { bus, ..ports(&on.engine) };
    let running = tokio::spawn(runner::run_with(handler, ports, options, shutdown.clone()));
    tests::eventually(PATIENCE, "both are handled", async || {
        anyhow::ensure!(ended.load(Ordering::SeqCst) == 2);
        Ok(())
    })
    .await?;
    assert_eq!(delivered.load(Ordering::SeqCst), 2, "each came once");
    shutdown.trigger();
    tokio::time::timeout(PATIENCE, running).await???;
    Ok(())
}

/// More than either engine has under way at once (1,024 and 4,096).
const MANY: usize = 8_000;

async fn more_than_the_bus_can_store_at_once_is_busy_and_goes_in_later(on: Fixture) -> anyhow::Result<()> {
    let bus = &on.engine.bus;
    let events: Vec<Envelope> = (0..MANY).map(|n| event(&n.to_string())).collect();
    let answers = futures::future::join_all(events.iter().map(|event| bus.publish(event))).await;
    let (mut stored, mut refused) = (0, Vec::new());
    for (event, answer) in events.iter().zip(answers) {
        match answer {
            Ok(_) => stored += 1,
            Err(PublishError::Busy) => refused.push(event.clone()),
            Err(error) => return Err(error.into()),
        }
    }
    assert!(stored >= 1_024 && !refused.is_empty(), "{stored} stored, {} refused", refused.len());
    // A batch waits for its own instead, and it goes on as if nothing had been.
    for answer in bus.publish_all(&refused).await {
        assert!(!answer?.duplicate, "what was refused was not stored");
    }
    let mut from = Position(1);
    let mut found = 0;
    loop {
        let page = bus.read(from, 1_000).await?;
        let Some(last) = page.last() else { break };
        from = Position(last.position.0 + 1);
        found += page.len();
    }
    assert_eq!(found, MANY);
    Ok(())
}
