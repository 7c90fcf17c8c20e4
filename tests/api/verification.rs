//! Verification of a phone number: what is counted, what is refused, and for how long.

use std::time::Duration;

use practice_links::kit::entropy::SeededEntropy;
use practice_links::kit::{Entropy as _, Phone, Timestamp};
use practice_links::outbox::Outcome;
use practice_links::verification;
use serde_json::{Value, json};

use crate::harness::{Builder, Call, DEMO, Reply, TestApp, Verification, phone, sign_up_body, together};

const VERIFIED: &str = "SELECT count(*) FROM verifications WHERE verified_at IS NOT NULL";
const PROOFS: &str = "SELECT count(proof_hash) FROM verifications";
const CHECKS: &str = "SELECT sum(checks) FROM verifications";
const FAILS: &str = "SELECT sum(fails) FROM check_budgets";
const IN_A_ROW: &str = "SELECT sum(fails_in_a_row) FROM check_budgets";

/// A request that a client may send for a verification.
type Attempt<'a> = dyn Fn(&Verification) -> Reply + 'a;

/// A wrong code: the right one plus `n`.
fn wrong(code: &str, n: u32) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + n) % 1_000_000)
}

/// The verification as a restored screen gets it.
#[track_caller]
fn state(app: &TestApp, verification: &Verification) -> Value {
    let call = app.get(&format!("/v1/verifications/{}", verification.id)).bearer(&verification.secret);
    call.send().expect(200).at("/verification")
}

/// Starts a verification; may be refused.
fn try_start(app: &TestApp, phone: &str, address: &str) -> Reply {
    let body = json!({ "phone": phone, "link_token": app.link_token(DEMO) });
    app.post("/v1/verifications", body).ip(address).send()
}

/// A verification whose code has been delivered, and the code.
fn start_and_deliver(app: &TestApp, phone: &str) -> (Verification, String) {
    let verification = app.start(phone);
    let code = app.code_for(phone);
    (verification, code)
}

/// Sends a wrong code and asserts that it was compared.
#[track_caller]
fn guess(app: &TestApp, verification: &Verification, code: &str) {
    let reply = app.check(verification, code).expect(200);
    assert_eq!((reply.at("/result"), reply.at("/phone_proof")), (json!("wrong"), Value::Null));
}

/// Sends the right code; returns the phone proof.
#[track_caller]
fn prove(app: &TestApp, verification: &Verification, code: &str) -> String {
    let reply = app.check(verification, code).expect(200);
    assert_eq!(reply.at("/result"), "approved", "{}", reply.text());
    reply.str("/phone_proof")
}

/// The `Retry-After` of a refusal, which must agree with its `retry_at`.
#[track_caller]
fn retry_after(app: &TestApp, refused: &Reply) -> u64 {
    let wait = refused.retry_after().unwrap();
    let at: Timestamp = serde_json::from_value(refused.at("/retry_at")).unwrap();
    assert_eq!(at.wait_from(app.now()).seconds, wait, "{}", refused.text());
    wait
}

/// Checks the wait that a refusal names: a second before it ends the call is still refused, and at its end
/// it is not. Returns the wait and the response after it. The clock first advances by an odd fraction of a
/// second, so that no rule can rely on whole seconds.
#[track_caller]
fn wait_out(app: &TestApp, code: &str, call: impl Fn() -> Reply) -> (u64, Reply) {
    app.clock.advance(Duration::from_millis(137));
    let wait = retry_after(app, &call().problem(429, code));
    if wait > 1 {
        app.advance(wait - 1);
        assert_eq!(retry_after(app, &call().problem(429, code)), 1);
    }
    app.advance(1);
    (wait, call())
}

/// [`wait_out`] for a resend; also checks that the timers of the restored screen and of the refusal agree.
#[track_caller]
fn wait_out_resend(app: &TestApp, verification: &Verification, channel: &str) -> u64 {
    let timer = if channel == "sms" { "next_sms" } else { "next_call" };
    let call = || {
        let timer_before = state(app, verification)[timer].clone();
        let reply = app.resend(verification, channel);
        match reply.retry_after() {
            Some(wait) => {
                assert_eq!(timer_before, wait);
                assert_eq!(reply.at(&format!("/verification/{timer}")), wait);
            }
            None => assert_eq!(timer_before, 0),
        }
        reply
    };
    let (wait, sent) = wait_out(app, "send_limited", call);
    sent.expect(202);
    wait
}

both! {
    // Case 1.
    fn hundred_concurrent_right_checks_prove_the_number_once(on: Builder) {
        let app = on.pool(40).start();
        let (verification, code) = start_and_deliver(&app, &phone(0));
        let replies = together(100, |_| app.check(&verification, &code));
        let proof = replies.iter().find(|reply| reply.status == 200).unwrap().str("/phone_proof");
        for reply in replies {
            match reply.status {
                200 => assert_eq!((reply.at("/result"), reply.str("/phone_proof")), (json!("approved"), proof.clone())),
                status => assert_eq!(status, 409, "{}", reply.text()),
            }
        }
        assert_eq!((app.count(VERIFIED), app.count(PROOFS), app.count(CHECKS)), (1, 1, 1));
        assert_eq!((app.count(FAILS), app.count(IN_A_ROW)), (0, 0));
    }

    // Case 3.
    fn of_hundred_concurrent_guesses_five_are_compared(on: Builder) {
        let app = on.pool(40).start();
        let (verification, code) = start_and_deliver(&app, &phone(0));
        let guesses: Vec<_> = (1..=100).map(|n| wrong(&code, n)).collect();
        let replies = together(100, |n| app.check(&verification, &guesses[n]));
        let (compared, refused): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 200);
        assert_eq!(compared.len(), 5);
        assert!(compared.iter().all(|reply| reply.at("/result") == "wrong" && reply.at("/phone_proof").is_null()));
        for reply in refused {
            assert!(reply.problem(429, "checks_exhausted").retry_after().is_some_and(|wait| wait >= 1));
        }
        assert_eq!((app.count(CHECKS), app.count(FAILS), app.count(VERIFIED)), (5, 5, 0));
        app.check(&verification, &code).problem(429, "checks_exhausted");
    }

    // Case 4.
    fn of_fifty_concurrent_resends_one_is_sent(on: Builder) {
        let app = on.pool(40).start();
        let (verification, _) = start_and_deliver(&app, &phone(0));
        app.advance(30);
        let replies = together(50, |_| app.resend(&verification, "sms"));
        let (sent, refused): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 202);
        assert_eq!(sent.len(), 1);
        let next = sent[0].at("/verification/next_sms").as_i64().unwrap();
        for reply in refused {
            let reply = reply.problem(429, "send_limited");
            let refused_next = reply.at("/verification/next_sms").as_i64().unwrap();
            assert!((refused_next - next).abs() <= 1, "{refused_next} and {next}");
        }
        assert_eq!(app.deliver_all(), 1);
        assert_eq!(app.transport.sent_to(&phone(0)).len(), 2);
    }

    // Case 6.
    fn lost_reply_is_recovered_by_the_same_check(app: TestApp) {
        let (verification, code) = start_and_deliver(&app, &phone(0));
        app.advance(599);
        let proof = prove(&app, &verification, &code);
        assert_eq!(prove(&app, &verification, &code), proof);
        app.advance(300);
        assert_eq!(prove(&app, &verification, &code), proof, "the code itself has expired after ten minutes");
        app.advance(299);
        assert_eq!(prove(&app, &verification, &code), proof);
        assert_eq!((app.count(CHECKS), app.count(FAILS), app.count(PROOFS)), (1, 0, 1));
        app.advance(1);
        app.check(&verification, &code).problem(410, "phone_proof_expired");
        app.post("/v1/accounts", sign_up_body(&proof, &app.link_token(DEMO))).send().problem(410, "phone_proof_expired");
    }

    // Case 6, for a number whose code a stranger is guessing.
    fn lost_reply_is_recovered_despite_guesses_of_strangers(app: TestApp) {
        let (verification, code) = start_and_deliver(&app, &phone(0));
        let proof = prove(&app, &verification, &code);
        for _ in 0..2 {
            let (strangers, strangers_code) = start_and_deliver(&app, &phone(0));
            (1..=5).for_each(|n| guess(&app, &strangers, &wrong(&strangers_code, n)));
        }
        assert_eq!(prove(&app, &verification, &code), proof);
    }

    // Case 6.
    fn wrong_code_after_the_right_one_keeps_the_proof_valid(app: TestApp) {
        let (verification, code) = start_and_deliver(&app, &phone(0));
        let proof = prove(&app, &verification, &code);
        guess(&app, &verification, &wrong(&code, 1));
        assert_eq!((app.count(CHECKS), app.count(FAILS)), (2, 0));
        assert_eq!(prove(&app, &verification, &code), proof);
        app.post("/v1/accounts", sign_up_body(&proof, &app.link_token(DEMO))).send().expect(201);
        assert_eq!(app.deliver_all(), 1);
    }

    // Case 6.
    fn wrong_check_repeated_with_its_key_counts_once(app: TestApp) {
        let (verification, code) = start_and_deliver(&app, &phone(0));
        let body = json!({ "code": wrong(&code, 1) });
        for _ in 0..3 {
            let reply = app.on_verification(&verification, "checks", body.clone()).key("one").send().expect(200);
            assert_eq!((reply.at("/result"), reply.at("/verification/checks_left")), (json!("wrong"), json!(4)));
        }
        assert_eq!((app.count(CHECKS), app.count(FAILS)), (1, 1));
    }

    // Case 7.
    fn code_delivered_before_a_transport_failure_still_works(app: TestApp) {
        app.transport.answer_next(1, &Outcome::Retry("timeout"));
        let verification = app.start(&phone(0));
        app.deliver_all();
        let first = app.transport.attempts().remove(0);
        assert_eq!((app.outbox("queued"), app.transport.sent().len()), (1, 0));
        assert_eq!(app.deliver_all(), 0, "the retry waits");
        app.advance(3);
        assert_eq!(app.deliver_all(), 1);
        let second = app.transport.attempts().remove(1);
        assert_eq!((&first.code, &first.body, &first.key), (&second.code, &second.body, &second.key));
        assert_eq!(state(&app, &verification)["delivery"], "sent");
        prove(&app, &verification, &first.code.unwrap());
    }

    // Case 7: after a crash the row is not settled, and its lease expires.
    fn message_past_its_deadline_is_dropped(app: TestApp) {
        app.transport.answer_next(1, &Outcome::Retry("timeout"));
        app.start(&phone(0));
        app.deliver_all();
        app.advance(600);
        assert_eq!(app.deliver_all(), 1);
        assert_eq!((app.transport.attempts().len(), app.transport.sent().len()), (1, 0));
        assert_eq!((app.outbox("dropped"), app.outbox("queued")), (1, 0));
    }

    // Case 8.
    fn code_is_valid_only_in_its_own_verification(app: TestApp) {
        let (a, code_of_a) = start_and_deliver(&app, &phone(0));
        let (b, code_of_b) = start_and_deliver(&app, &phone(0));
        assert_ne!(code_of_a, code_of_b, "equal by chance: seed this test");
        guess(&app, &b, &code_of_a);
        assert_eq!((state(&app, &a)["checks_left"].clone(), state(&app, &b)["checks_left"].clone()), (json!(5), json!(4)));
        prove(&app, &a, &code_of_a);
        prove(&app, &b, &code_of_b);
        assert_eq!(app.count(FAILS), 1);
    }

    // Case 8.
    fn proof_of_one_number_opens_no_account_of_another(app: TestApp) {
        let other = app.sign_up(&phone(1));
        let proof = app.verify(&phone(0));
        let sign_in = app.post("/v1/sessions", json!({ "phone_proof": proof }));
        sign_in.send().problem(404, "account_not_found");
        let made = app.post("/v1/accounts", sign_up_body(&proof, &app.link_token(DEMO))).send().expect(201);
        assert_ne!(made.str("/account/id"), other.account_id);
        assert_eq!(app.deliver_all(), 1);
    }

    // Case 9.
    fn code_is_valid_for_599_999_milliseconds(app: TestApp) {
        let (verification, code) = start_and_deliver(&app, &phone(0));
        app.clock.advance(Duration::from_millis(599_999));
        prove(&app, &verification, &code);
    }

    // Case 9.
    fn code_expires_after_600_000_milliseconds(app: TestApp) {
        let (verification, code) = start_and_deliver(&app, &phone(0));
        app.clock.advance(Duration::from_mins(10));
        app.check(&verification, &code).problem(410, "code_expired");
        assert_eq!((app.count(CHECKS), app.count(FAILS)), (0, 0));
        let screen = state(&app, &verification);
        assert_eq!((&screen["next_check"], &screen["next_sms"]), (&Value::Null, &json!(0)));
        app.resend(&verification, "sms").expect(202);
        let fresh = app.code_for(&phone(0));
        guess(&app, &verification, &code);
        prove(&app, &verification, &fresh);
    }

    // Case 9.
    fn resend_keeps_the_code_while_two_minutes_are_left(app: TestApp) {
        let (verification, code) = start_and_deliver(&app, &phone(0));
        for (seconds, channel) in [(30, "sms"), (60, "voice"), (390, "sms")] {
            app.advance(seconds);
            app.resend(&verification, channel).expect(202);
            app.deliver_all();
            let latest = app.transport.sent_to(&phone(0)).pop().unwrap();
            assert_eq!((latest.channel, latest.code.as_ref()), (channel, Some(&code)));
        }
        prove(&app, &verification, &code);
    }

    // Case 9.
    fn resend_with_less_than_two_minutes_left_makes_a_new_code(app: TestApp) {
        let (verification, old) = start_and_deliver(&app, &phone(0));
        app.clock.advance(Duration::from_millis(480_001));
        app.resend(&verification, "sms").expect(202);
        let fresh = app.code_for(&phone(0));
        assert_ne!(fresh, old, "equal by chance: seed this test");
        guess(&app, &verification, &old);
        app.clock.advance(Duration::from_millis(599_999));
        prove(&app, &verification, &fresh);
    }

    // Case 11.
    fn each_message_of_a_verification_waits_longer(on: Builder) {
        let app = on.config(|c| (c.limits.number_10min, c.limits.number_day) = (100, 100)).start();
        let verification = app.start(&phone(0));
        for wait in [30, 60, 120, 300, 300] {
            assert_eq!(state(&app, &verification)["next_sms"], wait);
            assert_eq!(wait_out_resend(&app, &verification, "sms"), wait);
        }
        app.deliver_all();
    }

    // Case 11.
    fn number_gets_four_messages_in_ten_minutes(app: TestApp) {
        let verification = app.start(&phone(0));
        for _ in 0..3 {
            wait_out_resend(&app, &verification, "sms");
        }
        // The session's own wait would be 300 s; the number's rate limit is longer.
        assert_eq!(wait_out_resend(&app, &verification, "voice"), 390);
        app.deliver_all();
    }

    // Case 11.
    fn new_verification_does_not_bypass_the_number_limit(app: TestApp) {
        let starts = || try_start(&app, &phone(0), "203.0.113.1");
        (0..4).for_each(|_| drop(starts().expect(201)));
        let (wait, started) = wait_out(&app, "send_limited", starts);
        assert_eq!(wait, 600);
        started.expect(201);
        app.deliver_all();
    }

    // Case 11.
    fn number_gets_ten_messages_per_day(app: TestApp) {
        let starts = || try_start(&app, &phone(0), "203.0.113.1");
        for messages in [4, 4, 2] {
            (0..messages).for_each(|_| drop(starts().expect(201)));
            app.deliver_all();
            app.advance(600);
        }
        let (wait, started) = wait_out(&app, "send_limited", starts);
        assert_eq!(wait, 24 * 3600 - 1800);
        started.expect(201);
        app.deliver_all();
    }

    // Case 11.
    fn address_starts_ten_verifications_in_ten_minutes(app: TestApp) {
        (0..10).for_each(|n| drop(try_start(&app, &phone(n), "203.0.113.1").expect(201)));
        let (wait, started) = wait_out(&app, "send_limited", || try_start(&app, &phone(10), "203.0.113.1"));
        assert_eq!(wait, 600);
        started.expect(201);
        try_start(&app, &phone(11), "203.0.113.2").expect(201);
        app.deliver_all();
    }

    // Case 11.
    fn practice_rate_limit_bounds_its_messages(on: Builder) {
        let app = on.config(|c| c.limits.practice_10min = 3).start();
        let first = app.start(&phone(0));
        (1..3).for_each(|n| drop(app.start(&phone(n))));
        let (wait, started) = wait_out(&app, "send_limited", || try_start(&app, &phone(3), "203.0.113.1"));
        assert_eq!(wait, 600);
        started.expect(201);
        app.resend(&first, "sms").expect(202);
        try_start(&app, &phone(4), "203.0.113.1").expect(201);
        wait_out_resend(&app, &first, "sms");
        app.deliver_all();
    }

    // Case 11.
    fn country_rate_limit_bounds_its_messages(on: Builder) {
        let app = on.config(|c| c.limits.country_10min = 2).start();
        let first = app.start(&phone(0));
        app.advance(100);
        app.start(&phone(1));
        assert_eq!(wait_out_resend(&app, &first, "sms"), 500);
        let (_, started) = wait_out(&app, "send_limited", || try_start(&app, &phone(2), "203.0.113.1"));
        started.expect(201);
        app.deliver_all();
    }

    // Case 11, for a rate limit that is counted in time slots.
    fn large_rate_limit_is_never_exceeded_and_names_the_wait(on: Builder) {
        let app = on.config(|c| c.limits.practice_10min = 70).start();
        for n in 0..70 {
            app.start(&phone(n));
            app.clock.advance(Duration::from_millis(311));
        }
        for n in 70..73 {
            let (_, started) = wait_out(&app, "send_limited", || try_start(&app, &phone(n), "203.0.113.1"));
            started.expect(201);
            // More than one hit may have expired together with its slot.
            while try_start(&app, &phone(n), "203.0.113.2").status == 201 {}
        }
        app.leave_outbox();
    }

    // Case 11.
    fn exhausted_verification_says_when_the_next_may_start(app: TestApp) {
        let (verification, code) = start_and_deliver(&app, &phone(0));
        (1..=5).for_each(|n| guess(&app, &verification, &wrong(&code, n)));
        let screen = state(&app, &verification);
        assert_eq!((&screen["status"], &screen["checks_left"]), (&json!("exhausted"), &json!(0)));
        assert_eq!([&screen["next_sms"], &screen["next_call"], &screen["next_check"]], [&Value::Null; 3]);
        let refused = app.check(&verification, &code).problem(429, "checks_exhausted");
        assert_eq!(retry_after(&app, &refused), 1);
        app.resend(&verification, "sms").problem(429, "checks_exhausted");
        (0..3).for_each(|_| drop(try_start(&app, &phone(0), "203.0.113.1").expect(201)));
        let refused = app.check(&verification, &code).problem(429, "checks_exhausted");
        assert_eq!(retry_after(&app, &refused), 600);
        app.advance(599);
        try_start(&app, &phone(0), "203.0.113.1").problem(429, "send_limited");
        app.advance(1);
        try_start(&app, &phone(0), "203.0.113.1").expect(201);
        app.deliver_all();
    }

    // Case 11.
    fn exhausted_verification_gives_check_and_send_one_wait(app: TestApp) {
        let (verification, code) = start_and_deliver(&app, &phone(0));
        (1..=5).for_each(|n| guess(&app, &verification, &wrong(&code, n)));
        (0..2).for_each(|_| drop(try_start(&app, &phone(0), "203.0.113.1").expect(201)));
        app.deliver_all();
        let at_checks = app.check(&verification, &code).problem(429, "checks_exhausted");
        let at_sends = app.resend(&verification, "sms").problem(429, "checks_exhausted");
        assert_eq!((retry_after(&app, &at_checks), retry_after(&app, &at_sends)), (1, 1));
        // The fourth message of these ten minutes: the number's rate limit still allowed it.
        try_start(&app, &phone(0), "203.0.113.1").expect(201);
        app.deliver_all();
    }

    // Case 11.
    fn waits_between_wrong_codes_grow_to_an_hour(on: Builder) {
        let app = on.config(|c| {
            c.verification.checks = 100;
            (c.verification.code_seconds, c.verification.session_seconds) = (80_000, 80_000);
        });
        let app = app.start();
        let (verification, code) = start_and_deliver(&app, &phone(0));
        (1..=10).for_each(|n| guess(&app, &verification, &wrong(&code, n)));
        for (n, wait) in (11..).zip([30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]) {
            let call = || {
                let next_check = state(&app, &verification)["next_check"].clone();
                let reply = app.check(&verification, &wrong(&code, n));
                assert_eq!(next_check, reply.retry_after().unwrap_or(0));
                reply
            };
            let (waited, compared) = wait_out(&app, "check_limited", call);
            assert_eq!((waited, compared.expect(200).at("/result")), (wait, json!("wrong")));
        }
        let (waited, compared) = wait_out(&app, "check_limited", || app.check(&verification, &code));
        assert_eq!((waited, compared.expect(200).at("/result")), (3600, json!("approved")));
        assert_eq!((app.count(FAILS), app.count(IN_A_ROW)), (20, 0));
    }

    // Case 11.
    fn wrong_codes_count_per_number_across_sessions(app: TestApp) {
        for _ in 0..2 {
            let (verification, code) = start_and_deliver(&app, &phone(0));
            (1..=5).for_each(|n| guess(&app, &verification, &wrong(&code, n)));
        }
        let (verification, code) = start_and_deliver(&app, &phone(0));
        assert_eq!(verification.json["verification"]["next_check"], 30);
        app.resend(&verification, "sms").problem(429, "send_limited");
        let (wait, compared) = wait_out(&app, "check_limited", || app.check(&verification, &code));
        assert_eq!((wait, compared.expect(200).at("/result")), (30, json!("approved")));
        let (other, code) = start_and_deliver(&app, &phone(1));
        guess(&app, &other, &wrong(&code, 1));
        assert_eq!(state(&app, &other)["next_check"], 0, "another number has its own count");
    }

    // Case 11.
    fn wrong_codes_of_a_number_are_forgotten_after_a_day(app: TestApp) {
        for _ in 0..2 {
            let (verification, code) = start_and_deliver(&app, &phone(0));
            (1..=5).for_each(|n| guess(&app, &verification, &wrong(&code, n)));
        }
        app.advance(24 * 3600);
        for _ in 0..2 {
            let (verification, code) = start_and_deliver(&app, &phone(0));
            assert_eq!(state(&app, &verification)["next_check"], 0);
            (1..=5).for_each(|n| guess(&app, &verification, &wrong(&code, n)));
        }
        assert_eq!((app.count(FAILS), app.count(IN_A_ROW)), (10, 20));
    }

    fn hundred_wrong_codes_in_a_row_lock_the_number(on: Builder) {
        let app = on.config(|c| (c.verification.checks, c.verification.number_checks) = (1000, 1000)).start();
        let (verification, code) = start_and_deliver(&app, &phone(0));
        (1..=100).for_each(|n| guess(&app, &verification, &wrong(&code, n)));
        for tried in [&code, &wrong(&code, 1)] {
            let locked = app.check(&verification, tried).problem(403, "number_locked");
            assert_eq!(locked.retry_after(), None);
        }
        assert_eq!(state(&app, &verification)["next_check"], Value::Null);
        let (fresh, its_code) = start_and_deliver(&app, &phone(0));
        assert_eq!(fresh.json["verification"]["next_check"], Value::Null);
        app.advance(500);
        app.check(&fresh, &its_code).problem(403, "number_locked");
        assert_eq!(app.count(FAILS), 100);

        let number = Phone::parse(&phone(0), None).unwrap();
        assert!(app.write(|ctx, conn| verification::unlock_number(ctx, conn, &number)));
        assert_eq!(state(&app, &fresh)["next_check"], 0);
        prove(&app, &fresh, &its_code);
    }

    fn right_code_resets_the_run_of_wrong_ones(on: Builder) {
        let app = on.config(|c| (c.verification.checks, c.verification.number_checks) = (1000, 1000)).start();
        for _ in 0..2 {
            let (verification, code) = start_and_deliver(&app, &phone(0));
            (1..=99).for_each(|n| guess(&app, &verification, &wrong(&code, n)));
            assert_eq!(app.count(IN_A_ROW), 99);
            prove(&app, &verification, &code);
            assert_eq!(app.count(IN_A_ROW), 0);
        }
        assert_eq!(app.count(FAILS), 198, "the daily count is not reset");
    }

    fn call_is_offered_a_minute_after_the_text(app: TestApp) {
        let (verification, code) = start_and_deliver(&app, &phone(0));
        assert_eq!(state(&app, &verification)["next_call"], 60);
        assert_eq!(wait_out_resend(&app, &verification, "voice"), 60);
        let screen = state(&app, &verification);
        assert_eq!((&screen["channel"], &screen["delivery"]), (&json!("voice"), &json!("queued")));
        assert_eq!(app.code_for(&phone(0)), code);
        assert_eq!(app.transport.sent_to(&phone(0)).pop().unwrap().channel, "voice");
        assert_eq!(state(&app, &verification)["delivery"], "sent");
    }

    fn call_is_offered_at_once_when_the_text_is_refused(app: TestApp) {
        app.transport.answer_next(1, &Outcome::Rejected("blocked"));
        let verification = app.start(&phone(0));
        app.deliver_all();
        let screen = state(&app, &verification);
        assert_eq!((&screen["delivery"], &screen["next_call"], &screen["next_sms"]), (&json!("failed"), &json!(0), &json!(30)));
        app.resend(&verification, "voice").expect(202);
        let code = app.code_for(&phone(0));
        assert_eq!(app.transport.sent_to(&phone(0)).pop().unwrap().channel, "voice");
        prove(&app, &verification, &code);
    }

    fn number_that_takes_texts_cannot_be_called_first(app: TestApp) {
        let body = json!({ "phone": phone(0), "link_token": app.link_token(DEMO), "channel": "voice" });
        app.post("/v1/verifications", body).send().problem(422, "channel_unavailable");
        assert_eq!(app.outbox("queued"), 0);
    }

    // Case 16.
    fn killed_app_restores_its_screen(app: TestApp) {
        let verification = app.start(&phone(0));
        assert_eq!(state(&app, &verification), verification.json["verification"]);
        let screen = state(&app, &verification);
        let timers = ["next_sms", "next_call", "next_check", "checks_left"].map(|timer| screen[timer].clone());
        assert_eq!(timers, [30, 60, 0, 5].map(Value::from));
        let code = app.code_for(&phone(0));
        guess(&app, &verification, &wrong(&code, 1));
        app.advance(12);
        let screen = state(&app, &verification);
        let timers = ["next_sms", "next_call", "next_check", "checks_left"].map(|timer| screen[timer].clone());
        assert_eq!(timers, [18, 48, 0, 4].map(Value::from));
        assert_eq!((&screen["delivery"], &screen["status"]), (&json!("sent"), &json!("pending")));
        prove(&app, &verification, &code);
        assert_eq!(state(&app, &verification)["status"], "verified");
        app.advance(1800);
        assert_eq!(state(&app, &verification)["status"], "verified");
    }

    fn verification_expires_after_half_an_hour(app: TestApp) {
        let (verification, code) = start_and_deliver(&app, &phone(0));
        app.advance(1799);
        assert_eq!(state(&app, &verification)["status"], "pending");
        app.advance(1);
        let screen = state(&app, &verification);
        assert_eq!(screen["status"], "expired");
        assert_eq!([&screen["next_sms"], &screen["next_call"], &screen["next_check"]], [&Value::Null; 3]);
        app.check(&verification, &code).problem(410, "verification_expired");
        app.resend(&verification, "sms").problem(410, "verification_expired");
        assert_eq!(app.count(CHECKS), 0);
    }

    // Case 16.
    fn verification_without_its_secret_is_not_found(app: TestApp) {
        let (verification, code) = start_and_deliver(&app, &phone(0));
        let secret = app.start(&phone(1)).secret;
        let unknown = Verification { id: "ver_00000000000070008000000000000000".into(), ..verification.clone() };
        let endpoints: [fn(&TestApp, &str) -> Call; 3] = [
            |app, id| app.get(&format!("/v1/verifications/{id}")),
            |app, id| app.post(&format!("/v1/verifications/{id}/checks"), json!({ "code": "123456" })),
            |app, id| app.post(&format!("/v1/verifications/{id}/sends"), json!({ "channel": "sms" })),
        ];
        for endpoint in endpoints {
            let answer = |call: Call| {
                let mut body = call.send().problem(404, "verification_not_found").json();
                body.as_object_mut().unwrap().remove("instance").unwrap();
                body
            };
            let expected = answer(endpoint(&app, &unknown.id).bearer(&unknown.secret));
            assert_eq!(answer(endpoint(&app, &verification.id)), expected);
            assert_eq!(answer(endpoint(&app, &verification.id).bearer(&secret)), expected);
            assert_eq!(answer(endpoint(&app, &verification.id).bearer("")), expected);
        }
        assert_eq!((app.count(CHECKS), app.count(FAILS)), (0, 0));
        prove(&app, &verification, &code);
        app.deliver_all();
    }

    // Case 11: for any requests in any order, each refusal's wait is correct.
    fn waiting_as_told_always_succeeds(app: TestApp) {
        let random = SeededEntropy::new(11);
        let roll = |sides: u32| {
            let mut bytes = [0; 4];
            random.fill(&mut bytes);
            u32::from_be_bytes(bytes) % sides
        };
        let (mut verification, mut code) = start_and_deliver(&app, &phone(0));
        for _ in 0..150 {
            app.clock.advance(Duration::from_millis(u64::from(roll(40_000))));
            let tried = wrong(&code, 1 + roll(1000));
            let (timer, call): (_, Box<Attempt<'_>>) = match roll(4) {
                0 => ("next_sms", Box::new(|v| app.resend(v, "sms"))),
                1 => ("next_call", Box::new(|v| app.resend(v, "voice"))),
                _ => ("next_check", Box::new(|v| app.check(v, &tried))),
            };
            let before = state(&app, &verification);
            let reply = call(&verification);
            let over = match reply.status {
                200 | 202 => false,
                410 => true,
                _ => {
                    let kind = reply.str("/code");
                    let wait = retry_after(&app, &reply.clone().expect(429));
                    // The timer is null if the session or its code expires first: a new one is needed.
                    let is_final = kind == "checks_exhausted" || before[timer].is_null();
                    if is_final {
                        app.advance(wait);
                    } else {
                        app.advance(wait - 1);
                        call(&verification).problem(429, &kind);
                        app.advance(1);
                        let after = call(&verification);
                        assert!(matches!(after.status, 200 | 202), "{kind} {wait}: {}", after.text());
                    }
                    is_final
                }
            };
            if over || roll(12) == 0 {
                let mut started = try_start(&app, &phone(0), "203.0.113.1");
                if started.status == 429 {
                    // An exhausted verification has just said when the next one may start.
                    assert_ne!(reply.at("/code"), "checks_exhausted", "{}", started.text());
                    app.advance(retry_after(&app, &started));
                    started = try_start(&app, &phone(0), "203.0.113.1");
                }
                verification = Verification::of(&phone(0), &started.expect(201));
                code = app.code_for(&phone(0));
            }
            app.deliver_all();
        }
    }
}
