//! The deliveries: signed as GitHub signs, sent by many at once, each until it is accepted.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::Shutdown;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::StatusCode;
use serde_json::json;
use sha2::Sha256;

use super::config::{Written, repository};
use super::plan::{Fate, Plan};
use super::progress::{Counts, Progress, until};

/// How many deliveries are sent at once.
pub const SENDERS: u64 = 16;
/// A request that takes longer has no answer: the gateway answers within some 8 s.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// Until a delivery that failed is sent again.
const AGAIN_AFTER: Duration = Duration::from_millis(50);
/// Filler of a large body, in bytes: more than stays in the log of either engine.
const LARGE: usize = 300 << 10;
/// Filler of the others: with it a body has the size of a small delivery.
const SMALL: usize = 700;

/// What a sender knows of its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Sent {
    /// It was not sent.
    No = 0,
    /// It was answered with 202.
    Accepted = 1,
    /// It was not, and is not sent again: nobody knows whether it was kept.
    GivenUp = 2,
}

/// All deliveries of a run.
pub struct Load {
    plan: Plan,
    progress: Arc<Progress>,
    url: String,
    secret: String,
    http: reqwest::Client,
    /// Accepted events that may be on their way at once: so kills meet as many at the end as at the beginning.
    window: u64,
    /// Whether the window does not count.
    open: AtomicBool,
    next: AtomicU64,
    states: Vec<AtomicU8>,
    odd: Mutex<Vec<String>>,
}

impl Load {
    /// Of a plan, to be sent to a gateway.
    pub fn new(plan: &Plan, progress: Arc<Progress>, written: &Written) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWER_WITHIN).build()?;
        Ok(Self {
            plan: plan.clone(),
            progress,
            url: format!("http://{}/hooks/github", written.public),
            secret: written.secret.clone(),
            http,
            window: (plan.events / 10).clamp(2 * SENDERS, 2000),
            open: AtomicBool::new(false),
            next: AtomicU64::new(0),
            states: (0..plan.events).map(|_| AtomicU8::new(Sent::No as u8)).collect(),
            odd: Mutex::default(),
        })
    }

    /// Sends everything, or until shutdown.
    pub fn send(self: &Arc<Self>, shutdown: &Shutdown) {
        for _ in 0..SENDERS {
            let (load, shutdown) = (self.clone(), shutdown.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = shutdown.triggered() => {}
                    () = load.each() => {}
                }
                load.progress.senders_done.fetch_add(1, SeqCst);
            });
        }
    }

    /// While it is open, deliveries are sent however many are on their way: when no effect can happen, nothing else would
    /// be seen of the gateway.
    pub fn open(&self, open: bool) {
        self.open.store(open, SeqCst);
    }

    /// Whether everything is sent.
    pub fn is_sent(&self) -> bool {
        self.progress.senders_done.load(SeqCst) == SENDERS
    }

    /// What its sender knows of an event.
    pub fn sent(&self, n: u64) -> Sent {
        let state = usize::try_from(n).ok().and_then(|n| self.states.get(n)).map(|state| state.load(SeqCst));
        match state {
            Some(1) => Sent::Accepted,
            Some(2) => Sent::GivenUp,
            Some(_) | None => Sent::No,
        }
    }

    /// Answers that no event should have had.
    pub fn odd(&self) -> Vec<String> {
        self.odd.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn each(&self) {
        loop {
            until(|| self.open.load(SeqCst) || self.progress.under_way() < self.window).await;
            let n = self.next.fetch_add(1, SeqCst);
            if n >= self.plan.events {
                return;
            }
            self.one(n).await;
        }
    }

    async fn one(&self, n: u64) {
        let counts = if n < self.plan.calm() {
            &self.progress.calm
        } else {
            self.progress.storm();
            &self.progress.storm
        };
        let body = self.body(n);
        let signature = signature(&self.secret, &body);
        while !self.post(n, &body, &signature, counts).await {
            if self.plan.gives_up(n) {
                return self.note(n, Sent::GivenUp);
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
        self.note(n, Sent::Accepted);
        counts.accepted.fetch_add(1, SeqCst);
        match self.plan.fate(n) {
            Fate::Broken => {
                self.progress.hopeless.fetch_add(1, SeqCst);
            }
            Fate::Twice => {
                // Whatever the answer: what matters is that nothing comes of it.
                self.post(n, &body, &signature, counts).await;
            }
            Fate::Plain | Fate::Unavailable | Fate::AnswerLost | Fate::Refused => {}
        }
    }

    /// Whether it was accepted.
    #[expect(clippy::disallowed_methods, reason = "except: the soak plays GitHub")]
    async fn post(&self, n: u64, body: &[u8], signature: &str, counts: &Counts) -> bool {
        let begun = self.progress.now();
        counts.sent.fetch_add(1, SeqCst);
        let request = self
            .http
            .post(&self.url)
            .header("content-type", "application/json")
            .header("x-github-event", "push")
            .header("x-github-delivery", super::id(n))
            .header("x-hub-signature-256", signature)
            .body(body.to_vec());
        match request.send().await.map(|answer| answer.status()) {
            Ok(StatusCode::ACCEPTED) => {
                self.progress.accepted(begun);
                return true;
            }
            Ok(StatusCode::SERVICE_UNAVAILABLE) => counts.refused.fetch_add(1, SeqCst),
            Ok(status) => {
                let said = format!("{} was answered with {status}", super::id(n));
                self.odd.lock().unwrap_or_else(PoisonError::into_inner).push(said);
                counts.refused.fetch_add(1, SeqCst)
            }
            Err(_) => counts.cut_off.fetch_add(1, SeqCst),
        };
        false
    }

    fn note(&self, n: u64, sent: Sent) {
        if let Some(state) = usize::try_from(n).ok().and_then(|n| self.states.get(n)) {
            state.store(sent as u8, SeqCst);
        }
    }

    /// The body of a push. The rule wants a member `n`, which an event of [`Fate::Broken`] does not have.
    fn body(&self, n: u64) -> Vec<u8> {
        let repository = repository(self.plan.channel(n));
        let mut body = json!({
            "ref": "refs/heads/main",
            "repository": { "full_name": repository, "url": format!("https://api.github.com/repos/{repository}") },
            "filler": "x".repeat(if self.plan.is_large(n) { LARGE } else { SMALL }),
        });
        if self.plan.fate(n) != Fate::Broken {
            body["n"] = n.into();
        }
        body.to_string().into_bytes()
    }
}

fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}
