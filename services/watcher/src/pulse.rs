//! Whether a watch does its work, for the readiness of the process.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chassis::Waits;

/// Whether a watch does its work, and why not.
#[derive(Debug)]
pub struct Pulse {
    /// What is watched.
    of: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Another process does this work.
    stands_by: bool,
    listed: bool,
    watch: Option<String>,
    port: Option<String>,
}

impl Pulse {
    /// The pulse of a watch of such objects that has not listed anything yet.
    pub fn of(what: impl Into<String>) -> Self {
        Self { of: what.into(), state: Mutex::default() }
    }

    /// Another process does this work, or (`false`) this one does it from now on.
    pub fn stands_by(&self, stands_by: bool) {
        *self.state() = State { stands_by, ..State::default() };
    }

    /// All objects were seen, and changes are followed.
    pub fn listed(&self) {
        let mut state = self.state();
        state.listed = true;
        state.watch = None;
    }

    /// The objects cannot be followed.
    pub fn broken(&self, why: String) {
        self.state().watch = Some(why);
    }

    /// Content, or why not.
    pub fn check(&self) -> Result<(), String> {
        let State { stands_by, listed, watch, port } = &*self.state();
        if *stands_by {
            return Ok(());
        }
        let why = match (port, watch, listed) {
            (Some(why), _, _) | (None, Some(why), _) => why,
            (None, None, false) => "not listed yet",
            (None, None, true) => return Ok(()),
        };
        Err(format!("{}: {why}", self.of))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waits for Pulse {
    fn waits(&self, why: String) {
        self.state().port = Some(why);
    }

    fn flows(&self) {
        self.state().port = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_content_after_the_first_list_and_says_what_is_wrong_before_and_after() {
        let pulse = Pulse::of("Applications in namespace argocd");
        let error = |pulse: &Pulse| pulse.check().unwrap_err();
        assert_eq!(error(&pulse), "Applications in namespace argocd: not listed yet");
        pulse.listed();
        assert_eq!(pulse.check(), Ok(()));
        pulse.broken("connection refused".to_owned());
        pulse.waits("the bus is away".to_owned());
        assert_eq!(error(&pulse), "Applications in namespace argocd: the bus is away");
        pulse.flows();
        assert_eq!(error(&pulse), "Applications in namespace argocd: connection refused");
        pulse.listed();
        assert_eq!(pulse.check(), Ok(()));
    }
}
