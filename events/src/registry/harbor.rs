//! Harbor, in both of its payload formats.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{repository_of, said, sender};
use crate::payload::image::{Pushed, Registry};
use crate::webhook::{self, DecodeError};

#[derive(Deserialize)]
struct Delivery {
    r#type: String,
    operator: Option<String>,
    #[serde(default, with = "chrono::serde::ts_seconds_option")]
    occur_at: Option<DateTime<Utc>>,
    event_data: Option<Data>,
    // As a CloudEvent.
    time: Option<DateTime<Utc>>,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    resources: Vec<Artifact>,
}

#[derive(Deserialize)]
struct Artifact {
    digest: Option<String>,
    tag: Option<String>,
    resource_url: String,
}

pub(super) fn pushes(body: &[u8]) -> Result<Vec<Pushed>, DecodeError> {
    let Delivery { r#type, operator, occur_at, event_data, time, data } =
        webhook::read(sender(Registry::Harbor), body)?;
    if !matches!(r#type.as_str(), "PUSH_ARTIFACT" | "harbor.artifact.pushed") {
        return Ok(Vec::new());
    }
    let resources = event_data.or(data).map(|data| data.resources).unwrap_or_default();
    let push = |artifact: Artifact| {
        let Artifact { digest, tag, resource_url } = artifact;
        Some(Pushed {
            repository: repository_of(&resource_url).to_owned(),
            tag: said(tag)?,
            digest: said(digest),
            platforms: Vec::new(),
            registry: Registry::Harbor,
            pushed_by: said(operator.clone()),
            pushed_at: occur_at.or(time),
            revision: None,
        })
    };
    Ok(resources.into_iter().filter_map(push).collect())
}
