//! Query parameters, each checked, the unknown ones named.

use std::str::FromStr;

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use chassis::Position;
use chrono::{DateTime, Utc};

use super::problem::Problem;
use crate::query::{Cursor, DEFAULT_LIMIT, DeadFilter, Edge, Filter, MAX_LIMIT, Order, Range, Wanted, when};
use crate::{RenderOptions, Times};

/// What axum makes of a query string.
pub(super) type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// Parameters that are not taken yet.
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// The parameters; each may be given once.
    pub(super) fn of(pairs: Pairs) -> Result<Self, Problem> {
        let Ok(Query(pairs)) = pairs else {
            return Err(bad("the query string cannot be read", "percent-encode it as UTF-8"));
        };
        let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        match names.windows(2).find(|two| two[0] == two[1]) {
            Some(two) => Err(bad(format!("the parameter `{}` is given twice", two[0]), "give it once")),
            None => Ok(Self(pairs)),
        }
    }

    /// Takes a parameter; an empty one counts as not given.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1).filter(|value| !value.is_empty())
    }

    fn parsed<T: FromStr>(&mut self, name: &str, what: &str) -> Result<Option<T>, Problem> {
        let Some(text) = self.take(name) else { return Ok(None) };
        let wrong = |_| bad(format!("the parameter `{name}` is `{text}`"), format!("it should be {what}"));
        text.parse().map(Some).map_err(wrong)
    }

    fn moment(&mut self, name: &str, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Problem> {
        let Some(text) = self.take(name) else { return Ok(None) };
        when(&text, now)
            .map(Some)
            .map_err(|error| bad(format!("the parameter `{name}` is no moment"), error.to_string()))
    }

    /// `type`, `source`, `key`, `correlation`, `since`, `until`.
    pub(super) fn filter(&mut self, now: DateTime<Utc>) -> Result<Filter, Problem> {
        Ok(Filter {
            ty: self.take("type"),
            source: self.take("source"),
            key: self.take("key"),
            correlation: self.take("correlation"),
            since: self.moment("since", now)?,
            until: self.moment("until", now)?,
        })
    }

    /// `handler`, `type`, `since`, `until`.
    pub(super) fn dead_filter(&mut self, now: DateTime<Utc>) -> Result<DeadFilter, Problem> {
        Ok(DeadFilter {
            handler: self.take("handler"),
            ty: self.take("type"),
            since: self.moment("since", now)?,
            until: self.moment("until", now)?,
        })
    }

    /// `after`, of dead letters.
    pub(super) fn dead_after(&mut self) -> Result<Option<Cursor>, Problem> {
        self.parsed("after", "what `next` of such a list has")
    }

    /// `after` and `before`.
    pub(super) fn range(&mut self) -> Result<Range, Problem> {
        Ok(Range { after: self.after()?, before: self.position("before")? })
    }

    /// `order`.
    pub(super) fn order(&mut self) -> Result<Order, Problem> {
        Ok(self.parsed("order", "`newest` or `oldest`")?.unwrap_or_default())
    }

    /// `run`, `handler`, `from` or `since`, `to` or `until`, `types`, `effects`.
    pub(super) fn replay(&mut self, now: DateTime<Utc>) -> Result<Wanted, Problem> {
        let needed = |name: &str, value: Option<String>| {
            value.ok_or_else(|| {
                bad(format!("the parameter `{name}` is missing"), "name the run and the handler")
            })
        };
        let (run, handler) = (needed("run", self.take("run"))?, needed("handler", self.take("handler"))?);
        let types = self.take("types").unwrap_or_default();
        Ok(Wanted {
            run,
            handler,
            from: self.edge("from", "since", now)?,
            to: self.edge("to", "until", now)?,
            types: types.split(',').filter(|glob| !glob.is_empty()).map(str::to_owned).collect(),
            effects: match self.take("effects").as_deref() {
                None | Some("off") => false,
                Some("on") => true,
                Some(other) => {
                    return Err(bad(
                        format!("the parameter `effects` is `{other}`"),
                        "it should be `on` or `off`",
                    ));
                }
            },
        })
    }

    /// A position or a moment.
    fn edge(&mut self, at: &str, when: &str, now: DateTime<Utc>) -> Result<Option<Edge>, Problem> {
        match (self.position(at)?, self.moment(when, now)?) {
            (Some(_), Some(_)) => Err(bad(
                format!("the parameters `{at}` and `{when}` exclude each other"),
                "leave one of them away",
            )),
            (Some(position), None) => Ok(Some(Edge::At(position))),
            (None, moment) => Ok(moment.map(Edge::When)),
        }
    }

    /// `limit`.
    pub(super) fn limit(&mut self) -> Result<usize, Problem> {
        let what = format!("a number from 1 to {MAX_LIMIT}");
        match self.parsed("limit", &what)? {
            None => Ok(DEFAULT_LIMIT),
            Some(limit) if (1..=MAX_LIMIT).contains(&limit) => Ok(limit),
            Some(limit) => {
                Err(bad(format!("the parameter `limit` is `{limit}`"), format!("it should be {what}")))
            }
        }
    }

    /// `after`.
    pub(super) fn after(&mut self) -> Result<Option<Position>, Problem> {
        self.position("after")
    }

    fn position(&mut self, name: &str) -> Result<Option<Position>, Problem> {
        Ok(self.parsed(name, "a position in the log: a whole number")?.map(Position))
    }

    /// A switch.
    pub(super) fn flag(&mut self, name: &str, default: bool) -> Result<bool, Problem> {
        Ok(self.parsed(name, "`true` or `false`")?.unwrap_or(default))
    }

    /// `ids`, `times`, `ascii`.
    pub(super) fn render(&mut self) -> Result<RenderOptions, Problem> {
        Ok(RenderOptions {
            ids: self.flag("ids", true)?,
            times: self.parsed("times", "`offset`, `absolute` or `none`")?.unwrap_or(Times::Offset),
            color: self.flag("color", false)?,
            ascii: self.flag("ascii", false)?,
        })
    }

    /// All parameters are taken: what is left is a mistake, not something to be ignored.
    pub(super) fn end(self, known: &str) -> Result<(), Problem> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => {
                Err(bad(format!("there is no parameter `{name}` here"), format!("there are {known}")))
            }
        }
    }
}

fn bad(error: impl Into<String>, hint: impl Into<String>) -> Problem {
    Problem::BadRequest { error: error.into(), hint: hint.into() }
}
