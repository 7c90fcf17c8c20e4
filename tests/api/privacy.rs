//! What must not leak: through logs, metrics and problems, through the form or timing of a response, or to a
//! forged client address.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use practice_links::delivery::Transports;
use practice_links::delivery::sms::kannel::urls;
use practice_links::domain::staff::Role;
use practice_links::kit::Secret;
use practice_links::platform::outbox::{Outcome, Worker};
use practice_links::platform::settings::Level;
use practice_links::platform::telemetry;
use serde_json::{Value, json};

use crate::callbacks::twilio;
use crate::harness::{Builder, DEMO, Provider, Reply, ScriptedReply, TestApp, Verification, drain, phone};

/// The log of the whole process: the server's threads do not see a subscriber of a test's own thread.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = telemetry::subscriber(Level::Trace, move || writer.clone());
    tracing::subscriber::set_global_default(subscriber).expect("another test set the log subscriber");
    log
});

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

both! {
    // Case 14.
    #[expect(clippy::too_many_lines, reason = "one patient's path from the flyer to the message")]
    fn patient_secrets_appear_in_no_log_metric_or_problem(app: TestApp) {
        LazyLock::force(&LOG);
        let number = if app.state.service.settings.database.url.starts_with("sqlite") { phone(7654) } else { phone(7653) };
        let mut problems = Vec::new();
        let mut keep = |reply: Reply| {
            assert!(reply.status >= 400, "{}", reply.text());
            problems.push(reply.text());
        };
        let (given, family, email) = ("Zephyrine", "Quillfeather", "zephyrine@quillfeather.example");

        let link_token = app.link_token(DEMO);
        let body = json!({ "phone": number, "link_token": link_token, "locale": "en" });
        let started = app.post("/v1/verifications", body.clone()).key("a-very-private-key").send().expect(201);
        let verification = Verification::of(&number, &started);
        keep(app.post("/v1/verifications", json!({ "phone": number, "locale": "x" })).key("a-very-private-key").send());
        app.transport.answer_next(1, &Outcome::Retry("provider_down"));
        app.deliver_all();
        app.advance(30);
        let code = app.code_for(&number);
        keep(app.resend(&verification, "voice"));
        app.advance(30);
        app.resend(&verification, "sms").expect(202);
        app.deliver_all();
        app.advance(60);
        app.resend(&verification, "voice").expect(202);
        // The development provider too, as `serve` sets it up.
        let providers = Arc::new(Transports::new(&app.state.service, &app.state.delivery).unwrap());
        let worker = Worker::new(app.state.service.clone(), Arc::clone(&app.state.topics), providers);
        while worker.run_once().unwrap() {}
        let caught = app.get(&format!("/dev/messages?to=%2B{}", &number[1..])).send().expect(200);
        assert_eq!(caught.at("/items/0/code"), code);

        let wrong = if code == "000000" { "111111" } else { "000000" };
        app.check(&verification, wrong).expect(200);
        keep(app.check(&verification, "12 34"));
        let proof = app.check(&verification, &code).expect(200).str("/phone_proof");
        keep(app.resend(&verification, "sms"));
        keep(app.get(&format!("/v1/verifications/{}", verification.id)).bearer("vs_guess").send());
        let person = json!({
            "phone_proof": proof, "link_token": link_token, "given_name": given, "family_name": family,
            "email": email, "birth_date": "1923-04-17",
        });
        for (field, value) in [
            ("email", json!("zephyrine@")), ("birth_date", json!("1923-04-17T00")),
            ("given_name", json!("Zephyrine\u{7}")), ("family_name", json!(["Quillfeather"])),
            ("phone_proof", json!(format!("{proof}x"))), ("link_token", json!(format!("{link_token}x"))),
            ("phone_proof", json!({ "it": proof })),
        ] {
            let mut body = person.clone();
            body[field] = value;
            keep(app.post("/v1/accounts", body).send());
        }
        let made = app.post("/v1/accounts", person.clone()).send().expect(201);
        let access = made.str("/session/access_token");
        keep(app.post("/v1/sessions", json!({ "phone_proof": proof })).send());
        let refresh = json!({ "refresh_token": made.str("/session/refresh_token") });
        let refreshed = app.post("/v1/sessions/refresh", refresh.clone()).send().expect(200);
        let newest = refreshed.str("/session/access_token");
        let entries = format!("/v1/me/conversations/{}/entries", made.str("/conversation/id"));
        let secret_words = "My quincunx itches since Martinmas.";
        app.post(&entries, json!({ "body": secret_words })).bearer(&newest).send().expect(201);
        keep(app.post(&entries, json!({ "body": secret_words.repeat(150) })).bearer(&newest).send());
        app.transport.answer_next(1, &Outcome::Rejected("mailbox_unknown"));
        app.deliver_all();
        keep(app.get(&format!("/v1/nowhere/{code}?phone={number}&token={access}")).send());
        keep(app.post(&format!("/v1/nowhere/{}", &number[1..]), person).send());
        keep(app.get("/v1/me").bearer(&format!("{access}x")).send());
        keep(app.post("/v1/sessions/refresh", refresh).send());
        let huge = format!("{{\"phone\": \"{number}\", {}", "\"x\":1,".repeat(3000));
        keep(app.call("POST", "/v1/verifications").raw("application/json", huge).send());
        keep(app.call("POST", "/v1/verifications").raw("application/json", format!("{{\"phone\": {number}x")).send());
        app.leave_outbox();

        let log = LOG.text();
        assert!(log.lines().count() > 20 && log.contains("\"route\":\"/v1/accounts\""), "the log is empty");
        let metrics = app.get("/metrics").send().expect(200).text();
        assert!(metrics.contains("http_request_seconds"));
        let secrets = [
            &verification.secret, &proof, &link_token, &access, &newest,
            &made.str("/session/refresh_token"), &refreshed.str("/session/refresh_token"),
            given, family, email, "quillfeather", "1923-04-17", "a-very-private-key", "quincunx",
            &number, &number[1..], &number[2..], "frontdesk@oakstreet.example",
        ];
        for (place, text) in [("log", log), ("metrics", metrics), ("problems", problems.join("\n"))] {
            for secret in secrets {
                assert!(!text.contains(secret), "{secret} in the {place}: {}", around(&text, secret));
                let bare = secret.split_once('_').map_or(secret, |(_, random)| random);
                assert!(!text.contains(bare), "{secret} in the {place}: {}", around(&text, bare));
            }
            // Ids and times are full of digits, so a code counts only if no letter or digit touches it.
            assert!(!contains_standalone(&text, &code), "{code} in the {place}: {}", around(&text, &code));
        }
    }

    // Case 14, on real providers and their callbacks.
    fn provider_secrets_appear_in_no_log_or_metric(on: Builder) {
        LazyLock::force(&LOG);
        let (first, second) = (Provider::start(), Provider::start());
        let urls = (first.url.clone(), second.url.clone());
        let (token, password) = ("12345", "a-carriers-password");
        let app = on.delivery(move |config| {
            config.sms.provider = "twilio".into();
            config.sms.fallback = Some("kannel".into());
            config.twilio.base_url = urls.0;
            config.twilio.account_sid = "AC0123456789".into();
            config.twilio.auth_token = Some(Secret::from_client(token));
            config.twilio.from = "+15005550006".into();
            config.kannel.url = urls.1;
            config.kannel.username = "links".into();
            config.kannel.password = Some(Secret::from_client(password));
            config.kannel.from = "+15005550010".into();
        }).start();
        let number = if app.state.service.settings.database.url.starts_with("sqlite") { phone(7652) } else { phone(7651) };
        let worker = app.real_worker();
        for answer in [ScriptedReply::status(500), ScriptedReply::twilio_error(401, 20003), ScriptedReply::twilio_error(400, 21614)] {
            first.answer_next(1, &answer);
            second.answer_next(1, &ScriptedReply::status(503));
        }
        let verification = app.start(&number);
        for _ in 0..3 {
            drain(&worker);
            app.advance(120);
        }
        let code = first.requests()[0].code();
        let fields = [("MessageSid", "SM1"), ("From", number.as_str()), ("To", "+15005550006"), ("Body", "STOP")];
        twilio(&app, "/v1/callbacks/twilio/inbound", &fields).send().expect(200);
        twilio(&app, "/v1/callbacks/twilio/dlv_none", &[("MessageStatus", "sent"), ("To", &number)]).send().expect(204);
        app.form("/v1/callbacks/twilio/inbound", &fields).send().problem(403, "signature_invalid");
        let inbound = urls::inbound_token(&app.state.service.keys);
        let bare = &number[1..];
        app.get(&format!("/v1/callbacks/kannel/inbound?token={inbound}&id=1&from={bare}&to=15005550010&text=stop")).send().expect(200);
        drain(&worker);
        let metrics = app.get("/metrics").send().expect(200).text();
        assert!(metrics.contains("provider_attempts_total"));
        for (place, text) in [("log", LOG.text()), ("metrics", metrics)] {
            for secret in [&verification.secret, &inbound, bare, &bare[1..], password] {
                assert!(!text.contains(secret), "{secret} in the {place}: {}", around(&text, secret));
            }
            assert!(!contains_standalone(&text, &code), "{code} in the {place}: {}", around(&text, &code));
        }
        app.leave_outbox();
    }

    fn staff_secrets_appear_in_no_log_metric_or_problem(app: TestApp) {
        LazyLock::force(&LOG);
        let practice = app.practice("Quagmire Dental", None);
        let (_, email, letter) = app.invite_staff(&practice, "quasimodo", Role::Admin);
        let mut problems = Vec::new();
        let mut keep = |reply: Reply| {
            assert!(reply.status >= 400, "{}", reply.text());
            problems.push(reply.text());
        };
        let (password, wrong) = ("quixotic zeppelin 77", "quixotic zeppelin 78");
        keep(app.choose_password(&letter, &email));
        app.choose_password(&letter, password).expect(200);
        keep(app.choose_password(&letter, password));
        keep(app.sign_in_with_password(&email, wrong).send());
        let begun = app.sign_in_with_password(&email, password).send().expect(201);
        let (seed, challenge) = (begun.str("/enrol/secret"), begun.str("/challenge"));
        let code = app.totp(&seed);
        keep(app.enter_totp_code(&challenge, &code[1..]));
        let done = app.enter_totp_code(&challenge, &code).expect(201);
        keep(app.enter_totp_code(&challenge, &code));
        let (access, refresh) = (done.str("/session/access_token"), done.str("/session/refresh_token"));
        let (recovery, device) = (done.str("/recovery_codes/0"), done.str("/device"));
        keep(app.get("/v1/staff/me").bearer(&format!("{access}x")).send());
        app.post("/v1/staff/sessions/refresh", json!({ "refresh_token": refresh })).send().expect(200);
        keep(app.post("/v1/staff/sessions/refresh", json!({ "refresh_token": refresh })).send());
        let reset = json!({ "email": email });
        app.post("/v1/staff/password-resets", reset).send().expect(202);
        app.transport.answer_next(1, &Outcome::Retry("provider_down"));
        app.deliver_all();
        app.leave_outbox();
        let metrics = app.get("/metrics").send().expect(200).text();
        for (place, text) in [("log", LOG.text()), ("metrics", metrics), ("problems", problems.join("\n"))] {
            for secret in [
                &letter, &seed, &challenge, &access, &refresh, &recovery, &device, &email, password, wrong,
                "quasimodo", "Quagmire",
            ] {
                assert!(!text.contains(secret), "{secret} in the {place}: {}", around(&text, secret));
            }
            assert!(!contains_standalone(&text, &code), "{code} in the {place}: {}", around(&text, &code));
        }
    }

    // Case 13.
    fn known_unknown_and_blocked_numbers_look_alike(on: Builder) {
        let app = on.config(|config| {
            config.limits.scale = 1e6;
            config.verification.checks = 1000;
            config.verification.number_checks = 1000;
        }).start();
        app.leave_outbox();
        let (known, unknown, blocked) = (phone(1), phone(2), phone(3));
        app.sign_up(&known);
        let verification = app.start(&blocked);
        let code = app.code_for(&blocked);
        let wrong = if code == "000000" { "111111" } else { "000000" };
        for _ in 0..100 {
            app.check(&verification, wrong).expect(200);
        }
        app.check(&verification, &code).problem(403, "number_locked");

        let numbers = [known, unknown, blocked];
        let link_token = app.link_token(DEMO);
        let mut shapes: [BTreeSet<(u16, Vec<String>, String)>; 3] = Default::default();
        let mut times: [Vec<Duration>; 3] = Default::default();
        for run in 0..500 {
            for turn in 0..3 {
                // The order rotates, so that no number is always the first or the last of the three.
                let which = (run + turn) % 3;
                let body = json!({ "phone": numbers[which], "link_token": link_token });
                let began = Instant::now();
                let reply = app.post("/v1/verifications", body).send();
                times[which].push(began.elapsed());
                shapes[which].insert(shape(&reply));
            }
        }
        assert_eq!(shapes[0].len(), 1, "{:?}", shapes[0]);
        assert_eq!(shapes[0], shapes[1]);
        assert_eq!(shapes[0], shapes[2]);
        let means = times.map(mean);
        let spread = means.iter().max().unwrap().saturating_sub(*means.iter().min().unwrap());
        assert!(spread < Duration::from_millis(5), "known, unknown, blocked: {means:?}");
    }

    // Case 12.
    fn forged_client_address_is_ignored(on: Builder) {
        let app = on.config(|config| config.trusted_proxies = Vec::new()).start();
        let start = |n: u32| {
            let forged = format!("203.0.113.{n}");
            app.post("/v1/verifications", json!({ "phone": phone(n) }))
                .ip(&forged)
                .header("x-real-ip", &forged)
                .header("forwarded", &format!("for={forged}"))
                .send()
        };
        for n in 0..10 {
            start(n).expect(201);
        }
        start(10).problem(429, "send_limited");
        app.deliver_all();
    }

    // Case 12.
    fn addresses_of_one_ipv6_64_share_a_rate_limit(app: TestApp) {
        let start = |n: u32, from: &str| app.post("/v1/verifications", json!({ "phone": phone(n) })).ip(from).send();
        for n in 0..10 {
            start(n, &format!("2001:db8:1:2:{n:x}::{n:x}")).expect(201);
        }
        let refused = start(10, "2001:db8:1:2:ffff::1").problem(429, "send_limited");
        assert!(refused.retry_after().is_some());
        start(10, "2001:db8:1:3::1").expect(201);
        // Entries to the left of the trusted proxy's own can be forged by the client.
        start(11, "198.51.100.9, 2001:db8:1:2::5").problem(429, "send_limited");
        app.deliver_all();
    }
}

/// Status, header names and the body's members.
fn shape(reply: &Reply) -> (u16, Vec<String>, String) {
    let mut names: Vec<String> = reply.headers.keys().map(ToString::to_string).collect();
    names.sort();
    (reply.status, names, members(&reply.json()))
}

/// Only the names: a blocked number's `next_check` is null, as `api.md` requires.
fn members(value: &Value) -> String {
    let Value::Object(object) = value else { return String::new() };
    object.iter().map(|(name, value)| format!("{name}({})", members(value))).collect::<Vec<_>>().concat()
}

/// The mean without the slowest twentieth, which is noise of the machine.
fn mean(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.truncate(times.len() * 95 / 100);
    times.iter().sum::<Duration>() / u32::try_from(times.len()).unwrap()
}

fn contains_standalone(text: &str, code: &str) -> bool {
    text.match_indices(code).any(|(at, _)| {
        let touches = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '.');
        !touches(text[..at].chars().next_back()) && !touches(text[at + code.len()..].chars().next())
    })
}

fn around(text: &str, found: &str) -> String {
    text.lines().find(|line| line.contains(found)).unwrap_or_default().chars().take(600).collect()
}
