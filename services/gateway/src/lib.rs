#![doc = include_str!("../README.md")]

mod alertmanager;
mod answer;
mod beside;
mod body;
mod cloudevents;
mod credential;
mod forge;
mod generic;
mod github;
mod header;
mod keep;
mod limits;
mod linger;
mod metrics;
mod place;
mod proof;
mod publish;
mod rate;
mod refusal;
mod router;
pub mod sample;
mod secrets;
mod seen;
mod skew;
mod visit;
mod webhook;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use chassis::{Bus, Clock, Metrics};
use events::Envelope;

use crate::body::Bodies;
pub use crate::limits::Limits;
use crate::metrics::GatewayMetrics;
pub use crate::place::Peer;
use crate::publish::Taken;
use crate::rate::Rates;
use crate::seen::Seen;
use crate::visit::Visit;

/// Takes webhooks and puts them on the bus.
pub struct Gateway {
    bus: Arc<dyn Bus>,
    catalog: resources::Current,
    clock: Arc<dyn Clock>,
    published: Arc<Metrics>,
    metrics: GatewayMetrics,
    seen: Seen,
    bodies: Bodies,
    rates: Rates,
    limits: Limits,
}

impl Gateway {
    /// A gateway of these ports.
    ///
    /// # Panics
    /// When `metrics` has a gateway already: one process has one.
    pub fn new(
        bus: Arc<dyn Bus>,
        catalog: resources::Current,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        limits: Limits,
    ) -> Self {
        let published = metrics;
        let metrics = GatewayMetrics::register(published.registry()).expect("one process has one gateway");
        let seen =
            Seen::register(published.registry(), catalog.clone()).expect("one process has one gateway");
        let bodies = Bodies::new(limits.budget(), metrics.bodies_held.clone());
        Self { bus, catalog, clock, published, metrics, seen, bodies, rates: Rates::default(), limits }
    }

    /// What the public listener serves: `POST /hooks/{source}` (and `OPTIONS` for a handshake), and JSON errors everywhere else.
    ///
    /// A handler that runs when the listener stops accepting is to be waited for: it is bounded by
    /// [`Limits::body_within`] and [`Limits::publish_within`].
    pub fn router(self: Arc<Self>) -> Router {
        router::router(self)
    }

    /// An event is on the bus: counts it, and tells when it is new and its time is far from our clock.
    fn stored(&self, visit: &Visit<'_>, event: &Envelope, taken: &Taken) {
        self.published.published(taken.duplicate);
        if taken.duplicate {
            return;
        }
        if let Some(skew) = skew::of(event, self.clock.now(), &self.limits) {
            let direction = skew.direction.name();
            self.metrics.clock_off.with_label_values(&[visit.kind().name(), direction]).inc();
            tracing::warn!(
                event.id = event.id(),
                event.type = event.ty(),
                source = visit.source(),
                direction,
                seconds = skew.by.as_secs(),
                "accepted, but the time of the event is far from our clock: one of the two is wrong"
            );
        }
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("limits", &self.limits).finish_non_exhaustive()
    }
}
