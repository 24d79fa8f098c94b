//! Which events are wanted.

use chassis::Recorded;
use chrono::{DateTime, Utc};
use events::subject::fits;

/// Which events are wanted: those that fit all that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// A glob of event types ([`events::subject::fits`]).
    pub ty: Option<String>,
    /// A glob of sources.
    pub source: Option<String>,
    /// What is kept in order: the partition key.
    pub key: Option<String>,
    /// The id of the root event.
    pub correlation: Option<String>,
    /// Taken by the bus at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Taken by the bus before this time.
    pub until: Option<DateTime<Utc>>,
}

impl Filter {
    /// Whether an event is wanted. A message that is no event is wanted when nothing is asked that only an event has.
    pub fn wants(&self, recorded: &Recorded) -> bool {
        let Self { ty, source, key, correlation, since, until } = self;
        let in_time = since.is_none_or(|since| recorded.recorded >= since)
            && until.is_none_or(|until| recorded.recorded < until);
        in_time
            && match &recorded.event {
                Ok(event) => {
                    ty.as_deref().is_none_or(|glob| fits(glob, event.ty()))
                        && source.as_deref().is_none_or(|glob| fits(glob, event.source()))
                        && key.as_deref().is_none_or(|key| event.partition_key() == key)
                        && correlation.as_deref().is_none_or(|id| event.correlation_id() == id)
                }
                Err(_) => ty.is_none() && source.is_none() && key.is_none() && correlation.is_none(),
            }
    }
}

#[cfg(test)]
mod tests {
    use chassis::bus::Undecodable;
    use chassis::{Position, Recorded};
    use events::Envelope;

    use super::Filter;

    fn recorded(at: &str) -> Recorded {
        let event = Envelope::builder("1", "https://github.com/acme/shop", "com.github.push")
            .extension("correlationid", "root")
            .partition_key("shop");
        Recorded {
            position: Position(1),
            recorded: at.parse().expect("a time"),
            event: Ok(event.build().expect("the event is valid")),
        }
    }

    #[test]
    fn all_that_is_given_must_fit() {
        let event = recorded("2026-09-01T10:00:00Z");
        let text = |text: &str| Some(text.to_owned());
        let time = |text: &str| Some(text.parse().expect("a time"));
        let none = Filter::default;
        for (filter, wanted) in [
            (none(), true),
            (Filter { ty: text("com.github.*"), ..none() }, true),
            (Filter { ty: text("com.github"), ..none() }, false),
            (Filter { source: text("*/acme/*"), ..none() }, true),
            (Filter { source: text("*/other/*"), ..none() }, false),
            (Filter { key: text("shop"), ..none() }, true),
            (Filter { key: text("sho"), ..none() }, false),
            (Filter { correlation: text("root"), ..none() }, true),
            (Filter { correlation: text("1"), ..none() }, false),
            (Filter { since: time("2026-09-01T10:00:00Z"), ..none() }, true),
            (Filter { since: time("2026-09-01T10:00:01Z"), ..none() }, false),
            (Filter { until: time("2026-09-01T10:00:00Z"), ..none() }, false),
            (Filter { until: time("2026-09-01T10:00:01Z"), ..none() }, true),
            (Filter { ty: text("*"), source: text("*/other/*"), ..none() }, false),
        ] {
            assert_eq!(filter.wants(&event), wanted, "{filter:?}");
        }
    }

    #[test]
    fn a_message_that_is_no_event_has_neither_type_nor_story() {
        let reason = "no ce-id".to_owned();
        let message =
            Undecodable { subject: "s".to_owned(), headers: Vec::new(), payload: Vec::new(), reason };
        let recorded = Recorded { event: Err(message), ..recorded("2026-09-01T10:00:00Z") };
        assert!(Filter::default().wants(&recorded));
        assert!(!Filter { ty: Some("*".to_owned()), ..Filter::default() }.wants(&recorded));
    }
}
