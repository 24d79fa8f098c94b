//! What the bus on a NATS server lost, and what it holds.

use prometheus::{Error, IntCounter, IntGauge, Registry};

use crate::metrics::make;

/// The numbers of the bus.
pub struct Numbers {
    /// Events that were dropped before a handler had seen them.
    pub lost: IntCounter,
    /// Events that are kept beyond the limits because a handler has not seen them.
    pub held: IntGauge,
}

impl Numbers {
    /// All of them zero.
    pub fn new() -> Result<Self, Error> {
        Ok(Self {
            lost: make::counter(
                "signalbox_bus_lost_events_total",
                "Events that the NATS server dropped before a handler of this process had seen them, at most; the log says which.",
            )?,
            held: make::gauge(
                "signalbox_bus_held_events",
                "Old events that are not dropped as the settings say because a consumer has not seen them, at most; the log says which.",
            )?,
        })
    }

    /// Shows them.
    pub fn register(&self, registry: &Registry) -> Result<(), Error> {
        let Self { lost, held } = self;
        registry.register(Box::new(lost.clone()))?;
        registry.register(Box::new(held.clone()))
    }
}
