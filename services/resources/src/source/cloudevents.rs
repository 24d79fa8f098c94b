//! `spec.cloudevents`: what a sender of CloudEvents may claim. Pure.
//!
//! Whoever holds the token chooses every attribute of an event. Two of them must not be free for all: a `type` that one
//! of our own services vouches for (`io.signalbox.deploy.requested.v1` would deploy), and a `source` of ours, because
//! `source` and `id` together are what makes an event a duplicate: the ids of our own events can be computed, so a
//! stranger could take the place of one before it is said. Both are refused unless the configuration names them
//! literally; a bare `*` does not.

use std::time::Duration;

use events::subject::fits;

use crate::SecretRef;

/// The beginnings of the types that our own services say.
pub(crate) const TYPES_OF_OURS: [&str; 7] = [
    "io.signalbox.",
    "com.github.",
    "com.gitlab.",
    "io.gitea.",
    "io.prometheus.",
    "io.argoproj.",
    "io.kubernetes.",
];
/// The beginnings of the sources that our own events have.
pub(crate) const SOURCES_OF_OURS: [&str; 9] = [
    "/signalbox/",
    "/argocd/",
    "/alertmanager/",
    "/hooks/",
    "/registry/",
    "/gitea",
    "/gitlab",
    "https://github.com/",
    "https://api.github.com",
];

/// `spec.cloudevents`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudEvents {
    /// How senders prove themselves.
    pub proof: Proof,
    /// Globs of `source`; empty means any that is not ours.
    pub sources: Vec<String>,
    /// Globs of `type`; empty means any that is not ours.
    pub types: Vec<String>,
    /// Globs of the origins (DNS names in lower case) that may subscribe with the handshake of the webhook
    /// specification; empty means that there is no handshake.
    pub origins: Vec<String>,
    /// How often one caller may send; `None` means as often as it likes.
    pub rate: Option<Rate>,
}

/// How senders prove themselves: with any of one or two secrets, so that they can be rotated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Bearer tokens.
    Tokens(Vec<SecretRef>),
    /// Secrets of an HMAC SHA-256 over the body.
    Secrets(Vec<SecretRef>),
}

/// How often one caller may send: so many requests in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests, at least 1. So many may also come at once.
    pub requests: u32,
    /// In which time.
    pub per: Duration,
}

impl Rate {
    /// Requests per minute: the unit of the webhook specification.
    pub fn per_minute(&self) -> u64 {
        let seconds = self.per.as_secs().max(1);
        (u64::from(self.requests) * 60 / seconds).max(1)
    }
}

impl CloudEvents {
    /// Whether a sender may send events of this type.
    pub fn takes_type(&self, ty: &str) -> bool {
        takes(&self.types, &TYPES_OF_OURS, ty)
    }

    /// Whether a sender may send events of this source.
    pub fn takes_source(&self, source: &str) -> bool {
        takes(&self.sources, &SOURCES_OF_OURS, source)
    }

    /// Whether senders of this origin (a DNS name; case does not matter) may subscribe.
    pub fn takes_origin(&self, origin: &str) -> bool {
        let origin = origin.to_ascii_lowercase();
        self.origins.iter().any(|glob| fits(glob, &origin))
    }
}

fn takes(globs: &[String], ours: &[&str], value: &str) -> bool {
    let fitting = || globs.iter().filter(|glob| fits(glob, value));
    match ours.iter().find(|beginning| value.starts_with(**beginning)) {
        Some(beginning) => fitting().any(|glob| names(glob, beginning)),
        None => globs.is_empty() || fitting().next().is_some(),
    }
}

/// Whether a glob names a beginning literally, before its first `*`.
pub(crate) fn names(glob: &str, beginning: &str) -> bool {
    glob.split('*').next().unwrap_or_default().starts_with(beginning)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(sources: &[&str], types: &[&str], origins: &[&str]) -> CloudEvents {
        let owned = |globs: &[&str]| globs.iter().map(|&glob| glob.to_owned()).collect();
        let proof = Proof::Tokens(Vec::new());
        CloudEvents {
            proof,
            sources: owned(sources),
            types: owned(types),
            origins: owned(origins),
            rate: None,
        }
    }

    #[test]
    fn types_of_ours_are_taken_only_when_they_are_named() {
        for (globs, ty, taken) in [
            (&[][..], "com.example.order.placed", true),
            (&[], "io.signalbox.deploy.requested.v1", false),
            (&[], "com.github.push", false),
            (&[], "io.prometheus.alert.firing.v1", false),
            (&[], "io.argoproj.application.degraded.v1", false),
            (&[], "io.kubernetes.pod.oom-killed.v1", false),
            (&["*"], "com.example.order.placed", true),
            (&["*"], "io.signalbox.deploy.requested.v1", false),
            (&["io.*"], "io.signalbox.deploy.requested.v1", false),
            (&["io.signalbox*"], "io.signalbox.deploy.requested.v1", false),
            (&["io.signalbox.*"], "io.signalbox.deploy.requested.v1", true),
            (&["io.signalbox.deploy.requested.v1"], "io.signalbox.deploy.requested.v1", true),
            (&["io.signalbox.deploy.requested.v1"], "io.signalbox.deploy.failed.v1", false),
            (&["com.example.*"], "com.example.order.placed", true),
            (&["com.example.*"], "com.example2.order.placed", false),
            (&["com.example.*", "org.*"], "org.example.x", true),
            // Other cases are other types, and none of ours.
            (&[], "IO.Signalbox.deploy.requested.v1", true),
        ] {
            assert_eq!(source(&[], globs, &[]).takes_type(ty), taken, "{ty} by {globs:?}");
        }
    }

    #[test]
    fn sources_of_ours_are_taken_only_when_they_are_named() {
        for (globs, value, taken) in [
            (&[][..], "https://shop.example/orders", true),
            (&[], "/signalbox/automator", false),
            (&[], "https://github.com/acme/shop", false),
            (&[], "https://api.github.com", false),
            (&["*"], "/signalbox/automator", false),
            (&["/signalbox/elsewhere"], "/signalbox/elsewhere", true),
            (&["https://github.com/acme/*"], "https://github.com/acme/shop", true),
            (&["https://shop.example/*"], "https://shop.example/orders", true),
            (&["https://shop.example/*"], "https://shop.example.evil/orders", false),
        ] {
            assert_eq!(source(globs, &[], &[]).takes_source(value), taken, "{value} by {globs:?}");
        }
    }

    #[test]
    fn origins_are_compared_without_case_and_there_is_none_by_default() {
        assert!(!source(&[], &[], &[]).takes_origin("events.example.com"));
        let some = source(&[], &[], &["events.example.com", "*.example.org"]);
        for (origin, taken) in [
            ("events.example.com", true),
            ("Events.Example.COM", true),
            ("a.b.example.org", true),
            ("example.org", false),
            ("events.example.com.evil", false),
        ] {
            assert_eq!(some.takes_origin(origin), taken, "{origin}");
        }
    }

    #[test]
    fn a_rate_is_told_in_requests_per_minute() {
        for (requests, seconds, minute) in [(120, 60, 120), (5, 1, 300), (1, 60, 1), (30, 3600, 1)] {
            let rate = Rate { requests, per: Duration::from_secs(seconds) };
            assert_eq!(rate.per_minute(), minute);
        }
    }
}
