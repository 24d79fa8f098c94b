#![doc = include_str!("../README.md")]

mod announce;
mod apply;
mod gather;
mod key;
mod kinds;
mod metrics;
mod pulse;
mod record;
mod scope;
mod watch;
mod watched;
mod watcher;
mod watching;

pub use scope::{InvalidScope, Namespace, Scope};
pub use watcher::Watcher;
pub use watching::{KindOfObject, Watching};

#[cfg(test)]
mod tests;
