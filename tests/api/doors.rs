//! Request handling: an invalid request gets the right problem, in time, and leaves nothing behind.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection, SqliteConnection};
use serde_json::{Value, json};

use crate::harness::{Backend, Builder, Call, DEMO, TestApp, phone};

const TABLES: [&str; 7] =
    ["verifications", "accounts", "patients", "pairings", "conversations", "outbox", "idempotency_keys"];

fn assert_nothing_written(app: &TestApp) {
    for table in TABLES {
        assert_eq!(app.count(&format!("SELECT count(*) FROM {table}")), 0, "{table}");
    }
}

/// A valid sign-up except for one field; the proof is never checked.
fn sign_up_with(field: &str, value: Value) -> Value {
    let mut body = json!({
        "phone_proof": "pp_x", "link_token": "x", "given_name": "Alex", "family_name": "Rivera",
        "email": "alex@example.com", "birth_date": "1987-05-31",
    });
    body[field] = value;
    body
}

both! {
    fn malformed_request_gets_the_matching_problem(app: TestApp) {
        let text = |body: &str| app.call("POST", "/v1/verifications").raw("application/json", body);
        let start = |body: Value| app.post("/v1/verifications", body);
        let token = |body: Value| app.post("/v1/link-tokens", body);
        let number = phone(0);
        let cases: Vec<(Call, u16, &str, Option<&str>)> = vec![
            (text(""), 400, "malformed_request", None),
            (text("{"), 400, "malformed_request", None),
            (text("{\"phone\": \"+1415"), 400, "malformed_request", None),
            (text("phone=%2B14155552671"), 400, "malformed_request", None),
            (text("{\"phone\":\"+14155552000\"} {}"), 400, "malformed_request", None),
            (text(&"[".repeat(10_000)), 400, "malformed_request", None),
            (app.call("POST", "/v1/verifications").raw("application/json", vec![b'"', 0xff, b'"']), 400, "malformed_request", None),
            (text("[]"), 422, "invalid_request", Some("")),
            (text("null"), 422, "invalid_request", Some("")),
            (text("\"+14155552671\""), 422, "invalid_request", Some("")),
            (start(json!({})), 422, "invalid_request", Some("/phone")),
            (start(json!({ "phone": 14_155_552_671_i64 })), 422, "invalid_request", Some("/phone")),
            (start(json!({ "phone": null })), 422, "invalid_request", Some("/phone")),
            (start(json!({ "phone": [number] })), 422, "invalid_request", Some("/phone")),
            (start(json!({ "phone": number, "channel": "pigeon" })), 422, "invalid_request", Some("/channel")),
            (start(json!({ "phone": number, "channel": 1 })), 422, "invalid_request", Some("/channel")),
            (start(json!({ "phone": number, "platform": "symbian" })), 422, "invalid_request", Some("/platform")),
            (start(json!({ "phone": number, "app_hash": "short" })), 422, "invalid_request", Some("/app_hash")),
            (start(json!({ "phone": number, "locale": "x".repeat(36) })), 422, "invalid_request", Some("/locale")),
            (start(json!({ "phone": number, "locale": "e\u{0}n" })), 422, "invalid_request", Some("")),
            (start(json!({ "phone": number, "link_token": {} })), 422, "invalid_request", Some("/link_token")),
            (token(json!({ "code": DEMO })), 422, "invalid_request", Some("/source")),
            (token(json!({ "code": DEMO, "source": "fingerprint" })), 422, "invalid_request", Some("/source")),
            (token(json!({ "code": 123_456, "source": "typed" })), 422, "invalid_request", Some("/code")),
            (token(json!({ "code": "12-456", "source": "typed" })), 422, "invalid_request", Some("/code")),
            (app.post("/v1/sessions", json!({ "phone_proof": 1 })), 422, "invalid_request", Some("/phone_proof")),
            (app.post("/v1/sessions/refresh", json!({})), 422, "invalid_request", Some("/refresh_token")),
        ];
        for (index, (call, status, code, pointer)) in cases.into_iter().enumerate() {
            let reply = call.send();
            assert_eq!((reply.status, reply.at("/code")), (status, json!(code)), "case {index}: {}", reply.text());
            if let Some(pointer) = pointer {
                assert_eq!(reply.at("/errors/0/pointer"), pointer, "case {index}: {}", reply.text());
            }
        }
        assert_nothing_written(&app);
    }

    fn ambiguous_or_unsupported_phone_number_is_rejected(app: TestApp) {
        let cases = [
            ("", "phone_invalid"),
            ("415 555 FLOW", "phone_invalid"),
            ("+1 415 555 2671 ext. 5", "phone_invalid"),
            ("+1 415 555 2671 x5", "phone_invalid"),
            ("+1 415 555 267", "phone_invalid"),
            ("+1 415 555 26711", "phone_invalid"),
            ("+1 415 555 2671                      ", "phone_invalid"),
            ("+44 (0)20 7946 0018", "phone_invalid"),
            ("+999 415 555 2671", "phone_invalid"),
            ("+1 900 555 0123", "phone_type_refused"),
            ("+1 800 555 0123", "phone_type_refused"),
            ("+44 7400 123456", "country_not_supported"),
            ("+52 55 1234 5678", "country_not_supported"),
        ];
        for (number, code) in cases {
            let reply = app.post("/v1/verifications", json!({ "phone": number })).send();
            assert_eq!(reply.at("/errors/0/pointer"), "/phone", "{number}: {}", reply.text());
            assert_eq!((reply.status, reply.at("/code")), (422, json!(code)), "{number}");
            let digits: String = number.chars().filter(char::is_ascii_digit).collect();
            assert!(digits.is_empty() || !reply.text().contains(&digits), "the answer repeats the number");
        }
        assert_nothing_written(&app);
    }

    fn invalid_name_birth_date_or_email_is_rejected(app: TestApp) {
        let cases = [
            ("/given_name", json!("")), ("/given_name", json!("  ")), ("/given_name", json!("a".repeat(101))),
            ("/given_name", json!("Al\nex")), ("/given_name", json!("Al\u{202e}ex")), ("/given_name", json!("\u{7}")),
            ("/given_name", json!(7)), ("/given_name", Value::Null),
            ("/family_name", json!("é".repeat(101))), ("/family_name", json!("Rive\u{85}ra")),
            ("/birth_date", json!("31.05.1987")), ("/birth_date", json!("1987-02-30")), ("/birth_date", json!("1987-5-31")),
            ("/birth_date", json!("1787-05-31")), ("/birth_date", json!("")), ("/birth_date", json!(19_870_531)),
            ("/email", json!("alex")), ("/email", json!("alex@")), ("/email", json!("a@b@c")), ("/email", json!("")),
            ("/email", json!(format!("{}@example.com", "a".repeat(250)))), ("/email", json!("a@example.com\r\nBcc: b@example.com")),
        ];
        for (pointer, value) in cases {
            let reply = app.post("/v1/accounts", sign_up_with(&pointer[1..], value.clone())).send();
            assert_eq!(reply.status, 422, "{pointer} {value}: {}", reply.text());
            let reply = reply.problem(422, "invalid_request");
            assert_eq!(reply.at("/errors/0/pointer"), pointer, "{value}: {}", reply.text());
        }
        // All invalid fields are reported together.
        let mut body = sign_up_with("given_name", json!(""));
        body["birth_date"] = json!("x");
        let reply = app.post("/v1/accounts", body).send().problem(422, "invalid_request");
        assert_eq!((reply.at("/errors/0/pointer"), reply.at("/errors/1/pointer")), (json!("/birth_date"), json!("/given_name")));
        assert_nothing_written(&app);
    }

    fn body_over_16_kib_is_rejected(app: TestApp) {
        let send_body_of = |size: usize| {
            let empty = json!({ "phone": "x", "locale": "" }).to_string().len();
            let body = json!({ "phone": "x", "locale": "a".repeat(size - empty) }).to_string();
            assert_eq!(body.len(), size);
            app.call("POST", "/v1/verifications").raw("application/json", body).send()
        };
        send_body_of(16 * 1024).problem(422, "invalid_request");
        send_body_of(16 * 1024 + 1).problem(413, "body_too_large");
        send_body_of(200 * 1024).problem(413, "body_too_large");
        assert_nothing_written(&app);
    }

    fn body_with_another_media_type_is_rejected(app: TestApp) {
        let body = json!({ "phone": phone(0) }).to_string();
        for wrong in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "nonsense"] {
            app.call("POST", "/v1/verifications").raw(wrong, body.clone()).send().problem(415, "unsupported_media_type");
        }
        assert_nothing_written(&app);
        app.call("POST", "/v1/verifications").raw("application/json; charset=utf-8", body).send().expect(201);
        app.deliver_all();
    }

    fn stalled_body_times_out(on: Builder) {
        let app = on.config(|config| config.server.body_timeout_seconds = 1).start();
        let mut stream = TcpStream::connect(app.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let began = Instant::now();
        let head = "POST /v1/verifications HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"phone\":";
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = vec![0; 4096];
        let read = stream.read(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains("request_timeout") || answer.contains("application/problem+json"), "{answer}");
        assert!((Duration::from_millis(900)..Duration::from_secs(3)).contains(&began.elapsed()));
        assert_nothing_written(&app);
        app.get("/healthz").send().expect(200);
    }

    fn unknown_route_returns_404(app: TestApp) {
        for path in ["/v1", "/v1/", "/v1/nowhere", "/v1/accounts/acc_x", "/nowhere/at/all", "/v1//accounts", "/"] {
            app.get(path).send().problem(404, "not_found");
            // One segment, with or without a slash, may be a link's code, for which POST is the wrong method.
            if path.trim_end_matches('/').matches('/').count() > 1 {
                app.post(path, json!({})).send().problem(404, "not_found");
            }
        }
        app.get("/v1/verifications/ver_x").bearer("vs_x").send().problem(404, "verification_not_found");
    }

    fn id_with_a_nul_is_treated_as_unknown(app: TestApp) {
        app.get("/v1/verifications/ver%00x").bearer("vs_x").send().problem(404, "verification_not_found");
    }

    fn unparsable_query_is_rejected(app: TestApp) {
        app.get("/dev/messages?to=1&to=2").send().problem(422, "invalid_request");
    }

    fn wrong_method_returns_405_with_the_allowed_methods(app: TestApp) {
        let cases = [
            ("PUT", "/v1/accounts", "POST"),
            ("DELETE", "/v1/link-tokens", "POST"),
            ("PATCH", "/v1/verifications/ver_x", "GET, HEAD"),
            ("POST", "/v1/sessions/current", "DELETE"),
            ("PUT", "/v1/me", "DELETE, GET, HEAD"),
            ("POST", "/123456", "GET, HEAD"),
            ("DELETE", "/healthz", "GET, HEAD"),
        ];
        for (method, path, allow) in cases {
            let reply = app.call(method, path).json(json!({})).send().problem(405, "method_not_allowed");
            assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
        }
    }

    fn get_on_a_post_only_route_returns_405(app: TestApp) {
        for path in ["/v1/accounts", "/v1/pairings", "/v1/verifications/ver_x/checks"] {
            let reply = app.get(path).send().problem(405, "method_not_allowed");
            assert_eq!(reply.header("allow"), Some("POST"), "{path}");
        }
    }

    fn database_outage_returns_503_and_ends_without_a_restart(on: Builder) {
        let backend = on.backend();
        let app = on.start();
        app.get("/readyz").send().expect(200);
        let link_token = app.link_token(DEMO);
        let start = || app.post("/v1/verifications", json!({ "phone": phone(0), "link_token": link_token }));
        let outage = Outage::begin(&app);
        for _ in 0..2 {
            let began = Instant::now();
            let reply = start().send().problem(503, "unavailable");
            assert!(reply.retry_after().is_some_and(|seconds| seconds >= 1));
            assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        }
        if backend == Backend::Postgres {
            app.get("/readyz").send().problem(503, "unavailable");
        } else {
            // SQLite's readers do not wait for its writer.
            app.get("/123456").send().expect(200);
        }
        app.get("/healthz").send().expect(200);
        app.get("/metrics").send().expect(200);

        drop(outage);
        // It recovers by itself, without a restart.
        let began = Instant::now();
        while start().send().status != 201 {
            assert!(began.elapsed() < Duration::from_secs(10), "it does not recover");
            thread::sleep(Duration::from_millis(100));
        }
        app.get("/readyz").send().expect(200);
        app.get("/123456").send().expect(200);
        // A request answered with 503 may have finished late, but it sent nothing unnoticed.
        app.deliver_all();
    }
}

postgres! {
    fn landing_page_without_a_database_returns_503(app: TestApp) {
        let _outage = Outage::begin(&app);
        // At its end this test has no database in which to count queued messages.
        app.leave_outbox();
        for path in ["/123456", "/Q/123456"] {
            app.get(path).send().problem(503, "unavailable");
        }
    }
}

/// A database outage, which ends when this is dropped.
enum Outage {
    Postgres { admin: PgConnection, name: String },
    Sqlite { _holder: SqliteConnection },
}

impl Outage {
    #[expect(clippy::disallowed_methods, reason = "from outside the service, as an operator would")]
    fn begin(app: &TestApp) -> Self {
        let url = &app.state.service.settings.database.url;
        if let Some(file) = url.strip_prefix("sqlite:") {
            let mut holder = SqliteConnection::establish(file).unwrap();
            holder.batch_execute("PRAGMA busy_timeout = 5000; BEGIN EXCLUSIVE").unwrap();
            return Self::Sqlite { _holder: holder };
        }
        let (server, name) = url.rsplit_once('/').unwrap();
        let (name, query) = name.split_once('?').map_or((name, String::new()), |(n, q)| (n, format!("?{q}")));
        let mut admin = PgConnection::establish(&format!("{server}/postgres{query}")).unwrap();
        // Two transactions: until the first has committed, a connection that ended would be made anew.
        admin.batch_execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).unwrap();
        let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = ";
        admin.batch_execute(&format!("{end}'{name}'")).unwrap();
        Self::Postgres { admin, name: name.to_owned() }
    }
}

impl Drop for Outage {
    fn drop(&mut self) {
        if let Self::Postgres { admin, name } = self {
            admin.batch_execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).unwrap();
        }
    }
}
