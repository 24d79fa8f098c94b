//! A bus and a store that have the trouble they are told to have, in front of real ones.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chassis::bus::{Acker, Settle};
use chassis::lease::{Lease, Leases};
use chassis::runner::Ports;
use chassis::store::Change;
use chassis::{
    Bucket, Bus, BusError, ConsumerSpec, Deliveries, Delivery, Entry, Expect, Position, PublishError,
    Published, Recorded, Store, StoreError,
};
use events::Envelope;
use futures::stream::BoxStream;

use super::{Fixture, id_of, ports};

/// The trouble that is to come; each is had once.
#[derive(Default)]
pub struct Trouble {
    /// Instead of what is published next.
    pub publishing: Mutex<VecDeque<PublishError>>,
    /// Instead of what is put into these buckets next.
    pub putting: Mutex<VecDeque<(Bucket, StoreError)>>,
    /// Instead of what is deleted next.
    pub deleting: Mutex<Option<StoreError>>,
    /// What is got next, as if it had been got a while ago.
    pub stale: Mutex<Option<Entry>>,
    /// The lease is over when the next entry of the ledger is written.
    pub ends: Mutex<Option<(Leases, Lease)>>,
    /// Whoever lets go of the delivery of this event panics.
    pub panics_at: Mutex<Option<String>>,
}

/// The ports of an engine that has this trouble.
pub fn troubled(on: &Fixture, trouble: &Arc<Trouble>) -> Ports {
    let through =
        Through { bus: on.engine.bus.clone(), store: on.engine.store.clone(), trouble: trouble.clone() };
    Ports { bus: Arc::new(through.clone()), store: Arc::new(through), ..ports(&on.engine) }
}

#[derive(Clone)]
struct Through {
    bus: Arc<dyn Bus>,
    store: Arc<dyn Store>,
    trouble: Arc<Trouble>,
}

#[async_trait]
impl Bus for Through {
    async fn publish(&self, event: &Envelope) -> Result<Published, PublishError> {
        let trouble = self.trouble.publishing.lock().unwrap().pop_front();
        match trouble {
            Some(error) => Err(error),
            None => self.bus.publish(event).await,
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
        let deliveries = self.bus.consume(spec).await?;
        Ok(Box::new(Handed { deliveries, trouble: self.trouble.clone() }))
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

#[async_trait]
impl Store for Through {
    async fn get(&self, bucket: Bucket, key: &str) -> Result<Option<Entry>, StoreError> {
        let stale = self.trouble.stale.lock().unwrap().take();
        match stale {
            Some(entry) => Ok(Some(entry)),
            None => self.store.get(bucket, key).await,
        }
    }

    async fn put(
        &self,
        bucket: Bucket,
        key: &str,
        value: Vec<u8>,
        expect: Expect,
        ttl: Option<Duration>,
    ) -> Result<u64, StoreError> {
        let trouble = {
            let mut putting = self.trouble.putting.lock().unwrap();
            if putting.front().is_some_and(|(of, _)| *of == bucket) { putting.pop_front() } else { None }
        };
        if let Some((_, error)) = trouble {
            return Err(error);
        }
        let written = self.store.put(bucket, key, value, expect, ttl).await;
        let ends = if bucket == Bucket::Ledger { self.trouble.ends.lock().unwrap().take() } else { None };
        if let Some((leases, lease)) = ends {
            leases.release(lease).await;
        }
        written
    }

    async fn delete(&self, bucket: Bucket, key: &str, expect: Expect) -> Result<(), StoreError> {
        let trouble = self.trouble.deleting.lock().unwrap().take();
        match trouble {
            Some(error) => Err(error),
            None => self.store.delete(bucket, key, expect).await,
        }
    }

    async fn scan(&self, bucket: Bucket, prefix: &str) -> Result<Vec<(String, Entry)>, StoreError> {
        self.store.scan(bucket, prefix).await
    }

    async fn watch(&self, bucket: Bucket, prefix: &str) -> Result<BoxStream<'static, Change>, StoreError> {
        self.store.watch(bucket, prefix).await
    }

    async fn put_blob(&self, bytes: &[u8]) -> Result<String, StoreError> {
        self.store.put_blob(bytes).await
    }

    async fn get_blob(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get_blob(name).await
    }
}

struct Handed {
    deliveries: Box<dyn Deliveries>,
    trouble: Arc<Trouble>,
}

#[async_trait]
impl Deliveries for Handed {
    async fn next(&mut self) -> Result<Delivery, BusError> {
        let delivery = self.deliveries.next().await?;
        let mut panics_at = self.trouble.panics_at.lock().unwrap();
        if panics_at.as_ref() != Some(&id_of(&delivery)) {
            return Ok(delivery);
        }
        *panics_at = None;
        let Delivery { position, again, first_tried, event, acker } = delivery;
        Ok(Delivery { position, again, first_tried, event, acker: Box::new(Fragile(acker)) })
    }
}

/// Cannot be let go of.
struct Fragile(Box<dyn Acker>);

#[async_trait]
impl Acker for Fragile {
    async fn settle(&self, how: Settle) -> Result<(), BusError> {
        self.0.settle(how).await
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        panic!("it is let go of");
    }
}
