//! The GitHub adapter: one webhook delivery is one event.
//!
//! Source of the rules: `cloudevents/adapters/github.md` of the CloudEvents specification.
//!
//! | attribute | value |
//! |---|---|
//! | `id` | the header `X-GitHub-Delivery`; a redelivery by hand keeps it, so it is the same event. Of a webhook ([`decode_of_hook`]): what the body says of the happening, where it says enough (below) |
//! | `type` | `com.github.` + the header `X-GitHub-Event` + (`.` + `action`, when the body has one) |
//! | `source` | `repository.url`; without a repository the first of `organization.url`, `installation.account.url`, `sender.url`, `https://api.github.com` |
//! | `subject` | by event: what it is about, see the table in `github/rules.rs` |
//! | `time` | by event: when the body says that it happened; absent when it does not say |
//! | `partitionkey` | `repository.full_name` |
//! | `githubdelivery` | the header `X-GitHub-Delivery`, where `id` is another |
//! | `datacontenttype`, data | `application/json` and the body, byte for byte |
//!
//! **One happening, two webhooks.** A webhook of the repository and one of its organisation or of an App each deliver the
//! same push, with different ids. What GitHub says to come from a webhook (the header `X-GitHub-Hook-ID`) has therefore an
//! id that is made (`UUIDv5`) of repository, ref, before, after and `pushed_at` for a push, and likewise for pull requests,
//! issues and their comments, reviews, releases, workflow runs and jobs, checks, deployments and statuses: the table is in
//! `github/identity.rs`. It has only what holds its own time or an id that GitHub gives once, so that the same change made
//! again (a branch forced to and fro) is another event; all else keeps the id of its delivery. What has no such header (a
//! relay, a test by hand) keeps it, too: its sender says what is one delivery.
//!
//! Where the adapter's document makes exceptions for single events, Signalbox keeps to the one rule, so that a type can
//! be told from GitHub's own documentation alone:
//!
//! - types: `issues.…` (adapter: `issue.…`), `installation_repositories.…` (`installation_repository.…`), `create` and
//!   `delete` (`create.<ref_type>`), `deployment.created` (`deployment`), `deployment_status.created`
//!   (`deployment_status.<state>`), `membership.…` (`membership.<scope>.…`), `github_app_authorization.revoked`
//!   (`github_app_authorization`), `status` (`status.`), `team_add` (`team_add.`);
//! - `source` is the repository also for comments, reviews, deployment statuses, and changes of repositories, and
//!   `https://api.github.com` for `security_advisory` (`github.com`);
//! - "current time" is left out: this crate has no clock, and `recordedtime` tells when the bus took the event.
//!
//! `repository.url` is taken as it is. In a `push` GitHub writes the address of the page there
//! (`https://github.com/…`), elsewhere that of the API (`https://api.github.com/repos/…`): to name a repository in a
//! rule use `partitionkey` or `data.repository.full_name`.

mod identity;
#[cfg(test)]
mod octokit;
mod rules;
#[cfg(test)]
mod tests;
pub mod view;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use thiserror::Error;

pub use view::{
    CheckRun, CheckSuite, Create, Delete, Deployment, DeploymentStatus, IssueComment, Package, Ping,
    PullRequest, Push, RegistryPackage, Release, RepositoryDispatch, View, ViewError, WorkflowRun,
};

use crate::raw::Members;
use crate::{Envelope, InvalidEnvelope, announcement, extension, validate};

/// What every type of a GitHub event begins with.
pub const TYPE_PREFIX: &str = "com.github.";

/// The source of an event that names neither a repository nor anybody.
const API: &str = "https://api.github.com";

/// Where a repository-less event may say where it comes from, in this order.
const SOURCES: [&str; 4] = ["repository.url", "organization.url", "installation.account.url", "sender.url"];

/// Why a delivery is not an event.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// The body is not a JSON object.
    #[error(
        "the body is not a JSON object (line {line}, column {column}); set the webhook's content type to application/json"
    )]
    InvalidBody {
        /// Counted from 1.
        line: usize,
        /// Counted from 1; 0 at the beginning of a line.
        column: usize,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// `X-GitHub-Event` is not the name of an event.
    #[error("X-GitHub-Event is {0:?}, which is not the name of an event (a-z, 0-9 and _)")]
    InvalidEvent(String),
    /// A value breaks a rule of CloudEvents, for example an empty `X-GitHub-Delivery`.
    #[error("the delivery does not make a valid CloudEvent")]
    Invalid(#[from] InvalidEnvelope),
}

/// Makes the event of a delivery. Pure: the same delivery always makes the same event.
///
/// `event` and `delivery` are the values of `X-GitHub-Event` and `X-GitHub-Delivery`. Check the signature first: it is
/// made over `body` alone.
///
/// ```
/// let body = br#"{"ref": "refs/heads/main", "repository": {"url": "https://github.com/acme/shop", "full_name": "acme/shop"}}"#;
/// let event = events::github::decode("push", "72d3162e-cc78-11e3-81ab-4c9367dc0958", body)?;
/// assert_eq!(event.ty(), "com.github.push");
/// assert_eq!(event.source(), "https://github.com/acme/shop");
/// assert_eq!(event.subject(), Some("refs/heads/main"));
/// assert_eq!(event.partition_key(), "acme/shop");
/// assert_eq!(event.body(), body);
/// # Ok::<(), events::github::DecodeError>(())
/// ```
pub fn decode(event: &str, delivery: &str, body: &[u8]) -> Result<Envelope, DecodeError> {
    make(event, delivery, body, false)
}

/// As [`decode`], of a delivery that one of GitHub's webhooks made (it has the header `X-GitHub-Hook-ID`): the same
/// happening, told by another webhook, is the same event.
///
/// ```
/// use events::github::decode_of_hook;
/// let push = |more: &str| format!(
///     r#"{{"ref": "refs/heads/main", "before": "a1", "after": "b2", "repository": {{"id": 7, "pushed_at": 1790000000}}{more}}}"#
/// );
/// let one = decode_of_hook("push", "72d3162e", push("").as_bytes())?;
/// let other = decode_of_hook("push", "9f0c11d4", push(r#", "installation": {"id": 12}"#).as_bytes())?;
/// assert_eq!(one.id(), other.id());
/// # Ok::<(), events::github::DecodeError>(())
/// ```
pub fn decode_of_hook(event: &str, delivery: &str, body: &[u8]) -> Result<Envelope, DecodeError> {
    make(event, delivery, body, true)
}

fn make(event: &str, delivery: &str, body: &[u8], of_hook: bool) -> Result<Envelope, DecodeError> {
    if event.is_empty() || !event.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
        return Err(DecodeError::InvalidEvent(event.to_owned()));
    }
    let members = Members::parse(body).map_err(|source| DecodeError::InvalidBody {
        line: source.line(),
        column: source.column(),
        source,
    })?;
    let text = |path: &str| members.at(path).and_then(text).filter(|text| !text.is_empty());
    let action = members.at("action").and_then(string).filter(|action| !action.is_empty());
    let ty = match &action {
        Some(action) => format!("{TYPE_PREFIX}{event}.{action}"),
        None => format!("{TYPE_PREFIX}{event}"),
    };
    let is_source = |url: &String| validate::uri_reference("source", url).is_ok();
    let source =
        SOURCES.iter().find_map(|path| text(path).filter(is_source)).unwrap_or_else(|| API.to_owned());
    let happening = if of_hook { identity::of(event, action.as_deref(), &members) } else { None };
    let id = happening.as_deref().unwrap_or(delivery);
    let trace = announcement::root_traceparent(&source, id);
    let mut builder = Envelope::builder(id, source, ty)
        .body("application/json", body)
        .extension(extension::TRACEPARENT, trace);
    if happening.is_some() {
        builder = builder.extension(extension::GITHUB_DELIVERY, delivery);
    }
    let is_subject = |subject: &String| validate::string("subject", subject).is_ok();
    if let Some(subject) = rules::subject(event).find_map(|path| text(&path).filter(is_subject)) {
        builder = builder.subject(subject);
    }
    let times = rules::times(event, action.as_deref());
    if let Some(time) = times.into_iter().find_map(|path| members.at(&path).and_then(time)) {
        builder = builder.time(time);
    }
    if let Some(name) = text("repository.full_name").filter(is_subject) {
        builder = builder.partition_key(name);
    }
    Ok(builder.build()?)
}

/// The types that GitHub is known to send, sorted: every event and action of Octokit's example payloads and schemas
/// (`@octokit/webhooks-examples` and `@octokit/webhooks-schemas` 7.6.1, MIT).
///
/// GitHub adds some from time to time, so an unknown type deserves a warning, not a refusal. `repository_dispatch` is
/// not in the list, its actions are the users' own: see [`is_known_type`].
///
/// ```
/// assert!(events::github::known_types().any(|ty| ty == "com.github.workflow_run.completed"));
/// ```
pub fn known_types() -> impl Iterator<Item = &'static str> {
    include_str!("github/types.txt").lines()
}

/// Whether GitHub is known to send a type.
///
/// ```
/// use events::github::is_known_type;
/// assert!(is_known_type("com.github.issues.closed"));
/// assert!(is_known_type("com.github.repository_dispatch.whatever-we-like"));
/// assert!(!is_known_type("com.github.issue.closed"));
/// ```
pub fn is_known_type(ty: &str) -> bool {
    ty.starts_with("com.github.repository_dispatch.") || known_types().any(|known| known == ty)
}

/// The JSON Schema of the typed view that fits a type of GitHub's; `None` when there is no view of it.
///
/// The schema is open: a body has members that it does not name.
///
/// ```
/// assert!(events::github::schema("com.github.workflow_run.completed").is_some());
/// assert!(events::github::schema("com.github.watch.started").is_none());
/// ```
pub fn schema(ty: &str) -> Option<&'static str> {
    view::schema(ty)
}

fn string(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

/// A string, or a number's digits: GitHub's ids are numbers.
fn text(value: &RawValue) -> Option<String> {
    let is_number = value.get().starts_with(|c: char| c == '-' || c.is_ascii_digit());
    if is_number { Some(value.get().to_owned()) } else { string(value) }
}

/// RFC 3339, or seconds since 1970: GitHub writes both, even for members of one name.
fn time(value: &RawValue) -> Option<DateTime<Utc>> {
    let time = match value.get().parse() {
        Ok(seconds) => DateTime::from_timestamp(seconds, 0)?,
        Err(_) => DateTime::parse_from_rfc3339(&string(value)?).ok()?.with_timezone(&Utc),
    };
    validate::time("time", time).is_ok().then_some(time)
}
