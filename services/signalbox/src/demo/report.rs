//! What the demo prints.

use std::time::Duration;

use chassis::dead::DeadLetters;

use super::deliveries::Answer;
use crate::exit::Stop;
use crate::output::{Output, Style, harmless};
use crate::serve::Server;

/// What is going to happen.
pub(super) fn head(out: &mut Output) -> Result<(), Stop> {
    title("What is posted to the gateway, and what it answers", out)
}

/// What was posted and what was answered.
pub(super) fn answer(what: &str, answer: &Answer, out: &mut Output) -> Result<(), Stop> {
    let Answer { status, body } = answer;
    let style = if status.is_success() { Style::Green } else { Style::Yellow };
    let status = out.styled(style, status.as_u16());
    out.line(format_args!("  {what:<34} {status}  {}", harmless(body)))
}

/// The story of an event, as `signalbox events story` tells it.
pub(super) async fn story(id: &str, server: &Server, out: &mut Output) -> Result<(), Stop> {
    let dead = DeadLetters::new(server.store().clone());
    let story = console::query::story(&**server.bus(), &dead, id).await?;
    title("The story of the delivery: signalbox events story", out)?;
    for line in story.render(out.render_options()).lines() {
        out.line(format_args!("  {line}"))?;
    }
    Ok(())
}

/// The commit that was pushed.
pub(super) fn commit(commit: &str, out: &mut Output) -> Result<(), Stop> {
    title("The commit in the GitOps repository", out)?;
    for line in harmless(commit).lines() {
        let styled = match line.as_bytes().first() {
            Some(b'+') => out.styled(Style::Green, line),
            Some(b'-') => out.styled(Style::Red, line),
            _ => line.to_owned(),
        };
        out.line(format_args!("  {styled}").to_string().trim_end())?;
    }
    Ok(())
}

/// What people were told.
pub(super) fn messages(messages: &[String], out: &mut Output) -> Result<(), Stop> {
    title("What the team was told in the chat", out)?;
    for message in messages {
        out.line(format_args!("  {}", harmless(message).replace('\n', "\n  ")))?;
    }
    Ok(())
}

/// The end.
pub(super) fn end(took: Duration, keep: bool, out: &mut Output) -> Result<(), Stop> {
    let verdict = out.styled(Style::Green, "done");
    out.line(format_args!(
        "\n{verdict} in {:.1} s: one build, told twice, was one commit and one message.",
        took.as_secs_f64()
    ))?;
    if keep {
        return Ok(());
    }
    title("Where to look next", out)?;
    for (command, what) in [
        ("signalbox demo --keep", "the same, and it stays to be tried by hand"),
        ("signalbox check config/", "are my own resources right?"),
        ("signalbox serve", "run it, with the bus in ./data and the resources in ./config"),
        ("signalbox --help", "everything else"),
    ] {
        out.line(format_args!("  {command:<26} {what}"))?;
    }
    Ok(())
}

pub(super) fn title(text: &str, out: &mut Output) -> Result<(), Stop> {
    let text = out.styled(Style::Bold, text);
    out.line(format_args!("\n{text}"))
}
