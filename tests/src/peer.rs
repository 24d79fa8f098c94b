//! Programs that speak CloudEvents with the official SDKs alone (`tests/interop`).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use events::Envelope;
use serde::{Deserialize, Serialize};

use crate::process::{Process, command, output};
use crate::scratch::Scratch;
use crate::{skip, tools};

/// How long a peer may take: Python alone needs a second to start on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// An SDK that nobody here wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// `github.com/cloudevents/sdk-go/v2`, with its modules for NATS and JetStream.
    Go,
    /// The package `cloudevents`, its messages carried by `nats-py`.
    Python,
}

/// Which way an event goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// A plain publication.
    Nats,
    /// A publication that JetStream acknowledges.
    JetStream,
    /// A POST.
    Http,
}

/// In which content mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Attributes are headers.
    Binary,
    /// One JSON document.
    Structured,
    /// A JSON array (HTTP alone).
    Batch,
}

/// An event as both sides write it to each other: no format of CloudEvents, so that none is tested by accident.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "these are the attributes of CloudEvents")]
pub struct Plain {
    pub id: String,
    pub source: String,
    #[serde(rename = "type")]
    pub ty: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// RFC 3339 in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datacontenttype: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataschema: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extensions: BTreeMap<String, String>,
    /// Base64; JSON in one form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

impl Plain {
    /// What an event of ours says.
    pub fn of(event: &Envelope) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let extensions = event.extensions().into_iter();
        Self {
            id: event.id().to_owned(),
            source: event.source().to_owned(),
            ty: event.ty().to_owned(),
            subject: owned(event.subject()),
            time: event.time().map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)),
            datacontenttype: owned(event.datacontenttype()),
            dataschema: owned(event.dataschema()),
            extensions: extensions.map(|(name, value)| (name.to_owned(), value.into_owned())).collect(),
            data: event.has_body().then(|| STANDARD.encode(event.body())),
        }
        .in_one_form()
    }

    /// The same event with JSON in one form: an SDK may write it anew.
    #[must_use]
    pub fn in_one_form(mut self) -> Self {
        let is_json = self.datacontenttype.as_deref().is_none_or(events::envelope::is_json);
        if let Some(bytes) = self.data.as_ref().and_then(|data| STANDARD.decode(data).ok())
            && is_json
            && let Ok(value) = serde_json::from_slice::<serde_json::Value>(&bytes)
        {
            self.data = Some(STANDARD.encode(value.to_string()));
        }
        self
    }
}

impl Peer {
    /// Whether `TESTS_SKIP` says that it is not to be had here: then the calling test should return.
    pub fn is_missing(self) -> bool {
        skip::without(&[self.tool()])
    }

    fn tool(self) -> &'static str {
        match self {
            Self::Go => "cloudevents-go",
            Self::Python => "cloudevents-python",
        }
    }

    fn command(self, arguments: &[&str]) -> anyhow::Result<Command> {
        match self {
            Self::Go => Ok(command(tools::find_in(self.tool(), "interop")?, arguments)),
            Self::Python => {
                let packages = tools::folder(self.tool(), "packages")?;
                let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("interop/python/peer.py");
                let mut python = command("python3", [script]);
                python.args(arguments).env("PYTHONPATH", packages).env("PYTHONDONTWRITEBYTECODE", "1");
                Ok(python)
            }
        }
    }

    /// Has it send these events to an address: of a NATS server, where they go to `subject`, or for HTTP, with `token`.
    pub fn send(
        self,
        via: Via,
        mode: Mode,
        address: &str,
        subject_or_token: &str,
        events: &[Plain],
    ) -> anyhow::Result<()> {
        let dir = Scratch::new("peer")?;
        let lines: Result<String, _> =
            events.iter().map(|event| serde_json::to_string(event).map(|line| line + "\n")).collect();
        let file = dir.join("events.jsonl");
        std::fs::write(&file, lines?)?;
        let file = file.display().to_string();
        let mut command =
            self.command(&["send", via.word(), mode.word(), address, subject_or_token, &file])?;
        command.env("INTEROP_TOKEN", subject_or_token);
        let output = output(command)?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "{self:?} cannot send: {complaint}");
        Ok(())
    }

    /// Has it wait for so many events: on a NATS server, or for HTTP, on an address of its own.
    pub async fn receive(
        self,
        via: Via,
        server: &str,
        subject: &str,
        count: usize,
    ) -> anyhow::Result<Receiving> {
        let dir = Scratch::new("peer")?;
        let command = self.command(&["receive", via.word(), server, subject, &count.to_string()])?;
        let mut process = Process::start(&format!("{self:?}"), command, &dir.join("said"))?;
        let address = process.said(PATIENCE, |line| serde_json::from_str::<String>(line).ok()).await?;
        Ok(Receiving { process, address, _dir: dir })
    }
}

impl Via {
    fn word(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::JetStream => "jetstream",
            Self::Http => "http",
        }
    }
}

impl Mode {
    fn word(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Structured => "structured",
            Self::Batch => "batch",
        }
    }
}

/// A peer that waits for events.
#[derive(Debug)]
pub struct Receiving {
    process: Process,
    /// Where it takes requests (HTTP alone).
    pub address: String,
    _dir: Scratch,
}

/// What a peer has made of a message: the event, or why it could not read it.
pub type Told = Result<Plain, String>;

impl Receiving {
    /// What it has read, when it has all.
    pub async fn told(mut self) -> anyhow::Result<Vec<Told>> {
        #[derive(Deserialize)]
        struct Refusal {
            error: String,
        }
        let status = self.process.ended(PATIENCE).await?;
        anyhow::ensure!(status.success(), "{}", self.process.last_words());
        let output = self.process.output()?;
        // The first line says that it was ready.
        let told = output.lines().skip(1).map(|line| {
            if let Ok(Refusal { error }) = serde_json::from_str(line) {
                return Ok(Err(error));
            }
            let event: Plain = serde_json::from_str(line).with_context(|| format!("not an event: {line}"))?;
            Ok(Ok(event.in_one_form()))
        });
        told.collect()
    }
}
