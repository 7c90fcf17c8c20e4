//! `Idempotency-Key`: a repeated request gets the first answer again and takes effect once.

use serde_json::{Value, json};

use crate::harness::{Builder, DEMO, TestApp, phone, sign_up_body, together};

fn verification(n: u32) -> Value {
    json!({ "phone": phone(n) })
}

both! {
    fn repeated_request_gets_the_first_answer_byte_for_byte(app: TestApp) {
        let start = || app.post("/v1/verifications", verification(0)).key("k").send().expect(201);
        let (first, again) = (start(), start());
        assert_eq!(first.body, again.body);
        assert_eq!(first.media_type(), again.media_type());
        assert_eq!(app.deliver_all(), 1);
        assert_eq!(app.transport.sent_to(&phone(0)).len(), 1);

        let body = sign_up_body(&app.verify(&phone(1)), &app.link_token(DEMO));
        let sign_up = || app.post("/v1/accounts", body.clone()).key("k").send().expect(201);
        assert_eq!(sign_up().body, sign_up().body);
        assert_eq!(app.count("SELECT count(*) FROM account_sessions"), 1);
        app.deliver_all();
    }

    // White space and the order of JSON members do not matter.
    fn reformatted_body_counts_as_the_same_request(app: TestApp) {
        let first = format!("{{\"phone\":\"{0}\",\"locale\":\"en\"}}", phone(0));
        let other = format!("{{ \"locale\" : \"en\",\n \"phone\": \"{0}\" }}", phone(0));
        let send = |body: String| {
            app.call("POST", "/v1/verifications").raw("application/json", body).key("k").send().expect(201)
        };
        assert_eq!(send(first).body, send(other).body);
        app.deliver_all();
    }

    fn different_body_under_the_same_key_is_rejected(app: TestApp) {
        app.post("/v1/verifications", verification(0)).key("k").send().expect(201);
        let other = app.post("/v1/verifications", verification(1)).key("k").send();
        other.problem(422, "idempotency_key_reused");
        assert_eq!(app.deliver_all(), 1);
        // Another route is another request.
        let body = json!({ "code": DEMO, "source": "typed" });
        app.post("/v1/link-tokens", body).key("k").send().expect(201);
    }

    fn key_expires_after_a_day(app: TestApp) {
        let start = || app.post("/v1/verifications", verification(0)).key("k").send().expect(201);
        let first = start();
        app.advance(24 * 3600 - 1);
        assert_eq!(first.body, start().body);
        app.advance(1);
        let fresh = start();
        assert_ne!(first.at("/verification/id"), fresh.at("/verification/id"));
        assert_eq!(fresh.body, start().body);
        app.deliver_all();
    }

    // A client that waits as told succeeds under the same key.
    fn error_answers_are_not_stored(app: TestApp) {
        for n in 0..10 {
            app.post("/v1/verifications", verification(n)).send().expect(201);
        }
        let start = || app.post("/v1/verifications", verification(10)).key("k").send();
        let refused = start().problem(429, "send_limited");
        app.advance(refused.retry_after().unwrap());
        start().expect(201);
        app.deliver_all();
    }

    fn two_callers_may_use_the_same_key(app: TestApp) {
        let (one, two) = (app.sign_up(&phone(0)), app.sign_up(&phone(1)));
        let add = |token: &str| {
            let person = json!({ "given_name": "Sam", "family_name": "Rivera" });
            app.post("/v1/me/patients", person).bearer(token).key("k").send().expect(201)
        };
        let (first, second) = (add(&one.access_token), add(&two.access_token));
        assert_ne!(first.at("/patient/id"), second.at("/patient/id"));
        assert_eq!(add(&one.access_token).body, first.body);
        assert_eq!(app.count("SELECT count(*) FROM patients"), 4);
    }

    fn key_of_other_than_1_to_255_characters_is_rejected(app: TestApp) {
        let send = |key: &str| app.post("/v1/verifications", verification(0)).key(key).send();
        send(&"k".repeat(256)).problem(400, "idempotency_key_invalid");
        send("").problem(400, "idempotency_key_invalid");
        send(&"k".repeat(255)).expect(201);
        assert_eq!(app.deliver_all(), 1);
    }

    fn concurrent_requests_under_one_key_take_effect_once(on: Builder) {
        let app = on.pool(40).start();
        let answers =
            together(20, |_| app.post("/v1/verifications", verification(0)).key("k").send());
        let (done, running): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
        assert!(!done.is_empty());
        for answer in &done {
            assert_eq!(answer.body, done[0].body);
        }
        for answer in running {
            assert!(answer.problem(409, "request_in_progress").retry_after().is_some());
        }
        assert_eq!(app.count("SELECT count(*) FROM verifications"), 1);
        assert_eq!(app.deliver_all(), 1);
    }
}
