//! A deploy: asked for, begun, ended.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Family, Kind, Payload};

/// An App should run another image in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Requested {
    /// `metadata.name` of the App.
    pub app: String,
    /// Name of one of its environments.
    pub environment: String,
    /// What to run.
    pub image: Image,
    /// The Automation that asked, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automation: Option<String>,
}

/// Which image; at least one of the two is present.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Image {
    /// An image tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// A digest, `sha256:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.tag, &self.digest) {
            (Some(tag), Some(digest)) => write!(f, "{tag}@{digest}"),
            (Some(tag), None) => f.write_str(tag),
            (None, Some(digest)) => f.write_str(digest),
            (None, None) => f.write_str("(no image)"),
        }
    }
}

/// The deployer has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Started {
    /// `metadata.name` of the App.
    pub app: String,
    /// Name of the environment.
    pub environment: String,
    /// What it will run.
    pub image: Image,
    /// What the values file named before, if it named any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Image>,
}

/// The wanted image runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Succeeded {
    /// `metadata.name` of the App.
    pub app: String,
    /// Name of the environment.
    pub environment: String,
    /// What runs.
    pub image: Image,
    /// The commit in the GitOps repository that says so.
    pub commit: String,
    /// Whether a commit was needed: false when the repository already named the image.
    pub changed: bool,
    /// How it was verified.
    pub verified: Verified,
}

/// How far a success was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verified {
    /// By the safe rule: Argo CD synced our commit and is healthy, and the running pods have the image.
    Running {
        /// The Argo CD Application.
        application: String,
        /// The revision that Argo CD synced.
        revision: String,
        /// How many pods run the image.
        pods: u32,
    },
    /// The environment names no Argo CD Application: the commit is on the branch, and nothing else was looked at.
    CommitOnly,
}

/// The deploy ended without the wanted image running.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failed {
    /// `metadata.name` of the App.
    pub app: String,
    /// Name of the environment.
    pub environment: String,
    /// What should have run.
    pub image: Image,
    /// The commit in the GitOps repository, if it came that far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Where it ended.
    pub step: Step,
    /// Why, for people, for example a pod's waiting reason and message.
    pub reason: String,
}

/// The steps of a deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Finding the App, the environment and the file.
    Plan,
    /// Editing, committing, pushing.
    Commit,
    /// Argo CD taking the commit.
    Sync,
    /// Pods getting ready with the image.
    Rollout,
}

impl Payload for Requested {
    const FAMILY: Family = Family::DeployRequested;
    const SAID_BY: &'static str = "automator";
    const HEARD_BY: &'static str = "deployer";
    const SUBJECT: &'static str = "`<app>/<environment>`";

    fn kind(&self) -> Kind {
        Kind::DeployRequested
    }
}

impl Payload for Started {
    const FAMILY: Family = Family::DeployStarted;
    const SAID_BY: &'static str = "deployer";
    const HEARD_BY: &'static str = "automator";
    const SUBJECT: &'static str = "`<app>/<environment>`";

    fn kind(&self) -> Kind {
        Kind::DeployStarted
    }
}

impl Payload for Succeeded {
    const FAMILY: Family = Family::DeploySucceeded;
    const SAID_BY: &'static str = "deployer";
    const HEARD_BY: &'static str = "automator";
    const SUBJECT: &'static str = "`<app>/<environment>`";

    fn kind(&self) -> Kind {
        Kind::DeploySucceeded
    }
}

impl Payload for Failed {
    const FAMILY: Family = Family::DeployFailed;
    const SAID_BY: &'static str = "deployer";
    const HEARD_BY: &'static str = "automator";
    const SUBJECT: &'static str = "`<app>/<environment>`";

    fn kind(&self) -> Kind {
        Kind::DeployFailed
    }
}
