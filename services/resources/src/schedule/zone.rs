//! Names of time zones.

use chrono_tz::{TZ_VARIANTS, Tz};

use crate::names::{self, Misformed};

/// A zone by its name in the IANA database.
pub(crate) fn parse(text: &str) -> Result<Tz, Misformed> {
    if let Ok(zone) = text.parse::<Tz>() {
        return Ok(zone);
    }
    let known: Vec<&str> = TZ_VARIANTS.iter().map(|zone| zone.name()).collect();
    let city = text.rsplit('/').next().unwrap_or_default().replace(' ', "_");
    let by_city = || {
        known.iter().copied().find(|name| {
            name.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(&city)) && name.contains('/')
        })
    };
    let meant = names::nearest(text, known.iter().copied()).or_else(by_city);
    Err(Misformed {
        message: format!("there is no time zone `{text}`"),
        hint: Some(match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "write a name of the IANA database: `Europe/Berlin`, `UTC`".to_owned(),
        }),
    })
}
