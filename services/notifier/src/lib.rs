#![doc = include_str!("../README.md")]

mod announce;
mod apply;
mod attempt;
mod decide;
mod gather;
mod handler;
mod limits;
mod metrics;
mod pace;
mod quote;
mod settings;
mod slack;
mod text;
mod webhook;

pub use handler::Notifier;
pub use settings::{Settings, http_client};
