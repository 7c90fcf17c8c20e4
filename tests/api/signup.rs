//! The sign-up, from the code on a flyer to an open conversation.

use std::collections::HashSet;

use serde_json::json;

use crate::harness::{Builder, DEMO, TestApp, phone, sign_up_body, together};

both! {
    fn code_on_a_flyer_becomes_a_conversation(app: TestApp) {
        let verification = app.start(&phone(0));
        let code = app.code_for(&phone(0));
        let checked = app.check(&verification, &code).expect(200);
        assert_eq!(checked.at("/result"), "approved");

        let body = sign_up_body(&checked.str("/phone_proof"), &app.link_token(DEMO));
        let made = app.post("/v1/accounts", body).send().expect(201);
        assert_eq!(made.at("/pairing/practice/name"), "Oak Street Family Medicine");
        assert_eq!(made.at("/session/scope"), "full");

        let token = made.str("/session/access_token");
        let entries = format!("/v1/me/conversations/{}/entries", made.str("/conversation/id"));
        let welcome = app.get(&entries).bearer(&token).send().expect(200);
        assert!(welcome.text().contains("Welcome to Oak Street"), "{}", welcome.text());

        assert_eq!(app.deliver_all(), 1);
        let notices = app.transport.sent_to("frontdesk@oakstreet.example");
        assert_eq!(notices.len(), 1);
        assert!(!notices[0].body.contains("Rivera"), "{}", notices[0].body);
        assert_eq!(app.count("SELECT count(*) FROM accounts"), 1);
    }

    fn every_phone_number_of_the_tests_can_be_texted(app: TestApp) {
        for n in [0, 1, 999, 1000, 7999] {
            let number = practice_links::kit::Phone::parse(&phone(n), None).unwrap();
            assert!(number.can_text(), "{}", phone(n));
        }
        assert_eq!(app.outbox("queued"), 0);
    }

    fn unknown_routes_and_methods_are_refused(app: TestApp) {
        app.get("/v1/nowhere").send().problem(404, "not_found");
        app.call("PUT", "/v1/accounts").json(json!({})).send().problem(405, "method_not_allowed");
        assert_eq!(app.call("HEAD", "/123456").send().expect(200).body.len(), 0);
    }
}

postgres! {
    // All requests get the same account: a client recovers from a lost reply by repeating its request.
    fn concurrent_sign_ups_with_one_proof_open_one_account(on: Builder) {
        let app = on.pool(40).start();
        let proof = app.verify(&phone(7));
        let body = sign_up_body(&proof, &app.link_token(DEMO));
        let answers = together(32, |_| app.post("/v1/accounts", body.clone()).send().expect(201));
        let accounts: HashSet<_> = answers.iter().map(|answer| answer.str("/account/id")).collect();
        assert_eq!(accounts.len(), 1);
        for table in ["accounts", "patients", "pairings", "conversations"] {
            assert_eq!(app.count(&format!("SELECT count(*) FROM {table}")), 1, "{table}");
        }
        assert_eq!(app.deliver_all(), 1);
    }
}
