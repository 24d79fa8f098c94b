//! Docker Hub. Its `callback_url` is never called: anybody could have us call any address with it.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{said, sender};
use crate::payload::image::{Pushed, Registry};
use crate::webhook::{self, DecodeError};

#[derive(Deserialize)]
struct Delivery {
    push_data: PushData,
    repository: Repository,
}

#[derive(Deserialize)]
struct PushData {
    tag: Option<String>,
    #[serde(default, with = "chrono::serde::ts_seconds_option")]
    pushed_at: Option<DateTime<Utc>>,
    pusher: Option<String>,
}

#[derive(Deserialize)]
struct Repository {
    repo_name: String,
}

pub(super) fn pushes(body: &[u8]) -> Result<Vec<Pushed>, DecodeError> {
    let Delivery { push_data, repository } = webhook::read(sender(Registry::DockerHub), body)?;
    let push = said(push_data.tag).map(|tag| Pushed {
        repository: format!("docker.io/{}", repository.repo_name),
        tag,
        digest: None,
        platforms: Vec::new(),
        registry: Registry::DockerHub,
        pushed_by: said(push_data.pusher),
        pushed_at: push_data.pushed_at,
        revision: None,
    });
    Ok(push.into_iter().collect())
}
