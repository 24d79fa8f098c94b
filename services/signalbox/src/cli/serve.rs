//! `signalbox serve`.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::Global;
use crate::settings::{Address, Service};

/// What `serve` takes.
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER_HELP)]
pub struct ServeArgs {
    /// Run these services alone, with commas between them [default: all]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "SERVICES")]
    pub only: Vec<Service>,
    /// The folder with Sources, Apps, Automations and Channels [default: config]
    #[arg(long, value_name = "DIR")]
    pub config: Option<PathBuf>,
    /// Where webhooks come in [default: :8080]
    #[arg(long, value_name = "ADDR")]
    pub listen_public: Option<Address>,
    /// Where the API, metrics and health are [default: :8081]
    #[arg(long, value_name = "ADDR")]
    pub listen_private: Option<Address>,
}

const AFTER_HELP: &str = "\
Examples:
  signalbox serve                                          everything, with the bus in ./data
  signalbox serve --bus embedded:/var/lib/signalbox --config /etc/signalbox
  signalbox serve --only gateway --bus nats://nats:4222    one service of a cluster
  signalbox serve --listen-public 127.0.0.1:0              a free port; the log says which

With an embedded bus, the token for the API is made on the first start and kept in DIR/api-token; the private address of
the running server is in DIR/console.address. `signalbox events` and `signalbox dead` find both by themselves.";

impl ServeArgs {
    /// The settings that are given here, as an overlay of the file and the environment.
    pub fn overlay(&self, global: &Global) -> Value {
        let Self { only, config, listen_public, listen_private } = self;
        let mut overlay = global.overlay();
        overlay["only"] = match only.as_slice() {
            [] => Value::Null,
            only => only.iter().map(|service| Value::from(service.name())).collect(),
        };
        overlay["config"] = json!(config);
        overlay["listen"] = json!({
            "public": listen_public.as_ref().map(Address::to_string),
            "private": listen_private.as_ref().map(Address::to_string),
        });
        overlay
    }
}

impl Global {
    /// The settings that are given here.
    pub fn overlay(&self) -> Value {
        let Self { settings: _, bus, log_format, log_level } = self;
        json!({"bus": bus, "log": {"format": log_format.map(super::global::LogFormat::name), "level": log_level}})
    }
}
