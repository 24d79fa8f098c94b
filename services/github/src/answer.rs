//! What GitHub answered.

use bytes::Bytes;
use reqwest::header::{ETAG, HeaderMap, LINK};
use serde::de::DeserializeOwned;

use crate::Error;

/// A good answer (2xx).
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
    /// What to give to [`crate::Github::get`] next time.
    pub etag: Option<String>,
    /// The next page; give it to [`crate::Github::get`] as it is.
    pub next: Option<String>,
}

/// An answer, or the word that it is the one that is known.
#[derive(Debug, Clone)]
pub enum Fresh {
    /// It is another one.
    New(Answer),
    /// It is the one that the `ETag` stands for (304).
    Known,
}

impl Fresh {
    /// The answer, where no `ETag` was given.
    pub fn into_new(self) -> Option<Answer> {
        match self {
            Self::New(answer) => Some(answer),
            Self::Known => None,
        }
    }
}

impl Answer {
    pub(crate) fn new(status: u16, headers: &HeaderMap, body: Bytes) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            status,
            body,
            etag: text(ETAG).map(str::to_owned),
            next: text(LINK).and_then(next).map(str::to_owned),
        }
    }

    /// The body, as what it should be.
    ///
    /// # Errors
    /// [`Error::Unreadable`], with the place.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(Error::Unreadable)
    }
}

/// The address of the next page in a header `Link` (RFC 8288).
fn next(link: &str) -> Option<&str> {
    let mut rest = link;
    loop {
        let (_, from) = rest.split_once('<')?;
        let (target, after) = from.split_once('>')?;
        // The parameters reach to the next `<`: a comma may stand in one.
        let parameters = after.split('<').next().unwrap_or_default();
        let is_next = parameters.split(';').any(|parameter| {
            let parameter = parameter.trim().trim_end_matches(',').trim();
            parameter.split_once('=').is_some_and(|(name, value)| {
                name.trim().eq_ignore_ascii_case("rel")
                    && value.trim().trim_matches('"').split(' ').any(|rel| rel.eq_ignore_ascii_case("next"))
            })
        });
        if is_next {
            return Some(target);
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::next;

    #[test]
    fn the_next_page_is_found_by_its_relation() {
        for (link, found) in [
            (
                r#"<https://api.github.com/x?cursor=v1_9>; rel="next""#,
                Some("https://api.github.com/x?cursor=v1_9"),
            ),
            (
                r#"<https://a/1>; rel="prev", <https://a/3>; rel="next", <https://a/9>; rel="last""#,
                Some("https://a/3"),
            ),
            (r#"<https://a/1>; rel="first", <https://a/2>; rel="prev""#, None),
            ("<https://a/2>; REL=next", Some("https://a/2")),
            (r#"<https://a/2,3>; title="a, b"; rel="last next""#, Some("https://a/2,3")),
            (r#"<https://a/2>; rel="nextish""#, None),
            ("<https://a/2", None),
            ("", None),
        ] {
            assert_eq!(next(link), found, "{link}");
        }
    }
}
