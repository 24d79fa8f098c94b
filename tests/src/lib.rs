//! The harness: real servers for the tests, each in its own temporary folder, on free loopback ports, and gone when the
//! test is.

pub mod alertmanager;
pub mod argocd;
pub mod certificates;
pub mod eventually;
pub mod fixtures;
pub mod git;
pub mod github;
pub mod http1;
pub mod kube_api;
pub mod kube_proxy;
pub mod kwok;
pub mod nats;
pub mod operator;
pub mod orphans;
pub mod peer;
pub mod ports;
pub mod process;
pub mod prometheus;
pub mod receiver;
pub mod scratch;
pub mod signalbox;
pub mod skip;
pub mod small_disk;
pub mod soak;
pub mod strace;
pub mod tools;
mod watchdog;
pub mod world;

pub use eventually::eventually;
