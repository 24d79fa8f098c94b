//! Tests of the whole: each file is a part of the story.

mod announcing;
mod crash;
mod deciding;
mod engine;
mod fake_api;
mod following;
mod gathering;
mod kinds;
mod memory;
mod sample;
mod state;
mod trouble;
