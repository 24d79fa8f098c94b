//! Nothing secret leaves in an error.

/// The text without what stands before the `@` of a URL.
pub fn redact(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        clean.push_str(before);
        let end = after
            .find(|c: char| c.is_whitespace() || matches!(c, '/' | '\'' | '"' | '?' | '#'))
            .unwrap_or(after.len());
        let authority = &after[..end];
        match authority.rsplit_once('@') {
            Some((_, host)) => {
                clean.push_str("***@");
                clean.push_str(host);
            }
            None => clean.push_str(authority),
        }
        rest = &after[end..];
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::redact;

    #[test]
    fn credentials_in_urls_are_taken_out() {
        for (text, clean) in [
            ("no url", "no url"),
            ("fatal: 'https://bot:s3cr3t@h/x.git' broke", "fatal: 'https://***@h/x.git' broke"),
            (
                "https://ghp_abc@github.com/a and ssh://u@h:22/b",
                "https://***@github.com/a and ssh://***@h:22/b",
            ),
            ("https://a:p@ss@h/x", "https://***@h/x"),
            ("https://h/a@b", "https://h/a@b"),
            ("git@github.com:acme/x", "git@github.com:acme/x"),
            ("é https://é:ü@h", "é https://***@h"),
        ] {
            assert_eq!(redact(text), clean);
        }
    }
}
