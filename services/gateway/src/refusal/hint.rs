//! What would be right.

use chassis::PublishError;

use super::{MediaType, Refusal};

impl Refusal {
    /// What would be right.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::NoSuchAddress => "post to /hooks/<name of a Source>",
            Self::NoSuchSource => "the last part of the address must be the metadata.name of a Source",
            Self::Retired => "stop sending here; ask whoever runs this where the events should go now",
            Self::NotPost => "send the event with POST",
            Self::NoHandshake => {
                "send the event with POST; for senders that insist on the handshake, list their names in `origins` of the Source"
            }
            Self::TooManyEvents { .. } => "send it in several batches",
            Self::TooLarge { .. } | Self::NotStored(PublishError::TooLarge { .. }) => {
                "send less at once; for Alertmanager, set max_alerts in the webhook_config"
            }
            Self::MediaType(MediaType::Form) => {
                "in the settings of the webhook, choose the content type application/json"
            }
            Self::MediaType(MediaType::Absent | MediaType::Other) => {
                "send JSON with the header Content-Type: application/json"
            }
            Self::MediaType(MediaType::Encoded) => "send the body without Content-Encoding",
            Self::TooSlow { .. } => "send the whole body at once, over a faster line",
            Self::BrokenOff(_) => "send the whole body",
            Self::Unproven(unproven) => unproven.hint(),
            Self::NoWebhook(_) => {
                "send the webhook as this kind of source makes it: the whole body, and its headers"
            }
            Self::NotJson(_) => "send the whole body, as one JSON document in UTF-8",
            Self::Unmappable(_) => {
                "mend the expression of the Source, with has(…) for what may be absent, and send it again"
            }
            Self::BadHeader { .. } => "send the header once, in the form that its specification gives it",
            Self::NoDelivery(_) => "send the body as GitHub makes it: one JSON object in UTF-8",
            Self::NoNotification(_) => {
                "send the body as the webhook of Alertmanager makes it (version 4): leave `payload` of the webhook_config unset"
            }
            Self::NoCloudEvent(_) => {
                "send CloudEvents 1.0 over HTTP: binary, application/cloudevents+json or application/cloudevents-batch+json"
            }
            Self::Claim(claim) => claim.hint(),
            Self::Place { .. } => {
                "add the address to `from.addresses` of the Source or, if it is that of a proxy, to `from.proxies`"
            }
            Self::Origin(_) => "add it to `origins` of the Source; case does not matter",
            Self::TooOften { .. } => "wait as long as Retry-After says; `rate` of the Source is the limit",
            Self::Foreign(_) => {
                "add it to `repositories` (GitLab: `projects`) of the Source, or remove the webhook"
            }
            Self::Overloaded | Self::SecretUnreadable | Self::NotStored(_) | Self::NotStoredInTime { .. } => {
                "nothing is wrong with the request: send it again"
            }
        }
    }
}
