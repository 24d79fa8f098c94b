#![doc = include_str!("../README.md")]

mod answer;
mod app;
mod auth;
mod base;
mod client;
mod error;
mod http;
mod key;
mod limit;
mod patience;
mod refusal;

pub use answer::{Answer, Fresh};
pub use base::{Base, InvalidBase, path};
pub use client::Github;
pub use error::{Again, BuildError, Error, Limit};
pub use key::KeyError;
pub use resources::github::{Access, App, Auth};

#[cfg(test)]
mod tests;
