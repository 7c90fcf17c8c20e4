//! Delivery reports of the SMS providers, and how they are authenticated.

use std::sync::{Arc, Mutex};

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use practice_links::delivery;
use practice_links::delivery::sms::kannel::urls;
use practice_links::kit::Secret;
use practice_links::platform::outbox::{Envelope, Outcome, Outgoing, SendResult, Transport, Worker};
use serde_json::{Value, json};

use crate::harness::{Builder, Call, Client, TestApp, Verification, drain, phone};

const PUBLIC: &str = "http://links.example.test";
const TOKEN: &str = "12345";

fn with_token(config: &mut delivery::Settings) {
    config.twilio.auth_token = Some(Secret::from_client(TOKEN));
}

fn started(on: Builder) -> TestApp {
    on.delivery(with_token).start()
}

fn sign(algorithm: hmac::Algorithm, secret: &str, url: &str, fields: &[(&str, &str)]) -> String {
    let mut pairs = fields.to_vec();
    pairs.sort_unstable();
    let text: String = pairs.iter().flat_map(|(name, value)| [*name, *value]).collect();
    let key = hmac::Key::new(algorithm, secret.as_bytes());
    STANDARD.encode(hmac::sign(&key, format!("{url}{text}").as_bytes()))
}

/// A callback, signed with the account's token as Twilio does.
pub fn twilio(app: &TestApp, path: &str, fields: &[(&str, &str)]) -> Call {
    let signature = sign(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, TOKEN, &format!("{PUBLIC}{path}"), fields);
    app.form(path, fields).header("x-twilio-signature", &signature)
}

/// Sends Twilio's report on an attempt.
fn report(app: &TestApp, delivery_id: &str, status: &str, code: Option<&str>) {
    let mut fields = vec![("MessageSid", "SM1"), ("MessageStatus", status), ("To", "+14155552000")];
    fields.extend(code.map(|code| ("ErrorCode", code)));
    twilio(app, &format!("/v1/callbacks/twilio/{delivery_id}"), &fields).send().expect(204);
}

fn screen(app: &TestApp, verification: &Verification) -> Value {
    let call = app.get(&format!("/v1/verifications/{}", verification.id)).bearer(&verification.secret);
    call.send().expect(200).at("/verification")
}

fn delivery(app: &TestApp, verification: &Verification) -> String {
    screen(app, verification)["delivery"].as_str().unwrap().to_owned()
}

/// Starts a verification and sends its text. Returns it with the id of the attempt.
fn send_text(app: &TestApp, n: u32) -> (Verification, String) {
    let verification = app.start(&phone(n));
    app.deliver_all();
    let attempt = app.transport.sent_to(&phone(n)).pop().unwrap().delivery_id;
    (verification, attempt)
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Reports on each attempt from inside the send, before the result of the send can be stored.
struct EarlyReporter {
    client: Client,
    statuses: Mutex<Vec<u16>>,
}

impl Transport for EarlyReporter {
    fn deliver(&self, _: &Outgoing, envelope: &Envelope<'_>) -> SendResult {
        let path = format!("/v1/callbacks/twilio/{}", envelope.delivery_id);
        let url = format!("{PUBLIC}{path}");
        let signature =
            sign(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, TOKEN, &url, &[("MessageStatus", "delivered")]);
        let call = self.client.call("POST", &path);
        let call = call.raw("application/x-www-form-urlencoded", "MessageStatus=delivered");
        let reply = call.header("x-twilio-signature", &signature).send();
        self.statuses.lock().unwrap().push(reply.status);
        SendResult::by("early", Outcome::Sent)
    }
}

both! {
    fn delivery_moves_from_queued_to_sent_to_delivered(on: Builder) {
        let app = started(on);
        let verification = app.start(&phone(0));
        assert_eq!(delivery(&app, &verification), "queued");
        app.deliver_all();
        assert_eq!(delivery(&app, &verification), "sent");
        let attempt = app.transport.sent()[0].delivery_id.clone();
        for (status, then) in [("queued", "sent"), ("sent", "sent"), ("delivered", "delivered")] {
            report(&app, &attempt, status, None);
            assert_eq!(delivery(&app, &verification), then, "{status}");
        }
        app.check(&verification, &app.code_for(&phone(0))).expect(200);
    }

    fn undelivered_text_offers_a_call_at_once_and_no_text(on: Builder) {
        let app = started(on);
        for (n, code) in (0..).zip([Some("30005"), Some("30003"), Some("99999"), None]) {
            let (verification, attempt) = send_text(&app, n);
            report(&app, &attempt, "undelivered", code);
            let screen = screen(&app, &verification);
            let state = (&screen["delivery"], &screen["next_sms"], &screen["next_call"]);
            assert_eq!(state, (&json!("failed"), &Value::Null, &json!(0)), "{code:?}");
        }
    }

    fn fraud_report_ends_texts_and_calls(on: Builder) {
        let app = started(on);
        let (verification, attempt) = send_text(&app, 0);
        report(&app, &attempt, "undelivered", Some("30450"));
        let screen = screen(&app, &verification);
        let state = (&screen["delivery"], &screen["next_sms"], &screen["next_call"]);
        assert_eq!(state, (&json!("failed"), &Value::Null, &Value::Null));
    }

    fn late_or_repeated_report_changes_nothing(on: Builder) {
        let app = started(on);
        let (verification, attempt) = send_text(&app, 0);
        report(&app, &attempt, "delivered", None);
        for late in ["sent", "queued", "undelivered", "delivered"] {
            report(&app, &attempt, late, Some("30005"));
            assert_eq!(delivery(&app, &verification), "delivered", "{late}");
            assert_eq!(screen(&app, &verification)["next_sms"], 30, "{late}");
        }
    }

    fn delivered_report_overrides_an_earlier_failure(on: Builder) {
        let app = started(on);
        let (verification, attempt) = send_text(&app, 0);
        report(&app, &attempt, "undelivered", Some("30008"));
        report(&app, &attempt, "delivered", None);
        assert_eq!(delivery(&app, &verification), "delivered");
    }

    fn report_on_first_message_does_not_change_the_second(on: Builder) {
        let app = started(on);
        let (verification, first) = send_text(&app, 0);
        app.advance(30);
        app.resend(&verification, "sms").expect(202);
        app.deliver_all();
        report(&app, &first, "undelivered", Some("30005"));
        let screen = screen(&app, &verification);
        assert_eq!((&screen["delivery"], &screen["next_sms"]), (&json!("sent"), &json!(60)));
    }

    fn report_before_the_send_response_is_kept(on: Builder) {
        let app = started(on);
        let verification = app.start(&phone(0));
        let early = Arc::new(EarlyReporter { client: app.client.clone(), statuses: Mutex::default() });
        drain(&Worker::new(app.state.service.clone(), Arc::clone(&app.state.topics), Arc::<EarlyReporter>::clone(&early)));
        assert_eq!(*early.statuses.lock().unwrap(), [204]);
        assert_eq!(delivery(&app, &verification), "delivered");
        assert_eq!(app.outbox("sent"), 1);
    }

    fn unanswered_call_can_be_placed_again(on: Builder) {
        let app = started(on);
        let (verification, _) = send_text(&app, 0);
        app.advance(60);
        app.resend(&verification, "voice").expect(202);
        app.deliver_all();
        let call = app.transport.sent().pop().unwrap();
        assert_eq!(call.channel, "voice");
        let path = format!("/v1/callbacks/twilio/{}", call.delivery_id);
        twilio(&app, &path, &[("CallSid", "CA1"), ("CallStatus", "no-answer")]).send().expect(204);
        let screen = screen(&app, &verification);
        assert_eq!(screen["delivery"], "failed");
        assert!(screen["next_call"].is_number() && screen["next_sms"].is_number(), "{screen}");
        twilio(&app, &path, &[("CallSid", "CA1"), ("CallStatus", "completed")]).send().expect(204);
        assert_eq!(delivery(&app, &verification), "delivered");
    }

    fn impossible_call_is_not_offered_again(on: Builder) {
        let app = started(on);
        let (verification, _) = send_text(&app, 0);
        app.advance(60);
        app.resend(&verification, "voice").expect(202);
        app.deliver_all();
        let path = format!("/v1/callbacks/twilio/{}", app.transport.sent().pop().unwrap().delivery_id);
        twilio(&app, &path, &[("CallStatus", "failed"), ("ErrorCode", "21612")]).send().expect(204);
        assert_eq!(screen(&app, &verification)["next_call"], Value::Null);
    }

    fn forged_report_is_refused_and_changes_nothing(on: Builder) {
        let app = started(on);
        let (verification, attempt) = send_text(&app, 0);
        let path = format!("/v1/callbacks/twilio/{attempt}");
        let fields = [("MessageStatus", "delivered"), ("MessageSid", "SM1")];
        let right = sign(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, TOKEN, &format!("{PUBLIC}{path}"), &fields);
        let sha256 = sign(hmac::HMAC_SHA256, TOKEN, &format!("{PUBLIC}{path}"), &fields);
        let refused = |call: Call| call.send().problem(403, "signature_invalid");
        refused(app.form(&path, &fields));
        refused(app.form(&path, &fields).header("x-twilio-signature", "AAAA"));
        refused(app.form(&path, &fields).header("x-twilio-signature", "ÿ"));
        refused(app.form(&path, &fields[..1]).header("x-twilio-signature", &right));
        refused(app.form(&path, &[fields[0], fields[1], ("More", "")]).header("x-twilio-signature", &right));
        refused(app.form(&format!("{path}?more=1"), &fields).header("x-twilio-signature", &right));
        refused(app.form("/v1/callbacks/twilio/dlv_other", &fields).header("x-twilio-signature", &right));
        // A header cannot choose the algorithm.
        let headed = app.form(&path, &fields).header("x-twilio-signature", &sha256);
        refused(headed.header("x-twilio-webhooks-signature-settings", "HMAC-SHA256"));
        assert_eq!(delivery(&app, &verification), "sent");
        app.form(&path, &fields).header("x-twilio-signature", &right).send().expect(204);
        assert_eq!(delivery(&app, &verification), "delivered");
    }

    fn signing_key_requires_sha_256_signatures(on: Builder) {
        let app = on.delivery(with_token).delivery(|c| c.twilio.signing_key = Some(Secret::from_client("shared"))).start();
        let (verification, attempt) = send_text(&app, 0);
        let path = format!("/v1/callbacks/twilio/{attempt}");
        let fields = [("MessageStatus", "delivered")];
        let url = format!("{PUBLIC}{path}");
        twilio(&app, &path, &fields).send().problem(403, "signature_invalid");
        let old = sign(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, "shared", &url, &fields);
        app.form(&path, &fields).header("x-twilio-signature", &old).send().problem(403, "signature_invalid");
        let new = sign(hmac::HMAC_SHA256, "shared", &url, &fields);
        app.form(&path, &fields).header("x-twilio-signature", &new).send().expect(204);
        assert_eq!(delivery(&app, &verification), "delivered");
    }

    fn json_report_is_verified_by_body_hash_and_url(on: Builder) {
        let app = started(on);
        let (verification, attempt) = send_text(&app, 0);
        let body = json!({ "MessageStatus": "delivered", "MessageSid": "SM1" }).to_string();
        let hash = hex(digest::digest(&digest::SHA256, body.as_bytes()).as_ref());
        let post = |path: &str, body: &str| {
            let signature = sign(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, TOKEN, &format!("{PUBLIC}{path}"), &[]);
            let call = app.call("POST", path).raw("application/json", body);
            call.header("x-twilio-signature", &signature).send()
        };
        let path = format!("/v1/callbacks/twilio/{attempt}");
        let hashed = format!("{path}?bodySHA256={hash}");
        post(&path, &body).problem(403, "signature_invalid");
        post(&hashed, &body.replace("SM1", "SM2")).problem(403, "signature_invalid");
        assert_eq!(delivery(&app, &verification), "sent");
        post(&hashed, &body).expect(204);
        assert_eq!(delivery(&app, &verification), "delivered");
    }

    fn unknown_attempt_or_status_is_accepted_and_ignored(on: Builder) {
        let app = started(on);
        let (verification, attempt) = send_text(&app, 0);
        for path in ["dlv_0198c1f2a4c07d3e8a51b2c3d4e5f607", "x%00y", "%F0%9F%98%80"] {
            twilio(&app, &format!("/v1/callbacks/twilio/{path}"), &[("MessageStatus", "delivered")]).send().expect(204);
        }
        for fields in [
            &[("MessageStatus", "teleported")][..], &[("MessageStatus", "")], &[], &[("\u{0}", "\u{0}")],
            &[("MessageStatus", "undelivered"), ("MessageStatus", "sent"), ("ErrorCode", "-1e9")][1..],
        ] {
            twilio(&app, &format!("/v1/callbacks/twilio/{attempt}"), fields).send().expect(204);
        }
        assert_eq!(delivery(&app, &verification), "sent");
        let path = format!("/v1/callbacks/twilio/{attempt}");
        app.call("POST", &path).raw("text/plain", "x").send().problem(415, "unsupported_media_type");
        app.call("POST", &path).raw("application/x-www-form-urlencoded", vec![0xff_u8, b'=', b'%']).send().problem(403, "signature_invalid");
    }

    fn report_is_refused_when_no_token_is_set(app: TestApp) {
        let (_, attempt) = send_text(&app, 0);
        twilio(&app, &format!("/v1/callbacks/twilio/{attempt}"), &[("MessageStatus", "delivered")])
            .send().problem(403, "signature_invalid");
    }

    // Anybody can compute an HMAC with an empty key.
    fn empty_signing_secret_counts_as_unset(on: Builder) {
        let empty = || Some(Secret::from_client(""));
        let app = on.delivery(move |config| (config.twilio.auth_token, config.twilio.signing_key) = (empty(), empty())).start();
        let (verification, attempt) = send_text(&app, 0);
        let path = format!("/v1/callbacks/twilio/{attempt}");
        let fields = [("MessageStatus", "delivered")];
        for algorithm in [hmac::HMAC_SHA256, hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY] {
            let forged = sign(algorithm, "", &format!("{PUBLIC}{path}"), &fields);
            app.form(&path, &fields).header("x-twilio-signature", &forged).send().problem(403, "signature_invalid");
        }
        assert_eq!(delivery(&app, &verification), "sent");
    }

    fn kannel_receipt_needs_the_token_of_its_attempt(app: TestApp) {
        let (verification, attempt) = send_text(&app, 0);
        let (_, other) = send_text(&app, 1);
        let token = urls::receipt_token(&app.state.service.keys, &attempt.as_str().into());
        let get = |id: &str, token: &str, status: &str| {
            app.get(&format!("/v1/callbacks/kannel/{id}?token={token}&status={status}")).send()
        };
        get(&attempt, "", "1").problem(403, "signature_invalid");
        get(&other, &token, "1").problem(403, "signature_invalid");
        app.get(&format!("/v1/callbacks/kannel/{attempt}")).send().problem(403, "signature_invalid");
        for odd in ["", "0", "%d", "-1", "99999999999", "%00"] {
            assert_eq!(get(&attempt, &token, odd).expect(200).text(), "", "Kannel would text the reply's body back");
            assert_eq!(delivery(&app, &verification), "sent");
        }
        get(&attempt, &token, "8").expect(200);
        assert_eq!(delivery(&app, &verification), "sent");
        get(&attempt, &token, "1").expect(200);
        assert_eq!(delivery(&app, &verification), "delivered");
        get(&attempt, &token, "16").expect(200);
        assert_eq!(delivery(&app, &verification), "delivered");
        let unknown = "dlv_0198c1f2a4c07d3e8a51b2c3d4e5f607";
        get(unknown, &urls::receipt_token(&app.state.service.keys, &unknown.into()), "1").expect(200);
    }

    fn kannel_failure_or_expiry_offers_a_call(app: TestApp) {
        for (n, status) in (0..).zip(["2", "16", "34", "66"]) {
            let (verification, attempt) = send_text(&app, n);
            let token = urls::receipt_token(&app.state.service.keys, &attempt.as_str().into());
            app.get(&format!("/v1/callbacks/kannel/{attempt}?token={token}&status={status}")).send().expect(200);
            let screen = screen(&app, &verification);
            assert_eq!((&screen["delivery"], &screen["next_call"]), (&json!("failed"), &json!(0)), "{status}");
        }
    }

    fn account_error_without_fallback_pauses_texts(on: Builder) {
        let app = started(on);
        let (verification, attempt) = send_text(&app, 0);
        report(&app, &attempt, "undelivered", Some("30034"));
        assert_eq!(screen(&app, &verification)["next_call"], 0);
        assert_eq!(app.count("SELECT count(*) FROM paused_channels WHERE channel = 'sms'"), 1);
    }

    fn account_error_on_a_call_pauses_calls(on: Builder) {
        let app = started(on);
        let (verification, _) = send_text(&app, 0);
        app.advance(60);
        app.resend(&verification, "voice").expect(202);
        app.deliver_all();
        let attempt = app.transport.sent_to(&phone(0)).pop().unwrap().delivery_id;
        twilio(&app, &format!("/v1/callbacks/twilio/{attempt}"), &[("CallStatus", "failed"), ("ErrorCode", "30002")])
            .send().expect(204);
        assert_eq!(app.count("SELECT count(*) FROM paused_channels WHERE channel = 'voice'"), 1);
        assert_eq!(app.count("SELECT count(*) FROM paused_channels"), 1, "texts are not paused");
    }

    fn account_error_with_fallback_pauses_nothing(on: Builder) {
        let app = on.delivery(with_token).delivery(|config| config.sms.fallback = Some("kannel".into())).start();
        let (_, attempt) = send_text(&app, 0);
        report(&app, &attempt, "undelivered", Some("30034"));
        assert_eq!(app.count("SELECT count(*) FROM paused_channels"), 0);
    }
}
