//! Dead letters: looked at, driven again, dropped; one by one or by a filter.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use chassis::dead::{DeadError, DeadLetter, Survey};

use super::Console;
use super::link::Link;
use super::params::{Pairs, Params};
use super::problem::Problem;
use crate::api::{DamagedLetter, DeadBulk, DeadPage, DeadSummary, Unsettled};
use crate::query::{Budget, Cursor, DeadFilter, PAGE_TIME};

type Id = Result<Path<String>, PathRejection>;

/// `GET /api/v1/dead`: the oldest of those that are wanted.
pub(super) async fn list(
    State(console): State<Arc<Console>>,
    pairs: Pairs,
) -> Result<Json<DeadPage>, Problem> {
    let as_of = console.clock.now();
    let mut params = Params::of(pairs)?;
    let filter = params.dead_filter(as_of)?;
    let (limit, after) = (params.limit()?, params.dead_after()?);
    params.end("handler, type, since, until, limit, after")?;
    let Survey { letters, damaged } = console.dead.survey().await?;
    let wanted = || letters.iter().filter(|letter| filter.wants(letter));
    let mut rest = wanted().filter(|letter| after.as_ref().is_none_or(|after| after.is_before(letter)));
    let page: Vec<&DeadLetter> = rest.by_ref().take(limit).collect();
    let cursor = rest.next().and(page.last()).map(|last| Cursor::from(*last));
    Ok(Json(DeadPage {
        dead_letters: page.into_iter().map(DeadSummary::from).collect(),
        damaged: match after {
            None => damaged.into_iter().map(DamagedLetter::from).collect(),
            Some(_) => Vec::new(),
        },
        total: wanted().count(),
        as_of,
        next: cursor.map(|cursor| Link::dead("/api/v1/dead", &filter).with("limit", limit).after(&cursor)),
    }))
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
    pairs: Pairs,
) -> Result<Json<DeadSummary>, Problem> {
    let Path(id) = id?;
    let mut params = Params::of(pairs)?;
    let force = params.flag("force", false)?;
    params.end("force")?;
    Ok(Json(DeadSummary::from(&console.redrive(&id, force).await?)))
}

/// `DELETE /api/v1/dead/{id}`: answers with what was dropped.
pub(super) async fn drop(State(console): State<Arc<Console>>, id: Id) -> Result<Json<DeadSummary>, Problem> {
    let Path(id) = id?;
    Ok(Json(console.drop_one(&id).await?))
}

/// `POST /api/v1/dead/redrive`: each that is wanted and holds an event.
pub(super) async fn redrive_all(
    State(console): State<Arc<Console>>,
    pairs: Pairs,
) -> Result<Json<DeadBulk>, Problem> {
    let mut params = Params::of(pairs)?;
    let force = params.flag("force", false)?;
    let known = "handler, type, since, until, all, force, limit, after";
    Bulk::of(&console, params, known)?.settle(&console, Settling::Redrive { force }).await
}

/// `POST /api/v1/dead/drop`: each that is wanted.
pub(super) async fn drop_all(
    State(console): State<Arc<Console>>,
    pairs: Pairs,
) -> Result<Json<DeadBulk>, Problem> {
    let known = "handler, type, since, until, all, limit, after";
    Bulk::of(&console, Params::of(pairs)?, known)?.settle(&console, Settling::Drop).await
}

/// What becomes of many.
#[derive(Debug, Clone, Copy)]
enum Settling {
    Redrive {
        /// Those, too, that are so old that the ledger may have forgotten what was done.
        force: bool,
    },
    Drop,
}

impl Console {
    async fn redrive(&self, id: &str, force: bool) -> Result<DeadLetter, DeadError> {
        let letter = self.dead.get(id).await?;
        if !self.handlers.iter().any(|handler| handler.name == letter.handler) {
            let known = self.handlers.iter().map(|handler| handler.name).collect::<Vec<_>>().join(", ");
            return Err(DeadError::NoHandler { id: id.to_owned(), handler: letter.handler, known });
        }
        let letter = if force {
            self.dead.redrive_forced(&*self.bus, id).await?
        } else {
            self.dead.redrive(&*self.bus, id, self.clock.now()).await?
        };
        tracing::info!(dead_letter = id, handler = letter.handler, force, "driven again");
        Ok(letter)
    }

    async fn drop_one(&self, id: &str) -> Result<DeadSummary, DeadError> {
        let letter = self.dead.drop(id).await?;
        let handler = letter.as_ref().map(|letter| letter.handler.as_str());
        tracing::info!(dead_letter = id, handler, "dropped");
        Ok(letter.map_or_else(|| DeadSummary::unknown(id), |letter| DeadSummary::from(&letter)))
    }

    async fn drop_this(&self, letter: &DeadLetter) -> Result<(), DeadError> {
        self.dead.drop_this(letter).await?;
        tracing::info!(dead_letter = letter.id, handler = letter.handler, "dropped");
        Ok(())
    }
}

/// Many at once: those that died before it began, so that one that dies again is not settled for ever.
struct Bulk {
    filter: DeadFilter,
    after: Option<Cursor>,
    limit: usize,
    /// Nothing was asked of them, so those that cannot be read are meant, too.
    everything: bool,
}

impl Bulk {
    fn of(console: &Console, mut params: Params, known: &str) -> Result<Self, Problem> {
        let now = console.clock.now();
        let mut filter = params.dead_filter(now)?;
        let (limit, after, all) = (params.limit()?, params.dead_after()?, params.flag("all", false)?);
        params.end(known)?;
        if filter.is_everything() && !all {
            return Err(Problem::BadRequest {
                error: "this would settle all dead letters".to_owned(),
                hint: "give handler, type, since or until; or all=true".to_owned(),
            });
        }
        filter.until = filter.until.or(Some(now));
        Ok(Self { filter, after, limit, everything: all })
    }

    async fn settle(self, console: &Console, settling: Settling) -> Result<Json<DeadBulk>, Problem> {
        let Self { filter, after, limit, everything } = self;
        let budget = Budget::of(PAGE_TIME);
        let Survey { letters, damaged } = console.dead.survey().await?;
        let wanted = letters.iter().filter(|letter| {
            filter.wants(letter) && after.as_ref().is_none_or(|after| after.is_before(letter))
        });
        let mut bulk = DeadBulk::default();
        if everything && after.is_none() {
            bulk.unsettled = damaged.into_iter().map(Unsettled::from).collect();
        }
        let mut last: Option<&DeadLetter> = None;
        let mut all = true;
        for (looked_at, letter) in wanted.enumerate() {
            if looked_at >= limit || (budget.is_spent() && looked_at > 0) {
                all = false;
                break;
            }
            let settled = match settling {
                Settling::Redrive { force } => console.redrive(&letter.id, force).await.map(|_| ()),
                Settling::Drop => console.drop_this(letter).await,
            };
            match settled {
                Ok(()) => bulk.settled.push(DeadSummary::from(letter)),
                // Somebody else has settled it, or it died after this began.
                Err(DeadError::Unknown(_) | DeadError::Changed(_)) => {}
                Err(
                    error @ (DeadError::Undecodable(_)
                    | DeadError::NoHandler { .. }
                    | DeadError::Forgotten { .. }
                    | DeadError::Broken { .. }),
                ) => {
                    let error = format!("{:#}", anyhow::Error::new(error));
                    bulk.unsettled.push(Unsettled { id: letter.id.clone(), error });
                }
                // Nothing was done in this request, or what is asked next has the error.
                Err(error @ (DeadError::Store(_) | DeadError::Bus(_))) if looked_at == 0 => {
                    return Err(error.into());
                }
                Err(DeadError::Store(_) | DeadError::Bus(_)) => {
                    all = false;
                    break;
                }
            }
            last = Some(letter);
        }
        let (path, force) = match settling {
            Settling::Redrive { force } => ("/api/v1/dead/redrive", force.then_some(true)),
            Settling::Drop => ("/api/v1/dead/drop", None),
        };
        let again = || Link::dead(path, &filter).maybe("force", force).with("limit", limit);
        let cursor = last.filter(|_| !all).map(Cursor::from);
        bulk.next = cursor.map(|cursor| again().after(&cursor));
        Ok(Json(bulk))
    }
}
