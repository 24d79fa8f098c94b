//! What holds for any Source, whatever its kind: from where it is sent, and how much at once. Pure.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Rate;

/// What holds for any Source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guard {
    /// `from.addresses`: where senders may be; empty means anywhere.
    pub addresses: Vec<IpNet>,
    /// `from.proxies`: where the proxies are whose `X-Forwarded-For` is believed.
    pub proxies: Vec<IpNet>,
    /// `bodyLimit`: the largest body, in bytes; `None` means that of the kind.
    pub body_limit: Option<usize>,
    /// `rate`: how often it takes requests; `None` means as often as they come.
    pub rate: Option<Rate>,
}

impl Guard {
    /// The address of a sender: the peer of the connection or, as long as that is a trusted proxy, whom it says that it
    /// speaks for, from right to left. `forwarded` is `X-Forwarded-For`, in its order. `None` when a trusted proxy says
    /// something that is no address.
    ///
    /// ```
    /// let guard = resources::source::Guard { proxies: vec!["10.0.0.0/8".parse().unwrap()], ..Default::default() };
    /// let peer = "10.1.2.3".parse().unwrap();
    /// // What stands further left was written by whoever the proxy speaks for, and may be a lie.
    /// let sender = guard.sender(peer, "192.30.252.1, 203.0.113.7").unwrap();
    /// assert_eq!(sender.to_string(), "203.0.113.7");
    /// ```
    pub fn sender(&self, peer: IpAddr, forwarded: &str) -> Option<IpAddr> {
        let mut sender = peer.to_canonical();
        for hop in forwarded.rsplit(',').map(str::trim).filter(|hop| !hop.is_empty()) {
            if !holds(&self.proxies, sender) {
                break;
            }
            sender = address(hop)?.to_canonical();
        }
        Some(sender)
    }

    /// Whether a sender may be there.
    pub fn admits(&self, sender: IpAddr) -> bool {
        self.addresses.is_empty() || holds(&self.addresses, sender)
    }
}

fn holds(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

/// An address, with a port or not: some proxies write one.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = hop.trim_start_matches('[');
    hop.parse()
        .ok()
        .or_else(|| hop.parse::<std::net::SocketAddr>().map(|socket| socket.ip()).ok())
        .or_else(|| bare.strip_suffix(']')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(addresses: &[&str], proxies: &[&str]) -> Guard {
        let networks = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Guard { addresses: networks(addresses), proxies: networks(proxies), body_limit: None, rate: None }
    }

    #[test]
    fn the_sender_is_the_last_one_that_no_trusted_proxy_speaks_for() {
        let guard = guard(&[], &["10.0.0.0/8", "fd00::/8"]);
        for (peer, forwarded, sender) in [
            ("203.0.113.7", "", Some("203.0.113.7")),
            // Not a proxy: what it says about others does not count.
            ("203.0.113.7", "192.30.252.1", Some("203.0.113.7")),
            ("10.0.0.1", "", Some("10.0.0.1")),
            ("10.0.0.1", "192.30.252.1", Some("192.30.252.1")),
            ("10.0.0.1", "192.30.252.1, 203.0.113.7, 10.0.0.2", Some("203.0.113.7")),
            ("10.0.0.1", "10.0.0.3,10.0.0.2", Some("10.0.0.3")),
            ("::ffff:10.0.0.1", "192.30.252.1:443", Some("192.30.252.1")),
            ("fd00::1", "[2001:db8::1]:443", Some("2001:db8::1")),
            ("fd00::1", "[2001:db8::1]", Some("2001:db8::1")),
            ("10.0.0.1", "unknown", None),
            ("10.0.0.1", "192.30.252.1, nonsense", None),
        ] {
            let found = guard.sender(peer.parse().unwrap(), forwarded).map(|sender| sender.to_string());
            assert_eq!(found.as_deref(), sender, "{peer} {forwarded}");
        }
    }

    #[test]
    fn an_empty_list_admits_everybody_and_another_one_those_in_it() {
        let some = guard(&["192.30.252.0/22", "2a0a:a440::/29"], &[]);
        for (sender, admitted) in
            [("192.30.252.9", true), ("192.30.251.9", false), ("2a0a:a441::1", true), ("::1", false)]
        {
            assert_eq!(some.admits(sender.parse().unwrap()), admitted, "{sender}");
            assert!(guard(&[], &[]).admits(sender.parse().unwrap()));
        }
    }
}
