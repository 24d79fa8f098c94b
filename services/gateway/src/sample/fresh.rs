//! A sample with what is new each time, and with a repository that its Source takes.

use chrono::SecondsFormat;
use resources::{Source, SourceKind};
use serde_json::Value;

use super::known::{self, Sample};
use super::{Draw, Wanted};

/// A value that is new each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fresh {
    /// It is not.
    Always(&'static str),
    /// Now, as RFC 3339 writes it.
    Now,
    /// Now, as Uptime Kuma writes it.
    Spaced,
    /// Now, in Unix seconds.
    Unix,
    /// An id: 53 bits, which every JSON parser can hold.
    Number,
    /// A commit.
    Commit,
    /// An id with dashes.
    Uuid,
}

impl Fresh {
    /// As a text.
    pub(super) fn text(self, draw: Draw) -> String {
        let Draw { now, nonce } = draw;
        match self {
            Self::Always(text) => text.to_owned(),
            Self::Now => now.to_rfc3339_opts(SecondsFormat::Secs, true),
            Self::Spaced => now.format("%Y-%m-%d %H:%M:%S%.3f").to_string(),
            Self::Unix => now.timestamp().to_string(),
            Self::Number => (nonce >> 75).to_string(),
            Self::Commit => format!("{nonce:032x}{:08x}", nonce >> 96),
            Self::Uuid => {
                let hex = format!("{nonce:032x}");
                format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
            }
        }
    }

    fn json(self, draw: Draw) -> Value {
        let text = self.text(draw);
        match self {
            Self::Unix | Self::Number => text.parse().map_or(Value::Null, Value::Number),
            Self::Always(_) | Self::Now | Self::Spaced | Self::Commit | Self::Uuid => Value::String(text),
        }
    }
}

/// The body of a sample for a Source.
pub(super) fn body(sample: &Sample, source: &Source, wanted: Wanted<'_>) -> Vec<u8> {
    let repository = wanted.repository.map_or_else(|| repository(source), str::to_owned);
    // As a whole: it stands in addresses, too. As it is written in JSON.
    let written = Value::String(repository).to_string();
    let text = sample.body().replace(known::repository(&source.kind), written.trim_matches('"'));
    let mut body: Value = serde_json::from_str(&text).expect("samples are JSON");
    if let SourceKind::CloudEvents(cloudevents) = &source.kind {
        // What its sender may claim.
        let mut claim = |attribute: &str, globs: &[String], takes: &dyn Fn(&str) -> bool| {
            let named = globs.iter().map(|glob| glob.replace('*', "try")).find(|value| takes(value));
            if let Some(value) = named {
                body[attribute] = Value::String(value);
            }
        };
        claim("type", &cloudevents.types, &|ty| cloudevents.takes_type(ty));
        claim("source", &cloudevents.sources, &|of| cloudevents.takes_source(of));
    }
    for (pointer, value) in sample.fresh {
        if let Some(place) = body.pointer_mut(pointer) {
            *place = value.json(wanted.draw);
        }
    }
    serde_json::to_vec(&body).expect("JSON can be written")
}

/// A repository that the Source takes.
fn repository(source: &Source) -> String {
    let filter: &[String] = match &source.kind {
        SourceKind::Github(github) => &github.repositories,
        SourceKind::Gitea(gitea) => &gitea.repositories,
        SourceKind::Gitlab(gitlab) => &gitlab.projects,
        SourceKind::Alertmanager(_)
        | SourceKind::CloudEvents(_)
        | SourceKind::Registry(_)
        | SourceKind::Argocd(_)
        | SourceKind::Generic(_)
        | SourceKind::Schedule(_) => &[],
    };
    match filter.first().filter(|glob| *glob != "*") {
        None => known::repository(&source.kind).to_owned(),
        Some(glob) => glob.replace('*', "shop"),
    }
}
