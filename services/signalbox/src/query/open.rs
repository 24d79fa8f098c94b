//! Finding who answers: a running server, or a bus that can be opened here.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use chassis::engine::OpenError;
use chassis::jetstream::access::Access;
use chassis::{Bus, BusUrl, Engine, Metrics, SystemClock};
use console::api::About;
use console::{Auth, Console};
use resources::{Catalog, Current, Secret};
use tokio::time::timeout;

use super::Query;
use super::carrier::Carrier;
use crate::exit::{Exit, OrStop as _, Stop};
use crate::secret::{Advertised, api_token, random_token};
use crate::services::HANDLERS;
use crate::settings::{Service, Settings};

/// How long a server or a bus may take to give the first answer.
const FIRST_ANSWER: Duration = Duration::from_secs(5);
/// Wait between two tries to reach a bus that is still connecting.
const ANOTHER_TRY: Duration = Duration::from_millis(50);

/// What became of the server that wrote its address down.
enum There {
    Answers(Query),
    /// Somebody takes the connection, and says nothing.
    Silent,
    /// Nobody, or somebody else, or a server that does not know the token: one that was killed left its address behind.
    Nobody,
}

impl Query {
    /// Opens the bus of the settings, or finds the server that has it.
    pub async fn open(settings: &Settings) -> Result<Self, Stop> {
        Self::open_declaring(settings, || Ok(Catalog::default())).await
    }

    /// As [`open`](Self::open), for a question about what is declared: a running server knows it, and if there is none to
    /// be asked, `catalog` says it.
    pub async fn open_declaring(
        settings: &Settings,
        catalog: impl FnOnce() -> Result<Catalog, Stop>,
    ) -> Result<Self, Stop> {
        match &settings.bus.0 {
            BusUrl::Embedded(dir) => Self::embedded(dir, settings, catalog).await,
            url @ BusUrl::Nats(_) => {
                let catalog = catalog()?;
                let access = settings.nats.access(Service::Console.name());
                let engine = Engine::open_with(url, access).await.map_err(Stop::unopened)?;
                first_answer(&*engine.bus)
                    .await
                    .with_context(|| format!("cannot reach the bus at {url}"))
                    .or_stop(Exit::Unreachable)?;
                Ok(Self::here(engine, catalog))
            }
        }
    }

    /// A server that runs has the folder and has written down where it is; otherwise the folder can be opened.
    async fn embedded(
        dir: &Path,
        settings: &Settings,
        catalog: impl FnOnce() -> Result<Catalog, Stop>,
    ) -> Result<Self, Stop> {
        if !dir.is_dir() {
            let error =
                anyhow!("there is no bus in {}: name its folder with --bus embedded:DIR", dir.display());
            return Err(Stop::with(Exit::Unreachable, error));
        }
        let mut why =
            "the process that has it runs no console that could answer (serve --only … without console)"
                .to_owned();
        if let Some(base) = Advertised::read(dir) {
            match Self::there(&base, settings).await? {
                There::Answers(query) => return Ok(query),
                There::Silent => {
                    why = format!(
                        "the server at {base}, which has it, did not answer within {} s",
                        FIRST_ANSWER.as_secs()
                    );
                }
                There::Nobody => {}
            }
        }
        let engine = Engine::open_as(&settings.bus.0, Access::default(), settings.limits()).await;
        match engine {
            Ok(engine) => match catalog() {
                Ok(catalog) => Ok(Self::here(engine, catalog)),
                Err(stop) => {
                    engine.close().await;
                    Err(stop)
                }
            },
            Err(error @ OpenError::Locked(_)) => {
                Err(Stop::with(Exit::Unreachable, anyhow::Error::new(error).context(why)))
            }
            Err(error) => Err(Stop::with(Exit::Unreachable, error)),
        }
    }

    /// Whether a server of ours is at `base`. It is asked who it is, and nothing that takes long.
    async fn there(base: &str, settings: &Settings) -> Result<There, Stop> {
        let token = api_token(settings)?;
        let token = String::from_utf8_lossy(token.expose()).into_owned();
        // The server is on this machine: a proxy of the environment has no part in it.
        let http = reqwest::Client::builder().no_proxy().build().context("cannot make an HTTP client")?;
        let query = Self { carrier: Carrier::There { http, base: base.to_owned() }, token };
        match timeout(FIRST_ANSWER, query.get::<About>("/api/v1")).await {
            Ok(Ok(about)) if about.name == About::NAME => Ok(There::Answers(query)),
            Ok(Ok(_) | Err(_)) => Ok(There::Nobody),
            Err(_) => Ok(There::Silent),
        }
    }

    fn here(engine: Engine, catalog: Catalog) -> Self {
        let token = random_token();
        let auth = Auth::fixed(Secret::new(token.clone()));
        let (bus, store) = (engine.bus.clone(), engine.store.clone());
        let console = Console::new(bus, store, Arc::new(SystemClock), &Metrics::new(), auth);
        let console = console.replaying(HANDLERS).declaring(Current::fixed(catalog));
        Self { carrier: Carrier::Here { router: Arc::new(console).router(), engine }, token }
    }
}

/// Waits until a bus that may still be connecting answers.
pub async fn first_answer(bus: &dyn Bus) -> anyhow::Result<()> {
    let mut last = anyhow!("no answer within {} s", FIRST_ANSWER.as_secs());
    let answered = timeout(FIRST_ANSWER, async {
        while let Err(error) = bus.last().await {
            last = error.into();
            tokio::time::sleep(ANOTHER_TRY).await;
        }
    });
    if answered.await.is_ok() { Ok(()) } else { Err(last) }
}
