//! Every source at once: numbered inputs of each kind of Source, each sent until it is accepted while the program is killed,
//! and the account of what came of them.

mod account;
mod source;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::{Engine, Position};
use events::Envelope;
use tokio::task::JoinSet;

pub use self::account::{Wrong, account};
pub use self::source::{Source, resources};

/// From one input of a Source to its next: a rate that leaves the machine time for everything else.
const PACE: Duration = Duration::from_millis(40);
/// Until an input that was not accepted is sent again.
const AGAIN_AFTER: Duration = Duration::from_millis(50);
/// The gateway answers within some 8 s.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// Of so many inputs, one is sent again after it was accepted.
const TWICE: u64 = 10;
/// How long the short one lasts, which is among the tests.
const SHORT: Duration = Duration::from_secs(20);

/// How long a soak lasts: `SOAK_SECONDS`, or as long as a test may.
pub fn length() -> anyhow::Result<Duration> {
    let Some(text) = std::env::var_os("SOAK_SECONDS") else { return Ok(SHORT) };
    let seconds = text.to_string_lossy().parse::<u64>().ok().filter(|seconds| *seconds > 0);
    let seconds =
        seconds.ok_or_else(|| anyhow::anyhow!("SOAK_SECONDS is no number of seconds, for example 300"))?;
    Ok(Duration::from_secs(seconds))
}

/// When something is killed, in milliseconds after the last time: it differs from round to round, and is the same in every
/// run.
pub fn instant(round: u64) -> Duration {
    let mixed = (round + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    Duration::from_millis(300 + mixed % 1700)
}

/// Senders, one for each Source.
pub struct Senders {
    shared: Arc<Shared>,
    tasks: JoinSet<anyhow::Result<(Source, u64)>>,
}

struct Shared {
    http: reqwest::Client,
    /// Public addresses of programs that run, or did.
    addresses: Mutex<Vec<String>>,
    over: AtomicBool,
}

impl Senders {
    /// Begins to send, for the resources that [`resources`] made.
    pub fn begin() -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWER_WITHIN).build()?;
        let shared = Arc::new(Shared { http, addresses: Mutex::default(), over: AtomicBool::new(false) });
        let mut tasks = JoinSet::new();
        for source in Source::ALL {
            let shared = shared.clone();
            tasks.spawn(async move { Ok((source, shared.each(source).await?)) });
        }
        Ok(Self { shared, tasks })
    }

    /// From now on, deliveries go to these addresses.
    pub fn send_to(&self, addresses: Vec<String>) {
        *self.shared.addresses.lock().unwrap_or_else(PoisonError::into_inner) = addresses;
    }

    /// Ends when what was begun is accepted; returns how many inputs of each Source were.
    pub async fn end(mut self) -> anyhow::Result<BTreeMap<Source, u64>> {
        self.shared.over.store(true, Ordering::SeqCst);
        let mut accepted = BTreeMap::new();
        while let Some(ended) = self.tasks.join_next().await {
            let (source, count) = ended??;
            accepted.insert(source, count);
        }
        Ok(accepted)
    }
}

impl Shared {
    async fn each(&self, source: Source) -> anyhow::Result<u64> {
        let mut number = 0;
        while !self.over.load(Ordering::SeqCst) {
            while !self.accepts(source, number).await? {
                tokio::time::sleep(AGAIN_AFTER).await;
            }
            if number % TWICE == 0 {
                // Whatever the answer: nothing must come of it.
                self.accepts(source, number).await?;
            }
            number += 1;
            tokio::time::sleep(PACE).await;
        }
        Ok(number)
    }

    /// Whether it was accepted. Anything but a lost connection and our own trouble is an error.
    async fn accepts(&self, source: Source, number: u64) -> anyhow::Result<bool> {
        let address = {
            let addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(at) = number.checked_rem(u64::try_from(addresses.len())?) else { return Ok(false) };
            addresses[usize::try_from(at)?].clone()
        };
        let Ok(answer) = source.request(&self.http, &address, number)?.send().await else { return Ok(false) };
        match answer.status().as_u16() {
            202 => Ok(true),
            503 => Ok(false),
            status => {
                anyhow::bail!(
                    "{source:?} {number} was answered {status}: {}",
                    answer.text().await.unwrap_or_default()
                )
            }
        }
    }
}

/// All that is in the log.
pub async fn log(engine: &Engine) -> anyhow::Result<Vec<Envelope>> {
    let (mut events, mut from) = (Vec::new(), Position(1));
    loop {
        let page = engine.bus.read(from, 500).await?;
        let Some(last) = page.last() else { return Ok(events) };
        from = Position(last.position.0 + 1);
        for recorded in page {
            events
                .push(recorded.event.map_err(|error| anyhow::anyhow!("an event cannot be read: {error:?}"))?);
        }
    }
}

/// Writes the secret that all Sources share.
fn write_secret(folder: &Path) -> anyhow::Result<String> {
    let file = folder.join("secret");
    std::fs::write(&file, source::SECRET)?;
    Ok(file.display().to_string())
}
