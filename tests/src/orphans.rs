//! A test file that no `mod` names is never compiled.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

/// Errs when `folder` holds a `.rs` file that its `main.rs`, or the file beside its folder, does not name by a `mod`.
pub fn check(folder: &str) -> anyhow::Result<()> {
    let folder = Path::new(folder);
    let mut orphans = Vec::new();
    look(folder, &folder.join("main.rs"), &mut orphans)?;
    anyhow::ensure!(orphans.is_empty(), "these files are named by no `mod`: {}", orphans.join(", "));
    Ok(())
}

fn look(folder: &Path, parent: &Path, orphans: &mut Vec<String>) -> anyhow::Result<()> {
    let text = fs::read_to_string(parent).with_context(|| format!("cannot read {}", parent.display()))?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path == parent || path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !text.lines().any(|line| line.trim_start_matches("pub ").trim() == format!("mod {name};")) {
            orphans.push(path.display().to_string());
        }
        let below = folder.join(&name);
        if below.is_dir() {
            look(&below, &path, orphans)?;
        }
    }
    Ok(())
}
