//! What is said of a message. Pure.

use events::payload::notification::{Failed, Requested, Sent};
use events::{Announcement, Payload};
use resources::ChannelKind;

/// The channel took the message.
pub(crate) fn sent(request: &Requested, kind: &ChannelKind, status: u16) -> Announcement {
    let sent = Sent { channel: request.channel.clone(), channel_kind: kind.name().to_owned(), status };
    about(request, &sent)
}

/// The message did not arrive, or it will never be known.
pub(crate) fn failed(
    request: &Requested,
    kind: Option<&ChannelKind>,
    reason: impl Into<String>,
) -> Announcement {
    let failed = Failed {
        channel: request.channel.clone(),
        channel_kind: kind.map(|kind| kind.name().to_owned()),
        reason: reason.into(),
    };
    about(request, &failed)
}

fn about(request: &Requested, payload: &impl Payload) -> Announcement {
    let announcement = Announcement::of(payload);
    let channel = request.channel.as_str();
    // A name that cannot be an attribute is no channel; that it failed is said all the same.
    if channel.is_empty() || events::validate::string("subject", channel).is_err() {
        announcement
    } else {
        announcement.subject(channel).partition_key(channel)
    }
}

#[cfg(test)]
mod tests {
    use events::payload::notification::{Requested, Severity};
    use events::{Envelope, Kind, derive};
    use resources::{ChannelKind, SecretRef};

    use super::{failed, sent};

    fn request(channel: &str) -> Requested {
        Requested {
            channel: channel.to_owned(),
            text: "hello".to_owned(),
            title: None,
            severity: Severity::Info,
            automation: None,
        }
    }

    #[test]
    fn both_are_about_the_channel() {
        let kind = ChannelKind::Slack { url: SecretRef::Env("URL".to_owned()) };
        let sent = sent(&request("team"), &kind, 200);
        assert_eq!((sent.kind, sent.subject.as_deref()), (Kind::NotificationSent, Some("team")));
        assert_eq!(sent.data, serde_json::json!({"channel": "team", "channel_kind": "slack", "status": 200}));
        let failed = failed(&request("team"), None, "no such channel");
        assert_eq!((failed.kind, failed.partition_key.as_deref()), (Kind::NotificationFailed, Some("team")));
        assert_eq!(failed.data, serde_json::json!({"channel": "team", "reason": "no such channel"}));
    }

    #[test]
    fn a_failure_can_be_announced_whatever_the_channel_was_called() {
        let parent = Envelope::builder("1", "/x", "y").build().expect("the event is valid");
        let now = "2026-09-01T10:00:00Z".parse().expect("a time");
        for name in ["", "\0", "\u{7}", &"x".repeat(100_000)] {
            let announcement = failed(&request(name), None, "no such channel");
            derive(&parent, "notifier", "failed", &announcement, now).expect("it can be said");
        }
    }
}
