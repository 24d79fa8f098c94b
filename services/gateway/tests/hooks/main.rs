//! The gateway from outside: requests in, answers and events out.
#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests fail like tests")]

mod addresses;
mod alertmanager;
mod bus_trouble;
mod clocks;
mod forgery;
mod github;
mod logs;
mod real_alertmanager;
mod sizes;
mod wire;
mod world;
