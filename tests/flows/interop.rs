//! With software that nobody here wrote: the official SDKs of CloudEvents, as they are.
//!
//! `tests/interop/README.md` says what they cannot read of what we write, and why; each line of it is a test here.

mod http;
mod nats;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chassis::runner::{self, Options};
use chassis::{Context, Engine, Failure, Handler, Hears, Outcome, Position, Shutdown};
use events::Envelope;
use tests::peer::Plain;

const PATIENCE: Duration = Duration::from_secs(30);
/// The type of all events here.
const TYPE: &str = "com.example.interop";

/// Events that need care, with ids that begin with `prefix`.
fn samples(prefix: &str) -> Vec<Plain> {
    let sample = |name: &str, media_type: Option<&str>, data: Option<&[u8]>| Plain {
        id: format!("{prefix}-{name}"),
        source: "https://shop.example/orders?a=b%20c".to_owned(),
        ty: TYPE.to_owned(),
        // Microseconds: Python has no more.
        time: Some("2026-09-01T10:00:00.123456Z".to_owned()),
        datacontenttype: media_type.map(str::to_owned),
        data: data.map(|data| STANDARD.encode(data)),
        ..Plain::default()
    };
    let plain = sample("plain", Some("application/json"), Some(r#"{"n":1,"text":"Grüße"}"#.as_bytes()));
    let mut foreign = sample("foreign", Some("application/json"), Some(b"{}"));
    foreign.subject = Some("Euro € 😀".to_owned());
    foreign.extensions.insert("comexampleext".to_owned(), "naïve, \"quoted\"; 50% = ½".to_owned());
    let mut ascii = sample("ascii", Some("text/plain; charset=utf-8"), Some("Füße\n".as_bytes()));
    ascii.subject = Some("a/b?c#d".to_owned());
    ascii.dataschema = Some("https://shop.example/schemas/order.json".to_owned());
    ascii.extensions.insert("sequence".to_owned(), "42".to_owned());
    let binary = sample("binary", Some("application/octet-stream"), Some(b"\x00\xff\x80 \r\n"));
    let empty = sample("empty", None, None);
    vec![plain, foreign, ascii, binary, empty].into_iter().map(Plain::in_one_form).collect()
}

/// Our event of a sample.
fn envelope(plain: &Plain) -> Envelope {
    let mut builder = Envelope::builder(&plain.id, &plain.source, &plain.ty);
    if let Some(subject) = &plain.subject {
        builder = builder.subject(subject);
    }
    if let Some(time) = &plain.time {
        builder = builder.time(time.parse().unwrap());
    }
    if let Some(media_type) = &plain.datacontenttype {
        builder = builder.datacontenttype(media_type);
    }
    if let Some(schema) = &plain.dataschema {
        builder = builder.dataschema(schema);
    }
    for (name, value) in &plain.extensions {
        builder = builder.extension(name, value);
    }
    if let Some(data) = &plain.data {
        builder = builder.untyped_body(STANDARD.decode(data).unwrap());
    }
    builder.build().unwrap()
}

/// The events in the log, when there are so many.
async fn logged(engine: &Engine, count: usize) -> anyhow::Result<Vec<Envelope>> {
    tests::eventually(PATIENCE, "they are in the log", async || {
        let page = engine.bus.read(Position(1), 1000).await?;
        anyhow::ensure!(page.len() == count, "{} of {count} are", page.len());
        page.into_iter()
            .map(|recorded| recorded.event.map_err(|event| anyhow::anyhow!("{}", event.reason)))
            .collect()
    })
    .await
}

/// A handler that keeps what it gets.
#[derive(Default)]
struct Listener(Mutex<Vec<Plain>>);

impl Handler for Listener {
    const NAME: &'static str = "listener";
    const HEARS: &'static [Hears] = &[Hears::Glob("com.example.*")];

    async fn handle(&self, event: &Envelope, _cx: &Context) -> Result<Outcome, Failure> {
        self.0.lock().unwrap().push(Plain::of(event));
        Ok(Outcome::Done(Vec::new()))
    }
}

/// What a handler of ours gets, when it has got so many.
async fn handled(engine: &Engine, count: usize) -> anyhow::Result<Vec<Plain>> {
    let (listener, shutdown) = (Arc::new(Listener::default()), Shutdown::new());
    let ports = crate::conformance::ports(engine);
    let running = runner::run_with(listener.clone(), ports, Options::default(), shutdown.clone());
    let running = tokio::spawn(running);
    let got = tests::eventually(PATIENCE, "the handler has them", async || {
        let got = listener.0.lock().unwrap().clone();
        anyhow::ensure!(got.len() == count, "it has {} of {count}", got.len());
        Ok(got)
    })
    .await;
    shutdown.trigger();
    tokio::time::timeout(PATIENCE, running).await???;
    got
}

fn sorted(mut events: Vec<Plain>) -> Vec<Plain> {
    events.sort_by(|a, b| a.id.cmp(&b.id));
    events
}

/// A sample as one sees it who does not undo the percent-encoding of headers. Over HTTP, Content-Type has none.
fn undecoded(mut plain: Plain) -> Plain {
    let message = events::nats::encode(&envelope(&plain));
    let encoded = |name: &str| {
        let header = format!("ce-{name}");
        message.headers.iter().find(|(name, _)| *name == header).map(|(_, value)| value.clone())
    };
    plain.source = encoded("source").unwrap();
    plain.subject = encoded("subject");
    plain.dataschema = encoded("dataschema");
    for (name, value) in &mut plain.extensions {
        *value = encoded(name).unwrap();
    }
    plain
}
