#![doc = include_str!("../README.md")]

pub mod app;
pub mod automation;
pub mod catalog;
pub mod channel;
pub mod condition;
mod git;
pub mod github;
mod listens;
mod load;
pub mod names;
mod place;
pub mod problem;
mod read;
mod reader;
mod references;
pub mod rule;
pub mod schedule;
pub mod secret;
pub mod source;
pub mod template;
mod yaml;

pub use app::{App, Environment};
pub use automation::{Action, Automation, Mode};
pub use catalog::{Catalog, Current};
pub use channel::{Channel, ChannelKind, Delivery};
pub use load::{Loaded, load_dir, load_text};
pub use problem::{Problem, Problems, Severity};
pub use read::API_VERSION;
pub use schedule::{CatchUp, Schedule};
pub use secret::{Secret, SecretRef};
pub use source::{Source, SourceKind};
