//! E-mail over real SMTP, against a small server in this process with scripted replies.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use practice_links::domain::links::NewLink;
use practice_links::domain::practices::{NewPractice, Plan};
use practice_links::domain::staff::Role;
use practice_links::kit::{Email, Language, Secret};
use practice_links::platform::outbox::{self, Channel, Worker};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::json;

use crate::harness::{
    Builder, DEMO, Mailbox, TestApp, Verification, as_staff, header_of, phone, readable, sign_up_body,
};

/// A service that sends its e-mail to `mailbox`, and the worker for its e-mails.
fn mailing(on: Builder) -> (TestApp, Worker, Arc<Mailbox>) {
    let (url, mailbox) = Mailbox::start();
    let app = on
        .config(|config| config.limits.scale = 100.0)
        .delivery(move |delivery| delivery.mail.smtp_url = Some(Secret::from_client(&url)))
        .start();
    let worker = mail_worker(&app);
    (app, worker, mailbox)
}

fn mail_worker(app: &TestApp) -> Worker {
    let transport = Arc::new(app.transports(|_| {}).unwrap());
    Worker::new(app.state.service.clone(), Arc::clone(&app.state.topics), transport).of_channel(
        Channel::Email,
        1,
        1000,
    )
}

/// Signs up; the notice stays queued for the worker under test.
fn sign_up(app: &TestApp, number: &str, code: &str, person: Option<&serde_json::Value>) {
    let texts = Worker::new(
        app.state.service.clone(),
        Arc::clone(&app.state.topics),
        Arc::clone(&app.transport) as _,
    );
    let texts = texts.of_channel(Channel::Sms, 1, 1000);
    let body = json!({ "phone": number, "link_token": app.link_token(code) });
    let verification = Verification::of(number, &app.post("/v1/verifications", body).send().expect(201));
    while texts.run_once().unwrap() {}
    let code_sent = app.transport.sent_to(number).pop().unwrap().code.unwrap();
    let proof = app.check(&verification, &code_sent).expect(200).str("/phone_proof");
    let mut body = sign_up_body(&proof, &app.link_token(code));
    for (name, value) in person.and_then(|person| person.as_object()).into_iter().flatten() {
        body[name] = value.clone();
    }
    app.post("/v1/accounts", body).send().expect(201);
}

fn mail_all(worker: &Worker) {
    while worker.run_once().unwrap() {}
}

fn paused(app: &TestApp) -> Vec<String> {
    app.write(outbox::pauses).into_iter().map(|pause| pause.reason).collect()
}

fn bounced(app: &TestApp) -> i64 {
    app.count("SELECT count(*) FROM bounced_mailboxes")
}

both! {
    fn notice_is_multipart_with_automatic_mail_headers(on: Builder) {
        let (app, worker, mailbox) = mailing(on);
        sign_up(&app, &phone(1), DEMO, None);
        mail_all(&worker);
        let mails = mailbox.received();
        assert_eq!(mails.len(), 1);
        let mail = &mails[0];
        for (name, value) in [
            ("From", "\"Practice Links\" <no-reply@localhost>"),
            ("To", "frontdesk@oakstreet.example"),
            ("Subject", "A new patient connected"),
            // The service's clock, not the machine's.
            ("Date", "Sun, 22 Nov 2026 15:00:00 +0000"),
            ("Auto-Submitted", "auto-generated"),
            ("MIME-Version", "1.0"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ] {
            assert_eq!(header_of(mail, name), value, "{mail}");
        }
        let stop = header_of(mail, "List-Unsubscribe");
        assert!(stop.starts_with("<http://links.example.test/unsubscribe/") && stop.ends_with('>'), "{mail}");
        assert!(mail.contains(&format!("List-Unsubscribe: {stop}")), "folded: {mail}");
        assert!(header_of(mail, "Message-ID").starts_with("<out_"), "{mail}");
        for part in ["multipart/alternative", "text/plain", "text/html"] {
            assert!(mail.contains(part), "no {part} in {mail}");
        }
        assert_eq!(app.outbox("sent"), 2);
    }

    fn deferred_mail_is_resent_with_the_same_message_id(on: Builder) {
        let (app, worker, mailbox) = mailing(on);
        sign_up(&app, &phone(1), DEMO, None);
        mailbox.answer(".", "451 later");
        mail_all(&worker);
        assert_eq!(app.outbox("queued"), 1);
        app.advance(10);
        mail_all(&worker);
        assert_eq!(app.outbox("sent"), 2);
        let ids: Vec<String> = mailbox.received().iter().map(|mail| header_of(mail, "Message-ID")).collect();
        assert_eq!((ids.len(), &ids[0]), (2, &ids[1]));
    }

    fn refused_mail_is_dead_and_shown_in_metrics(on: Builder) {
        let (app, worker, mailbox) = mailing(on);
        sign_up(&app, &phone(1), DEMO, None);
        mailbox.answer(".", "554 no");
        mail_all(&worker);
        assert_eq!((app.outbox("dead"), bounced(&app)), (1, 0));
        let metrics = app.get("/metrics").send().expect(200).text();
        assert!(metrics.contains("outbox_rows{state=\"dead\"}"), "{metrics}");
    }

    fn only_reply_250_counts_as_accepted(on: Builder) {
        let (app, worker, mailbox) = mailing(on);
        sign_up(&app, &phone(1), DEMO, None);
        mailbox.answer(".", "251 perhaps");
        mail_all(&worker);
        assert_eq!(app.outbox("queued"), 1);
        app.advance(10);
        mail_all(&worker);
        assert_eq!(app.outbox("sent"), 2);
    }

    fn ambiguous_mail_is_resent_with_the_same_message_id(on: Builder) {
        let (app, worker, mailbox) = mailing(on);
        sign_up(&app, &phone(1), DEMO, None);
        mailbox.answer(".", "");
        mail_all(&worker);
        assert_eq!(app.count("SELECT count(*) FROM outbox WHERE ambiguous = 1 AND state = 'queued'"), 1);
        app.advance(10);
        mail_all(&worker);
        let ids: BTreeSet<String> = mailbox.received().iter().map(|mail| header_of(mail, "Message-ID")).collect();
        assert_eq!((app.outbox("sent"), ids.len()), (2, 1));
    }

    // A wrong password, sender or server is not a mail's fault: no mail is lost, and the pause is visible.
    fn server_refusing_us_pauses_the_channel_and_loses_no_mail(on: Builder) {
        let (url, mailbox) = Mailbox::start();
        let url = url.replace("smtp://", "smtp://us:secret@");
        let app = on.delivery(move |delivery| delivery.mail.smtp_url = Some(Secret::from_client(&url))).start();
        let worker = mail_worker(&app);
        sign_up(&app, &phone(1), DEMO, None);
        for (command, reply, reason) in [
            ("AUTH", "535 5.7.8 wrong password", "login_refused"),
            ("EHLO", "554 not you", "login_refused"),
            ("MAIL", "530 5.7.0 sign in", "login_wanted"),
            ("MAIL", "550 5.7.1 not from there", "sender_refused"),
            ("RCPT", "550 relay not permitted", "relay_refused"),
            ("RCPT", "554 5.7.1 relay access denied", "relay_refused"),
            ("EHLO", "250 no AUTH here", "no_common_login"),
        ] {
            mailbox.answer(command, reply);
            mail_all(&worker);
            assert_eq!(paused(&app), [reason], "{command} {reply}");
            assert_eq!((app.outbox("queued"), app.outbox("dead")), (1, 0), "{command} {reply}");
            let fresh = "SELECT count(*) FROM outbox WHERE state = 'queued' AND attempts = 0 AND channel = 'email'";
            assert_eq!(app.count(fresh), 1);
            app.advance(60);
        }
        mail_all(&worker);
        assert_eq!((app.outbox("sent"), paused(&app).len(), mailbox.received().len()), (2, 0, 1));
        assert_eq!(bounced(&app), 0, "no mailbox is marked as bounced");
    }

    // A time limit on each read only would never end this session.
    fn dripping_server_is_dropped_and_loses_no_mail(on: Builder) {
        let (app, worker, mailbox) = mailing(on);
        sign_up(&app, &phone(1), DEMO, None);
        mailbox.answer("EHLO", "drip");
        mail_all(&worker);
        assert_eq!(app.count("SELECT count(*) FROM outbox WHERE last_error = 'unreachable' AND ambiguous = 0"), 1);
        app.advance(10);
        mail_all(&worker);
        assert_eq!(app.outbox("sent"), 2);
    }

    // Mail is never sent unencrypted when TLS is required.
    fn server_without_the_requested_tls_gets_no_mail(on: Builder) {
        let (app, _, mailbox) = mailing(on);
        sign_up(&app, &phone(1), DEMO, None);
        let url = app.state.delivery.settings.mail.smtp_url.clone().unwrap();
        for (scheme, reason) in [("smtps://", "tls_failed"), ("smtp+starttls://", "no_starttls")] {
            let url = url.expose().replace("smtp://", scheme);
            let transport = app.transports(|delivery| delivery.mail.smtp_url = Some(Secret::from_client(&url)));
            let worker = Worker::new(app.state.service.clone(), Arc::clone(&app.state.topics), Arc::new(transport.unwrap()));
            mail_all(&worker);
            assert_eq!((paused(&app), app.outbox("queued")), (vec![reason.to_owned()], 1));
            app.advance(60);
        }
        assert!(mailbox.received().is_empty());
        app.leave_outbox();
    }

    fn hanging_server_costs_seconds_and_no_mail(on: Builder) {
        let (app, worker, mailbox) = mailing(on);
        sign_up(&app, &phone(1), DEMO, None);
        mailbox.answer("RCPT", "hang");
        mail_all(&worker);
        assert_eq!(app.count("SELECT count(*) FROM outbox WHERE last_error = 'unreachable' AND ambiguous = 0"), 1);
        app.advance(10);
        mail_all(&worker);
        assert_eq!(app.outbox("sent"), 2);
    }

    fn unknown_mailbox_is_not_written_to_again(on: Builder) {
        let (app, worker, mailbox) = mailing(on);
        sign_up(&app, &phone(1), DEMO, None);
        mailbox.answer("RCPT", "550 5.1.1 <frontdesk@oakstreet.example>: no such user");
        mail_all(&worker);
        assert_eq!((app.outbox("dead"), bounced(&app)), (1, 1));
        assert_eq!(app.count("SELECT count(*) FROM outbox WHERE last_error = 'mailbox_refused'"), 1);
        sign_up(&app, &phone(2), DEMO, None);
        mail_all(&worker);
        assert_eq!((app.outbox("dropped"), mailbox.received().len()), (1, 0));
    }

    fn refusal_of_one_mail_pauses_no_mailbox(on: Builder) {
        let (app, worker, mailbox) = mailing(on);
        for (n, reply) in (1..).zip(["550 no such user", "552 5.2.2 mailbox full", "554 no", "550 5.1.8 your domain"]) {
            sign_up(&app, &phone(n), DEMO, None);
            mailbox.answer("RCPT", reply);
            mail_all(&worker);
            assert_eq!((app.outbox("dead"), bounced(&app)), (i64::from(n), 0), "{reply}");
        }
        sign_up(&app, &phone(9), DEMO, None);
        mailbox.answer("RCPT", "452 4.2.2 later");
        mail_all(&worker);
        assert_eq!((app.outbox("queued"), bounced(&app)), (1, 0));
        app.leave_outbox();
    }

    fn connection_is_reused_only_after_an_accepted_mail(on: Builder) {
        let (app, worker, mailbox) = mailing(on);
        let mail = |n: u32| {
            sign_up(&app, &phone(n), DEMO, None);
            mail_all(&worker);
            mailbox.connections()
        };
        assert_eq!((mail(1), mail(2)), (1, 1));
        mailbox.answer(".", "554 no");
        assert_eq!((mail(3), mail(4)), (1, 2), "refused on the first, sent on a second");
        mailbox.answer("RSET", "421 going down");
        assert_eq!(mail(5), 3, "a pooled connection that no longer answers is replaced");
        assert_eq!((app.outbox("dead"), mailbox.received().len()), (1, 5));
    }

    fn unusable_dkim_key_stops_the_start(on: Builder) {
        let (app, ..) = mailing(on);
        for (content, problem) in [(None, "cannot be read"), (Some("no key"), "contains no PEM private key")] {
            let path = app.state.service.settings.data_dir.join("dkim.pem");
            content.inspect(|content| fs::write(&path, content).unwrap());
            let refused = app.transports(|delivery| delivery.mail.dkim_key_file = Some(path)).err().unwrap();
            assert_eq!(refused.setting, "mail.dkim_key_file");
            assert!(refused.problem.contains(problem), "{refused}");
        }
    }

    // Case 1.
    fn mail_contains_no_patient_data(on: Builder) {
        let (app, worker, mailbox) = mailing(on);
        let practice = app.practice_with(&NewPractice {
            name: "Clínica Peña".into(),
            city: "El Paso".into(),
            plan: Plan::Communicator,
            language: Language::Es,
            time_zone: "America/Denver".into(),
            notice_email: Email::parse("recepcion@pena.example"),
        });
        let link = NewLink { discreet: true, tags: vec!["donortag".into()], ..NewLink::plain("Donantes") };
        app.link_with(&practice.id, "777777", &link);
        let admin = app.staff_client(&practice, "ana", Role::Admin);
        let hourly = json!({ "person": practice.id, "frequency": "hourly" });
        as_staff(&admin, app.patch("/v1/practice/notifications", hourly)).send().expect(200);

        let name = "[A-ZÀ-Ö][a-zà-öø-ÿ'’<&]{6,14}( [A-Z\u{4e00}-\u{4eff}][a-z\u{4e00}-\u{4eff}]{4,8})?";
        let person = (name, name, "[a-z]{8,12}", 1930..2020_i32, 1..13_i32, 1..29_i32);
        let mut runner = TestRunner::deterministic();
        let mut secrets = vec!["donortag".to_owned(), "Donantes".to_owned(), "Clínica Peña".to_owned()];
        for n in 0..24 {
            let (given, family, mail, year, month, day) = person.new_tree(&mut runner).unwrap().current();
            let (born, mail) = (format!("{year}-{month:02}-{day:02}"), format!("{mail}@mail.example"));
            let details = json!({ "given_name": given, "family_name": family, "email": mail, "birth_date": born });
            sign_up(&app, &phone(n), if n % 2 == 0 { DEMO } else { "777777" }, Some(&details));
            app.advance(200);
            mail_all(&worker);
            let number = phone(n);
            secrets.extend([given.trim().to_owned(), family.trim().to_owned(), mail, born, number[2..].to_owned(), number[8..].to_owned()]);
            secrets.push(format!("{month:02}/{day:02}/{year}"));
        }
        app.advance(3600);
        mail_all(&worker);
        let mails = mailbox.received();
        let digests = mails.iter().filter(|mail| mail.contains("pacientes nuevos"));
        assert!(mails.len() > 12 && digests.count() >= 1, "{} mails", mails.len());
        for mail in &mails {
            // The ids of the row and the list are random digits, and are not a patient's.
            let shown = readable(mail);
            let checked: Vec<&str> = shown.lines().filter(|line| !["Message-ID", "--=_", "List-Unsub", "Content-Type", " boundary"].iter().any(|head| line.starts_with(head)) && !line.contains("/unsubscribe/")).collect();
            let checked = checked.join("\n");
            for secret in &secrets {
                assert!(!checked.contains(secret.as_str()), "{secret:?} in {checked}");
            }
            for line in mail.lines() {
                let ids = ["acc_", "pat_", "cnv_", "pai_", "ver_"];
                assert!(!ids.iter().any(|id| line.contains(id)), "{line}");
            }
        }
    }

    // Case 3.
    fn hour_long_mail_outage_loses_no_notice_and_no_sign_up(on: Builder) {
        let (app, _, mailbox) = mailing(on);
        mailbox.down.store(true, Ordering::SeqCst);
        let mut worker = mail_worker(&app);
        for minute in 0..60 {
            if minute % 6 == 0 {
                // Ten restarts: the state in memory is lost.
                worker = mail_worker(&app);
            }
            if minute % 5 == 0 {
                sign_up(&app, &phone(minute), DEMO, None);
            }
            mail_all(&worker);
            app.advance(60);
        }
        assert_eq!((mailbox.received().len(), app.outbox("dead")), (0, 0));
        mailbox.down.store(false, Ordering::SeqCst);
        for _ in 0..120 {
            mail_all(&worker);
            app.advance(60);
        }
        let ids: BTreeSet<String> = mailbox.received().iter().map(|mail| header_of(mail, "Message-ID")).collect();
        assert_eq!((mailbox.received().len(), ids.len()), (12, 12), "each notice arrives once");
        assert_eq!((app.outbox("sent"), app.outbox("queued")), (24, 0));
    }
}
