//! The harness: real servers for the tests, each in its own temporary folder, on free loopback ports, and gone when the
//! test is.

pub mod eventually;
pub mod http1;
pub mod nats;
pub mod orphans;
pub mod ports;
pub mod process;
pub mod tools;

pub use eventually::eventually;
