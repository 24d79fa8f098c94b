//! `from` and `bodyLimit` of any Source.

use std::net::IpAddr;

use ipnet::IpNet;

use super::cloudevents::rate;
use crate::names::Misformed;
use crate::reader::{Fields, Keys, Read, Reader};
use crate::source::Guard;
use crate::yaml::Node;

const FROM: Keys = Keys { known: &["addresses", "proxies"], later: &[] };
/// Smaller than any webhook.
const SMALLEST_BODY: usize = 1 << 10;
/// As much as the bus takes of one event.
const LARGEST_BODY: usize = 25 << 20;

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Read<Guard> {
    let from = reader.optional(fields, "from", |reader, node, path| {
        let fields = reader.fields(node, path, &FROM)?;
        let addresses = reader.required(&fields, "addresses", networks);
        let proxies = reader.optional(&fields, "proxies", networks);
        Ok((addresses?, proxies?.unwrap_or_default()))
    });
    let limit = reader.optional(fields, "bodyLimit", |reader, node, path| reader.formed(node, path, size));
    let rate = reader.optional(fields, "rate", |reader, node, path| reader.formed(node, path, rate));
    let (addresses, proxies) = from?.unwrap_or_default();
    Ok(Guard { addresses, proxies, body_limit: limit?, rate: rate? })
}

fn networks(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Vec<IpNet>> {
    reader.items(node, path, |reader, node, path| reader.formed(node, path, network))
}

fn network(text: &str) -> Result<IpNet, Misformed> {
    let network = text.parse().ok().or_else(|| text.parse::<IpAddr>().map(IpNet::from).ok());
    let wrong = |message: &str, right: String| Misformed { message: message.to_owned(), hint: Some(right) };
    let network: IpNet = network.ok_or_else(|| {
        wrong(
            "this is neither an address nor a network",
            "write `192.30.252.0/22` or `2001:db8::7`".to_owned(),
        )
    })?;
    if network.addr() == network.network() {
        return Ok(network);
    }
    Err(wrong(
        "the address has bits beyond the length of its network",
        format!("write `{}`", network.trunc()),
    ))
}

fn size(text: &str) -> Result<usize, Misformed> {
    let parsed = || {
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let number: usize = text[..digits].parse().ok()?;
        let unit = match &text[digits..] {
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            _ => return None,
        };
        number.checked_mul(unit).filter(|size| (SMALLEST_BODY..=LARGEST_BODY).contains(size))
    };
    parsed().ok_or_else(|| Misformed {
        message: format!("`{text}` is not the size of a body"),
        hint: Some("write 1KiB to 25MiB".to_owned()),
    })
}
