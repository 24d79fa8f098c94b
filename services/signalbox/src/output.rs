//! Answers on standard output: with colours for people, quiet on a closed pipe, and without the control characters that
//! a stranger's event may hold.

use std::fmt;
use std::io::{self, ErrorKind, IsTerminal as _, Write};

use console::RenderOptions;
use rustix::event::{PollFd, PollFlags, Timespec};

use crate::exit::Stop;

/// Where an answer goes.
pub struct Output {
    to: Box<dyn Write + Send>,
    colour: bool,
    is_stdout: bool,
}

/// How a piece of text stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Heads and names.
    Bold,
    /// What is beside the point.
    Dim,
    /// Went well.
    Green,
    /// Went wrong.
    Red,
    /// Look here.
    Yellow,
}

impl Output {
    /// Standard output; with colours on a terminal, unless the environment has `NO_COLOR` (<https://no-color.org>).
    pub fn stdout() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let colour = io::stdout().is_terminal() && !refused && !dumb;
        Self { to: Box::new(io::stdout()), colour, is_stdout: true }
    }

    /// Somewhere else, without colours.
    #[cfg(test)]
    pub fn to(to: impl Write + Send + 'static) -> Self {
        Self { to: Box::new(to), colour: false, is_stdout: false }
    }

    /// How the console's texts are written here.
    pub fn render_options(&self) -> RenderOptions {
        RenderOptions { color: self.colour, ..RenderOptions::default() }
    }

    /// Writes a line, at once.
    pub fn line(&mut self, line: impl fmt::Display) -> Result<(), Stop> {
        self.raw(format_args!("{line}\n"))
    }

    /// Writes text as it is, at once.
    pub fn raw(&mut self, text: fmt::Arguments<'_>) -> Result<(), Stop> {
        let written = self.to.write_fmt(text).and_then(|()| self.to.flush());
        written.map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Stop::ClosedPipe,
            _ => anyhow::Error::new(error).context("cannot write the answer").into(),
        })
    }

    /// Whether nobody reads any more; so that a command that waits for something to say need not wait for it to learn
    /// this (`signalbox events tail | head -1`).
    pub fn is_closed(&self) -> bool {
        if !self.is_stdout {
            return false;
        }
        let stdout = rustix::stdio::stdout();
        // No events are asked for: of these two the system tells unasked.
        let mut watched = [PollFd::from_borrowed_fd(stdout, PollFlags::empty())];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let polled = rustix::event::poll(&mut watched, Some(&at_once));
        polled.is_ok() && watched[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
    }

    /// The text in a style, or as it is where there are no colours.
    pub fn styled(&self, style: Style, text: impl fmt::Display) -> String {
        if !self.colour {
            return text.to_string();
        }
        let code = match style {
            Style::Bold => 1,
            Style::Dim => 2,
            Style::Green => 32,
            Style::Red => 31,
            Style::Yellow => 33,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// The text without control characters, line breaks and tabs aside: an event of a stranger must not drive a terminal.
pub fn harmless(text: &str) -> String {
    let visible = |c: char| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c };
    text.chars().map(visible).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::{self, ErrorKind, Write};
    use std::sync::{Arc, Mutex};

    use super::{Output, Style, harmless};
    use crate::exit::Stop;

    /// Keeps what is written.
    #[derive(Clone, Default)]
    pub(crate) struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Paper {
        pub(crate) fn text(&self) -> String {
            String::from_utf8_lossy(&self.0.lock().expect("nobody panics with the lock")).into_owned()
        }
    }

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("nobody panics with the lock").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Failing(ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn a_closed_pipe_ends_quietly_and_a_full_disk_does_not() {
        let closed = Output::to(Failing(ErrorKind::BrokenPipe)).line("x");
        assert!(matches!(closed, Err(Stop::ClosedPipe)));
        let full = Output::to(Failing(ErrorKind::StorageFull)).line("x");
        assert!(matches!(full, Err(Stop::Error(..))));
    }

    #[test]
    fn what_is_not_a_terminal_gets_no_colours() {
        assert_eq!(Output::to(io::sink()).styled(Style::Red, "failed"), "failed");
    }

    #[test]
    fn an_event_cannot_drive_the_terminal() {
        assert_eq!(harmless("a\x1b[2Jb\u{9b}c\r\nd\té"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}\nd\té");
    }
}
