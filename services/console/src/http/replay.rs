//! Replays: begun, listed, shown.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use chassis::replay::Run;

use super::Console;
use super::params::{Pairs, Params};
use super::problem::Problem;
use crate::api::{ReplayPage, ReplayShown};
use crate::query;

/// `GET /api/v1/replays`: all, oldest first.
pub(super) async fn list(
    State(console): State<Arc<Console>>,
    pairs: Pairs,
) -> Result<Json<ReplayPage>, Problem> {
    Params::of(pairs)?.end("none")?;
    Ok(Json(ReplayPage { replays: console.replays.list().await? }))
}

/// `GET /api/v1/replays/{run}`: one, with what became of its events so far.
pub(super) async fn show(
    State(console): State<Arc<Console>>,
    run: Result<Path<String>, PathRejection>,
) -> Result<Json<ReplayShown>, Problem> {
    let Path(run) = run?;
    let (replay, events) = console.replays.show(&run).await?;
    Ok(Json(ReplayShown { replay, events }))
}

/// `POST /api/v1/replays`: answers when all of the range is on its way to the handler. Asked again, it goes on.
pub(super) async fn start(State(console): State<Arc<Console>>, pairs: Pairs) -> Result<Json<Run>, Problem> {
    let now = console.clock.now();
    let mut params = Params::of(pairs)?;
    let wanted = params.replay(now)?;
    params.end("run, handler, from or since, to or until, types, effects")?;
    let request = query::request(&*console.bus, &console.replays, wanted).await?;
    let run = console.replays.start(&request, console.handlers, now).await?;
    tracing::info!(
        run = request.run,
        handler = request.handler,
        from = request.from.0,
        to = request.to.0,
        effects = request.effects,
        delivered = run.delivered,
        "replayed"
    );
    Ok(Json(run))
}
