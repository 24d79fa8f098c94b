//! The numbers of the bus on the disk, as they are when somebody asks.

use std::sync::{Arc, Weak};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Error, IntGauge, Registry};

use super::{Embedded, Inner, Usage};
use crate::metrics::make;

/// What is shown.
struct Gauges {
    /// Weak: a registry that somebody keeps must not keep the folder locked.
    engine: Weak<Inner>,
    files: IntGauge,
    bytes: IntGauge,
    free: IntGauge,
    held: IntGauge,
}

impl Embedded {
    /// Shows what the bus takes on the disk.
    pub fn register(&self, registry: &Registry) -> Result<(), Error> {
        let gauges = Gauges {
            engine: Arc::downgrade(&self.0),
            files: make::gauge("signalbox_bus_files", "Files of the log of the embedded bus.")?,
            bytes: make::gauge("signalbox_bus_bytes", "Bytes of the log of the embedded bus.")?,
            free: make::gauge(
                "signalbox_bus_free_bytes",
                "Bytes that are free on the disk of the embedded bus; below its reserve no event is taken.",
            )?,
            held: make::gauge(
                "signalbox_bus_held_events",
                "Old events that cannot be dropped because a consumer has not seen them; the log says which.",
            )?,
        };
        registry.register(Box::new(gauges))
    }
}

impl Gauges {
    fn all(&self) -> [&IntGauge; 4] {
        [&self.files, &self.bytes, &self.free, &self.held]
    }
}

impl Collector for Gauges {
    fn desc(&self) -> Vec<&Desc> {
        self.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        if let Some(engine) = self.engine.upgrade() {
            let Usage { files, bytes, records: _, free, held } = Embedded(engine).usage();
            self.files.set(i64::try_from(files).unwrap_or(i64::MAX));
            self.bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
            self.free.set(free.map_or(-1, |free| i64::try_from(free).unwrap_or(i64::MAX)));
            let held = held.map_or(0, |held| held.to.saturating_sub(held.from) + 1);
            self.held.set(i64::try_from(held).unwrap_or(i64::MAX));
        }
        self.all().into_iter().flat_map(Collector::collect).collect()
    }
}
