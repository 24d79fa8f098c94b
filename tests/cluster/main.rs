//! The cluster tests: on a real control plane, with simulated nodes and a real Argo CD.

mod alerts;
mod cluster;
mod drift;
mod every_source;
mod kinds;
mod lossless;
mod rules;
mod story;
mod testbed;
mod told;
mod watch;

/// Every file of this folder is named by a `mod`: a test that nobody compiles tests nothing.
#[test]
fn every_file_is_compiled() -> anyhow::Result<()> {
    tests::orphans::check(concat!(env!("CARGO_MANIFEST_DIR"), "/cluster"))
}
