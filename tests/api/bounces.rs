//! Bounced e-mails, at the SMTP handover and later: the mailbox is paused, the other admins are told, and
//! reports without a valid signature are refused.

use std::sync::atomic::{AtomicU32, Ordering};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use diesel::prelude::*;
use practice_links::domain::practices::Practice;
use practice_links::domain::staff::Role;
use practice_links::kit::Secret;
use practice_links::platform::outbox::Outcome;
use serde_json::{Value, json};

use crate::harness::{Builder, Reply, SendAttempt, StaffClient, TestApp, as_staff, phone};

const SECRET: &str = "c2VjcmV0IG9mIHRoZSBtYWlsIHNlcnZlcg==";
const GONE: Outcome = Outcome::Rejected("mailbox_refused");

/// Numbers the reports, so that each has its own id.
static REPORTS: AtomicU32 = AtomicU32::new(1);

struct Elm {
    app: TestApp,
    practice: Practice,
    admin: StaffClient,
    recipient: StaffClient,
    link: String,
}

/// Two admins, "ana" and "bo". The notices of link 222222 go to `recipient`, who is "bo".
fn elm(on: Builder) -> Elm {
    let app = on
        .delivery(|config| config.mail.events_secret = Some(Secret::from_client(&format!("whsec_{SECRET}"))))
        .start();
    let practice = app.practice("Elm Dental", Some("desk@elm.example"));
    let (admin, recipient) =
        (app.staff_client(&practice, "ana", Role::Admin), app.staff_client(&practice, "bo", Role::Admin));
    let link = app.link("222222", &practice.id).id;
    let notify = json!({ "notify": [recipient.staff_id] });
    as_staff(&admin, app.patch(&format!("/v1/practice/links/{link}"), notify)).send().expect(200);
    Elm { app, practice, admin, recipient, link: link.to_string() }
}

impl Elm {
    fn address(&self, name: &str) -> String {
        format!("{name}@{}.example", self.practice.id.as_str().replace('_', "-"))
    }

    fn mails_to(&self, name: &str) -> Vec<SendAttempt> {
        self.app.transport.sent_to(&self.address(name))
    }

    /// Connects a patient and delivers the recipient's notice. Returns its Message-ID.
    fn notify_recipient(&self, n: u32) -> String {
        self.app.sign_up_at(&phone(n), "222222");
        format!("<{}@localhost>", self.mails_to("bo").pop().unwrap().row_id)
    }

    fn event(&self, kind: &str, message_id: &str, permanent: bool) -> Reply {
        let at = self.app.now().to_string();
        let event = json!({ "type": kind, "message_id": message_id, "permanent": permanent, "at": at });
        self.send(&json!({ "events": [event] }).to_string(), 0, SECRET)
    }

    fn send(&self, body: &str, late: i64, secret: &str) -> Reply {
        let at = (self.app.now().seconds() + late).to_string();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(secret).unwrap());
        let id = format!("msg_{}", REPORTS.fetch_add(1, Ordering::Relaxed));
        self.send_as(&id, &at, body, &key)
    }

    fn send_as(&self, id: &str, at: &str, body: &str, key: &hmac::Key) -> Reply {
        let mac = STANDARD.encode(hmac::sign(key, format!("{id}.{at}.{body}").as_bytes()));
        let call = self.app.call("POST", "/v1/callbacks/mail-events").raw("application/json", body);
        let call = call.header("webhook-id", id).header("webhook-timestamp", at);
        call.header("webhook-signature", &format!("v1,{mac}")).send()
    }

    /// Changes the recipient's e-mail in the database: no endpoint does that yet.
    fn change_recipient_email(&self, address: &str) {
        let change = format!("UPDATE staff SET email = '{address}' WHERE id = '{}'", self.recipient.staff_id);
        self.app.write(|tx| Ok(diesel::sql_query(change).execute(tx.conn)?));
    }

    fn paused(&self) -> Value {
        let list = as_staff(&self.admin, self.app.get("/v1/practice/notifications")).send().expect(200);
        list.at("/items/0/paused")
    }

    fn frequency(&self) -> String {
        let list = as_staff(&self.admin, self.app.get("/v1/practice/notifications")).send().expect(200);
        list.str("/items/0/frequency")
    }

    fn patch(&self, change: Value) -> Reply {
        as_staff(&self.admin, self.app.patch("/v1/practice/notifications", change)).send()
    }
}

both! {
    fn refused_mailbox_is_paused_and_other_admins_told_once(on: Builder) {
        let elm = elm(on);
        elm.app.verify(&phone(0));
        elm.app.transport.clear();
        let proof = elm.app.verify(&phone(1));
        let body = crate::harness::sign_up_body(&proof, &elm.app.link_token("222222"));
        elm.app.post("/v1/accounts", body).send().expect(201);
        elm.app.transport.answer_next(1, &GONE);
        elm.app.deliver_all();
        assert_eq!(elm.paused()["reason"], "mailbox_refused");
        let mails = elm.mails_to("ana");
        assert_eq!((mails.len(), mails[0].subject.as_str()), (1, "An address refuses our e-mails"));
        assert!(mails[0].unsubscribe.is_none());
        for text in [&mails[0].body, &mails[0].html, &mails[0].subject] {
            assert!(!text.contains(&elm.address("bo")), "{text}");
        }
        // Later notices are not sent, and no admin is told again.
        elm.app.sign_up_at(&phone(2), "222222");
        assert!(elm.mails_to("bo").is_empty());
        assert_eq!((elm.mails_to("ana").len(), elm.app.outbox("dropped")), (1, 1));
        assert_eq!(elm.app.count("SELECT count(*) FROM events WHERE kind = 'notifications.paused'"), 1);
        assert_eq!(elm.app.count("SELECT count(*) FROM outbox WHERE recipient LIKE '%@%'"), 0);
    }

    /// A server accepts an invite's mail and bounces it later: staff see it on the invite.
    fn bounced_invite_email_shows_on_the_invite(on: Builder) {
        let elm = elm(on);
        let body = json!({
            "name": "Alex Rivera", "phone": phone(1), "email": "alex@home.example", "link_id": elm.link,
        });
        let made = as_staff(&elm.admin, elm.app.post("/v1/practice/invites", body)).send().expect(201);
        elm.app.deliver_all();
        let mail = elm.app.transport.sent_to("alex@home.example").pop().unwrap();
        elm.event("bounce", &format!("<{}@localhost>", mail.row_id), true).expect(204);
        let path = format!("/v1/practice/invites/{}", made.str("/invite/id"));
        let is = as_staff(&elm.admin, elm.app.get(&path)).send().expect(200);
        assert_eq!((is.at("/invite/state"), is.at("/invite/bounced")), (json!("bounced"), json!("email")));
        assert_eq!(elm.paused(), Value::Null, "a patient's mailbox belongs to no staff member");
    }

    fn admin_resumes_a_paused_mailbox(on: Builder) {
        let elm = elm(on);
        let id = elm.notify_recipient(0);
        elm.event("bounce", &id, true).expect(204);
        assert_eq!(elm.paused()["reason"], "mailbox_refused");
        let reply = elm.patch(json!({ "person": elm.recipient.staff_id, "resume": true })).expect(200);
        assert_eq!(reply.at("/items/0/paused"), Value::Null);
        elm.notify_recipient(1);
        assert_eq!(elm.mails_to("bo").len(), 2);
        // Repeating the old report changes nothing.
        elm.event("bounce", &id, true).expect(204);
        assert_eq!(elm.paused(), Value::Null);
        elm.app.deliver_all();
        assert_eq!(elm.mails_to("ana").len(), 1);
    }

    fn paused_mailbox_does_not_count_as_a_recipient(on: Builder) {
        let elm = elm(on);
        let notify = json!({ "notify": [elm.admin.staff_id, elm.recipient.staff_id] });
        as_staff(&elm.admin, elm.app.patch(&format!("/v1/practice/links/{}", elm.link), notify)).send().expect(200);
        elm.event("bounce", &elm.notify_recipient(0), true).expect(204);
        elm.patch(json!({ "person": elm.admin.staff_id, "frequency": "off" })).problem(409, "last_recipient");
        elm.app.deliver_all();
    }

    fn practice_address_is_told_when_there_is_no_other_admin(app: TestApp) {
        let practice = app.practice("Ash Dental", Some("desk@ash.example"));
        let admin = app.staff_client(&practice, "ana", Role::Admin);
        let link = app.link("222222", &practice.id).id;
        let notify = json!({ "notify": [admin.staff_id] });
        as_staff(&admin, app.patch(&format!("/v1/practice/links/{link}"), notify)).send().expect(200);
        let proof = app.verify(&phone(1));
        let body = crate::harness::sign_up_body(&proof, &app.link_token("222222"));
        app.post("/v1/accounts", body).send().expect(201);
        app.transport.answer_next(1, &GONE);
        app.deliver_all();
        assert_eq!(app.transport.sent_to("desk@ash.example").len(), 1);
    }

    fn temporary_bounce_pauses_nothing_until_permanent(on: Builder) {
        let elm = elm(on);
        let id = elm.notify_recipient(0);
        elm.event("bounce", &id, false).expect(204);
        assert_eq!(elm.paused(), Value::Null);
        elm.event("bounce", &id, true).expect(204);
        assert_eq!(elm.paused()["reason"], "mailbox_refused");
        elm.app.deliver_all();
    }

    fn late_repeated_or_unknown_reports_change_nothing(on: Builder) {
        let elm = elm(on);
        let id = elm.notify_recipient(0);
        elm.event("delivered", &id, false).expect(204);
        assert_eq!(elm.app.count("SELECT count(*) FROM deliveries WHERE receipt = 'delivered'"), 1);
        // A server that retries may report a temporary bounce for a mail that had arrived.
        elm.event("bounce", &id, false).expect(204);
        for unknown in ["<out_0198c1f2a4c07d3e8a51b2c3d4e5f607@localhost>", "", "<'; --@x>", "<pai_1@localhost>"] {
            for kind in ["bounce", "complaint", "delivered", "opened"] {
                elm.event(kind, unknown, true).expect(204);
            }
        }
        // The id of a text message does not identify an e-mail.
        let text = elm.app.transport.sent_to(&phone(0))[0].row_id.clone();
        elm.event("bounce", &format!("<{text}@localhost>"), true).expect(204);
        for body in [r#"{"events": []}"#, r#"{"events": [7, null, {"type": "bounce"}, {"type": 1, "message_id": 2}]}"#] {
            elm.send(body, 0, SECRET).expect(204);
        }
        for body in ["", "[]", "7", "{}", r#"{"events": 7}"#, "\u{0}"] {
            elm.send(body, 0, SECRET).problem(400, "malformed_request");
        }
        assert_eq!((elm.paused(), elm.frequency().as_str()), (Value::Null, "immediate"));
        assert_eq!(elm.app.count("SELECT count(*) FROM deliveries WHERE receipt <> 'none'"), 1);
    }

    // Some mail servers accept a mail and bounce it later.
    fn bounce_after_delivery_pauses_the_mailbox_once(on: Builder) {
        let elm = elm(on);
        let id = elm.notify_recipient(0);
        elm.event("delivered", &id, false).expect(204);
        elm.event("bounce", &id, true).expect(204);
        assert_eq!(elm.paused()["reason"], "mailbox_refused");
        elm.patch(json!({ "person": elm.recipient.staff_id, "resume": true })).expect(200);
        elm.event("bounce", &id, true).expect(204);
        assert_eq!(elm.paused(), Value::Null, "the same report again");
        elm.app.deliver_all();
    }

    fn bounce_pauses_the_address_that_the_mail_was_sent_to(on: Builder) {
        let elm = elm(on);
        let first = elm.address("bo");
        let proof = elm.app.verify(&phone(1));
        let body = crate::harness::sign_up_body(&proof, &elm.app.link_token("222222"));
        elm.app.post("/v1/accounts", body).send().expect(201);
        elm.change_recipient_email("bo@second.example");
        elm.app.deliver_all();
        let id = format!("<{}@localhost>", elm.app.transport.sent_to("bo@second.example").pop().unwrap().row_id);
        elm.change_recipient_email("bo@third.example");
        elm.event("bounce", &id, true).expect(204);
        assert_eq!(elm.paused(), Value::Null, "no bounce of the third address is known");
        elm.change_recipient_email(&first);
        assert_eq!(elm.paused(), Value::Null, "nor of the first");
        elm.change_recipient_email("bo@second.example");
        assert_eq!(elm.paused()["reason"], "mailbox_refused");
        elm.app.deliver_all();
    }

    fn smtp_refusal_pauses_the_address_current_at_send(on: Builder) {
        let elm = elm(on);
        let first = elm.address("bo");
        let proof = elm.app.verify(&phone(1));
        let body = crate::harness::sign_up_body(&proof, &elm.app.link_token("222222"));
        elm.app.post("/v1/accounts", body).send().expect(201);
        elm.change_recipient_email("bo@second.example");
        elm.app.transport.answer_next(1, &GONE);
        elm.app.deliver_all();
        assert_eq!(elm.paused()["reason"], "mailbox_refused");
        elm.change_recipient_email(&first);
        assert_eq!(elm.paused(), Value::Null);
    }

    // A complaint without a time could be replayed for as long as its signature is valid.
    fn replayed_report_id_changes_nothing(on: Builder) {
        let elm = elm(on);
        elm.app.advance(1);
        elm.app.link("333333", &elm.practice.id);
        let body = json!({ "events": [{ "type": "complaint", "message_id": elm.notify_recipient(0) }] }).to_string();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(SECRET).unwrap());
        let at = elm.app.now().seconds().to_string();
        elm.send_as("msg_same", &at, &body, &key).expect(204);
        assert_eq!(elm.frequency(), "off");
        elm.app.advance(60);
        elm.patch(json!({ "person": elm.recipient.staff_id, "frequency": "daily" })).expect(200);
        elm.app.advance(1);
        elm.send_as("msg_same", &at, &body, &key).expect(204);
        assert_eq!(elm.frequency(), "daily");
    }

    fn complaint_turns_notices_off_until_changed_later(on: Builder) {
        let elm = elm(on);
        elm.app.advance(1);
        elm.app.link("333333", &elm.practice.id);
        let id = elm.notify_recipient(0);
        let body = json!({ "events": [{ "type": "complaint", "message_id": id, "at": elm.app.now().to_string() }] });
        elm.send(&body.to_string(), 0, SECRET).expect(204);
        assert_eq!(elm.frequency(), "off");
        elm.app.advance(60);
        elm.patch(json!({ "person": elm.recipient.staff_id, "frequency": "daily" })).expect(200);
        // The same complaint, repeated or late, is older than that change.
        elm.send(&body.to_string(), 0, SECRET).expect(204);
        assert_eq!(elm.frequency(), "daily");
    }

    fn wrong_or_missing_signature_is_refused(on: Builder) {
        let elm = elm(on);
        let id = elm.notify_recipient(0);
        let body = json!({ "events": [{ "type": "bounce", "message_id": id, "permanent": true }] }).to_string();
        elm.send(&body, 0, "b3RoZXI=").problem(403, "signature_invalid");
        for late in [-301, 301] {
            elm.send(&body, late, SECRET).problem(403, "signature_invalid");
        }
        let bare = elm.app.call("POST", "/v1/callbacks/mail-events").raw("application/json", body.clone());
        bare.send().problem(403, "signature_invalid");
        assert_eq!(elm.paused(), Value::Null);
        elm.send(&body, -299, SECRET).expect(204);
        assert_eq!(elm.paused()["reason"], "mailbox_refused");
        elm.app.deliver_all();
    }

    fn report_is_refused_when_no_secret_is_set(app: TestApp) {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"");
        let (at, body) = (app.now().seconds().to_string(), r#"{"events": []}"#);
        let mac = STANDARD.encode(hmac::sign(&key, format!("msg_1.{at}.{body}").as_bytes()));
        let call = app.call("POST", "/v1/callbacks/mail-events").raw("application/json", body);
        let call = call.header("webhook-id", "msg_1").header("webhook-timestamp", &at);
        call.header("webhook-signature", &format!("v1,{mac}")).send().problem(403, "signature_invalid");
    }
}
