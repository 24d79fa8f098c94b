//! Tests that cannot run here say so.

use std::env;
use std::io::Write as _;
use std::thread;

/// Whether `TESTS_SKIP` says that a server is not to be had here. If so, the calling test should return: it is
/// named as skipped, which `tests/run` counts.
pub fn without(servers: &[&str]) -> bool {
    let skip = env::var("TESTS_SKIP").unwrap_or_default();
    let Some(server) = servers.iter().find(|&&server| skip.split(',').any(|name| name == server)) else {
        return false;
    };
    say(&format!("TESTS_SKIP names {server}"));
    true
}

/// Says that the calling test is skipped, and why.
pub fn say(why: &str) {
    let test = thread::current().name().unwrap_or("a test").to_owned();
    // Not by `eprintln!`: the output of a test that passes is not shown.
    let _ = std::io::stderr().write_all(format!("\nSKIPPED: {test}: {why}\n").as_bytes());
}
