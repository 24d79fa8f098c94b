//! What an event of GitHub is about, and when it happened.

/// Event, where its subject is, and where its time is; of several places the first that holds something counts.
/// `{action}` stands for the action.
///
/// The first part is the table of the adapter's document, but for the places marked with a reason.
pub(super) type Rule = (&'static str, &'static [&'static str], &'static [&'static str]);

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    ("check_run", &["check_run.id"], &["check_run.completed_at", "check_run.started_at"]),
    ("check_suite", &["check_suite.id"], &["check_suite.updated_at"]),
    ("commit_comment", &["comment.id"], &["comment.updated_at"]),
    ("content_reference", &["content_reference.id"], &[]),
    ("create", &["ref"], &[]),
    ("delete", &["ref"], &[]),
    ("deploy_key", &["key.id"], &["key.deleted_at", "key.created_at"]),
    ("deployment", &["deployment.id"], &["deployment.updated_at"]),
    ("deployment_status", &["deployment_status.url"], &["deployment_status.updated_at"]),
    ("fork", &["forkee.url"], &["forkee.created_at"]),
    ("github_app_authorization", &[], &[]),
    ("gollum", &[], &[]),
    ("installation", &["installation.id"], &["installation.updated_at"]),
    ("installation_repositories", &["installation.id"], &["installation.updated_at"]),
    ("issue_comment", &["comment.id"], &["comment.updated_at"]),
    ("issues", &["issue.number"], &["issue.updated_at"]),
    ("label", &["label.name"], &[]),
    ("marketplace_purchase", &["marketplace_purchase.account.login"], &["effective_date"]),
    ("member", &["member.login"], &[]),
    ("membership", &["member.login"], &[]),
    ("meta", &["hook_id"], &["hook.updated_at"]),
    ("milestone", &["milestone.number"], &["milestone.updated_at"]),
    ("organization", &["membership.user.login"], &[]),
    ("org_block", &["blocked_user.login"], &[]),
    // The document says `pusher.updated_at`, which is when the user last changed.
    ("page_build", &["build.url"], &["build.updated_at"]),
    ("project", &["project.id"], &["project.updated_at"]),
    ("project_card", &["project_card.id"], &["project_card.updated_at"]),
    ("project_column", &["project_column.id"], &["project_column.updated_at"]),
    ("public", &["repository.name"], &["repository.updated_at"]),
    ("pull_request", &["number"], &["pull_request.updated_at"]),
    ("pull_request_review", &["review.id"], &["review.submitted_at"]),
    ("pull_request_review_comment", &["comment.id"], &["pull_request.updated_at"]),
    // The document says "current time"; a push tells when the repository took it.
    ("push", &["ref"], &["repository.pushed_at"]),
    ("registry_package", &["registry_package.html_url"], &["registry_package.updated_at"]),
    // "`release.*_at` based on action": edited, deleted and the like have none of their own.
    ("release", &["release.id"], &["release.{action}_at", "release.published_at", "release.created_at"]),
    ("repository", &["repository.name"], &["repository.updated_at"]),
    ("repository_import", &["repository.name"], &["repository.updated_at"]),
    ("repository_vulnerability_alert", &["alert.id"], &[]),
    ("security_advisory", &["security_advisory.ghsa_id"], &["security_advisory.updated_at"]),
    ("star", &[], &["starred_at"]),
    ("status", &["sha"], &["updated_at"]),
    ("team", &["team.id"], &["team.updated_at", "updated_at"]),
    ("team_add", &["team.id"], &[]),
    ("watch", &[], &[]),

    // What the document does not list and the fall-back would miss.
    ("branch_protection_rule", &["rule.id"], &["rule.updated_at"]),
    ("code_scanning_alert", &["alert.number"], &["alert.updated_at", "alert.created_at"]),
    ("custom_property", &["definition.property_name"], &[]),
    ("dependabot_alert", &["alert.number"], &["alert.updated_at"]),
    ("deployment_protection_rule", &["deployment.id"], &["deployment.updated_at"]),
    ("deployment_review", &["workflow_run.id"], &["since", "workflow_run.updated_at"]),
    ("discussion", &["discussion.number"], &["discussion.updated_at"]),
    ("discussion_comment", &["comment.id"], &["comment.updated_at"]),
    ("merge_group", &["merge_group.head_sha"], &[]),
    ("ping", &["hook_id"], &["hook.updated_at"]),
    ("pull_request_review_thread", &["thread.node_id"], &["updated_at", "pull_request.updated_at"]),
    ("repository_dispatch", &["branch"], &[]),
    ("secret_scanning_alert", &["alert.number"], &["alert.updated_at", "alert.created_at"]),
    ("secret_scanning_alert_location", &["alert.number"], &[]),
    ("sponsorship", &["sponsorship.node_id"], &["sponsorship.created_at"]),
    ("workflow_dispatch", &["ref"], &[]),
    ("workflow_job", &["workflow_job.id"], &["workflow_job.completed_at", "workflow_job.started_at"]),
];

fn rule(event: &str) -> Option<&'static Rule> {
    RULES.iter().find(|(name, _, _)| *name == event)
}

/// The places where an event's subject may be. An event without a rule, one that GitHub added since, is about the
/// object of its own name, as most are.
pub(super) fn subject(event: &str) -> impl Iterator<Item = String> {
    match rule(event) {
        Some((_, subject, _)) => subject.iter().map(|&path| path.to_owned()).collect::<Vec<_>>(),
        None => ["id", "number", "node_id"].iter().map(|member| format!("{event}.{member}")).collect(),
    }
    .into_iter()
}

/// The places where an event's time may be.
pub(super) fn times(event: &str, action: Option<&str>) -> Vec<String> {
    match rule(event) {
        Some((_, _, times)) => {
            times.iter().map(|path| path.replace("{action}", action.unwrap_or_default())).collect()
        }
        None => ["updated_at", "created_at"].iter().map(|member| format!("{event}.{member}")).collect(),
    }
}
