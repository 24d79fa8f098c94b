//! The adapter of GitLab: one webhook delivery is one event.
//!
//! Source of the rules: `cloudevents/adapters/gitlab.md` of the CloudEvents specification.
//!
//! | attribute | value |
//! |---|---|
//! | `id` | the header `Idempotency-Key` (GitLab 17.4 and newer), which a retry keeps; before, `UUIDv5` of `X-Gitlab-Event-UUID` and the body |
//! | `type` | `com.gitlab.` + `object_kind` + what became of it, see below |
//! | `source` | `project.web_url`; without a project the first of `repository.homepage`, `group.web_url`, `/gitlab` |
//! | `subject` | by event, see below |
//! | `time` | by event, see below; absent when the body does not say |
//! | `partitionkey` | `project.path_with_namespace` |
//! | `datacontenttype`, data | `application/json` and the body, byte for byte |
//!
//! | event | type | subject | time |
//! |---|---|---|---|
//! | a push | `com.gitlab.push` | `ref` | - |
//! | a tag | `com.gitlab.tag_push` | `ref` | - |
//! | a merge request | `com.gitlab.merge_request.<object_attributes.action>` | `object_attributes.iid` | `object_attributes.updated_at` |
//! | an issue | `com.gitlab.issue.<object_attributes.state>` | `object_attributes.iid` | `object_attributes.updated_at` |
//! | a comment | `com.gitlab.note.<commit, merge_request, issue or snippet>` | `object_attributes.id` | `object_attributes.created_at` |
//! | a pipeline | `com.gitlab.pipeline.<object_attributes.status>` | `object_attributes.id` | `object_attributes.finished_at`, or `created_at` |
//! | a job | `com.gitlab.job.<build_status>` | `build_id` | `build_finished_at`, or its start |
//! | a release | `com.gitlab.release.<action>` | `tag` | `released_at`, or `created_at` |
//! | a deployment | `com.gitlab.deployment.<status>` | `deployment_id` | `status_changed_at` |
//! | a wiki page | `com.gitlab.wiki_page.<object_attributes.action>` | `object_attributes.slug` | - |
//!
//! Where the adapter's document says otherwise: it makes a new id for every delivery, so that a retry would be another
//! event; the subject of a push is there the commit, which a deleted branch has none of; and `source` of a comment is there
//! the page of what it is about. GitLab has no webhook about packages. Any other event becomes one too, by the same rules.

#[cfg(test)]
mod tests;

use uuid::Uuid;

use crate::Envelope;
use crate::raw::Members;
use crate::webhook::{DecodeError, first, invalid, members, time};

/// What every type of an event of GitLab begins with.
pub const TYPE_PREFIX: &str = "com.gitlab.";

const SENDER: &str = "GitLab";
const SOURCES: [&str; 3] = ["project.web_url", "repository.homepage", "group.web_url"];
/// The namespace of the ids of deliveries without a key (RFC 9562 version 5). Chosen once; changing it would make every
/// delivery new.
const NAMESPACE: Uuid = Uuid::from_u128(0x51d8_0f7a_93c4_5b0e_8c62_27e5_d1a9_4b36);

/// A body of each of some events, by `object_kind`, in the shape of the documentation.
pub const SAMPLES: [(&str, &str); 5] = [
    ("merge_request", include_str!("gitlab/samples/merge_request.json")),
    ("pipeline", include_str!("gitlab/samples/pipeline.json")),
    ("push", include_str!("gitlab/samples/push.json")),
    ("release", include_str!("gitlab/samples/release.json")),
    ("tag_push", include_str!("gitlab/samples/tag_push.json")),
];

/// What tells two deliveries apart.
#[derive(Debug, Clone, Copy, Default)]
pub struct Delivery<'a> {
    /// The header `Idempotency-Key`.
    pub idempotency_key: Option<&'a str>,
    /// The header `X-Gitlab-Event-UUID`.
    pub event_uuid: Option<&'a str>,
}

/// Makes the event of a delivery. Pure.
///
/// ```
/// use events::gitlab::{Delivery, decode};
/// let body = br#"{"object_kind": "tag_push", "ref": "refs/tags/v1", "project": {"web_url": "https://gitlab.example/acme/shop"}}"#;
/// let event = decode(Delivery { idempotency_key: Some("f5e5f430"), ..Delivery::default() }, body)?;
/// assert_eq!((event.ty(), event.subject(), event.id()), ("com.gitlab.tag_push", Some("refs/tags/v1"), "f5e5f430"));
/// # Ok::<(), events::webhook::DecodeError>(())
/// ```
pub fn decode(delivery: Delivery<'_>, body: &[u8]) -> Result<Envelope, DecodeError> {
    let members = members(SENDER, body)?;
    let kind = first(&members, &["object_kind", "event_name"]).ok_or(DecodeError::Kind { sender: SENDER })?;
    let id = delivery.idempotency_key.map_or_else(
        || {
            let name = [delivery.event_uuid.unwrap_or_default().as_bytes(), b" ", body].concat();
            Uuid::new_v5(&NAMESPACE, &name).to_string()
        },
        str::to_owned,
    );
    let source = first(&members, &SOURCES).unwrap_or_else(|| "/gitlab".to_owned());
    let mut builder = Envelope::builder(id, source, ty(&kind, &members)).body("application/json", body);
    if let Some(subject) = first(&members, subjects(&kind)) {
        builder = builder.subject(subject);
    }
    if let Some(time) = time(&members, times(&kind)) {
        builder = builder.time(time);
    }
    if let Some(project) = first(&members, &["project.path_with_namespace"]) {
        builder = builder.partition_key(project);
    }
    builder.build().map_err(invalid(SENDER))
}

fn ty(kind: &str, members: &Members<'_>) -> String {
    let (name, paths): (&str, &[&str]) = match kind {
        "push" | "tag_push" => (kind, &[]),
        "issue" => (kind, &["object_attributes.state"]),
        "note" => (kind, &["object_attributes.noteable_type"]),
        "pipeline" => (kind, &["object_attributes.status"]),
        "build" => ("job", &["build_status"]),
        "deployment" => (kind, &["status"]),
        _ => (kind, &["object_attributes.action", "action"]),
    };
    match first(members, paths) {
        Some(became) => format!("{TYPE_PREFIX}{name}.{}", snake(&became)),
        None => format!("{TYPE_PREFIX}{name}"),
    }
}

/// `MergeRequest` is `merge_request`.
fn snake(text: &str) -> String {
    let mut snake = String::new();
    for c in text.chars() {
        if c.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

fn subjects(kind: &str) -> &'static [&'static str] {
    match kind {
        "push" | "tag_push" => &["ref"],
        "merge_request" | "issue" | "work_item" => &["object_attributes.iid"],
        "wiki_page" => &["object_attributes.slug"],
        "build" => &["build_id"],
        "release" => &["tag"],
        "deployment" => &["deployment_id"],
        _ => &["object_attributes.id", "id"],
    }
}

fn times(kind: &str) -> &'static [&'static str] {
    match kind {
        "merge_request" | "issue" | "work_item" => &["object_attributes.updated_at"],
        "note" => &["object_attributes.created_at"],
        "pipeline" => &["object_attributes.finished_at", "object_attributes.created_at"],
        "build" => &["build_finished_at_iso", "build_finished_at", "build_started_at", "build_created_at"],
        "release" => &["released_at", "created_at"],
        "deployment" => &["status_changed_at"],
        _ => &[],
    }
}
