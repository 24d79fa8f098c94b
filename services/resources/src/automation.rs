//! Automation: when this happens and that holds, do these.

use std::sync::Arc;

/// A rule of the user's.
#[derive(Debug, Clone)]
pub struct Automation {
    /// `metadata.name`.
    pub name: String,
    /// It listens for events that fit any of these.
    pub on: Vec<Trigger>,
    /// The condition; absent means always.
    pub when: Option<Condition>,
    /// What it asks for, in order.
    pub actions: Vec<Action>,
    /// Whether it acts.
    pub mode: Mode,
}

/// Which events a rule listens for; all that are given must fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// Glob of event types ([`events::subject::fits`]).
    pub ty: String,
    /// Glob of sources.
    pub source: Option<String>,
    /// Glob of subjects.
    pub subject: Option<String>,
}

/// A compiled CEL condition over `event`, `data` and `app`.
#[derive(Debug, Clone)]
pub struct Condition {
    /// As the user wrote it.
    pub text: String,
    /// Compiled.
    pub program: Arc<cel::Program>,
    /// Whether it names `app`: such a rule is not tried for events of no known App.
    pub uses_app: bool,
    /// Compiled, with a limit on what its loops may cost.
    pub(crate) metered: Arc<cel::IdedExpr>,
}

/// A minijinja template over `event`, `data` and `app`, known to compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// As the user wrote it.
    pub text: String,
    /// Whether it names `app`.
    pub uses_app: bool,
}

/// What a rule asks for.
#[derive(Debug, Clone)]
pub enum Action {
    /// `deploy: {app, environment, image: {tag, digest}}`.
    Deploy {
        /// `metadata.name` of the App (a template).
        app: Template,
        /// Name of one of its environments (a template).
        environment: Template,
        /// The tag to run.
        tag: Option<Template>,
        /// The digest to run.
        digest: Option<Template>,
    },
    /// `notify: {channel, text, title, severity}`.
    Notify {
        /// `metadata.name` of the Channel.
        channel: String,
        /// The message.
        text: Template,
        /// A short heading.
        title: Option<Template>,
        /// How grave it is.
        severity: events::payload::notification::Severity,
    },
}

/// Whether a rule acts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// It acts.
    #[default]
    Live,
    /// It says what it would do.
    Shadow,
    /// It is not tried.
    Off,
}
