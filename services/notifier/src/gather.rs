//! What a message needs: the Channel in force, its secrets as they are now, and the message as the channel wants it.

use std::fmt;

use chassis::Failure;
use events::Envelope;
use events::payload::notification::Requested;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use resources::secret::SecretError;
use resources::{Catalog, Channel, ChannelKind, Delivery, SecretRef};
use serde::Serialize;
use thiserror::Error;

use crate::metrics::KindLabel;
use crate::{slack, webhook};

/// Stands for the id of a message in the URL that asks for it.
const ID: &str = "{id}";

/// Why a message cannot be sent.
#[derive(Debug, Error)]
pub(crate) enum Unsendable {
    /// Nobody declared the channel.
    #[error("there is no Channel `{name}`{}", known_channels(.known))]
    NoSuchChannel {
        /// What the message named.
        name: String,
        /// The channels that there are.
        known: Vec<String>,
    },
    /// A secret of the channel cannot be read now.
    #[error("the {what} of Channel `{channel}` cannot be read")]
    Secret {
        /// Which channel.
        channel: String,
        /// URL or token.
        what: &'static str,
        /// Why.
        #[source]
        source: SecretError,
    },
    /// A secret of the channel is not what it should be. It is not shown.
    #[error("the {what} of Channel `{channel}` is not {expected}")]
    NotA {
        /// Which channel.
        channel: String,
        /// URL or token.
        what: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// There is nothing to say.
    #[error("the message has neither a text nor a title")]
    Blank,
}

impl From<Unsendable> for Failure {
    fn from(why: Unsendable) -> Self {
        match why {
            // A secret can be mounted or rotated at any moment.
            Unsendable::Secret { .. } => Self::retry(why).effect_absent(),
            Unsendable::NoSuchChannel { .. } | Unsendable::NotA { .. } | Unsendable::Blank => {
                Self::reject(why).effect_absent()
            }
        }
    }
}

fn known_channels(names: &[String]) -> String {
    if names.is_empty() {
        ": none is declared".to_owned()
    } else {
        format!(": there are {}", names.join(", "))
    }
}

/// A message that is ready to be sent.
pub(crate) struct Letter {
    pub(crate) kind: KindLabel,
    pub(crate) delivery: Delivery,
    /// A secret.
    pub(crate) url: Url,
    /// With a secret in `authorization`.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Where to ask whether it arrived; a secret.
    pub(crate) ask: Option<Url>,
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter")
            .field("kind", &self.kind)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The Channel that the message is for.
pub(crate) fn channel<'a>(catalog: &'a Catalog, request: &Requested) -> Result<&'a Channel, Unsendable> {
    catalog.channels.get(&request.channel).ok_or_else(|| Unsendable::NoSuchChannel {
        name: request.channel.clone(),
        known: catalog.channels.keys().cloned().collect(),
    })
}

/// The message for that Channel.
pub(crate) fn letter(channel: &Channel, request: &Requested, event: &Envelope) -> Result<Letter, Unsendable> {
    let (url, headers, body, ask) = match &channel.kind {
        ChannelKind::Slack { url } => {
            let body = json(slack::render(request, event))?;
            (self::url(&channel.name, url)?, HeaderMap::new(), body, None)
        }
        ChannelKind::Webhook { url, token, ask } => {
            let body = json(webhook::render(request, event))?;
            let mut headers: HeaderMap = webhook::headers(event).into_iter().filter_map(header).collect();
            if let Some(token) = token {
                headers.insert(AUTHORIZATION, bearer(&channel.name, token)?);
            }
            let ask = ask.as_ref().map(|ask| self::ask(&channel.name, ask, event.id())).transpose()?;
            (self::url(&channel.name, url)?, headers, body, ask)
        }
    };
    let mut headers = headers;
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(Letter { kind: KindLabel::from(&channel.kind), delivery: channel.delivery, url, headers, body, ask })
}

fn json(payload: Option<impl Serialize>) -> Result<Vec<u8>, Unsendable> {
    let payload = payload.ok_or(Unsendable::Blank)?;
    Ok(serde_json::to_vec(&payload).expect("a payload is plain data with string keys"))
}

/// `events::http` writes printable ASCII under valid names, so that nothing is lost here.
fn header((name, value): (String, String)) -> Option<(HeaderName, HeaderValue)> {
    Some((name.parse().ok()?, value.parse().ok()?))
}

fn read(channel: &str, what: &'static str, secret: &SecretRef) -> Result<Vec<u8>, Unsendable> {
    let secret =
        secret.read().map_err(|source| Unsendable::Secret { channel: channel.to_owned(), what, source })?;
    Ok(secret.expose().to_vec())
}

fn url(channel: &str, secret: &SecretRef) -> Result<Url, Unsendable> {
    let text = read(channel, "URL", secret)?;
    let url = std::str::from_utf8(&text).ok().and_then(address);
    url.ok_or_else(|| Unsendable::NotA {
        channel: channel.to_owned(),
        what: "URL",
        expected: "a URL that begins with https:// or http://",
    })
}

/// The place to ask about one message. Without a place for the id, an endpoint would say "yes" of all alike.
fn ask(channel: &str, secret: &SecretRef, id: &str) -> Result<Url, Unsendable> {
    let text = read(channel, "URL to ask", secret)?;
    let template = std::str::from_utf8(&text).ok().filter(|text| text.contains(ID));
    let id = percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC).to_string();
    template.and_then(|template| address(&template.replace(ID, &id))).ok_or_else(|| Unsendable::NotA {
        channel: channel.to_owned(),
        what: "URL to ask",
        expected: "a URL that begins with https:// or http:// and has {id} where the id of the message belongs",
    })
}

fn address(text: &str) -> Option<Url> {
    Url::parse(text.trim()).ok().filter(|url| matches!(url.scheme(), "https" | "http"))
}

fn bearer(channel: &str, secret: &SecretRef) -> Result<HeaderValue, Unsendable> {
    let token = read(channel, "token", secret)?;
    let mut value = HeaderValue::from_bytes(&[b"Bearer ", token.trim_ascii()].concat())
        .ok()
        .filter(|value| value.as_bytes().is_ascii())
        .ok_or_else(|| Unsendable::NotA {
            channel: channel.to_owned(),
            what: "token",
            expected: "one line of printable ASCII",
        })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests;
