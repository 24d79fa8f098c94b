//! The token of an App's installation: got with the App's JWT, kept until shortly before it expires.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Client;
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::auth::{Shows, Token};
use crate::{App, Auth, Base, Error, http, key, path, refusal};

/// A token that expires within this time is not begun with: a request takes at most a minute, and clocks differ.
const RESERVE: TimeDelta = TimeDelta::minutes(5);

/// The token of the installation, if one was got.
#[derive(Debug, Default)]
pub(crate) struct Installation(Mutex<Option<(Token, DateTime<Utc>)>>);

#[derive(Deserialize)]
struct Made {
    token: String,
    expires_at: DateTime<Utc>,
}

/// The JWT of the App.
pub(crate) fn jwt(app: &App, now: DateTime<Utc>) -> Result<Token, Error> {
    Ok(Token(key::jwt(&app.id, app.key.read()?.expose(), now)?))
}

impl Installation {
    /// The token: the one that is there, or another.
    pub(crate) async fn token(
        &self,
        client: &Client,
        base: &Base,
        auth: &Auth,
        app: &App,
        now: DateTime<Utc>,
    ) -> Result<Token, Error> {
        let number = app.installation.ok_or(Error::NoInstallation)?;
        // Held while asking: who comes meanwhile waits for the same token.
        let mut kept = self.0.lock().await;
        if let Some((token, expires)) = kept.as_ref()
            && now + RESERVE < *expires
        {
            return Ok(token.clone());
        }
        let at = path(&["app", "installations", &number.to_string(), "access_tokens"]);
        let url = base.at(&at).ok_or_else(|| Error::Elsewhere(at.clone()))?;
        let heard = http::make_token(client, url, &jwt(app, now)?).await?;
        if heard.status / 100 != 2 {
            let what = format!("POST {at}");
            return Err(refusal::of(
                &what,
                heard.status,
                &heard.headers,
                &heard.body,
                (auth, Shows::App),
                now,
            ));
        }
        let Made { token, expires_at } = serde_json::from_slice(&heard.body).map_err(Error::Unreadable)?;
        tracing::debug!(installation = number, expires = %expires_at, "got a token of the App's installation");
        let token = Token(token);
        *kept = Some((token.clone(), expires_at));
        Ok(token)
    }

    /// GitHub does not take the token any more.
    pub(crate) async fn forget(&self) {
        *self.0.lock().await = None;
    }
}
