//! Gather: what Alertmanager lists.

use std::time::Duration;

use chrono::{DateTime, Utc};
use events::alertmanager::{self, Listed};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use resources::source::AlertsApi;
use resources::source::alertmanager::Login;
use serde::Deserialize;

use crate::deliveries::apply::chain;

/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(5);
/// Until the whole list is there.
const ANSWER: Duration = Duration::from_secs(30);
/// Longest list that is read: some 30,000 alerts.
const LARGEST: usize = 32 << 20;

/// Why there is no list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What is wrong, and what would be right.
    pub reason: String,
    /// Whether somebody has to change something.
    pub lasts: bool,
}

/// What Alertmanager lists.
#[derive(Debug)]
pub struct Answer {
    /// When it was started.
    pub up_since: DateTime<Utc>,
    /// The alerts of the receiver.
    pub listed: Vec<Listed>,
}

/// The client.
pub fn client() -> reqwest::Result<Client> {
    Client::builder()
        .user_agent(concat!("signalbox/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .connect_timeout(CONNECT)
        .timeout(ANSWER)
        .build()
}

#[derive(Deserialize)]
struct Status {
    uptime: DateTime<Utc>,
}

/// Asks for the alerts of the receiver.
pub async fn ask(http: &Client, api: &AlertsApi, external_url: &str) -> Result<Answer, Trouble> {
    let status = get(http, api, "/api/v2/status", &[]).await?;
    let Status { uptime } = serde_json::from_slice(&status).map_err(|error| unreadable(&error))?;
    // A regular expression, which has to fit as a whole.
    let receiver = escape(&api.receiver);
    let alerts = get(http, api, "/api/v2/alerts", &[("receiver", &receiver)]).await?;
    let listed =
        alertmanager::list(&alerts, &api.receiver, external_url).map_err(|error| unreadable(&error))?;
    Ok(Answer { up_since: uptime, listed })
}

#[expect(clippy::disallowed_methods, reason = "asks: which alerts fire")]
async fn send(
    http: &Client,
    api: &AlertsApi,
    path: &str,
    query: &[(&str, &str)],
) -> Result<Response, Trouble> {
    let request = http.get(format!("{}{path}", api.url)).query(query);
    shown(request, api)?.send().await.map_err(silence)
}

async fn get(http: &Client, api: &AlertsApi, path: &str, query: &[(&str, &str)]) -> Result<Vec<u8>, Trouble> {
    let mut answer = send(http, api, path, query).await?;
    let status = answer.status();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(silence)? {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST {
            let reason = format!("Alertmanager's list has more than {LARGEST} bytes");
            return Err(Trouble { reason, lasts: true });
        }
    }
    if status.is_success() { Ok(body) } else { Err(refused(path, status, &body)) }
}

fn shown(request: RequestBuilder, api: &AlertsApi) -> Result<RequestBuilder, Trouble> {
    let text = |secret: &resources::SecretRef| {
        let secret = secret.read().map_err(|error| Trouble { reason: chain(&error), lasts: false })?;
        String::from_utf8(secret.expose().to_vec()).map_err(|_invalid| Trouble {
            reason: "what Alertmanager wants to see is no text".to_owned(),
            lasts: true,
        })
    };
    Ok(match &api.login {
        None => request,
        Some(Login::Token(token)) => request.bearer_auth(text(token)?),
        Some(Login::Basic { user, password }) => request.basic_auth(user, Some(text(password)?)),
    })
}

fn refused(path: &str, status: StatusCode, body: &[u8]) -> Trouble {
    let said: String = String::from_utf8_lossy(body).chars().filter(|c| !c.is_control()).take(200).collect();
    let hint = match status.as_u16() {
        401 | 403 => "; `token` or `basic` of `api` is what it should want to see",
        404 | 300..=399 => {
            "; is `url` of `api` the address of an Alertmanager, with the prefix of its routes?"
        }
        _ => "",
    };
    let lasts = !(status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS);
    Trouble {
        reason: format!("Alertmanager answered {} to GET {path}: {said}{hint}", status.as_u16()),
        lasts,
    }
}

fn silence(error: reqwest::Error) -> Trouble {
    let why = format!("{:#}", anyhow::Error::new(error.without_url()));
    Trouble { reason: format!("Alertmanager does not answer: {why}"), lasts: false }
}

fn unreadable(error: &(dyn std::error::Error + 'static)) -> Trouble {
    Trouble { reason: format!("Alertmanager's answer cannot be read: {}", chain(error)), lasts: true }
}

/// As `regexp.QuoteMeta` of Go.
fn escape(text: &str) -> String {
    let special = |c: char| r"\.+*?()|[]{}^$".contains(c);
    text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn the_name_of_a_receiver_is_no_expression() {
        assert_eq!(escape("team-a/signal.box"), r"team-a/signal\.box");
        assert_eq!(escape("a|b (c)"), r"a\|b \(c\)");
    }
}
