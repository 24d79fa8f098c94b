//! `signalbox events story`.

use console::Story;
use serde_json::Value;

use super::{Query, escape};
use crate::exit::{Exit, Stop};
use crate::output::Output;

/// Prints the story that an event belongs to.
pub async fn run(query: &Query, id: &str, json: bool, out: &mut Output) -> Result<Exit, Stop> {
    let path = format!("/api/v1/events/{}/story", escape(id));
    if json {
        let story: Value = query.get(&path).await?;
        out.line(format_args!("{story:#}"))?;
    } else {
        let story: Story = query.get(&path).await?;
        let text = story.render(out.render_options());
        out.line(text.trim_end())?;
    }
    Ok(Exit::Done)
}
