//! Gather: what GitHub says that it delivered.

use chrono::{DateTime, Utc};
use github::{Error, Fresh, Github, path};
use resources::source::Hook;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// As many as GitHub gives at once.
const PAGE: &str = "per_page=100";
/// How many pages are read for one sweep: some 50,000 deliveries, a tenth of the requests of an hour.
const PAGES: usize = 500;

/// One attempt at a delivery. All attempts at one have the same GUID.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Attempt {
    /// Of this attempt; above 2^53 by now.
    pub id: u64,
    /// Of the delivery.
    pub guid: String,
    /// When it was made.
    pub delivered_at: DateTime<Utc>,
    /// What was answered; 0 when nothing was.
    #[serde(default)]
    pub status_code: i64,
    /// The event, as in `X-GitHub-Event`.
    pub event: String,
    /// The `action` of its body.
    #[serde(default)]
    pub action: Option<String>,
}

impl Attempt {
    /// Whether somebody took it.
    pub fn is_taken(&self) -> bool {
        (200..300).contains(&self.status_code)
    }

    /// The type that its event has.
    pub fn event_type(&self) -> String {
        let (prefix, event) = (events::github::TYPE_PREFIX, &self.event);
        match self.action.as_deref().filter(|action| !action.is_empty()) {
            Some(action) => format!("{prefix}{event}.{action}"),
            None => format!("{prefix}{event}"),
        }
    }
}

/// The attempts since some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// In any order; some may be older.
    pub attempts: Vec<Attempt>,
    /// Whether something that is older than asked for was seen, or else the list came to its end before.
    pub reached: Reached,
}

/// How far back the list went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// To the time that was asked for.
    Time,
    /// To the end of what GitHub has.
    End,
    /// To neither: there is more than is read at once.
    Neither,
}

/// A delivery with what was sent.
#[derive(Deserialize)]
pub struct Delivery {
    request: Request,
}

#[derive(Deserialize)]
struct Request {
    headers: Option<BTreeMap<String, String>>,
    payload: Option<Box<RawValue>>,
}

impl Delivery {
    /// A header that was sent; their case does not matter.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.request.headers.iter().flatten();
        headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body that was sent: as JSON, for GitHub does not keep the bytes.
    pub fn payload(&self) -> Option<&str> {
        let text = self.request.payload.as_deref()?.get();
        // `null` and `""` stand for what is not kept.
        text.starts_with('{').then_some(text)
    }
}

/// The attempts that were made since `since`; `None` when the first page is the one that is known by its `ETag`.
pub async fn list(
    github: &Github,
    hook: &Hook,
    since: DateTime<Utc>,
    etag: &mut Option<String>,
) -> Result<Option<Listing>, Error> {
    let mut place = format!("{}?{PAGE}", deliveries(hook));
    let mut attempts: Vec<Attempt> = Vec::new();
    for page in 0..PAGES {
        let known = if page == 0 { etag.take() } else { None };
        let answer = match github.get(&place, known.as_deref()).await {
            Ok(Fresh::New(answer)) => answer,
            Ok(Fresh::Known) => {
                *etag = known;
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        if page == 0 {
            etag.clone_from(&answer.etag);
        }
        let mut found: Vec<Attempt> = answer.json()?;
        // The list is newest first, but nobody promises it: a page ends it that is older as a whole.
        let older = !found.is_empty() && found.iter().all(|attempt| attempt.delivered_at < since);
        attempts.append(&mut found);
        match answer.next {
            _ if older => return Ok(Some(Listing { attempts, reached: Reached::Time })),
            Some(next) => place = next,
            None => {
                let time = attempts.iter().any(|attempt| attempt.delivered_at < since);
                let reached = if time { Reached::Time } else { Reached::End };
                return Ok(Some(Listing { attempts, reached }));
            }
        }
    }
    Ok(Some(Listing { attempts, reached: Reached::Neither }))
}

/// What was sent with one attempt.
pub async fn fetch(github: &Github, hook: &Hook, id: u64) -> Result<Delivery, Error> {
    let place = format!("{}/{id}", deliveries(hook));
    // Without an `ETag` it is never known.
    match github.get(&place, None).await? {
        Fresh::New(answer) => answer.json(),
        Fresh::Known => Err(Error::Refused { what: place, status: 304, message: String::new() }),
    }
}

/// Where the deliveries of a webhook are.
pub fn deliveries(hook: &Hook) -> String {
    match hook {
        Hook::Repository { name, id } => {
            let (owner, name) = name.split_once('/').unwrap_or((name, ""));
            path(&["repos", owner, name, "hooks", &id.to_string(), "deliveries"])
        }
        Hook::Organization { login, id } => path(&["orgs", login, "hooks", &id.to_string(), "deliveries"]),
        Hook::App => path(&["app", "hook", "deliveries"]),
    }
}
