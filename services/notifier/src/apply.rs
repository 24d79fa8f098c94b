//! One POST, or one question about it. What it came to is for `decide`.

use chassis::Intended;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, Url};

use crate::decide::Heard;
use crate::gather::Letter;
use crate::limits::ANSWER_BYTES;

/// Sends the letter and listens to the beginning of the answer.
#[expect(clippy::disallowed_methods, reason = "effect: sends a message")]
pub(crate) async fn post(http: &Client, letter: &Letter, _: &Intended) -> Heard {
    let Letter { kind: _, delivery: _, url, headers, body, ask: _ } = letter;
    let request = http.post(url.clone()).headers(headers.clone()).body(body.clone());
    heard(request.send().await).await
}

/// Asks whether the letter arrived.
#[expect(clippy::disallowed_methods, reason = "asks: whether a message arrived")]
pub(crate) async fn ask(http: &Client, at: &Url, headers: &HeaderMap) -> Heard {
    let mut headers = headers.clone();
    headers.remove(CONTENT_TYPE);
    heard(http.get(at.clone()).headers(headers).send().await).await
}

async fn heard(sent: Result<Response, reqwest::Error>) -> Heard {
    match sent {
        Ok(response) => answer(response).await,
        Err(error) => silence(error),
    }
}

async fn answer(mut response: Response) -> Heard {
    let retry_after =
        response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    // If the body breaks off, the status is an answer all the same.
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = ANSWER_BYTES - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == ANSWER_BYTES {
            break;
        }
    }
    Heard::Answer { status: response.status().as_u16(), retry_after, body }
}

fn silence(error: reqwest::Error) -> Heard {
    let (is_connect, is_timeout) = (error.is_connect(), error.is_timeout());
    let why = format!("{:#}", anyhow::Error::new(error.without_url()));
    // A connection that takes too long is both, and then nothing was sent.
    if is_connect {
        Heard::NoConnection(why)
    } else if is_timeout {
        Heard::NoAnswer(why)
    } else {
        Heard::BrokenOff(why)
    }
}
