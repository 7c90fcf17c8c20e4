//! Every text that people read: a changed text shows as a changed snapshot.
//!
//! The unsubscribe links in these mails hold random ids, and a test's name is its random seed: a renamed
//! test needs new snapshots.

use practice_links::kit::Language;
use practice_links::links::NewLink;
use practice_links::outbox::Outcome;
use practice_links::practices::{self, NewPractice};
use practice_links::staff::Role;
use serde_json::json;

use crate::harness::{Backend, TestApp, as_staff, phone};

/// An app with a Spanish-speaking practice behind 654321.
fn app() -> TestApp {
    let app = TestApp::new(Backend::Sqlite);
    let practice = app.practice_with(&NewPractice {
        name: "Clínica Peña & Muñoz".into(),
        city: "San Antonio".into(),
        plan: "basic".into(),
        language: Language::Es,
        time_zone: "America/Chicago".into(),
        notice_email: practice_links::kit::Email::parse("recepcion@example.org"),
    });
    app.link_with("654321", &NewLink { is_default: true, ..NewLink::plain(&practice.id, "Cartel") });
    app
}

#[test]
fn the_text_message() {
    let app = app();
    app.start(&phone(1));
    app.code_for(&phone(1));
    let body =
        json!({ "phone": phone(2), "link_token": app.link_token("654321"), "app_hash": "FA+9qCX9VSu" });
    app.post("/v1/verifications", body).send().expect(201);
    app.code_for(&phone(2));
    let texts: Vec<String> =
        app.transport.sent().into_iter().map(|m| m.body.replace(&m.code.unwrap(), "CODE")).collect();
    insta::assert_snapshot!(texts.join("\n=====\n"));
}

#[test]
fn the_call() {
    let app = app();
    let verification = app.start(&phone(1));
    app.deliver_all();
    app.advance(60);
    app.resend(&verification, "voice").expect(202);
    let code = app.code_for(&phone(1));
    let digits: Vec<String> = code.chars().map(String::from).collect();
    let spoken = app.transport.sent().pop().unwrap().body;
    insta::assert_snapshot!(spoken.replace(&digits.join(", "), "D, I, G, I, T, S"));
}

#[test]
fn the_notices() {
    let app = app();
    app.sign_up(&phone(1));
    app.sign_up_at(&phone(2), "654321");
    app.sign_in(&phone(1));
    let mails = app.transport.sent().into_iter().filter(|message| message.channel == "email");
    let mails: Vec<String> = mails.map(|mail| format!("{:?}\n\n{}", mail.subject, mail.body)).collect();
    assert_eq!(mails.len(), 3);
    insta::assert_snapshot!(mails.join("\n=====\n"));
}

#[test]
fn the_notice_as_html() {
    let app = app();
    app.sign_up_at(&phone(2), "654321");
    insta::assert_snapshot!(app.transport.sent().pop().unwrap().html);
}

#[test]
fn the_digests_and_the_bounce() {
    let app = app();
    let practice = app.practice("Elm Dental", Some("desk@elm.example"));
    app.link("222222", &practice.id);
    let spanish =
        app.write(|_, conn| practices::list(conn)).into_iter().find(|one| one.name.contains("Peña"));
    for practice in [practice, spanish.unwrap()] {
        let admin = app.staff_client(&practice, "ana", Role::Admin);
        let hourly = json!({ "person": practice.id, "frequency": "hourly" });
        as_staff(&admin, app.patch("/v1/practice/notifications", hourly)).send().expect(200);
    }
    for (n, code) in (1..).zip(["222222", "654321", "222222", "654321", "654321"]) {
        app.sign_up_at(&phone(n), code);
        app.advance(120);
    }
    app.transport.clear();
    app.advance(3600);
    app.deliver_all();
    for (n, code) in (6..).zip(["222222", "654321"]) {
        app.sign_up_at(&phone(n), code);
    }
    app.advance(3600);
    app.transport.answer_next(2, &Outcome::Rejected("mailbox_refused"));
    app.deliver_all();
    let mails = app.transport.sent().into_iter().filter(|message| message.channel == "email");
    let mut mails: Vec<String> = mails.map(|mail| format!("{:?}\n\n{}", mail.subject, mail.body)).collect();
    // Mails of the same moment are sent in any order.
    mails.sort();
    assert_eq!(mails.len(), 4);
    insta::assert_snapshot!(mails.join("\n=====\n"));
}

#[test]
fn the_problems() {
    let app = app();
    let verification = app.start(&phone(1));
    app.leave_outbox();
    let calls = [
        app.post("/v1/link-tokens", json!({ "code": "123457", "source": "typed" })).send(),
        app.post("/v1/verifications", json!({ "phone": "+1 415 555 26" })).send(),
        app.post("/v1/accounts", json!({ "phone_proof": 7 })).send(),
        app.resend(&verification, "sms"),
        app.get("/v1/me").send(),
    ];
    let shown: Vec<String> = calls
        .iter()
        .map(|reply| {
            let mut body = reply.json();
            for member in ["instance", "verification"] {
                body.as_object_mut().unwrap().remove(member);
            }
            serde_json::to_string_pretty(&body).unwrap()
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}
