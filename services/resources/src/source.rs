//! Source: where events come from, and how they prove it.

pub mod alertmanager;
pub(crate) mod cloudevents;
pub mod credential;
mod forge;
pub(crate) mod generic;
pub mod github;
mod guard;
mod origin;

pub use alertmanager::{Alertmanager, AlertsApi};
pub use cloudevents::{CloudEvents, Proof, Rate};
pub use credential::Credential;
pub use forge::{Gitea, Gitlab, Registry};
pub use generic::{Generic, is_type_of_ours};
pub use github::{Deliveries, Github, Hook, Sweep};
pub use guard::Guard;
pub use origin::Origin;

use crate::schedule::Schedule;

/// A place that posts to `/hooks/<name>`, or a clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// `metadata.name`; the last part of its address.
    pub name: String,
    /// Which protocol it speaks.
    pub kind: SourceKind,
    /// It is no longer: its senders are told so (410), and should stop.
    pub retired: bool,
    /// From where it is sent, and how much at once.
    pub guard: Guard,
}

/// Which protocol a source speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceKind {
    /// GitHub webhooks, signed with HMAC SHA-256.
    Github(Github),
    /// Alertmanager's webhook, with a bearer token.
    Alertmanager(Alertmanager),
    /// CloudEvents over HTTP, from anybody who can show a token or sign.
    CloudEvents(CloudEvents),
    /// Gitea or Forgejo.
    Gitea(Gitea),
    /// GitLab.
    Gitlab(Gitlab),
    /// Pushes to an image registry.
    Registry(Registry),
    /// Argo CD's notifications, with our template and a bearer token.
    Argocd(Argocd),
    /// Any webhook, by configuration.
    Generic(Box<Generic>),
    /// A clock, which the scheduler reads; nobody posts.
    Schedule(Schedule),
}

impl SourceKind {
    /// As it is called in `spec`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Github(_) => "github",
            Self::Alertmanager(_) => "alertmanager",
            Self::CloudEvents(_) => "cloudevents",
            Self::Gitea(_) => "gitea",
            Self::Gitlab(_) => "gitlab",
            Self::Registry(_) => "registry",
            Self::Argocd(_) => "argocd",
            Self::Generic(_) => "generic",
            Self::Schedule(_) => "schedule",
        }
    }
}

/// `spec.argocd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argocd {
    /// Bearer tokens, as the Source's credential.
    pub credential: Credential,
}
