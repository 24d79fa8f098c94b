//! The gateway from outside: requests in, answers and events out.
#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests fail like tests")]

mod addresses;
mod alertmanager;
mod bus_trouble;
mod clocks;
mod cloudevents;
mod forge;
mod forgery;
mod generic;
mod github;
mod handshake;
mod keeping;
mod logs;
mod places;
mod presets;
#[expect(clippy::disallowed_methods, reason = "a test plays the world")]
mod real_alertmanager;
mod samples;
mod seen;
mod sizes;
#[expect(clippy::disallowed_methods, reason = "a test plays the world")]
mod wire;
mod world;

/// Says that the calling test is skipped, past the capture of the output of tests that pass: `tests/run` counts it.
fn skipped(why: &str) {
    use std::io::Write as _;
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = std::io::stderr().write_all(format!("\nSKIPPED: {test}: {why}\n").as_bytes());
}
