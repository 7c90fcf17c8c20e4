//! Invites: both channels, phone and e-mail, are verified before anyone is paired.

use practice_links::domain::staff::Role;
use practice_links::domain::{practices, retention};
use practice_links::kit::Secret;
use practice_links::platform::outbox::Outcome;
use serde_json::{Value, json};

use crate::callbacks::twilio;
use crate::harness::{
    Builder, DEMO, IPHONE, Reply, SignedUp, StaffClient, TestApp, as_staff, phone, together,
};

const DAY: u64 = 86_400;

/// A member of the demo practice.
fn member(app: &TestApp) -> StaffClient {
    let practice = app.write(practices::list).remove(0);
    app.staff_client(&practice, "bo", Role::Member)
}

/// The body of an invite to the `n`-th number and an address that goes with it.
fn invite_body(n: u32) -> Value {
    json!({ "name": "Alex Rivera", "phone": phone(n), "email": email(n) })
}

fn email(n: u32) -> String {
    format!("alex{n}@home.example")
}

fn invite(app: &TestApp, staff: &StaffClient, body: Value) -> Reply {
    as_staff(staff, app.post("/v1/practice/invites", body)).send()
}

fn resend(app: &TestApp, staff: &StaffClient, id: &str) -> Reply {
    as_staff(staff, app.call("POST", &format!("/v1/practice/invites/{id}/resend"))).send()
}

fn show(app: &TestApp, staff: &StaffClient, id: &str) -> Value {
    as_staff(staff, app.get(&format!("/v1/practice/invites/{id}"))).send().expect(200).at("/invite")
}

fn state(app: &TestApp, staff: &StaffClient, id: &str) -> String {
    show(app, staff, id)["state"].as_str().unwrap().to_owned()
}

/// The token in the link of the last invite message to `to`.
fn last_token_to(app: &TestApp, to: &str) -> String {
    app.deliver_all();
    let sent = app.transport.sent_to(to);
    let with_link = sent.iter().rev().find(|message| message.body.contains("/i/")).expect("no invite");
    let link = with_link.body.split("http://links.example.test/i/").nth(1).unwrap();
    link.split_whitespace().next().unwrap().to_owned()
}

/// Sends an invite; returns its id, the token in its text message, and the path in its mail.
fn send_invite(app: &TestApp, staff: &StaffClient, n: u32) -> (String, String, String) {
    let id = invite(app, staff, invite_body(n)).expect(201).str("/invite/id");
    (id, last_token_to(app, &phone(n)), format!("/i/{}", last_token_to(app, &email(n))))
}

fn press_button(app: &TestApp, mail: &str) -> Reply {
    app.form(mail, &[]).send()
}

fn sign_up(app: &TestApp, proof: &str, token: &str) -> Reply {
    let body = json!({
        "phone_proof": proof, "invite_token": token, "given_name": "Alex", "family_name": "Rivera",
    });
    let reply = app.post("/v1/accounts", body).send();
    app.deliver_all();
    reply
}

fn conversation(app: &TestApp, staff: &StaffClient, id: &str) -> Value {
    let path = format!("/v1/practice/conversations/{id}");
    as_staff(staff, app.get(&path)).send().expect(200).at("/conversation")
}

both! {
    /// End to end: text, mail, page, button, code, account; then the practice knows who the patient is.
    fn accepted_invite_becomes_a_confirmed_conversation(app: TestApp) {
        let member = member(&app);
        let (id, token, mail) = send_invite(&app, &member, 1);
        assert_eq!(state(&app, &member, &id), "sent");
        let page = app.get(&format!("/i/{token}")).user_agent(IPHONE).send().expect(200).text();
        assert!(page.contains("Oak Street Family Medicine") && !page.contains("Rivera"), "{page}");
        assert_eq!(state(&app, &member, &id), "opened");
        let opened = app.post("/v1/invites/opened", json!({ "invite_token": token })).send().expect(200);
        assert_eq!(opened.at("/practice/city"), "Springfield");

        app.get(&mail).send().expect(200);
        assert_eq!(state(&app, &member, &id), "opened", "a mail server that opens the link proves nothing");
        press_button(&app, &mail).expect(200);
        press_button(&app, &mail).expect(200);
        assert_eq!(state(&app, &member, &id), "email_ok");

        let proof = app.verify(&phone(1));
        let made = sign_up(&app, &proof, &token).expect(201);
        assert_eq!((made.at("/pairing/source/kind"), made.at("/pairing/source/invite_id")), (json!("invite"), json!(id)));
        let current = conversation(&app, &member, &made.str("/conversation/id"));
        assert_eq!((&current["identity"], &current["phi_allowed"]), (&json!("confirmed"), &json!(true)));
        assert_eq!(current["tags"], json!(["demo"]));
        let current = show(&app, &member, &id);
        assert_eq!((&current["state"], &current["name_agrees"]), (&json!("accepted"), &json!(true)));
        assert_eq!(current["conversation_id"], made.at("/conversation/id"));
        // The same call after a lost reply gets the same account. For everybody else the link is dead.
        assert_eq!(sign_up(&app, &proof, &token).expect(201).at("/account/id"), made.at("/account/id"));
        app.get(&format!("/i/{token}")).send().expect(404);
        let other = app.verify(&phone(2));
        sign_up(&app, &other, &token).problem(409, "invite_gone");
    }

    /// Number and address are as invited, but a household may share them. A person whose name is only similar
    /// to the invited one is paired, but not confirmed.
    fn invite_confirms_the_invited_name_but_no_similar_one(app: TestApp) {
        let member = member(&app);
        for (n, (invited, family_name, identity)) in [
            ("Ana van der Berg", "van der Linden", "unverified"),
            ("Ana Rivera Sr.", "Rivera Junior", "unverified"),
            ("Ana 王", "汪", "unverified"),
            ("Ana van der Berg", "Berg", "confirmed"),
            ("Ana García Márquez", "Garcia", "confirmed"),
            ("Ana 王", "王", "confirmed"),
        ].into_iter().enumerate() {
            let n = u32::try_from(n).unwrap();
            let body = json!({ "name": invited, "phone": phone(n), "email": email(n) });
            let id = invite(&app, &member, body).expect(201).str("/invite/id");
            let token = last_token_to(&app, &phone(n));
            press_button(&app, &format!("/i/{}", last_token_to(&app, &email(n)))).expect(200);
            let made = app.post("/v1/accounts", json!({
                "phone_proof": app.verify(&phone(n)), "invite_token": token,
                "given_name": "Ana", "family_name": family_name,
            })).send().expect(201);
            app.deliver_all();
            let current = conversation(&app, &member, &made.str("/conversation/id"));
            assert_eq!(current["identity"], identity, "{invited} {family_name}");
            assert_eq!(show(&app, &member, &id)["name_agrees"], identity == "confirmed");
        }
    }

    /// Verifying the number first reveals nothing; the proof stays valid, and the mail's button completes it.
    fn verified_number_opens_nothing_before_the_mail_button(app: TestApp) {
        let member = member(&app);
        let (id, token, mail) = send_invite(&app, &member, 1);
        let proof = app.verify(&phone(1));
        let refused = sign_up(&app, &proof, &token).problem(409, "invite_email_unproven");
        assert!(!refused.text().contains("home.example") && !refused.text().contains("Oak"), "{}", refused.text());
        assert_eq!(state(&app, &member, &id), "phone_ok");
        assert_eq!(app.count("SELECT count(*) FROM accounts"), 0);
        press_button(&app, &mail).expect(200);
        let made = sign_up(&app, &proof, &token).expect(201);
        assert_eq!(conversation(&app, &member, &made.str("/conversation/id"))["identity"], "confirmed");
    }

    /// A mail's link is valid for a day; after that, verifying the number sends another mail.
    fn expired_mail_is_sent_again_once_the_number_is_verified(app: TestApp) {
        let member = member(&app);
        let (_, token, mail) = send_invite(&app, &member, 1);
        app.advance(DAY);
        press_button(&app, &mail).expect(404);
        let proof = app.verify(&phone(1));
        sign_up(&app, &proof, &token).problem(409, "invite_email_unproven");
        let again = format!("/i/{}", last_token_to(&app, &email(1)));
        assert_ne!(again, mail);
        sign_up(&app, &proof, &token).problem(409, "invite_email_unproven");
        assert_eq!(app.transport.sent_to(&email(1)).len(), 2, "one mail per day, however often it is tried");
        press_button(&app, &again).expect(200);
        sign_up(&app, &proof, &token).expect(201);
    }

    /// Case 6: a forwarded text opens nothing on another phone, and the practice is told once.
    fn forwarded_invite_is_refused_and_reported_to_the_practice(app: TestApp) {
        let member = member(&app);
        let (id, token, mail) = send_invite(&app, &member, 1);
        press_button(&app, &mail).expect(200);
        app.transport.clear();
        let stranger = app.verify(&phone(2));
        for _ in 0..2 {
            let refused = sign_up(&app, &stranger, &token).problem(403, "pairing_refused");
            assert_eq!(refused.at("/detail"), "Call the practice if you have questions.");
        }
        assert_eq!(app.count("SELECT count(*) FROM accounts"), 0);
        assert_eq!(app.count("SELECT count(*) FROM conversations"), 0);
        let notices = app.transport.sent_to("frontdesk@oakstreet.example");
        assert_eq!(notices.len(), 1);
        let raw = format!("{}{}{}", notices[0].subject, notices[0].body, notices[0].html);
        for private in ["Rivera", "Alex", &phone(1), &phone(2), "home.example"] {
            assert!(!raw.contains(private), "{raw}");
        }
        assert!(show(&app, &member, &id)["other_number_at"].is_string());
        // The invited person can still accept, and the stranger's proof stays valid elsewhere.
        let proof = app.verify(&phone(1));
        sign_up(&app, &proof, &token).expect(201);
        let body = crate::harness::sign_up_body(&stranger, &app.link_token(DEMO));
        app.post("/v1/accounts", body).send().expect(201);
        app.deliver_all();
    }

    /// Both channels are verified, but another person in the household answers: staff check that.
    fn name_other_than_the_invited_one_starts_unverified(app: TestApp) {
        let member = member(&app);
        let (id, token, mail) = send_invite(&app, &member, 1);
        press_button(&app, &mail).expect(200);
        let proof = app.verify(&phone(1));
        let body = json!({ "phone_proof": proof, "invite_token": token, "given_name": "Sam", "family_name": "Stone" });
        let made = app.post("/v1/accounts", body).send().expect(201);
        app.deliver_all();
        assert_eq!(conversation(&app, &member, &made.str("/conversation/id"))["identity"], "unverified");
        let current = show(&app, &member, &id);
        assert_eq!((&current["state"], &current["name_agrees"]), (&json!("accepted"), &json!(false)));
        assert!(current["phone_proven_at"].is_string() && current["email_proven_at"].is_string(), "{current}");
    }

    /// A patient with an account needs no second one: signed in with the invited number, they accept for the
    /// person who was invited.
    fn existing_patient_accepts_an_invite(app: TestApp) {
        let member = member(&app);
        let patient = app.sign_up_at(&phone(1), app.link("765432", &app.practice("Oak Eyes", None).id).code.as_str());
        let (_, token, mail) = send_invite(&app, &member, 1);
        let pair = |patient: &SignedUp| {
            let reply = app.post("/v1/pairings", json!({ "invite_token": token })).bearer(&patient.access_token).send();
            app.deliver_all();
            reply
        };
        pair(&patient).problem(409, "invite_email_unproven");
        press_button(&app, &mail).expect(200);
        let other = app.sign_up(&phone(2));
        pair(&other).problem(403, "pairing_refused");
        let made = pair(&patient).expect(201);
        assert_eq!(pair(&patient).expect(200).at("/conversation/id"), made.at("/conversation/id"));
        assert_eq!(conversation(&app, &member, &made.str("/conversation/id"))["identity"], "confirmed");
    }

    /// Deleting the account also erases the invite's contact; the name belongs to the practice's own record.
    fn deleted_account_is_also_erased_from_its_invite(app: TestApp) {
        let member = member(&app);
        let (id, token, mail) = send_invite(&app, &member, 1);
        press_button(&app, &mail).expect(200);
        let proof = app.verify(&phone(1));
        let bearer = sign_up(&app, &proof, &token).expect(201).str("/session/access_token");
        let me = app.get("/v1/me").bearer(&bearer).send().expect(200);
        assert_eq!(me.at("/email/address"), email(1), "the button also verified the account's address");
        assert!(me.at("/email/proven_at").is_string());
        app.delete("/v1/me").bearer(&bearer).send().expect(204);
        let current = show(&app, &member, &id);
        assert_eq!((&current["name"], &current["phone"], &current["email"]), (&json!("Alex Rivera"), &Value::Null, &Value::Null));
    }

    /// A patient who paired through the poster and is invited afterwards is confirmed by the invite.
    fn invite_confirms_an_existing_conversation(app: TestApp) {
        let member = member(&app);
        let patient = app.sign_up(&phone(1));
        assert_eq!(conversation(&app, &member, &patient.conversation_id)["identity"], "unverified");
        let (_, token, mail) = send_invite(&app, &member, 1);
        press_button(&app, &mail).expect(200);
        let paired = app.post("/v1/pairings", json!({ "invite_token": token })).bearer(&patient.access_token).send();
        assert_eq!(paired.expect(200).at("/conversation/id"), patient.conversation_id);
        assert_eq!(conversation(&app, &member, &patient.conversation_id)["identity"], "confirmed");
        app.deliver_all();
    }

    fn draft_is_not_sent_and_a_resend_invalidates_older_links(app: TestApp) {
        let member = member(&app);
        let mut draft = invite_body(1);
        draft["send"] = json!(false);
        let id = invite(&app, &member, draft).expect(201).str("/invite/id");
        assert_eq!((state(&app, &member, &id), app.deliver_all()), ("draft".into(), 0));
        assert_eq!(resend(&app, &member, &id).expect(202).at("/invite/state"), "sent");
        let (old, old_mail) = (last_token_to(&app, &phone(1)), last_token_to(&app, &email(1)));

        // One per contact and day, whether it is a resend or a new invite.
        let early = resend(&app, &member, &id).problem(429, "invite_limited");
        assert_eq!(early.retry_after(), Some(DAY));
        invite(&app, &member, json!({ "name": "A B", "phone": phone(1), "email": email(9) })).problem(429, "invite_limited");
        invite(&app, &member, json!({ "name": "A B", "phone": phone(9), "email": email(1) })).problem(429, "invite_limited");
        app.advance(DAY);
        resend(&app, &member, &id).expect(202);
        let (new, new_mail) = (last_token_to(&app, &phone(1)), last_token_to(&app, &email(1)));
        app.get(&format!("/i/{old}")).send().expect(404);
        press_button(&app, &format!("/i/{old_mail}")).expect(404);
        press_button(&app, &format!("/i/{new_mail}")).expect(200);
        let proof = app.verify(&phone(1));
        sign_up(&app, &proof, &old).problem(409, "invite_gone");
        sign_up(&app, &proof, &new).expect(201);
        app.advance(DAY);
        resend(&app, &member, &id).problem(409, "invite_fixed");
        as_staff(&member, app.delete(&format!("/v1/practice/invites/{id}"))).send().problem(409, "invite_fixed");
    }

    fn revoked_invite_looks_like_an_unknown_one(app: TestApp) {
        let member = member(&app);
        let (id, token, mail) = send_invite(&app, &member, 1);
        as_staff(&member, app.delete(&format!("/v1/practice/invites/{id}"))).send().expect(204);
        assert_eq!(state(&app, &member, &id), "revoked");
        let gone = app.get(&format!("/i/{token}")).send().expect(404);
        let never = app.get("/i/AAAAAAAAAAAAAAAAAAAAAA").send().expect(404);
        let plain = |page: &Reply| page.text().split("</style>").nth(1).unwrap().to_owned();
        assert_eq!(plain(&gone), plain(&never));
        press_button(&app, &mail).expect(404);
        let proof = app.verify(&phone(1));
        sign_up(&app, &proof, &token).problem(409, "invite_gone");
        resend(&app, &member, &id).problem(409, "invite_fixed");
    }

    fn invite_expires_after_seven_days(app: TestApp) {
        let member = member(&app);
        let (id, token, mail) = send_invite(&app, &member, 1);
        press_button(&app, &mail).expect(200);
        app.advance(7 * DAY - 1);
        app.get(&format!("/i/{token}")).send().expect(200);
        app.advance(1);
        app.get(&format!("/i/{token}")).send().expect(404);
        assert_eq!(state(&app, &member, &id), "expired");
        let listed = |state: &str| {
            let page = as_staff(&member, app.get(&format!("/v1/practice/invites?state={state}"))).send().expect(200);
            page.at("/items").as_array().unwrap().len()
        };
        assert_eq!((listed("expired"), listed("email_ok")), (1, 0));
        retention::sweep(&app.state.service).unwrap();
        assert_eq!((listed("expired"), listed("email_ok")), (1, 0));
        // A resend starts the seven days again, and the address stays verified.
        assert_eq!(resend(&app, &member, &id).expect(202).at("/invite/state"), "email_ok");
        let mails = app.transport.sent_to(&email(1)).len();
        let token = last_token_to(&app, &phone(1));
        assert_eq!(app.transport.sent_to(&email(1)).len(), mails);
        let proof = app.verify(&phone(1));
        sign_up(&app, &proof, &token).expect(201);
        app.advance(40 * DAY);
        retention::sweep(&app.state.service).unwrap();
        let practice = app.write(practices::list).remove(0);
        let current = show(&app, &app.staff_client(&practice, "cy", Role::Member), &id);
        assert_eq!((&current["name"], &current["phone"], &current["email"]), (&Value::Null, &Value::Null, &Value::Null));
    }

    fn undeliverable_message_marks_the_invite_as_bounced(app: TestApp) {
        let member = member(&app);
        app.transport.answer_next(2, &Outcome::Rejected("mailbox_refused"));
        let id = invite(&app, &member, invite_body(1)).expect(201).str("/invite/id");
        app.deliver_all();
        let current = show(&app, &member, &id);
        assert_eq!(current["state"], "bounced");
        assert!(["sms", "email"].contains(&current["bounced"].as_str().unwrap()), "{current}");
        app.advance(DAY);
        assert_eq!(resend(&app, &member, &id).expect(202).at("/invite/bounced"), Value::Null);
        app.deliver_all();
        assert_eq!(state(&app, &member, &id), "sent");
    }

    fn link_previews_and_bots_neither_open_nor_learn_anything(app: TestApp) {
        let member = member(&app);
        let (id, token, _) = send_invite(&app, &member, 1);
        let path = format!("/i/{token}");
        let page = app.get(&path).user_agent("WhatsApp/2.23.20.0").send().expect(200).text();
        assert!(page.contains("og:title") && !page.contains("Oak Street"), "{page}");
        assert!(!page.contains(&token), "a preview does not pass the link on");
        app.call("HEAD", &path).user_agent(IPHONE).send().expect(200);
        app.get(&path).user_agent(IPHONE).header("sec-purpose", "prefetch").send().expect(200);
        assert_eq!(state(&app, &member, &id), "sent");
    }

    /// The text is unsolicited, so it must not wake anyone; the mail makes no noise.
    fn invite_text_waits_until_quiet_hours_end(app: TestApp) {
        let member = member(&app);
        // From 9:00 in Springfield to 21:00.
        app.advance(12 * 3600);
        let made = invite(&app, &member, invite_body(1)).expect(201);
        assert_eq!(made.at("/invite/text_due_at"), "2026-11-23T14:00:00.000Z");
        app.deliver_all();
        assert_eq!((app.transport.sent_to(&phone(1)).len(), app.transport.sent_to(&email(1)).len()), (0, 1));
        app.advance(11 * 3600 - 1);
        assert_eq!(app.deliver_all(), 0);
        app.advance(1);
        assert_eq!(app.deliver_all(), 1);
        assert_eq!(app.transport.sent_to(&phone(1)).len(), 1);
    }

    /// The text is one segment, names the practice but not the invited person, and for a discreet link not
    /// even the practice.
    fn invite_text_names_the_practice_unless_discreet(app: TestApp) {
        let practice = app.write(practices::list).remove(0);
        let admin = app.staff_client(&practice, "ana", Role::Admin);
        let link = app.make_link(&admin, json!({ "label": "Quiet", "discreet": true }));
        invite(&app, &admin, invite_body(1)).expect(201);
        let mut discreet = invite_body(2);
        discreet["link_id"] = link["id"].clone();
        invite(&app, &admin, discreet).expect(201);
        app.deliver_all();
        let text = |n| app.transport.sent_to(&phone(n)).pop().unwrap().body;
        assert!(text(1).starts_with("Oak Street Family Medicine invites you") && text(1).contains("STOP"), "{}", text(1));
        for message in app.transport.sent() {
            assert!(message.channel == "email" || message.body.len() <= 160, "{}", message.body);
            let raw = format!("{}{}{}", message.subject, message.body, message.html);
            assert!(!raw.contains("Rivera") && !raw.contains("Alex"), "{raw}");
            let is_discreet = [phone(2), email(2)].contains(&message.to);
            assert_eq!(raw.contains("Oak Street"), !is_discreet, "{raw}");
        }
    }

    fn opted_out_number_is_not_invited(on: Builder) {
        let app = on.delivery(|config| {
            config.twilio.auth_token = Some(Secret::from_client("12345"));
            config.twilio.from = "+15005550006".into();
        }).start();
        let member = member(&app);
        let says = |id: &str, text: &str| {
            let from = phone(1);
            let fields = [("MessageSid", id), ("From", from.as_str()), ("To", "+15005550006"), ("Body", text)];
            twilio(&app, "/v1/callbacks/twilio/inbound", &fields).send().expect(200);
            app.deliver_all();
        };
        // STOP arrives at night, before the text is sent: the text is not sent, and the invite shows that.
        app.advance(12 * 3600);
        let id = invite(&app, &member, invite_body(1)).expect(201).str("/invite/id");
        says("SM1", "STOP");
        app.transport.clear();
        app.advance(11 * 3600);
        app.deliver_all();
        assert_eq!(app.transport.sent_to(&phone(1)).len(), 0);
        assert_eq!((&show(&app, &member, &id)["state"], &show(&app, &member, &id)["bounced"]), (&json!("bounced"), &json!("sms")));
        app.advance(DAY);
        let refused = resend(&app, &member, &id).problem(409, "opted_out");
        assert_eq!(refused.at("/errors/0/pointer"), "/phone");
        invite(&app, &member, invite_body(1)).problem(409, "opted_out");
        says("SM2", "START");
        resend(&app, &member, &id).expect(202);
        app.deliver_all();
    }

    fn invalid_invite_names_the_wrong_field(app: TestApp) {
        let member = member(&app);
        let wrong = |field: &str, value: Value, status: u16, code: &str| {
            let mut body = invite_body(1);
            body[field] = value;
            let refused = invite(&app, &member, body).problem(status, code);
            assert_eq!(refused.at("/errors/0/pointer"), format!("/{field}"), "{}", refused.text());
        };
        wrong("phone", json!("12"), 422, "phone_invalid");
        wrong("phone", json!("+49 1512 3456789"), 422, "country_not_supported");
        wrong("email", json!("alex@"), 422, "invalid_request");
        wrong("name", json!("  "), 422, "invalid_request");
        wrong("link_id", json!("lnk_none"), 422, "invalid_request");
    }

    /// Case 8 for invites: staff who do not see a link do not see its invites either.
    fn invite_is_visible_only_to_staff_who_see_its_link(app: TestApp) {
        let practice = app.write(practices::list).remove(0);
        let (admin, member) = (app.staff_client(&practice, "ana", Role::Admin), app.staff_client(&practice, "bo", Role::Member));
        let own = json!({ "label": "Ana", "owner": { "kind": "staff", "id": admin.staff_id } });
        let mut private = invite_body(1);
        private["link_id"] = app.make_link(&admin, own)["id"].clone();
        invite(&app, &member, private.clone()).problem(422, "invalid_request");
        let id = invite(&app, &admin, private).expect(201).str("/invite/id");
        app.deliver_all();
        as_staff(&member, app.get(&format!("/v1/practice/invites/{id}"))).send().problem(404, "invite_not_found");
        resend(&app, &member, &id).problem(404, "invite_not_found");
        let list = as_staff(&member, app.get("/v1/practice/invites")).send().expect(200);
        assert_eq!(list.at("/items"), json!([]));
        let list = as_staff(&admin, app.get("/v1/practice/invites")).send().expect(200);
        assert_eq!(list.at("/items/0/id"), id);
    }

    /// Case 4: a mother and two children share one number; each invite leads to a separate conversation.
    fn family_on_one_number_has_a_conversation_each(app: TestApp) {
        let member = member(&app);
        let (_, token, mail) = send_invite(&app, &member, 1);
        press_button(&app, &mail).expect(200);
        let proof = app.verify(&phone(1));
        let mother = SignedUp::of(&phone(1), &sign_up(&app, &proof, &token).expect(201));
        let mut refresh = mother.refresh_token.clone();
        let mut conversations = vec![mother.conversation_id.clone()];
        for name in ["Sam", "Kim"] {
            app.advance(DAY);
            let full = format!("{name} Rivera");
            invite(&app, &member, json!({ "name": full, "phone": phone(1), "email": email(1) })).expect(201);
            let (token, mail) = (last_token_to(&app, &phone(1)), last_token_to(&app, &email(1)));
            press_button(&app, &format!("/i/{mail}")).expect(200);
            // The same phone: signing in on a new one would require a new identity check for everyone.
            let session = app.post("/v1/sessions/refresh", json!({ "refresh_token": refresh })).send().expect(200);
            let bearer = session.str("/session/access_token");
            refresh = session.str("/session/refresh_token");
            let child = json!({ "given_name": name, "family_name": "Rivera" });
            let child = app.post("/v1/me/patients", child).bearer(&bearer).send().expect(201).str("/patient/id");
            let body = json!({ "invite_token": token, "patient_id": child });
            let made = app.post("/v1/pairings", body).bearer(&bearer).send().expect(201);
            app.deliver_all();
            conversations.push(made.str("/conversation/id"));
        }
        conversations.sort();
        conversations.dedup();
        assert_eq!(conversations.len(), 3);
        for id in &conversations {
            assert_eq!(conversation(&app, &member, id)["identity"], "confirmed");
        }
    }

    /// An import takes up to 5,000 rows and processes them in chunks; an unfinished chunk is done later.
    fn long_import_is_processed_in_chunks(app: TestApp) {
        let member = member(&app);
        let rows: Vec<String> = (0..300).map(|n| format!("Alex Rivera,{},{}\n", phone(n), email(n))).collect();
        let call = app.call("POST", "/v1/practice/invites/import").raw("text/csv", format!("name,mobile,email\n{}", rows.concat()));
        let path = format!("/v1/practice/invites/imports/{}", as_staff(&member, call).send().expect(202).str("/import/id"));
        assert_eq!(app.count("SELECT count(*) FROM outbox WHERE channel = 'task' AND state = 'queued'"), 2);
        assert!(app.dying_worker(practice_links::platform::outbox::Point::Claimed).is_err());
        app.deliver_all();
        app.advance(120);
        app.deliver_all();
        let current = as_staff(&member, app.get(&path)).send().expect(200);
        assert_eq!((current.at("/import/done"), current.at("/import/invited")), (json!(300), json!(300)));
        assert_eq!(app.count("SELECT count(*) FROM invites"), 300);
        assert_eq!(app.transport.sent().len(), 600);
    }

    /// An address belongs to the account once its code is entered: five tries, half an hour, and not on a
    /// recycled number.
    fn patient_verifies_an_email_address(app: TestApp) {
        let patient = app.sign_up(&phone(1));
        let ask = |address: &str| {
            let reply = app.post("/v1/me/email", json!({ "email": address })).bearer(&patient.access_token).send();
            app.deliver_all();
            reply
        };
        let code_for = |address: &str| {
            let mail = app.transport.sent_to(address).pop().unwrap();
            let code = mail.body.lines().find(|line| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit()));
            code.unwrap().to_owned()
        };
        let check = |code: &str| {
            let body = json!({ "code": code });
            app.post("/v1/me/email/checks", body).bearer(&patient.access_token).send()
        };
        let mine = || app.get("/v1/me").bearer(&patient.access_token).send().expect(200).at("/email");
        ask("nope").problem(422, "invalid_request");
        ask(" Alex@Home.example ").expect(202);
        assert_eq!(ask("b@home.example").problem(429, "send_limited").retry_after(), Some(60));
        let code = code_for("alex@home.example");
        assert_eq!(check(if code == "000000" { "000001" } else { "000000" }).expect(200).at("/result"), "wrong");
        assert_eq!(mine(), Value::Null);
        assert_eq!(check(&code).expect(200).at("/result"), "approved");
        assert_eq!(check(&code).expect(200).at("/result"), "approved", "a lost reply costs nothing");
        assert_eq!(mine()["address"], "alex@home.example");
        assert!(mine()["proven_at"].is_string());

        // Another address replaces it once verified, and not before; guesses are limited.
        app.advance(60);
        ask("b@home.example").expect(202);
        let code = code_for("b@home.example");
        for n in 0..5 {
            let wrong = if code == format!("00000{n}") { "999999".into() } else { format!("00000{n}") };
            assert_eq!(check(&wrong).expect(200).at("/result"), "wrong");
        }
        check(&code).problem(410, "code_expired");
        assert_eq!(mine()["address"], "alex@home.example");
        app.advance(60);
        ask("b@home.example").expect(202);
        let code = code_for("b@home.example");
        app.advance(600);
        let restricted = app.sign_in(&phone(1)).str("/session/access_token");
        let profile = app.get("/v1/me").bearer(&restricted).send().expect(200);
        assert_eq!(profile.at("/email"), Value::Null);
        let body = json!({ "email": "thief@home.example" });
        app.post("/v1/me/email", body).bearer(&restricted).send().problem(403, "session_restricted");
        let body = json!({ "code": code });
        app.post("/v1/me/email/checks", body).bearer(&restricted).send().problem(403, "session_restricted");
        assert_eq!(check(&code).expect(200).at("/result"), "approved");
        assert_eq!(mine()["address"], "b@home.example");
    }

    /// An address that the account has verified needs no second verification.
    fn verified_account_email_counts_for_an_invite(app: TestApp) {
        let member = member(&app);
        let patient = app.sign_up_at(&phone(1), app.link("765432", &app.practice("Oak Eyes", None).id).code.as_str());
        app.post("/v1/me/email", json!({ "email": email(1) })).bearer(&patient.access_token).send().expect(202);
        app.deliver_all();
        let mail = app.transport.sent_to(&email(1)).pop().unwrap().body;
        let code = mail.lines().find(|line| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit())).unwrap();
        app.post("/v1/me/email/checks", json!({ "code": code })).bearer(&patient.access_token).send().expect(200);
        let (_, token, _) = send_invite(&app, &member, 1);
        // Not for the holder of a recycled number, who has not verified that address.
        app.advance(60);
        let stranger = app.sign_in(&phone(1)).str("/session/access_token");
        let person = json!({ "given_name": "Alex", "family_name": "Rivera" });
        app.post("/v1/me/patients", person).bearer(&stranger).send().expect(201);
        let refused = app.post("/v1/pairings", json!({ "invite_token": token })).bearer(&stranger).send();
        refused.problem(409, "invite_email_unproven");
        let made = app.post("/v1/pairings", json!({ "invite_token": token })).bearer(&patient.access_token).send();
        let made = made.expect(201);
        assert_eq!(conversation(&app, &member, &made.str("/conversation/id"))["identity"], "confirmed");
        app.deliver_all();
    }

    /// Nobody can write in a closed conversation: the invite is refused like a blocked number, and is not
    /// used up. It works again once an admin has undone the rejection.
    fn invite_is_not_used_up_by_a_closed_conversation(app: TestApp) {
        let member = member(&app);
        let practice = app.write(practice_links::domain::practices::list).remove(0);
        let admin = app.staff_client(&practice, "ana", Role::Admin);
        let patient = app.sign_up(&phone(1));
        let path = format!("/v1/practice/conversations/{}/identity/decisions", patient.conversation_id);
        as_staff(&member, app.post(&path, json!({ "decision": "reject" }))).send().expect(201);
        let (id, token, mail) = send_invite(&app, &member, 1);
        press_button(&app, &mail).expect(200);
        let accept = || app.post("/v1/pairings", json!({ "invite_token": token })).bearer(&patient.access_token).send();
        accept().problem(403, "pairing_refused");
        assert_eq!(state(&app, &member, &id), "email_ok");
        as_staff(&admin, app.post(&path, json!({ "decision": "undo" }))).send().expect(201);
        assert_eq!(accept().expect(200).str("/conversation/id"), patient.conversation_id);
        assert_eq!(state(&app, &member, &id), "accepted");
        app.deliver_all();
    }

    fn revoking_an_invite_twice_is_recorded_once(app: TestApp) {
        let member = member(&app);
        let (id, _, _) = send_invite(&app, &member, 1);
        for _ in 0..2 {
            as_staff(&member, app.delete(&format!("/v1/practice/invites/{id}"))).send().expect(204);
        }
        assert_eq!(app.count("SELECT count(*) FROM events WHERE kind = 'invite.revoked'"), 1);
    }

    /// A used invite pairs nobody else, and a name changed afterwards does not make it confirm the patient.
    fn used_invite_confirms_nobody_else(app: TestApp) {
        let member = member(&app);
        let named = json!({ "name": "Kim Stone", "phone": phone(2), "email": email(2) });
        invite(&app, &member, named).expect(201);
        let (other, other_mail) = (last_token_to(&app, &phone(2)), last_token_to(&app, &email(2)));
        press_button(&app, &format!("/i/{other_mail}")).expect(200);
        let patient = SignedUp::of(&phone(2), &sign_up(&app, &app.verify(&phone(2)), &other).expect(201));
        let again = |body: Value| app.post("/v1/pairings", body).bearer(&patient.access_token).send();
        assert_eq!(conversation(&app, &member, &patient.conversation_id)["identity"], "unverified");
        let path = format!("/v1/me/patients/{}", patient.patient_id);
        let change = json!({ "given_name": "Kim", "family_name": "Stone" });
        app.patch(&path, change.clone()).bearer(&patient.access_token).send().expect(200);
        let same = again(json!({ "invite_token": other })).expect(200);
        assert_eq!(same.str("/conversation/id"), patient.conversation_id);
        assert_eq!(conversation(&app, &member, &patient.conversation_id)["identity"], "unverified");
        let child = app.post("/v1/me/patients", change).bearer(&patient.access_token).send().expect(201);
        again(json!({ "invite_token": other, "patient_id": child.str("/patient/id") })).problem(403, "pairing_refused");
        app.deliver_all();
    }

    fn invite_import_reports_a_result_for_each_row(app: TestApp) {
        let member = member(&app);
        let import = |list: &str| as_staff(&member, app.call("POST", "/v1/practice/invites/import").raw("text/csv", list)).send();
        import("name,email\nA,b\n").problem(422, "invalid_request");
        let list = format!(
            "Name,Mobile,Email,Language\r\nAlex Rivera,(415) 555-2001,{},en\r\nSam Stone,{},{},es\r\n\
             Twice,{},other@home.example,\r\nNobody,12,x@home.example,\r\n,{},y@home.example,\r\n\
             No Mail,{},nope,\r\nToo Far,+4915123456789,z@home.example,\r\nTongue,{},w@home.example,tlh\r\n",
            email(1), phone(2), email(2), phone(1), phone(3), phone(4), phone(5),
        );
        let taken = import(&list).expect(202);
        assert_eq!((taken.at("/import/total"), taken.at("/import/done")), (json!(8), json!(0)));
        app.deliver_all();
        let path = format!("/v1/practice/invites/imports/{}", taken.str("/import/id"));
        let current = as_staff(&member, app.get(&path)).send().expect(200);
        assert_eq!((current.at("/import/done"), current.at("/import/invited")), (json!(8), json!(2)));
        let rows = as_staff(&member, app.get(&format!("{path}/rows?limit=200"))).send().expect(200);
        let results: Vec<String> =
            rows.at("/items").as_array().unwrap().iter().map(|row| row["result"].as_str().unwrap().to_owned()).collect();
        assert_eq!(results, [
            "created", "created", "invite_limited", "phone_invalid", "name_invalid", "email_invalid",
            "country_not_supported", "language_invalid",
        ]);
        app.deliver_all();
        assert!(app.transport.sent_to(&phone(1)).pop().unwrap().body.contains("invites you"));
        assert!(app.transport.sent_to(&phone(2)).pop().unwrap().body.contains("le invita"));
    }
}

postgres! {
    /// Two devices with the same number accept at the same moment.
    fn two_devices_accepting_at_once_share_one_conversation(on: Builder) {
        let app = on.pool(32).start();
        let member = member(&app);
        let patient = app.sign_up_at(&phone(1), app.link("765432", &app.practice("Oak Eyes", None).id).code.as_str());
        let (id, token, mail) = send_invite(&app, &member, 1);
        press_button(&app, &mail).expect(200);
        let answers = together(24, |_| {
            let body = json!({ "invite_token": token });
            let reply = app.post("/v1/pairings", body).bearer(&patient.access_token).send();
            assert!([200, 201].contains(&reply.status), "{}", reply.text());
            reply.str("/conversation/id")
        });
        assert!(answers.iter().all(|id| *id == answers[0]));
        assert_eq!(state(&app, &member, &id), "accepted");
        app.deliver_all();
    }

    /// Two proofs of one number sign up at the same moment.
    fn concurrent_sign_ups_by_one_invite_make_one_account(on: Builder) {
        let app = on.pool(32).start();
        let member = member(&app);
        let (_, token, mail) = send_invite(&app, &member, 1);
        press_button(&app, &mail).expect(200);
        let proofs = [app.verify(&phone(1)), app.verify(&phone(1))];
        let body = |proof: &str| json!({
            "phone_proof": proof, "invite_token": token, "given_name": "Alex", "family_name": "Rivera",
        });
        let answers = together(16, |n| app.post("/v1/accounts", body(&proofs[n % 2])).send().status);
        assert!(answers.iter().all(|status| [201, 409].contains(status)), "{answers:?}");
        assert_eq!(app.count("SELECT count(*) FROM conversations"), 1);
        app.deliver_all();
    }

    /// Colleagues invite one person at the same moment: only one message is sent.
    fn contact_is_invited_once_a_day_despite_concurrency(on: Builder) {
        let app = on.pool(32).start();
        let member = member(&app);
        let answers = together(16, |_| invite(&app, &member, invite_body(1)).status);
        assert_eq!(answers.iter().filter(|status| **status == 201).count(), 1, "{answers:?}");
        app.deliver_all();
        assert_eq!(app.transport.sent_to(&phone(1)).len(), 1);
    }
}
