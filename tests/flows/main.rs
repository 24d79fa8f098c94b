//! The flows: stories on the embedded bus and on a real NATS server, without Kubernetes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends by them")]

mod compose;
mod conformance;
mod crash;
mod docs;
mod durable;
mod every_source;
mod history;
mod hooks;
mod interop;
mod jetstream;
mod nats;
mod program;
mod replicas;
mod schedule;
mod soak;
mod sources;
mod space;
mod store;
mod sweep;

/// Every file of this folder is named by a `mod`: a test that nobody compiles tests nothing.
#[test]
fn every_file_is_compiled() -> anyhow::Result<()> {
    tests::orphans::check(concat!(env!("CARGO_MANIFEST_DIR"), "/flows"))
}
