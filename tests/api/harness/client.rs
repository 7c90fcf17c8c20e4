//! An HTTP client over TCP. A status of 4xx or 5xx is a reply and not an error; every reply is checked
//! against the OpenAPI document.

use std::time::Duration;

use practice_links::platform::event_log;
use practice_links::web::state::State;
use serde_json::Value;
use ureq::Agent;
use ureq::http::{HeaderMap, Request};

use super::{TestApp, spec};

/// A client of one server. It opens one connection per request, so that a hundred threads can share it and no
/// idle connection keeps the server from stopping.
#[derive(Clone)]
pub struct Client {
    base: String,
    agent: Agent,
    /// The service whose reactions follow each request.
    state: Option<State>,
}

impl Client {
    /// Returns a client of the server at `base` (`http://127.0.0.1:PORT`).
    pub fn new(base: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(0)
            .max_idle_connections_per_host(0)
            .proxy(None)
            .timeout_global(Some(Duration::from_mins(1)));
        Self { base: base.to_owned(), agent: config.build().into(), state: None }
    }

    /// The same client. After each request, what follows from its events is done before the call returns.
    #[must_use]
    pub fn followed_by(self, state: &State) -> Self {
        Self { state: Some(state.clone()), ..self }
    }

    pub fn call(&self, method: &str, path: &str) -> Call {
        let headers = vec![("connection".to_owned(), "close".to_owned())];
        Call { client: self.clone(), method: method.into(), path: path.into(), headers, body: None }
    }

    pub fn get(&self, path: &str) -> Call {
        self.call("GET", path)
    }

    pub fn delete(&self, path: &str) -> Call {
        self.call("DELETE", path)
    }

    /// POST with a JSON body.
    pub fn post(&self, path: &str, body: Value) -> Call {
        self.call("POST", path).json(body)
    }

    /// PATCH with a JSON body.
    pub fn patch(&self, path: &str, body: Value) -> Call {
        self.call("PATCH", path).json(body)
    }
}

impl TestApp {
    pub fn get(&self, path: &str) -> Call {
        self.client.get(path)
    }

    pub fn delete(&self, path: &str) -> Call {
        self.client.delete(path)
    }

    /// POST with a JSON body.
    pub fn post(&self, path: &str, body: Value) -> Call {
        self.client.post(path, body)
    }

    /// PATCH with a JSON body.
    pub fn patch(&self, path: &str, body: Value) -> Call {
        self.client.patch(path, body)
    }

    pub fn call(&self, method: &str, path: &str) -> Call {
        self.client.call(method, path)
    }

    /// POST of a form, as a browser without scripts sends it.
    pub fn form(&self, path: &str, fields: &[(&str, &str)]) -> Call {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.call("POST", path).raw("application/x-www-form-urlencoded", body)
    }
}

/// Safari on an iPhone, which no bot filter rejects.
pub const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";

/// A request that is being built.
#[derive(Clone)]
#[must_use = "nothing goes out before `send`"]
pub struct Call {
    client: Client,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Call {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// `Authorization: Bearer`.
    pub fn bearer(self, secret: &str) -> Self {
        self.header("authorization", &format!("Bearer {secret}"))
    }

    /// `Idempotency-Key`.
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Sets the client's address, as a trusted proxy reports it.
    pub fn ip(self, address: &str) -> Self {
        self.header("x-forwarded-for", address)
    }

    /// `Accept-Language`.
    pub fn language(self, tags: &str) -> Self {
        self.header("accept-language", tags)
    }

    /// `User-Agent`.
    pub fn user_agent(self, agent: &str) -> Self {
        self.header("user-agent", agent)
    }

    /// A JSON body.
    #[expect(clippy::needless_pass_by_value, reason = "`json!` creates a new value at each place of use")]
    pub fn json(self, body: Value) -> Self {
        self.raw("application/json", body.to_string())
    }

    /// A body of any type.
    pub fn raw(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self.header("content-type", content_type)
    }

    /// Sends the request, and checks the reply against the OpenAPI document.
    pub fn send(self) -> Reply {
        self.try_send().unwrap_or_else(|error| panic!("no answer: {error}"))
    }

    /// Like [`Call::send`], for a server that may be gone.
    pub fn try_send(self) -> Result<Reply, ureq::Error> {
        let (method, path) = (self.method.clone(), self.path.clone());
        let mut request =
            Request::builder().method(self.method.as_str()).uri(format!("{}{}", self.client.base, self.path));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut answer = match self.body {
            Some(body) => self.client.agent.run(request.body(body).unwrap())?,
            None => self.client.agent.run(request.body(()).unwrap())?,
        };
        let body = answer.body_mut().read_to_vec()?;
        let (head, _) = answer.into_parts();
        let reply = Reply { status: head.status.as_u16(), headers: head.headers, body };
        spec::check(&method, &path, &reply);
        if let Some(state) = self.client.state.as_ref().filter(|_| reply.status < 500) {
            // A test may have taken the database away.
            let _ = event_log::feed::settle(&state.service, &state.reactions);
        }
        Ok(reply)
    }
}

#[derive(Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("no JSON, {error}: {}", self.text()))
    }

    /// The value at a JSON Pointer; null if there is none.
    pub fn at(&self, pointer: &str) -> Value {
        self.json().pointer(pointer).cloned().unwrap_or_default()
    }

    /// The string at a JSON Pointer.
    pub fn str(&self, pointer: &str) -> String {
        let found = self.at(pointer);
        found.as_str().unwrap_or_else(|| panic!("no string at {pointer}: {}", self.text())).to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// `Retry-After`, in seconds.
    pub fn retry_after(&self) -> Option<u64> {
        self.header("retry-after").map(|seconds| seconds.parse().unwrap())
    }

    /// The media type, without parameters.
    pub fn media_type(&self) -> &str {
        self.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim()
    }

    /// Fails unless the reply has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// Fails unless the reply is a problem with this status and code.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.at("/code")), (status, Value::from(code)), "{}", self.text());
        self
    }
}
