//! Media types, as far as the bindings look at them.

#[cfg(test)]
mod tests;

/// A media type (RFC 2046), folded to what is compared: the essence and the character set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MediaType {
    /// `type/subtype` in lower case, without parameters.
    pub essence: String,
    /// The parameter `charset` in lower case, without quotes.
    pub charset: Option<String>,
}

/// What a `Content-Type` says about the content mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Not a media type of CloudEvents: binary mode, or no CloudEvent at all.
    Other,
    /// One event in the JSON event format.
    Structured,
    /// Events in the JSON batch format.
    Batch,
}

/// Why a media type of CloudEvents cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// An event format other than JSON.
    Format(String),
    /// A character set other than UTF-8.
    Charset(String),
}

impl MediaType {
    pub fn parse(value: &str) -> Self {
        let mut parts = split_parameters(value);
        let essence = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let charset = parts.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("charset")
                .then(|| value.trim().trim_matches('"').to_ascii_lowercase())
        });
        Self { essence, charset }
    }

    /// Whether the rule of the JSON event format calls it JSON: `*/json` or `*/*+json`.
    pub fn is_json(&self) -> bool {
        self.essence
            .split_once('/')
            .is_some_and(|(_, subtype)| subtype == "json" || subtype.ends_with("+json"))
    }

    /// Whether it names text whose bytes are UTF-8, so that a JSON string can hold it.
    pub fn is_utf8_text(&self) -> bool {
        let subtype = self.essence.split_once('/').map_or("", |(_, subtype)| subtype);
        let text = self.essence.starts_with("text/")
            || matches!(subtype, "xml" | "yaml" | "x-www-form-urlencoded" | "toml" | "x-ndjson")
            || subtype.ends_with("+xml")
            || subtype.ends_with("+yaml");
        text && self.is_utf8()
    }

    /// Whether no character set is named, or one that UTF-8 covers.
    pub fn is_utf8(&self) -> bool {
        self.charset
            .as_deref()
            .is_none_or(|charset| matches!(charset, "utf-8" | "utf8" | "us-ascii" | "ascii"))
    }

    /// The content mode, by the prefix rule of the HTTP and NATS bindings. The bare `application/cloudevents` means
    /// the JSON event format, which every implementation has to support.
    pub fn mode(&self) -> Result<Mode, Unreadable> {
        let mode = match self.essence.strip_prefix("application/cloudevents") {
            None => return Ok(Mode::Other),
            Some("" | "+json") => Mode::Structured,
            Some("-batch" | "-batch+json") => Mode::Batch,
            Some(_) => return Err(Unreadable::Format(self.essence.clone())),
        };
        match &self.charset {
            Some(charset) if !self.is_utf8() => Err(Unreadable::Charset(charset.clone())),
            Some(_) | None => Ok(mode),
        }
    }
}

/// The essence and the parameters: what lies between the semicolons, quoted ones aside.
pub(crate) fn split_parameters(value: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    value.split(move |c: char| {
        let ends = c == ';' && !quoted;
        if escaped {
            escaped = false;
        } else if quoted && c == '\\' {
            escaped = true;
        } else if c == '"' {
            quoted = !quoted;
        }
        ends
    })
}
