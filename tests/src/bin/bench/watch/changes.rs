//! Changes at a steady rate: most of them say nothing, some are transitions, and of those the time is taken.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::jetstream;
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use futures::StreamExt as _;
use kube::Client;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tests::eventually;
use tests::nats::Nats;

use super::world::{DEPLOYMENTS, PODS, api, namespace, pod_name, pod_status, well};

/// Changes in a second: of each kind of transition, and of what is none.
const SCALED: u32 = 5;
const CRASHED: u32 = 5;
const TOUCHED: u32 = 40;
const PATIENCE: Duration = Duration::from_mins(1);
const AGAIN_AFTER: Duration = Duration::from_millis(100);

/// How long transitions were on their way.
pub struct Took {
    /// From the moment before the request.
    pub since_sent: Vec<Duration>,
    /// From the moment after its answer; from the request, when the event was faster than the answer.
    pub since_written: Vec<Duration>,
}

/// What is under way, by what will be said of it.
#[derive(Default)]
struct Pending {
    sent: HashMap<String, (Instant, Option<Instant>)>,
    heard: Vec<(Instant, Option<Instant>, Instant)>,
}

type Shared = Arc<Mutex<Pending>>;

fn lock(pending: &Shared) -> MutexGuard<'_, Pending> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes changes for so long; returns the rate in words, and how long the transitions were on their way.
pub async fn run(client: &Client, nats: &Nats, length: Duration) -> anyhow::Result<(String, Took)> {
    let pending = Shared::default();
    let listening = tokio::spawn(listen(nats.url(), pending.clone()));
    // The subscription is there before the first change.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    let mut changes = tokio::task::JoinSet::new();
    let most = u64::try_from(PODS)? / 2 / u64::from(CRASHED);
    anyhow::ensure!(length.as_secs() <= most, "there are pods enough for {most} s of changes");
    let kinds: [(u32, Changes); 3] = [(SCALED, scaled), (CRASHED, crashed), (TOUCHED, touched)];
    for (rate, change) in kinds {
        let (client, pending) = (client.clone(), pending.clone());
        changes.spawn(async move {
            let mut requests = tokio::task::JoinSet::new();
            for n in 0_u32.. {
                let at = begun + Duration::from_secs(1) * n / rate;
                if at.duration_since(begun) >= length {
                    break;
                }
                // By the clock, not by the answers: what is slow does not make the load smaller.
                tokio::time::sleep_until(at.into()).await;
                requests.spawn(request(client.clone(), pending.clone(), change(usize::try_from(n)?)));
                while let Some(ended) = requests.try_join_next() {
                    ended??;
                }
            }
            while let Some(ended) = requests.join_next().await {
                ended??;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = changes.join_next().await {
        ended??;
    }
    eventually(PATIENCE, "every transition is on the bus", async || {
        let left = lock(&pending).sent.len();
        anyhow::ensure!(left == 0, "{left} are on their way");
        Ok(())
    })
    .await?;
    listening.abort();
    let heard = std::mem::take(&mut lock(&pending).heard);
    let since_sent = heard.iter().map(|(sent, _, heard)| *heard - *sent).collect();
    let since_written =
        heard.iter().map(|(sent, written, heard)| heard.saturating_duration_since(written.unwrap_or(*sent)));
    let took = Took { since_sent, since_written: since_written.collect() };
    Ok((format!("{} changes/s, {} of them transitions", SCALED + CRASHED + TOUCHED, SCALED + CRASHED), took))
}

/// A change of an object: where it is, the patch, whether of its status, and what will be said, if anything.
struct Change {
    object: Value,
    patch: Value,
    said: Option<&'static str>,
}

/// The change of a number.
type Changes = fn(usize) -> Change;

fn place(api_version: &str, kind: &str, n: usize, name: &str) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace(n)}})
}

/// Each Deployment in turn gets another number of pods.
fn scaled(n: usize) -> Change {
    let (of, round) = (n % DEPLOYMENTS, n / DEPLOYMENTS);
    let object = place("apps/v1", "Deployment", of, &format!("deployment-{of:04}"));
    Change { object, patch: json!({"spec": {"replicas": 4 + round % 5}}), said: Some("deployment.scaled") }
}

/// Each pod that is well begins to crash.
fn crashed(n: usize) -> Change {
    let of = well(n);
    let object = place("v1", "Pod", of, &pod_name(of));
    Change { object, patch: json!({"status": pod_status(true)}), said: Some("pod.crash-looping") }
}

/// Something of a pod changes that is no transition. From the other end, so that both meet late.
fn touched(n: usize) -> Change {
    let of = PODS - 1 - n % (PODS / 2);
    let object = place("v1", "Pod", of, &pod_name(of));
    Change { object, patch: json!({"metadata": {"annotations": {"touched": n.to_string()}}}), said: None }
}

async fn request(client: Client, pending: Shared, change: Change) -> anyhow::Result<()> {
    let Change { object, patch, said } = change;
    let api = api(&client, &object)?;
    let text = |name: &str| object["metadata"][name].as_str().unwrap_or_default().to_owned();
    let name = text("name");
    let key = said.map(|said| format!("{said} {}/{name}", text("namespace")));
    if let Some(key) = &key {
        lock(&pending).sent.insert(key.clone(), (Instant::now(), None));
    }
    let (params, body) = (PatchParams::default(), Patch::Merge(&patch));
    loop {
        let answer = if patch.get("status").is_some() {
            api.patch_status(&name, &params, &body).await
        } else {
            api.patch(&name, &params, &body).await
        };
        match answer {
            Ok(_) => break,
            Err(kube::Error::Api(status)) => return Err(kube::Error::Api(status).into()),
            // On a busy machine a connection may not come about: that is part of the time.
            Err(_) => tokio::time::sleep(AGAIN_AFTER).await,
        }
    }
    let now = Instant::now();
    if let Some(key) = &key {
        // It may have been said already.
        if let Some((_, written)) = lock(&pending).sent.get_mut(key) {
            *written = Some(now);
        }
    }
    Ok(())
}

/// Notes when a transition is in the stream, as a consumer gets it.
async fn listen(url: String, pending: Shared) -> anyhow::Result<()> {
    let context = jetstream::new(async_nats::connect(url).await?);
    let stream = context.get_stream("SIGNALBOX").await?;
    let config = pull::OrderedConfig {
        deliver_policy: DeliverPolicy::New,
        filter_subject: "signalbox.events.io.kubernetes.>".to_owned(),
        ..pull::OrderedConfig::default()
    };
    let mut messages = stream.create_consumer(config).await?.messages().await?;
    while let Some(message) = messages.next().await {
        let message = message?;
        let now = Instant::now();
        let ty = message
            .subject
            .trim_start_matches("signalbox.events.io.kubernetes.")
            .trim_end_matches(".v1")
            .to_owned();
        let subject = message.headers.as_ref().and_then(|headers| headers.get("ce-subject"));
        let key = format!("{ty} {}", subject.map(async_nats::HeaderValue::as_str).unwrap_or_default());
        let mut pending = lock(&pending);
        if let Some((sent, written)) = pending.sent.remove(&key) {
            pending.heard.push((sent, written, now));
        }
    }
    Ok(())
}
