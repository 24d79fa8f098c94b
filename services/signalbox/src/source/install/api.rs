//! GitHub's webhooks, of a repository or an organisation.
//! <https://docs.github.com/en/rest/repos/webhooks>, <https://docs.github.com/en/rest/orgs/webhooks>

use std::collections::BTreeSet;

use chassis::Intended;
use github::{Error, Fresh, Github, path};
use reqwest::Method;
use resources::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::plan::{Hook, Wanted};

/// The most that a page has.
const PAGE: usize = 100;
/// More pages than any repository has webhooks for: GitHub allows 20 for each event.
const PAGES: usize = 50;

/// Whose webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `owner/name`.
    Repository(String, String),
    /// An organisation.
    Organization(String),
}

/// A delivery, as GitHub lists it.
#[derive(Debug, Clone, Deserialize)]
pub struct Delivery {
    pub id: u64,
    pub event: String,
    pub status: String,
    pub status_code: u16,
}

impl Place {
    fn hooks(&self) -> String {
        match self {
            Self::Repository(owner, name) => path(&["repos", owner, name, "hooks"]),
            Self::Organization(login) => path(&["orgs", login, "hooks"]),
        }
    }

    fn hook(&self, id: u64) -> String {
        format!("{}/{id}", self.hooks())
    }
}

/// All webhooks there.
pub async fn hooks(github: &Github, place: &Place) -> Result<Vec<Hook>, Error> {
    let mut next = Some(format!("{}?per_page={PAGE}", place.hooks()));
    let mut hooks = Vec::new();
    for _ in 0..PAGES {
        let Some(page) = next else { break };
        let Fresh::New(answer) = github.get(&page, None).await? else { break };
        hooks.extend(answer.json::<Vec<Hook>>()?);
        next = answer.next;
    }
    Ok(hooks)
}

/// Makes one; returns its id.
pub async fn create(
    github: &Github,
    place: &Place,
    wanted: &Wanted,
    secret: &Secret,
    intended: &Intended,
) -> Result<u64, Error> {
    let mut body = body(wanted, &wanted.events, secret);
    body["name"] = json!("web");
    let answer = github.send(Method::POST, &place.hooks(), Some(&body), intended).await?;
    Ok(answer.json::<Hook>()?.id)
}

/// Makes one as it should be. `config` takes the place of the whole one, so the secret has to be in it.
pub async fn update(
    github: &Github,
    place: &Place,
    id: u64,
    wanted: &Wanted,
    secret: &Secret,
    intended: &Intended,
) -> Result<(), Error> {
    let body = body(wanted, &wanted.events, secret);
    github.send(Method::PATCH, &place.hook(id), Some(&body), intended).await.map(|_| ())
}

fn body(wanted: &Wanted, events: &BTreeSet<String>, secret: &Secret) -> Value {
    json!({
        "active": true,
        "events": events,
        "config": {
            "url": wanted.url,
            "content_type": "json",
            "insecure_ssl": "0",
            "secret": String::from_utf8_lossy(secret.expose()),
        },
    })
}

/// Has GitHub send a ping.
pub async fn ping(github: &Github, place: &Place, id: u64, intended: &Intended) -> Result<(), Error> {
    let at = format!("{}/pings", place.hook(id));
    github.send(Method::POST, &at, None, intended).await.map(|_| ())
}

/// The last deliveries of a webhook, newest first.
pub async fn deliveries(github: &Github, place: &Place, id: u64) -> Result<Vec<Delivery>, Error> {
    let at = format!("{}/deliveries?per_page=20", place.hook(id));
    match github.get(&at, None).await? {
        Fresh::New(answer) => answer.json(),
        Fresh::Known => Ok(Vec::new()),
    }
}
