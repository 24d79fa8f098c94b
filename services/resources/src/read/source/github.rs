//! `spec.github` of a Source.

use std::time::Duration;

use super::repositories;
use crate::github::Auth;
use crate::names::{self, Misformed};
use crate::read::{github, secret};
use crate::reader::{Fields, Keys, Read, Reader, Said};
use crate::source::{Deliveries, Github, Hook, Sweep};
use crate::yaml::Node;

const GITHUB: Keys = Keys { known: &["secrets", "repositories", "sweep"], later: &[] };
const SWEEP: Keys = Keys { known: &["every", "hook", "deliveries", "token", "app", "api"], later: &[] };
const HOOK: Keys = Keys { known: &["repository", "organization", "id"], later: &[] };
/// Soon enough for a deploy, and some dozen requests an hour out of 5,000.
const EVERY: Duration = Duration::from_mins(5);
/// More often costs more than it gains.
const OFTEN: Duration = Duration::from_secs(10);
/// GitHub keeps deliveries for three days: a day leaves time to mend what is wrong.
const SELDOM: Duration = Duration::from_hours(24);

pub(super) fn read(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Github> {
    let fields = reader.fields(node, path, &GITHUB)?;
    let secrets = reader.required(&fields, "secrets", secret::read_live);
    let repositories = reader.optional(&fields, "repositories", repositories);
    let sweep = reader.optional(&fields, "sweep", sweep);
    Ok(Github { secrets: secrets?, repositories: repositories?.unwrap_or_default(), sweep: sweep? })
}

fn sweep(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Sweep> {
    let fields = reader.fields(node, path, &SWEEP)?;
    let access = github::access(reader, &fields);
    let hook = reader.optional(&fields, "hook", hook);
    let every = reader.optional(&fields, "every", |reader, node, path| reader.formed(node, path, every));
    let deliveries = reader.optional(&fields, "deliveries", |reader, node, path| {
        reader.choice(node, path, &[("failed", Deliveries::Failed), ("all", Deliveries::All)])
    });
    let (access, hook) = (access?, hook?.unwrap_or(Hook::App));
    suits(reader, &fields, &access.auth, &hook)?;
    let (every, deliveries) = (every?.unwrap_or(EVERY), deliveries?.unwrap_or_default());
    Ok(Sweep { access, hook, every, deliveries })
}

/// An App's own webhook is seen by the App alone, any other by a token.
fn suits(reader: &mut Reader<'_>, fields: &Fields<'_>, auth: &Auth, hook: &Hook) -> Read<()> {
    let path = &fields.path;
    let (message, hint) = match (auth, hook) {
        (Auth::Token(_), Hook::App) => (
            format!(
                "`{path}.hook` is missing: a token sees the webhook of a repository or an organisation alone"
            ),
            "write `hook: {repository: acme/shop, id: 12345678}`, with the number at the end of the address of its page",
        ),
        (Auth::App(app), Hook::Repository { .. } | Hook::Organization { .. })
            if app.installation.is_none() =>
        {
            (
                format!(
                    "`{path}.app.installation` is missing: an App sees the webhook of somebody else as an installation"
                ),
                "write the number at the end of the address of its page; without `hook`, the App's own webhook is meant",
            )
        }
        _ => return Ok(()),
    };
    reader.error(fields.at, message, Some(hint.to_owned()));
    Err(Said)
}

fn hook(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Hook> {
    let fields = reader.fields(node, path, &HOOK)?;
    let whose = reader.one_of(&fields, &["repository", "organization"]).and_then(|(key, node)| {
        let path = fields.path(key);
        match key {
            "repository" => {
                reader.formed(node, &path, |text| names::repository(text, false)).map(|name| (name, true))
            }
            _ => reader.formed(node, &path, organization).map(|login| (login, false)),
        }
    });
    let id = reader.required(&fields, "id", |reader, node, path| reader.formed(node, path, github::number));
    let ((whose, of_repository), id) = (whose?, id?);
    Ok(if of_repository {
        Hook::Repository { name: whose, id }
    } else {
        Hook::Organization { login: whose, id }
    })
}

fn organization(text: &str) -> Result<String, Misformed> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if !text.is_empty() && text.bytes().all(allowed) {
        return Ok(text.to_owned());
    }
    let hint = Some("write its login, for example `acme`".to_owned());
    Err(Misformed { message: format!("`{text}` is not the login of an organisation"), hint })
}

fn every(text: &str) -> Result<Duration, Misformed> {
    let every = names::duration(text)?;
    if (OFTEN..=SELDOM).contains(&every) {
        return Ok(every);
    }
    let hint = Some("write 10s to 24h; GitHub keeps deliveries for three days".to_owned());
    Err(Misformed { message: format!("`{text}` is too often or too seldom for a sweep"), hint })
}
