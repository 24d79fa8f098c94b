//! Events and stories.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use chassis::{Recorded, claim};

use super::link::Link;
use super::params::{Pairs, Params};
use super::problem::Problem;
use super::{Console, accept};
use crate::api::{Entry, EventPage};
use crate::query::{self, Budget, Found, Order, PAGE_TIME, Range};

const JSON: &str = "application/json";
const TEXT: &str = "text/plain";

/// `GET /api/v1/events`: a page, newest first; with `order=oldest` oldest first.
pub(super) async fn list(
    State(console): State<Arc<Console>>,
    pairs: Pairs,
) -> Result<Json<EventPage>, Problem> {
    let mut params = Params::of(pairs)?;
    let filter = params.filter(console.clock.now())?;
    let (limit, range, order) = (params.limit()?, params.range()?, params.order()?);
    params.end("type, source, key, correlation, since, until, order, limit, after, before")?;
    let budget = Budget::of(PAGE_TIME);
    let Found { events, cursor } = query::list(&*console.bus, &filter, range, order, limit, budget).await?;
    let next = cursor.map(|cursor| {
        let Range { after, before } = match order {
            Order::Newest => Range { before: Some(cursor), ..range },
            Order::Oldest => Range { after: Some(cursor), ..range },
        };
        let link = Link::events(&filter).maybe("after", after).maybe("before", before).with("limit", limit);
        match order {
            Order::Newest => link,
            Order::Oldest => link.with("order", "oldest"),
        }
        .address()
    });
    Ok(Json(EventPage { events, next, cursor }))
}

/// `GET /api/v1/events/{id}`, with its body, also if that is large.
pub(super) async fn show(
    State(console): State<Arc<Console>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Entry>, Problem> {
    let Path(id) = id?;
    let light = query::find(&*console.bus, &id).await?;
    let Ok(event) = &light.event else { return Ok(Json(Entry::from(&light))) };
    let entry = match claim::check_out(&*console.store, event.clone()).await {
        Ok(event) => Entry::from(&Recorded { event: Ok(event), ..light }),
        Err(error) => Entry { note: Some(format!("{:#}", anyhow::Error::new(error))), ..Entry::from(&light) },
    };
    Ok(Json(entry))
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
