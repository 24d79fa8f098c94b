//! Which deliveries tell of one happening, though they have different ids.
//!
//! Two webhooks that see the same push (of the repository, of its organisation, of an App) each deliver it with an id of
//! their own. Where the body itself says which happening it is, the id is made of that, so the second delivery is the same
//! event; elsewhere it is the id of the delivery.
//!
//! What tells a happening apart has to hold its time, or an id that GitHub gives only once: a branch that is forced to
//! and fro has the same `before` and `after` again, but another `pushed_at`, and an issue that is closed twice another
//! `updated_at`. So what has neither (`create`, `watch`, `repository_dispatch`, `workflow_dispatch`, a check that is asked
//! for again, …) keeps the id of its delivery: an event twice is a nuisance, one that is swallowed is a loss.

use uuid::Uuid;

use crate::raw::Members;

/// The namespace of the ids (RFC 9562 version 5). Chosen once; changing it would make every happening new.
const NAMESPACE: Uuid = Uuid::from_u128(0x5e83_d1c6_94b7_5f02_ae61_3c7d_08f9_b245);

/// Event; its actions, of which none means that it has no action; what has to be in the body, and what may be there.
type Rule = (&'static str, &'static [&'static str], &'static [&'static str], &'static [&'static str]);

/// The changes of an issue or pull request that GitHub counts as an update of it.
const CHANGES: &[&str] = &[
    "opened",
    "closed",
    "reopened",
    "edited",
    "synchronize",
    "labeled",
    "unlabeled",
    "assigned",
    "unassigned",
];

#[rustfmt::skip]
const RULES: &[Rule] = &[
    ("push", &[], &["repository.id", "ref", "before", "after", "repository.pushed_at"], &[]),
    ("pull_request", CHANGES, &["pull_request.id", "pull_request.updated_at", "pull_request.head.sha"], &["label.id", "assignee.id", "changes"]),
    ("issues", CHANGES, &["issue.id", "issue.updated_at"], &["label.id", "assignee.id", "changes"]),
    ("issue_comment", &["created", "edited", "deleted"], &["comment.id", "comment.updated_at"], &["changes"]),
    ("pull_request_review", &["submitted"], &["review.id", "review.submitted_at"], &[]),
    ("release", &["published", "released", "prereleased"], &["release.id", "release.published_at"], &[]),
    ("workflow_run", &["requested", "in_progress", "completed"], &["workflow_run.id", "workflow_run.run_attempt", "workflow_run.updated_at"], &[]),
    // Each attempt has jobs of its own.
    ("workflow_job", &["queued", "in_progress", "completed"], &["workflow_job.id"], &["workflow_job.started_at", "workflow_job.completed_at"]),
    ("check_run", &["created", "completed"], &["check_run.id", "check_run.started_at"], &["check_run.completed_at"]),
    ("check_suite", &["completed"], &["check_suite.id", "check_suite.updated_at"], &[]),
    ("deployment", &["created"], &["deployment.id"], &[]),
    ("deployment_status", &["created"], &["deployment_status.id"], &[]),
    ("status", &[], &["id"], &[]),
];

/// The id of the happening that a body tells of; `None` when it does not say enough.
pub(super) fn of(event: &str, action: Option<&str>, members: &Members<'_>) -> Option<String> {
    let (_, actions, required, optional) = RULES.iter().find(|(name, ..)| *name == event)?;
    match action {
        Some(action) => actions.contains(&action).then_some(())?,
        None => actions.is_empty().then_some(())?,
    }
    // As it is written: the texts of JSON cannot run into each other.
    let mut name = format!("{event} {}", action.unwrap_or_default());
    for path in *required {
        let value = members.at(path)?.get();
        if value == "null" || value == "\"\"" {
            return None;
        }
        name = name + "\n" + value;
    }
    for path in *optional {
        name = name + "\n" + members.at(path).map_or("", |value| value.get());
    }
    Some(Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string())
}

#[cfg(test)]
mod tests;
