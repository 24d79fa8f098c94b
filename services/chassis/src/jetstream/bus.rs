//! The log on a stream.

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use events::Envelope;
use events::subject::PREFIX;

use super::consumer::Pull;
use super::stream::STREAM;
use super::{JetStream, dedup, history, message};
use crate::bus::{Bus, BusError, ConsumerSpec, Deliveries, Position, PublishError, Published, Recorded};

impl JetStream {
    /// Names what failed, and has the server looked at anew before the next use.
    pub(super) fn failed(&self, doing: &'static str) -> impl Fn(anyhow::Error) -> BusError {
        move |error| {
            self.ground.doubt();
            BusError::new(doing, error)
        }
    }
}

#[async_trait]
impl Bus for JetStream {
    async fn publish(&self, event: &Envelope) -> Result<Published, PublishError> {
        self.publish_one(event).await
    }

    async fn publish_all(&self, events: &[Envelope]) -> Vec<Result<Published, PublishError>> {
        self.publish_batch(events).await
    }

    async fn redeliver(
        &self,
        handler: &str,
        event: &Envelope,
        token: &str,
    ) -> Result<Published, PublishError> {
        self.redeliver_one(handler, event, token).await
    }

    async fn consume(&self, spec: ConsumerSpec) -> Result<Box<dyn Deliveries>, BusError> {
        let failed = self.failed("make or resume the consumer");
        Ok(Box::new(Pull::open(self.ground.clone(), spec).await.map_err(failed)?))
    }

    async fn read(&self, from: Position, limit: usize) -> Result<Vec<Recorded>, BusError> {
        let failed = self.failed("read the log");
        self.assets().await.map_err(&failed)?;
        let events = format!("{PREFIX}>");
        let page = history::page(&self.ground, STREAM, &events, from.0, limit).await.map_err(failed)?;
        let page = page.into_iter().map(|stored| Recorded {
            position: Position(stored.sequence),
            recorded: stored.recorded,
            event: message::decode(&stored.subject, Some(&stored.headers), &stored.payload),
        });
        Ok(page.collect())
    }

    async fn first(&self) -> Result<Position, BusError> {
        let failed = self.failed("read the beginning of the log");
        let assets = self.assets().await.map_err(&failed)?;
        history::first(&assets).await.map(Position).map_err(failed)
    }

    async fn seek(&self, time: DateTime<Utc>) -> Result<Position, BusError> {
        let failed = self.failed("look for a time in the log");
        let assets = self.assets().await.map_err(&failed)?;
        history::seek(&assets, time).await.map(Position).map_err(failed)
    }

    async fn last(&self) -> Result<Position, BusError> {
        let failed = self.failed("read the end of the log");
        let assets = self.assets().await.map_err(&failed)?;
        history::last(&assets).await.map(Position).map_err(failed)
    }

    async fn changed(&self, position: Position) -> Result<(), BusError> {
        let failed = |error: anyhow::Error| BusError::new("wait for the next event", error);
        self.news.wait(&self.ground, position.0).await.map_err(failed)
    }

    async fn check(&self) -> Result<(), BusError> {
        let failed = self.failed("write to the NATS server");
        let assets = self.assets().await.map_err(&failed)?;
        let put = assets.dedup.put(dedup::PROBE, bytes::Bytes::new()).await;
        put.context("the server does not take a write").map_err(&failed)?;
        // A stream that is gone is missed here, and made again by the next use.
        assets.stream.get_info().await.map(|_| ()).context("the log is not there").map_err(failed)
    }
}
