//! What there is to know about a kind of object that is watched: where it is, how it is read, what a transition of it is,
//! and how that is said. The engine ([`crate::apply`], [`crate::watch`]) knows the rest, and is the same for all.

use std::borrow::Cow;
use std::fmt::Debug;

use chrono::{DateTime, Utc};
use events::Envelope;
use kube::api::ApiResource;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::announce::Place;
use crate::gather::{Body, Metadata, Unreadable};
use crate::key::Key;

/// A kind of object that is watched. All but `read` is pure, and `read` only decodes.
pub trait Watched: Send + Sync + 'static {
    /// What is decoded of an object; the rest of it is dropped while it is read from the wire.
    type Body: Body;
    /// How an object stands. A part of the state that is kept.
    type Sight: Serialize + DeserializeOwned + Clone + Debug + PartialEq + Send + Sync + 'static;
    /// What can change.
    type Transition: Copy + Debug + PartialEq + Send + Sync + 'static;

    /// Where and how it is watched.
    fn what(&self) -> &What;

    /// How an object stands at that time.
    ///
    /// # Errors
    /// When it has not the shape that it should have. Nothing is announced of it then.
    fn read(&self, body: Self::Body, at: DateTime<Utc>) -> Result<Self::Sight, Unreadable>;

    /// Whose state is kept under that key of the store.
    fn key_of(&self, stored: &str) -> Option<Key> {
        let What { prefix, namespaced, .. } = self.what();
        Key::from_store(stored, prefix, *namespaced)
    }

    /// Under which key its state is kept: that of the object, unless several objects are one for us.
    fn key(&self, metadata: &Metadata, _sight: Option<&Self::Sight>) -> Option<Key> {
        Key::new(metadata.namespace.as_deref(), metadata.name.as_deref()?)
    }

    /// The uid: with another one it is another object of the same name.
    fn uid<'a>(&self, sight: &'a Self::Sight) -> &'a str;

    /// What is to be said about an object that stands like `now`, when `seen` is what was kept of it (`None`: nothing).
    fn decide(
        &self,
        seen: Option<&Self::Sight>,
        now: &Self::Sight,
        at: DateTime<Utc>,
    ) -> Verdict<Self::Sight, Self::Transition>;

    /// What is to be said about an object that is gone; `last` is how it stood at the end, if that was seen.
    fn end(&self, seen: &Self::Sight, last: Option<&Self::Sight>) -> Verdict<Self::Sight, Self::Transition>;

    /// The event of a transition.
    fn event(
        &self,
        key: &Key,
        place: Place,
        sight: &Self::Sight,
        change: &Change<Self::Transition>,
        now: DateTime<Utc>,
    ) -> Envelope;
}

/// Where and how a kind of object is watched.
#[derive(Debug, Clone)]
pub struct What {
    /// Its place in the API.
    pub resource: ApiResource,
    /// Whether it lives in namespaces.
    pub namespaced: bool,
    /// What people call one.
    pub one: Cow<'static, str>,
    /// What people call several.
    pub several: String,
    /// Said when the API server does not know the kind.
    pub missing: &'static str,
    /// What the keys of its states begin with, without the `/`.
    pub prefix: String,
    /// What is said when the objects are seen for the very first time.
    pub baseline: Baseline,
    /// Which of its objects are asked for.
    pub fields: Option<&'static str>,
    /// How many are asked for at once: a page is held as text while it is decoded.
    pub page: u32,
}

/// What is said at the very first list of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Baseline {
    /// Nothing: how things stood before anybody looked is no transition.
    Silent,
    /// The same as about an object that comes later.
    Said,
}

/// What comes of a sight.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Verdict<S, T> {
    /// What is to be said, in this order.
    pub changes: Vec<Change<T>>,
    /// What is to be compared with from now on; `None`: nothing is worth keeping.
    pub keep: Option<S>,
    /// When the same sight would have to be looked at again, because time alone makes a difference.
    pub again: Option<DateTime<Utc>>,
}

impl<S, T> Verdict<S, T> {
    /// These changes, and this to compare with.
    pub fn new(changes: Vec<Change<T>>, keep: Option<S>) -> Self {
        Self { changes, keep, again: None }
    }
}

/// One transition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<T> {
    /// What changed.
    pub transition: T,
    /// What it changed from, in the words of the source.
    pub previous: Option<String>,
    /// Which part of the object it is about, where several can change alike at once (a container, a condition).
    pub about: Option<String>,
}

impl<T> Change<T> {
    /// A transition that has no "before".
    pub fn new(transition: T) -> Self {
        Self { transition, previous: None, about: None }
    }

    /// What it changed from.
    #[must_use]
    pub fn from(self, previous: impl Into<String>) -> Self {
        Self { previous: Some(previous.into()), ..self }
    }

    /// Which part it is about.
    #[must_use]
    pub fn about(self, part: impl Into<String>) -> Self {
        Self { about: Some(part.into()), ..self }
    }
}
