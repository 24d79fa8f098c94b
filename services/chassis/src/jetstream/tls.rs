//! Whether the files for TLS can be used. The client reads them for each connection and does not say which was wrong.

use std::path::Path;

use anyhow::{Context as _, bail};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::access::Tls;

impl Tls {
    /// Reads the files; an error names the file and what would be right.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let Self { ca, identity, first: _ } = self;
        let mut roots = RootCertStore::empty();
        if let Some(path) = ca {
            for certificate in certificates(path).with_context(|| at("nats.tls.ca", path))? {
                roots.add(certificate).with_context(|| at("nats.tls.ca", path))?;
            }
        }
        if let Some((cert, key)) = identity {
            let chain = certificates(cert).with_context(|| at("nats.tls.cert", cert))?;
            let private = PrivateKeyDer::from_pem_file(key)
                .map_err(|error| pem(&error, "a private key"))
                .with_context(|| at("nats.tls.key", key))?;
            ClientConfig::builder()
                .with_root_certificates(roots)
                .with_client_auth_cert(chain, private)
                .with_context(|| format!("{} does not fit {}", key.display(), cert.display()))?;
        }
        Ok(())
    }
}

fn at(setting: &str, path: &Path) -> String {
    format!("cannot use {setting}, file {}", path.display())
}

fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let wrong = |error| pem(&error, "a certificate");
    let read = CertificateDer::pem_file_iter(path).map_err(wrong)?;
    let found = read.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    if found.is_empty() {
        bail!("there is no `BEGIN CERTIFICATE` in it: it should be a certificate in PEM");
    }
    Ok(found)
}

/// The errors of the reader show what they read: of a key, too.
fn pem(error: &rustls::pki_types::pem::Error, what: &str) -> anyhow::Error {
    match error {
        rustls::pki_types::pem::Error::Io(io) => {
            anyhow::Error::new(std::io::Error::new(io.kind(), io.to_string()))
        }
        _ => anyhow::anyhow!("it should be {what} in PEM (`-----BEGIN …`)"),
    }
}
