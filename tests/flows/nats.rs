//! Getting into a NATS server and staying there: every way to show who we are, TLS, rotated secrets, trouble.

mod durables;
mod found;
mod login;
mod old;
mod program;
mod split;
mod tls;

use std::path::Path;
use std::time::Duration;

use chassis::Engine;
use chassis::jetstream::access::{Access, Login, Secret, Tls};
use tests::eventually;

const PATIENCE: Duration = Duration::from_secs(30);

/// A secret in a file, read when it is needed.
fn file(path: &Path) -> Secret {
    let path = path.to_owned();
    Secret::new(format!("file {}", path.display()), move || Ok(std::fs::read_to_string(&path)?.trim().into()))
}

fn with(login: Login) -> Access {
    Access { login: Some(login), ..Access::default() }
}

fn encrypted(tls: Tls) -> Access {
    Access { tls, ..Access::default() }
}

/// Waits until the engine takes a write.
async fn ready(engine: &Engine) -> anyhow::Result<()> {
    eventually(PATIENCE, "the bus takes a write", async || Ok(engine.bus.check().await?)).await
}

/// Waits until the engine is not ready because of this.
async fn not_ready(engine: &Engine, because: &str) -> anyhow::Result<()> {
    eventually(PATIENCE, &format!("the bus is away: {because}"), async || {
        let Err(error) = engine.bus.check().await else { anyhow::bail!("it is ready") };
        let text = format!("{:#}", anyhow::Error::new(error));
        anyhow::ensure!(text.contains(because), "it says: {text}");
        Ok(())
    })
    .await
}

/// The error with which it does not even start.
async fn refused(url: &str, access: Access) -> anyhow::Result<String> {
    match Engine::open_with(&url.parse()?, access).await {
        Ok(_) => anyhow::bail!("it opens"),
        Err(error) => Ok(format!("{:#}", anyhow::Error::new(error))),
    }
}
