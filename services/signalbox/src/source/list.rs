//! `signalbox source list`.

use std::path::Path;

use chassis::{Clock as _, SystemClock};
use chrono::{DateTime, SecondsFormat, Utc};
use console::api::{SourcePage, SourceRefused, SourceShown};

use crate::duration;
use crate::exit::{Exit, Stop};
use crate::output::{Output, Style, harmless};
use crate::query::Query;
use crate::settings::Settings;

/// Prints all Sources.
pub async fn run(settings: &Settings, config: &Path, json: bool, out: &mut Output) -> Result<Exit, Stop> {
    let query = Query::open_declaring(settings, || super::load(config)).await?;
    let page: Result<SourcePage, Stop> = query.get("/api/v1/sources").await;
    query.close().await;
    let page = page?;
    let now = SystemClock.now();
    if page.sources.is_empty() && !json {
        out.line("no source is declared")?;
    }
    for source in &page.sources {
        if json {
            out.line(serde_json::to_string(source)?)?;
        } else {
            print(source, now, out)?;
        }
    }
    Ok(Exit::Done)
}

fn print(source: &SourceShown, now: DateTime<Utc>, out: &mut Output) -> Result<(), Stop> {
    let SourceShown { name, kind, address, retired, accepted, refused, silent, .. } = source;
    let head = out.styled(Style::Bold, format_args!("{name}: {kind}"));
    let Some(address) = address else {
        return out.line(format_args!("{head}  (signalbox schedule list has its times)"));
    };
    let retired = if *retired { out.styled(Style::Yellow, "  retired") } else { String::new() };
    out.line(format_args!("{head} at {address}{retired}"))?;
    let accepted = accepted.map_or_else(|| "never".to_owned(), |at| when(at, now));
    out.line(format_args!("  accepted  {accepted}"))?;
    if let Some(SourceRefused { at, answer, error }) = refused.first() {
        let line =
            format!("  refused   {}: {answer}: {}", when(*at, now), harmless(error).replace('\n', " "));
        // What came later and was accepted says that it is mended.
        let worse = source.accepted.is_none_or(|accepted| accepted < *at);
        out.line(out.styled(if worse { Style::Red } else { Style::Dim }, line))?;
    }
    if *silent {
        let [silent, usual] = [source.silent_seconds, source.usual_seconds].map(Option::unwrap_or_default);
        let line = format!(
            "  silent    for {}: longer than usual, which is {} at most",
            duration::words(silent),
            duration::words(usual)
        );
        out.line(out.styled(Style::Yellow, line))?;
    }
    Ok(())
}

fn when(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - at).to_std().unwrap_or_default().as_secs();
    format!("{}, {} ago", at.to_rfc3339_opts(SecondsFormat::Secs, true), duration::words(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::Paper;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    #[test]
    fn a_source_is_told_in_a_few_lines_without_what_could_drive_the_terminal() {
        let refused =
            |at, error: &str| SourceRefused { at, answer: "unproven".to_owned(), error: error.to_owned() };
        let source = SourceShown {
            name: "hub".to_owned(),
            kind: "registry".to_owned(),
            address: Some("/hooks/hub".to_owned()),
            retired: false,
            since: None,
            accepted: Some(at("2026-09-01T10:00:00Z")),
            refused: vec![
                refused(at("2026-09-01T12:00:00Z"), "the header\x1b[2J\nis missing"),
                refused(at("2026-09-01T11:00:00Z"), "an older one"),
            ],
            silent: true,
            silent_seconds: Some(7380),
            usual_seconds: Some(1800),
        };
        let retired = SourceShown {
            retired: true,
            accepted: None,
            refused: Vec::new(),
            silent: false,
            ..source.clone()
        };
        let clock = SourceShown {
            name: "nightly".to_owned(),
            kind: "schedule".to_owned(),
            address: None,
            ..retired.clone()
        };
        let paper = Paper::default();
        let mut out = Output::to(paper.clone());
        for source in [source, retired, clock] {
            print(&source, at("2026-09-01T12:03:00Z"), &mut out).expect("it is paper");
        }
        assert_eq!(
            paper.text(),
            "hub: registry at /hooks/hub\n  \
               accepted  2026-09-01T10:00:00Z, 2h 3m ago\n  \
               refused   2026-09-01T12:00:00Z, 3m ago: unproven: the header\u{fffd}[2J is missing\n  \
               silent    for 2h 3m: longer than usual, which is 30m at most\n\
             hub: registry at /hooks/hub  retired\n  \
               accepted  never\n\
             nightly: schedule  (signalbox schedule list has its times)\n"
        );
    }
}
