//! The practice's notices by e-mail: sent once, in its time zone and language, without patient data.

use practice_links::domain::practices::{NewPractice, Plan};
use practice_links::kit::{Email, Language};
use practice_links::platform::outbox::{self, Outcome};
use serde_json::json;

use crate::harness::{Builder, DEMO, SendAttempt, SignedUp, TestApp, phone, sign_up_body};

const NOTICE_ADDRESS: &str = "frontdesk@oakstreet.example";

fn raw(mail: &SendAttempt) -> String {
    format!("{}\n{}\n{}\n{}", mail.subject, mail.body, mail.html, mail.key)
}

/// Signs up without delivering the notice.
fn sign_up(app: &TestApp, number: &str, code: &str) -> SignedUp {
    let proof = app.verify(number);
    let body = sign_up_body(&proof, &app.link_token(code));
    SignedUp::of(number, &app.post("/v1/accounts", body).send().expect(201))
}

fn spanish(notice_email: Option<&str>) -> NewPractice {
    NewPractice {
        name: "Clínica Sol".into(),
        city: "El Paso".into(),
        plan: Plan::Basic,
        language: Language::Es,
        time_zone: "America/Denver".into(),
        notice_email: notice_email.map(|address| Email::parse(address).unwrap()),
    }
}

both! {
    fn notice_names_the_time_and_link_of_a_sign_up(app: TestApp) {
        app.sign_up(&phone(0));
        let mails = app.transport.sent_to(NOTICE_ADDRESS);
        assert_eq!(mails.len(), 1);
        for text in [&mails[0].body, &mails[0].html] {
            assert!(text.contains("Nov 22, 2026, 9:00 AM CST"), "{text}");
            assert!(text.contains("Demo flyer"), "{text}");
            assert!(text.contains("http://links.example.test/console"), "{text}");
            assert!(text.contains("Oak Street Family Medicine"), "{text}");
        }
        assert_eq!(mails[0].subject, "A new patient connected");
        assert!(!mails[0].html.contains("<script") && !mails[0].html.contains("<img"), "{}", mails[0].html);
    }

    fn notice_contains_no_patient_data(on: Builder) {
        let app = on.config(|config| config.limits.scale = 100.0).start();
        let odd = ["Zoë", "X Æ", "O’Brien-Ng", "<b>Bo</b>", "{{ name }}", "José Ángel", "李小龙", "Null", "Bcc: q", "%s%n"];
        for n in 0..50 {
            let place = n as usize;
            let given = format!("{} Qz{n}", odd[place % odd.len()]);
            let family = format!("Wv{n} {}", odd[(place * 7 + 3) % odd.len()]);
            let email = format!("qz{n}.wv@mail{n}.example");
            let born = format!("19{:02}-0{}-1{}", 30 + place, 1 + place % 9, place % 10);
            let body = json!({
                "phone_proof": app.verify(&phone(n)), "link_token": app.link_token(DEMO),
                "given_name": given, "family_name": family, "email": email, "birth_date": born,
            });
            let made = app.post("/v1/accounts", body).send().expect(201);
            app.transport.clear();
            // Far enough apart that each sign-up gets its own mail.
            app.advance(120);
            assert_eq!(app.deliver_all(), 1);
            let mail = raw(&app.transport.sent_to(NOTICE_ADDRESS)[0]);
            let number = phone(n);
            let personal = [
                given.as_str(), &family, &email, &born, &number[1..], &number[2..], &number[5..],
                &format!("Qz{n}"), &format!("Wv{n}"), &made.str("/account/id"), &made.str("/patient/id"),
                &made.str("/conversation/id"), "demo,", "[\"demo\"]",
            ].map(str::to_owned);
            for value in personal {
                assert!(!mail.contains(&value), "{value} in {mail}");
            }
        }
    }

    fn each_pairing_sends_one_notice(app: TestApp) {
        let patient = app.sign_up(&phone(0));
        assert_eq!(app.transport.sent_to(NOTICE_ADDRESS).len(), 1);
        let again = json!({ "link_token": app.link_token(DEMO) });
        app.post("/v1/pairings", again).bearer(&patient.access_token).send().expect(200);
        assert_eq!(app.deliver_all(), 0);
        app.sign_up(&phone(1));
        let mails = app.transport.sent_to(NOTICE_ADDRESS);
        assert_eq!(mails.len(), 2);
        assert_ne!(mails[0].key, mails[1].key);
    }

    fn notice_uses_the_practices_language_and_time_zone(app: TestApp) {
        let practice = app.practice_with(&spanish(Some("recepcion@sol.example")));
        app.link("222222", &practice.id);
        app.sign_up_at(&phone(0), "222222");
        let mail = app.transport.sent_to("recepcion@sol.example").pop().unwrap();
        assert_eq!(mail.subject, "Se conectó un paciente nuevo");
        assert!(mail.body.contains("22/11/2026, 08:00 MST"), "{}", mail.body);
        assert!(mail.html.contains("lang=\"es\"") && mail.html.contains("Clínica Sol"), "{}", mail.html);
        app.sign_in(&phone(0));
        let mail = app.transport.sent_to("recepcion@sol.example").pop().unwrap();
        assert_eq!(mail.subject, "Un paciente inició sesión en un dispositivo nuevo");
    }

    fn practice_without_an_address_gets_no_notice(app: TestApp) {
        let practice = app.practice_with(&spanish(None));
        app.link("222222", &practice.id);
        sign_up(&app, &phone(0), "222222");
        assert_eq!(app.deliver_all(), 0);
        app.sign_in(&phone(0));
        assert!(app.transport.sent().iter().all(|message| message.channel != "email"));
    }

    fn mail_server_outage_only_delays_a_notice(app: TestApp) {
        sign_up(&app, &phone(0), DEMO);
        app.transport.answer_next(3, &Outcome::Retry("connection_refused"));
        for _ in 0..3 {
            assert_eq!(app.deliver_all(), 1);
            assert_eq!(app.deliver_all(), 0, "not retried immediately");
            assert!(app.transport.sent_to(NOTICE_ADDRESS).is_empty());
            app.advance(60);
        }
        assert_eq!(app.deliver_all(), 1);
        app.advance(24 * 3600);
        assert_eq!(app.deliver_all(), 0);
        assert_eq!(app.transport.sent_to(NOTICE_ADDRESS).len(), 1);
        let attempts: Vec<_> = app.transport.attempts().into_iter().filter(|message| message.to == NOTICE_ADDRESS).collect();
        assert_eq!(attempts.len(), 4);
        assert!(attempts.iter().all(|attempt| attempt.key == attempts[0].key), "one Message-ID");
        // The notice gives the time of the sign-up, not of the delivery.
        assert!(attempts[3].body.contains("9:00 AM CST"), "{}", attempts[3].body);
    }

    fn refused_notice_stays_dead_until_it_is_requeued(app: TestApp) {
        sign_up(&app, &phone(0), DEMO);
        app.transport.answer_next(1, &Outcome::Rejected("mailbox_unknown"));
        assert_eq!(app.deliver_all(), 1);
        assert_eq!((app.outbox("dead"), app.outbox("queued")), (1, 0));
        app.advance(24 * 3600);
        assert_eq!(app.deliver_all(), 0);

        let dead = app.write(|tx| outbox::list(tx, outbox::State::Dead));
        assert_eq!((dead.len(), dead[0].last_error.as_deref()), (1, Some("mailbox_unknown")));
        assert!(app.write(|tx| outbox::requeue(tx, &dead[0].id)));
        assert_eq!(app.deliver_all(), 1);
        assert_eq!((app.outbox("dead"), app.transport.sent_to(NOTICE_ADDRESS).len()), (0, 1));
        assert!(!app.write(|tx| outbox::requeue(tx, &dead[0].id)), "only a dead message can be requeued");
    }

    // The row drops the practice's address once the mail is sent.
    fn delivered_notice_leaves_no_address_behind(app: TestApp) {
        app.sign_up(&phone(0));
        assert_eq!(app.count("SELECT count(*) FROM outbox WHERE recipient IS NOT NULL"), 0);
        assert!(app.count("SELECT count(*) FROM outbox") >= 2);
    }
}
