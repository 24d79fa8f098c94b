//! Nothing is left behind, however a test program ends: by itself, by a panic or by SIGKILL.
//!
//! Statics are not dropped, and a killed program drops nothing. So a shell waits at the other end of a pipe: it is told
//! what was started, and when the pipe closes, which the kernel sees to, it kills what is still there.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::Context as _;

const SCRIPT: &str = r#"
trap '' HUP INT TERM
groups=' '
folders=
mounts=
while read -r what which; do
  case $what in
    started) groups="$groups$which " ;;
    ended) groups="${groups%% $which *} ${groups#* $which }" ;;
    folder) folders="$folders$which
" ;;
    mount) mounts="$mounts$which
" ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group"; done 2>/dev/null
IFS='
'
set -f
for mount in $mounts; do umount -l -- "$mount"; done 2>/dev/null
# A process that was just killed may still have been writing.
for folder in $folders; do rm -rf -- "$folder" || { sleep 1; rm -rf -- "$folder"; }; done 2>/dev/null
"#;

static PIPE: OnceLock<Result<Mutex<ChildStdin>, String>> = OnceLock::new();

/// A process group that is killed at the latest when this program ends.
pub fn started(group: u32) -> anyhow::Result<()> {
    tell(&format!("started {group}\n"))
}

/// The process group has ended: its number may soon belong to somebody else.
pub fn ended(group: u32) -> anyhow::Result<()> {
    tell(&format!("ended {group}\n"))
}

/// A folder that is removed at the latest when this program ends.
pub fn folder(path: &Path) -> anyhow::Result<()> {
    tell(&format!("folder {}\n", path.display()))
}

/// A file system that is unmounted at the latest when this program ends.
pub fn mount(path: &Path) -> anyhow::Result<()> {
    tell(&format!("mount {}\n", path.display()))
}

fn tell(line: &str) -> anyhow::Result<()> {
    let pipe = PIPE.get_or_init(|| start().map(Mutex::new).map_err(|error| format!("{error:#}")));
    let pipe = pipe.as_ref().map_err(|error| anyhow::anyhow!("the watchdog does not run: {error}"))?;
    // Poison means that another test has panicked; a line is still written whole.
    let mut pipe = pipe.lock().unwrap_or_else(PoisonError::into_inner);
    pipe.write_all(line.as_bytes()).context("the watchdog has ended")
}

fn start() -> anyhow::Result<ChildStdin> {
    let mut shell = Command::new("sh");
    shell.args(["-c", SCRIPT, "watchdog"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    // In a group of its own, Ctrl-C does not reach it.
    let mut shell = shell.process_group(0).spawn().context("cannot start `sh`")?;
    shell.stdin.take().context("it has no standard input")
}

#[cfg(test)]
mod tests;
