#![doc = include_str!("../README.md")]

mod announce;
mod apply;
mod custom;
mod digest;
mod gather;
mod key;
mod kinds;
mod metrics;
mod patience;
mod prometheus;
mod pulse;
mod record;
mod scope;
mod usage;
mod watch;
mod watched;
mod watcher;
mod watching;

pub use custom::{Custom, CustomKind, InvalidCustom};
pub use patience::Patience;
pub use scope::{InvalidScope, Namespace, Scope};
pub use usage::Usage;
pub use watcher::Watcher;
pub use watching::{KindOfObject, Watching};

#[cfg(test)]
mod tests;
