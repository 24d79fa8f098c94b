//! What conditions and templates have in common.

/// The variables that conditions and templates see.
pub const VARIABLES: [&str; 3] = ["event", "data", "app"];
/// The variables that the expressions of a `generic` Source see: the parts of a request.
pub const REQUEST: [&str; 3] = ["headers", "body", "query"];
/// The variables that the expressions over an object of Kubernetes see.
pub const OBJECT: [&str; 2] = ["object", "now"];

/// Something wrong with a condition or template, by its place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// In bytes.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
}

impl Flaw {
    pub(crate) fn new(offset: usize, message: impl Into<String>, hint: Option<String>) -> Self {
        Self { offset, message: message.into(), hint }
    }

    /// A variable that is none of `known`.
    pub(crate) fn unknown_variable(offset: usize, name: &str, known: &[&str]) -> Self {
        let hint = match crate::names::nearest(name, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if known == REQUEST => {
                "there are `headers`, `body` and `query`; a text has quotes: `\"com.example.seen\"`"
                    .to_owned()
            }
            None if known == OBJECT => {
                "there are `object` (as Kubernetes has it) and `now`; a text has quotes: `\"ready\"`"
                    .to_owned()
            }
            None if ["github", "workflow_run", "repository", "alert", "labels", "payload", "body"]
                .contains(&name) =>
            {
                format!("the body of the event is `data`: `data.{name}`")
            }
            None => "there are `event` (the envelope), `data` (the body) and `app`".to_owned(),
        };
        Self::new(offset, format!("there is no variable `{name}`"), Some(hint))
    }
}

/// The byte offset of a line and column (from 1, in characters) of a text.
pub(crate) fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let mut start = 0;
    for (index, this) in text.split_inclusive('\n').enumerate() {
        if index + 1 == line {
            let inside = this.char_indices().nth(column.saturating_sub(1)).map_or(this.len(), |(at, _)| at);
            return start + inside;
        }
        start += this.len();
    }
    text.len()
}
