//! `token`, `app` and `api`: how GitHub's API is asked, and as whom. Part of whatever asks it.

use crate::github::{Access, App, Auth};
use crate::names::Misformed;
use crate::read::secret;
use crate::reader::{Fields, Keys, Read, Reader};
use crate::yaml::Node;

const APP: Keys = Keys { known: &["id", "installation", "key"], later: &[] };

/// Reads them out of a mapping that has them among its keys.
pub(super) fn access(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Read<Access> {
    let auth = reader.one_of(fields, &["token", "app"]).and_then(|(key, node)| {
        let path = fields.path(key);
        match key {
            "token" => secret::read(reader, node, &path).map(Auth::Token),
            _ => app(reader, node, &path).map(Auth::App),
        }
    });
    let api = reader.optional(fields, "api", |reader, node, path| reader.formed(node, path, address));
    Ok(Access { auth: auth?, api: api? })
}

fn app(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<App> {
    let fields = reader.fields(node, path, &APP)?;
    let id = reader.required(&fields, "id", |reader, node, path| reader.formed(node, path, id));
    let installation =
        reader.optional(&fields, "installation", |reader, node, path| reader.formed(node, path, number));
    let key = reader.required(&fields, "key", secret::read);
    Ok(App { id: id?, installation: installation?, key: key? })
}

fn id(text: &str) -> Result<String, Misformed> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-') {
        return Ok(text.to_owned());
    }
    let hint = Some("write its client id (`Iv23…`) or its App id, as on its page".to_owned());
    Err(Misformed { message: format!("`{text}` is not the id of an App"), hint })
}

/// An id of GitHub's.
pub(super) fn number(text: &str) -> Result<u64, Misformed> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| Misformed {
        message: format!("`{text}` is not one of GitHub's numbers"),
        hint: Some("write the number at the end of the address of its page".to_owned()),
    })
}

/// The base address of the API.
fn address(text: &str) -> Result<String, Misformed> {
    let wrong = |message: &str, hint: &str| {
        // What stands before an `@` is not repeated: it may be a token.
        let shown = text.rsplit('@').next().unwrap_or_default();
        Err(Misformed { message: format!("`{shown}` {message}"), hint: Some(hint.to_owned()) })
    };
    let right = "write https://HOST/api/v3 for a GitHub Enterprise Server; without `api` it is https://api.github.com";
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        return wrong("is not the address of an API", right);
    };
    let host = rest.split('/').next().unwrap_or_default();
    let fine = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
    if host.is_empty() || !host.bytes().all(fine) || rest.contains(['?', '#', ' ', '@', '\\']) {
        return wrong("is not the address of an API", right);
    }
    if ["github.com", "www.github.com"].contains(&host) {
        return wrong("has the pages of GitHub", "the API is at https://api.github.com");
    }
    Ok(text.trim_end_matches('/').to_owned())
}
