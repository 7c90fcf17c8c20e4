//! `delivery.md`, outcomes and the worker's rules, as they show in the API and to the operator.

use practice_links::platform::outbox::Outcome;
use serde_json::json;

use crate::harness::{TestApp, phone};

both! {
    /// A refused account is no fault of the message: the channel stands, and one row a minute tries it.
    fn a_misconfigured_account_pauses_its_channel_instead_of_burning_attempts(app: TestApp) {
        app.carrier.answer_next(1, &Outcome::Misconfigured("account_refused"));
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

    fn a_paused_channel_opens_with_the_first_trial_that_goes_through(app: TestApp) {
        app.carrier.answer_next(3, &Outcome::Misconfigured("account_refused"));
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

    /// Some refusals are about one recipient after all: they must not hold up everybody's codes.
    fn each_trial_is_another_messages(app: TestApp) {
        for n in 0..2 {
            app.start(&phone(n));
            app.advance(1);
        }
        app.carrier.answer_next(1, &Outcome::Misconfigured("sender_refused"));
        assert_eq!(app.deliver_all(), 1);
        app.advance(60);
        assert_eq!(app.deliver_all(), 2, "the second one was tried, and opened the channel for the first");
        let to: Vec<_> = app.carrier.attempts().into_iter().map(|sent| sent.to).collect();
        assert_eq!(to, [phone(0), phone(1), phone(0)]);
    }

    /// A code that the next try would bring too late is over at once, so that a call can be offered.
    fn what_would_come_too_late_is_over_now(app: TestApp) {
        let wait = std::time::Duration::from_mins(10);
        app.carrier.answer_next(1, &Outcome::RetryAfter("rate_limited", wait));
        let session = app.start(&phone(0));
        app.deliver_all();
        let path = format!("/v1/verifications/{}", session.id);
        let now = app.get(&path).bearer(&session.secret).send().expect(200);
        assert_eq!((now.at("/verification/delivery"), now.at("/verification/next_call")), (json!("failed"), json!(0)));
    }

    fn a_paused_channel_holds_up_no_other(app: TestApp) {
        let proof = app.verify(&phone(0));
        app.carrier.answer_next(1, &Outcome::Misconfigured("account_refused"));
        app.start(&phone(1));
        app.deliver_all();
        let body = crate::harness::sign_up_body(&proof, &app.link_token("123456"));
        app.post("/v1/accounts", body).send().expect(201);
        app.deliver_all();
        assert_eq!(app.carrier.sent_to("frontdesk@oakstreet.example").len(), 1);
        app.leave_outbox();
    }

    /// Twilio has no idempotency key: a text that may have arrived is sent once more, with the same digits.
    fn a_text_that_may_have_arrived_is_sent_once_more_and_then_a_call_is_offered(app: TestApp) {
        app.carrier.answer_next(2, &Outcome::Ambiguous("no_answer"));
        let session = app.start(&phone(0));
        app.deliver_all();
        app.advance(10);
        app.deliver_all();
        app.advance(300);
        assert_eq!(app.deliver_all(), 0);
        let attempts = app.carrier.attempts();
        assert_eq!(attempts.len(), 2);
        assert_eq!(attempts[0].body, attempts[1].body);
        let now = app.get(&format!("/v1/verifications/{}", session.id)).bearer(&session.secret).send().expect(200);
        assert_eq!((now.at("/verification/delivery"), now.at("/verification/next_call")), (json!("failed"), json!(0)));
    }

    /// An e-mail is known by its Message-ID, so it may be repeated as long as it takes.
    fn an_e_mail_that_may_have_arrived_is_sent_until_somebody_says_so(app: TestApp) {
        let proof = app.verify(&phone(0));
        app.carrier.answer_next(3, &Outcome::Ambiguous("no_answer"));
        let body = crate::harness::sign_up_body(&proof, &app.link_token("123456"));
        app.post("/v1/accounts", body).send().expect(201);
        for _ in 0..4 {
            app.deliver_all();
            app.advance(60);
        }
        let mails = app.carrier.attempts().into_iter().filter(|sent| sent.channel == "email").collect::<Vec<_>>();
        assert_eq!((mails.len(), app.outbox("sent")), (4, 2));
        assert!(mails.iter().all(|mail| mail.row_id == mails[0].row_id), "one Message-ID");
    }

    fn a_carriers_retry_after_is_waited_for(app: TestApp) {
        app.carrier.answer_next(1, &Outcome::RetryAfter("rate_limited", std::time::Duration::from_secs(90)));
        app.start(&phone(0));
        app.deliver_all();
        app.advance(89);
        assert_eq!(app.deliver_all(), 0);
        app.advance(1);
        assert_eq!(app.deliver_all(), 1);
    }
}
