//! What is on the server already with another configuration than ours: adopted, updated, or refused with the
//! difference. Pure; the rules are in `fit/stream.rs`, `fit/retention.rs` and `fit/consumer.rs`, one a setting.
//!
//! Nothing is ever deleted, and nothing is changed by which an event, an entry or a place in the log could be lost.

pub mod consumer;
pub mod retention;
pub mod stream;

use std::fmt::{self, Debug};

use thiserror::Error;

/// What becomes of a difference. A greater one decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It will do as it is: it is the choice of whoever runs the server.
    Adopt,
    /// It is changed: nothing is lost by it.
    Update,
    /// It cannot be used, and cannot be changed without loss or at all.
    Refuse,
}

/// A setting that is not as we would have made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its name on the server.
    pub setting: &'static str,
    /// How it is.
    pub found: String,
    /// How it should be.
    pub wanted: String,
    /// What becomes of it.
    pub verdict: Verdict,
    /// Why it matters.
    pub why: &'static str,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting, found, wanted, verdict: _, why } = self;
        write!(f, "{setting} is {found}, not {wanted}")?;
        if why.is_empty() { Ok(()) } else { write!(f, " ({why})") }
    }
}

/// What to do with what was found.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision<C> {
    /// Nothing; there may be differences that do no harm.
    Adopt(Vec<Difference>),
    /// To give it this configuration: what was found, with what we need.
    Update(Box<C>, Vec<Difference>),
    /// To leave it alone, and not to use it.
    Refuse(Unfit),
}

/// Something on the server cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct Unfit {
    /// What it is, with its name.
    pub what: String,
    /// The differences that decide.
    pub differences: Vec<Difference>,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, differences } = self;
        let differences: Vec<String> = differences.iter().map(ToString::to_string).collect();
        write!(
            f,
            "{what} is there, but cannot be used: {}. Nothing was changed: change that with the `nats` command, or use \
             another NATS account",
            differences.join("; ")
        )
    }
}

/// Collects differences while the configuration that was found is made to fit.
#[derive(Debug, Default)]
struct Rules {
    differences: Vec<Difference>,
}

impl Rules {
    fn note(
        &mut self,
        verdict: Verdict,
        setting: &'static str,
        found: &dyn Debug,
        wanted: &dyn Debug,
        why: &'static str,
    ) {
        let (found, wanted) = (format!("{found:?}"), format!("{wanted:?}"));
        self.differences.push(Difference { setting, found, wanted, verdict, why });
    }

    /// Any value will do.
    fn any<T: PartialEq + Debug>(&mut self, setting: &'static str, found: &T, wanted: &T) {
        if found != wanted {
            self.note(Verdict::Adopt, setting, found, wanted, "");
        }
    }

    /// A value that does not fit is changed; another one that does is left.
    fn fit<T: PartialEq + Debug>(
        &mut self,
        setting: &'static str,
        found: &mut T,
        wanted: T,
        fits: bool,
        why: &'static str,
    ) {
        if fits {
            self.any(setting, found, &wanted);
        } else {
            self.note(Verdict::Update, setting, found, &wanted, why);
            *found = wanted;
        }
    }

    /// Another value is changed.
    fn same<T: PartialEq + Debug>(
        &mut self,
        setting: &'static str,
        found: &mut T,
        wanted: T,
        why: &'static str,
    ) {
        let same = *found == wanted;
        self.fit(setting, found, wanted, same, why);
    }

    /// A value that does not fit cannot be changed, or not without loss.
    fn must<T: Debug>(
        &mut self,
        setting: &'static str,
        found: &T,
        wanted: &dyn Debug,
        fits: bool,
        why: &'static str,
    ) {
        if !fits {
            self.note(Verdict::Refuse, setting, found, wanted, why);
        }
    }

    fn decide<C>(self, what: String, config: C) -> Decision<C> {
        let Self { mut differences } = self;
        match differences.iter().map(|difference| difference.verdict).max() {
            None | Some(Verdict::Adopt) => Decision::Adopt(differences),
            Some(Verdict::Update) => {
                differences.retain(|difference| difference.verdict == Verdict::Update);
                Decision::Update(Box::new(config), differences)
            }
            Some(Verdict::Refuse) => {
                differences.retain(|difference| difference.verdict == Verdict::Refuse);
                Decision::Refuse(Unfit { what, differences })
            }
        }
    }
}

/// All differences, for the log.
pub fn list(differences: &[Difference]) -> String {
    differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
