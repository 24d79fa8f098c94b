//! A handler that goes on where it was, with an effect for each event, and the events for it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chassis::runner::{self, Options, Ports};
use chassis::{
    Context, Engine, Failure, Handler, Hears, Metrics, Outcome, Reconciled, Shutdown, SystemClock,
};
use events::Envelope;

/// How long anything here may take.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Above what either engine keeps in its log.
pub const LARGE: usize = 300 * 1024;

/// Has one effect for each event, and remembers what it saw.
#[derive(Default)]
pub struct Mover {
    seen: Mutex<Vec<String>>,
    effects: Mutex<BTreeMap<String, u32>>,
    /// What was broken works.
    pub mended: AtomicBool,
}

impl Handler for Mover {
    const NAME: &'static str = "mover";
    const HEARS: &'static [Hears] = &[Hears::Glob("t.*")];
    const ATTEMPTS: u32 = 1_000;

    async fn handle(&self, event: &Envelope, cx: &Context) -> Result<Outcome, Failure> {
        let act = |_| async {
            *self.effects.lock().unwrap().entry(event.id().to_owned()).or_default() += 1;
            Ok(event.body().len())
        };
        let bytes: usize = cx.effect("act", || async { Ok(Reconciled::Absent) }, act).await?;
        if bytes != event.body().len() {
            return Err(Failure::reject(anyhow::anyhow!("the ledger's result is of another event")));
        }
        let broken = !self.mended.load(Ordering::SeqCst);
        // Only now: whoever waits for this may mend it, or break it, for the next one.
        self.seen.lock().unwrap().push(event.id().to_owned());
        match event.ty() {
            "t.stuck" if broken => {
                Err(Failure::retry_after(anyhow::anyhow!("not yet"), Duration::from_millis(200)))
            }
            "t.dead" if broken => Err(Failure::reject(anyhow::anyhow!("never"))),
            _ => Ok(Outcome::Done(Vec::new())),
        }
    }
}

impl Mover {
    /// The events that it saw since it was asked last, each once.
    pub fn seen(&self) -> Vec<String> {
        let mut seen = std::mem::take(&mut *self.seen.lock().unwrap());
        seen.sort();
        seen.dedup();
        seen
    }

    /// Waits until it has seen these and no others since it was asked last.
    pub async fn has_seen(&self, expected: &[String]) -> anyhow::Result<()> {
        let mut expected = expected.to_vec();
        expected.sort();
        let mut all = Vec::new();
        tests::eventually(PATIENCE, "the handler has seen all", async || {
            all.extend(self.seen());
            all.sort();
            all.dedup();
            anyhow::ensure!(all.len() >= expected.len(), "it has seen {all:?}");
            Ok(())
        })
        .await?;
        anyhow::ensure!(all == expected, "it has seen {all:?} and should have {expected:?}");
        Ok(())
    }

    /// How often an effect was had, for each event.
    pub fn effects(&self) -> BTreeMap<String, u32> {
        self.effects.lock().unwrap().clone()
    }
}

/// A running handler.
pub struct Running {
    shutdown: Shutdown,
    task: tokio::task::JoinHandle<Result<(), chassis::BusError>>,
}

impl Running {
    pub fn start(mover: &Arc<Mover>, on: &Engine) -> Self {
        let ports = Ports {
            bus: on.bus.clone(),
            store: on.store.clone(),
            clock: Arc::new(SystemClock),
            metrics: Metrics::new(),
        };
        let (shutdown, options) = (Shutdown::new(), Options::default());
        let task = tokio::spawn(runner::run_with(mover.clone(), ports, options, shutdown.clone()));
        Self { shutdown, task }
    }

    pub async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.trigger();
        tokio::time::timeout(PATIENCE, self.task).await???;
        Ok(())
    }
}

/// An event with a body of about so many bytes.
pub fn event(id: &str, ty: &str, key: &str, bytes: usize) -> Envelope {
    let body = serde_json::json!({ "id": id, "filling": "x".repeat(bytes) });
    Envelope::builder(id, "/tests", ty).partition_key(key).json(&body).build().expect("a valid event")
}

/// Plain events of a few keys.
pub fn plain(prefix: &str, count: usize) -> Vec<Envelope> {
    (0..count).map(|n| event(&format!("{prefix}{n:02}"), "t.plain", &format!("key {}", n % 4), 10)).collect()
}

pub fn ids(events: &[Envelope]) -> Vec<String> {
    events.iter().map(|event| event.id().to_owned()).collect()
}
