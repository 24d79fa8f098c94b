//! Our own events: a closed match on what their bodies are.

use std::fmt::Write as _;

use events::payload::alert::Alert;
use events::payload::application::{Application, Transition};
use events::payload::argocd::Notified;
use events::payload::automation::{Evaluated, Rule, Verdict};
use events::payload::deploy::{self, Image, Step, Verified};
use events::payload::schedule::{Cause, Ticked};
use events::payload::source::{Gap, Missed, SweepFailed, What};
use events::payload::{dead_letter, image, notification};
use events::{Envelope, Family, Kind};

use super::{Effect, LINE, Summary, cluster, word_of};
use crate::line;

/// Sums up one of our events; an error when its body is not what its type says.
pub(super) fn summary(kind: Kind, event: &Envelope) -> Result<Summary, serde_json::Error> {
    let (essence, details, effect) = match kind.family() {
        Family::Alert => plain(alert(&event.payload()?)),
        Family::Application => plain(application(&event.payload()?)),
        Family::ApplicationNotified => plain(notified(&event.payload()?)),
        Family::Project => plain(cluster::project(&event.payload()?)),
        Family::Workload => plain(cluster::workload(&event.payload()?)),
        Family::Pod => plain(cluster::pod(&event.payload()?)),
        Family::Node => plain(cluster::node(&event.payload()?)),
        Family::Job => plain(cluster::job(&event.payload()?)),
        Family::CronJob => plain(cluster::cron_job(&event.payload()?)),
        Family::VolumeUsage => plain(cluster::volume_usage(&event.payload()?)),
        Family::VolumeClaim => plain(cluster::volume_claim(&event.payload()?)),
        Family::Autoscaler => plain(cluster::autoscaler(&event.payload()?)),
        Family::Namespace => plain(cluster::namespace(&event.payload()?)),
        Family::Warning => plain(cluster::warning(&event.payload()?)),
        Family::VolumeSnapshot => plain(cluster::volume_snapshot(&event.payload()?)),
        Family::Object => plain(cluster::object(&event.payload()?)),
        Family::AutomationEvaluated => evaluated(&event.payload()?),
        Family::DeadLetter => plain(given_up(&event.payload()?)),
        Family::DeployRequested => plain(requested(&event.payload()?)),
        Family::DeployStarted => plain(started(&event.payload()?)),
        Family::DeploySucceeded => succeeded(event.payload()?),
        Family::DeployFailed => failed(event.payload()?),
        Family::ImagePushed => plain(pushed(&event.payload()?)),
        Family::NotificationRequested => plain(told(&event.payload()?)),
        Family::NotificationSent => sent(&event.payload()?),
        Family::NotificationFailed => plain(untold(&event.payload()?)),
        Family::ScheduleTicked => plain(ticked(&event.payload()?)),
        Family::SourceGap => gap(&event.payload()?),
        Family::SourceSweepFailed => plain(unswept(&event.payload()?)),
    };
    let word =
        if kind == Kind::AutomationEvaluated { "rules tried".to_owned() } else { word_of(kind.name()) };
    Ok(Summary { word, essence: line::of(&essence, LINE * 2), details, effect })
}

type Parts = (String, Vec<String>, Option<Effect>);

fn plain(essence: String) -> Parts {
    (essence, Vec::new(), None)
}

fn alert(alert: &Alert) -> String {
    let label = |name: &str| alert.labels.get(name).map(String::as_str).unwrap_or_default();
    let annotation =
        |name: &str| alert.annotations.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let mut essence =
        if alert.alertname.is_empty() { "(no name)".to_owned() } else { alert.alertname.clone() };
    if !label("severity").is_empty() {
        let _ = write!(essence, " ({})", label("severity"));
    }
    if !label("namespace").is_empty() {
        let _ = write!(essence, " in {}", label("namespace"));
    }
    if let Some(text) = annotation("summary").or_else(|| annotation("description")) {
        let _ = write!(essence, ": {}", line::first(text, LINE));
    }
    essence
}

fn pushed(push: &image::Pushed) -> String {
    let mut essence = format!("{}:{}", push.repository, push.tag);
    if let Some(who) = &push.pushed_by {
        let _ = write!(essence, " by {who}");
    }
    if let Some(digest) = &push.digest {
        let _ = write!(essence, ", {}", line::short(digest.trim_start_matches("sha256:")));
    }
    essence
}

fn gap(gap: &Gap) -> Parts {
    let what = match (gap.what, gap.count) {
        (What::Deliveries, 1) => "delivery",
        (What::Deliveries, _) => "deliveries",
        (What::Alerts, 1) => "alert",
        (What::Alerts, _) => "alerts",
    };
    let count = if gap.count == 0 { "unknown".to_owned() } else { gap.count.to_string() };
    let mut essence = format!("{}: {count} {what}, {} to {}", gap.source, gap.from, gap.to);
    if let Some(reason) = &gap.reason {
        let _ = write!(essence, ": {}", line::first(reason, LINE));
    }
    let missed = |missed: &Missed| {
        let reason = missed.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
        line::of(&format!("{} ({}){reason}", missed.event_type, missed.id), LINE * 2)
    };
    (essence, gap.missed.iter().map(missed).collect(), None)
}

fn unswept(failed: &SweepFailed) -> String {
    format!("{}: {}", failed.source, line::first(&failed.reason, LINE))
}

fn application(app: &Application) -> String {
    let mut essence = format!("{}: sync {}, health {}", app.name, app.sync, app.health);
    if let Some(revision) = app.revisions.first() {
        let _ = write!(essence, ", revision {}", line::short(revision));
    }
    let operation = app.operation.as_ref();
    let why = match app.transition {
        Transition::OperationRunning
        | Transition::OperationSucceeded
        | Transition::OperationFailed
        | Transition::OperationError => operation.and_then(|operation| operation.message.as_deref()),
        Transition::Degraded
        | Transition::Progressing
        | Transition::Suspended
        | Transition::Missing
        | Transition::HealthUnknown => app.health_message.as_deref(),
        Transition::SyncUnknown | Transition::OutOfSync | Transition::Drifted => {
            app.conditions.first().map(String::as_str)
        }
        Transition::Created | Transition::Deleted | Transition::Synced | Transition::Healthy => None,
    };
    if let Some(why) = why {
        let _ = write!(essence, ": {}", line::first(why, LINE));
    }
    essence
}

fn notified(app: &Notified) -> String {
    let mut essence = format!("{}: sync {}, health {}", app.name, app.sync, app.health);
    if let Some(trigger) = &app.trigger {
        let _ = write!(essence, " ({trigger})");
    }
    essence
}

fn given_up(letter: &dead_letter::Created) -> String {
    let event = letter.event_type.as_deref().unwrap_or("a message that is no event");
    let reason = letter.reasons.join(": ");
    format!("{} gave up on {event} ({}): {}", letter.handler, letter.id, line::first(&reason, LINE))
}

fn evaluated(evaluated: &Evaluated) -> Parts {
    let count = |verdict| evaluated.rules.iter().filter(|rule| rule.verdict == verdict).count();
    let counts: Vec<String> = [Verdict::Matched, Verdict::Shadowed, Verdict::Failed, Verdict::Skipped]
        .into_iter()
        .filter(|verdict| count(*verdict) > 0)
        .map(|verdict| format!("{} {}", count(verdict), verdict_word(verdict)))
        .collect();
    let essence =
        if counts.is_empty() { "no Automation listens for it".to_owned() } else { counts.join(", ") };
    (essence, evaluated.rules.iter().flat_map(rule).collect(), None)
}

fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Matched => "matched",
        Verdict::Skipped => "skipped",
        Verdict::Shadowed => "shadowed",
        Verdict::Failed => "failed",
    }
}

/// The rule with its verdict and the clause that decided, then what it asked for.
fn rule(rule: &Rule) -> Vec<String> {
    let Rule { automation, verdict, clause, because, actions } = rule;
    let mut lines =
        vec![line::of(&format!("{automation} {} by {clause}: {because}", verdict_word(*verdict)), LINE * 2)];
    let asked = match verdict {
        Verdict::Matched | Verdict::Skipped | Verdict::Failed => "asked for",
        Verdict::Shadowed => "would have asked for",
    };
    lines.extend(actions.iter().map(|action| format!("  {asked}: {}", line::of(action, LINE))));
    lines
}

fn target(app: &str, environment: &str, image: &Image) -> String {
    let Image { tag, digest } = image;
    let tag = tag.as_deref().map(line::short);
    let digest = digest.as_deref().map(|digest| digest.get(..19).unwrap_or(digest));
    let image = match (tag, digest) {
        (Some(tag), Some(digest)) => format!("{tag}@{digest}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => image.to_string(),
    };
    format!("{app} -> {environment}: image {image}")
}

fn by(automation: Option<&String>) -> String {
    automation.map(|automation| format!(" (automation {automation})")).unwrap_or_default()
}

fn requested(deploy::Requested { app, environment, image, automation }: &deploy::Requested) -> String {
    target(app, environment, image) + &by(automation.as_ref())
}

fn started(deploy::Started { app, environment, image, previous }: &deploy::Started) -> String {
    let was = previous.as_ref().map(|previous| format!(" (was {previous})"));
    target(app, environment, image) + &was.unwrap_or_default()
}

fn succeeded(succeeded: deploy::Succeeded) -> Parts {
    let deploy::Succeeded { app, environment, image, commit, changed, verified } = succeeded;
    let verified = match verified {
        Verified::Running { application, revision: _, pods } => {
            let plural = if pods == 1 { "" } else { "s" };
            format!("{pods} pod{plural} of application {application}")
        }
        Verified::CommitOnly => "committed; nothing else was looked at".to_owned(),
    };
    let mut essence = format!("{}, {verified}", target(&app, &environment, &image));
    if !changed {
        essence.push_str(", no commit was needed");
    }
    let effect = changed.then(|| Effect { what: "commit".to_owned(), id: Some(line::of(&commit, LINE)) });
    (essence, Vec::new(), effect)
}

fn failed(failed: deploy::Failed) -> Parts {
    let deploy::Failed { app, environment, image, commit, step, reason } = failed;
    let step = match step {
        Step::Plan => "plan",
        Step::Commit => "commit",
        Step::Sync => "sync",
        Step::Rollout => "rollout",
    };
    let essence =
        format!("{}, failed at {step}: {}", target(&app, &environment, &image), line::of(&reason, LINE));
    let effect = commit.map(|commit| Effect { what: "commit".to_owned(), id: Some(line::of(&commit, LINE)) });
    (essence, Vec::new(), effect)
}

fn told(requested: &notification::Requested) -> String {
    let notification::Requested { channel, text, title, severity: _, automation } = requested;
    let said = title.as_deref().filter(|title| !title.trim().is_empty()).unwrap_or(text);
    format!("{channel}: {}{}", line::first(said, LINE), by(automation.as_ref()))
}

fn sent(notification::Sent { channel, channel_kind, status }: &notification::Sent) -> Parts {
    let effect = Effect { what: line::of(&format!("message to {channel}"), LINE), id: None };
    (format!("{channel}: {channel_kind} answered {status}"), Vec::new(), Some(effect))
}

fn untold(notification::Failed { channel, channel_kind, reason }: &notification::Failed) -> String {
    let kind = channel_kind.as_ref().map(|kind| format!(" ({kind})")).unwrap_or_default();
    format!("{channel}{kind}: {}", line::of(reason, LINE))
}

fn ticked(ticked: &Ticked) -> String {
    let Ticked { schedule, nominal: _, local, zone, expression: _, cause, previous: _, missed } = ticked;
    let late = match cause {
        Cause::Due => "",
        Cause::CatchUp => ", made up for",
    };
    let missed = if *missed > 0 { format!(", {missed} missed before it") } else { String::new() };
    format!("{schedule}: {local} ({zone}){late}{missed}")
}
