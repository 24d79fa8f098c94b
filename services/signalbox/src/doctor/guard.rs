//! A process that ends with the one that started it, however that ends.
//!
//! The guard starts the program and waits at a pipe whose other end its parent holds. When the pipe closes, which the
//! kernel sees to, the program is killed. This works wherever there are pipes, without a signal handler in the parent.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::{Exit, Stop};

/// Written to the guard, this asks the program to end, as `kill` does.
pub const TERMINATE: u8 = b't';
/// What the guard of a file system says when it is mounted.
pub const MOUNTED: &str = "mounted";

/// Runs a program until it ends or standard input does.
#[expect(clippy::disallowed_methods, reason = "except: the soak runs this program and a NATS server")]
pub async fn run(command: &[OsString]) -> Result<Exit, Stop> {
    deaf()?;
    let (program, arguments) = command.split_first().context("there is no program to guard")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let mut stdin = tokio::io::stdin();
    loop {
        tokio::select! {
            ended = child.wait() => return Ok(as_its(ended.context("cannot wait for the program")?)),
            byte = stdin.read_u8() => match byte {
                Ok(TERMINATE) => terminate(child.id()),
                Ok(_) => {}
                Err(_closed) => {
                    child.kill().await.context("cannot kill the program")?;
                    return Ok(Exit::Done);
                }
            },
        }
    }
}

/// Has a file system in memory there until standard input ends.
pub async fn mount(bytes: u64, at: &Path) -> Result<Exit, Stop> {
    deaf()?;
    mounting::mount(bytes, at).with_context(|| format!("cannot mount a tmpfs at {}", at.display()))?;
    println!("{MOUNTED}");
    let _closed = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
    mounting::unmount(at).with_context(|| format!("cannot unmount {}", at.display()))?;
    Ok(Exit::Done)
}

/// A signal is for the parent to answer: a guard that ended by it would leave its program behind.
fn deaf() -> anyhow::Result<()> {
    for kind in [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()] {
        let mut ignored = signal(kind).context("cannot listen for signals")?;
        tokio::spawn(async move { while ignored.recv().await.is_some() {} });
    }
    Ok(())
}

fn terminate(id: Option<u32>) {
    let pid = id.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    // It may have ended by itself: then there is nothing to ask.
    let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
}

/// The guard ends as its program did, as far as a code can tell.
fn as_its(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(0), _) => Exit::Done,
        (Some(2), _) => Exit::Usage,
        (Some(3), _) => Exit::Unreachable,
        (Some(_) | None, _) => Exit::Failed,
    }
}

#[cfg(target_os = "linux")]
mod mounting {
    use std::path::Path;

    use rustix::mount::{MountFlags, UnmountFlags};

    pub fn mount(bytes: u64, at: &Path) -> std::io::Result<()> {
        let flags = MountFlags::NODEV | MountFlags::NOSUID | MountFlags::NOEXEC;
        let data = std::ffi::CString::new(format!("size={bytes},mode=0700"))?;
        Ok(rustix::mount::mount("tmpfs", at, "tmpfs", flags, Some(data.as_c_str()))?)
    }

    pub fn unmount(at: &Path) -> std::io::Result<()> {
        // Detached: a process that is being killed may still have a file open.
        Ok(rustix::mount::unmount(at, UnmountFlags::DETACH)?)
    }
}

#[cfg(not(target_os = "linux"))]
mod mounting {
    use std::io::{Error, ErrorKind};
    use std::path::Path;

    pub fn mount(_bytes: u64, _at: &Path) -> std::io::Result<()> {
        Err(Error::new(ErrorKind::Unsupported, "this system has no tmpfs"))
    }

    pub fn unmount(_at: &Path) -> std::io::Result<()> {
        Ok(())
    }
}
