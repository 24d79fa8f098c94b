//! Where the pinned servers are.

use std::env;
use std::path::PathBuf;

/// The versions, shared with `tests/run`.
const VERSIONS: &str = include_str!("../tools/versions.env");

/// The program `name`: the one that `tests/run --install` built at the pinned version, or else the one on the PATH.
pub fn find(name: &str) -> anyhow::Result<PathBuf> {
    let version = version(name);
    if let Some(version) = &version {
        let built = cache()?.join(format!("{name}-{version}")).join(name);
        if built.is_file() {
            return Ok(built);
        }
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file());
    on_path.ok_or_else(|| {
        let wanted = version.map(|version| format!(" {version}")).unwrap_or_default();
        anyhow::anyhow!(
            "{name}{wanted} is not there: run `tests/run --install`, which builds it, or put it on the PATH"
        )
    })
}

/// The pinned version of a program: `NATS_SERVER=2.15.2` for `nats-server`.
pub fn version(name: &str) -> Option<String> {
    let key = format!("{}=", name.to_uppercase().replace('-', "_"));
    VERSIONS.lines().find_map(|line| line.strip_prefix(&key)).map(str::to_owned)
}

/// The folder of the pinned servers.
pub fn cache() -> anyhow::Result<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    let cache = cache.ok_or_else(|| anyhow::anyhow!("neither XDG_CACHE_HOME nor HOME is set"))?;
    Ok(cache.join("signalbox").join("tools"))
}

/// Whether `tests/run` found that this program cannot be had here, and said so.
pub fn without(program: &str) -> bool {
    env::var("SIGNALBOX_TEST_WITHOUT").is_ok_and(|without| without.split(',').any(|name| name == program))
}
