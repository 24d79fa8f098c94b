//! Gather: an object as Kubernetes sends it, reduced at once to what matters here.
//!
//! A whole object can be several hundred kilobytes (every resource, ten revisions of history); the rest of it is dropped
//! while it is decoded.

mod time;

use std::borrow::Cow;
use std::fmt::Debug;

use kube::Resource;
use kube::api::ApiResource;
use kube::core::{DynamicResourceScope, ObjectMeta};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use thiserror::Error;

pub use time::Time;

/// Longest text that is taken over: a comparison error can quote a whole manifest.
pub const TEXT_BYTES: usize = 4 * 1024;
/// Longest list that is taken over. With [`TEXT_BYTES`] it keeps every event far below what the bus takes.
pub const LIST_ITEMS: usize = 200;

/// An object, reduced.
#[derive(Debug, Clone)]
pub struct Object<B> {
    /// For kube, which follows the resource version.
    kube: ObjectMeta,
    /// What is read of it.
    pub body: B,
}

/// What is read of an object.
pub trait Body: DeserializeOwned + Clone + Debug + Send + Sync + 'static {
    /// Its `metadata`.
    fn metadata(&self) -> &Metadata;
}

/// The shape that most kinds have.
#[derive(Debug, Clone, Deserialize)]
pub struct Common<Spec, Status> {
    pub metadata: Metadata,
    #[serde(default = "Option::default")]
    pub spec: Option<Spec>,
    #[serde(default = "Option::default")]
    pub status: Option<Status>,
}

/// What is read of an object's metadata.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    pub name: Option<String>,
    pub namespace: Option<String>,
    pub uid: Option<String>,
    pub resource_version: Option<String>,
    pub generation: Option<i64>,
    pub creation_timestamp: Option<Time>,
    pub deletion_timestamp: Option<Time>,
    pub owner_references: Option<Vec<Owner>>,
}

/// Whom an object belongs to.
#[derive(Debug, Clone, Deserialize)]
pub struct Owner {
    pub kind: String,
    pub name: String,
    #[serde(default)]
    pub controller: Option<bool>,
}

/// Why an object cannot be read.
#[derive(Debug, Error)]
pub enum Unreadable {
    /// A field that every object has is not there.
    #[error("it has no {0}")]
    Missing(&'static str),
    /// An expression of the settings makes nothing of it.
    #[error("`{field}` of the settings makes nothing of it: {why}")]
    Expression {
        /// Which one, for example `phase`.
        field: &'static str,
        /// What is wrong.
        why: String,
    },
    /// A part has another shape than it should have.
    #[error("its {part} has not the shape that {who} gives it")]
    Shape {
        /// Which part, for example `status.sync`.
        part: &'static str,
        /// Who should know.
        who: &'static str,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

impl Metadata {
    /// `metadata.uid`.
    pub fn uid(&self) -> Result<String, Unreadable> {
        self.uid.clone().ok_or(Unreadable::Missing("metadata.uid"))
    }

    /// The controller that made it, as `Kind/name`.
    pub fn owner(&self) -> Option<String> {
        let owners = self.owner_references.as_deref().unwrap_or_default();
        let owner = owners.iter().find(|owner| owner.controller == Some(true))?;
        Some(format!("{}/{}", owner.kind, owner.name))
    }
}

impl<Spec, Status> Body for Common<Spec, Status>
where
    Spec: DeserializeOwned + Clone + Debug + Send + Sync + 'static,
    Status: DeserializeOwned + Clone + Debug + Send + Sync + 'static,
{
    fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

impl<B: Body> Object<B> {
    /// The object of which this is read.
    pub fn of(body: B) -> Self {
        let Metadata { name, namespace, resource_version, .. } = body.metadata().clone();
        Self { kube: ObjectMeta { name, namespace, resource_version, ..ObjectMeta::default() }, body }
    }
}

impl<'de, B: Body> Deserialize<'de> for Object<B> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        B::deserialize(deserializer).map(Self::of)
    }
}

impl<B> Resource for Object<B> {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(resource: &ApiResource) -> Cow<'_, str> {
        resource.kind.as_str().into()
    }

    fn group(resource: &ApiResource) -> Cow<'_, str> {
        resource.group.as_str().into()
    }

    fn version(resource: &ApiResource) -> Cow<'_, str> {
        resource.version.as_str().into()
    }

    fn plural(resource: &ApiResource) -> Cow<'_, str> {
        resource.plural.as_str().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.kube
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.kube
    }
}

/// A text that says something, shortened if it is too long.
pub fn said(text: Option<String>) -> Option<String> {
    let mut text = text.filter(|text| !text.is_empty())?;
    if text.len() > TEXT_BYTES {
        text.truncate(text.floor_char_boundary(TEXT_BYTES));
        text.push('…');
    }
    Some(text)
}

/// Texts that say something, as many as are taken over.
pub fn list(items: Vec<String>) -> Vec<String> {
    items.into_iter().filter_map(|item| said(Some(item))).take(LIST_ITEMS).collect()
}
