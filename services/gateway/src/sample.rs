//! What the senders of a Source send, and how they prove themselves: so that a Source can be tried without its sender. Pure.

mod fresh;
mod known;
mod sign;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use events::payload::image;
use resources::source::{Proof, Registry};
use resources::{Secret, SecretRef, Source, SourceKind};
use thiserror::Error;

pub use sign::Unsignable;

use self::known::Sample;

/// What makes two posts of one sample two events.
#[derive(Debug, Clone, Copy)]
pub struct Draw {
    /// The time.
    pub now: DateTime<Utc>,
    /// Bits that no other post has.
    pub nonce: u128,
}

/// What is to be posted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The name of a sample; without one, the first of the Source.
    pub sample: Option<&'a str>,
    /// `owner/name` of the repository that it is of; without one, a repository that the Source takes.
    pub repository: Option<&'a str>,
    /// What is drawn for it.
    pub draw: Draw,
}

/// A request to `/hooks/<name>`.
#[derive(Clone, PartialEq, Eq)]
pub struct Post {
    /// The sample that it is.
    pub sample: &'static str,
    /// What follows the `?` in its address; it may hold a secret.
    pub query: Option<String>,
    /// Names and values; some hold the proof.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no such post.
#[derive(Debug, Error)]
pub enum NoPost {
    /// To a clock nobody posts.
    #[error("`{0}` is a schedule: nobody posts to it")]
    Clock(String),
    /// There is no such sample.
    #[error("there is no sample `{sample}` of a Source of the kind {kind}")]
    NoSample {
        /// What was asked for.
        sample: String,
        /// The kind.
        kind: &'static str,
    },
    /// Which sample fits a Source of the kind `generic` only its owner knows.
    #[error("a Source of the kind generic takes what its expressions take: name a sample")]
    Unnamed,
    /// The secret makes no proof.
    #[error(transparent)]
    Unsignable(#[from] Unsignable),
}

/// The names of the samples of a Source.
pub fn names(source: &Source) -> Vec<&'static str> {
    known::of(&source.kind).iter().map(|sample| sample.name).collect()
}

/// Where the secrets of a Source are, any of which proves a post.
pub fn secrets(source: &Source) -> &[SecretRef] {
    match &source.kind {
        SourceKind::Github(github) => &github.secrets,
        SourceKind::Alertmanager(alertmanager) => &alertmanager.tokens,
        SourceKind::CloudEvents(cloudevents) => match &cloudevents.proof {
            Proof::Tokens(refs) | Proof::Secrets(refs) => refs,
        },
        SourceKind::Gitea(gitea) => &gitea.secrets,
        SourceKind::Gitlab(gitlab) => gitlab.credential.secrets(),
        SourceKind::Registry(registry) => registry.credential.secrets(),
        SourceKind::Argocd(argocd) => argocd.credential.secrets(),
        SourceKind::Generic(generic) => generic.credential.secrets(),
        SourceKind::Schedule(_) => &[],
    }
}

/// A sample for a Source, as its sender would post it.
pub fn post(source: &Source, wanted: Wanted<'_>, secret: &Secret) -> Result<Post, NoPost> {
    let kind = source.kind.name();
    if let SourceKind::Schedule(_) = source.kind {
        return Err(NoPost::Clock(source.name.clone()));
    }
    let samples = known::of(&source.kind);
    let sample = match wanted.sample {
        Some(name) => samples
            .iter()
            .find(|sample| sample.name == name)
            .ok_or_else(|| NoPost::NoSample { sample: name.to_owned(), kind })?,
        // A preset has the name of its sample, as long as nobody gives it another one.
        None if kind == "generic" => {
            samples.iter().find(|sample| sample.name == source.name).ok_or(NoPost::Unnamed)?
        }
        None => &samples[0],
    };
    let body = fresh::body(sample, source, wanted);
    let headers = headers(sample, source, wanted.draw);
    Ok(sign::proven(source, Post { sample: sample.name, query: None, headers, body }, secret, wanted.draw)?)
}

/// What a sender says beside the proof.
fn headers(sample: &Sample, source: &Source, draw: Draw) -> Vec<(String, Vec<u8>)> {
    let of_a_distribution = |registry: &Registry| registry.kind == image::Registry::Distribution;
    let media = match &source.kind {
        SourceKind::CloudEvents(_) => "application/cloudevents+json",
        SourceKind::Registry(registry) if of_a_distribution(registry) => {
            "application/vnd.docker.distribution.events.v2+json"
        }
        SourceKind::Github(_)
        | SourceKind::Gitea(_)
        | SourceKind::Gitlab(_)
        | SourceKind::Registry(_)
        | SourceKind::Alertmanager(_)
        | SourceKind::Argocd(_)
        | SourceKind::Generic(_)
        | SourceKind::Schedule(_) => "application/json",
    };
    let said = sample.headers.iter().map(|(name, value)| (*name, value.text(draw)));
    [("Content-Type", media.to_owned())]
        .into_iter()
        .chain(said)
        .map(|(name, value)| (name.to_owned(), value.into_bytes()))
        .collect()
}
