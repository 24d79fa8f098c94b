//! What is declared as a Source, and what came through it.

use std::collections::BTreeMap;

use chassis::StoreError;
use chassis::sources::{Record, Refused, Sources};
use chrono::{DateTime, Utc};
use resources::{Catalog, Source, SourceKind};

use crate::api::{SourceRefused, SourceShown};

/// All declared Sources, by name.
pub async fn sources(
    known: &Sources,
    catalog: &Catalog,
    now: DateTime<Utc>,
) -> Result<Vec<SourceShown>, StoreError> {
    let records = known.all().await?;
    Ok(catalog.sources.values().map(|source| shown(source, &records, now)).collect())
}

fn shown(source: &Source, records: &BTreeMap<String, Record>, now: DateTime<Utc>) -> SourceShown {
    let Source { name, kind, retired, guard: _ } = source;
    let posted = !matches!(kind, SourceKind::Schedule(_));
    let mut shown = SourceShown {
        name: name.clone(),
        kind: kind.name().to_owned(),
        address: posted.then(|| format!("/hooks/{name}")),
        retired: *retired,
        since: None,
        accepted: None,
        refused: Vec::new(),
        silent: false,
        silent_seconds: None,
        usual_seconds: None,
    };
    // What another Source of this name came to is not this one's.
    let Some(record) = records.get(name).filter(|record| record.kind == shown.kind) else { return shown };
    shown.since = Some(record.since);
    shown.accepted = record.accepted;
    let refused = |(answer, refused): (&String, &Refused)| {
        let Refused { at, error } = refused.clone();
        SourceRefused { at, answer: answer.clone(), error }
    };
    shown.refused = record.refused.iter().map(refused).collect();
    shown.refused.sort_by_key(|refused| std::cmp::Reverse(refused.at));
    // From a retired one nothing is expected.
    shown.silent = !retired && record.silence(now).is_some();
    shown.silent_seconds = record.accepted.map(|last| (now - last).to_std().unwrap_or_default().as_secs());
    shown.usual_seconds = record.usual(now).map(|usual| usual.as_secs());
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use chassis::sources::News;

    const SOURCES: &str = "
apiVersion: signalbox.dev/v1alpha1
kind: Source
metadata: {name: a}
spec: {github: {secrets: [{env: A}]}}
---
apiVersion: signalbox.dev/v1alpha1
kind: Source
metadata: {name: b}
spec: {gitea: {secrets: [{env: A}]}, retired: true}
---
apiVersion: signalbox.dev/v1alpha1
kind: Source
metadata: {name: nightly}
spec: {schedule: {cron: '@daily'}}
";

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(hour * 3600, 0).expect("a time")
    }

    fn record(kind: &str) -> Record {
        let news =
            |hour| News {
                kind: kind.to_owned(),
                since: at(hour),
                accepted: Some((at(hour), at(hour))),
                refused: BTreeMap::from([("unproven", hour + 1), ("bad_body", hour + 2)].map(
                    |(answer, hour)| (answer.to_owned(), Refused { at: at(hour), error: "no".to_owned() }),
                )),
            };
        (0..10)
            .map(|n| news(n * 3))
            .fold(None, |known, news| Some(news.added_to(known)))
            .expect("there were some")
    }

    #[test]
    fn every_source_is_shown_with_what_came_through_it_and_nothing_of_another_kind() {
        let catalog = resources::load_text("a.yaml", SOURCES).expect("it is valid").catalog;
        let of = |kind: &str, name: &str, hour| {
            let records = BTreeMap::from([(name.to_owned(), record(kind))]);
            shown(&catalog.sources[name], &records, at(hour))
        };
        let a = of("github", "a", 28);
        assert_eq!((a.address.as_deref(), a.accepted, a.silent), (Some("/hooks/a"), Some(at(27)), false));
        assert_eq!((a.silent_seconds, a.usual_seconds), (Some(3600), Some(3 * 3600)));
        let answers: Vec<_> = a.refused.iter().map(|refused| refused.answer.as_str()).collect();
        assert_eq!(answers, ["bad_body", "unproven"], "newest first");
        assert!(of("github", "a", 32).silent, "five hours are longer than usual");
        let other = of("gitea", "a", 32);
        assert_eq!((other.accepted, other.refused.len(), other.silent_seconds), (None, 0, None));
        let b = of("gitea", "b", 32);
        assert!(b.retired && !b.silent, "of a retired one nothing is expected");
        assert_eq!(of("schedule", "nightly", 1).address, None, "nobody posts to a clock");
    }
}
