//! One run on one bus: set up, calm, storm, settling, account.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use chassis::Shutdown;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::account::{self, Known};
use super::cast::Cast;
use super::config;
use super::disk::Disk;
use super::gather::Gathered;
use super::load::Load;
use super::plan::Plan;
use super::progress::{Counts, Progress};
use super::receiver::Receiver;
use super::report::{Phase, Report, Row};
use super::settle::{self, Settled};
use super::storm::Watch;
use super::unless_interrupted;
use crate::cli::SoakArgs;

const TELL_EVERY: Duration = Duration::from_secs(30);

/// All that takes part in a run.
pub struct World {
    /// What is going to happen.
    pub plan: Plan,
    /// How far it has come.
    pub progress: Arc<Progress>,
    /// Where effects arrive.
    pub receiver: Receiver,
    /// The deliveries.
    pub load: Arc<Load>,
    /// The processes.
    pub cast: Cast,
}

impl World {
    /// Sets it up in a folder; nothing runs yet.
    pub async fn new(
        args: &SoakArgs,
        plan: &Plan,
        dir: &Path,
        bus: &Path,
        shutdown: &Shutdown,
    ) -> anyhow::Result<Self> {
        let progress = Arc::new(Progress::new());
        let (receiver, address) = Receiver::open(plan.clone(), progress.clone(), shutdown.clone()).await?;
        let written = config::write(dir, &address)?;
        let load = Arc::new(Load::new(plan, progress.clone(), &written)?);
        let cast = Cast::new(args, &written, bus)?;
        Ok(Self { plan: plan.clone(), progress, receiver, load, cast })
    }

    /// Runs it to its end and accounts for every event. Whatever happens, no process is left.
    pub async fn run(
        mut self,
        disk: Option<(&Disk, u64)>,
        shutdown: &Shutdown,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let telling = tell(self.progress.clone(), self.plan.events, report.is_for_people());
        let ended = Box::pin(unless_interrupted(shutdown, self.play(disk, shutdown, report))).await;
        drop(telling);
        // Those who run end first, so that the account is of something that stands still.
        let killed = self.cast.kill9_all().await;
        report.fell.extend(self.cast.fell().iter().cloned());
        report.strange.extend(self.load.odd());
        report.strange.extend(self.receiver.strange());
        report.asked += self.receiver.asked();
        ended.and(killed)
    }

    async fn play(
        &mut self,
        disk: Option<(&Disk, u64)>,
        shutdown: &Shutdown,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        self.cast.start().await?;
        let from = self.progress.now();
        self.load.send(shutdown);
        let mut watch = Watch {
            cast: &mut self.cast,
            load: self.load.clone(),
            progress: self.progress.clone(),
            recoveries: Vec::new(),
        };
        let stormed = match disk {
            Some((disk, fills)) => watch.full_disk(&self.plan, disk, fills).await,
            None => watch.storm(&self.plan).await,
        };
        let load = self.load.clone();
        let sent = match stormed {
            Ok(()) => watch.until("take all events", move || load.is_sent()).await,
            Err(error) => Err(error),
        };
        let sent_at = self.progress.now();
        let recoveries = std::mem::take(&mut watch.recoveries);
        if let Err(stuck) = sent {
            // The account says which events are stuck.
            report.fell.push(format!("{stuck:#}"));
        }
        let Settled { gathered, stuck, complaints } = settle::settle(self).await?;
        report.fell.extend(complaints);
        report.strange.extend(gathered.strange.iter().cloned());
        let known = self.known(&gathered);
        let findings = account::all(&known, stuck);
        let mut rows = self.rows(disk.is_some(), [from, sent_at, self.progress.now()]);
        for known in &known {
            // They are sorted by their numbers.
            let of_it = findings.iter().skip(findings.partition_point(|finding| finding.n < known.n));
            let of_it = of_it.take_while(|finding| finding.n == known.n);
            if let Some(row) = rows.get_mut(usize::from(known.n >= self.plan.calm())) {
                row.add(known, &of_it.map(|finding| finding.wrong).collect());
            }
        }
        if let Some(row) = rows.iter_mut().rev().nth(1) {
            row.recovered(&recoveries);
        }
        report.recoveries.extend(recoveries);
        report.findings.extend(findings);
        report.rows.extend(rows);
        Ok(())
    }

    /// All that is known of each event.
    pub fn known<'a>(&self, gathered: &'a Gathered) -> Vec<Known<'a>> {
        let arrived = self.receiver.arrived();
        let known = (0..self.plan.events).map(|n| Known {
            n,
            channel: self.plan.channel(n),
            fate: self.plan.fate(n),
            sent: self.load.sent(n),
            kept: gathered.kept.get(&n).copied().unwrap_or_default(),
            arrived: arrived.get(&n).copied().unwrap_or_default(),
            dead: gathered.dead.get(&n).map_or(&[], Vec::as_slice),
        });
        known.collect()
    }

    fn rows(&self, full: bool, times: [u64; 3]) -> Vec<Row> {
        let [from, sent_at, end] = times;
        let storm_from = match self.progress.storm_from() {
            0 => sent_at,
            at => at,
        };
        let (first, rest) = if full { (Phase::FullDisk, Phase::Storm) } else { (Phase::Calm, Phase::Storm) };
        let mut rows = vec![Row::new(first, &self.progress.calm, from, storm_from)];
        if storm_from < sent_at {
            rows.push(Row::new(rest, &self.progress.storm, storm_from, sent_at));
        }
        rows.push(Row::new(Phase::Settling, &Counts::default(), sent_at, end));
        rows
    }
}

/// Says now and then how far it has come, on standard error, as long as what is returned is kept.
fn tell(progress: Arc<Progress>, events: u64, wanted: bool) -> JoinSet<()> {
    let mut telling = JoinSet::new();
    if wanted {
        telling.spawn(async move {
            let mut often = tokio::time::interval_at(Instant::now() + TELL_EVERY, TELL_EVERY);
            loop {
                often.tick().await;
                let (accepted, effects) = (progress.accepted_in_all(), progress.effects.load(SeqCst));
                eprintln!("  {accepted} of {events} accepted, {effects} effects");
            }
        });
    }
    telling
}
