#![doc = include_str!("../README.md")]

mod alerts;
mod announce;
mod deliveries;
mod keep;
mod metrics;
mod pulse;
mod sweeper;

pub use sweeper::Sweeper;

#[cfg(test)]
mod tests;
