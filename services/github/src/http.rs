//! One request over HTTP. What the answer means is for `refusal`.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use chassis::Intended;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response, Url};
use serde_json::Value;

use crate::Error;
use crate::auth::Token;

/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(5);
/// Between two parts of an answer: a large delivery may take longer in all.
const SILENCE: Duration = Duration::from_secs(20);
/// Until the whole answer is there.
const ANSWER: Duration = Duration::from_mins(1);
/// Largest answer that is read: a delivery has at most 25 MB, in JSON within JSON.
pub(crate) const LARGEST: usize = 32 << 20;
/// The version of the API that this client was written for.
const VERSION: &str = "2022-11-28";

/// What came back.
pub(crate) struct Heard {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Redirects are not followed here: a token goes only where it should.
pub(crate) fn client() -> reqwest::Result<Client> {
    Client::builder()
        .user_agent(concat!("signalbox/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .timeout(ANSWER)
        .build()
}

/// Asks.
#[expect(clippy::disallowed_methods, reason = "asks: what GitHub has at an address")]
pub(crate) async fn ask(http: &Client, url: Url, token: &Token, etag: Option<&str>) -> Result<Heard, Error> {
    let mut request = dressed(http.get(url), token)?;
    if let Some(etag) = etag.and_then(|etag| HeaderValue::from_str(etag).ok()) {
        request = request.header(IF_NONE_MATCH, etag);
    }
    heard(request.send().await).await
}

/// Changes something.
#[expect(clippy::disallowed_methods, reason = "effect: changes what GitHub has at an address")]
pub(crate) async fn act(
    http: &Client,
    method: Method,
    url: Url,
    token: &Token,
    body: Option<&Value>,
    _: &Intended,
) -> Result<Heard, Error> {
    let mut request = dressed(http.request(method, url), token)?;
    if let Some(body) = body {
        request = request.json(body);
    }
    heard(request.send().await).await
}

/// Makes a token of an installation. It is gone after an hour, and one more does no harm.
#[expect(clippy::disallowed_methods, reason = "except: a token of the App's own, which changes nothing")]
pub(crate) async fn make_token(http: &Client, url: Url, jwt: &Token) -> Result<Heard, Error> {
    heard(dressed(http.post(url), jwt)?.send().await).await
}

fn dressed(request: RequestBuilder, token: &Token) -> Result<RequestBuilder, Error> {
    let mut shown =
        HeaderValue::try_from(format!("Bearer {}", token.0)).map_err(|_invalid| Error::NoToken)?;
    shown.set_sensitive(true);
    Ok(request
        .header(AUTHORIZATION, shown)
        .header(ACCEPT, "application/vnd.github+json")
        .header(HeaderName::from_static("x-github-api-version"), VERSION))
}

async fn heard(sent: Result<Response, reqwest::Error>) -> Result<Heard, Error> {
    let mut response = sent.map_err(silence)?;
    let (status, headers) = (response.status().as_u16(), std::mem::take(response.headers_mut()));
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(silence)? {
        if body.len() + chunk.len() > LARGEST {
            return Err(Error::TooLarge { limit: LARGEST });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Heard { status, headers, body: body.freeze() })
}

fn silence(error: reqwest::Error) -> Error {
    let is_connect = error.is_connect();
    let why = format!("{:#}", anyhow::Error::new(error.without_url()));
    if is_connect { Error::NoConnection(why) } else { Error::NoAnswer(why) }
}
