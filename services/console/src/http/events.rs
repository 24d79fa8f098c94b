//! Events and stories.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};

use super::params::{Pairs, Params};
use super::problem::Problem;
use super::{Console, accept};
use crate::api::{Entry, EventPage};
use crate::query;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain";

/// `GET /api/v1/events`: a page, oldest first; with `newest=true` the last events.
pub(super) async fn list(
    State(console): State<Arc<Console>>,
    pairs: Pairs,
) -> Result<Json<EventPage>, Problem> {
    let mut params = Params::of(pairs)?;
    let filter = params.filter(console.clock.now())?;
    let (limit, after, newest) = (params.limit()?, params.after()?, params.flag("newest", false)?);
    params.end("type, source, correlation, since, until, limit, after, newest")?;
    let bus = &*console.bus;
    match (newest, after) {
        (false, after) => Ok(Json(query::list(bus, &filter, after.unwrap_or_default(), limit).await?)),
        (true, None) => Ok(Json(EventPage { events: query::latest(bus, &filter, limit).await?, next: None })),
        (true, Some(_)) => Err(Problem::BadRequest {
            error: "the parameters `newest` and `after` exclude each other".to_owned(),
            hint: "leave one of them away".to_owned(),
        }),
    }
}

/// `GET /api/v1/events/{id}`.
pub(super) async fn show(
    State(console): State<Arc<Console>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Entry>, Problem> {
    let Path(id) = id?;
    Ok(Json(Entry::from(&query::find(&*console.bus, &id).await?)))
}

/// `GET /api/v1/events/{id}/story`: JSON, or text if `Accept` likes that better.
pub(super) async fn story(
    State(console): State<Arc<Console>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Response, Problem> {
    let Path(id) = id?;
    let mut params = Params::of(pairs)?;
    let options = params.render()?;
    params.end("ids, times, color, ascii")?;
    let story = query::story(&*console.bus, &console.dead, &id).await?;
    Ok(if accept::choose(&headers, &[JSON, TEXT]) == Some(TEXT) {
        ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], story.render(options)).into_response()
    } else {
        Json(story).into_response()
    })
}
