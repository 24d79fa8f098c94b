//! Free ports.

use std::net::{Ipv4Addr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the ports that systems give to outgoing connections (32768 and up on Linux, 49152 and up elsewhere): a port that
/// is free now is not taken by a connection before a server binds it.
const FIRST: u16 = 10_000;
const COUNT: u16 = 20_000;
/// Test programs that run side by side begin at different places.
const STRIDE: u32 = 911;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port on loopback that is free, and that this program gives to nobody else.
pub fn free() -> anyhow::Result<u16> {
    let start = u16::try_from(process::id().wrapping_mul(STRIDE) % u32::from(COUNT))?;
    for _ in 0..COUNT {
        let offset = (u32::from(start) + u32::from(NEXT.fetch_add(1, Ordering::Relaxed))) % u32::from(COUNT);
        let port = FIRST + u16::try_from(offset)?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    anyhow::bail!("none of the {COUNT} ports from {FIRST} on is free on loopback")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn no_port_is_given_twice() -> anyhow::Result<()> {
        let ports = (0..500).map(|_| super::free()).collect::<anyhow::Result<BTreeSet<_>>>()?;
        assert_eq!(ports.len(), 500);
        Ok(())
    }
}
