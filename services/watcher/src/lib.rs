#![doc = include_str!("../README.md")]

mod announce;
mod apply;
mod decide;
mod gather;
mod key;
mod metrics;
mod pulse;
mod record;
mod scope;
mod watch;
mod watcher;

pub use scope::{InvalidScope, Namespace, Scope};
pub use watcher::Watcher;

#[cfg(test)]
mod tests;
