//! The client.

use std::fmt;
use std::sync::Arc;

use chassis::{Clock, Intended};
use reqwest::header::LOCATION;
use reqwest::{Client, Method, Url};
use serde_json::Value;

use crate::app::{self, Installation};
use crate::auth::{Shows, Token};
use crate::http::Heard;
use crate::patience::Patience;
use crate::{Access, Answer, Auth, Base, BuildError, Error, Fresh, http, refusal};

/// How many redirects of a GET are followed: a repository that was renamed is one.
const REDIRECTS: usize = 3;

/// GitHub's REST API, as somebody. Share it: its patience and its installation token are for all who ask.
pub struct Github {
    http: Client,
    base: Base,
    auth: Auth,
    clock: Arc<dyn Clock>,
    installation: Installation,
    patience: Patience,
}

impl fmt::Debug for Github {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { http: _, base, auth, clock: _, installation: _, patience: _ } = self;
        f.debug_struct("Github").field("base", base).field("auth", auth).finish_non_exhaustive()
    }
}

impl Github {
    /// A client of the API at `base`.
    ///
    /// # Errors
    /// When TLS cannot be set up, for example because no provider was chosen.
    pub fn new(base: Base, auth: Auth, clock: Arc<dyn Clock>) -> Result<Self, BuildError> {
        let (installation, patience) = (Installation::default(), Patience::default());
        Ok(Self { http: http::client()?, base, auth, clock, installation, patience })
    }

    /// A client for what the user declares.
    ///
    /// # Errors
    /// As [`Github::new`], and when the address of the API is none.
    pub fn of(access: &Access, clock: Arc<dyn Clock>) -> Result<Self, BuildError> {
        let Access { api, auth } = access;
        let base = api.as_deref().map_or_else(|| Ok(Base::default()), str::parse)?;
        Self::new(base, auth.clone(), clock)
    }

    /// Asks for what is at `place`: a path (`/repos/acme/shop/hooks?per_page=100`; [`crate::path`] makes one) or a link that an
    /// answer gave. With the `ETag` of an answer that is known, GitHub may say that it is still the one.
    pub async fn get(&self, place: &str, etag: Option<&str>) -> Result<Fresh, Error> {
        let mut url = self.at(place)?;
        for _ in 0..=REDIRECTS {
            self.patience.check(self.clock.now())?;
            let (token, shows) = self.token(&url).await?;
            let heard = http::ask(&self.http, url.clone(), &token, etag).await?;
            match heard.status {
                200..=299 => return Ok(Fresh::New(Answer::new(heard.status, &heard.headers, heard.body))),
                304 => return Ok(Fresh::Known),
                301 | 302 | 307 | 308 if heard.headers.contains_key(LOCATION) => {
                    let to = heard.headers.get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
                    let to = url.join(to).map_or_else(|_| to.to_owned(), String::from);
                    url = self.at(&to)?;
                }
                _ => return Err(self.refused("GET", &url, &heard, shows).await),
            }
        }
        let what = format!("GET {place}");
        Err(Error::Refused {
            what,
            status: 302,
            message: "it leads from one address to the next without end".to_owned(),
        })
    }

    /// Changes something: POST, PATCH, PUT or DELETE at `path`, with or without a body.
    ///
    /// [`Error::did_nothing`] says whether it surely did not happen.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        intended: &Intended,
    ) -> Result<Answer, Error> {
        let url = self.at(path)?;
        self.patience.check(self.clock.now())?;
        let (token, shows) = self.token(&url).await?;
        let name = method.to_string();
        let heard = http::act(&self.http, method, url.clone(), &token, body, intended).await?;
        match heard.status {
            200..=299 => Ok(Answer::new(heard.status, &heard.headers, heard.body)),
            _ => Err(self.refused(&name, &url, &heard, shows).await),
        }
    }

    /// Where the API is.
    pub fn base(&self) -> &Base {
        &self.base
    }

    fn at(&self, place: &str) -> Result<Url, Error> {
        self.base.at(place).ok_or_else(|| Error::Elsewhere(place.to_owned()))
    }

    async fn token(&self, url: &Url) -> Result<(Token, Shows), Error> {
        let shows = Shows::for_path(self.base.path_of(url));
        let token = match (&self.auth, shows) {
            (Auth::Token(secret), _) => {
                let secret = secret.read()?;
                Token(std::str::from_utf8(secret.expose()).map_err(|_invalid| Error::NoToken)?.to_owned())
            }
            (Auth::App(app), Shows::App) => app::jwt(app, self.clock.now())?,
            (Auth::App(app), Shows::Token) => {
                let now = self.clock.now();
                let token = self.installation.token(&self.http, &self.base, &self.auth, app, now).await;
                token.inspect_err(|error| self.patience.learn(error))?
            }
        };
        Ok((token, shows))
    }

    async fn refused(&self, method: &str, url: &Url, heard: &Heard, shows: Shows) -> Error {
        let Heard { status, headers, body } = heard;
        let what = format!("{method} {}", self.base.path_of(url));
        let error = refusal::of(&what, *status, headers, body, (&self.auth, shows), self.clock.now());
        self.patience.learn(&error);
        if matches!(error, Error::Unauthorized { .. }) && shows == Shows::Token {
            self.installation.forget().await;
        }
        error
    }
}
