//! From the parser's events to a tree.

use std::collections::BTreeSet;
use std::ops::Range;

use granit_parser::{Event, Parser, ScanError, Span, StrInput, options};

use super::document::{Kind, Node};
use super::{Place, ValuesError};

/// The root of the one document, and the anchors that something points at.
pub fn read(text: &str) -> Result<(Option<Node>, BTreeSet<usize>), ValuesError> {
    // Comments stay where they are, so nobody needs to know of them.
    let parser = Parser::new_from_str_with_options(text, options! { emit_comments: false });
    let mut reader = Reader { parser, aliased: BTreeSet::new() };
    let root = reader.document()?;
    Ok((root, reader.aliased))
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    aliased: BTreeSet<usize>,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Option<Node>, ValuesError> {
        let mut root = None;
        while let Some((event, span)) = self.next()? {
            match event {
                Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
                Event::DocumentStart(..) if root.is_some() => {
                    return Err(ValuesError::SecondDocument { at: place(span) });
                }
                Event::DocumentStart(..) => {
                    if let Some((event, span)) = self.next()? {
                        root = Some(self.node(event, span)?);
                    }
                }
                event => return Err(unexpected(&event, span)),
            }
        }
        Ok(root)
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, ValuesError> {
        self.parser.next().transpose().map_err(|error| syntax(&error))
    }

    /// The node that begins with this event.
    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Node, ValuesError> {
        let mut range = range(span);
        let tag = event.tag().map(ToString::to_string);
        let anchor = event.anchor_id().unwrap_or(0);
        let kind = match event {
            Event::Scalar(value, style, ..) => Kind::Scalar { value: value.into_owned(), style },
            Event::Alias(target) => {
                self.aliased.insert(target);
                Kind::Alias(target)
            }
            Event::SequenceStart(style, ..) => {
                let mut items = Vec::new();
                range.end = loop {
                    match self.inside()? {
                        (Event::SequenceEnd, end) => break end_of(end, &range),
                        (event, span) => items.push(self.node(event, span)?),
                    }
                };
                Kind::Sequence { items, style }
            }
            Event::MappingStart(style, ..) => {
                let mut entries: Vec<(Node, Node)> = Vec::new();
                range.end = loop {
                    let key = match self.inside()? {
                        (Event::MappingEnd, end) => break end_of(end, &range),
                        (event, span) => self.node(event, span)?,
                    };
                    refuse_duplicate(&entries, &key)?;
                    let (event, span) = self.inside()?;
                    entries.push((key, self.node(event, span)?));
                };
                Kind::Mapping { entries, style }
            }
            event => return Err(unexpected(&event, span)),
        };
        Ok(Node { kind, range, place: place(span), anchor, tag })
    }

    /// The next event, which must be there: a collection is open.
    fn inside(&mut self) -> Result<(Event<'a>, Span), ValuesError> {
        let end = || ValuesError::Syntax {
            message: "it ends too early".to_owned(),
            at: Place { line: 1, column: 1 },
        };
        self.next()?.ok_or_else(end)
    }
}

/// The same name twice: some readers take the first, some the last, some neither.
fn refuse_duplicate(entries: &[(Node, Node)], key: &Node) -> Result<(), ValuesError> {
    let Some(name) = key.text() else { return Ok(()) };
    match entries.iter().find(|(known, _)| known.text() == Some(name)) {
        Some((first, _)) => {
            Err(ValuesError::DuplicateKey { key: name.to_owned(), first: first.place, at: key.place })
        }
        None => Ok(()),
    }
}

/// Only a flow collection ends with a character of its own.
fn end_of(end: Span, begin: &Range<usize>) -> usize {
    let end = range(end);
    if end.is_empty() { begin.end } else { end.end }
}

fn range(span: Span) -> Range<usize> {
    // Always there for a parser that reads a `&str`; without it nothing is edited, as an empty range at 0 fits nothing.
    span.byte_range().unwrap_or_default()
}

fn place(span: Span) -> Place {
    Place { line: span.start.line(), column: span.start.col() + 1 }
}

fn syntax(error: &ScanError) -> ValuesError {
    let mark = error.marker();
    ValuesError::Syntax {
        message: error.info().clone(),
        at: Place { line: mark.line(), column: mark.col() + 1 },
    }
}

fn unexpected(event: &Event<'_>, span: Span) -> ValuesError {
    ValuesError::Syntax { message: format!("unexpected {event:?}"), at: place(span) }
}
