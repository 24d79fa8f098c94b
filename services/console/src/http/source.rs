//! Sources.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::Console;
use super::params::{Pairs, Params};
use super::problem::Problem;
use crate::api::SourcePage;
use crate::query;

/// `GET /api/v1/sources`: all that are declared, with what came through them.
pub(super) async fn list(
    State(console): State<Arc<Console>>,
    pairs: Pairs,
) -> Result<Json<SourcePage>, Problem> {
    Params::of(pairs)?.end("none")?;
    let catalog = console.catalog.get();
    let sources = query::sources(&console.sources, &catalog, console.clock.now()).await?;
    Ok(Json(SourcePage { sources }))
}
