//! Whether anything says what a rule listens for.

use strum::IntoEnumIterator;

use events::subject::fits;
use events::{Kind, github};

use crate::names;

/// The name spaces whose types are all known here.
const OURS: [&str; 4] = ["com.github.", "io.signalbox.", "io.argoproj.", "io.prometheus."];
/// The one event of GitHub's whose actions are the users' own.
const DISPATCH: &str = "com.github.repository_dispatch.";

/// Name spaces of forges whose actions are many, and differ between versions: every type of them may come.
const OPEN: [&str; 2] = [events::gitea::TYPE_PREFIX, events::gitlab::TYPE_PREFIX];

/// What is to be said about a glob of event types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// At least one type fits.
    Known,
    /// It is of a name space that is not ours: somebody may say it.
    Foreign(String),
    /// Nothing says it.
    Unknown { message: String, hint: Option<String> },
}

pub(crate) fn check(glob: &str) -> Finding {
    if known().any(|ty| fits(glob, ty))
        || glob.starts_with(DISPATCH)
        || OPEN.iter().any(|space| glob.starts_with(space))
    {
        return Finding::Known;
    }
    if !OURS.iter().any(|space| glob.starts_with(space)) && !slip(glob) {
        return Finding::Foreign(format!(
            "nothing here says `{glob}`; it has to come as a CloudEvent from outside"
        ));
    }
    let message = if glob.contains('*') {
        format!("no event type fits `{glob}`")
    } else {
        format!("there is no event type `{glob}`")
    };
    Finding::Unknown { message, hint: Some(hint(glob)) }
}

fn known() -> impl Iterator<Item = &'static str> {
    Kind::iter().map(Kind::name).chain(github::known_types())
}

/// Whether a type of no known name space is most likely one of ours, misspelt: `com.githb.push`, `workflow_run.completed`.
fn slip(glob: &str) -> bool {
    names::nearest(glob, known()).is_some() || completed(glob).is_some()
}

/// The type that ends with what was written, as in `push` or `deploy.failed`.
fn completed(glob: &str) -> Option<&'static str> {
    known().find(|ty| {
        let bare = ty.strip_suffix(".v1").unwrap_or(ty);
        bare.strip_suffix(glob).or_else(|| ty.strip_suffix(glob)).is_some_and(|before| before.ends_with('.'))
    })
}

fn hint(glob: &str) -> String {
    if let Some(meant) = completed(glob).or_else(|| names::nearest(glob, known())) {
        return format!("did you mean `{meant}`?");
    }
    // The types that begin with the same words, as long as there are few.
    let mut words: Vec<&str> = glob.split('.').collect();
    while words.len() > 2 {
        words.pop();
        let prefix = format!("{}.", words.join("."));
        let same: Vec<&str> = known().filter(|ty| ty.starts_with(&prefix)).collect();
        if !same.is_empty() && words.len() > 2 {
            let shown: Vec<&str> = same.iter().copied().take(8).collect();
            let more = if same.len() > shown.len() { ", …" } else { "" };
            return format!("there are {}{more}", shown.join(", "));
        }
    }
    if glob.starts_with("com.github.") {
        return "for an event that is newer than this program, listen for `com.github.*` and compare `event.type` in `when`"
            .to_owned();
    }
    "the catalogue of event types lists what there is".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_that_fit_something_are_known() {
        for glob in [
            "*",
            "com.github.*",
            "com.github.push",
            "com.github.workflow_run.completed",
            "io.signalbox.deploy.*",
            "io.signalbox.*.failed.v1",
            "io.argoproj.application.degraded.v1",
            "io.prometheus.alert.firing.v1",
            "com.github.repository_dispatch.nightly",
            "com.github.repository_dispatch.*",
            "com.gitlab.merge_request.merge",
            "io.gitea.release.*",
            "io.kubernetes.pod.oom-killed.v1",
        ] {
            assert_eq!(check(glob), Finding::Known, "{glob}");
        }
    }

    #[test]
    fn types_of_other_name_spaces_may_come_from_outside() {
        for glob in ["org.example.thing.happened", "io.example.pod.oom-killed.v1", "org.example.*"] {
            assert!(matches!(check(glob), Finding::Foreign(_)), "{glob}");
        }
    }

    #[test]
    fn types_that_nothing_says_get_a_suggestion() {
        for (glob, suggestion) in [
            ("com.github.workflow_run.complete", "did you mean `com.github.workflow_run.completed`?"),
            ("com.githb.push", "did you mean `com.github.push`?"),
            ("workflow_run.completed", "did you mean `com.github.workflow_run.completed`?"),
            ("push", "did you mean `com.github.push`?"),
            ("deploy.failed", "did you mean `io.signalbox.deploy.failed.v1`?"),
            ("io.signalbox.deploy.failed", "did you mean `io.signalbox.deploy.failed.v1`?"),
            ("io.signalbox.deployment.*", "the catalogue of event types lists what there is"),
            (
                "com.github.brand_new.made",
                "for an event that is newer than this program, listen for `com.github.*` and compare `event.type` in `when`",
            ),
        ] {
            let Finding::Unknown { hint, .. } = check(glob) else {
                panic!("{glob} is not known: {:?}", check(glob))
            };
            assert_eq!(hint.as_deref(), Some(suggestion), "{glob}");
        }
        let Finding::Unknown { hint: Some(hint), .. } = check("com.github.workflow_run.started_again") else {
            panic!("not known")
        };
        assert!(hint.contains("com.github.workflow_run.requested"), "{hint}");
    }
}
