#![doc = include_str!("../README.md")]

pub mod admin;
pub mod archive;
pub mod attempts;
pub mod backoff;
pub mod bus;
pub mod claim;
pub mod clock;
pub mod config;
pub mod dead;
pub mod embedded;
pub mod engine;
pub mod failpoint;
pub mod failure;
pub mod frame;
pub mod handler;
pub mod health;
pub mod insist;
pub mod jetstream;
pub mod lease;
pub mod ledger;
pub mod metrics;
pub mod record;
pub mod replay;
pub mod runner;
pub mod shutdown;
pub mod sources;
pub mod store;
pub mod telemetry;

pub use bus::{
    Bus, BusError, ConsumerSpec, Deliveries, Delivery, Position, PublishError, Published, Recorded, Start,
};
pub use clock::{Clock, ManualClock, SystemClock};
pub use engine::{BusUrl, Engine};
pub use failure::{Failure, FailureExt};
pub use handler::{Context, Handler, Hears, Outcome};
pub use health::Health;
pub use insist::{Waits, insist, insist_unless};
pub use ledger::{Intended, Reconciled};
pub use metrics::Metrics;
pub use shutdown::Shutdown;
pub use store::{Bucket, Entry, Expect, Store, StoreError};
