//! Reads everything and says what is damaged or missing. The server checks its own files; what it lost shows as a gap.

use std::collections::BTreeSet;

use events::extension;
use events::subject::PREFIX;
use strum::IntoEnumIterator as _;

use super::blobs::{Blobs, of_dataref};
use super::ground::Ground;
use super::history::{self, Stored};
use super::stream::{Assets, STREAM};
use super::{dedup, message, store};
use crate::archive::Report;
use crate::store::Bucket;

/// Messages in one page.
const PAGE: usize = 1000;

/// Reads everything.
pub async fn verify(ground: &Ground, assets: &Assets, blobs: Blobs<'_>) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let mut wanted = BTreeSet::new();
    let mut expected = history::first(assets).await?;
    let last = history::last(assets).await?;
    loop {
        let page = history::page(ground, STREAM, ">", expected, PAGE).await?;
        if page.is_empty() {
            break;
        }
        for stored in page {
            gap(&mut report, expected, stored.sequence);
            expected = stored.sequence + 1;
            look(&mut report, &mut wanted, &stored);
        }
    }
    gap(&mut report, expected, last + 1);
    if let Err(error) = dedup::chunks(assets).await {
        report.damage.push(format!("index of event ids: {error:#}"));
    }
    for bucket in Bucket::iter() {
        report.entries += store::all(ground, assets.bucket(bucket)?).await?.len() as u64;
    }
    for name in blobs.names().await? {
        wanted.remove(&name);
        match blobs.get(&name).await {
            Ok(Some(_)) => report.blobs += 1,
            Ok(None) => report.damage.push(format!("large body {name}: it is gone")),
            Err(error) => report.damage.push(format!("large body {name}: {error:#}")),
        }
    }
    report.damage.extend(
        wanted.into_iter().map(|name| format!("large body {name}: an event refers to it, and it is missing")),
    );
    Ok(report)
}

fn gap(report: &mut Report, expected: u64, found: u64) {
    match found.saturating_sub(expected) {
        0 => {}
        1 => report.damage.push(format!("log: position {expected} is missing")),
        _ => report.damage.push(format!("log: positions {expected} to {} are missing", found - 1)),
    }
}

fn look(report: &mut Report, wanted: &mut BTreeSet<String>, stored: &Stored) {
    let Stored { sequence, subject, headers, payload, .. } = stored;
    match message::decode(subject, Some(headers), payload) {
        Ok(event) => {
            report.messages += 1;
            let name = event.extension(extension::DATAREF);
            wanted.extend(name.as_deref().and_then(of_dataref).map(str::to_owned));
        }
        Err(undecodable) if subject.starts_with(PREFIX) => {
            report.damage.push(format!("log: position {sequence} is no event: {}", undecodable.reason));
        }
        Err(undecodable) => {
            report.damage.push(format!("log: position {sequence} is no redelivery: {}", undecodable.reason));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_named_by_its_ends() {
        let mut report = Report::default();
        gap(&mut report, 3, 3);
        gap(&mut report, 3, 4);
        gap(&mut report, 5, 9);
        assert_eq!(report.damage, ["log: position 3 is missing", "log: positions 5 to 8 are missing"]);
    }
}
