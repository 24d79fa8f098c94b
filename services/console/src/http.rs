//! The API over HTTP.

mod about;
mod accept;
mod answer;
mod auth;
mod dead;
mod events;
mod link;
mod metrics;
mod params;
mod problem;
mod replay;
mod source;
mod tail;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{any, get, post};
use chassis::dead::DeadLetters;
use chassis::replay::{Replayable, Replays};
use chassis::sources::Sources;
use chassis::{Bus, Clock, Metrics, Shutdown, Store};
use resources::{Catalog, Current};
use tokio::sync::Semaphore;

pub use auth::Auth;

use metrics::ConsoleMetrics;
use problem::Problem;

/// Tails at once: each holds a page of events, and whoever forgets to close them should notice.
const TAILS: usize = 64;

/// Shows what happened, and lets people settle dead letters.
pub struct Console {
    bus: Arc<dyn Bus>,
    store: Arc<dyn Store>,
    dead: DeadLetters,
    replays: Replays,
    sources: Sources,
    catalog: Current,
    handlers: &'static [Replayable],
    clock: Arc<dyn Clock>,
    metrics: ConsoleMetrics,
    auth: Auth,
    tails: Arc<Semaphore>,
    shutdown: Shutdown,
}

impl Console {
    /// A console of these ports.
    ///
    /// # Panics
    /// When `metrics` has a console already: one process has one.
    pub fn new(
        bus: Arc<dyn Bus>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        metrics: &Metrics,
        auth: Auth,
    ) -> Self {
        let metrics = ConsoleMetrics::register(metrics.registry()).expect("one process has one console");
        let replays = Replays::new(bus.clone(), store.clone());
        let sources = Sources::new(store.clone());
        let (dead, tails) = (DeadLetters::new(store.clone()), Arc::new(Semaphore::new(TAILS)));
        Self {
            bus,
            store,
            dead,
            replays,
            sources,
            catalog: Current::fixed(Catalog::default()),
            handlers: &[],
            clock,
            metrics,
            auth,
            tails,
            shutdown: Shutdown::new(),
        }
    }

    /// These handlers can be given events of the past again.
    #[must_use]
    pub fn replaying(mut self, handlers: &'static [Replayable]) -> Self {
        self.handlers = handlers;
        self
    }

    /// These Sources are declared.
    #[must_use]
    pub fn declaring(mut self, catalog: Current) -> Self {
        self.catalog = catalog;
        self
    }

    /// Ends the tails when this is triggered, so that a server that waits for its requests can end too.
    #[must_use]
    pub fn until(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// What the private listener serves under `/api`. Everything there asks for a token, also what does not exist.
    pub fn router(self: Arc<Self>) -> Router {
        let nothing = || any(|| async { Problem::NoSuchAddress });
        Router::new()
            .route("/api/v1/events", get(events::list))
            .route("/api/v1/events/tail", get(tail::tail))
            .route("/api/v1/events/{id}", get(events::show))
            .route("/api/v1/events/{id}/story", get(events::story))
            .route("/api/v1", get(about::about))
            .route("/api/v1/dead", get(dead::list))
            .route("/api/v1/dead/redrive", post(dead::redrive_all))
            .route("/api/v1/dead/drop", post(dead::drop_all))
            .route("/api/v1/dead/{id}", get(dead::show).delete(dead::drop))
            .route("/api/v1/dead/{id}/redrive", post(dead::redrive))
            .route("/api/v1/replays", get(replay::list).post(replay::start))
            .route("/api/v1/replays/{run}", get(replay::show))
            .route("/api/v1/sources", get(source::list))
            .method_not_allowed_fallback(|| async { Problem::NoSuchMethod })
            // No fallback: the other addresses of the listener are not ours to answer.
            .route("/api", nothing())
            .route("/api/", nothing())
            .route("/api/{*rest}", nothing())
            .route_layer(middleware::from_fn_with_state(self.clone(), guard))
            .with_state(self)
    }
}

/// Asks for the token before anything else, counts, and keeps answers out of caches.
async fn guard(State(console): State<Arc<Console>>, request: Request, next: Next) -> Response {
    let route = metrics::Route::of(&request);
    let response = match console.auth.check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refused) => axum::response::IntoResponse::into_response(Problem::from(refused)),
    };
    console.metrics.count(route, response.status());
    answer::private(response)
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
