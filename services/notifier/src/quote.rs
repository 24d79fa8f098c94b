//! A few words of an answer, for people; never a part of a secret.

use percent_encoding::percent_decode;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap};

use crate::limits::QUOTE_CHARS;

/// A shorter part of an address is no secret; and it would be found in every answer.
const SHORTEST_SECRET: usize = 4;

/// What the answer says, on one line, unless it repeats a part of the address or the token: many servers answer
/// `Cannot POST /services/…`.
pub(crate) fn of(body: &[u8], url: &Url, headers: &HeaderMap) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let mut words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let first = words.next()?;
    let line = words.fold(first.to_owned(), |line, word| line + " " + word);
    if repeats_a_secret(body, url, headers) {
        return Some("(not quoted: it repeats a part of the address or the token)".to_owned());
    }
    Some(match line.char_indices().nth(QUOTE_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    })
}

fn repeats_a_secret(body: &[u8], url: &Url, headers: &HeaderMap) -> bool {
    let lower = |text: &[u8]| String::from_utf8_lossy(text).to_lowercase();
    let decoded = |text: &[u8]| lower(&percent_decode(text).collect::<Vec<u8>>());
    let said = [lower(body), decoded(body)];
    let token = headers.get(AUTHORIZATION).map(|value| lower(value.as_bytes()));
    let path = url.path_segments().into_iter().flatten();
    let query = url.query().into_iter().flat_map(|query| query.split(['&', '=']));
    let rest = [Some(url.username()), url.password(), url.fragment()];
    path.chain(query)
        .chain(rest.into_iter().flatten())
        .flat_map(|part| [lower(part.as_bytes()), decoded(part.as_bytes())])
        .chain(token.and_then(|token| token.split_once(' ').map(|(_, token)| token.to_owned())))
        .filter(|part| part.len() >= SHORTEST_SECRET)
        .any(|part| said.iter().any(|said| said.contains(&part)))
}

#[cfg(test)]
mod tests {
    use reqwest::Url;
    use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};

    use super::of;

    fn quoted(body: &str) -> Option<String> {
        let url = Url::parse("https://user:pa55word@hooks.example/services/T0/Secr3t%20Path?key=Qu3ry&x=1")
            .expect("a URL");
        let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Bearer t0kenT0ken"))]);
        of(body.as_bytes(), &url, &headers)
    }

    #[test]
    fn an_answer_is_quoted_on_one_line() {
        assert_eq!(quoted("invalid_payload").as_deref(), Some("invalid_payload"));
        assert_eq!(
            quoted("{\n  \"error\":\t\"no\u{1b}[31m\"\n}").as_deref(),
            Some("{ \"error\": \"no [31m\" }")
        );
        assert_eq!(quoted(""), None);
        assert_eq!(quoted(" \n\0"), None);
    }

    #[test]
    fn a_long_answer_is_cut_between_characters() {
        let quote = quoted(&"ä".repeat(300)).expect("there is an answer");
        assert_eq!(quote, format!("{}…", "ä".repeat(200)));
    }

    #[test]
    fn an_answer_that_repeats_a_part_of_a_secret_is_not_quoted() {
        for body in [
            "Cannot POST /services/T0/Secr3t%20Path",
            "no such path: secr3t path",
            "key QU3RY is wrong",
            "wrong password pa55word",
            "token t0kent0ken has expired",
            "%53ecr3t%20Path",
        ] {
            let quote = quoted(body).expect("there is an answer");
            assert!(quote.starts_with("(not quoted"), "{body}: {quote}");
        }
    }
}
