//! Dead letters: looked at, driven again, dropped.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use chassis::dead::DeadLetter;

use super::Console;
use super::params::{Pairs, Params};
use super::problem::Problem;
use crate::api::{DeadPage, DeadSummary};

type Id = Result<Path<String>, PathRejection>;

/// `GET /api/v1/dead`: the oldest.
pub(super) async fn list(
    State(console): State<Arc<Console>>,
    pairs: Pairs,
) -> Result<Json<DeadPage>, Problem> {
    let mut params = Params::of(pairs)?;
    let limit = params.limit()?;
    params.end("limit")?;
    let letters = console.dead.list().await?;
    let dead_letters = letters.iter().take(limit).map(DeadSummary::from).collect();
    Ok(Json(DeadPage { dead_letters, total: letters.len() }))
}

/// `GET /api/v1/dead/{id}`: all of it.
pub(super) async fn show(State(console): State<Arc<Console>>, id: Id) -> Result<Json<DeadLetter>, Problem> {
    let Path(id) = id?;
    Ok(Json(console.dead.get(&id).await?))
}

/// `POST /api/v1/dead/{id}/redrive`: answers with what was driven again.
pub(super) async fn redrive(
    State(console): State<Arc<Console>>,
    id: Id,
) -> Result<Json<DeadLetter>, Problem> {
    let Path(id) = id?;
    let letter = console.dead.redrive(&*console.bus, &id).await?;
    tracing::info!(dead_letter = id, handler = letter.handler, "driven again");
    Ok(Json(letter))
}

/// `DELETE /api/v1/dead/{id}`: answers with what was dropped.
pub(super) async fn drop(State(console): State<Arc<Console>>, id: Id) -> Result<Json<DeadLetter>, Problem> {
    let Path(id) = id?;
    let letter = console.dead.drop(&id).await?;
    tracing::info!(dead_letter = id, handler = letter.handler, "dropped");
    Ok(Json(letter))
}
