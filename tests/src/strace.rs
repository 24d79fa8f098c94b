//! What a program asked of the kernel, as `strace -f -y` wrote it down, and whether it was durable before it was answered.

mod parse;

use std::path::Path;

use anyhow::{Context as _, ensure};

/// The calls that say what is written, what is synced, and what has which name.
pub const CALLS: &str = "trace=write,writev,pwrite64,pwritev,sendto,sendmsg,fsync,fdatasync,rename,renameat,renameat2,\
    openat,close,ftruncate";

/// A call, from the line at which it began to the one at which it had ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub name: String,
    /// What was given, as strace shows it.
    pub arguments: String,
    /// What was returned, as strace shows it; none when it had not ended.
    pub result: Option<String>,
    begun: usize,
    ended: usize,
}

/// All calls, in the order in which they began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace(Vec<Call>);

impl Call {
    /// Whether it has ended, and not with an error.
    fn is_done(&self) -> bool {
        self.result.as_ref().is_some_and(|result| !result.starts_with('-') && !result.starts_with('?'))
    }

    fn is_write(&self) -> bool {
        ["write", "writev", "pwrite64", "pwritev", "sendto", "sendmsg"].contains(&self.name.as_str())
    }

    /// The file that its first argument is.
    pub fn file(&self) -> Option<&str> {
        parse::path_of(&self.arguments)
    }

    /// Whether it gave bytes that have this text to a file whose path has that.
    fn writes(&self, text: &str, file: &str) -> bool {
        self.is_write()
            && self.arguments.contains(text)
            && self.file().is_some_and(|path| path.contains(file))
    }

    /// Whether it had ended before the other one began.
    fn is_before(&self, other: &Call) -> bool {
        self.ended < other.begun
    }
}

impl Trace {
    /// The call that said this, on whatever file or socket.
    pub fn answer(&self, text: &str) -> anyhow::Result<&Call> {
        self.0.iter().find(|call| call.writes(text, "")).with_context(|| format!("nobody was told `{text}`"))
    }

    /// The call that began the line `answered …` on the standard output.
    pub fn answered(&self, what: &str) -> anyhow::Result<&Call> {
        self.answer(&format!("\"answered {what}\\n\""))
    }

    /// Bytes with this text were written to a file whose path has `file`, after `since` if it is given, and that file was
    /// synced after them, before `answer` began. Returns the first such write.
    pub fn kept<'a>(
        &'a self,
        text: &str,
        file: &str,
        since: Option<&Call>,
        answer: &Call,
    ) -> anyhow::Result<&'a Call> {
        let in_time =
            |call: &&Call| since.is_none_or(|since| since.is_before(call)) && call.is_before(answer);
        let mut writes = self.0.iter().filter(|call| call.writes(text, file)).filter(in_time);
        let write =
            writes.next().with_context(|| format!("`{text}` was not written before it was answered"))?;
        ensure!(write.is_done(), "`{text}` could not be written: {write:?}");
        let path = write.file().context("what is written to has a path")?;
        let synced = self.0.iter().any(|call| {
            is_sync(call, path) && call.is_done() && write.is_before(call) && call.is_before(answer)
        });
        ensure!(synced, "{path} was not synced between the write of `{text}` and its answer");
        Ok(write)
    }

    /// The file was made, and the folder that has it was synced after that, before `answer` began.
    pub fn named(&self, path: &str, answer: &Call) -> anyhow::Result<()> {
        let made = |call: &&Call| {
            call.name == "openat"
                && call.arguments.contains("O_CREAT")
                && call.arguments.contains(&format!("\"{path}\""))
        };
        let made = self.0.iter().find(made).with_context(|| format!("nobody made {path}"))?;
        self.folder_synced(parent(path)?, made, answer)
    }

    /// The file with these bytes was synced, then renamed, and then the folder that it is in was synced, and each above it
    /// up to `root`, before `answer` began. Returns the path that it has then.
    pub fn moved(&self, text: &str, file: &str, root: &str, answer: &Call) -> anyhow::Result<String> {
        let write = self.0.iter().find(|call| call.writes(text, file));
        let part = write.and_then(Call::file).with_context(|| format!("nobody wrote `{text}` there"))?;
        let renamed = |call: &&Call| {
            call.name.starts_with("rename")
                && parse::names(&call.arguments).first().is_some_and(|old| *old == part)
        };
        let rename = self.0.iter().find(renamed).with_context(|| format!("nobody renamed {part}"))?;
        ensure!(rename.is_done(), "{part} could not be renamed: {rename:?}");
        self.kept(text, file, None, rename).context("before it was renamed")?;
        let path = parse::names(&rename.arguments).last().copied().context("it has a new name")?.to_owned();
        let mut folder = parent(&path)?;
        loop {
            self.folder_synced(folder, rename, answer)?;
            if folder == root {
                return Ok(path);
            }
            ensure!(folder.starts_with(root), "{path} is not in {root}");
            folder = parent(folder)?;
        }
    }

    fn folder_synced(&self, folder: &str, since: &Call, answer: &Call) -> anyhow::Result<()> {
        let synced = self.0.iter().any(|call| {
            is_sync(call, folder) && call.is_done() && since.is_before(call) && call.is_before(answer)
        });
        ensure!(synced, "the folder {folder} was not synced between `{}` and the answer", since.arguments);
        Ok(())
    }
}

fn is_sync(call: &Call, path: &str) -> bool {
    ["fsync", "fdatasync"].contains(&call.name.as_str()) && call.file() == Some(path)
}

fn parent(path: &str) -> anyhow::Result<&str> {
    Path::new(path).parent().and_then(Path::to_str).with_context(|| format!("{path} has no folder"))
}

#[cfg(test)]
mod tests;
