//! Where the pinned servers are.

use std::env;
use std::path::PathBuf;

use anyhow::Context as _;

/// The versions, shared with `tests/tools/install`.
const VERSIONS: &str = include_str!("../tools/versions.env");

/// The program of the tool of the same name.
pub fn find(tool: &str) -> anyhow::Result<PathBuf> {
    find_in(tool, tool)
}

/// A program of a tool: the one that `tests/run --install` built at the pinned version, or else the one on the PATH.
pub fn find_in(tool: &str, program: &str) -> anyhow::Result<PathBuf> {
    let version = version(tool);
    if let Some(version) = &version {
        let built = cache()?.join(format!("{tool}-{version}")).join(program);
        if built.is_file() {
            return Ok(built);
        }
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).map(|folder| folder.join(program)).find(|found| found.is_file());
    on_path.with_context(|| match version {
        Some(version) => format!(
            "{program} {version} is not there: run `tests/run --install`, which builds it, or put it on the PATH"
        ),
        None => format!("{program} is not on the PATH"),
    })
}

/// A folder of a tool that `tests/run --install` put there.
pub fn folder(tool: &str, name: &str) -> anyhow::Result<PathBuf> {
    let version = version(tool).with_context(|| format!("{tool} has no version"))?;
    let folder = cache()?.join(format!("{tool}-{version}")).join(name);
    anyhow::ensure!(folder.is_dir(), "{tool} {version} is not there: run `tests/run --install`");
    Ok(folder)
}

/// The pinned version of a tool: `NATS_SERVER=2.15.2` for `nats-server`.
pub fn version(tool: &str) -> Option<String> {
    let key = format!("{}=", tool.to_uppercase().replace('-', "_"));
    VERSIONS.lines().find_map(|line| line.strip_prefix(&key)).map(str::to_owned)
}

/// The folder of the pinned servers.
pub fn cache() -> anyhow::Result<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    Ok(cache.context("neither XDG_CACHE_HOME nor HOME is set")?.join("signalbox").join("tools"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_server_has_a_version() {
        for tool in [
            "nats-server",
            "cloudevents-go",
            "cloudevents-python",
            "kubernetes",
            "kine",
            "kwok",
            "helm",
            "argocd",
            "alertmanager",
            "prometheus",
            "informers",
        ] {
            assert!(super::version(tool).is_some(), "{tool}");
        }
        assert_eq!(super::version("nats"), None);
    }

    #[test]
    fn what_is_missing_says_how_to_get_it() {
        let error = super::find_in("argocd", "argocd-nonsense").expect_err("there is no such program");
        assert!(error.to_string().contains("tests/run --install"), "{error}");
    }
}
