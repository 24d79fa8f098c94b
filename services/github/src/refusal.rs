//! What an answer that is not good says. Pure.

use chrono::{DateTime, Utc};
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

use crate::auth::Shows;
use crate::{Auth, Error, limit};

/// The longest message that is quoted, in characters.
const LONGEST: usize = 400;
/// How many errors of an answer are quoted.
const MOST: usize = 5;

/// The body of an error by GitHub's documentation; all of it may be absent.
#[derive(Default, Deserialize)]
struct Body {
    message: Option<String>,
    #[serde(default)]
    errors: Vec<Value>,
    documentation_url: Option<String>,
}

/// The error that an answer is: `what` is the method and the path.
pub(crate) fn of(
    what: &str,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    shown: (&Auth, Shows),
    now: DateTime<Utc>,
) -> Error {
    let Body { message, errors, documentation_url } = serde_json::from_slice(body).unwrap_or_default();
    let message = message.unwrap_or_default();
    if let Some((limit, until)) = limit::of(status, headers, &message, now) {
        return Error::RateLimited { limit, until, message: shorten(&message) };
    }
    let details: Vec<String> = errors.iter().take(MOST).map(detail).collect();
    let details = if details.is_empty() { String::new() } else { format!(" ({})", details.join("; ")) };
    // Where a message says little, its documentation says more.
    let see = documentation_url
        .filter(|_| status == 403 || status == 422)
        .map_or_else(String::new, |url| format!(" (see {url})"));
    let message = shorten(&format!("{message}{details}{see}"));
    let what = what.to_owned();
    match status {
        401 => {
            let (shown, hint) = hint(shown);
            Error::Unauthorized { shown, hint, message }
        }
        403 => Error::Forbidden { what, needs: needs(headers), message },
        404 | 410 => Error::Missing { what, status, needs: needs(headers), message },
        500.. => Error::Unwell { status, until: limit::until(headers, now), message },
        _ => Error::Refused { what, status, message },
    }
}

fn hint((auth, shows): (&Auth, Shows)) -> (&'static str, &'static str) {
    match (auth, shows) {
        (Auth::Token(_), _) => ("token", "is it expired, revoked, or cut off?"),
        (Auth::App(_), Shows::App) => (
            "JWT of the App",
            "do the id and the private key belong together, and is the clock of this machine right?",
        ),
        (Auth::App(_), Shows::Token) => {
            ("token of the App's installation", "is the App still installed, and not suspended?")
        }
    }
}

/// What would do: `X-Accepted-GitHub-Permissions` has alternatives, each a list (`contents=read,metadata=read;…`), and
/// `X-Accepted-OAuth-Scopes` the scopes of a classic token, of which one will do.
fn needs(headers: &HeaderMap) -> Option<String> {
    let text = |name| {
        let text = headers.get(name)?.to_str().ok()?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let permissions = text("x-accepted-github-permissions").map(|permissions| {
        let alternatives: Vec<String> = permissions
            .split(';')
            .map(|all| {
                let all: Vec<&str> = all.split(',').map(str::trim).filter(|one| !one.is_empty()).collect();
                all.join(" and ")
            })
            .filter(|all| !all.is_empty())
            .collect();
        format!("the permission {}", alternatives.join(", or "))
    });
    let scopes = text("x-accepted-oauth-scopes")
        .map(|scopes| format!("one of the scopes {scopes} of a classic token"));
    match (permissions, scopes) {
        (Some(permissions), Some(scopes)) => Some(format!("{permissions}, or {scopes}")),
        (one, other) => one.or(other),
    }
}

/// One of `errors`: a text, or an object with `resource`, `field`, `code` and perhaps `message`.
fn detail(error: &Value) -> String {
    let text = |name: &str| error.get(name).and_then(Value::as_str);
    match (error.as_str(), text("message"), text("field"), text("code")) {
        (Some(text), ..) => text.to_owned(),
        (None, Some(message), ..) => message.to_owned(),
        (None, None, Some(field), Some(code)) => format!("{field}: {code}"),
        (None, None, field, code) => field.or(code).unwrap_or("no reason").to_owned(),
    }
}

fn shorten(message: &str) -> String {
    let clean = message.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut short: String = clean.clone().take(LONGEST).collect();
    if clean.count() > LONGEST {
        short.push('…');
    }
    short.trim().to_owned()
}
