//! How full the volumes of claims are. Of one that has room nothing is kept.

use chrono::{DateTime, Utc};
use events::Envelope;
use events::payload::volume_usage::{Resource, Transition, VolumeUsage};
use serde::{Deserialize, Serialize};

use crate::announce::Place;
use crate::gather::{self, Metadata, Unreadable};
use crate::key::Key;
use crate::watched::{self, Baseline, Verdict, Watched, What};

type Change = watched::Change<Transition>;

/// How full volumes are.
#[derive(Debug)]
pub struct VolumeUsages {
    what: What,
    /// From so many per cent on a volume is nearly full.
    nearly_full: u8,
    /// Below so many it is not any more: without a distance, one at the edge would go to and fro.
    relieved: u8,
}

/// What is measured of a volume, with the name of its claim.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Body {
    metadata: Metadata,
    pub capacity: Option<u64>,
    pub available: Option<u64>,
    pub inodes: Option<u64>,
    pub inodes_free: Option<u64>,
}

/// How full a volume is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    /// The measures name the claim alone, so that is what it is known by.
    uid: String,
    used_percent: u8,
    by_inodes: bool,
    capacity: u64,
    available: u64,
    inodes: Option<u64>,
    inodes_free: Option<u64>,
}

impl Body {
    /// With the name of its claim.
    pub fn named(self, namespace: &str, name: &str) -> Self {
        let metadata = Metadata {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            uid: Some(format!("{namespace}/{name}")),
            ..Metadata::default()
        };
        Self { metadata, ..self }
    }

    /// The namespace of its claim.
    pub fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// Whether enough is known of it.
    pub fn is_known(&self) -> bool {
        self.capacity.is_some_and(|capacity| capacity > 0) && self.available.is_some()
    }
}

impl gather::Body for Body {
    fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

/// How much is used, in per cent, rounded down; `None` of nothing.
fn used(all: u64, free: u64) -> Option<u8> {
    let used = u128::from(all.saturating_sub(free)) * 100;
    used.checked_div(u128::from(all)).and_then(|percent| u8::try_from(percent).ok())
}

impl VolumeUsages {
    /// Nearly full from so many per cent on, and not any more below so many.
    pub fn new(nearly_full: u8, relieved: u8) -> Self {
        let what = super::of_kubernetes("", "PersistentVolumeClaim", "persistentvolumeclaims", true);
        let what = What {
            one: "usage of a volume".into(),
            several: "the usage of volumes".to_owned(),
            prefix: "volumeusage".to_owned(),
            // One that is nearly full when somebody begins to look is what it is looked at for.
            baseline: Baseline::Said,
            ..what
        };
        Self { what, nearly_full, relieved }
    }
}

impl Watched for VolumeUsages {
    type Body = Body;
    type Sight = Sight;
    type Transition = Transition;

    fn what(&self) -> &What {
        &self.what
    }

    fn read(&self, body: Body, _at: DateTime<Utc>) -> Result<Sight, Unreadable> {
        let Body { metadata, capacity, available, inodes, inodes_free } = body;
        let capacity = capacity.ok_or(Unreadable::Missing("capacity"))?;
        let available = available.ok_or(Unreadable::Missing("free space"))?;
        let space = used(capacity, available).unwrap_or_default();
        // Some file systems have no fixed number of inodes, and say 0.
        let files = inodes.zip(inodes_free).and_then(|(all, free)| used(all, free)).unwrap_or_default();
        Ok(Sight {
            uid: metadata.uid()?,
            used_percent: space.max(files),
            by_inodes: files > space,
            capacity,
            available,
            inodes,
            inodes_free,
        })
    }

    fn uid<'a>(&self, sight: &'a Sight) -> &'a str {
        &sight.uid
    }

    fn decide(&self, seen: Option<&Sight>, now: &Sight, _at: DateTime<Utc>) -> Verdict<Sight, Transition> {
        match seen {
            None if now.used_percent >= self.nearly_full => {
                Verdict::new(vec![Change::new(Transition::NearlyFull)], Some(now.clone()))
            }
            Some(_) if now.used_percent < self.relieved => {
                Verdict::new(vec![Change::new(Transition::Relieved)], None)
            }
            seen => Verdict::new(Vec::new(), seen.cloned()),
        }
    }

    /// Nobody uses it any more; if it is used again, it is as full as before, and that is news then.
    fn end(&self, _seen: &Sight, _last: Option<&Sight>) -> Verdict<Sight, Transition> {
        Verdict::new(Vec::new(), None)
    }

    fn event(&self, key: &Key, place: Place, sight: &Sight, change: &Change, now: DateTime<Utc>) -> Envelope {
        let payload = VolumeUsage {
            transition: change.transition,
            name: key.name().to_owned(),
            namespace: super::namespace(key),
            used_percent: sight.used_percent,
            scarce: if sight.by_inodes { Resource::Inodes } else { Resource::Space },
            capacity_bytes: sight.capacity,
            available_bytes: sight.available,
            inodes: sight.inodes,
            inodes_free: sight.inodes_free,
        };
        super::event(&self.what, key, &sight.uid, place, change, &payload, now)
    }
}
