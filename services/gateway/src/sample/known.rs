//! The samples that there are, by the kind of Source. Golden samples of the tree, which the tests of their adapters read, too.

use events::payload::image::Registry;
use events::{argocd, gitea, gitlab, registry};
use resources::SourceKind;

use super::fresh::Fresh::{self, Always, Commit, Now, Number, Spaced, Unix, Uuid};

/// The repository that the samples of a kind are of.
pub(super) fn repository(kind: &SourceKind) -> &'static str {
    if matches!(kind, SourceKind::Gitlab(_)) { "acme/web/shop" } else { "acme/shop" }
}

/// A body of a sender.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) name: &'static str,
    text: Text,
    /// What is new each time, by its JSON pointer.
    pub(super) fresh: &'static [(&'static str, Fresh)],
    /// The headers beside the media type and the proof.
    pub(super) headers: &'static [(&'static str, Fresh)],
}

#[derive(Debug)]
enum Text {
    /// The body itself.
    Body(&'static str),
    /// The `data` of the sample of an event type.
    Of(&'static str),
}

impl Sample {
    pub(super) fn body(&self) -> String {
        match self.text {
            Text::Body(text) => text.to_owned(),
            Text::Of(ty) => {
                let sample = events::catalogue::sample(ty).expect("the tests look at each of them");
                let event = events::json::decode(sample.as_bytes()).expect("a sample is an event");
                String::from_utf8_lossy(event.body()).into_owned()
            }
        }
    }
}

macro_rules! github {
    ($event:literal, $ty:literal, [$($fresh:expr),* $(,)?]) => {
        Sample {
            name: $event,
            text: Text::Of(concat!("com.github.", $ty)),
            fresh: &[$($fresh),*],
            headers: &[
                ("User-Agent", Always("GitHub-Hookshot/signalbox-test")),
                ("X-GitHub-Event", Always($event)),
                ("X-GitHub-Delivery", Uuid),
                ("X-GitHub-Hook-ID", Number),
            ],
        }
    };
}

static GITHUB: &[Sample] = &[
    github!(
        "push",
        "push",
        [("/after", Commit), ("/head_commit/id", Commit), ("/repository/pushed_at", Unix)]
    ),
    github!("ping", "ping", [("/hook_id", Number)]),
    github!(
        "workflow_run",
        "workflow_run.completed",
        [("/workflow_run/id", Number), ("/workflow_run/updated_at", Now)]
    ),
    github!(
        "pull_request",
        "pull_request.opened",
        [("/pull_request/id", Number), ("/pull_request/updated_at", Now), ("/pull_request/head/sha", Commit)]
    ),
    github!("release", "release.published", [("/release/id", Number), ("/release/published_at", Now)]),
    github!("create", "create", []),
    github!("delete", "delete", []),
    github!(
        "check_run",
        "check_run.completed",
        [("/check_run/id", Number), ("/check_run/started_at", Now), ("/check_run/completed_at", Now)]
    ),
    github!(
        "check_suite",
        "check_suite.completed",
        [("/check_suite/id", Number), ("/check_suite/updated_at", Now)]
    ),
    github!(
        "deployment",
        "deployment.created",
        [("/deployment/id", Number), ("/deployment/updated_at", Now)]
    ),
    github!(
        "deployment_status",
        "deployment_status.created",
        [("/deployment_status/id", Number), ("/deployment_status/updated_at", Now)]
    ),
    github!("package", "package.published", [("/package/updated_at", Now)]),
    github!("registry_package", "registry_package.published", [("/registry_package/updated_at", Now)]),
    github!(
        "issue_comment",
        "issue_comment.created",
        [("/comment/id", Number), ("/comment/updated_at", Now)]
    ),
    github!("repository_dispatch", "repository_dispatch.deploy", []),
];

macro_rules! gitea {
    ($event:literal, $index:literal, [$($fresh:expr),* $(,)?]) => {
        Sample {
            name: $event,
            text: Text::Body(gitea::SAMPLES[$index].1),
            fresh: &[$($fresh),*],
            headers: &[
                ("X-Gitea-Event", Always($event)),
                ("X-Gitea-Event-Type", Always($event)),
                ("X-Gitea-Delivery", Uuid),
            ],
        }
    };
}

static GITEA: &[Sample] = &[
    gitea!("push", 3, [("/after", Commit), ("/head_commit/id", Commit), ("/head_commit/timestamp", Now)]),
    gitea!("create", 0, []),
    gitea!("package", 1, [("/package/created_at", Now)]),
    gitea!("pull_request", 2, [("/pull_request/updated_at", Now)]),
    gitea!("release", 4, [("/release/published_at", Now)]),
    gitea!("workflow_run", 5, [("/workflow_run/completed_at", Now)]),
];

macro_rules! gitlab {
    ($kind:literal, $event:literal, $index:literal, [$($fresh:expr),* $(,)?]) => {
        Sample {
            name: $kind,
            text: Text::Body(gitlab::SAMPLES[$index].1),
            fresh: &[$($fresh),*],
            headers: &[
                ("User-Agent", Always("GitLab/signalbox-test")),
                ("X-Gitlab-Event", Always($event)),
                ("X-Gitlab-Event-UUID", Uuid),
                ("Idempotency-Key", Uuid),
            ],
        }
    };
}

static GITLAB: &[Sample] = &[
    gitlab!("push", "Push Hook", 2, [("/after", Commit), ("/checkout_sha", Commit)]),
    gitlab!("merge_request", "Merge Request Hook", 0, [("/object_attributes/updated_at", Now)]),
    gitlab!("pipeline", "Pipeline Hook", 1, [("/object_attributes/finished_at", Now)]),
    gitlab!("release", "Release Hook", 3, [("/released_at", Now)]),
    gitlab!("tag_push", "Tag Push Hook", 4, [("/after", Commit), ("/checkout_sha", Commit)]),
];

macro_rules! registry {
    ($kind:ident, $fresh:expr) => {
        registry!($kind, $fresh, &[])
    };
    ($kind:ident, $fresh:expr, $headers:expr) => {
        &[Sample {
            name: "push",
            text: Text::Body(registry::sample(Registry::$kind)),
            fresh: $fresh,
            headers: $headers,
        }]
    };
}

static GHCR: &[Sample] = registry!(
    Ghcr,
    &[("/registry_package/package_version/updated_at", Now)],
    &[("X-GitHub-Event", Always("registry_package")), ("X-GitHub-Delivery", Uuid)]
);
static DOCKER_HUB: &[Sample] = registry!(DockerHub, &[("/push_data/pushed_at", Unix)]);
static HARBOR: &[Sample] = registry!(Harbor, &[("/occur_at", Unix)]);
static QUAY: &[Sample] = registry!(Quay, &[]);
static DISTRIBUTION: &[Sample] =
    registry!(Distribution, &[("/events/0/timestamp", Now), ("/events/0/id", Uuid)]);

static ARGOCD: &[Sample] = &[Sample {
    name: "degraded",
    text: Text::Body(argocd::SAMPLE),
    fresh: &[("/health/lastTransitionTime", Now)],
    headers: &[],
}];

static ALERTMANAGER: &[Sample] = &[Sample {
    name: "firing",
    text: Text::Body(include_str!("alertmanager.json")),
    fresh: &[("/alerts/0/startsAt", Now)],
    headers: &[("User-Agent", Always("Alertmanager/signalbox-test"))],
}];

static CLOUDEVENTS: &[Sample] = &[Sample {
    name: "structured",
    text: Text::Body(
        r#"{"specversion":"1.0","id":"","source":"https://signalbox.example/test","type":"com.example.source.tested","data":{"text":"a test of this source"}}"#,
    ),
    fresh: &[("/id", Uuid)],
    headers: &[],
}];

macro_rules! preset {
    ($name:literal, $fresh:expr, $headers:expr) => {
        Sample {
            name: $name,
            text: Text::Body(include_str!(concat!("../../presets/samples/", $name, ".json"))),
            fresh: $fresh,
            headers: $headers,
        }
    };
}

static GENERIC: &[Sample] = &[
    preset!(
        "dependency-updates",
        &[("/pull_request/updated_at", Now)],
        &[("X-GitHub-Event", Always("pull_request")), ("X-GitHub-Delivery", Uuid)]
    ),
    preset!("grafana", &[("/alerts/0/startsAt", Now)], &[]),
    preset!("harbor-scan", &[("/occur_at", Unix)], &[]),
    preset!("healthchecks", &[("/now", Now)], &[]),
    preset!(
        "sentry",
        &[("/data/issue/lastSeen", Now)],
        &[("Request-ID", Uuid), ("Sentry-Hook-Resource", Always("issue")), ("Sentry-Hook-Timestamp", Unix)]
    ),
    preset!("uptime-kuma", &[("/heartbeat/time", Spaced)], &[]),
];

/// The samples of a kind; the first is what its senders send most.
pub(super) fn of(kind: &SourceKind) -> &'static [Sample] {
    match kind {
        SourceKind::Github(_) => GITHUB,
        SourceKind::Gitea(_) => GITEA,
        SourceKind::Gitlab(_) => GITLAB,
        SourceKind::Registry(source) => match source.kind {
            Registry::Ghcr => GHCR,
            Registry::DockerHub => DOCKER_HUB,
            Registry::Harbor => HARBOR,
            Registry::Quay => QUAY,
            Registry::Distribution => DISTRIBUTION,
        },
        SourceKind::Argocd(_) => ARGOCD,
        SourceKind::Alertmanager(_) => ALERTMANAGER,
        SourceKind::CloudEvents(_) => CLOUDEVENTS,
        SourceKind::Generic(_) => GENERIC,
        SourceKind::Schedule(_) => &[],
    }
}
