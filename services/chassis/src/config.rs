//! Settings: one file, then environment variables, then flags; a later one wins, key by key.
//!
//! A key that no setting has is an error wherever it stands, and every error names the place: `file:line:column`, the
//! variable, or the flag. The environment is a parameter, read once at the edge.

mod deserialize;
mod env;
mod error;
mod file;
mod node;

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

pub use error::{ConfigError, closest};

/// What the name of every environment variable with a setting begins with.
pub const PREFIX: &str = "SIGNALBOX_";

/// Reads the settings from `file`, the variables of `env` that begin with [`PREFIX`], and `flags`, in that order.
///
/// - Variables: `SIGNALBOX_LISTEN__PUBLIC=…` sets `listen.public` (two underscores go one level down). A setting that
///   is text gets the value as it is; any other is read as a YAML scalar, a list as its items between commas. An empty
///   variable counts as not set. What Kubernetes sets for a Service called `signalbox` is passed over.
/// - `flags`: an object of the same shape as the file; `null` counts as not given.
///
/// ```
/// use serde::Deserialize;
///
/// #[derive(Debug, Deserialize)]
/// #[serde(default, deny_unknown_fields)]
/// struct Settings { port: u16, name: String }
/// impl Default for Settings {
///     fn default() -> Self { Self { port: 8080, name: "one".to_owned() } }
/// }
///
/// let env = [("SIGNALBOX_PORT".to_owned(), "80".to_owned()), ("HOME".to_owned(), "/".to_owned())];
/// let settings: Settings = chassis::config::load(None, env.into_iter(), serde_json::json!({"name": "two"}))?;
/// assert_eq!((settings.port, settings.name.as_str()), (80, "two"));
///
/// let env = [("SIGNALBOX_PROT".to_owned(), "80".to_owned())];
/// let error = chassis::config::load::<Settings>(None, env.into_iter(), serde_json::Value::Null).unwrap_err();
/// assert_eq!(error.to_string(), "SIGNALBOX_PROT: there is no setting `prot`; did you mean SIGNALBOX_PORT?");
/// # Ok::<(), chassis::config::ConfigError>(())
/// ```
pub fn load<T: DeserializeOwned>(
    file: Option<&Path>,
    env: impl Iterator<Item = (String, String)>,
    flags: Value,
) -> Result<T, ConfigError> {
    let mut tree = node::Node::empty();
    if let Some(path) = file {
        tree.overlay(file::read(path)?)?;
    }
    tree.overlay(env::parse(env)?)?;
    tree.overlay(node::Node::of_flags(flags))?;
    Ok(T::deserialize(tree)?)
}

#[cfg(test)]
mod tests;
