//! An address to listen on.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use serde::Deserialize;
use thiserror::Error;

/// An address to listen on: `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`, or `:8080` for every IPv4 address.
/// Port 0 takes a free one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Address(pub SocketAddr);

/// The text is no address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no address: write HOST:PORT with an IP address or localhost, or :PORT for all addresses")]
pub struct NoAddress(String);

impl Address {
    /// Every IPv4 address of this machine.
    pub fn any(port: u16) -> Self {
        Self(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))
    }
}

impl FromStr for Address {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Self, NoAddress> {
        let wrong = || NoAddress(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let ip: IpAddr = match host {
            "" => Ipv4Addr::UNSPECIFIED.into(),
            "localhost" => Ipv4Addr::LOCALHOST.into(),
            _ => return text.parse().map(Self).map_err(|_| wrong()),
        };
        // `u16::from_str` takes a plus sign; an address has none.
        let digits = port.bytes().all(|b| b.is_ascii_digit());
        let port = port.parse().ok().filter(|_| digits).ok_or_else(wrong)?;
        Ok(Self(SocketAddr::new(ip, port)))
    }
}

impl TryFrom<String> for Address {
    type Error = NoAddress;

    fn try_from(text: String) -> Result<Self, NoAddress> {
        text.parse()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn every_form_of_an_address_is_read() {
        for (text, expected) in [
            (":8080", "0.0.0.0:8080"),
            ("localhost:80", "127.0.0.1:80"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("[::1]:8081", "[::1]:8081"),
        ] {
            assert_eq!(text.parse::<Address>().expect(text).to_string(), expected);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_right_form() {
        for text in [
            "",
            "8080",
            ":",
            ":+80",
            ":70000",
            "example.com:80",
            "::1:80:",
            "127.0.0.1",
            "http://127.0.0.1:80",
        ] {
            let error = text.parse::<Address>().expect_err(text);
            assert!(error.to_string().contains("write HOST:PORT"), "{error}");
        }
    }
}
