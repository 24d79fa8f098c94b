//! Points at which a test can have the process killed, exactly there and without a race; and ports that fail where a test
//! says.

#[cfg(feature = "failpoints")]
pub mod memory;

/// Kills this process with SIGKILL if the environment variable `SIGNALBOX_KILL_AT` names `point` and the program was
/// built with the feature `failpoints`; otherwise does nothing.
#[cfg(feature = "failpoints")]
pub fn hit(point: &str) {
    if std::env::var("SIGNALBOX_KILL_AT").is_ok_and(|at| at == point) {
        tracing::warn!(point, "killing this process, as SIGNALBOX_KILL_AT says");
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        // SIGKILL is on its way; nothing more of this thread should run.
        loop {
            std::thread::park();
        }
    }
}

/// Does nothing: this program was built without the feature `failpoints`.
#[cfg(not(feature = "failpoints"))]
pub fn hit(_point: &str) {}
