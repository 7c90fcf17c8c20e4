//! The practice's notices by e-mail: content-free, in the practice's own time and language, once.

use practice_links::domain::practices::NewPractice;
use practice_links::kit::{Email, Language};
use practice_links::platform::outbox::{self, Outcome};
use serde_json::json;

use crate::harness::{Builder, DEMO, Recorded, SignedUp, TestApp, phone, sign_up_body};

const DESK: &str = "frontdesk@oakstreet.example";

fn raw(mail: &Recorded) -> String {
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
        plan: "basic".into(),
        language: Language::Es,
        time_zone: "America/Denver".into(),
        notice_email: notice_email.map(|address| Email::parse(address).unwrap()),
    }
}

both! {
    fn a_notice_says_that_somebody_came_when_and_by_which_link(app: TestApp) {
        app.sign_up(&phone(0));
        let mails = app.carrier.sent_to(DESK);
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

    fn a_notice_holds_nothing_of_the_patient(on: Builder) {
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
            app.carrier.clear();
            // Slowly enough that each gets a mail of its own.
            app.advance(120);
            assert_eq!(app.deliver_all(), 1);
            let mail = raw(&app.carrier.sent_to(DESK)[0]);
            let number = phone(n);
            let mine = [
                given.as_str(), &family, &email, &born, &number[1..], &number[2..], &number[5..],
                &format!("Qz{n}"), &format!("Wv{n}"), &made.str("/account/id"), &made.str("/patient/id"),
                &made.str("/conversation/id"), "demo,", "[\"demo\"]",
            ].map(str::to_owned);
            for own in mine {
                assert!(!mail.contains(&own), "{own} in {mail}");
            }
        }
    }

    fn a_pairing_is_told_once(app: TestApp) {
        let who = app.sign_up(&phone(0));
        assert_eq!(app.carrier.sent_to(DESK).len(), 1);
        let again = json!({ "link_token": app.link_token(DEMO) });
        app.post("/v1/pairings", again).bearer(&who.access_token).send().expect(200);
        assert_eq!(app.deliver_all(), 0);
        app.sign_up(&phone(1));
        let mails = app.carrier.sent_to(DESK);
        assert_eq!(mails.len(), 2);
        assert_ne!(mails[0].key, mails[1].key);
    }

    fn a_practice_is_written_to_in_its_own_language_and_time(app: TestApp) {
        let practice = app.practice_with(&spanish(Some("recepcion@sol.example")));
        app.link("222222", &practice.id);
        app.sign_up_at(&phone(0), "222222");
        let mail = app.carrier.sent_to("recepcion@sol.example").pop().unwrap();
        assert_eq!(mail.subject, "Se conectó un paciente nuevo");
        assert!(mail.body.contains("22/11/2026, 08:00 MST"), "{}", mail.body);
        assert!(mail.html.contains("lang=\"es\"") && mail.html.contains("Clínica Sol"), "{}", mail.html);
        app.sign_in(&phone(0));
        let mail = app.carrier.sent_to("recepcion@sol.example").pop().unwrap();
        assert_eq!(mail.subject, "Un paciente entró desde otro dispositivo");
    }

    fn a_practice_without_an_address_gets_none(app: TestApp) {
        let practice = app.practice_with(&spanish(None));
        app.link("222222", &practice.id);
        sign_up(&app, &phone(0), "222222");
        assert_eq!(app.deliver_all(), 0);
        app.sign_in(&phone(0));
        assert!(app.carrier.sent().iter().all(|message| message.channel != "email"));
    }

    fn a_mail_server_that_is_down_delays_a_notice_and_nothing_else(app: TestApp) {
        sign_up(&app, &phone(0), DEMO);
        app.carrier.answer_next(3, &Outcome::Retry("connection_refused"));
        for _ in 0..3 {
            assert_eq!(app.deliver_all(), 1);
            assert_eq!(app.deliver_all(), 0, "not again at once");
            assert!(app.carrier.sent_to(DESK).is_empty());
            app.advance(60);
        }
        assert_eq!(app.deliver_all(), 1);
        app.advance(24 * 3600);
        assert_eq!(app.deliver_all(), 0);
        assert_eq!(app.carrier.sent_to(DESK).len(), 1);
        let attempts: Vec<_> = app.carrier.attempts().into_iter().filter(|message| message.to == DESK).collect();
        assert_eq!(attempts.len(), 4);
        assert!(attempts.iter().all(|attempt| attempt.key == attempts[0].key), "one Message-ID");
        // It says when it happened, not when it was sent.
        assert!(attempts[3].body.contains("9:00 AM CST"), "{}", attempts[3].body);
    }

    fn a_refused_notice_is_kept_until_somebody_sends_it_again(app: TestApp) {
        sign_up(&app, &phone(0), DEMO);
        app.carrier.answer_next(1, &Outcome::Rejected("mailbox_unknown"));
        assert_eq!(app.deliver_all(), 1);
        assert_eq!((app.outbox("dead"), app.outbox("queued")), (1, 0));
        app.advance(24 * 3600);
        assert_eq!(app.deliver_all(), 0);

        let dead = app.write(|tx| outbox::list(tx, "dead"));
        assert_eq!((dead.len(), dead[0].last_error.as_deref()), (1, Some("mailbox_unknown")));
        assert!(app.write(|tx| outbox::requeue(tx, &dead[0].id)));
        assert_eq!(app.deliver_all(), 1);
        assert_eq!((app.outbox("dead"), app.carrier.sent_to(DESK).len()), (0, 1));
        assert!(!app.write(|tx| outbox::requeue(tx, &dead[0].id)), "only what is dead");
    }

    // The address is the practice's; the row forgets it when the mail is out.
    fn a_delivered_notice_leaves_no_address_behind(app: TestApp) {
        app.sign_up(&phone(0));
        assert_eq!(app.count("SELECT count(*) FROM outbox WHERE recipient IS NOT NULL"), 0);
        assert!(app.count("SELECT count(*) FROM outbox") >= 2);
    }
}
