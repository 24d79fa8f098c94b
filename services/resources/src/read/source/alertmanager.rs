//! `spec.alertmanager` of a Source.

use std::time::Duration;

use crate::names::{self, Misformed};
use crate::read::secret;
use crate::reader::{Keys, Read, Reader, Said};
use crate::source::alertmanager::{Alertmanager, AlertsApi, Login};
use crate::yaml::Node;

const ALERTMANAGER: Keys = Keys { known: &["tokens", "api"], later: &[] };
const API: Keys = Keys { known: &["url", "receiver", "every", "externalUrl", "token", "basic"], later: &[] };
const BASIC: Keys = Keys { known: &["user", "password"], later: &[] };
/// As often as Prometheus sends its alerts again, several times over.
const EVERY: Duration = Duration::from_mins(5);
/// More often costs more than it gains.
const OFTEN: Duration = Duration::from_secs(10);
/// An alert that is told of a day late is none.
const SELDOM: Duration = Duration::from_hours(24);

pub(super) fn read(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Alertmanager> {
    let fields = reader.fields(node, path, &ALERTMANAGER)?;
    let tokens = reader.required(&fields, "tokens", secret::read_live);
    let api = reader.optional(&fields, "api", api);
    Ok(Alertmanager { tokens: tokens?, api: api? })
}

fn api(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<AlertsApi> {
    let fields = reader.fields(node, path, &API)?;
    let url = reader.required(&fields, "url", |reader, node, path| reader.formed(node, path, address));
    let receiver =
        reader.required(&fields, "receiver", |reader, node, path| reader.formed(node, path, receiver));
    let every = reader.optional(&fields, "every", |reader, node, path| reader.formed(node, path, every));
    let external_url =
        reader.optional(&fields, "externalUrl", |reader, node, path| reader.formed(node, path, address));
    let token = reader.optional(&fields, "token", secret::read);
    let basic = reader.optional(&fields, "basic", basic);
    let login = match (token?, basic?) {
        (Some(_), Some(_)) => {
            reader.error(
                fields.at,
                format!("`{path}` has `token` and `basic`: it can have only one of them"),
                None,
            );
            return Err(Said);
        }
        (Some(token), None) => Some(Login::Token(token)),
        (None, basic) => basic,
    };
    let every = every?.unwrap_or(EVERY);
    Ok(AlertsApi { url: url?, receiver: receiver?, every, external_url: external_url?, login })
}

fn basic(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Login> {
    let fields = reader.fields(node, path, &BASIC)?;
    let user = reader.required(&fields, "user", |reader, node, path| reader.formed(node, path, user));
    let password = reader.required(&fields, "password", secret::read);
    Ok(Login::Basic { user: user?, password: password? })
}

fn user(text: &str) -> Result<String, Misformed> {
    if !text.is_empty() && !text.contains(':') && !text.contains(char::is_control) {
        return Ok(text.to_owned());
    }
    let hint = Some("a user has no `:` in its name".to_owned());
    Err(Misformed { message: format!("`{text}` cannot be the user of a login"), hint })
}

fn receiver(text: &str) -> Result<String, Misformed> {
    if !text.is_empty() && !text.contains(char::is_control) {
        return Ok(text.to_owned());
    }
    let hint = Some("write its name in the configuration of Alertmanager".to_owned());
    Err(Misformed { message: "this is not the name of a receiver".to_owned(), hint })
}

fn address(text: &str) -> Result<String, Misformed> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let host = rest.split('/').next().unwrap_or_default();
    let fine = |b: u8| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b);
    if !host.is_empty() && host.bytes().all(fine) && !rest.contains(['?', '#', ' ', '@', '\\']) {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    let hint = "write `http://alertmanager:9093`; a user and a password have a place of their own (`basic`)"
        .to_owned();
    // What stands before an `@` is not repeated: it may be a password.
    let shown = text.rsplit('@').next().unwrap_or_default();
    Err(Misformed { message: format!("`{shown}` is not the address of an Alertmanager"), hint: Some(hint) })
}

fn every(text: &str) -> Result<Duration, Misformed> {
    let every = names::duration(text)?;
    if (OFTEN..=SELDOM).contains(&every) {
        return Ok(every);
    }
    let hint = Some("write 10s to 24h".to_owned());
    Err(Misformed { message: format!("`{text}` is too often or too seldom to ask"), hint })
}
