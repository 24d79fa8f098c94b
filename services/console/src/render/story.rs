//! A story as text.

use chrono::{DateTime, Utc};

use super::row::Row;
use super::{RenderOptions, Times, Tone, clock};
use crate::line;
use crate::story::{Lost, Node, Story};

/// Longest text of a reason.
const REASON: usize = 320;

/// The lines that connect a node with what it caused.
struct Connectors {
    /// Before a child that has more after it.
    tee: &'static str,
    /// Before the last child.
    corner: &'static str,
    /// Beside the children of a child that has more after it.
    bar: &'static str,
    /// Beside the children of the last child.
    space: &'static str,
}

const LINES: Connectors = Connectors { tee: "├─ ", corner: "└─ ", bar: "│  ", space: "   " };
const ASCII: Connectors = Connectors { tee: "|- ", corner: "`- ", bar: "|  ", space: "   " };

struct Page<'a> {
    story: &'a Story,
    options: RenderOptions,
    connectors: &'static Connectors,
    /// Width of the times.
    width: usize,
    text: String,
}

pub(crate) fn render(story: &Story, options: RenderOptions) -> String {
    let connectors = if options.ascii { &ASCII } else { &LINES };
    let mut page = Page { story, options, connectors, width: 0, text: String::new() };
    page.width = page.widest(&story.roots);
    page.head();
    for root in &story.roots {
        page.node(root, "", "");
    }
    for note in &story.notes {
        page.text.extend(["note: ", &line::of(note, REASON), "\n"]);
    }
    page.text
}

impl Page<'_> {
    fn head(&mut self) {
        let Story { correlationid, began, ended, events, .. } = self.story;
        let id =
            if self.options.ids { format!(" {}", line::of(correlationid, REASON)) } else { String::new() };
        let plural = if *events == 1 { "" } else { "s" };
        let took = match (began, ended, self.options.times) {
            (Some(began), Some(ended), Times::Offset) => {
                format!(" in {}, from {}", clock::span(*ended - *began), clock::absolute(*began))
            }
            (Some(began), Some(ended), Times::Absolute) => format!(" in {}", clock::span(*ended - *began)),
            (Some(_), Some(_), Times::None) | (None, _, _) | (_, None, _) => String::new(),
        };
        let head = format!("story{id}: {events} event{plural}{took}");
        self.text.push_str(&self.options.paint(Tone::Strong, &head));
        self.text.push('\n');
    }

    /// `lead` stands before the node's own line, `beside` before all that belongs to it.
    fn node(&mut self, node: &Node, lead: &str, beside: &str) {
        let Node { id, event, dead_letters, children } = node;
        let (time, row) = match event {
            Some(event) => {
                let row = Row {
                    id,
                    ty: &event.r#type,
                    subject: event.subject.as_deref(),
                    summary: &event.summary,
                    focus: *id == self.story.focus && self.story.events > 1,
                };
                let mark = if !row.focus {
                    ""
                } else if self.options.ascii {
                    "  <--"
                } else {
                    "  ◀"
                };
                (self.time(event.recorded), row.render(self.options) + mark)
            }
            None => (String::new(), self.missing(id)),
        };
        self.line(&time, lead, &row);
        let under = if children.is_empty() { self.connectors.space } else { self.connectors.bar };
        let beneath = format!("{beside}{under}  ");
        for detail in event.iter().flat_map(|event| &event.summary.details) {
            self.line("", &beneath, detail);
        }
        for letter in dead_letters {
            let lost = self.options.paint(Tone::Bad, &self.lost(letter));
            self.line("", &beneath, &lost);
        }
        for (index, child) in children.iter().enumerate() {
            let Connectors { tee, corner, bar, space } = self.connectors;
            let (connector, aside) = if index + 1 == children.len() { (corner, space) } else { (tee, bar) };
            self.node(child, &format!("{beside}{connector}"), &format!("{beside}{aside}"));
        }
    }

    fn line(&mut self, time: &str, lead: &str, rest: &str) {
        let line = match self.width {
            0 => format!("{lead}{rest}"),
            width => {
                let time = format!("{time:>width$}");
                let tone = if time.trim().is_empty() { Tone::Plain } else { Tone::Quiet };
                format!("{}  {lead}{rest}", self.options.paint(tone, &time))
            }
        };
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn missing(&self, id: &str) -> String {
        let what = if id == self.story.correlationid {
            "the root cause is not in the log"
        } else {
            "a cause is not in the log, or is of another story"
        };
        let id = if self.options.ids { format!(" [{}]", line::of(id, REASON)) } else { String::new() };
        self.options.paint(Tone::Quiet, &format!("({what}){id}"))
    }

    fn lost(&self, Lost { id, handler, attempts, reasons, died_at: _ }: &Lost) -> String {
        let id = if self.options.ids { format!(" {id}") } else { String::new() };
        let reasons = line::reasons(reasons);
        let plural = if *attempts == 1 { "" } else { "s" };
        line::of(
            &format!("dead letter{id}: {handler} gave up after {attempts} attempt{plural}: {reasons}"),
            REASON,
        )
    }

    fn time(&self, at: DateTime<Utc>) -> String {
        match self.options.times {
            Times::Offset => clock::offset(self.story.began.unwrap_or(at), at),
            Times::Absolute => clock::absolute(at),
            Times::None => String::new(),
        }
    }

    fn widest(&self, nodes: &[Node]) -> usize {
        let own = |node: &Node| node.event.as_ref().map_or(0, |event| self.time(event.recorded).len());
        nodes.iter().map(|node| own(node).max(self.widest(&node.children))).max().unwrap_or(0)
    }
}
