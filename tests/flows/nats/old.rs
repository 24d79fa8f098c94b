//! Servers that cannot do what is needed.

use std::io::Write as _;
use std::net::TcpListener;

use chassis::Engine;
use chassis::jetstream::access::Access;
use tests::nats::{Config, Nats};

use super::{not_ready, refused};

/// What a server of this version says first, and its answer to the first ping; no old server is built for this.
fn greeter(version: &'static str) -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let info = format!(
                "INFO {{\"server_id\":\"A\",\"server_name\":\"A\",\"version\":\"{version}\",\"proto\":1,\"host\":\"127.0.0.1\",\
                 \"port\":{port},\"headers\":true,\"max_payload\":1048576,\"jetstream\":true}}\r\nPONG\r\n"
            );
            let _ = stream.write_all(info.as_bytes());
            kept.push(stream);
        }
    });
    Ok(port)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_too_old_is_refused_at_the_start_with_its_version() -> anyhow::Result<()> {
    for version in ["2.9.25", "2.10.29"] {
        let url = format!("nats://127.0.0.1:{}", greeter(version)?);
        let error = refused(&url, Access::default()).await?;
        assert!(
            error.contains(&format!("the NATS server is version {version}, and Signalbox needs 2.11")),
            "{error}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_has_not_introduced_itself_is_waited_for_and_not_taken_for_an_old_one()
-> anyhow::Result<()> {
    let url = format!("nats://127.0.0.1:{}", greeter("")?);
    let engine = Engine::open(&url.parse()?).await?;
    not_ready(&engine, "has not introduced itself yet").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_jetstream_is_a_reason_and_is_enough_when_it_has_it() -> anyhow::Result<()> {
    let mut nats = Nats::with(Config::without_jetstream()).await?;
    let engine = Engine::open(&nats.url().parse()?).await?;
    not_ready(&engine, "JetStream is not enabled").await?;
    nats.restart(Config::default()).await?;
    super::ready(&engine).await
}
