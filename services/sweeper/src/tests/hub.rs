//! A stand-in of GitHub's deliveries API, by its documentation: newest first, pages by `cursor` in the header `Link`, `ETag`s,
//! attempts that share a GUID, ids above 2^53.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// The first id: a float would lose its last digit.
pub const FIRST: u64 = 9_007_199_254_740_993;

/// An attempt at a delivery.
#[derive(Debug, Clone)]
pub struct Sent {
    id: u64,
    guid: String,
    at: DateTime<Utc>,
    status: u16,
    redelivery: bool,
    body: Option<Value>,
}

#[derive(Default)]
pub struct State {
    sent: Vec<Sent>,
    /// Answers that come before all others.
    pub script: VecDeque<(&'static str, ResponseTemplate)>,
    /// What the gateway answers to another attempt.
    pub takes: u16,
    /// When another attempt is made.
    pub now: DateTime<Utc>,
    /// Each request: method, path and query.
    pub asked: Vec<String>,
}

pub struct Hub {
    server: MockServer,
    state: Arc<Mutex<State>>,
}

impl Hub {
    pub async fn start() -> Self {
        let (server, state) = (MockServer::start().await, Arc::new(Mutex::new(State::default())));
        let (answering, uri) = (state.clone(), server.uri());
        let answer = move |request: &Request| lock(&answering).answer(&uri, request);
        Mock::given(any()).respond_with(answer).mount(&server).await;
        Self { server, state }
    }

    pub fn api(&self) -> String {
        format!("{}/api/v3", self.server.uri())
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// A push is delivered, and answered like that; 0 when nobody answers.
    pub fn push(&self, number: u64, at: DateTime<Utc>, status: u16) -> String {
        self.deliver(number, at, status, Some(push("acme/shop", number)))
    }

    pub fn deliver(&self, number: u64, at: DateTime<Utc>, status: u16, body: Option<Value>) -> String {
        let guid = guid(number);
        self.state().add(guid.clone(), at, status, false, body);
        guid
    }

    /// What was asked for since the last time.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state().asked)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn guid(number: u64) -> String {
    format!("0b989ba4-242f-11e5-81e1-{number:012}")
}

/// The body of a push.
pub fn push(repository: &str, number: u64) -> Value {
    json!({
        "ref": "refs/heads/main", "before": format!("{number:040}"), "after": format!("{:040}", number + 1), "number": number,
        "repository": {"id": 7, "full_name": repository, "url": format!("https://github.com/{repository}"), "pushed_at": number},
        // A body must not be read into floats on its way.
        "big": 18_014_398_509_481_985_u64,
    })
}

impl State {
    fn add(&mut self, guid: String, at: DateTime<Utc>, status: u16, redelivery: bool, body: Option<Value>) {
        let id = FIRST + 2 * u64::try_from(self.sent.len()).unwrap();
        self.sent.push(Sent { id, guid, at, status, redelivery, body });
    }

    fn answer(&mut self, uri: &str, request: &Request) -> ResponseTemplate {
        let path = request.url.path().strip_prefix("/api/v3").unwrap_or("elsewhere").to_owned();
        let query = request.url.query().map_or_else(String::new, |query| format!("?{query}"));
        self.asked.push(format!("{} {path}{query}", request.method));
        let asked = self.asked.last().unwrap();
        if let Some((start, answer)) = self.script.front()
            && asked.starts_with(start)
        {
            let answer = answer.clone();
            self.script.pop_front();
            return answer;
        }
        let hooks = ["/repos/acme/shop/hooks/7/deliveries", "/orgs/acme/hooks/7/deliveries"];
        let Some(rest) = hooks.iter().find_map(|hook| path.strip_prefix(hook)) else { return not_found() };
        if rest.is_empty() {
            return self.list(uri, &path, request);
        }
        let mut pieces = rest.trim_start_matches('/').split('/');
        let id: u64 = pieces.next().unwrap().parse().unwrap();
        let Some(sent) = self.sent.iter().find(|sent| sent.id == id).cloned() else { return not_found() };
        if pieces.next() == Some("attempts") {
            assert_eq!(request.method.as_str(), "POST");
            let (now, takes) = (self.now, self.takes);
            self.add(sent.guid, now, takes, true, sent.body);
            return ResponseTemplate::new(202).set_body_json(json!({}));
        }
        ResponseTemplate::new(200).set_body_json(sent.detail())
    }

    fn list(&self, uri: &str, path: &str, request: &Request) -> ResponseTemplate {
        let query = |wanted: &str| {
            request.url.query_pairs().find(|(key, _)| key == wanted).map(|(_, value)| value.into_owned())
        };
        let etag = format!("W/\"{}\"", self.sent.len());
        if request.headers.get("if-none-match").is_some_and(|known| known.to_str().unwrap() == etag) {
            return ResponseTemplate::new(304);
        }
        let page: usize = query("per_page").map_or(30, |page| page.parse().unwrap());
        let from: u64 =
            query("cursor").map_or(u64::MAX, |cursor| cursor.strip_prefix("v1_").unwrap().parse().unwrap());
        let mut found: Vec<&Sent> = self.sent.iter().filter(|sent| sent.id <= from).collect();
        found.sort_by_key(|sent| std::cmp::Reverse(sent.id));
        let items: Vec<Value> = found.iter().take(page).map(|sent| sent.item()).collect();
        let answer = ResponseTemplate::new(200).set_body_json(items).insert_header("etag", etag.as_str());
        match found.get(page) {
            Some(next) => {
                let link =
                    format!("<{uri}/api/v3{path}?per_page={page}&cursor=v1_{}>; rel=\"next\"", next.id);
                answer.insert_header("link", link.as_str())
            }
            None => answer,
        }
    }
}

impl Sent {
    fn item(&self) -> Value {
        let status = if self.status == 0 { "timed out" } else { "OK" };
        json!({
            "id": self.id, "guid": self.guid, "delivered_at": self.at, "redelivery": self.redelivery, "duration": 0.27,
            "status": status, "status_code": self.status, "event": "push", "action": null, "installation_id": null,
            "repository_id": 7, "throttled_at": null,
        })
    }

    fn detail(&self) -> Value {
        let mut detail = self.item();
        detail["request"] = json!({
            "headers": {"X-GitHub-Delivery": self.guid, "X-GitHub-Event": "push", "X-GitHub-Hook-ID": "7", "Accept": "*/*"},
            "payload": self.body,
        });
        detail["response"] = json!({"headers": {}, "payload": "no"});
        detail
    }
}

pub fn not_found() -> ResponseTemplate {
    ResponseTemplate::new(404)
        .insert_header("x-accepted-github-permissions", "repository_hooks=read")
        .set_body_json(json!({"message": "Not Found", "documentation_url": "https://docs.github.com/rest"}))
}
