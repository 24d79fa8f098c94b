//! Gather: an Application as Kubernetes sends it, reduced at once to what matters here.
//!
//! A whole Application can be several hundred kilobytes (every resource, ten revisions of history); the rest of it is
//! dropped while it is decoded. One that cannot be read does not stop the watch of the others.
//!
//! Source of the fields: `manifests/crds/application-crd.yaml` of Argo CD, `argoproj.io/v1alpha1`.

mod sight;
mod wire;

use std::borrow::Cow;
use std::sync::Arc;

use kube::Resource;
use kube::core::{NamespaceResourceScope, ObjectMeta};
use serde::{Deserialize, Deserializer};
use thiserror::Error;

use crate::key::AppKey;

pub use sight::Sight;

/// An Application, reduced.
#[derive(Debug, Clone)]
pub struct Object {
    metadata: ObjectMeta,
    /// How it stands, or why that cannot be read.
    pub sight: Result<Sight, Arc<Unreadable>>,
}

/// Why an Application cannot be read.
#[derive(Debug, Error)]
pub enum Unreadable {
    /// A field that every object has is not there.
    #[error("it has no {0}")]
    Missing(&'static str),
    /// A part has another shape than Argo CD gives it.
    #[error("its {part} has not the shape that Argo CD gives it")]
    Shape {
        /// Which part, for example `status.sync`.
        part: &'static str,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

impl Object {
    /// Which Application; `None` if it has no name that Kubernetes would take.
    pub fn key(&self) -> Option<AppKey> {
        AppKey::new(self.metadata.namespace.as_deref()?, self.metadata.name.as_deref()?)
    }

    /// Its `metadata.uid`.
    pub fn uid(&self) -> Option<&str> {
        self.metadata.uid.as_deref()
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire::Application { metadata, spec, status } = wire::Application::deserialize(deserializer)?;
        let sight = Sight::read(&metadata, spec, status.unwrap_or_default()).map_err(Arc::new);
        let wire::Metadata { name, namespace, uid, resource_version } = metadata;
        Ok(Self {
            metadata: ObjectMeta { name, namespace, uid, resource_version, ..ObjectMeta::default() },
            sight,
        })
    }
}

impl Resource for Object {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "Application".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        "argoproj.io".into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1alpha1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "applications".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
