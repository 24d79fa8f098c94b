//! `signalbox source`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Look at Sources, and try them.
#[derive(Debug, Subcommand)]
pub enum SourceCommand {
    /// Print all declared Sources: kind, address, when each was last accepted and last refused, and why
    ///
    /// The running program is asked; without one, the resources are read here, and what came through them from the bus. A
    /// Source is silent when nothing was accepted for more than an hour and for half as long again as ever in the week before.
    #[command(after_help = "Examples:\n  signalbox source list\n  signalbox source list --json")]
    List {
        /// The folder with the resources, if no program runs that can be asked [default: the setting `config`]
        #[arg(long, value_name = "DIR")]
        config: Option<PathBuf>,
        /// Print each as one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Post a sample to the running gateway, signed as the sender of this Source would
    ///
    /// The secret is that of the Source, read where the resources say. What is posted is an event like any other: it is kept,
    /// and Automations act on it. Each time it is another event.
    #[command(after_help = "\
Examples:
  signalbox source test github --sample push
  signalbox source test github --sample push --repository acme/shop
  signalbox source test hub --url https://hooks.example.com
  signalbox source test github --samples       which samples there are")]
    Test(TestArgs),
    /// Create or mend the webhook at GitHub that posts to a Source, and try it with a ping
    ///
    /// The secret is that of the Source; GitHub does not show which one it has, so the ping tells. A webhook that posts to
    /// another address is left alone.
    #[command(subcommand)]
    Install(InstallCommand),
}

/// Where the sender is.
#[derive(Debug, Subcommand)]
pub enum InstallCommand {
    /// A webhook of a repository or an organisation at GitHub
    #[command(after_help = "\
Examples:
  signalbox source install github github --repo acme/shop --url https://hooks.example.com
  signalbox source install github github --org acme --url https://hooks.example.com --events push,release --dry-run")]
    Github(InstallArgs),
}

/// Which webhook, and how.
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// The name of the Source
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The repository whose webhook it is
    #[arg(long, value_name = "OWNER/REPO", value_parser = repository, conflicts_with = "org", required_unless_present = "org")]
    pub repo: Option<(String, String)>,
    /// The organisation whose webhook it is
    #[arg(long, value_name = "ORG")]
    pub org: Option<String>,
    /// Where GitHub reaches the gateway: its address, or that of the hook
    #[arg(long, value_name = "URL")]
    pub url: String,
    /// The events that are sent [default: those that Automations use most; of images: those of packages]
    #[arg(long, value_name = "EVENT,…", value_delimiter = ',', value_parser = event)]
    pub events: Vec<String>,
    /// The API of a GitHub Enterprise Server, with its path: `…/api/v3` [default: that of github.com]
    #[arg(long, value_name = "URL")]
    pub api_url: Option<String>,
    /// The environment variable with a token that may manage webhooks
    #[arg(long, value_name = "NAME", default_value = "GITHUB_TOKEN", conflicts_with = "token_file")]
    pub token_env: String,
    /// The file with that token
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Give the webhook the secret of the Source, also when it has one already
    #[arg(long)]
    pub set_secret: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The folder with the resources [default: the setting `config`]
    #[arg(long, value_name = "DIR")]
    pub config: Option<PathBuf>,
    /// Print the answer as one line of JSON
    #[arg(long)]
    pub json: bool,
}

fn repository(text: &str) -> Result<(String, String), String> {
    match text.split_once('/') {
        Some((owner, name)) if !owner.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok((owner.to_owned(), name.to_owned()))
        }
        _ => Err(format!("`{text}` is not OWNER/REPO")),
    }
}

/// `*`, or the name of an event as GitHub writes it.
fn event(text: &str) -> Result<String, String> {
    let known = || events::github::known_types().filter_map(|ty| ty.split('.').nth(2));
    if text == "*" || known().any(|event| event == text) {
        return Ok(text.to_owned());
    }
    let meant = resources::names::nearest(text, known());
    let meant = meant.map(|meant| format!(": did you mean `{meant}`?")).unwrap_or_default();
    Err(format!("GitHub has no event `{text}`{meant}"))
}

/// What is posted, and where.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// The name of the Source
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Which sample [default: the first of its kind]
    #[arg(long, value_name = "SAMPLE")]
    pub sample: Option<String>,
    /// Print the samples of this Source and post none
    #[arg(long, conflicts_with_all = ["sample", "url"])]
    pub samples: bool,
    /// The repository that the sample is of [default: one that the Source takes]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repository: Option<String>,
    /// Where the gateway is [default: this machine, at the port of the setting `listen.public`]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// The folder with the resources [default: the setting `config`]
    #[arg(long, value_name = "DIR")]
    pub config: Option<PathBuf>,
    /// Print the answer as one line of JSON
    #[arg(long)]
    pub json: bool,
}
