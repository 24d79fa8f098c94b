//! The bearer token of the API, and the two files with which the command line finds a running server.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use chassis::BusUrl;
use rand::RngCore as _;
use resources::{Secret, SecretRef};

use crate::settings::Settings;

/// As much as a SHA-256 digest: nobody guesses it.
const TOKEN_BYTES: usize = 32;
const TOKEN_FILE: &str = "api-token";
const ADDRESS_FILE: &str = "console.address";
/// Read and written by the owner alone.
const PRIVATE: u32 = 0o600;

/// The token that the API asks for: the one of the settings, or one that was made for the embedded bus.
pub fn api_token(settings: &Settings) -> anyhow::Result<Secret> {
    match (&settings.api.token, &settings.bus.0) {
        (Some(token), _) => {
            SecretRef::from(token).read().context("cannot read the token of the API (api.token)")
        }
        (None, BusUrl::Embedded(dir)) => {
            let path = dir.join(TOKEN_FILE);
            if !path.exists() {
                fs::create_dir_all(dir)
                    .with_context(|| format!("cannot make the folder {}", dir.display()))?;
                write(&path, &random_token()).with_context(|| format!("cannot write {}", path.display()))?;
            }
            SecretRef::File(path).read().context("cannot read the token of the API")
        }
        (None, BusUrl::Nats(_)) => bail!(
            "the console needs api.token with a NATS bus: set api.token.file or api.token.env (SIGNALBOX_API__TOKEN__FILE=…)"
        ),
    }
}

/// 64 hexadecimal digits that nobody guesses.
pub fn random_token() -> String {
    let mut bytes = [0; TOKEN_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    hex::encode(bytes)
}

/// Where the private listener of the server that has this folder can be reached; gone when it is dropped.
pub struct Advertised(PathBuf);

impl Advertised {
    /// Writes the address down.
    pub fn write(dir: &Path, address: SocketAddr) -> anyhow::Result<Self> {
        let path = dir.join(ADDRESS_FILE);
        write(&path, &format!("http://{}", reachable(address)))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(path))
    }

    /// What a server of this folder wrote down, if one did.
    pub fn read(dir: &Path) -> Option<String> {
        let text = fs::read_to_string(dir.join(ADDRESS_FILE)).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }
}

impl Drop for Advertised {
    fn drop(&mut self) {
        // One that stays is no harm: nobody answers there, and the folder is opened instead.
        let _ = fs::remove_file(&self.0);
    }
}

/// An address that one can connect to: a listener on all addresses is on the loopback one too.
pub fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Writes a private file whole or not at all.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("new");
    // A file that is left from a crash may have another mode.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(&beside)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::{Advertised, api_token, reachable};
    use crate::settings::{Bus, Place, Settings};

    fn embedded(dir: &std::path::Path) -> Settings {
        Settings { bus: Bus(chassis::BusUrl::Embedded(dir.to_owned())), ..Settings::default() }
    }

    #[test]
    fn a_token_is_made_once_for_the_owner_alone() {
        let folder = tempfile::tempdir().expect("a temp folder can be made");
        let dir = folder.path().join("bus");
        let first = api_token(&embedded(&dir)).expect("a token is made");
        let second = api_token(&embedded(&dir)).expect("the token is read");
        assert_eq!(first, second);
        assert_eq!(first.expose().len(), 64);
        let mode = std::fs::metadata(dir.join("api-token")).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_token_of_the_settings_wins() {
        let folder = tempfile::tempdir().expect("a temp folder can be made");
        let path = folder.path().join("token");
        std::fs::write(&path, "mine\n").expect("it takes a file");
        let mut settings = embedded(&folder.path().join("bus"));
        settings.api.token = Some(Place::File(path));
        assert_eq!(api_token(&settings).expect("it is read").expose(), b"mine");
    }

    #[test]
    fn without_a_folder_a_token_has_to_be_given() {
        let bus = Bus("nats://localhost:4222".parse().expect("it is a bus"));
        let error = api_token(&Settings { bus, ..Settings::default() }).expect_err("there is no token");
        assert!(error.to_string().contains("SIGNALBOX_API__TOKEN__FILE"), "{error}");
    }

    #[test]
    fn the_address_is_there_as_long_as_the_server() {
        let folder = tempfile::tempdir().expect("a temp folder can be made");
        let address = "0.0.0.0:8081".parse().expect("it is an address");
        let advertised = Advertised::write(folder.path(), address).expect("it is written");
        assert_eq!(Advertised::read(folder.path()).as_deref(), Some("http://127.0.0.1:8081"));
        drop(advertised);
        assert_eq!(Advertised::read(folder.path()), None);
    }

    #[test]
    fn every_listener_has_an_address_that_can_be_reached() {
        for (bound, reached) in
            [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:2", "[::1]:2"), ("10.0.0.1:3", "10.0.0.1:3")]
        {
            assert_eq!(reachable(bound.parse().expect(bound)).to_string(), reached);
        }
    }
}
