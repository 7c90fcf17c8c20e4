//! Texts and calls through Twilio and Kannel: what is sent, what each response means, and when the fallback
//! takes over.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use practice_links::app::DECLARATIONS;
use practice_links::delivery;
use practice_links::kit::Secret;
use practice_links::platform::outbox::Worker;
use practice_links::platform::settings::reference::sections;
use serde_json::{Value, json};

use crate::harness::{Builder, Provider, ScriptedReply, TestApp, Verification, drain, phone};

const SID: &str = "AC00000000000000000000000000000001";
/// Twilio's magic number for a test sender, and a number of our own at the carrier.
const TWILIO: &str = "+15005550006";
const KANNEL: &str = "+15005550010";

fn twilio(config: &mut delivery::Settings, url: &str) {
    config.twilio.base_url = url.into();
    config.twilio.account_sid = SID.into();
    config.twilio.auth_token = Some(Secret::from_client("token"));
    config.twilio.from = TWILIO.into();
    config.sms.provider = "twilio".into();
}

fn kannel(config: &mut delivery::Settings, url: &str) {
    config.kannel.url = url.into();
    config.kannel.username = "links".into();
    config.kannel.password = Some(Secret::from_client("pass&word"));
    config.kannel.from = KANNEL.into();
}

type Change = fn(&mut delivery::Settings);

/// Only Twilio.
fn with_twilio(on: Builder) -> (TestApp, Provider) {
    let provider = Provider::start();
    let url = provider.url.clone();
    (on.delivery(move |config| twilio(config, &url)).start(), provider)
}

/// Twilio first, Kannel second.
fn with_both(on: Builder) -> (TestApp, Provider, Provider) {
    let (first, second) = (Provider::start(), Provider::start());
    let urls = (first.url.clone(), second.url.clone());
    let change = move |config: &mut delivery::Settings| {
        twilio(config, &urls.0);
        kannel(config, &urls.1);
        config.sms.fallback = Some("kannel".into());
    };
    (on.delivery(change).start(), first, second)
}

/// A server that answers a TLS handshake with plain text; it lives as long as the test process.
fn speaks_no_tls() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            let _ = stream.read(&mut [0; 1024]);
        }
    });
    url
}

fn verification_state(app: &TestApp, verification: &Verification) -> Value {
    let reply =
        app.get(&format!("/v1/verifications/{}", verification.id)).bearer(&verification.secret).send();
    reply.expect(200).at("/verification")
}

fn metric(app: &TestApp, line: &str) -> bool {
    app.get("/metrics").send().expect(200).text().lines().any(|found| found.starts_with(line))
}

both! {
    fn twilio_text_has_sender_validity_and_callback(on: Builder) {
        let (app, provider) = with_twilio(on);
        let verification = app.start(&phone(0));
        drain(&app.real_worker());
        let requests = provider.requests();
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].what, format!("POST /2010-04-01/Accounts/{SID}/Messages.json"));
        let head = requests[0].head.join("\n").to_ascii_lowercase();
        assert!(head.contains("authorization: basic "), "{head}");
        assert!(requests[0].raw.contains("To=%2B14155552000"), "the plus sign is percent-encoded");
        assert_eq!(requests[0].field("From").as_deref(), Some(TWILIO));
        assert_eq!(requests[0].field("ValidityPeriod").as_deref(), Some("600"));
        let callback = requests[0].field("StatusCallback").unwrap();
        assert!(callback.starts_with("http://links.example.test/v1/callbacks/twilio/dlv_"), "{callback}");
        assert_eq!(verification_state(&app, &verification)["delivery"], "sent");
        assert_eq!(app.check(&verification, &requests[0].code()).expect(200).at("/result"), "approved");
        assert!(metric(&app, "provider_attempts_total{provider=\"twilio\",channel=\"sms\",outcome=\"sent\"}"));
    }

    fn voice_call_reads_the_code_twice_digit_by_digit(on: Builder) {
        let (app, provider) = with_twilio(on);
        let worker = app.real_worker();
        let verification = app.start(&phone(0));
        drain(&worker);
        app.advance(60);
        app.resend(&verification, "voice").expect(202);
        drain(&worker);
        let requests = provider.requests();
        let code = requests[0].code();
        assert_eq!(requests[1].what, format!("POST /2010-04-01/Accounts/{SID}/Calls.json"));
        let digits: Vec<String> = code.chars().map(String::from).collect();
        let script = requests[1].field("Twiml").unwrap();
        assert!(script.starts_with("<Response>") && script.contains("<Say language=\"en-US\">"), "{script}");
        assert_eq!(script.matches(&digits.join(", ")).count(), 2, "{script}");
        assert!(requests[1].field("StatusCallback").is_some());
    }

    fn messaging_service_texts_and_another_number_calls(on: Builder) {
        let provider = Provider::start();
        let url = provider.url.clone();
        let service = "MG00000000000000000000000000000001";
        let app = on.delivery(move |config| {
            twilio(config, &url);
            config.twilio.from = service.into();
            config.twilio.voice_from = TWILIO.into();
        }).start();
        let verification = app.start(&phone(0));
        let worker = app.real_worker();
        drain(&worker);
        app.advance(60);
        app.resend(&verification, "voice").expect(202);
        drain(&worker);
        let requests = provider.requests();
        assert_eq!(requests[0].field("MessagingServiceSid").as_deref(), Some(service));
        assert_eq!(requests[0].field("From"), None);
        assert_eq!(requests[1].field("From").as_deref(), Some(TWILIO));
    }

    fn kannel_text_has_encoding_validity_and_receipt_url(on: Builder) {
        let provider = Provider::start();
        let url = provider.url.clone();
        let app = on.delivery(move |config| {
            kannel(config, &url);
            config.sms.provider = "kannel".into();
            config.kannel.callback_url = "http://10.0.0.1:8080".into();
        }).start();
        let verification = app.start(&phone(0));
        app.advance(30);
        drain(&app.real_worker());
        let requests = provider.requests();
        assert_eq!(requests[0].what, "GET /cgi-bin/sendsms");
        for part in ["to=%2B14155552000", "from=%2B15005550010", "password=pass%26word", "status%3D%25d"] {
            assert!(requests[0].raw.contains(part), "no {part} in {}", requests[0].raw);
        }
        let field = |name: &str| requests[0].field(name).unwrap();
        assert_eq!((field("coding"), field("charset"), field("dlr-mask")), ("0".into(), "UTF-8".into(), "31".into()));
        assert_eq!(field("validity"), "9", "in minutes, and less than the code's remaining validity");
        let receipt = field("dlr-url");
        assert!(receipt.starts_with("http://10.0.0.1:8080/v1/callbacks/kannel/dlv_"), "{receipt}");
        assert!(receipt.contains("?token=") && receipt.ends_with("&status=%d"), "{receipt}");
        assert_eq!(verification_state(&app, &verification)["delivery"], "sent");
    }

    fn kannel_cannot_call(on: Builder) {
        let provider = Provider::start();
        let url = provider.url.clone();
        let app = on.delivery(move |config| {
            kannel(config, &url);
            config.sms.provider = "kannel".into();
        }).start();
        let worker = app.real_worker();
        let verification = app.start(&phone(0));
        drain(&worker);
        app.advance(60);
        app.resend(&verification, "voice").expect(202);
        drain(&worker);
        assert_eq!(provider.requests().len(), 1);
        assert_eq!(verification_state(&app, &verification)["delivery"], "failed");
    }

    fn each_twilio_refusal_sets_the_session_timers(on: Builder) {
        let (app, provider) = with_twilio(on);
        let worker = app.real_worker();
        // (Twilio error code, next_sms, next_call) after a 400 response.
        let cases = [
            (21614, Value::Null, json!(0)),
            (21408, Value::Null, json!(0)),
            (30006, Value::Null, json!(0)),
            (21211, json!(30), json!(0)),
            (21610, json!(30), json!(0)),
            (99999, json!(30), json!(0)),
            (30450, Value::Null, Value::Null),
            (60410, Value::Null, Value::Null),
        ];
        for (n, (code, next_sms, next_call)) in (0..).zip(cases) {
            provider.answer_next(1, &ScriptedReply::twilio_error(400, code));
            let verification = app.start(&phone(n));
            drain(&worker);
            let state = verification_state(&app, &verification);
            let actual = (&state["delivery"], &state["next_sms"], &state["next_call"]);
            assert_eq!(actual, (&json!("failed"), &next_sms, &next_call), "{code}");
            assert_eq!(provider.requests().len(), usize::try_from(n).unwrap() + 1, "{code} is final");
        }
        assert!(metric(&app, "verification_fraud_total"));
    }

    fn rate_limited_text_waits_for_twilios_retry_after(on: Builder) {
        let (app, provider) = with_twilio(on);
        let worker = app.real_worker();
        provider.answer_next(1, &ScriptedReply::Respond(429, "retry-after: 30\r\n", "{\"code\":20429}".into()));
        let verification = app.start(&phone(0));
        drain(&worker);
        app.advance(29);
        drain(&worker);
        assert_eq!(provider.requests().len(), 1);
        assert_eq!(verification_state(&app, &verification)["delivery"], "queued");
        app.advance(1);
        drain(&worker);
        assert_eq!(provider.requests().len(), 2);
        assert_eq!(verification_state(&app, &verification)["delivery"], "sent");
    }

    fn unavailable_provider_is_retried_without_ambiguity(on: Builder) {
        let (app, provider) = with_twilio(on);
        let worker = app.real_worker();
        provider.answer_next(2, &ScriptedReply::status(503));
        app.start(&phone(0));
        for _ in 0..4 {
            drain(&worker);
            app.advance(20);
        }
        assert_eq!(provider.requests().len(), 3, "two refusals, then the text");
        assert_eq!(app.outbox("sent"), 1);
    }

    fn connection_failures_are_not_ambiguous(on: Builder) {
        // A closed port, a server without TLS, and an unknown host name.
        let plain = speaks_no_tls();
        let cases = [("http://127.0.0.1:1".to_owned(), "unreachable"), (plain, "tls_failed"), ("https://nowhere.invalid".into(), "host_not_found")];
        let app = on.delivery(|config| twilio(config, "http://127.0.0.1:1")).start();
        app.start(&phone(0));
        for (url, reason) in cases {
            app.advance(120);
            let transport = app.transports(|config| config.twilio.base_url = url).unwrap();
            let transport = std::sync::Arc::new(transport);
            drain(&Worker::new(app.state.service.clone(), std::sync::Arc::clone(&app.state.topics), transport));
            let recorded = app.count(&format!("SELECT count(*) FROM deliveries WHERE outcome = '{reason}'"));
            assert_eq!((recorded, app.count("SELECT count(*) FROM outbox WHERE ambiguous = 0 AND state = 'queued'")), (1, 1), "{reason}");
        }
        app.leave_outbox();
    }

    fn ambiguous_text_is_resent_once_with_the_same_code(on: Builder) {
        let (app, provider) = with_twilio(on);
        let worker = app.real_worker();
        provider.answer_next(3, &ScriptedReply::status(500));
        let verification = app.start(&phone(0));
        for _ in 0..6 {
            drain(&worker);
            app.advance(20);
        }
        let requests = provider.requests();
        assert_eq!(requests.len(), 2, "at most one resend");
        assert_eq!(requests[0].code(), requests[1].code());
        assert_eq!(app.outbox("dead"), 1);
        assert_eq!(verification_state(&app, &verification)["delivery"], "failed");
    }

    fn fallback_takes_over_in_eight_seconds_with_the_same_code(on: Builder) {
        let (app, first, second) = with_both(on);
        let worker = app.real_worker();
        first.answer_next(1, &ScriptedReply::Hang);
        let verification = app.start(&phone(0));
        let began = Instant::now();
        drain(&worker);
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
        assert_eq!((first.requests().len(), second.requests().len()), (1, 1));
        assert_eq!(first.requests()[0].code(), second.requests()[0].code());
        let state = verification_state(&app, &verification);
        assert_eq!(state["delivery"], "sent");
        app.check(&verification, &second.requests()[0].code()).expect(200);
    }

    fn dripping_response_is_cut_off(on: Builder) {
        let (app, first, second) = with_both(on);
        first.answer_next(1, &ScriptedReply::Drip);
        app.start(&phone(0));
        let began = Instant::now();
        drain(&app.real_worker());
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
        assert_eq!(second.requests().len(), 1);
        assert_eq!(app.outbox("sent"), 1);
    }

    fn two_ambiguous_sends_in_one_attempt_end_the_message(on: Builder) {
        let (app, first, second) = with_both(on);
        let worker = app.real_worker();
        first.answer_next(1, &ScriptedReply::status(502));
        second.answer_next(1, &ScriptedReply::status(500));
        let verification = app.start(&phone(0));
        for _ in 0..4 {
            drain(&worker);
            app.advance(20);
        }
        assert_eq!((first.requests().len(), second.requests().len()), (1, 1));
        assert_eq!(app.outbox("dead"), 1);
        assert_eq!(verification_state(&app, &verification)["next_call"], 0);
    }

    fn ambiguous_sends_count_across_attempts(on: Builder) {
        let (app, first, second) = with_both(on);
        let worker = app.real_worker();
        first.answer_next(2, &ScriptedReply::status(504));
        second.answer_next(1, &ScriptedReply::status(503));
        app.start(&phone(0));
        for _ in 0..4 {
            drain(&worker);
            app.advance(20);
        }
        assert_eq!((first.requests().len(), second.requests().len()), (2, 1), "the second ambiguous send ends the message");
        assert_eq!(app.outbox("dead"), 1);
    }

    fn number_errors_are_not_passed_to_the_fallback(on: Builder) {
        let (app, first, second) = with_both(on);
        let worker = app.real_worker();
        for (n, code) in [(0, 21211), (1, 21614), (2, 30450)] {
            first.answer_next(1, &ScriptedReply::twilio_error(400, code));
            app.start(&phone(n));
            drain(&worker);
        }
        assert_eq!((first.requests().len(), second.requests().len()), (3, 0));
    }

    fn circuit_breaker_opens_then_half_opens_after_seconds(on: Builder) {
        let (app, first, second) = with_both(on);
        let worker = app.real_worker();
        first.answer_next(4, &ScriptedReply::status(503));
        for n in 0..5 {
            app.start(&phone(n));
            drain(&worker);
        }
        assert_eq!((first.requests().len(), second.requests().len()), (3, 5), "the fourth and fifth text skip the first provider");
        app.advance(5);
        app.start(&phone(5));
        drain(&worker);
        app.start(&phone(6));
        drain(&worker);
        assert_eq!((first.requests().len(), second.requests().len()), (4, 7), "one trial, which failed");
        app.advance(5);
        for n in 7..9 {
            app.start(&phone(n));
            drain(&worker);
        }
        assert_eq!((first.requests().len(), second.requests().len()), (6, 7), "the first provider is back");
        assert_eq!(app.outbox("sent"), 9);
    }

    fn code_waits_seconds_for_a_trial_when_all_circuit_breakers_are_open(on: Builder) {
        let (app, first, second) = with_both(on);
        let worker = app.real_worker();
        first.answer_next(3, &ScriptedReply::status(503));
        second.answer_next(3, &ScriptedReply::status(503));
        for n in 0..4 {
            app.start(&phone(n));
        }
        drain(&worker);
        assert_eq!((first.requests().len(), second.requests().len()), (3, 3));
        app.advance(4);
        drain(&worker);
        assert_eq!((first.requests().len(), second.requests().len()), (3, 3));
        app.advance(1);
        drain(&worker);
        assert_eq!(app.outbox("sent"), 4, "the trial, and those that waited for it");
    }

    fn provider_that_comes_back_after_a_minute_sends_waiting_codes_within_seconds(on: Builder) {
        let (app, provider) = with_twilio(on);
        let worker = app.real_worker();
        provider.answer_next(14, &ScriptedReply::status(503));
        for n in 0..20 {
            app.start(&phone(n));
        }
        for _ in 0..60 {
            drain(&worker);
            app.advance(1);
        }
        assert_eq!((app.outbox("sent"), app.outbox("queued")), (0, 20), "no attempt is used up by a closed door");
        let trials = provider.requests().len();
        assert!((10..=14).contains(&trials), "{trials} trials in a minute");
        for _ in 0..20 {
            drain(&worker);
            app.advance(1);
        }
        assert_eq!(app.outbox("sent"), 20);
    }

    fn refused_account_pauses_channel_only_without_a_fallback(on: Builder) {
        let (app, first, second) = with_both(on);
        let worker = app.real_worker();
        first.answer_next(2, &ScriptedReply::twilio_error(401, 20003));
        app.start(&phone(0));
        drain(&worker);
        assert_eq!((app.outbox("sent"), second.requests().len()), (1, 1));
        assert_eq!(app.count("SELECT count(*) FROM paused_channels"), 0);
        second.answer_next(1, &ScriptedReply::Respond(403, "", "Authorization failed for sendsms".into()));
        app.start(&phone(1));
        drain(&worker);
        assert_eq!(app.count("SELECT count(*) FROM paused_channels WHERE channel = 'sms'"), 1);
        assert_eq!(app.outbox("queued"), 1, "no attempt is used up");
        app.advance(60);
        drain(&worker);
        assert_eq!(app.outbox("sent"), 2);
        assert_eq!(app.count("SELECT count(*) FROM paused_channels"), 0);
    }

    fn kannel_responses_set_the_delivery_state(on: Builder) {
        let provider = Provider::start();
        let url = provider.url.clone();
        let app = on.delivery(move |config| {
            kannel(config, &url);
            config.sms.provider = "kannel".into();
        }).start();
        let worker = app.real_worker();
        provider.answer_next(1, &ScriptedReply::Respond(403, "", "Not routable. Do not try again.".into()));
        let unroutable = app.start(&phone(0));
        drain(&worker);
        assert_eq!(verification_state(&app, &unroutable)["next_sms"], Value::Null);
        provider.answer_next(1, &ScriptedReply::Respond(503, "", "Temporal failure, try again later.".into()));
        let later = app.start(&phone(1));
        drain(&worker);
        assert_eq!(verification_state(&app, &later)["delivery"], "queued");
        app.advance(5);
        provider.answer_next(1, &ScriptedReply::Respond(202, "", "3: Queued for later delivery".into()));
        drain(&worker);
        assert_eq!(verification_state(&app, &later)["delivery"], "sent");
    }

    fn setting_names_every_provider(app: TestApp) {
        let sections = sections(&DECLARATIONS);
        let mut settings = sections.iter().flat_map(|section| &section.settings);
        let meaning = &settings.find(|setting| setting.path == "sms.provider").unwrap().meaning;
        for provider in &app.state.delivery.providers {
            assert!(meaning.contains(&format!("`{}`", provider.name())), "{}: {meaning}", provider.name());
        }
    }

    fn wrong_or_missing_setting_is_refused_by_its_name(on: Builder) {
        let app = on.start();
        let refusal = |change: Change| {
            let changed = app.transports(|config| {
                twilio(config, "https://api.example");
                kannel(config, "http://127.0.0.1:13013");
                change(config);
            });
            changed.err().map(|bad| bad.setting)
        };
        assert_eq!(refusal(|_| {}), None);
        let cases: [(Change, &str); 12] = [
            (|c| c.sms.provider = "pigeon".into(), "sms.provider"),
            (|c| c.sms.fallback = Some("pigeon".into()), "sms.fallback"),
            (|c| c.sms.fallback = Some("twilio".into()), "sms.fallback"),
            (|c| c.twilio.account_sid.clear(), "twilio.account_sid"),
            (|c| c.twilio.account_sid = "SK/../x".into(), "twilio.account_sid"),
            (|c| c.twilio.auth_token = None, "twilio.auth_token"),
            (|c| c.twilio.from.clear(), "twilio.from"),
            (|c| c.twilio.base_url = "ftp://x".into(), "twilio.base_url"),
            (|c| { c.sms.provider = "kannel".into(); c.kannel.url.clear(); }, "kannel.url"),
            (|c| { c.sms.fallback = Some("kannel".into()); c.kannel.username.clear(); }, "kannel.username"),
            (|c| { c.sms.fallback = Some("kannel".into()); c.kannel.password = None; }, "kannel.password"),
            (|c| { c.sms.fallback = Some("kannel".into()); c.kannel.from.clear(); }, "kannel.from"),
        ];
        for (change, name) in cases {
            assert_eq!(refusal(change).as_deref(), Some(name));
        }
    }
}
