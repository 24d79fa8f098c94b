//! Typed views of the events that automations use most: the members that they look at, all others ignored.
//!
//! A view is not the payload: the event's body stays what GitHub sent. Its JSON Schema says which members a rule can
//! name with confidence.

pub mod check_run;
pub mod check_suite;
pub mod create;
pub mod delete;
pub mod deployment;
pub mod deployment_status;
pub mod issue_comment;
pub mod package;
pub mod ping;
pub mod pull_request;
pub mod push;
pub mod release;
pub mod repository_dispatch;
pub mod workflow_run;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use check_run::CheckRun;
pub use check_suite::CheckSuite;
pub use create::Create;
pub use delete::Delete;
pub use deployment::{Deployment, DeploymentDetail};
pub use deployment_status::DeploymentStatus;
pub use issue_comment::IssueComment;
pub use package::{Package, RegistryPackage};
pub use ping::Ping;
pub use pull_request::{Label, PullRequest};
pub use push::Push;
pub use release::Release;
pub use repository_dispatch::RepositoryDispatch;
pub use workflow_run::{PullRequestRef, WorkflowRun};

use super::TYPE_PREFIX;
use crate::Envelope;

/// A typed view of one event of GitHub, whatever its action.
pub trait View: Serialize + DeserializeOwned + JsonSchema {
    /// The value of `X-GitHub-Event`.
    const EVENT: &'static str;
    /// JSON Schema (2020-12) of the view, as committed in `events/schemas/`. Open: GitHub sends more than it names.
    const SCHEMA: &'static str;

    /// Whether a type is this event's, with any action.
    fn fits(ty: &str) -> bool {
        ty.strip_prefix(TYPE_PREFIX)
            .and_then(|ty| ty.strip_prefix(Self::EVENT))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// Looks at an event.
    fn of(envelope: &Envelope) -> Result<Self, ViewError> {
        if !Self::fits(envelope.ty()) {
            return Err(ViewError::Type { event: Self::EVENT, ty: envelope.ty().to_owned() });
        }
        Ok(envelope.typed()?)
    }
}

/// Why an event cannot be looked at.
#[derive(Debug, Error)]
pub enum ViewError {
    /// It is of another type.
    #[error("{ty} is not a {event} of GitHub")]
    Type {
        /// What the view is of.
        event: &'static str,
        /// What the event is.
        ty: String,
    },
    /// Its body lacks a member of the view, or has it in another type.
    #[error("the body does not have what this event of GitHub always has")]
    Body(#[from] serde_json::Error),
}

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Repository {
    /// Unique within GitHub, and kept when it is renamed.
    pub id: u64,
    /// Name without the owner.
    pub name: String,
    /// `<owner>/<name>`.
    pub full_name: String,
    /// Whether it is private.
    pub private: bool,
    /// Its page.
    pub html_url: String,
    /// Its main branch; absent where GitHub shortens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_branch: Option<String>,
}

/// A user, or a bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    /// The name that people see.
    pub login: String,
    /// `User`, `Bot` or `Organization`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
}

/// A GitHub App.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct App {
    /// Its name in addresses: `github-actions`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// Its name.
    pub name: String,
}

macro_rules! views {
    ($($view:ident = $event:literal),+ $(,)?) => {
        $(
            impl View for $view {
                const EVENT: &'static str = $event;
                const SCHEMA: &'static str = include_str!(concat!("../../schemas/com.github.", $event, ".json"));
            }
        )+

        /// The JSON Schema of the view that fits a type, if there is one.
        pub(super) fn schema(ty: &str) -> Option<&'static str> {
            $(
                if $view::fits(ty) {
                    return Some($view::SCHEMA);
                }
            )+
            None
        }

        /// For the tests of the catalogue: each view's event, its committed schema, its schema made anew, and what
        /// the view leaves of a body.
        #[cfg(test)]
        pub(crate) fn all() -> Vec<(&'static str, &'static str, serde_json::Value, crate::catalogue::Reread)> {
            vec![$((
                $event,
                $view::SCHEMA,
                crate::catalogue::schema_of::<$view>(concat!("com.github.", $event)),
                |body| serde_json::to_value(serde_json::from_slice::<$view>(body)?),
            )),+]
        }
    };
}
views! {
    WorkflowRun = "workflow_run",
    Push = "push",
    PullRequest = "pull_request",
    Release = "release",
    Create = "create",
    Delete = "delete",
    CheckRun = "check_run",
    CheckSuite = "check_suite",
    Deployment = "deployment",
    DeploymentStatus = "deployment_status",
    Package = "package",
    RegistryPackage = "registry_package",
    IssueComment = "issue_comment",
    RepositoryDispatch = "repository_dispatch",
    Ping = "ping",
}
