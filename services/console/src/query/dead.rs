//! Which dead letters are wanted.

use std::fmt;
use std::str::FromStr;

use chassis::dead::DeadLetter;
use chrono::{DateTime, Utc};
use events::subject::fits;
use thiserror::Error;

/// Which dead letters are wanted: those that fit all that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeadFilter {
    /// Who gave up.
    pub handler: Option<String>,
    /// A glob of the types of their events ([`events::subject::fits`]); what is no event has none.
    pub ty: Option<String>,
    /// Given up at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Given up before this time.
    pub until: Option<DateTime<Utc>>,
}

impl DeadFilter {
    /// Whether a dead letter is wanted.
    pub fn wants(&self, letter: &DeadLetter) -> bool {
        let Self { handler, ty, since, until } = self;
        let of_letter = || letter.event.as_ref().and_then(|event| event.get("type")?.as_str());
        handler.as_ref().is_none_or(|handler| *handler == letter.handler)
            && ty.as_ref().is_none_or(|glob| of_letter().is_some_and(|ty| fits(glob, ty)))
            && since.is_none_or(|since| letter.died_at >= since)
            && until.is_none_or(|until| letter.died_at < until)
    }

    /// Whether it wants them all.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

/// A place in the list of dead letters, which also holds when the letter there is settled meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    died_at: DateTime<Utc>,
    id: String,
}

/// The text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a cursor that was given with a list of dead letters")]
pub struct NotACursor;

impl Cursor {
    /// Whether a letter comes after it.
    pub fn is_before(&self, letter: &DeadLetter) -> bool {
        (self.died_at, &self.id) < (letter.died_at, &letter.id)
    }
}

impl From<&DeadLetter> for Cursor {
    fn from(letter: &DeadLetter) -> Self {
        Self { died_at: letter.died_at, id: letter.id.clone() }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // To the nanosecond, as a letter has it: a place in between would tell one twice, or not at all.
        write!(f, "{}.{:09}-{}", self.died_at.timestamp(), self.died_at.timestamp_subsec_nanos(), self.id)
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let (time, id) = text.rsplit_once('-').ok_or(NotACursor)?;
        let (seconds, nanos) = time.split_once('.').ok_or(NotACursor)?;
        let (seconds, nanos) =
            (seconds.parse().map_err(|_| NotACursor)?, nanos.parse().map_err(|_| NotACursor)?);
        let died_at = DateTime::from_timestamp(seconds, nanos).ok_or(NotACursor)?;
        Ok(Self { died_at, id: id.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use chassis::Position;
    use chassis::dead::DeadLetter;
    use serde_json::json;

    use super::{Cursor, DeadFilter};

    fn letter(id: &str, handler: &str, ty: Option<&str>, died_at: &str) -> DeadLetter {
        let letter = json!({
            "v": 1, "id": id, "handler": handler, "event": ty.map(|ty| json!({"type": ty})), "message": null,
            "reasons": ["no"], "attempts": 1, "position": Position(1), "died_at": died_at,
        });
        serde_json::from_value(letter).expect("it is a dead letter")
    }

    #[test]
    fn all_that_is_given_must_fit() {
        let deploy =
            letter("a", "deployer", Some("io.signalbox.deploy.requested.v1"), "2026-09-01T10:00:00Z");
        let no_event = letter("b", "deployer", None, "2026-09-01T10:00:00Z");
        let text = |text: &str| Some(text.to_owned());
        let time = |text: &str| Some(text.parse().expect("a time"));
        let none = DeadFilter::default;
        for (filter, wants) in [
            (none(), [true, true]),
            (DeadFilter { handler: text("deployer"), ..none() }, [true, true]),
            (DeadFilter { handler: text("deploy"), ..none() }, [false, false]),
            (DeadFilter { ty: text("*.deploy.*"), ..none() }, [true, false]),
            (DeadFilter { ty: text("*"), ..none() }, [true, false]),
            (DeadFilter { ty: text("com.github.*"), ..none() }, [false, false]),
            (DeadFilter { since: time("2026-09-01T10:00:00Z"), ..none() }, [true, true]),
            (DeadFilter { since: time("2026-09-01T10:00:01Z"), ..none() }, [false, false]),
            (DeadFilter { until: time("2026-09-01T10:00:00Z"), ..none() }, [false, false]),
            (DeadFilter { handler: text("notifier"), ty: text("*"), ..none() }, [false, false]),
        ] {
            assert_eq!([filter.wants(&deploy), filter.wants(&no_event)], wants, "{filter:?}");
        }
    }

    #[test]
    fn a_cursor_holds_between_two_letters_of_one_moment() {
        let at = "2026-09-01T10:00:00.123456789Z";
        let (a, b) = (letter("a", "h", None, at), letter("b", "h", None, at));
        let cursor = Cursor::from(&a);
        assert!(cursor.is_before(&b) && !cursor.is_before(&a));
        let read: Cursor = cursor.to_string().parse().expect("it is a cursor");
        assert_eq!(read, cursor);
        for no in ["", "a", "1-a", "1.x-a", "99999999999999999.0-a"] {
            assert!(no.parse::<Cursor>().is_err(), "{no}");
        }
    }
}
