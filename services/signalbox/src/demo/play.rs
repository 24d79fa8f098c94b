//! The play: four deliveries, and what comes of them.

use anyhow::{Context as _, ensure};
use events::Kind;
use reqwest::StatusCode;

use super::Stage;
use super::deliveries::Answer;
use super::report;
use crate::exit::Stop;
use crate::output::Output;

/// Plays it, and prints each part when it is over.
pub(super) async fn play(stage: &mut Stage, out: &mut Output) -> Result<(), Stop> {
    report::head(out)?;
    let Stage { repository, chat, senders, server, follower } = stage;

    let first = senders.workflow_run().await?;
    report::answer("GitHub: a workflow has completed", &first, out)?;
    expect(&first, StatusCode::ACCEPTED)?;
    let again = senders.workflow_run().await?;
    report::answer("GitHub: the same delivery again", &again, out)?;
    expect(&again, StatusCode::ACCEPTED)?;
    let forged = senders.forged_workflow_run().await?;
    report::answer("somebody without the secret", &forged, out)?;
    expect(&forged, StatusCode::UNAUTHORIZED)?;
    let alert = senders.alert().await?;
    report::answer("Alertmanager: an alert is firing", &alert, out)?;
    expect(&alert, StatusCode::ACCEPTED)?;

    let root = senders.delivery();
    follower.until(root, Kind::DeploySucceeded, 1).await.context("the deploy did not succeed")?;
    follower.until(root, Kind::NotificationSent, 1).await.context("the team was not told of the deploy")?;
    // One for the delivery, one for the end of the deploy.
    follower.until(root, Kind::AutomationEvaluated, 2).await.context("the rules were not explained")?;
    let alert = follower.first(Kind::AlertFiring).await.context("the alert is not on the bus")?;
    follower
        .until(alert.id(), Kind::NotificationSent, 1)
        .await
        .context("the team was not told of the alert")?;

    report::story(root, server, out).await?;
    report::commit(&repository.last_commit().await?, out)?;
    report::messages(&chat.messages(), out)?;
    let (commits, said) = (repository.commits().await?, chat.messages().len());
    ensure_once(commits, said)
}

fn expect(answer: &Answer, status: StatusCode) -> Result<(), Stop> {
    let Answer { status: got, body } = answer;
    if *got == status {
        Ok(())
    } else {
        Err(anyhow::anyhow!("the gateway answered {got}, not {status}: {body}").into())
    }
}

/// Two deliveries of one event, one effect: the first commit of the repository and one more; two messages.
fn ensure_once(commits: u64, said: usize) -> Result<(), Stop> {
    ensure_that(commits == 2, || format!("the GitOps repository has {commits} commits, not 2"))?;
    ensure_that(said == 2, || format!("the chat got {said} messages, not 2"))
}

fn ensure_that(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Stop> {
    let checked = || {
        ensure!(holds, "an effect did not happen exactly once: {}", otherwise());
        Ok(())
    };
    checked().map_err(Stop::from)
}
