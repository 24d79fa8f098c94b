//! A token, a user and password, an nkey, a credentials file: right, rotated, wrong, and mended.

use std::fs;

use chassis::Engine;
use chassis::jetstream::access::Login;
use nkeys::KeyPair;
use tests::nats::{Config, Nats};
use tests::operator::Operator;

use super::{file, not_ready, ready, refused, with};

/// The server takes another secret after a restart; the file has it a moment later. The engine runs all the while.
async fn rotated(
    login: Login,
    path: &std::path::Path,
    configs: [Config; 2],
    secrets: [&str; 2],
) -> anyhow::Result<()> {
    let [before, after] = configs;
    fs::write(path, secrets[0])?;
    let mut nats = Nats::with(before).await?;
    let engine = Engine::open_with(&nats.url().parse()?, with(login)).await?;
    ready(&engine).await?;
    nats.restart(after.clone()).await?;
    not_ready(&engine, "the server refuses the").await?;
    fs::write(path, secrets[1])?;
    ready(&engine).await?;
    // And the file alone counts: the old secret gets nobody in any more.
    fs::write(path, secrets[0])?;
    nats.restart(after).await?;
    not_ready(&engine, &format!("file {}", path.display())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_rotated_under_a_running_program_counts_at_the_next_connection() -> anyhow::Result<()>
{
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("token");
    let configs = ["one", "two"].map(|token| Config::lines(format!("authorization {{ token: {token} }}")));
    rotated(Login::Token(file(&path)), &path, configs, ["one\n", "two\n"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_rotated_counts_at_the_next_connection() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("password");
    let configs = ["one", "two"]
        .map(|password| Config::lines(format!("authorization {{ user: ann, password: {password} }}")));
    let login = Login::Password { user: "ann".to_owned(), password: file(&path) };
    rotated(login, &path, configs, ["one", "two"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_nkey_that_is_rotated_counts_at_the_next_connection() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("seed");
    let keys = [KeyPair::new_user(), KeyPair::new_user()];
    let configs = [0, 1].map(|index: usize| {
        Config::lines(format!("authorization {{ users: [{{ nkey: {} }}] }}", keys[index].public_key()))
    });
    let seeds = [keys[0].seed()?, keys[1].seed()?];
    rotated(Login::Nkey(file(&path)), &path, configs, [&seeds[0], &seeds[1]]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credentials_file_that_is_rotated_counts_at_the_next_connection() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("signalbox.creds");
    let mut operator = Operator::default();
    let users = [operator.user("first")?, operator.user("second")?];
    let before = operator.config()?;
    operator.revoke(&users[0]);
    let configs = [before, operator.config()?];
    rotated(Login::Creds(file(&path)), &path, configs, [&users[0].creds, &users[1].creds]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_in_the_url_is_shown_too() -> anyhow::Result<()> {
    let nats = Nats::with(Config::lines("authorization { user: ann, password: \"p@ss\" }")).await?;
    let url = nats.url().replace("nats://", "nats://ann:p%40ss@");
    let engine = Engine::open(&url.parse()?).await?;
    ready(&engine).await?;
    let dir = tempfile::tempdir()?;
    fs::write(dir.path().join("token"), "t")?;
    let error = refused(&url, with(Login::Token(file(&dir.path().join("token"))))).await?;
    assert!(error.contains("leave one of them out") && !error.contains("p%40ss"), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shows_nothing_learns_what_could_be_shown_and_is_let_in_when_the_server_is_mended()
-> anyhow::Result<()> {
    let mut nats = Nats::with(Config::lines("authorization { token: one }")).await?;
    let engine = Engine::open(&nats.url().parse()?).await?;
    not_ready(&engine, "the server asks who we are (authorization violation").await?;
    nats.restart(Config::default()).await?;
    ready(&engine).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_gone_or_malformed_ends_the_start_and_later_is_a_reason() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("seed");
    let key = KeyPair::new_user();
    let config = Config::lines(format!("authorization {{ users: [{{ nkey: {} }}] }}", key.public_key()));
    let mut nats = Nats::with(config).await?;
    let url = nats.url();
    let open = || refused(&url, with(Login::Nkey(file(&path))));
    let place = format!("file {}", path.display());
    let error = open().await?;
    assert!(error.contains(&place) && error.contains("No such file"), "{error}");
    fs::write(&path, &key.seed()?[..30])?;
    let error = open().await?;
    assert!(error.contains(&place) && error.contains("begins with SU"), "{error}");
    assert!(!error.contains(&key.seed()?[..30]), "the secret is in the error");

    fs::write(&path, key.seed()?)?;
    let engine = Engine::open_with(&nats.url().parse()?, with(Login::Nkey(file(&path)))).await?;
    ready(&engine).await?;
    fs::remove_file(&path)?;
    nats.kill9()?;
    nats.resume().await?;
    not_ready(&engine, "No such file").await?;
    fs::write(&path, key.seed()?)?;
    ready(&engine).await
}
