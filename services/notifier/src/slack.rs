//! A message in Block Kit, within Slack's limits. Pure.

mod atoms;
mod sections;

use events::Envelope;
use events::payload::notification::{Requested, Severity};
use serde::Serialize;

use crate::limits::slack as limits;
use crate::text;

/// What is posted to an incoming webhook.
#[derive(Debug, Serialize)]
pub(crate) struct Payload {
    /// What a lock screen shows.
    text: String,
    blocks: Vec<Block>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Header { text: Text },
    Section { text: Text },
    Context { elements: [Text; 1] },
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Text {
    PlainText {
        text: String,
        emoji: bool,
    },
    /// With `verbatim` Slack looks for no names, mentions and addresses of its own: what is to be a link, we mark.
    Mrkdwn {
        text: String,
        verbatim: bool,
    },
}

impl Text {
    fn mrkdwn(text: String) -> Self {
        Self::Mrkdwn { text, verbatim: true }
    }
}

/// Renders a message; `None` when it has neither a title nor a text, which Slack refuses (`no_text`).
pub(crate) fn render(request: &Requested, event: &Envelope) -> Option<Payload> {
    let title = request.title.as_deref().and_then(text::heading);
    let body = text::clean(&request.text);
    let body = body.trim();
    if title.is_none() && body.is_empty() {
        return None;
    }
    let sign = sign(request.severity);
    let mut blocks = Vec::new();
    let fallback = match &title {
        Some(title) => {
            let text = atoms::fit(&format!("{sign}{title}"), limits::HEADER);
            blocks.push(Block::Header { text: Text::PlainText { text, emoji: true } });
            format!("{sign}{title}: {body}")
        }
        None => format!("{sign}{body}"),
    };
    // Without a header, the sign stands at the text.
    let sections = match &title {
        Some(_) => sections::of(body),
        None => sections::of(&fallback),
    };
    blocks.extend(sections.into_iter().map(|text| Block::Section { text: Text::mrkdwn(text) }));
    blocks.push(Block::Context { elements: [Text::mrkdwn(footer(request, event))] });
    let fallback = text::heading(fallback.trim_end_matches(": ")).unwrap_or_default();
    Some(Payload { text: atoms::fit(&fallback, limits::FALLBACK), blocks })
}

/// Who asked, and the command that shows why.
fn footer(request: &Requested, event: &Envelope) -> String {
    // A back-tick would end the code; it is no part of an id or a name of ours.
    let plain = |text: &str| text::clean(text).replace('`', "'");
    let story = format!("`signalbox events story {}`", plain(event.id()));
    let footer = match &request.automation {
        Some(automation) => format!("Automation `{}` · {story}", plain(automation)),
        None => story,
    };
    atoms::fit(&footer, limits::CONTEXT)
}

fn sign(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "",
        Severity::Success => "✅ ",
        Severity::Warning => "⚠️ ",
        Severity::Critical => "🚨 ",
    }
}

#[cfg(test)]
mod tests;
