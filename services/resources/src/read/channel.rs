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
const WEBHOOK: Keys = Keys { known: &["url", "token", "ask"], later: &[] };
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
    let (kind, delivery) = (kind?, delivery?);
    if matches!(kind, ChannelKind::Webhook { ask: Some(_), .. }) && delivery.is_some() {
        let at = fields.get("delivery").map_or(fields.at, |node| node.at);
        let message =
            "`spec.delivery` means nothing here: whether a message arrived is asked at `spec.webhook.ask`";
        reader.warning(at, message, Some("leave one of the two away".to_owned()));
    }
    Ok(Channel { name: name.to_owned(), kind, delivery: delivery.unwrap_or_default() })
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
    let ask = reader.optional(&fields, "ask", secret::read);
    Ok(ChannelKind::Webhook { url: url?, token: token?, ask: ask? })
}
