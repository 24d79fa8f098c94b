//! From where a request was sent, and whether its Source takes it from there. Pure.

use std::net::IpAddr;

use axum::http::{Extensions, HeaderMap};
use resources::source::Guard;

use crate::refusal::Refusal;

const FORWARDED: &str = "X-Forwarded-For";

/// The other end of a connection. The listener puts it into the extensions of each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// Refuses a request from elsewhere.
pub(crate) fn check(guard: &Guard, headers: &HeaderMap, extensions: &Extensions) -> Result<(), Refusal> {
    if guard.addresses.is_empty() {
        return Ok(());
    }
    let mut forwarded = String::new();
    // A header that is there twice is one list (RFC 9110 section 5.3).
    for value in headers.get_all(FORWARDED) {
        forwarded.push_str(value.to_str().unwrap_or("unreadable"));
        forwarded.push(',');
    }
    let sender = extensions.get::<Peer>().and_then(|Peer(peer)| guard.sender(*peer, &forwarded));
    match sender {
        Some(sender) if guard.admits(sender) => Ok(()),
        sender => Err(Refusal::Place { sender }),
    }
}
