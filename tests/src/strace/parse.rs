//! The lines of strace: `PID name(arguments) = result`, in two pieces where another thread came in between.

use std::collections::HashMap;

use anyhow::{Context as _, bail};

use super::{Call, Trace};

const UNFINISHED: &str = " <unfinished ...>";

impl Trace {
    /// What strace wrote; a last line that it has not written to its end does not count.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let mut calls: Vec<Call> = Vec::new();
        let mut open: HashMap<&str, usize> = HashMap::new();
        for (at, line) in whole.lines().enumerate() {
            let failed = || format!("line {} is not strace's: {line}", at + 1);
            let (process, what) = line.split_once(' ').with_context(failed)?;
            let what = what.trim_start();
            if what.starts_with("+++") || what.starts_with("---") {
                continue;
            }
            if let Some(resumed) = what.strip_prefix("<... ") {
                let (_, rest) = resumed.split_once(" resumed>").with_context(failed)?;
                let call =
                    open.remove(process).and_then(|index| calls.get_mut(index)).with_context(failed)?;
                let (arguments, result) = end(rest).with_context(failed)?;
                call.arguments.push_str(arguments);
                (call.result, call.ended) = (Some(result.to_owned()), at);
                continue;
            }
            let (name, rest) = what.split_once('(').with_context(failed)?;
            let mut call = Call {
                name: name.to_owned(),
                arguments: String::new(),
                result: None,
                begun: at,
                ended: usize::MAX,
            };
            if let Some(arguments) = rest.strip_suffix(UNFINISHED) {
                arguments.clone_into(&mut call.arguments);
                if open.insert(process, calls.len()).is_some() {
                    bail!("the process {process} is at two calls at once: {}", failed());
                }
            } else {
                let (arguments, result) = end(rest).with_context(failed)?;
                arguments.clone_into(&mut call.arguments);
                (call.result, call.ended) = (Some(result.to_owned()), at);
            }
            calls.push(call);
        }
        Ok(Self(calls))
    }
}

/// The end of the arguments, and the result. What is written may have a `) = ` in it; the result has none, although the
/// path of a descriptor may have a `=`.
fn end(rest: &str) -> Option<(&str, &str)> {
    let (arguments, result) = rest.rsplit_once(" = ")?;
    Some((arguments.trim_end().strip_suffix(')')?, result.trim()))
}

/// The path of a descriptor at the beginning of the arguments: `5</path>, …`.
pub(super) fn path_of(arguments: &str) -> Option<&str> {
    let (descriptor, rest) = arguments.split_once('<')?;
    descriptor.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
    rest.split_once('>').map(|(path, _)| path)
}

/// The names between quotation marks; for the paths of a test, which have none in them.
pub(super) fn names(arguments: &str) -> Vec<&str> {
    arguments.split('"').skip(1).step_by(2).collect()
}
