//! The connection: for ever, with jitter, each attempt with the secrets as they are then.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use async_nats::connection::State;
use async_nats::{AuthError, Client, ConnectOptions, ServerAddr};
use rand::Rng as _;

use super::REQUEST_TIMEOUT;
use super::access::{Access, Login};
use super::link::Link;

/// A connection that is dead without a word is noticed after two of these.
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// How long opening waits for a server.
const FIRST_CONNECT: Duration = Duration::from_secs(2);
/// The longest wait between two attempts to connect.
const LONGEST_RECONNECT: Duration = Duration::from_secs(4);
/// The first version in which a key can expire by itself.
const OLDEST: (u64, u64) = (2, 11);

/// Begins to connect to the servers (separated by commas). What is wrong with the secrets or files at this time is an
/// error; later it is a reason for not being connected.
pub async fn connect(address: &str, url: String, access: Access) -> anyhow::Result<(Client, Arc<Link>)> {
    let servers = address
        .split(',')
        .map(str::parse)
        .collect::<Result<Vec<ServerAddr>, _>>()
        .context("the address of the server is not understood")?;
    let Access { login, tls, inbox } = access;
    let login = match (login, Login::of_urls(&servers)) {
        (Some(_), Some(_)) => {
            bail!("both the URL of the bus and the settings `nats` have a login: leave one of them out")
        }
        (Some(login), None) | (None, Some(login)) => Some(login),
        (None, None) => None,
    };
    tls.check()?;
    if let Some(login) = &login {
        login.proof(b"a try")?;
    }
    let link = Arc::new(Link::new(url, login.as_ref().map(Login::describe)));
    let mut options = match login {
        Some(login) => authenticated(login, link.clone()),
        None => ConnectOptions::new(),
    };
    if let Some(ca) = &tls.ca {
        options = options.add_root_certificates(ca.clone());
    }
    if let Some((cert, key)) = &tls.identity {
        options = options.add_client_certificate(cert.clone(), key.clone());
    }
    if tls.first {
        options = options.tls_first();
    }
    let (events, attempts) = (link.clone(), link.clone());
    options = options.require_tls(tls.required()).event_callback(move |event| {
        events.event(&event);
        std::future::ready(())
    });
    options = options.reconnect_to_server_callback(move |pool, _| {
        match tls.check() {
            Ok(()) => attempts.attempt(&pool),
            Err(error) => attempts.unusable(format!("{error:#}")),
        }
        // Which server comes next is the client's choice.
        std::future::ready(None)
    });
    let client = options
        .name("signalbox")
        .custom_inbox_prefix(inbox)
        .retry_on_initial_connect()
        .max_reconnects(None)
        .ping_interval(PING_INTERVAL)
        .request_timeout(Some(REQUEST_TIMEOUT))
        .reconnect_delay_callback(reconnect_delay)
        .connect(servers)
        .await
        .context("cannot set up the connection")?;
    connected_soon(&client).await;
    Ok((client, link))
}

fn authenticated(login: Login, link: Arc<Link>) -> ConnectOptions {
    let login = Arc::new(login);
    ConnectOptions::with_auth_callback(move |nonce| {
        let (login, link) = (login.clone(), link.clone());
        async move {
            let read = tokio::task::spawn_blocking(move || login.proof(&nonce)).await;
            read.map_err(anyhow::Error::new).flatten().map_err(|error| {
                let reason = format!("{error:#}");
                link.unusable(reason.clone());
                AuthError::new(reason)
            })
        }
    })
}

/// Waits a moment for a server that is there, so that what comes next need not fail first.
async fn connected_soon(client: &Client) {
    let connected = async {
        while client.connection_state() != State::Connected {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    // Later is fine, too.
    let _ = tokio::time::timeout(FIRST_CONNECT, connected).await;
}

/// Doubles from 100 ms, and takes a random half off, so that the services do not come back all at once.
fn reconnect_delay(attempts: usize) -> Duration {
    let doublings = u32::try_from(attempts.min(8)).unwrap_or(8);
    let full = Duration::from_millis(100).saturating_mul(1 << doublings).min(LONGEST_RECONNECT);
    full.mul_f64(rand::rng().random_range(0.5..=1.0))
}

/// Whether the server has said its version, and one that will do. The client is connected a moment before it knows to
/// whom: that is no old server.
pub fn introduced(version: &str) -> anyhow::Result<bool> {
    if version.is_empty() {
        return Ok(false);
    }
    new_enough(version).map(|()| true)
}

/// An older server cannot keep what we keep.
fn new_enough(version: &str) -> anyhow::Result<()> {
    let mut numbers = version.split(['.', '-']).map_while(|part| part.parse::<u64>().ok());
    let found = numbers.next().zip(numbers.next());
    if found.is_some_and(|found| found >= OLDEST) {
        return Ok(());
    }
    let (major, minor) = OLDEST;
    bail!(
        "the NATS server is version {version}, and Signalbox needs {major}.{minor} or newer: before it, an entry of the \
         state cannot expire by itself"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_server_is_refused_by_its_version() {
        for version in ["2.11.0", "2.15.2", "3.0.0-beta.1", "2.11.0-RC.3"] {
            new_enough(version).expect(version);
        }
        for version in ["2.10.29", "2.9.0-beta.1", "1.4.1", "", "unknown"] {
            let error = new_enough(version).expect_err(version).to_string();
            assert!(error.contains(&format!("version {version},")) && error.contains("2.11"), "{error}");
        }
    }

    #[test]
    fn a_server_that_has_not_said_its_version_is_no_old_one() {
        assert!(!introduced("").unwrap());
        assert!(introduced("2.11.0").unwrap());
        introduced("2.10.29").expect_err("that one is old");
    }

    #[test]
    fn attempts_wait_longer_and_longer_but_never_long_and_never_alike() {
        let waits: Vec<Duration> = (0..100).map(reconnect_delay).collect();
        assert!(waits[0] <= Duration::from_millis(100) && waits[99] <= LONGEST_RECONNECT);
        assert!(waits[20..].iter().all(|wait| *wait >= LONGEST_RECONNECT / 2));
        assert!(waits[20..].windows(2).any(|pair| pair[0] != pair[1]));
    }
}
