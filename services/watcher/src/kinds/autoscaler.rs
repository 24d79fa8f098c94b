//! `HorizontalPodAutoscalers` (`autoscaling/v2`). Of one that can do what it would like to do, nothing is kept.

use chrono::{DateTime, Utc};
use events::Envelope;
use events::payload::autoscaler::{Autoscaler, Transition};
use serde::{Deserialize, Serialize};

use super::condition::{Condition, find};
use crate::announce::Place;
use crate::gather::{Common, Time, Unreadable, said};
use crate::key::Key;
use crate::patience::Patience;
use crate::watched::{self, Verdict, Watched, What};

type Change = watched::Change<Transition>;

/// `HorizontalPodAutoscalers`.
#[derive(Debug)]
pub struct Autoscalers {
    what: What,
    patience: Patience,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    scale_target_ref: Target,
    min_replicas: Option<i64>,
    max_replicas: i64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Target {
    kind: String,
    name: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    current_replicas: Option<i64>,
    desired_replicas: Option<i64>,
    conditions: Option<Vec<Condition>>,
}

/// How an autoscaler stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    uid: String,
    target: String,
    min: i64,
    max: i64,
    current: i64,
    desired: i64,
    /// What is wrong, since when.
    trouble: Option<Trouble>,
    /// What was said to be wrong.
    #[serde(default)]
    said: Option<Transition>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Trouble {
    what: Transition,
    since: Option<Time>,
    reason: Option<String>,
    message: Option<String>,
}

impl Default for Autoscalers {
    fn default() -> Self {
        Self::new(Patience::default())
    }
}

impl Autoscalers {
    /// Says what has lasted for so long.
    pub fn new(patience: Patience) -> Self {
        let what =
            super::of_kubernetes("autoscaling", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true);
        Self { what, patience }
    }
}

fn trouble(conditions: Option<&[Condition]>) -> Option<Trouble> {
    let of = |what, condition: &Condition| Trouble {
        what,
        since: condition.last_transition_time.clone(),
        reason: said(condition.reason.clone()),
        message: said(condition.message.clone()),
    };
    let unable = ["AbleToScale", "ScalingActive"].into_iter().filter_map(|ty| find(conditions, ty));
    // Somebody set its target to nothing: that is no trouble.
    let unable = unable
        .filter(|condition| condition.is_false() && !condition.because("ScalingDisabled"))
        .map(|condition| of(Transition::Limited, condition))
        .next();
    let capped = || {
        let condition = find(conditions, "ScalingLimited")?;
        let capped = condition.holds() && condition.because("TooManyReplicas");
        capped.then(|| of(Transition::AtMax, condition))
    };
    unable.or_else(capped)
}

impl Watched for Autoscalers {
    type Body = Common<Spec, Status>;
    type Sight = Sight;
    type Transition = Transition;

    fn what(&self) -> &What {
        &self.what
    }

    fn read(&self, body: Self::Body, _at: DateTime<Utc>) -> Result<Sight, Unreadable> {
        let Common { metadata, spec, status } = body;
        let (spec, status) = (spec.unwrap_or_default(), status.unwrap_or_default());
        Ok(Sight {
            uid: metadata.uid()?,
            target: format!("{}/{}", spec.scale_target_ref.kind, spec.scale_target_ref.name),
            min: spec.min_replicas.unwrap_or(1),
            max: spec.max_replicas,
            current: status.current_replicas.unwrap_or_default(),
            desired: status.desired_replicas.unwrap_or_default(),
            trouble: trouble(status.conditions.as_deref()),
            said: None,
        })
    }

    fn uid<'a>(&self, sight: &'a Sight) -> &'a str {
        &sight.uid
    }

    fn decide(&self, seen: Option<&Sight>, now: &Sight, at: DateTime<Utc>) -> Verdict<Sight, Transition> {
        let before = seen.and_then(|seen| seen.said);
        let due = match &now.trouble {
            Some(Trouble { what: Transition::Limited, since, .. }) => {
                super::after(since.as_ref(), self.patience.autoscaler_limited)
            }
            Some(_) | None => None,
        };
        let waits = due.filter(|due| *due > at && before != Some(Transition::Limited));
        let is = match &now.trouble {
            _ if waits.is_some() => before,
            trouble => trouble.as_ref().map(|trouble| trouble.what),
        };
        if is == before {
            return Verdict { changes: Vec::new(), keep: seen.cloned(), again: waits };
        }
        let change = Change::new(is.unwrap_or(Transition::WithinLimits));
        let change = change.from(word(before.unwrap_or(Transition::WithinLimits)));
        let keep = is.map(|_| Sight { said: is, ..now.clone() });
        Verdict { changes: vec![change], keep, again: waits }
    }

    /// That nobody scales any more is seen at what is scaled.
    fn end(&self, _seen: &Sight, _last: Option<&Sight>) -> Verdict<Sight, Transition> {
        Verdict::new(Vec::new(), None)
    }

    fn event(&self, key: &Key, place: Place, sight: &Sight, change: &Change, now: DateTime<Utc>) -> Envelope {
        let trouble = sight.trouble.as_ref();
        let payload = Autoscaler {
            transition: change.transition,
            name: key.name().to_owned(),
            namespace: super::namespace(key),
            target: sight.target.clone(),
            min: sight.min,
            max: sight.max,
            current: sight.current,
            desired: sight.desired,
            reason: trouble.and_then(|trouble| trouble.reason.clone()),
            message: trouble.and_then(|trouble| trouble.message.clone()),
            previous: change.previous.clone(),
        };
        super::event(&self.what, key, &sight.uid, place, change, &payload, now)
    }
}

fn word(transition: Transition) -> &'static str {
    match transition {
        Transition::AtMax => "at-max",
        Transition::Limited => "limited",
        Transition::WithinLimits => "within-limits",
    }
}
