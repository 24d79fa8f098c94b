//! What is kept while everything runs: the same, asked of the console's API, as anybody would ask it.

use std::collections::HashSet;

use anyhow::anyhow;
use chassis::dead::DeadLetter;
use chassis::{BusUrl, Position};
use console::api::{DeadPage, EventPage};
use serde::de::DeserializeOwned;

use super::Gathered;
use crate::exit::Stop;
use crate::query::Query;
use crate::settings::{Bus, Settings};

/// Events and dead letters of one answer.
const PAGE: usize = 1_000;

/// Reads on and on.
pub struct Running {
    query: Query,
    gathered: Gathered,
    after: Position,
    letters: HashSet<String>,
}

impl Running {
    /// Asks the server that has the bus, or the bus itself if it takes others.
    pub async fn open(bus: BusUrl) -> anyhow::Result<Self> {
        let settings = Settings { bus: Bus(bus), ..Settings::default() };
        let query = Query::open(&settings).await.map_err(why)?;
        let gathered = Gathered::default();
        Ok(Self { query, gathered, after: Position(0), letters: HashSet::new() })
    }

    /// All that is kept by now.
    pub async fn read(&mut self) -> anyhow::Result<&Gathered> {
        loop {
            let path = format!("/api/v1/events?order=oldest&limit={PAGE}&after={}", self.after);
            let page: EventPage = self.get(&path).await?;
            for entry in &page.events {
                if let Some(event) = entry.envelope().and_then(Result::ok) {
                    self.gathered.event(&event, entry.position);
                }
                self.after = entry.position;
            }
            if page.next.is_none() {
                break;
            }
        }
        let mut next = Some(format!("/api/v1/dead?limit={PAGE}"));
        while let Some(address) = next {
            let page: DeadPage = self.get(&address).await?;
            for summary in page.dead_letters {
                if !self.letters.contains(&summary.id) {
                    let letter: DeadLetter = self.get(&format!("/api/v1/dead/{}", summary.id)).await?;
                    self.gathered.letter(&letter)?;
                    self.letters.insert(summary.id);
                }
            }
            next = page.next;
        }
        Ok(&self.gathered)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.query.get(path).await.map_err(why)
    }

    /// Lets the bus go.
    pub async fn close(self) {
        self.query.close().await;
    }
}

fn why(stop: Stop) -> anyhow::Error {
    match stop {
        Stop::Error(_, error) => error,
        Stop::ClosedPipe => anyhow!("the answer broke off"),
    }
}
