//! What a handler will not get any more: told and counted.

use std::sync::PoisonError;

use anyhow::Context as _;
use async_nats::jetstream::consumer::Info;

use super::Place;
use crate::jetstream::durable;
use crate::jetstream::fit::Difference;
use crate::jetstream::ground::Ground;
use crate::jetstream::history;
use crate::jetstream::stream::Assets;

/// Of what a changed consumer passed over, so much is looked at.
const MAX_PASSED_OVER: usize = 10_000;

impl Place {
    /// Alarms when the server has dropped what the handler did not get. Returns what somebody changed of the durable.
    pub(super) async fn alarm(
        &self,
        ground: &Ground,
        assets: &Assets,
    ) -> anyhow::Result<(Info, Vec<Difference>)> {
        let limit = self.limit();
        // First the log: what is in it then, and is not pending after, the handler has.
        let log = assets.stream.get_info().await.context("cannot look at the log")?.state;
        let info = assets.stream.consumer_info(&self.name).await.context("cannot look at the consumer")?;
        let mut lost = self.passed().look(log.first_sequence);
        {
            // What was given back can come no more.
            let mut put_off = self.put_off.lock().unwrap_or_else(PoisonError::into_inner);
            let there = put_off.split_off(&log.first_sequence);
            lost.extend(std::mem::replace(&mut *put_off, there).into_keys().map(|at| (at, at)));
        }
        for (from, to) in lost {
            ground.numbers.lost.inc_by(to - from + 1);
            tracing::error!(
                handler = self.name,
                from,
                to,
                "events were dropped from the log that the handler had not seen: the log keeps too little, or was purged"
            );
        }
        let changed = durable::changed(&self.spec, &info, limit.filter(|limit| self.limit() == Some(*limit)));
        if !changed.is_empty() {
            // What it passes over may be the handler's.
            return Ok((info, changed));
        }
        let next = if info.num_pending == 0 {
            Some(log.last_sequence + 1)
        } else {
            let from = self.passed().up_to().map_or(1, |up_to| up_to + 1);
            history::next_of(assets, &info.config.filter_subjects, from).await?
        };
        if let Some(next) = next {
            self.passed().nothing_before(next);
        }
        Ok((info, changed))
    }

    /// Alarms when the durable, changed by somebody, passed over events of the handler: it does not go back.
    pub(super) async fn passed_over(
        &self,
        ground: &Ground,
        assets: &Assets,
        info: &Info,
    ) -> anyhow::Result<()> {
        let subjects = durable::filters(&self.spec);
        let (mut at, end) = (self.record().floor + 1, info.delivered.stream_sequence);
        let mut missed = Vec::new();
        for _ in 0..MAX_PASSED_OVER {
            let next = history::next_of(assets, &subjects, at).await?;
            let Some(position) = next.filter(|position| *position <= end) else { break };
            if !self.knows(position) {
                missed.push(position);
            }
            at = position + 1;
        }
        if let (Some(from), Some(to)) = (missed.first(), missed.last()) {
            ground.numbers.lost.inc_by(missed.len() as u64);
            tracing::error!(
                handler = self.name,
                from,
                to,
                events = missed.len(),
                "the changed consumer passed over events of the handler: a replay of that stretch brings them"
            );
        }
        Ok(())
    }

    /// Whether the handler has got what stands there.
    fn knows(&self, position: u64) -> bool {
        let settled = {
            let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
            position <= record.floor || record.settled.contains(&position)
        };
        settled
            || self.outstanding.lock().unwrap_or_else(PoisonError::into_inner).contains(&position)
            || self.put_off.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&position)
    }
}
