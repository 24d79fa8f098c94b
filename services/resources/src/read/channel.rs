//! `kind: Channel`.

use super::secret;
use crate::reader::{Keys, Read, Reader};
use crate::yaml::Node;
use crate::{Channel, ChannelKind, Delivery};

const SPEC: Keys = Keys {
    known: &["slack", "webhook", "delivery"],
    later: &[
        "discord",
        "teams",
        "telegram",
        "mattermost",
        "matrix",
        "email",
        "pagerduty",
        "ntfy",
        "github",
        "routing",
        "quietHours",
        "digest",
    ],
};
const KINDS: [&str; 2] = ["slack", "webhook"];
const SLACK: Keys = Keys { known: &["url"], later: &[] };
const WEBHOOK: Keys = Keys { known: &["url", "token"], later: &[] };
const DELIVERIES: [(&str, Delivery); 2] =
    [("at-least-once", Delivery::AtLeastOnce), ("at-most-once", Delivery::AtMostOnce)];

pub(super) fn read(reader: &mut Reader<'_>, name: &str, spec: &Node) -> Read<Channel> {
    let fields = reader.fields(spec, "spec", &SPEC)?;
    let kind = reader.one_of(&fields, &KINDS).and_then(|(kind, node)| {
        let path = fields.path(kind);
        match kind {
            "slack" => slack(reader, node, &path),
            _ => webhook(reader, node, &path),
        }
    });
    let delivery =
        reader.optional(&fields, "delivery", |reader, node, path| reader.choice(node, path, &DELIVERIES));
    Ok(Channel { name: name.to_owned(), kind: kind?, delivery: delivery?.unwrap_or_default() })
}

fn slack(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<ChannelKind> {
    let fields = reader.fields(node, path, &SLACK)?;
    let url = reader.required(&fields, "url", secret::read);
    Ok(ChannelKind::Slack { url: url? })
}

fn webhook(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<ChannelKind> {
    let fields = reader.fields(node, path, &WEBHOOK)?;
    let url = reader.required(&fields, "url", secret::read);
    let token = reader.optional(&fields, "token", secret::read);
    Ok(ChannelKind::Webhook { url: url?, token: token? })
}
