//! How full volumes are.

use std::time::Duration;

use reqwest::Url;
use serde::Deserialize;

use super::Place;
use crate::duration::Period;

/// A volume is nearly full from here on, unless it is said otherwise.
const NEARLY_FULL: u8 = 85;
/// And not any more below this.
const RELIEVED: u8 = 80;
/// A kubelet measures once a minute.
const EVERY: Duration = Duration::from_mins(1);

/// How full volumes are; without the address of a Prometheus, nobody looks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Keys")]
pub struct VolumeUsage(pub Option<watcher::Usage>);

/// The section as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Keys {
    prometheus: Option<String>,
    token: Option<Place>,
    nearly_full: Option<u8>,
    relieved: Option<u8>,
    every: Option<Period>,
}

impl TryFrom<Keys> for VolumeUsage {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        let Keys { prometheus, token, nearly_full, relieved, every } = keys;
        let Some(prometheus) = prometheus else {
            let nothing = token.is_none() && nearly_full.is_none() && relieved.is_none() && every.is_none();
            return if nothing {
                Ok(Self(None))
            } else {
                Err("without prometheus, the address of one, nobody looks".to_owned())
            };
        };
        let (nearly_full, relieved) = (nearly_full.unwrap_or(NEARLY_FULL), relieved.unwrap_or(RELIEVED));
        if !(1..=100).contains(&nearly_full) || relieved >= nearly_full {
            return Err(format!(
                "nearly_full is from 1 to 100 per cent, and relieved is less: not {nearly_full} and {relieved}"
            ));
        }
        Ok(Self(Some(watcher::Usage {
            prometheus: address(&prometheus)?,
            token: token.as_ref().map(Into::into),
            nearly_full,
            relieved,
            every: every.map_or(EVERY, |every| every.0),
        })))
    }
}

fn address(text: &str) -> Result<Url, String> {
    let wrong = || {
        format!(
            "`{text}` is no address of a Prometheus: write http://HOST:PORT or https://HOST, with its path, if it has one"
        )
    };
    let url = Url::parse(text).map_err(|_| wrong())?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    // What it says may hold a password, so it is not quoted.
    if !plain {
        return Err(
            "the address of a Prometheus has no user, password, query or fragment; say its token with token"
                .to_owned(),
        );
    }
    if matches!(url.scheme(), "http" | "https") && url.has_host() { Ok(url) } else { Err(wrong()) }
}
