//! The handler, on the embedded engine, with real repositories and an API server in memory.

mod bench;
mod cluster;
mod commit;
mod crash;
mod refusals;
