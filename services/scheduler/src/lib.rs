#![doc = include_str!("../README.md")]

mod announce;
mod apply;
mod decide;
mod metrics;
mod pulse;
mod record;
mod scheduler;

pub use scheduler::Scheduler;

#[cfg(test)]
mod tests;
