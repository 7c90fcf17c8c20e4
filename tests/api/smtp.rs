//! E-mail over real SMTP, against a small server in this process that answers as it is told.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use practice_links::kit::Secret;
use practice_links::outbox::Worker;
use practice_links::providers::Providers;
use practice_links::topics;

use crate::harness::{Builder, TestApp, phone};

/// What the server took or refused, and how it is to answer the next mails.
#[derive(Default)]
struct Mailbox {
    received: Mutex<Vec<String>>,
    replies: Mutex<VecDeque<&'static str>>,
}

/// A mail server on loopback; it lives as long as the test process.
fn mail_server() -> (String, Arc<Mailbox>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let mailbox = Arc::new(Mailbox::default());
    let shared = Arc::clone(&mailbox);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mailbox = Arc::clone(&shared);
            thread::spawn(move || converse(stream, &mailbox));
        }
    });
    (url, mailbox)
}

fn converse(mut stream: TcpStream, mailbox: &Mailbox) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    stream.write_all(b"220 test ESMTP\r\n").ok()?;
    while let Some(Ok(line)) = lines.next() {
        let reply = match line.split([' ', ':']).next()?.to_ascii_uppercase().as_str() {
            "DATA" => {
                stream.write_all(b"354 go on\r\n").ok()?;
                let mail: Vec<String> =
                    lines.by_ref().map_while(Result::ok).take_while(|line| line != ".").collect();
                mailbox.received.lock().unwrap().push(mail.join("\n"));
                mailbox.replies.lock().unwrap().pop_front().unwrap_or("250 taken")
            }
            "QUIT" => "221 bye",
            _ => "250 fine",
        };
        stream.write_all(format!("{reply}\r\n").as_bytes()).ok()?;
    }
    Some(())
}

/// A signed-up patient, the practice's notice still queued, and the worker that will mail it.
fn with_notice_due(on: Builder) -> (TestApp, Worker, Arc<Mailbox>) {
    let (url, mailbox) = mail_server();
    let app = on.config(move |config| config.mail.smtp_url = Some(Secret::from_client(&url))).start();
    let proof = app.verify(&phone(1));
    let body = crate::harness::sign_up_body(&proof, &app.link_token("123456"));
    app.post("/v1/accounts", body).send().expect(201);
    let carrier = Arc::new(Providers::from_settings(&app.inner).unwrap());
    let worker = Worker::new(app.inner.clone(), topics::all(), carrier);
    (app, worker, mailbox)
}

both! {
    fn a_notice_goes_out_in_both_forms_with_the_headers_of_an_automatic_mail(on: Builder) {
        let (app, worker, mailbox) = with_notice_due(on);
        worker.run_once().unwrap();
        let mails = mailbox.received.lock().unwrap();
        assert_eq!(mails.len(), 1);
        for part in [
            "To: frontdesk@oakstreet.example", "Subject: A new patient connected", "Auto-Submitted: auto-generated",
            "Message-ID: <", "multipart/alternative", "text/plain", "text/html",
        ] {
            assert!(mails[0].contains(part), "no {part} in {}", mails[0]);
        }
        for private in ["Alex", "Rivera", "1987", "555"] {
            assert!(!mails[0].contains(private), "{private} in {}", mails[0]);
        }
        assert_eq!(app.outbox("sent"), 2);
    }

    fn a_deferred_mail_is_sent_again_under_the_same_message_id(on: Builder) {
        let (app, worker, mailbox) = with_notice_due(on);
        mailbox.replies.lock().unwrap().push_back("451 later");
        worker.run_once().unwrap();
        assert_eq!(app.outbox("queued"), 1);
        app.advance(10);
        worker.run_once().unwrap();
        assert_eq!(app.outbox("sent"), 2);
        let mails = mailbox.received.lock().unwrap();
        let id = |mail: &String| mail.lines().find(|line| line.starts_with("Message-ID")).unwrap().to_owned();
        assert_eq!(mails.len(), 2);
        assert_eq!(id(&mails[0]), id(&mails[1]));
    }

    fn a_refused_mail_is_dead_and_can_be_seen(on: Builder) {
        let (app, worker, mailbox) = with_notice_due(on);
        mailbox.replies.lock().unwrap().push_back("554 no");
        worker.run_once().unwrap();
        assert_eq!(app.outbox("dead"), 1);
        let metrics = app.get("/metrics").send().expect(200).text();
        assert!(metrics.contains("outbox_rows{state=\"dead\"}"), "{metrics}");
    }
}
