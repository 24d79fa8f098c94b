//! One event on one line.

use events::{Kind, News};

use super::{RenderOptions, Tone};
use crate::line;
use crate::summary::Summary;

/// Longest foreign text on a line, apart from what `Summary` has cut already.
const NAME: usize = 120;

/// What a line shows of an event, apart from its time.
pub(crate) struct Row<'a> {
    pub(crate) id: &'a str,
    pub(crate) ty: &'a str,
    pub(crate) subject: Option<&'a str>,
    pub(crate) summary: &'a Summary,
    /// Whether it is the one that was asked for.
    pub(crate) focus: bool,
}

impl Row<'_> {
    /// `deploy succeeded (io.signalbox.deploy.succeeded.v1) shop/dev: … => commit 1d7e3b9 [id]`.
    pub(crate) fn render(&self, options: RenderOptions) -> String {
        let Self { id, ty, subject, summary, focus } = self;
        let Summary { word, essence, details: _, effect } = summary;
        let kind = ty.parse::<Kind>().ok();
        let tone = if *focus { Tone::Strong } else { tone(kind) };
        let mut row = format!(
            "{} {}",
            options.paint(tone, word),
            options.paint(Tone::Quiet, &format!("({})", line::of(ty, NAME)))
        );
        // Its subject is the id of the event above it; or the essence begins with it.
        let is_said = |subject: &&str| {
            kind == Some(Kind::AutomationEvaluated)
                || essence.strip_prefix(*subject).is_some_and(|rest| rest.starts_with(':'))
        };
        if let Some(subject) = subject.filter(|subject| !is_said(subject)) {
            row.push(' ');
            row.push_str(&line::of(subject, NAME));
        }
        if !essence.is_empty() {
            row.push_str(": ");
            row.push_str(essence);
        }
        if let Some(effect) = effect {
            let id = effect.id.as_deref().filter(|_| options.ids).map(|id| format!(" {}", line::short(id)));
            row = row + " => " + &effect.what + &id.unwrap_or_default();
        }
        if options.ids {
            row.push(' ');
            row.push_str(&options.paint(Tone::Quiet, &format!("[{}]", line::of(id, NAME))));
        }
        row
    }
}

/// How an event of ours is to be taken.
fn tone(kind: Option<Kind>) -> Tone {
    match kind.map(Kind::news) {
        Some(News::Good) => Tone::Good,
        Some(News::Bad) => Tone::Bad,
        Some(News::Plain) | None => Tone::Plain,
    }
}
