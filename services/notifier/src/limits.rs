//! Every limit of every channel, in one table.
//!
//! Lengths are in UTF-16 code units unless a name says otherwise: that is never less than what a service counts, whether it
//! counts bytes of JSON escapes aside, code points or code units.

/// Slack: <https://docs.slack.dev/reference/block-kit/blocks> and, for the total, slackapi/bolt-js#2509 (the API refuses
/// somewhat more than 13 000 with `msg_blocks_too_long`, which its documentation does not mention).
pub(crate) mod slack {
    /// Blocks in a message.
    pub(crate) const BLOCKS: usize = 50;
    /// Text of a header.
    pub(crate) const HEADER: usize = 150;
    /// Text of a section.
    pub(crate) const SECTION: usize = 3_000;
    /// Text of the one element of our context block; Slack takes as much as in a section.
    pub(crate) const CONTEXT: usize = 400;
    /// The fallback text, for lock screens; Slack takes 4000 without cutting, people read one line.
    pub(crate) const FALLBACK: usize = 1_000;
    /// All texts of a message together: what is known to be taken, with a margin.
    pub(crate) const TOTAL: usize = 12_000;
    /// What is left of the total for the sections.
    pub(crate) const SECTIONS: usize = TOTAL - HEADER - CONTEXT - FALLBACK;
    /// A longer address is text, not a link: a link is not divided between sections.
    pub(crate) const LINK: usize = 1_000;

    // A section that is divided is at least half full, less a link that did not fit; the last section, the note that
    // something is missing, the header and the context come on top.
    const _: () = assert!(SECTIONS / (SECTION / 2 - LINK) + 4 <= BLOCKS);
}

/// The generic webhook: our own promise to the endpoint, so that a message fits the usual limit of 1 MiB for a JSON body
/// (a character is at most 6 bytes of JSON).
pub(crate) mod webhook {
    /// The title, in characters.
    pub(crate) const TITLE_CHARS: usize = 1_000;
    /// The text, in characters.
    pub(crate) const TEXT_CHARS: usize = 100_000;
}

/// What is read of an answer, in bytes: enough for the error codes of Slack and the first lines of any explanation.
pub(crate) const ANSWER_BYTES: usize = 2 * 1024;
/// What is quoted of an answer, in characters.
pub(crate) const QUOTE_CHARS: usize = 200;
