//! Objects of a kind that the settings describe: an expression says which phase one is in, and each other phase is a
//! transition.

mod decide;
mod rule;
mod sight;

use chrono::{DateTime, Utc};
use events::Envelope;
use events::payload::object::{Object, Transition};
use kube::api::ApiResource;

use crate::announce::{self, Identity, Place, Voice};
use crate::custom::Custom;
use crate::gather::{Metadata, Unreadable};
use crate::key::Key;
use crate::watched::{self, Baseline, Verdict, Watched, What};

use rule::Rule;
pub use sight::{Body, Sight};

type Change = watched::Change<Transition>;

/// Nobody knows how large they are.
const PAGE: u32 = 50;

/// Objects of one kind.
#[derive(Debug)]
pub struct Customs {
    what: What,
    /// As its definition is named.
    name: String,
    rule: Rule,
    custom: Custom,
}

impl Customs {
    /// All of the kind that is described so.
    pub fn new(custom: Custom) -> Self {
        let kind = &custom.kind;
        let (name, version) = (kind.name(), kind.version().to_owned());
        let api_version =
            if kind.group().is_empty() { version.clone() } else { format!("{}/{version}", kind.group()) };
        let what = What {
            resource: ApiResource {
                group: kind.group().to_owned(),
                version,
                api_version,
                // Nothing is asked by it: the plural is what stands in the address.
                kind: kind.plural().to_owned(),
                plural: kind.plural().to_owned(),
            },
            // If they do not, there is one watch all the same: see `key_of`.
            namespaced: true,
            one: format!("one of the {name}").into(),
            several: name.clone(),
            missing: "is its definition installed, with this version? One that lives outside of namespaces needs \
                      `namespaces: [\"*\"]`",
            prefix: format!("custom/{name}"),
            baseline: Baseline::Silent,
            fields: None,
            page: PAGE,
        };
        Self { what, name, rule: Rule::of(&custom), custom }
    }
}

impl Watched for Customs {
    type Body = Body;
    type Sight = Sight;
    type Transition = Transition;

    fn what(&self) -> &What {
        &self.what
    }

    fn read(&self, body: Body, at: DateTime<Utc>) -> Result<Sight, Unreadable> {
        let Body { metadata, object } = body;
        Ok(Sight { uid: metadata.uid()?, ..self.rule.read(&object, at)? })
    }

    /// Whether the kind lives in namespaces is not said in the settings; its keys show it.
    fn key_of(&self, stored: &str) -> Option<Key> {
        let name = stored.strip_prefix(&self.what.prefix)?.strip_prefix('/')?;
        Key::from_store(stored, &self.what.prefix, name.contains('/'))
    }

    fn key(&self, metadata: &Metadata, _sight: Option<&Sight>) -> Option<Key> {
        Key::new(metadata.namespace.as_deref(), metadata.name.as_deref()?)
    }

    fn uid<'a>(&self, sight: &'a Sight) -> &'a str {
        &sight.uid
    }

    fn decide(&self, seen: Option<&Sight>, now: &Sight, at: DateTime<Utc>) -> Verdict<Sight, Transition> {
        decide::decide(&self.custom.lasts, seen, now, at)
    }

    fn end(&self, seen: &Sight, _last: Option<&Sight>) -> Verdict<Sight, Transition> {
        let change = Change { about: seen.said.phase.clone(), ..Change::new(Transition::Deleted) };
        Verdict::new(vec![change], None)
    }

    fn event(&self, key: &Key, place: Place, sight: &Sight, change: &Change, now: DateTime<Utc>) -> Envelope {
        let payload = Object {
            transition: change.transition,
            kind: self.name.clone(),
            version: self.what.resource.version.clone(),
            name: key.name().to_owned(),
            namespace: super::namespace(key),
            phase: change.about.clone(),
            message: sight.step(now).and_then(|step| step.message.clone()),
            previous: change.previous.clone(),
        };
        let voice = Voice { source: "/kubernetes", partition: &self.name };
        let identity = Identity { uid: &sight.uid, place, about: change.about.as_deref() };
        announce::event(voice, key, identity, &payload, now)
    }
}
