//! The resources of a run, and where its listeners are.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context as _;

use super::plan::CHANNELS;
use crate::secret::random_token;

/// Below the ports that systems give to outgoing connections (32768 and up): while its service is down, none must take it.
const FIRST_PORT: u32 = 10_000;
const PORTS: u32 = 20_000;
const STRIDE: u32 = 787;

/// What the processes of a run share.
#[derive(Debug, Clone)]
pub struct Written {
    /// The folder of the run.
    pub dir: PathBuf,
    /// Resources.
    pub config: PathBuf,
    /// With what deliveries are signed.
    pub secret: String,
    /// The gateway's public address.
    pub public: String,
}

/// The repository of a channel: rules tell the channels apart by it.
pub fn repository(channel: u64) -> String {
    format!("soak/r{channel:02}")
}

/// Writes resources and secrets: one Source, and for each channel a Channel and a rule.
pub fn write(dir: &Path, receiver: &str) -> anyhow::Result<Written> {
    let config = dir.join("config");
    let (source, take, ask) = (dir.join("secret"), dir.join("take-url"), dir.join("ask-url"));
    let secret = random_token();
    for (path, text) in [
        (&source, secret.clone()),
        (&take, format!("http://{receiver}/take")),
        (&ask, format!("http://{receiver}/ask/{{id}}")),
        (&config.join("resources.yaml"), resources(&source, &take, &ask)),
    ] {
        let parent = path.parent().unwrap_or(dir);
        fs::create_dir_all(parent).with_context(|| format!("cannot make the folder {}", parent.display()))?;
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(Written { dir: dir.to_owned(), config, secret, public: free()? })
}

fn resources(source: &Path, take: &Path, ask: &Path) -> String {
    let (source, take, ask) = (source.display(), take.display(), ask.display());
    let mut text = format!(
        "apiVersion: signalbox.dev/v1alpha1\nkind: Source\nmetadata: {{name: github}}\n\
         spec: {{github: {{secrets: [{{file: '{source}'}}]}}}}\n"
    );
    for channel in 0..CHANNELS {
        let repository = repository(channel);
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "---\napiVersion: signalbox.dev/v1alpha1\nkind: Channel\nmetadata: {{name: c{channel:02}}}\n\
             spec: {{webhook: {{url: {{file: '{take}'}}, ask: {{file: '{ask}'}}}}}}\n\
             ---\napiVersion: signalbox.dev/v1alpha1\nkind: Automation\nmetadata: {{name: tell-c{channel:02}}}\n\
             spec:\n  on: [{{type: com.github.push, source: '*/{repository}'}}]\n  \
             do: [{{notify: {{channel: c{channel:02}, text: '{{{{ data.n }}}}'}}}}]\n"
        );
    }
    text
}

/// An address on loopback that is free, and given to nobody else in this process. It is bound again and again during the
/// run, always by the same service.
pub fn free() -> anyhow::Result<String> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..PORTS {
        // Runs side by side begin at different places.
        let offset = (std::process::id().wrapping_mul(STRIDE) + NEXT.fetch_add(1, Ordering::SeqCst)) % PORTS;
        let address = format!("127.0.0.1:{}", FIRST_PORT + offset);
        if TcpListener::bind(&address).is_ok() {
            return Ok(address);
        }
    }
    anyhow::bail!("none of the ports from {FIRST_PORT} on is free on loopback")
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_it_declares_is_right() {
        let dir = tempfile::tempdir().expect("a temp folder can be made");
        let written = super::write(dir.path(), "127.0.0.1:9").expect("it can be written");
        let loaded = resources::load_dir(&written.config).expect("it can be loaded");
        assert_eq!(loaded.catalog.channels.len(), 64);
        assert_eq!(loaded.catalog.automations.len(), 64);
        assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    }
}
