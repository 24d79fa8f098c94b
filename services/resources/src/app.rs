//! App: one application, its repository, and the environments that it is deployed to.

use std::time::Duration;

use serde::Serialize;

/// One application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// `metadata.name`.
    pub name: String,
    /// `owner/name` of the repository that builds it; how an event finds its App.
    pub repository: Option<String>,
    /// The branch whose builds are deployed.
    pub branch: String,
    /// The image that it runs, without tag and digest: `ghcr.io/acme/my-app`.
    pub image: Option<String>,
    /// Where it is deployed to, in order.
    pub environments: Vec<Environment>,
}

/// What conditions and templates see as `app`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppView<'a> {
    /// `metadata.name`.
    pub name: &'a str,
    /// `owner/name`, or empty.
    pub repository: &'a str,
    /// The branch whose builds are deployed.
    pub branch: &'a str,
    /// The image, or empty.
    pub image: &'a str,
    /// Names of its environments, in order.
    pub environments: Vec<&'a str>,
}

/// One place that an App is deployed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// For example `dev`.
    pub name: String,
    /// How its desired state is written: mode `git`.
    pub git: Git,
    /// The Argo CD Application that carries it out; without one, a pushed commit is all that is verified.
    pub argocd: Option<ArgoCd>,
    /// When a deploy counts as done.
    pub verify: Verify,
}

/// `git`: a file in a GitOps repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Git {
    /// What `git clone` takes: a URL or a path.
    pub repository: String,
    /// The branch that is committed to.
    pub branch: String,
    /// The values file, relative to the root of the repository.
    pub file: String,
    /// Path of the key that holds the tag: `["image", "tag"]`.
    pub tag_key: Vec<String>,
    /// Path of the key that holds the digest, if the chart has one.
    pub digest_key: Option<Vec<String>>,
}

/// `argocd`: an Application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgoCd {
    /// Its name.
    pub application: String,
    /// Its namespace, `argocd` unless said otherwise.
    pub namespace: String,
}

/// `verify`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verify {
    /// How long the image may take to run.
    pub timeout: Duration,
    /// For how long it must stay well before the deploy counts as done.
    pub hold: Duration,
}

impl App {
    /// The environment of that name.
    pub fn environment(&self, name: &str) -> Option<&Environment> {
        self.environments.iter().find(|environment| environment.name == name)
    }

    /// What conditions and templates see as `app`.
    pub fn view(&self) -> AppView<'_> {
        AppView {
            name: &self.name,
            repository: self.repository.as_deref().unwrap_or_default(),
            branch: &self.branch,
            image: self.image.as_deref().unwrap_or_default(),
            environments: self.environments.iter().map(|environment| environment.name.as_str()).collect(),
        }
    }
}
