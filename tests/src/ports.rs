//! Free ports.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::Context as _;

/// A port on loopback that was free a moment ago.
pub fn free() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot bind a port on loopback")?;
    Ok(listener.local_addr()?.port())
}
