//! The values file: one key is changed, and no other byte.
//!
//! The file belongs to people: their comments, order, quotes, anchors and line ends stay as they are. So nothing is
//! written anew; the place of the one value is found by a parser and the new text is put there. What cannot be done
//! that way is refused. Before an edited file is handed out it is parsed again and compared with the old one.

mod compare;
mod document;
mod error;
mod reader;
mod scalar;
mod splice;

pub use error::{Place, ValuesError};

use document::Document;

/// The text at a key; `None` when the key is missing or null.
pub fn get(text: &str, path: &[String]) -> Result<Option<String>, ValuesError> {
    let document = Document::parse(text)?;
    Ok(document.find(path)?.and_then(|node| node.text()).map(str::to_owned))
}

/// The file with `value` at the key `path`, as a text whatever it looks like.
///
/// A key that is missing is added: beside the key `beside` where they have the same parent, else at the end of the
/// parent. A file that says so already comes back as it is.
pub fn set(
    text: &str,
    path: &[String],
    value: &str,
    beside: Option<&[String]>,
) -> Result<String, ValuesError> {
    let document = Document::parse(text)?;
    let Some(splice) = splice::plan(&document, text, path, value, beside)? else {
        return Ok(text.to_owned());
    };
    let edited = splice.apply(text);
    // A belt to the braces: whatever the file looks like, an edit that would change more than it should is not made.
    let same_otherwise = Document::parse(&edited)
        .is_ok_and(|edited| compare::differs_only_at(document.root(), edited.root(), path, value));
    if same_otherwise { Ok(edited) } else { Err(ValuesError::Unsafe(path.join("."))) }
}

#[cfg(test)]
mod tests;
