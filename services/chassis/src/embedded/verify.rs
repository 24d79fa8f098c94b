//! Reading everything, to say what is damaged.

use std::collections::BTreeSet;

use super::store::{self, name};
use super::{Embedded, keys, record};
use crate::archive::Report;
use crate::claim;
use crate::store::Bucket;

/// How much of the state is read at once.
const PAGE: usize = 1_000;

/// Reads everything.
pub fn all(engine: &Embedded) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let mut wanted = BTreeSet::new();
    log(engine, &mut report, &mut wanted)?;
    state(engine, &mut report)?;
    blobs(engine, &mut report, &wanted)?;
    Ok(report)
}

fn log(engine: &Embedded, report: &mut Report, wanted: &mut BTreeSet<String>) -> anyhow::Result<()> {
    for sealed in engine.0.log.sealed() {
        report.damage.extend(sealed.index_damage());
    }
    let end = *engine.0.last.borrow();
    let mut from = 1;
    loop {
        let raw = match engine.0.log.find(from) {
            Ok(Some(raw)) if raw.position <= end => raw,
            Ok(_) => return Ok(()),
            Err(error) => {
                report.damage.push(format!("events from {from} on cannot be read: {error:#}"));
                return Ok(());
            }
        };
        from = raw.position + 1;
        let (_, recorded) = record::recorded(&raw);
        match recorded.event {
            Ok(event) => {
                report.messages += 1;
                wanted.extend(claim::name(&event));
            }
            Err(undecodable) => {
                report.damage.push(format!("event {}: {}", recorded.position, undecodable.reason));
            }
        }
    }
}

fn state(engine: &Embedded, report: &mut Report) -> anyhow::Result<()> {
    let mut from = keys::STATE.to_vec();
    loop {
        let found = match engine.0.state.scan(keys::STATE, &from, PAGE) {
            Ok(found) => found,
            Err(error) => {
                let at = String::from_utf8_lossy(&from).into_owned();
                report.damage.push(format!("the state from `{at}` on cannot be read: {error:#}"));
                return Ok(());
            }
        };
        let Some((last, _)) = found.last() else { return Ok(()) };
        from = [&last[..], &[0]].concat();
        for (place, framed) in &found {
            let (bucket, key) =
                name(place).unwrap_or((Bucket::Dedup, String::from_utf8_lossy(place).into_owned()));
            match store::decode(framed) {
                Ok(_) => report.entries += 1,
                Err(error) => report.damage.push(format!("state {}/{key}: {error:#}", bucket.name())),
            }
        }
    }
}

fn blobs(engine: &Embedded, report: &mut Report, wanted: &BTreeSet<String>) -> anyhow::Result<()> {
    let kept = engine.0.folder.blobs();
    let mut there = BTreeSet::new();
    for (name, _) in kept.all()? {
        match kept.get(&name) {
            Ok(_) => report.blobs += 1,
            Err(error) => report.damage.push(format!("{error:#}")),
        }
        there.insert(name);
    }
    let missing = wanted.difference(&there);
    report
        .damage
        .extend(missing.map(|name| format!("the large body {name} is missing: an event refers to it")));
    Ok(())
}
