//! Text for people. Deterministic: the same story and options make the same text.

mod clock;
pub(crate) mod row;
pub(crate) mod story;

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenderOptions {
    /// Whether ids and commit hashes are shown: without them, two runs of one story have the same text.
    pub ids: bool,
    /// Which times are shown.
    pub times: Times,
    /// Whether ANSI colours are used.
    pub color: bool,
    /// Whether the tree is drawn with ASCII alone.
    pub ascii: bool,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self { ids: true, times: Times::Offset, color: false, ascii: false }
    }
}

/// Which times are shown: those at which the bus took the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "lowercase")]
pub enum Times {
    /// Since the first event of the story; a list of events has no beginning, and shows absolute times.
    Offset,
    /// In UTC.
    Absolute,
    /// None.
    None,
}

/// What a text means, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Something that is read only when it is looked for: times, types, ids.
    Quiet,
    /// What happened.
    Plain,
    /// Something ended well.
    Good,
    /// Something ended badly.
    Bad,
    /// What was asked for.
    Strong,
}

impl RenderOptions {
    /// The text in the colour of its tone.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Quiet => "2",
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Strong => "1",
        };
        if self.color && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}
