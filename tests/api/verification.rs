//! Proving a number: what is counted, what is refused, and until when.

use std::time::Duration;

use practice_links::domain::verification;
use practice_links::kit::entropy::SeededEntropy;
use practice_links::kit::{Entropy as _, Phone, Timestamp};
use practice_links::platform::outbox::Outcome;
use serde_json::{Value, json};

use crate::harness::{Builder, Call, DEMO, Reply, TestApp, Verification, phone, sign_up_body, together};

const VERIFIED: &str = "SELECT count(*) FROM verifications WHERE verified_at IS NOT NULL";
const PROOFS: &str = "SELECT count(proof_hash) FROM verifications";
const CHECKS: &str = "SELECT sum(checks) FROM verifications";
const FAILS: &str = "SELECT sum(fails) FROM check_budgets";
const IN_A_ROW: &str = "SELECT sum(fails_in_a_row) FROM check_budgets";

/// Something that a client may try on a verification.
type Try<'a> = dyn Fn(&Verification) -> Reply + 'a;

/// The `n`-th code after the right one.
fn wrong(code: &str, n: u32) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + n) % 1_000_000)
}

/// What a restored screen is told.
#[track_caller]
fn state(app: &TestApp, verification: &Verification) -> Value {
    let call = app.get(&format!("/v1/verifications/{}", verification.id)).bearer(&verification.secret);
    call.send().expect(200).at("/verification")
}

/// A start that may be refused.
fn begin(app: &TestApp, phone: &str, address: &str) -> Reply {
    let body = json!({ "phone": phone, "link_token": app.link_token(DEMO) });
    app.post("/v1/verifications", body).ip(address).send()
}

/// A verification whose code has arrived, and the code.
fn begun(app: &TestApp, phone: &str) -> (Verification, String) {
    let verification = app.start(phone);
    let code = app.code_for(phone);
    (verification, code)
}

/// Hands in a wrong code that is compared.
#[track_caller]
fn guess(app: &TestApp, verification: &Verification, code: &str) {
    let reply = app.check(verification, code).expect(200);
    assert_eq!((reply.at("/result"), reply.at("/phone_proof")), (json!("wrong"), Value::Null));
}

/// Hands in the right code.
#[track_caller]
fn prove(app: &TestApp, verification: &Verification, code: &str) -> String {
    let reply = app.check(verification, code).expect(200);
    assert_eq!(reply.at("/result"), "approved", "{}", reply.text());
    reply.str("/phone_proof")
}

/// A refusal's `Retry-After`, which has to agree with its `retry_at`.
#[track_caller]
fn retry_after(app: &TestApp, refused: &Reply) -> u64 {
    let wait = refused.retry_after().unwrap();
    let at: Timestamp = serde_json::from_value(refused.at("/retry_at")).unwrap();
    assert_eq!(at.wait_from(app.now()).seconds, wait, "{}", refused.text());
    wait
}

/// Takes a refusal at its word: a second too early is too early, and exactly on time is not. Returns the wait
/// and the answer after it. The clock goes on by an odd bit, so that no rule lives by whole seconds.
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

/// [`wait_out`] for another message, with the timers of the restored screen and of the refusal agreeing.
#[track_caller]
fn wait_out_resend(app: &TestApp, verification: &Verification, channel: &str) -> u64 {
    let timer = if channel == "sms" { "next_sms" } else { "next_call" };
    let call = || {
        let told = state(app, verification)[timer].clone();
        let reply = app.resend(verification, channel);
        match reply.retry_after() {
            Some(wait) => {
                assert_eq!(told, wait);
                assert_eq!(reply.at(&format!("/verification/{timer}")), wait);
            }
            None => assert_eq!(told, 0),
        }
        reply
    };
    let (wait, sent) = wait_out(app, "send_limited", call);
    sent.expect(202);
    wait
}

both! {
    // Case 1.
    fn a_hundred_right_checks_at_once_prove_the_number_once(on: Builder) {
        let app = on.pool(40).start();
        let (verification, code) = begun(&app, &phone(0));
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
    fn of_a_hundred_guesses_at_once_five_are_compared(on: Builder) {
        let app = on.pool(40).start();
        let (verification, code) = begun(&app, &phone(0));
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
    fn of_fifty_resends_at_once_one_goes_out(on: Builder) {
        let app = on.pool(40).start();
        let (verification, _) = begun(&app, &phone(0));
        app.advance(30);
        let replies = together(50, |_| app.resend(&verification, "sms"));
        let (sent, refused): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 202);
        assert_eq!(sent.len(), 1);
        let next = sent[0].at("/verification/next_sms").as_i64().unwrap();
        for reply in refused {
            let reply = reply.problem(429, "send_limited");
            let told = reply.at("/verification/next_sms").as_i64().unwrap();
            assert!((told - next).abs() <= 1, "{told} and {next}");
        }
        assert_eq!(app.deliver_all(), 1);
        assert_eq!(app.carrier.sent_to(&phone(0)).len(), 2);
    }

    // Case 6.
    fn a_lost_reply_is_cured_by_the_same_check(app: TestApp) {
        let (verification, code) = begun(&app, &phone(0));
        app.advance(599);
        let proof = prove(&app, &verification, &code);
        assert_eq!(prove(&app, &verification, &code), proof);
        app.advance(300);
        assert_eq!(prove(&app, &verification, &code), proof, "the code's own ten minutes are over");
        app.advance(299);
        assert_eq!(prove(&app, &verification, &code), proof);
        assert_eq!((app.count(CHECKS), app.count(FAILS), app.count(PROOFS)), (1, 0, 1));
        app.advance(1);
        app.check(&verification, &code).problem(410, "phone_proof_expired");
        app.post("/v1/accounts", sign_up_body(&proof, &app.link_token(DEMO))).send().problem(410, "phone_proof_expired");
    }

    // Case 6, on a number that somebody else is guessing at.
    fn a_lost_reply_is_cured_whatever_strangers_guess(app: TestApp) {
        let (verification, code) = begun(&app, &phone(0));
        let proof = prove(&app, &verification, &code);
        for _ in 0..2 {
            let (strangers, theirs) = begun(&app, &phone(0));
            (1..=5).for_each(|n| guess(&app, &strangers, &wrong(&theirs, n)));
        }
        assert_eq!(prove(&app, &verification, &code), proof);
    }

    // Case 6.
    fn a_wrong_code_after_the_right_one_leaves_the_proof_good(app: TestApp) {
        let (verification, code) = begun(&app, &phone(0));
        let proof = prove(&app, &verification, &code);
        guess(&app, &verification, &wrong(&code, 1));
        assert_eq!((app.count(CHECKS), app.count(FAILS)), (2, 0));
        assert_eq!(prove(&app, &verification, &code), proof);
        app.post("/v1/accounts", sign_up_body(&proof, &app.link_token(DEMO))).send().expect(201);
        assert_eq!(app.deliver_all(), 1);
    }

    // Case 6.
    fn a_wrong_check_repeated_under_its_key_counts_once(app: TestApp) {
        let (verification, code) = begun(&app, &phone(0));
        let body = json!({ "code": wrong(&code, 1) });
        for _ in 0..3 {
            let reply = app.on_verification(&verification, "checks", body.clone()).key("one").send().expect(200);
            assert_eq!((reply.at("/result"), reply.at("/verification/checks_left")), (json!("wrong"), json!(4)));
        }
        assert_eq!((app.count(CHECKS), app.count(FAILS)), (1, 1));
    }

    // Case 7.
    fn a_code_that_arrived_before_the_carrier_failed_still_works(app: TestApp) {
        app.carrier.answer_next(1, &Outcome::Retry("timeout"));
        let verification = app.start(&phone(0));
        app.deliver_all();
        let first = app.carrier.attempts().remove(0);
        assert_eq!((app.outbox("queued"), app.carrier.sent().len()), (1, 0));
        assert_eq!(app.deliver_all(), 0, "it waits before it tries again");
        app.advance(3);
        assert_eq!(app.deliver_all(), 1);
        let second = app.carrier.attempts().remove(1);
        assert_eq!((&first.code, &first.body, &first.key), (&second.code, &second.body, &second.key));
        assert_eq!(state(&app, &verification)["delivery"], "sent");
        prove(&app, &verification, &first.code.unwrap());
    }

    // Case 7: after a crash nobody settles the row, and the lease runs out.
    fn a_message_that_is_too_late_is_dropped(app: TestApp) {
        app.carrier.answer_next(1, &Outcome::Retry("timeout"));
        app.start(&phone(0));
        app.deliver_all();
        app.advance(600);
        assert_eq!(app.deliver_all(), 1);
        assert_eq!((app.carrier.attempts().len(), app.carrier.sent().len()), (1, 0));
        assert_eq!((app.outbox("dropped"), app.outbox("queued")), (1, 0));
    }

    // Case 8.
    fn a_code_is_good_in_its_own_verification_alone(app: TestApp) {
        let (a, code_of_a) = begun(&app, &phone(0));
        let (b, code_of_b) = begun(&app, &phone(0));
        assert_ne!(code_of_a, code_of_b, "equal by chance: seed this test");
        guess(&app, &b, &code_of_a);
        assert_eq!((state(&app, &a)["checks_left"].clone(), state(&app, &b)["checks_left"].clone()), (json!(5), json!(4)));
        prove(&app, &a, &code_of_a);
        prove(&app, &b, &code_of_b);
        assert_eq!(app.count(FAILS), 1);
    }

    // Case 8.
    fn the_proof_of_one_number_opens_no_account_of_another(app: TestApp) {
        let other = app.sign_up(&phone(1));
        let proof = app.verify(&phone(0));
        let sign_in = app.post("/v1/sessions", json!({ "phone_proof": proof }));
        sign_in.send().problem(404, "account_not_found");
        let made = app.post("/v1/accounts", sign_up_body(&proof, &app.link_token(DEMO))).send().expect(201);
        assert_ne!(made.str("/account/id"), other.account_id);
        assert_eq!(app.deliver_all(), 1);
    }

    // Case 9.
    fn a_code_is_good_for_599_999_milliseconds(app: TestApp) {
        let (verification, code) = begun(&app, &phone(0));
        app.clock.advance(Duration::from_millis(599_999));
        prove(&app, &verification, &code);
    }

    // Case 9.
    fn a_code_is_over_after_600_000_milliseconds(app: TestApp) {
        let (verification, code) = begun(&app, &phone(0));
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
    fn a_resend_carries_the_same_digits_while_two_minutes_are_left(app: TestApp) {
        let (verification, code) = begun(&app, &phone(0));
        for (seconds, channel) in [(30, "sms"), (60, "voice"), (390, "sms")] {
            app.advance(seconds);
            app.resend(&verification, channel).expect(202);
            app.deliver_all();
            let latest = app.carrier.sent_to(&phone(0)).pop().unwrap();
            assert_eq!((latest.channel, latest.code.as_ref()), (channel, Some(&code)));
        }
        prove(&app, &verification, &code);
    }

    // Case 9.
    fn a_resend_with_less_than_two_minutes_left_makes_a_new_code(app: TestApp) {
        let (verification, old) = begun(&app, &phone(0));
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
    fn a_number_gets_four_messages_in_ten_minutes(app: TestApp) {
        let verification = app.start(&phone(0));
        for _ in 0..3 {
            wait_out_resend(&app, &verification, "sms");
        }
        // The session's own wait would be 300 s: the number's budget outlasts it.
        assert_eq!(wait_out_resend(&app, &verification, "voice"), 390);
        app.deliver_all();
    }

    // Case 11.
    fn new_verifications_do_not_go_around_a_numbers_four_messages(app: TestApp) {
        let starts = || begin(&app, &phone(0), "203.0.113.1");
        (0..4).for_each(|_| drop(starts().expect(201)));
        let (wait, started) = wait_out(&app, "send_limited", starts);
        assert_eq!(wait, 600);
        started.expect(201);
        app.deliver_all();
    }

    // Case 11.
    fn a_number_gets_ten_messages_a_day(app: TestApp) {
        let starts = || begin(&app, &phone(0), "203.0.113.1");
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
    fn an_address_starts_ten_verifications_in_ten_minutes(app: TestApp) {
        (0..10).for_each(|n| drop(begin(&app, &phone(n), "203.0.113.1").expect(201)));
        let (wait, started) = wait_out(&app, "send_limited", || begin(&app, &phone(10), "203.0.113.1"));
        assert_eq!(wait, 600);
        started.expect(201);
        begin(&app, &phone(11), "203.0.113.2").expect(201);
        app.deliver_all();
    }

    // Case 11.
    fn a_practice_sends_what_its_budget_holds(on: Builder) {
        let app = on.config(|c| c.limits.practice_10min = 3).start();
        let first = app.start(&phone(0));
        (1..3).for_each(|n| drop(app.start(&phone(n))));
        let (wait, started) = wait_out(&app, "send_limited", || begin(&app, &phone(3), "203.0.113.1"));
        assert_eq!(wait, 600);
        started.expect(201);
        app.resend(&first, "sms").expect(202);
        begin(&app, &phone(4), "203.0.113.1").expect(201);
        wait_out_resend(&app, &first, "sms");
        app.deliver_all();
    }

    // Case 11.
    fn a_country_gets_what_its_budget_holds(on: Builder) {
        let app = on.config(|c| c.limits.country_10min = 2).start();
        let first = app.start(&phone(0));
        app.advance(100);
        app.start(&phone(1));
        assert_eq!(wait_out_resend(&app, &first, "sms"), 500);
        let (_, started) = wait_out(&app, "send_limited", || begin(&app, &phone(2), "203.0.113.1"));
        started.expect(201);
        app.deliver_all();
    }

    // Case 11, for a budget that is kept in slots.
    fn a_big_budget_is_never_exceeded_and_names_the_moment_too(on: Builder) {
        let app = on.config(|c| c.limits.practice_10min = 70).start();
        for n in 0..70 {
            app.start(&phone(n));
            app.clock.advance(Duration::from_millis(311));
        }
        for n in 70..73 {
            let (_, started) = wait_out(&app, "send_limited", || begin(&app, &phone(n), "203.0.113.1"));
            started.expect(201);
            // More than one hit may have left with the slot.
            while begin(&app, &phone(n), "203.0.113.2").status == 201 {}
        }
        app.leave_outbox();
    }

    // Case 11.
    fn a_used_up_verification_says_when_the_next_may_begin(app: TestApp) {
        let (verification, code) = begun(&app, &phone(0));
        (1..=5).for_each(|n| guess(&app, &verification, &wrong(&code, n)));
        let screen = state(&app, &verification);
        assert_eq!((&screen["status"], &screen["checks_left"]), (&json!("exhausted"), &json!(0)));
        assert_eq!([&screen["next_sms"], &screen["next_call"], &screen["next_check"]], [&Value::Null; 3]);
        let refused = app.check(&verification, &code).problem(429, "checks_exhausted");
        assert_eq!(retry_after(&app, &refused), 1);
        app.resend(&verification, "sms").problem(429, "checks_exhausted");
        (0..3).for_each(|_| drop(begin(&app, &phone(0), "203.0.113.1").expect(201)));
        let refused = app.check(&verification, &code).problem(429, "checks_exhausted");
        assert_eq!(retry_after(&app, &refused), 600);
        app.advance(599);
        begin(&app, &phone(0), "203.0.113.1").problem(429, "send_limited");
        app.advance(1);
        begin(&app, &phone(0), "203.0.113.1").expect(201);
        app.deliver_all();
    }

    // Case 11.
    fn a_used_up_verification_says_the_same_at_either_door(app: TestApp) {
        let (verification, code) = begun(&app, &phone(0));
        (1..=5).for_each(|n| guess(&app, &verification, &wrong(&code, n)));
        (0..2).for_each(|_| drop(begin(&app, &phone(0), "203.0.113.1").expect(201)));
        app.deliver_all();
        let at_checks = app.check(&verification, &code).problem(429, "checks_exhausted");
        let at_sends = app.resend(&verification, "sms").problem(429, "checks_exhausted");
        assert_eq!((retry_after(&app, &at_checks), retry_after(&app, &at_sends)), (1, 1));
        // The fourth message of these ten minutes: it was to be had all along.
        begin(&app, &phone(0), "203.0.113.1").expect(201);
        app.deliver_all();
    }

    // Case 11.
    fn waits_between_wrong_codes_grow_to_an_hour(on: Builder) {
        let app = on.config(|c| {
            c.verification.checks = 100;
            (c.verification.code_seconds, c.verification.session_seconds) = (80_000, 80_000);
        });
        let app = app.start();
        let (verification, code) = begun(&app, &phone(0));
        (1..=10).for_each(|n| guess(&app, &verification, &wrong(&code, n)));
        for (n, wait) in (11..).zip([30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]) {
            let call = || {
                let told = state(&app, &verification)["next_check"].clone();
                let reply = app.check(&verification, &wrong(&code, n));
                assert_eq!(told, reply.retry_after().unwrap_or(0));
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
    fn wrong_codes_count_on_the_number_whatever_the_session(app: TestApp) {
        for _ in 0..2 {
            let (verification, code) = begun(&app, &phone(0));
            (1..=5).for_each(|n| guess(&app, &verification, &wrong(&code, n)));
        }
        let (verification, code) = begun(&app, &phone(0));
        assert_eq!(verification.json["verification"]["next_check"], 30);
        app.resend(&verification, "sms").problem(429, "send_limited");
        let (wait, compared) = wait_out(&app, "check_limited", || app.check(&verification, &code));
        assert_eq!((wait, compared.expect(200).at("/result")), (30, json!("approved")));
        let (other, code) = begun(&app, &phone(1));
        guess(&app, &other, &wrong(&code, 1));
        assert_eq!(state(&app, &other)["next_check"], 0, "another number has its own count");
    }

    // Case 11.
    fn a_numbers_wrong_codes_are_forgotten_after_a_day(app: TestApp) {
        for _ in 0..2 {
            let (verification, code) = begun(&app, &phone(0));
            (1..=5).for_each(|n| guess(&app, &verification, &wrong(&code, n)));
        }
        app.advance(24 * 3600);
        for _ in 0..2 {
            let (verification, code) = begun(&app, &phone(0));
            assert_eq!(state(&app, &verification)["next_check"], 0);
            (1..=5).for_each(|n| guess(&app, &verification, &wrong(&code, n)));
        }
        assert_eq!((app.count(FAILS), app.count(IN_A_ROW)), (10, 20));
    }

    fn a_hundred_wrong_codes_in_a_row_lock_the_number_until_it_is_unlocked(on: Builder) {
        let app = on.config(|c| (c.verification.checks, c.verification.number_checks) = (1000, 1000)).start();
        let (verification, code) = begun(&app, &phone(0));
        (1..=100).for_each(|n| guess(&app, &verification, &wrong(&code, n)));
        for tried in [&code, &wrong(&code, 1)] {
            let locked = app.check(&verification, tried).problem(403, "number_locked");
            assert_eq!(locked.retry_after(), None);
        }
        assert_eq!(state(&app, &verification)["next_check"], Value::Null);
        let (fresh, its_code) = begun(&app, &phone(0));
        assert_eq!(fresh.json["verification"]["next_check"], Value::Null);
        app.advance(500);
        app.check(&fresh, &its_code).problem(403, "number_locked");
        assert_eq!(app.count(FAILS), 100);

        let number = Phone::parse(&phone(0), None).unwrap();
        assert!(app.write(|tx| verification::unlock_number(tx, &number)));
        assert_eq!(state(&app, &fresh)["next_check"], 0);
        prove(&app, &fresh, &its_code);
    }

    fn a_right_code_ends_the_row_of_wrong_ones(on: Builder) {
        let app = on.config(|c| (c.verification.checks, c.verification.number_checks) = (1000, 1000)).start();
        for _ in 0..2 {
            let (verification, code) = begun(&app, &phone(0));
            (1..=99).for_each(|n| guess(&app, &verification, &wrong(&code, n)));
            assert_eq!(app.count(IN_A_ROW), 99);
            prove(&app, &verification, &code);
            assert_eq!(app.count(IN_A_ROW), 0);
        }
        assert_eq!(app.count(FAILS), 198, "the day's count is not reset");
    }

    fn a_call_is_offered_a_minute_after_the_text(app: TestApp) {
        let (verification, code) = begun(&app, &phone(0));
        assert_eq!(state(&app, &verification)["next_call"], 60);
        assert_eq!(wait_out_resend(&app, &verification, "voice"), 60);
        let screen = state(&app, &verification);
        assert_eq!((&screen["channel"], &screen["delivery"]), (&json!("voice"), &json!("queued")));
        assert_eq!(app.code_for(&phone(0)), code);
        assert_eq!(app.carrier.sent_to(&phone(0)).pop().unwrap().channel, "voice");
        assert_eq!(state(&app, &verification)["delivery"], "sent");
    }

    fn a_call_is_offered_at_once_where_the_text_is_refused(app: TestApp) {
        app.carrier.answer_next(1, &Outcome::Rejected("blocked"));
        let verification = app.start(&phone(0));
        app.deliver_all();
        let screen = state(&app, &verification);
        assert_eq!((&screen["delivery"], &screen["next_call"], &screen["next_sms"]), (&json!("failed"), &json!(0), &json!(30)));
        app.resend(&verification, "voice").expect(202);
        let code = app.code_for(&phone(0));
        assert_eq!(app.carrier.sent_to(&phone(0)).pop().unwrap().channel, "voice");
        prove(&app, &verification, &code);
    }

    fn a_number_that_takes_texts_is_not_called_first(app: TestApp) {
        let body = json!({ "phone": phone(0), "link_token": app.link_token(DEMO), "channel": "voice" });
        app.post("/v1/verifications", body).send().problem(422, "channel_unavailable");
        assert_eq!(app.outbox("queued"), 0);
    }

    // Case 16.
    fn an_app_that_was_killed_gets_its_screen_back(app: TestApp) {
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

    fn a_verification_ends_after_half_an_hour(app: TestApp) {
        let (verification, code) = begun(&app, &phone(0));
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
    fn without_its_secret_a_verification_does_not_exist(app: TestApp) {
        let (verification, code) = begun(&app, &phone(0));
        let secret = app.start(&phone(1)).secret;
        let unknown = Verification { id: "ver_00000000000070008000000000000000".into(), ..verification.clone() };
        let doors: [fn(&TestApp, &str) -> Call; 3] = [
            |app, id| app.get(&format!("/v1/verifications/{id}")),
            |app, id| app.post(&format!("/v1/verifications/{id}/checks"), json!({ "code": "123456" })),
            |app, id| app.post(&format!("/v1/verifications/{id}/sends"), json!({ "channel": "sms" })),
        ];
        for door in doors {
            let answer = |call: Call| {
                let mut body = call.send().problem(404, "verification_not_found").json();
                body.as_object_mut().unwrap().remove("instance").unwrap();
                body
            };
            let expected = answer(door(&app, &unknown.id).bearer(&unknown.secret));
            assert_eq!(answer(door(&app, &verification.id)), expected);
            assert_eq!(answer(door(&app, &verification.id).bearer(&secret)), expected);
            assert_eq!(answer(door(&app, &verification.id).bearer("")), expected);
        }
        assert_eq!((app.count(CHECKS), app.count(FAILS)), (0, 0));
        prove(&app, &verification, &code);
        app.deliver_all();
    }

    // Case 11: whatever a client does, in whatever order, each refusal keeps its promise.
    fn waiting_as_told_always_helps(app: TestApp) {
        let dice = SeededEntropy::new(11);
        let roll = |sides: u32| {
            let mut bytes = [0; 4];
            dice.fill(&mut bytes);
            u32::from_be_bytes(bytes) % sides
        };
        let (mut verification, mut code) = begun(&app, &phone(0));
        for _ in 0..150 {
            app.clock.advance(Duration::from_millis(u64::from(roll(40_000))));
            let tried = wrong(&code, 1 + roll(1000));
            let (timer, call): (_, Box<Try<'_>>) = match roll(4) {
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
                    // Where the session or its code ends first, its timer says so: a new one has to begin.
                    let in_vain = kind == "checks_exhausted" || before[timer].is_null();
                    if in_vain {
                        app.advance(wait);
                    } else {
                        app.advance(wait - 1);
                        call(&verification).problem(429, &kind);
                        app.advance(1);
                        let after = call(&verification);
                        assert!(matches!(after.status, 200 | 202), "{kind} {wait}: {}", after.text());
                    }
                    in_vain
                }
            };
            if over || roll(12) == 0 {
                let mut started = begin(&app, &phone(0), "203.0.113.1");
                if started.status == 429 {
                    // A used-up verification had just told when the next one may begin.
                    assert_ne!(reply.at("/code"), "checks_exhausted", "{}", started.text());
                    app.advance(retry_after(&app, &started));
                    started = begin(&app, &phone(0), "203.0.113.1");
                }
                verification = Verification::of(&phone(0), &started.expect(201));
                code = app.code_for(&phone(0));
            }
            app.deliver_all();
        }
    }
}
