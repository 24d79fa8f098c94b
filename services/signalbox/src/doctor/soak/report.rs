//! What a run came to: a table for people, and the same as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use strum::IntoStaticStr;
use tokio::time::Instant;

use super::account::{Finding, Known, Wrong};
use super::id;
use super::progress::Counts;
use super::storm::Recovery;
use crate::cli::{SoakArgs, SoakEngine};
use crate::exit::Stop;
use crate::output::{Output, Style, harmless};

/// Findings that are printed for people; the JSON has all.
const PRINTED: usize = 20;

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, Serialize)]
#[strum(serialize_all = "kebab-case")]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Without kills.
    Calm,
    /// With kills.
    Storm,
    /// On a bus of its own, whose disk is filled.
    FullDisk,
    /// Everything is sent, not everything has ended.
    Settling,
}

/// The numbers of a phase. Events belong to the phase in which they are sent.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    phase: Phase,
    sent: u64,
    accepted: u64,
    refused: u64,
    cut_off: u64,
    stored: u64,
    effects: u64,
    dead: u64,
    lost: u64,
    doubled: u64,
    stuck: u64,
    out_of_order: u64,
    astray: u64,
    seconds: f64,
    /// How long it took to go on after each kill, in seconds.
    #[serde(skip)]
    recovered: Vec<f64>,
}

/// All that is said at the end.
pub struct Report {
    args: SoakArgs,
    seed: u64,
    begun: Instant,
    /// By phase.
    pub rows: Vec<Row>,
    /// What was killed, and how long it took to recover.
    pub recoveries: Vec<Recovery>,
    /// What is wrong with which event.
    pub findings: Vec<Finding>,
    /// What ended or stood still without being asked to.
    pub fell: Vec<String>,
    /// What belongs to no event.
    pub strange: Vec<String>,
    /// Why a part is left out.
    pub left_out: Option<String>,
    /// How often the receiver was asked whether it has a message.
    pub asked: u64,
}

impl Row {
    /// A phase between two times, in microseconds.
    pub fn new(phase: Phase, counts: &Counts, from: u64, to: u64) -> Self {
        let Counts { sent, accepted, refused, cut_off } = counts;
        Self {
            phase,
            sent: sent.load(SeqCst),
            accepted: accepted.load(SeqCst),
            refused: refused.load(SeqCst),
            cut_off: cut_off.load(SeqCst),
            stored: 0,
            effects: 0,
            dead: 0,
            lost: 0,
            doubled: 0,
            stuck: 0,
            out_of_order: 0,
            astray: 0,
            seconds: Duration::from_micros(to.saturating_sub(from)).as_secs_f64(),
            recovered: Vec::new(),
        }
    }

    /// Adds what was recovered from.
    pub fn recovered(&mut self, recoveries: &[Recovery]) {
        self.recovered.extend(recoveries.iter().map(|recovery| recovery.took.as_secs_f64()));
        self.recovered.sort_by(f64::total_cmp);
    }

    /// Adds an event, and what is wrong with it.
    pub fn add(&mut self, known: &Known<'_>, wrongs: &BTreeSet<Wrong>) {
        self.stored += u64::from(known.kept.stored > 0);
        self.effects += u64::from(known.arrived.taken > 0);
        self.dead += u64::from(!known.dead.is_empty());
        let has = |wrong: Wrong| u64::from(wrongs.contains(&wrong));
        self.lost += has(Wrong::Lost);
        self.doubled += has(Wrong::Doubled);
        self.stuck += has(Wrong::Stuck);
        self.out_of_order += has(Wrong::OutOfOrder);
        self.astray += has(Wrong::Astray);
    }

    fn plus(&mut self, other: &Self) {
        let Self { phase: _, sent, accepted, refused, cut_off, stored, effects, .. } = other;
        let Self { dead, lost, doubled, stuck, out_of_order, astray, seconds, recovered, .. } = other;
        for (sum, number) in [
            (&mut self.sent, sent),
            (&mut self.accepted, accepted),
            (&mut self.refused, refused),
            (&mut self.cut_off, cut_off),
            (&mut self.stored, stored),
            (&mut self.effects, effects),
            (&mut self.dead, dead),
            (&mut self.lost, lost),
            (&mut self.doubled, doubled),
            (&mut self.stuck, stuck),
            (&mut self.out_of_order, out_of_order),
            (&mut self.astray, astray),
        ] {
            *sum += number;
        }
        self.seconds += seconds;
        self.recovered.extend(recovered);
        self.recovered.sort_by(f64::total_cmp);
    }

    fn line(&self, name: &str) -> String {
        let Self { phase: _, sent, accepted, refused, cut_off, stored, effects, dead, .. } = self;
        let Self { lost, doubled, stuck, out_of_order, astray, seconds, recovered, .. } = self;
        let recovered = if recovered.is_empty() {
            String::new()
        } else {
            format!("{:.2} s, {:.2} s", middle(recovered), last(recovered))
        };
        format!(
            "| {name} | {sent} | {accepted} | {refused} | {cut_off} | {stored} | {effects} | {dead} | {lost} | {doubled} | \
             {stuck} | {out_of_order} | {astray} | {recovered} | {seconds:.1} s |"
        )
    }
}

const HEAD: &str = "\
| phase | sent | 202 | 503 | cut off | in the log | effects | dead letters | lost | doubled | stuck | out of order | astray | \
recovered p50, max | time |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|";

impl Report {
    /// Of a run that begins now.
    pub fn new(args: &SoakArgs, seed: u64) -> Self {
        Self {
            args: args.clone(),
            seed,
            begun: Instant::now(),
            rows: Vec::new(),
            recoveries: Vec::new(),
            findings: Vec::new(),
            fell: Vec::new(),
            strange: Vec::new(),
            left_out: None,
            asked: 0,
        }
    }

    /// Whether people read along.
    pub fn is_for_people(&self) -> bool {
        !self.args.json
    }

    /// Whether anything is not as it should be.
    pub fn is_wrong(&self) -> bool {
        !(self.findings.is_empty() && self.fell.is_empty() && self.strange.is_empty())
    }

    /// What is going to happen.
    pub fn head(&self, dir: &Path, out: &mut Output) -> Result<(), Stop> {
        if self.args.json {
            return Ok(());
        }
        let SoakArgs { events, kills, .. } = self.args;
        let engine = self.engine();
        let command = format!(
            "signalbox doctor soak --engine {engine} --events {events} --kills {kills} --seed {}",
            self.seed
        );
        out.line(out.styled(Style::Bold, command))?;
        out.line(format_args!("  in {}", dir.display()))
    }

    /// All of it; `complete` if nothing kept the run from its end.
    pub fn end(&self, kept: Option<&Path>, complete: bool, out: &mut Output) -> Result<(), Stop> {
        if self.args.json {
            return out.line(self.json(kept, complete));
        }
        out.line(format_args!("\n{HEAD}"))?;
        for row in &self.rows {
            out.line(row.line(row.phase.into()))?;
        }
        out.line(self.sum().line("in all"))?;
        out.line("\n| killed | times | recovered p50 | max |\n|---|---|---|---|")?;
        for (what, times) in self.recovered() {
            out.line(format_args!(
                "| {what} | {} | {:.2} s | {:.2} s |",
                times.len(),
                middle(&times),
                last(&times)
            ))?;
        }
        out.line(format_args!("\nthe receiver was asked {} times whether it has a message", self.asked))?;
        if let Some(why) = &self.left_out {
            out.line(why)?;
        }
        self.complaints(out)?;
        if let Some(kept) = kept {
            out.line(format_args!("logs and bus are in {}", kept.display()))?;
        }
        let (style, verdict) = match (self.is_wrong(), complete) {
            (true, _) => (Style::Red, "not right"),
            (false, true) => (Style::Green, "every event is accounted for"),
            (false, false) => (Style::Yellow, "not at its end"),
        };
        let verdict = out.styled(style, verdict);
        out.line(format_args!("{verdict}, in {:.0} s", self.begun.elapsed().as_secs_f64()))
    }

    fn complaints(&self, out: &mut Output) -> Result<(), Stop> {
        let findings = self
            .findings
            .iter()
            .map(|Finding { n, wrong, because }| format!("{}: {}: {because}", <&str>::from(*wrong), id(*n)));
        let all: Vec<String> =
            findings.chain(self.fell.iter().cloned()).chain(self.strange.iter().cloned()).collect();
        for line in all.iter().take(PRINTED) {
            out.line(harmless(line))?;
        }
        if all.len() > PRINTED {
            out.line(format_args!("and {} more: --json has all", all.len() - PRINTED))?;
        }
        Ok(())
    }

    fn sum(&self) -> Row {
        let mut sum = Row::new(Phase::Settling, &Counts::default(), 0, 0);
        self.rows.iter().for_each(|row| sum.plus(row));
        sum
    }

    fn engine(&self) -> &'static str {
        match self.args.engine {
            SoakEngine::Embedded => "embedded",
            SoakEngine::Jetstream => "jetstream",
        }
    }

    /// Seconds, sorted, by what was killed, and in all.
    fn recovered(&self) -> Vec<(&'static str, Vec<f64>)> {
        let mut by: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
        for Recovery { what, took } in &self.recoveries {
            by.entry(what).or_default().push(took.as_secs_f64());
        }
        let all = self.recoveries.iter().map(|recovery| recovery.took.as_secs_f64()).collect();
        let mut lines: Vec<_> = by.into_iter().chain([("in all", all)]).collect();
        for (_, times) in &mut lines {
            times.sort_by(f64::total_cmp);
        }
        lines
    }

    fn json(&self, kept: Option<&Path>, complete: bool) -> String {
        let recovered: BTreeMap<_, _> = self
            .recovered()
            .into_iter()
            .map(|(what, times)| {
                (
                    what,
                    json!({"times": times.len(), "p50_seconds": middle(&times), "max_seconds": last(&times)}),
                )
            })
            .collect();
        let findings: Vec<_> = self
            .findings
            .iter()
            .map(|Finding { n, wrong, because }| {
                json!({"id": id(*n), "wrong": <&str>::from(*wrong), "because": because})
            })
            .collect();
        let answer = json!({
            "engine": self.engine(),
            "seed": self.seed,
            "right": complete && !self.is_wrong(),
            "phases": self.rows,
            "in_all": self.sum(),
            "recovered": recovered,
            "findings": findings,
            "ended_by_themselves": self.fell,
            "strange": self.strange,
            "left_out": self.left_out,
            "receiver_asked": self.asked,
            "seconds": self.begun.elapsed().as_secs_f64(),
            "folder": kept,
        });
        answer.to_string()
    }
}

fn middle(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn last(sorted: &[f64]) -> f64 {
    sorted.last().copied().unwrap_or_default()
}
