//! The client's side of the NATS protocol, by hand: what a stranger could send, without the program's own client.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);

/// A connection.
#[derive(Debug)]
pub struct Wire {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    inbox: String,
    next: u32,
}

/// What the server says.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Message { sid: u32, payload: Vec<u8> },
    Refused(String),
    Pong,
}

impl Wire {
    /// Connects, as the user of this seed if there is one; answers come on subjects that begin with `inbox`.
    pub async fn connect(port: u16, seed: Option<&str>, inbox: &str) -> anyhow::Result<Self> {
        let (reader, writer) = TcpStream::connect(("127.0.0.1", port)).await?.into_split();
        let mut wire = Self { reader: BufReader::new(reader), writer, inbox: inbox.to_owned(), next: 0 };
        let mut info = String::new();
        timeout(PATIENCE, wire.reader.read_line(&mut info)).await??;
        let info: Value = serde_json::from_str(info.strip_prefix("INFO ").context("it says no INFO")?)?;
        let mut connect =
            json!({ "verbose": false, "pedantic": false, "headers": true, "no_responders": true });
        if let Some(seed) = seed {
            let key = KeyPair::from_seed(seed)?;
            let nonce = info["nonce"].as_str().context("the server wants no nkey")?;
            connect["nkey"] = key.public_key().into();
            connect["sig"] = URL_SAFE_NO_PAD.encode(key.sign(nonce.as_bytes())?).into();
        }
        wire.send(&format!("CONNECT {connect}\r\n")).await?;
        let refused = wire.settled().await?;
        ensure!(refused.is_empty(), "it is refused: {refused:?}");
        Ok(wire)
    }

    async fn send(&mut self, text: &str) -> anyhow::Result<()> {
        Ok(self.writer.write_all(text.as_bytes()).await?)
    }

    async fn said(&mut self) -> anyhow::Result<Said> {
        loop {
            let mut line = String::new();
            let read =
                timeout(PATIENCE, self.reader.read_line(&mut line)).await.context("it says nothing")??;
            ensure!(read > 0, "it has closed the connection");
            let line = line.trim_end();
            if line == "PONG" {
                return Ok(Said::Pong);
            } else if line == "PING" {
                self.send("PONG\r\n").await?;
            } else if let Some(error) = line.strip_prefix("-ERR ") {
                return Ok(Said::Refused(error.trim_matches('\'').to_owned()));
            } else if let Some(rest) = line.strip_prefix("MSG ").or_else(|| line.strip_prefix("HMSG ")) {
                let words: Vec<&str> = rest.split(' ').collect();
                let bytes: usize = words.last().context("a message has a size")?.parse()?;
                let mut payload = vec![0; bytes + 2];
                timeout(PATIENCE, self.reader.read_exact(&mut payload)).await??;
                payload.truncate(bytes);
                return Ok(Said::Message {
                    sid: words.get(1).context("a message has a subscription")?.parse()?,
                    payload,
                });
            }
        }
    }

    /// Waits until the server has taken what was sent; what it refused of it.
    async fn settled(&mut self) -> anyhow::Result<Vec<String>> {
        self.send("PING\r\n").await?;
        let mut refused = Vec::new();
        loop {
            match self.said().await? {
                Said::Pong => return Ok(refused),
                Said::Refused(what) => refused.push(what),
                Said::Message { .. } => {}
            }
        }
    }

    /// Publishes, and returns what the server refused.
    pub async fn publish(&mut self, subject: &str, payload: &str) -> anyhow::Result<Vec<String>> {
        self.send(&format!("PUB {subject} {}\r\n{payload}\r\n", payload.len())).await?;
        self.settled().await
    }

    /// Subscribes, and returns what the server refused.
    pub async fn subscribe(&mut self, subject: &str) -> anyhow::Result<Vec<String>> {
        self.next += 1;
        let sid = self.next;
        self.send(&format!("SUB {subject} {sid}\r\n")).await?;
        self.settled().await
    }

    /// Asks for something of JetStream; its error is an error.
    pub async fn api(&mut self, subject: &str, body: &Value) -> anyhow::Result<Value> {
        let answer = self.request(&format!("$JS.API.{subject}"), &body.to_string()).await?;
        let answer: Value = serde_json::from_slice(&answer)
            .with_context(|| format!("{subject}: {}", String::from_utf8_lossy(&answer)))?;
        if !answer["error"].is_null() {
            bail!("{subject}: {}", answer["error"]);
        }
        Ok(answer)
    }

    /// Publishes and waits for the answer.
    pub async fn request(&mut self, subject: &str, payload: &str) -> anyhow::Result<Vec<u8>> {
        self.next += 1;
        let (sid, reply) = (self.next, format!("{}.{}", self.inbox, self.next));
        self.send(&format!("SUB {reply} {sid}\r\nUNSUB {sid} 1\r\n")).await?;
        self.send(&format!("PUB {subject} {reply} {}\r\n{payload}\r\n", payload.len())).await?;
        loop {
            match self.said().await? {
                Said::Message { sid: of, payload } if of == sid => return Ok(payload),
                Said::Refused(what) => bail!("refused: {what}"),
                Said::Message { .. } | Said::Pong => {}
            }
        }
    }
}
