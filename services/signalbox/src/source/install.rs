//! `signalbox source install github`: gather -> decide -> apply -> announce.

mod api;
mod plan;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use chassis::{Intended, SystemClock};
use events::payload::image;
use github::{Auth, Base, Error, Github};
use resources::source::Credential;
use resources::{Secret, SecretRef, Source, SourceKind};
use serde_json::json;
use tokio::time::{Instant, sleep};

use self::api::{Delivery, Place};
use self::plan::{Change, Plan, Wanted, decide};
use super::samples;
use crate::cli::InstallArgs;
use crate::exit::{Exit, OrStop as _, Stop};
use crate::output::{Output, Style, harmless};
use crate::settings::Settings;

/// How long to wait for what became of a ping: GitHub itself gives up after ten seconds.
const PING: Duration = Duration::from_secs(15);
/// Between two looks for it.
const LOOK: Duration = Duration::from_millis(500);

/// Creates or mends the webhook of a Source, and tries it.
pub async fn run(settings: &Settings, args: &InstallArgs, out: &mut Output) -> Result<Exit, Stop> {
    let InstallArgs {
        name,
        repo,
        org,
        url,
        events,
        api_url,
        token_env,
        token_file,
        set_secret,
        dry_run,
        config,
        json,
    } = args;
    let dir = config.as_deref().unwrap_or(&settings.config);
    let catalog = super::load(dir)?;
    let source = samples::source(&catalog, name, dir)?;
    let secret = secret(source)?;
    let place = match (repo, org) {
        (Some((owner, name)), _) => Place::Repository(owner.clone(), name.clone()),
        (None, Some(login)) => Place::Organization(login.clone()),
        (None, None) => {
            return Err(Stop::with(
                Exit::Usage,
                anyhow!("name a repository (--repo) or an organisation (--org)"),
            ));
        }
    };
    let url = super::test::address(url, name).or_stop(Exit::Usage)?.to_string();
    let wanted = Wanted { url, events: wanted_events(source, events), set_secret: *set_secret };
    let base = match api_url {
        Some(text) => text.parse::<Base>().context("--api-url is not right").or_stop(Exit::Usage)?,
        None => Base::default(),
    };
    let token = match token_file {
        Some(file) => SecretRef::File(file.clone()),
        None => SecretRef::Env(token_env.clone()),
    };
    token
        .read()
        .context("a token is needed that may manage webhooks: --token-env NAME or --token-file FILE")
        .or_stop(Exit::Usage)?;
    let github = Github::new(base, Auth::Token(token), Arc::new(SystemClock))?;

    let installing = Installing { github, place, wanted, secret, dry_run: *dry_run };
    let done = installing.install().await.map_err(stop)?;
    installing.announce(&done, *json, out)
}

/// The secret with which the gateway expects GitHub to sign.
fn secret(source: &Source) -> Result<Secret, Stop> {
    let refs: &[SecretRef] = match &source.kind {
        SourceKind::Github(github) => &github.secrets,
        SourceKind::Registry(registry) if registry.kind == image::Registry::Ghcr => {
            registry.credential.secrets()
        }
        SourceKind::Generic(generic) => match &generic.credential {
            Credential::Hmac(hmac) if hmac.header.eq_ignore_ascii_case("x-hub-signature-256") => {
                &hmac.secrets
            }
            _ => &[],
        },
        _ => &[],
    };
    // The first: the other one is there until it is rotated.
    let Some(first) = refs.first() else {
        let error =
            anyhow!("the Source `{}` ({}) takes nothing from GitHub", source.name, source.kind.name());
        return Err(Stop::with(Exit::Usage, error));
    };
    first
        .read()
        .with_context(|| format!("the secret of the Source `{}` cannot be read here", source.name))
        .or_stop(Exit::Usage)
}

fn wanted_events(source: &Source, named: &[String]) -> BTreeSet<String> {
    if !named.is_empty() {
        return named.iter().cloned().collect();
    }
    let usual: &[&str] = if matches!(source.kind, SourceKind::Registry(_)) {
        &["package", "registry_package"]
    } else {
        &plan::EVENTS
    };
    usual.iter().map(|&event| event.to_owned()).collect()
}

/// An error of GitHub's with its code: what passes, and what does not.
fn stop(error: Error) -> Stop {
    let exit = match error.again() {
        github::Again::Never => Exit::Failed,
        github::Again::At(_) | github::Again::Soon => Exit::Unreachable,
    };
    let hint = match &error {
        // No permission looks like nothing there.
        Error::Missing { .. } | Error::Forbidden { .. } | Error::Unauthorized { .. } => {
            "\n  hint: the token needs the permission Webhooks (read and write) of the repository or organisation; a classic one \
             the scope admin:repo_hook or admin:org_hook"
        }
        _ => "",
    };
    Stop::with(exit, anyhow!("{}{hint}", harmless(&format!("{:#}", anyhow::Error::new(error)))))
}

struct Installing {
    github: Github,
    place: Place,
    wanted: Wanted,
    secret: Secret,
    dry_run: bool,
}

/// What was done.
struct Done {
    plan: Plan,
    /// Which webhook it is now; none after a dry run that would make one.
    id: Option<u64>,
    ping: Option<Delivery>,
}

impl Installing {
    async fn install(&self) -> Result<Done, Error> {
        let mut plan = decide(&self.wanted, &api::hooks(&self.github, &self.place).await?);
        if self.dry_run {
            let id = match &plan {
                Plan::Create => None,
                Plan::Update { id, .. } | Plan::Right { id } => Some(*id),
            };
            return Ok(Done { plan, id, ping: None });
        }
        let id = match self.apply(&plan).await {
            Err(error) if plan == Plan::Create && is_there_already(&error) => {
                // Somebody else was faster.
                plan = decide(&self.wanted, &api::hooks(&self.github, &self.place).await?);
                if plan == Plan::Create {
                    return Err(error);
                }
                self.apply(&plan).await?
            }
            applied => applied?,
        };
        let ping = self.ping(id).await?;
        Ok(Done { plan, id: Some(id), ping })
    }

    async fn apply(&self, plan: &Plan) -> Result<u64, Error> {
        let Self { github, place, wanted, secret, .. } = self;
        match plan {
            Plan::Create => api::create(github, place, wanted, secret, &by_hand("create a webhook")).await,
            Plan::Update { id, .. } => {
                api::update(github, place, *id, wanted, secret, &by_hand("update a webhook"))
                    .await
                    .map(|()| *id)
            }
            Plan::Right { id } => Ok(*id),
        }
    }

    /// What became of a ping; `None` when GitHub does not say in time.
    async fn ping(&self, id: u64) -> Result<Option<Delivery>, Error> {
        let Self { github, place, .. } = self;
        // Creating one makes GitHub send a ping by itself: only what comes after this counts.
        let before = api::deliveries(github, place, id).await?.first().map_or(0, |delivery| delivery.id);
        api::ping(github, place, id, &by_hand("ping a webhook")).await?;
        let end = Instant::now() + PING;
        loop {
            let deliveries = api::deliveries(github, place, id).await?;
            let ours = |delivery: &Delivery| delivery.event == "ping" && delivery.id > before;
            if let Some(delivery) = deliveries.into_iter().find(ours) {
                return Ok(Some(delivery));
            }
            if Instant::now() >= end {
                return Ok(None);
            }
            sleep(LOOK).await;
        }
    }

    fn announce(&self, done: &Done, json: bool, out: &mut Output) -> Result<Exit, Stop> {
        let Done { plan, id, ping } = done;
        let answered = ping.as_ref().map(|ping| ping.status_code);
        let taken = answered.is_none_or(|code| (200..300).contains(&code));
        let (did, changes): (_, &[Change]) = match plan {
            Plan::Create => ("created", &[]),
            Plan::Update { changes, .. } => ("updated", changes),
            Plan::Right { .. } => ("already right", &[]),
        };
        if json {
            out.line(json!({
                "did": did, "dry_run": self.dry_run, "id": id, "url": self.wanted.url, "events": self.wanted.events,
                "changes": changes, "ping": answered,
            }))?;
        } else {
            let id = id.map_or_else(|| "a webhook".to_owned(), |id| format!("webhook {id}"));
            let would = if self.dry_run && did != "already right" { "would be " } else { "" };
            out.line(format_args!(
                "{} {id} for {}",
                out.styled(Style::Green, format_args!("{would}{did}:")),
                self.wanted.url
            ))?;
            if did == "created" {
                out.line(format_args!("  events: {}", plan::list(&self.wanted.events)))?;
            }
            for Change { what, from, to } in changes {
                out.line(format_args!("  {what}: {} -> {}", harmless(from), harmless(to)))?;
            }
            if let Some(ping) = ping {
                let style = if taken { Style::Green } else { Style::Red };
                let text = format!("ping answered with {} ({})", ping.status_code, harmless(&ping.status));
                out.line(out.styled(style, text))?;
            } else if !self.dry_run {
                out.line("pinged; GitHub has not told yet how that was answered")?;
            }
        }
        if taken {
            return Ok(Exit::Done);
        }
        let why = match answered {
            Some(401) => "GitHub signs with another secret; --set-secret gives it that of the Source",
            Some(404) => "there is no Source of this name at the gateway there",
            Some(0) | None => "GitHub does not reach that address",
            Some(_) => "the gateway there does not take it; see its log",
        };
        Err(Stop::with(Exit::Failed, anyhow!("the webhook is there, and its ping was not taken: {why}")))
    }
}

fn is_there_already(error: &Error) -> bool {
    matches!(error, Error::Refused { status: 422, message, .. } if message.contains("already exists"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "except: a person has this done, and it is looked first what is there"
)]
fn by_hand(what: &str) -> Intended {
    Intended::by_a_person(what)
}
