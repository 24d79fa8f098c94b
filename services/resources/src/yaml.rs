//! YAML as a tree that knows where everything stands.
//!
//! Built from the events of serde-saphyr's parser. Serde's derive stops at the first error and forgets where a key stood;
//! a person who mends a file wants all of them, each with its place.

use std::collections::HashMap;
use std::ops::Range;

use serde_saphyr::granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span, StrInput};

/// Deeper nesting than any of our kinds has; bounds the recursion of every reader.
const MAX_DEPTH: usize = 32;
/// Nodes of one document, aliases expanded: bounds what a few nested aliases can blow up to. A platform of 25 apps has
/// some thousands.
const MAX_NODES: usize = 100_000;

/// A place in a file: line and column from 1, in characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub line: usize,
    pub column: usize,
}

/// A value and its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub at: Place,
    pub content: Content,
}

/// A value.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// It is one of the document's faults already: who reads it need not say more.
    Refused,
    /// Nothing, `~` or `null`.
    Null,
    /// Any other scalar, as it was written: who reads it knows what it should be, so `tag: 1.10` stays `1.10`.
    Scalar(Scalar),
    List(Vec<Node>),
    /// In the order of the file; a key may be there twice, and may be anything.
    Map(Vec<(Node, Node)>),
}

/// A scalar after YAML's quoting.
#[derive(Debug, Clone)]
pub(crate) struct Scalar {
    pub text: String,
    pub style: ScalarStyle,
    /// Where it stands in the file, in bytes, with its quotes.
    pub source: Range<usize>,
}

/// One document of a file.
#[derive(Debug)]
pub(crate) struct Document {
    /// `None` when it cannot be read.
    pub root: Option<Node>,
    pub faults: Vec<Fault>,
}

/// What is wrong with a document as YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub at: Place,
    pub message: String,
    pub hint: Option<&'static str>,
}

/// The documents of a file. One that cannot be read does not hide the others.
pub(crate) fn documents(text: &str) -> Vec<Document> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    let parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder { parser, anchors: HashMap::new(), nodes: 0, faults: Vec::new() };
    let mut documents = Vec::new();
    loop {
        let read = builder.document();
        let mut faults = std::mem::take(&mut builder.faults);
        match read {
            Ok(Some(root)) => documents.push(Document { root: Some(root), faults }),
            Ok(None) => return documents,
            Err(fault) => {
                faults.push(fault);
                documents.push(Document { root: None, faults });
                match builder.parser.proceed_next_document() {
                    Ok(true) => {}
                    Ok(false) | Err(_) => return documents,
                }
            }
        }
    }
}

struct Builder<'t> {
    parser: Parser<'t, StrInput<'t>>,
    /// By id: the node and how many nodes it is made of.
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    faults: Vec<Fault>,
}

impl<'t> Builder<'t> {
    /// The next document; `None` at the end of the file.
    fn document(&mut self) -> Result<Option<Node>, Fault> {
        self.anchors.clear();
        self.nodes = 0;
        let mut root = None;
        loop {
            let Some((event, span)) = self.next()? else { return Ok(None) };
            match event {
                Event::StreamStart | Event::DocumentStart(..) => {}
                Event::StreamEnd => return Ok(None),
                Event::DocumentEnd => {
                    return Ok(Some(root.unwrap_or(Node { at: place(&span), content: Content::Null })));
                }
                event => root = Some(self.node(event, &span)?),
            }
        }
    }

    fn next(&mut self) -> Result<Option<(Event<'t>, Span)>, Fault> {
        self.parser.next_event().transpose().map_err(|error| syntax(&error))
    }

    fn node(&mut self, event: Event<'t>, span: &Span) -> Result<Node, Fault> {
        let at = place(span);
        self.nodes += 1;
        self.budget(at)?;
        let before = self.nodes;
        let (anchor, tag, content) = match event {
            Event::Alias(id) => return self.alias(id, at),
            Event::Scalar(text, style, anchor, tag) => (anchor, tag, scalar(&text, style, span)),
            Event::SequenceStart(_, anchor, tag) => (anchor, tag, Content::List(self.list(at)?)),
            Event::MappingStart(_, anchor, tag) => (anchor, tag, Content::Map(self.map(at)?)),
            other => return Err(unexpected(at, &other)),
        };
        let content = match tag {
            Some(tag) if !tag.is_yaml_core_schema() => {
                let at =
                    span.tag_start.map_or(at, |mark| Place { line: mark.line(), column: mark.col() + 1 });
                let message = format!("`{}` is a YAML tag, and no tag has a meaning here", tag.original());
                let hint = Some("put a value that begins with `!` in quotes");
                self.faults.push(Fault { at, message, hint });
                Content::Refused
            }
            _ => content,
        };
        let node = Node { at, content };
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), self.nodes - before + 1));
        }
        Ok(node)
    }

    /// A copy of the anchored node, with the places of the anchored text: that is where it has to be mended.
    fn alias(&mut self, id: usize, at: Place) -> Result<Node, Fault> {
        let Some((node, size)) = self.anchors.get(&id) else {
            return Err(Fault {
                at,
                message: "this alias stands inside of what it names".to_owned(),
                hint: None,
            });
        };
        let node = node.clone();
        self.nodes += size;
        self.budget(at)?;
        Ok(node)
    }

    fn budget(&self, at: Place) -> Result<(), Fault> {
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        Err(Fault {
            at,
            message: format!("the document has more than {MAX_NODES} values, aliases counted"),
            hint: None,
        })
    }

    fn list(&mut self, at: Place) -> Result<Vec<Node>, Fault> {
        let mut items = Vec::new();
        loop {
            match self.next()?.ok_or_else(|| ended(at))? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, &span)?),
            }
        }
    }

    fn map(&mut self, at: Place) -> Result<Vec<(Node, Node)>, Fault> {
        let mut entries = Vec::new();
        loop {
            let key = match self.next()?.ok_or_else(|| ended(at))? {
                (Event::MappingEnd, _) => return Ok(entries),
                (event, span) => self.node(event, &span)?,
            };
            let (event, span) = self.next()?.ok_or_else(|| ended(at))?;
            entries.push((key, self.node(event, &span)?));
        }
    }
}

fn scalar(text: &str, style: ScalarStyle, span: &Span) -> Content {
    if style == ScalarStyle::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Content::Null;
    }
    // A parser of `&str` knows all byte offsets.
    let byte = |mark: Option<usize>| mark.unwrap_or_default();
    let source = byte(span.start.byte_offset())..byte(span.end.byte_offset());
    Content::Scalar(Scalar { text: text.to_owned(), style, source })
}

fn place(span: &Span) -> Place {
    Place { line: span.start.line(), column: span.start.col() + 1 }
}

fn syntax(error: &ScanError) -> Fault {
    let at = Place { line: error.marker().line(), column: error.marker().col() + 1 };
    Fault { at, message: format!("this is not YAML: {}", error.info()), hint: None }
}

fn unexpected(at: Place, event: &Event<'_>) -> Fault {
    Fault { at, message: format!("this is not YAML: a value was expected, not {event:?}"), hint: None }
}

fn ended(at: Place) -> Fault {
    Fault { at, message: "this is not YAML: it ends within this value".to_owned(), hint: None }
}
