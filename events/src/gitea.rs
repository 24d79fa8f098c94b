//! The adapter of Gitea and Forgejo: one webhook delivery is one event, of the same type from both.
//!
//! | attribute | value |
//! |---|---|
//! | `id` | the header `X-Gitea-Delivery`; a delivery that is sent again by hand keeps it |
//! | `type` | `io.gitea.` + the header `X-Gitea-Event` + (`.` + `action`, when the body has one) |
//! | `source` | `repository.html_url`; without a repository the first of `package.html_url`, `organization.html_url`, `sender.html_url`, `/gitea` |
//! | `subject` | by event, see below |
//! | `time` | by event, see below; absent when the body does not say |
//! | `partitionkey` | `repository.full_name` |
//! | `datacontenttype`, data | `application/json` and the body, byte for byte |
//!
//! | event | type | subject | time |
//! |---|---|---|---|
//! | a push | `io.gitea.push` | `ref` | `head_commit.timestamp` |
//! | a branch or tag is made, or deleted | `io.gitea.create`, `io.gitea.delete` | `ref` | - |
//! | a release | `io.gitea.release.{published,updated,deleted}` | `release.tag_name` | `release.published_at` |
//! | a pull request | `io.gitea.pull_request.{opened,synchronized,closed,…}` | `pull_request.number` | `pull_request.updated_at` |
//! | an issue, a comment | `io.gitea.issues.…`, `io.gitea.issue_comment.…` | `issue.number` | `issue.updated_at`, `comment.updated_at` |
//! | a run or job of Actions (Gitea) | `io.gitea.workflow_run.…`, `io.gitea.workflow_job.…` | its `id` | its `updated_at`, `completed_at` |
//! | a run of Actions (Forgejo) | `io.gitea.action_run_{success,failure,recover}` | `run.id` | `run.stopped` |
//! | a package | `io.gitea.package.{created,deleted}` | `package.name` | `package.created_at` |
//!
//! Any other event becomes one too, by the same rules. Forgejo sends each header under its own name and under Gitea's.

#[cfg(test)]
mod tests;

use crate::Envelope;
use crate::raw::Members;
use crate::webhook::{DecodeError, first, invalid, members, time};

/// What every type of an event of Gitea or Forgejo begins with.
pub const TYPE_PREFIX: &str = "io.gitea.";

const SENDER: &str = "Gitea";
const SOURCES: [&str; 4] =
    ["repository.html_url", "package.html_url", "organization.html_url", "sender.html_url"];

/// A body of each of some events, by the value of `X-Gitea-Event`, in the shape of the documentation.
pub const SAMPLES: [(&str, &str); 6] = [
    ("create", include_str!("gitea/samples/create.json")),
    ("package", include_str!("gitea/samples/package.json")),
    ("pull_request", include_str!("gitea/samples/pull_request.json")),
    ("push", include_str!("gitea/samples/push.json")),
    ("release", include_str!("gitea/samples/release.json")),
    ("workflow_run", include_str!("gitea/samples/workflow_run.json")),
];

/// Makes the event of a delivery. Pure. `event` and `delivery` are the values of `X-Gitea-Event` and `X-Gitea-Delivery`.
///
/// ```
/// let body = br#"{"ref": "refs/heads/main", "repository": {"html_url": "https://git.example/acme/shop", "full_name": "acme/shop"}}"#;
/// let event = events::gitea::decode("push", "f6266f16", body)?;
/// assert_eq!((event.ty(), event.subject()), ("io.gitea.push", Some("refs/heads/main")));
/// # Ok::<(), events::webhook::DecodeError>(())
/// ```
pub fn decode(event: &str, delivery: &str, body: &[u8]) -> Result<Envelope, DecodeError> {
    if event.is_empty() || !event.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
        return Err(DecodeError::Event("X-Gitea-Event"));
    }
    let members = members(SENDER, body)?;
    let mut ty = format!("{TYPE_PREFIX}{event}");
    if let Some(action) = first(&members, &["action"]) {
        ty.push('.');
        ty.push_str(&action);
    }
    let source = first(&members, &SOURCES).unwrap_or_else(|| "/gitea".to_owned());
    let mut builder = Envelope::builder(delivery, source, ty).body("application/json", body);
    if let Some(subject) = subject(event, &members) {
        builder = builder.subject(subject);
    }
    if let Some(time) = time(&members, times(event)) {
        builder = builder.time(time);
    }
    if let Some(repository) = first(&members, &["repository.full_name"]) {
        builder = builder.partition_key(repository);
    }
    builder.build().map_err(invalid(SENDER))
}

fn subject(event: &str, members: &Members<'_>) -> Option<String> {
    let paths: &[&str] = match event {
        "push" | "create" | "delete" => &["ref"],
        "release" => &["release.tag_name"],
        "package" => &["package.name"],
        "issues" | "issue_comment" => &["issue.number"],
        _ if event.starts_with("pull_request") => &["pull_request.number", "issue.number"],
        _ if event.starts_with("action_run") => &["run.id"],
        _ => return first(members, &[&format!("{event}.id")]),
    };
    first(members, paths)
}

fn times(event: &str) -> &'static [&'static str] {
    match event {
        "push" => &["head_commit.timestamp"],
        "release" => &["release.published_at", "release.created_at"],
        "package" => &["package.created_at"],
        "issues" => &["issue.updated_at"],
        "issue_comment" => &["comment.updated_at"],
        "workflow_run" => {
            &["workflow_run.updated_at", "workflow_run.completed_at", "workflow_run.started_at"]
        }
        "workflow_job" => &["workflow_job.completed_at", "workflow_job.started_at"],
        _ if event.starts_with("pull_request") => &["pull_request.updated_at"],
        _ if event.starts_with("action_run") => &["run.stopped", "run.started"],
        _ => &[],
    }
}
