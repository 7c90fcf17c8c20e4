//! `delivery.md`: outcomes and the worker's rules, as seen in the API and by the operator.

use practice_links::platform::outbox::{Outcome, Point};
use serde_json::json;

use crate::harness::{TestApp, phone};

both! {
    /// A refused account is not the message's fault: the channel pauses, and one row per minute is tried.
    fn misconfigured_account_pauses_channel_and_uses_no_attempts(app: TestApp) {
        app.transport.answer_next(1, &Outcome::Misconfigured("account_refused"));
        for n in 0..5 {
            app.start(&phone(n));
        }
        assert_eq!(app.deliver_all(), 1);
        app.advance(59);
        assert_eq!(app.deliver_all(), 0, "nothing is tried before the minute is over");
        let ready = app.get("/readyz").send().expect(200);
        assert_eq!(ready.at("/paused"), json!([{ "channel": "sms", "reason": "account_refused" }]));
        assert!(app.get("/metrics").send().text().contains(r#"outbox_channel_paused{channel="sms"} 1"#));
        app.leave_outbox();
    }

    fn successful_trial_reopens_a_paused_channel(app: TestApp) {
        app.transport.answer_next(3, &Outcome::Misconfigured("account_refused"));
        app.start(&phone(0));
        for round in 1..=3 {
            assert_eq!(app.deliver_all(), 1, "round {round}");
            assert_eq!(app.count("SELECT count(*) FROM outbox WHERE attempts = 0 AND state = 'queued'"), 1);
            app.advance(60);
        }
        for n in 1..4 {
            app.start(&phone(n));
        }
        assert_eq!(app.deliver_all(), 4);
        assert_eq!(app.get("/readyz").send().expect(200).json(), json!({ "status": "ok" }));
    }

    /// Some of these refusals concern one recipient after all: they must not block the codes of all others.
    fn each_trial_uses_a_different_message(app: TestApp) {
        for n in 0..2 {
            app.start(&phone(n));
            app.advance(1);
        }
        app.transport.answer_next(1, &Outcome::Misconfigured("sender_refused"));
        assert_eq!(app.deliver_all(), 1);
        app.advance(60);
        assert_eq!(app.deliver_all(), 2, "the trial of the second message succeeded and reopened the channel for the first");
        let to: Vec<_> = app.transport.attempts().into_iter().map(|sent| sent.to).collect();
        assert_eq!(to, [phone(0), phone(1), phone(0)]);
    }

    /// A code whose next attempt would arrive too late fails at once, so that a call can be offered.
    fn retry_that_would_be_too_late_fails_at_once(app: TestApp) {
        let wait = std::time::Duration::from_mins(10);
        app.transport.answer_next(1, &Outcome::RetryAfter("rate_limited", wait));
        let session = app.start(&phone(0));
        app.deliver_all();
        let path = format!("/v1/verifications/{}", session.id);
        let now = app.get(&path).bearer(&session.secret).send().expect(200);
        assert_eq!((now.at("/verification/delivery"), now.at("/verification/next_call")), (json!("failed"), json!(0)));
    }

    fn paused_channel_does_not_block_other_channels(app: TestApp) {
        let proof = app.verify(&phone(0));
        app.transport.answer_next(1, &Outcome::Misconfigured("account_refused"));
        app.start(&phone(1));
        app.deliver_all();
        let body = crate::harness::sign_up_body(&proof, &app.link_token("123456"));
        app.post("/v1/accounts", body).send().expect(201);
        app.deliver_all();
        assert_eq!(app.transport.sent_to("frontdesk@oakstreet.example").len(), 1);
        app.leave_outbox();
    }

    /// Twilio has no idempotency key: a text that may have arrived is sent once more, with the same digits.
    fn ambiguous_text_is_resent_once_then_a_call_is_offered(app: TestApp) {
        app.transport.answer_next(2, &Outcome::Ambiguous("no_answer"));
        let session = app.start(&phone(0));
        app.deliver_all();
        app.advance(10);
        app.deliver_all();
        app.advance(300);
        assert_eq!(app.deliver_all(), 0);
        let attempts = app.transport.attempts();
        assert_eq!(attempts.len(), 2);
        assert_eq!(attempts[0].body, attempts[1].body);
        let now = app.get(&format!("/v1/verifications/{}", session.id)).bearer(&session.secret).send().expect(200);
        assert_eq!((now.at("/verification/delivery"), now.at("/verification/next_call")), (json!("failed"), json!(0)));
    }

    /// An e-mail is identified by its Message-ID, so it may be repeated until it is confirmed.
    fn ambiguous_mail_is_resent_until_it_is_confirmed(app: TestApp) {
        let proof = app.verify(&phone(0));
        app.transport.answer_next(3, &Outcome::Ambiguous("no_answer"));
        let body = crate::harness::sign_up_body(&proof, &app.link_token("123456"));
        app.post("/v1/accounts", body).send().expect(201);
        for _ in 0..4 {
            app.deliver_all();
            app.advance(60);
        }
        let mails = app.transport.attempts().into_iter().filter(|sent| sent.channel == "email").collect::<Vec<_>>();
        assert_eq!((mails.len(), app.outbox("sent")), (4, 2));
        assert!(mails.iter().all(|mail| mail.row_id == mails[0].row_id), "one Message-ID");
    }

    fn retry_after_of_the_transport_is_respected(app: TestApp) {
        app.transport.answer_next(1, &Outcome::RetryAfter("rate_limited", std::time::Duration::from_secs(90)));
        app.start(&phone(0));
        app.deliver_all();
        app.advance(89);
        assert_eq!(app.deliver_all(), 0);
        app.advance(1);
        assert_eq!(app.deliver_all(), 1);
    }

    /// Found by changing the system clock: the codes of two hours were sent two hours later.
    fn rows_of_a_clock_that_was_ahead_are_due_at_once(app: TestApp) {
        let ahead = std::time::Duration::from_hours(2);
        app.clock.advance(ahead);
        app.start(&phone(0));
        app.transport.answer_next(1, &Outcome::Retry("refused"));
        app.start(&phone(1));
        app.deliver_one();
        app.clock.put_back(ahead);
        assert_eq!(app.deliver_all(), 2, "the new row and the one that is tried again");
        assert_eq!(app.transport.attempts().len(), 3);
    }

    /// The clock may belong to an instance that is sending: its lease is not taken from it at once.
    fn lease_of_a_clock_that_was_ahead_ends_within_a_minute(app: TestApp) {
        let ahead = std::time::Duration::from_hours(2);
        app.clock.advance(ahead);
        app.start(&phone(0));
        assert!(app.dying_worker(Point::Started).is_err());
        app.clock.put_back(ahead);
        assert_eq!(app.deliver_all(), 0);
        app.advance(59);
        assert_eq!(app.deliver_all(), 0);
        app.advance(1);
        assert_eq!(app.deliver_all(), 1);
    }

    /// A text takes 8 s at most, so a code that a dead instance had claimed waits 15 s, and not a minute.
    fn lease_of_a_code_is_short_and_that_of_a_mail_is_long(app: TestApp) {
        app.start(&phone(0));
        assert!(app.dying_worker(Point::Started).is_err());
        app.advance(14);
        assert_eq!(app.deliver_all(), 0);
        app.advance(1);
        assert_eq!(app.deliver_all(), 1);
        let proof = app.verify(&phone(1));
        let body = crate::harness::sign_up_body(&proof, &app.link_token("123456"));
        app.post("/v1/accounts", body).send().expect(201);
        assert!(app.dying_worker(Point::Started).is_err());
        app.advance(59);
        assert_eq!(app.deliver_all(), 0);
        app.advance(1);
        assert_eq!(app.deliver_all(), 1);
    }
}
