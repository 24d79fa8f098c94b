//! What is known of event types, our own and foreign ones: for `signalbox check`, the console and the documents.

use std::str::FromStr as _;

use strum::IntoEnumIterator as _;

use crate::{Kind, github};

#[cfg(test)]
pub(crate) mod tests;

/// Every type that Signalbox knows: its own, then those of GitHub. A CloudEvent of any other type can come in too.
///
/// ```
/// let types: Vec<_> = events::catalogue::types().collect();
/// assert!(types.contains(&"io.signalbox.deploy.failed.v1"));
/// assert!(types.contains(&"com.github.push"));
/// ```
pub fn types() -> impl Iterator<Item = &'static str> {
    Kind::iter().map(Kind::name).chain(github::known_types())
}

/// Whether a type is known.
pub fn is_known(ty: &str) -> bool {
    Kind::from_str(ty).is_ok() || github::is_known_type(ty)
}

/// The JSON Schema of a type's body, if there is one.
///
/// That of one of our own types names every member of the body ([`Schema::Closed`]): a rule that names another one is
/// wrong. That of a foreign type names those that we looked at ([`Schema::Open`]): a rule may well name another one.
///
/// ```
/// use events::catalogue::{Schema, schema};
/// assert!(matches!(schema("io.signalbox.deploy.failed.v1"), Some(Schema::Closed(_))));
/// assert!(matches!(schema("com.github.push"), Some(Schema::Open(_))));
/// assert!(schema("com.example.seen").is_none());
/// ```
pub fn schema(ty: &str) -> Option<Schema> {
    match Kind::from_str(ty) {
        Ok(kind) => Some(Schema::Closed(kind.schema())),
        Err(_) => github::schema(ty).map(Schema::Open),
    }
}

/// The text of a JSON Schema (2020-12), and whether it names all that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// It names every member.
    Closed(&'static str),
    /// There are more members than it names.
    Open(&'static str),
}

/// A sample of a type, in the JSON event format, if there is one.
///
/// ```
/// let sample = events::catalogue::sample("com.github.workflow_run.completed").ok_or("no sample")?;
/// let event = events::json::decode(sample.as_bytes())?;
/// assert_eq!(event.partition_key(), "acme/shop");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn sample(ty: &str) -> Option<&'static str> {
    match Kind::from_str(ty) {
        Ok(kind) => Some(kind.sample()),
        Err(_) => FOREIGN_SAMPLES.iter().find(|(known, _)| *known == ty).map(|(_, sample)| *sample),
    }
}

macro_rules! sample {
    ($ty:literal) => {
        ($ty, include_str!(concat!("../samples/", $ty, ".json")))
    };
}

/// Samples of foreign types that have a typed view.
const FOREIGN_SAMPLES: [(&str, &str); 15] = [
    sample!("com.github.check_run.completed"),
    sample!("com.github.check_suite.completed"),
    sample!("com.github.create"),
    sample!("com.github.delete"),
    sample!("com.github.deployment.created"),
    sample!("com.github.deployment_status.created"),
    sample!("com.github.issue_comment.created"),
    sample!("com.github.package.published"),
    sample!("com.github.ping"),
    sample!("com.github.pull_request.opened"),
    sample!("com.github.push"),
    sample!("com.github.registry_package.published"),
    sample!("com.github.release.published"),
    sample!("com.github.repository_dispatch.deploy"),
    sample!("com.github.workflow_run.completed"),
];

/// What a type leaves of a body.
#[cfg(test)]
pub(crate) type Reread = fn(&[u8]) -> serde_json::Result<serde_json::Value>;

/// The JSON Schema of a Rust type, under the name of the event type that it is the body of.
#[cfg(test)]
pub(crate) fn schema_of<T: schemars::JsonSchema>(title: &str) -> serde_json::Value {
    let generator = schemars::generate::SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    schema.to_value()
}
