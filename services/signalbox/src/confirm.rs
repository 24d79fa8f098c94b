//! Asks a person before much is done at once.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, anyhow};

use crate::exit::{Exit, Stop};

/// Goes on if `yes` was given, or if a person at the terminal says so; without a terminal, `--yes` is asked for.
pub fn confirm(yes: bool, question: &str) -> Result<(), Stop> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        let error = anyhow!("{question} There is no terminal to ask at: add --yes");
        return Err(Stop::with(Exit::Usage, error));
    }
    // On the stream that is not the answer.
    write!(io::stderr(), "{question} [y/N] ").context("cannot ask")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).context("cannot read the answer")?;
    if is_yes(&answer) { Ok(()) } else { Err(Stop::with(Exit::Failed, anyhow!("nothing was done"))) }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::{confirm, is_yes};
    use crate::exit::{Exit, Stop};

    #[test]
    fn only_a_yes_is_a_yes() {
        for (answer, yes) in
            [("y\n", true), ("Yes\n", true), ("\n", false), ("", false), ("n\n", false), ("yeah\n", false)]
        {
            assert_eq!(is_yes(answer), yes, "{answer:?}");
        }
    }

    #[test]
    fn without_a_terminal_it_has_to_be_said_before() {
        assert!(confirm(true, "Do it?").is_ok());
        // Tests have no terminal as their input, or this would wait.
        if !std::io::IsTerminal::is_terminal(&std::io::stdin()) {
            assert!(matches!(confirm(false, "Do it?"), Err(Stop::Error(Exit::Usage, _))));
        }
    }
}
