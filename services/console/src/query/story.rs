//! The events of a story, gathered without reading more of the log than can hold them.

use std::time::Duration;

use chassis::dead::DeadLetters;
use chassis::{Bus, Position, Recorded};

use super::range::{Range, bounds};
use super::scan::{Backwards, Bounds, Budget, Forwards, PAGE};
use super::{Filter, QueryError, find};
use crate::story::Story;

/// Events of a story that are shown; one of ours has some tens.
const SHOWN: usize = 5_000;
/// How long to look for the root, and then for what came after it.
const LOOK: Duration = Duration::from_secs(10);

/// The story of the event that `id` names, with its dead letters.
///
/// Nothing of a story stands before its root, so the log is read from there on: to its end, because a dead letter can be
/// driven again, and an approval can be given, long after everything else.
pub async fn story(bus: &dyn Bus, dead: &DeadLetters, id: &str) -> Result<Story, QueryError> {
    let focus = find(bus, id).await?;
    let Ok(event) = &focus.event else { return Err(QueryError::NotFound(id.to_owned())) };
    let correlation = event.correlation_id();
    let mut notes = Vec::new();
    let root = if event.id() == correlation {
        focus.position
    } else {
        root(bus, focus.position, &correlation, &mut notes).await?
    };
    // Whoever publishes out of order does so within a short time.
    let from = Position(root.0.saturating_sub(PAGE));
    let mut events = gather(bus, from, &correlation, &mut notes).await?;
    // Also when the log is too long to come to it again.
    events.push(focus.clone());
    let mut story = Story::build(&events, event.id());
    story.notes.append(&mut notes);
    match dead.survey().await {
        Ok(survey) => {
            let named = survey.damaged.iter().map(|damaged| &damaged.id);
            let damaged = named.map(|id| format!("the dead letter {id} is damaged; it may belong here"));
            story.notes.extend(damaged);
            Ok(story.with_dead_letters(&survey.letters))
        }
        // The events are worth showing all the same, but nobody should think that nothing died.
        Err(error) => {
            story.notes.push(format!("dead letters are not shown: {:#}", anyhow::Error::new(error)));
            Ok(story)
        }
    }
}

/// Where the root stands: before the event, whose position is given. If it is not there (any more), where the log begins.
async fn root(
    bus: &dyn Bus,
    event: Position,
    correlation: &str,
    notes: &mut Vec<String>,
) -> Result<Position, QueryError> {
    let before = Range { before: Some(event), after: None };
    let bounds = bounds(bus, &Filter::default(), before).await?;
    let budget = Budget::of(LOOK);
    let mut scan = Backwards::over(bus, bounds);
    while let Some(page) = scan.page().await? {
        let is_root =
            |recorded: &&Recorded| recorded.event.as_ref().is_ok_and(|event| event.id() == correlation);
        if let Some(root) = page.iter().find(is_root) {
            return Ok(root.position);
        }
        if budget.is_spent() && scan.at() > bounds.low {
            notes.push(format!("the log was not looked at before position {}: it is long", scan.at()));
            return Ok(scan.at());
        }
    }
    Ok(bounds.low)
}

/// The events of the story from a position on, up to [`SHOWN`].
async fn gather(
    bus: &dyn Bus,
    from: Position,
    correlation: &str,
    notes: &mut Vec<String>,
) -> Result<Vec<Recorded>, QueryError> {
    let Bounds { low, high } = bounds(bus, &Filter::default(), Range::default()).await?;
    let mut scan = Forwards::over(bus, Bounds { low: low.max(from), high });
    let (mut events, mut left_out, budget) = (Vec::new(), 0_usize, Budget::of(LOOK));
    while let Some(page) = scan.page().await? {
        let of_story = |recorded: &Recorded| {
            recorded.event.as_ref().is_ok_and(|event| event.correlation_id() == correlation)
        };
        for recorded in page.into_iter().filter(of_story) {
            if events.len() < SHOWN {
                events.push(recorded);
            } else {
                left_out += 1;
            }
        }
        if budget.is_spent() && scan.at() < high {
            notes.push(format!(
                "the log was not looked at from position {} to its end at {}: it is long",
                scan.at(),
                high.0 - 1
            ));
            break;
        }
    }
    if left_out > 0 {
        notes.push(format!("{left_out} more events are not shown"));
    }
    Ok(events)
}
