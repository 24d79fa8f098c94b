//! Events of GitHub, by the views that there are.

use events::Envelope;
use events::github::{Ping, PullRequest, Push, Release, View as _, WorkflowRun};

use super::LINE;
use crate::line::{self, short};

/// The essential; `None` when there is no view of it, or it lacks what the view needs.
pub(super) fn essence(event: &Envelope) -> Option<String> {
    let essence = if WorkflowRun::fits(event.ty()) {
        run(&WorkflowRun::of(event).ok()?)
    } else if Push::fits(event.ty()) {
        push(&Push::of(event).ok()?)
    } else if PullRequest::fits(event.ty()) {
        let PullRequest { number, pull_request, repository, sender, .. } = PullRequest::of(event).ok()?;
        format!("{}#{number} by {}: {}", repository.full_name, sender.login, pull_request.title)
    } else if Release::fits(event.ty()) {
        let Release { release, repository, .. } = Release::of(event).ok()?;
        format!("{} {}", repository.full_name, release.tag_name)
    } else if Ping::fits(event.ty()) {
        let repository = Ping::of(event).ok()?.repository;
        format!(
            "the webhook of {} works",
            repository.map_or_else(|| "GitHub".to_owned(), |repository| repository.full_name)
        )
    } else {
        return None;
    };
    Some(line::of(&essence, LINE))
}

fn run(WorkflowRun { action: _, workflow_run, repository, sender: _ }: &WorkflowRun) -> String {
    let name = workflow_run.name.as_deref().unwrap_or("workflow");
    let branch = workflow_run.head_branch.as_deref().unwrap_or("(no branch)");
    let state = workflow_run.conclusion.as_deref().unwrap_or(&workflow_run.status);
    let (number, sha) = (workflow_run.run_number, short(&workflow_run.head_sha));
    format!("{}: {name} #{number} of {branch} at {sha}: {state}", repository.full_name)
}

fn push(push: &Push) -> String {
    let branch = push.r#ref.trim_start_matches("refs/heads/").trim_start_matches("refs/");
    let repository = &push.repository.full_name;
    match &push.head_commit {
        Some(head) if !push.deleted => {
            format!(
                "{repository}: {branch} is at {}: {}",
                short(&push.after),
                line::first(&head.message, LINE)
            )
        }
        Some(_) | None if push.deleted => format!("{repository}: {branch} is gone"),
        Some(_) | None => format!("{repository}: {branch} is at {}", short(&push.after)),
    }
}
