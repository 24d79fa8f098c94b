//! The demo's resources and secrets, written into its folder as a user would write them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::secret::random_token;

/// Resources; `@FOLDER@` stands for the demo's folder.
const FILES: &[(&str, &str)] = &[
    ("sources.yaml", include_str!("../../demo/config/sources.yaml")),
    ("my-app.yaml", include_str!("../../demo/config/my-app.yaml")),
    ("automations.yaml", include_str!("../../demo/config/automations.yaml")),
    ("channels.yaml", include_str!("../../demo/config/channels.yaml")),
];

/// What the demo shares with its senders.
pub struct Secrets {
    /// The webhook secret at GitHub.
    pub github: String,
    /// The bearer token at Alertmanager.
    pub alertmanager: String,
}

/// Writes `config/` and `secrets/`; returns the folder with the resources.
pub fn write(folder: &Path, chat_url: &str) -> anyhow::Result<(PathBuf, Secrets)> {
    let secrets = Secrets { github: random_token(), alertmanager: random_token() };
    let private = folder.join("secrets");
    for (name, text) in [
        ("github", secrets.github.as_str()),
        ("alertmanager", &secrets.alertmanager),
        ("slack-url", chat_url),
    ] {
        let path = put(&private.join(name), text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
            .with_context(|| format!("cannot make {} private", path.display()))?;
    }
    let config = folder.join("config");
    for (name, text) in FILES {
        put(&config.join(name), &text.replace("@FOLDER@", &folder.display().to_string()))?;
    }
    Ok((config, secrets))
}

fn put(path: &Path, text: &str) -> anyhow::Result<PathBuf> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make the folder {}", parent.display()))?;
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use resources::load_dir;

    #[test]
    fn the_resources_of_the_demo_are_right_without_a_warning() {
        let folder = tempfile::tempdir().expect("a temp folder can be made");
        let (config, _) = super::write(folder.path(), "http://127.0.0.1:1/x").expect("it is written");
        let loaded = load_dir(&config).unwrap_or_else(|problems| panic!("{problems}"));
        assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
        assert_eq!(loaded.catalog.automations.len(), 4);
    }
}
