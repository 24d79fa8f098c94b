//! The ledger's word that an effect may be had.

/// The ledger's word that an effect is recorded as intended and may be tried now.
///
/// [`crate::Context::effect`] gives it to what acts, and nothing else makes one but a person's command. A function that
/// changes the world asks for it, by value or by reference: so an effect that goes around the ledger does not compile. `.clippy.toml` bans the
/// calls that change the world, and `services/signalbox/tests/effects` checks that where one is allowed all the same,
/// its function asks for this.
#[derive(Debug)]
#[must_use = "an effect that is intended and never tried is reconciled for nothing"]
pub struct Intended {
    key: String,
}

impl Intended {
    pub(super) fn new(key: &str) -> Self {
        Self { key: key.to_owned() }
    }

    /// The ledger's key of the effect: always the same for the same event, handler and step.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// For what a person has done by a command: there is no event, nobody repeats it but the person, and the command looks at
    /// the world before it acts. `.clippy.toml` bans it; `services/signalbox/tests/effects` has the list of where it is.
    pub fn by_a_person(what: &str) -> Self {
        Self { key: format!("a person/{what}") }
    }

    /// For a test of what acts, which has no ledger. `.clippy.toml` bans it everywhere else.
    pub fn in_a_test() -> Self {
        Self { key: "in a test".to_owned() }
    }
}
