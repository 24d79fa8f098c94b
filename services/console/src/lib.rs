#![doc = include_str!("../README.md")]

pub mod api;
mod http;
mod line;
pub mod query;
mod render;
mod story;
mod summary;

pub use http::{Auth, Console};
pub use render::{RenderOptions, Times};
pub use story::{Lost, Node, Story, Told};
pub use summary::{Effect, Summary};
