//! `signalbox source test`.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use chassis::{Clock as _, SystemClock};
use gateway::sample::{self, Draw, Post, Wanted};
use reqwest::{StatusCode, Url, redirect};
use resources::SourceKind;
use serde::Deserialize;
use serde_json::json;

use super::samples;
use crate::cli::TestArgs;
use crate::exit::{Exit, OrStop as _, Stop};
use crate::output::{Output, Style, harmless};
use crate::secret::reachable;
use crate::settings::Settings;

/// GitHub gives up after ten; a gateway behind a proxy far away may take a little longer.
const PATIENCE: Duration = Duration::from_secs(15);
/// More than any answer of the gateway has.
const LONGEST_ANSWER: usize = 64 * 1024;

/// What was answered.
struct Answer {
    status: StatusCode,
    body: Vec<u8>,
}

/// What the gateway says of what it took.
#[derive(Deserialize)]
struct Taken {
    id: Option<String>,
    #[serde(default)]
    ids: Vec<String>,
    #[serde(default)]
    duplicate: bool,
    #[serde(default)]
    duplicates: usize,
}

/// What the gateway says of what it did not take.
#[derive(Deserialize)]
struct Refused {
    error: String,
    hint: Option<String>,
}

/// Posts a sample and says what became of it.
pub async fn run(settings: &Settings, args: &TestArgs, out: &mut Output) -> Result<Exit, Stop> {
    let TestArgs { name, sample, samples, repository, url, config, json } = args;
    let dir = config.as_deref().unwrap_or(&settings.config);
    let catalog = super::load(dir)?;
    let source = samples::source(&catalog, name, dir)?;
    if *samples {
        for name in sample::names(source) {
            out.line(name)?;
        }
        return Ok(Exit::Done);
    }
    let draw = Draw { now: SystemClock.now(), nonce: uuid::Uuid::new_v4().as_u128() };
    let wanted = Wanted { sample: sample.as_deref(), repository: repository.as_deref(), draw };
    // That there is no such sample is told before that a secret is missing.
    let secret = if matches!(source.kind, SourceKind::Schedule(_)) {
        resources::Secret::new("")
    } else {
        match samples::secret(source) {
            Ok(secret) => secret,
            Err(missing) => {
                samples::post(source, wanted, &resources::Secret::new("none"))?;
                return Err(missing);
            }
        }
    };
    let post = samples::post(source, wanted, &secret)?;
    let here = format!("http://{}", reachable(settings.listen.public.0));
    let address = address(url.as_deref().unwrap_or(&here), name).or_stop(Exit::Usage)?;
    if !json {
        let Post { sample, body, .. } = &post;
        out.line(format_args!("POST {address}  (sample {sample}, {} bytes)", body.len()))?;
    }
    let answer = send(&address, post).await.or_stop(Exit::Unreachable)?;
    tell(&answer, *json, out)
}

/// Where a Source is at a gateway: `base` may name its host, what stands before `/hooks/`, or the hook itself.
pub(super) fn address(base: &str, name: &str) -> anyhow::Result<Url> {
    let wrong = || format!("`{}` is no address of a gateway: write http://HOST:PORT", harmless(base));
    let mut url = Url::parse(base).with_context(wrong)?;
    if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
        return Err(anyhow!(wrong()));
    }
    let hook = format!("/hooks/{name}");
    let path = url.path().trim_end_matches('/').to_owned();
    if !path.ends_with(&hook) {
        url.set_path(&format!("{path}{hook}"));
    }
    Ok(url)
}

#[expect(clippy::disallowed_methods, reason = "except: a person plays the sender of a Source")]
async fn send(address: &Url, post: Post) -> anyhow::Result<Answer> {
    let Post { sample: _, query, headers, body } = post;
    let mut client = reqwest::Client::builder().timeout(PATIENCE).redirect(redirect::Policy::none());
    let on_this_machine = match address.host_str() {
        Some("localhost") => true,
        Some(host) => {
            host.trim_matches(['[', ']']).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
        }
        None => false,
    };
    if on_this_machine {
        // A proxy of the environment has no part in it.
        client = client.no_proxy();
    }
    let mut to = address.clone();
    to.set_query(query.as_deref());
    let mut request = client.build().context("cannot make an HTTP client")?.post(to);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    // The address may hold the token: the error must not.
    let response = request.body(body).send().await.map_err(reqwest::Error::without_url);
    let mut response = response.with_context(|| format!("the gateway at {address} does not answer"))?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(reqwest::Error::without_url)? {
        body.extend_from_slice(&piece);
        anyhow::ensure!(
            body.len() <= LONGEST_ANSWER,
            "{address} answers {status} with more than a gateway says"
        );
    }
    Ok(Answer { status, body })
}

fn tell(answer: &Answer, json: bool, out: &mut Output) -> Result<Exit, Stop> {
    let Answer { status, body } = answer;
    if *status == StatusCode::ACCEPTED
        && let Ok(taken) = serde_json::from_slice::<Taken>(body)
    {
        return took(&taken, body, json, out);
    }
    let said = match serde_json::from_slice::<Refused>(body) {
        Ok(Refused { error, hint }) => {
            let hint = hint.map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
            format!("{error}{hint}")
        }
        // A proxy, or something else that is there.
        Err(_) => "this is no answer of a gateway of Signalbox".to_owned(),
    };
    // Trouble of the gateway itself passes; all else is wrong with the Source, its secret, or the address.
    let exit = if *status == StatusCode::SERVICE_UNAVAILABLE { Exit::Unreachable } else { Exit::Failed };
    Err(Stop::with(exit, anyhow!("it was answered with {status}: {}", harmless(&said))))
}

fn took(taken: &Taken, body: &[u8], json: bool, out: &mut Output) -> Result<Exit, Stop> {
    let Taken { id, ids, duplicate, duplicates } = taken;
    let ids: Vec<&String> = id.iter().chain(ids).collect();
    if json {
        let answer: serde_json::Value = serde_json::from_slice(body).context("the answer cannot be read")?;
        out.line(json!({"status": 202, "ids": ids, "answer": answer}))?;
        return Ok(Exit::Done);
    }
    let text = harmless(&String::from_utf8_lossy(body));
    out.line(format_args!("{} {}", out.styled(Style::Green, "202 Accepted"), text.trim()))?;
    if *duplicate || (*duplicates > 0 && *duplicates == ids.len()) {
        out.line("it was there already: the same happening within the same second")?;
    }
    for id in ids {
        let story = format!("signalbox events story {}", harmless(id));
        out.line(format_args!("its story: {}", out.styled(Style::Bold, story)))?;
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests;
