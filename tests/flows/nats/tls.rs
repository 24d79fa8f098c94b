//! TLS: the server's certificate, ours, and both rotated.

use std::fs;

use chassis::Engine;
use chassis::jetstream::access::Tls;
use tests::certificates::Authority;
use tests::nats::{Config, Nats};

use super::{encrypted, not_ready, ready, refused};

/// All connections of this program use the same library for TLS.
fn provider() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_are_rotated_count_at_the_next_connection() -> anyhow::Result<()> {
    provider();
    let dir = tempfile::tempdir()?;
    let folder = dir.path();
    let authorities = [Authority::new("first")?, Authority::new("second")?];
    let mut configs = Vec::new();
    for (index, authority) in authorities.iter().enumerate() {
        let (cert, key) = authority.write(folder, &format!("server-{index}"))?;
        let ca = folder.join(format!("clients-{index}.pem"));
        fs::write(&ca, &authority.pem)?;
        configs.push(Config::default().tls((&cert, &key), Some(&ca)));
    }
    let ca = folder.join("ca.pem");
    fs::write(&ca, &authorities[0].pem)?;
    let (cert, key) = authorities[0].write(folder, "ours")?;
    let tls = Tls { ca: Some(ca.clone()), identity: Some((cert, key)), first: false };

    let mut nats = Nats::with(configs[0].clone()).await?;
    // Asked for by the settings, `nats://` will do.
    let engine =
        Engine::open_with(&nats.tls_url().replace("tls://", "nats://").parse()?, encrypted(tls)).await?;
    ready(&engine).await?;

    nats.restart(configs[1].clone()).await?;
    not_ready(&engine, "nats.tls.ca should name the authority").await?;
    fs::write(&ca, &authorities[1].pem)?;
    not_ready(&engine, "no connection").await?;
    authorities[1].write(folder, "ours")?;
    ready(&engine).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_with_tls_encrypts_and_one_for_another_name_is_refused() -> anyhow::Result<()> {
    provider();
    let dir = tempfile::tempdir()?;
    let authority = Authority::new("ours")?;
    let (cert, key) = authority.write(dir.path(), "server")?;
    let ca = dir.path().join("ca.pem");
    fs::write(&ca, &authority.pem)?;
    for (config, first) in [
        (Config::default().tls((&cert, &key), None), false),
        (Config::default().tls_first((&cert, &key)), true),
    ] {
        let nats = Nats::with(config).await?;
        let tls = Tls { ca: Some(ca.clone()), identity: None, first };
        let engine = Engine::open_with(&nats.tls_url().parse()?, encrypted(tls.clone())).await?;
        ready(&engine).await?;
        let other = format!("tls://127.0.0.2:{}", nats.port());
        let engine = Engine::open_with(&other.parse()?, encrypted(tls)).await?;
        not_ready(&engine, "no connection to the NATS server: ").await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_gets_no_word_of_us() -> anyhow::Result<()> {
    provider();
    let nats = Nats::start().await?;
    let engine = Engine::open(&nats.tls_url().parse()?).await?;
    not_ready(&engine, "no connection to the NATS server: ").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_used_ends_the_start_with_its_name() -> anyhow::Result<()> {
    provider();
    let dir = tempfile::tempdir()?;
    let folder = dir.path();
    let authority = Authority::new("ours")?;
    let (cert, _) = authority.write(folder, "one")?;
    let (_, other) = authority.write(folder, "another")?;
    let junk = folder.join("junk.pem");
    fs::write(
        &junk,
        "-----BEGIN PRIVATE KEY-----\nc2VjcmV0c2VjcmV0\nno base64!\n-----END PRIVATE KEY-----\n",
    )?;
    let ca = |path: &std::path::Path| Tls { ca: Some(path.to_owned()), ..Tls::default() };
    let pair = |cert: &std::path::Path, key: &std::path::Path| Tls {
        identity: Some((cert.to_owned(), key.to_owned())),
        ..Tls::default()
    };
    let cases = [
        (ca(&folder.join("none.pem")), "none.pem", "No such file"),
        (ca(&other), "nats.tls.ca", "BEGIN CERTIFICATE"),
        (ca(&junk), "junk.pem", "in PEM"),
        (pair(&cert, &folder.join("none.pem")), "nats.tls.key", "No such file"),
        (pair(&cert, &junk), "junk.pem", "a private key in PEM"),
        (pair(&cert, &other), "another-key.pem does not fit", "one.pem"),
    ];
    for (tls, place, what) in cases {
        let error = refused("nats://127.0.0.1:1", encrypted(tls)).await?;
        assert!(error.contains(place) && error.contains(what), "{place}: {error}");
        assert!(!error.contains("no base64!"), "{error}");
    }
    Ok(())
}
