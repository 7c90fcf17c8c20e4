//! Invites: two channels, both proven, before anybody is paired.

use practice_links::domain::staff::Role;
use practice_links::domain::{practices, retention};
use practice_links::kit::Secret;
use practice_links::platform::outbox::Outcome;
use serde_json::{Value, json};

use crate::callbacks::twilio;
use crate::harness::{Builder, DEMO, Desk, IPHONE, Reply, SignedUp, TestApp, as_desk, phone, together};

const DAY: u64 = 86_400;

/// A member of the demo practice.
fn member(app: &TestApp) -> Desk {
    let practice = app.write(|tx| practices::list(tx)).remove(0);
    app.desk(&practice, "bo", Role::Member)
}

/// Somebody to invite: the `n`-th number, and an address that goes with it.
fn asked(n: u32) -> Value {
    json!({ "name": "Alex Rivera", "phone": phone(n), "email": email(n) })
}

fn email(n: u32) -> String {
    format!("alex{n}@home.example")
}

fn invite(app: &TestApp, desk: &Desk, body: Value) -> Reply {
    as_desk(desk, app.post("/v1/practice/invites", body)).send()
}

fn resend(app: &TestApp, desk: &Desk, id: &str) -> Reply {
    as_desk(desk, app.call("POST", &format!("/v1/practice/invites/{id}/resend"))).send()
}

fn show(app: &TestApp, desk: &Desk, id: &str) -> Value {
    as_desk(desk, app.get(&format!("/v1/practice/invites/{id}"))).send().expect(200).at("/invite")
}

fn state(app: &TestApp, desk: &Desk, id: &str) -> String {
    show(app, desk, id)["state"].as_str().unwrap().to_owned()
}

/// What the link in the last message to somebody ends in.
fn link_in(app: &TestApp, to: &str) -> String {
    app.deliver_all();
    let sent = app.carrier.sent_to(to);
    let with_link = sent.iter().rev().find(|message| message.body.contains("/i/")).expect("no invite");
    let link = with_link.body.split("http://links.example.test/i/").nth(1).unwrap();
    link.split_whitespace().next().unwrap().to_owned()
}

/// An invite that was sent: its id, the secret of its text, the path of its mail.
fn sent(app: &TestApp, desk: &Desk, n: u32) -> (String, String, String) {
    let id = invite(app, desk, asked(n)).expect(201).str("/invite/id");
    (id, link_in(app, &phone(n)), format!("/i/{}", link_in(app, &email(n))))
}

fn press(app: &TestApp, mail: &str) -> Reply {
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

fn conversation(app: &TestApp, desk: &Desk, id: &str) -> Value {
    let path = format!("/v1/practice/conversations/{id}");
    as_desk(desk, app.get(&path)).send().expect(200).at("/conversation")
}

both! {
    /// The whole way: text, mail, page, button, code, account; and the practice knows who it is.
    fn an_invite_becomes_a_conversation_that_is_confirmed(app: TestApp) {
        let bo = member(&app);
        let (id, token, mail) = sent(&app, &bo, 1);
        assert_eq!(state(&app, &bo, &id), "sent");
        let page = app.get(&format!("/i/{token}")).user_agent(IPHONE).send().expect(200).text();
        assert!(page.contains("Oak Street Family Medicine") && !page.contains("Rivera"), "{page}");
        assert_eq!(state(&app, &bo, &id), "opened");
        let told = app.post("/v1/invites/opened", json!({ "invite_token": token })).send().expect(200);
        assert_eq!(told.at("/practice/city"), "Springfield");

        app.get(&mail).send().expect(200);
        assert_eq!(state(&app, &bo, &id), "opened", "a mail server that looks proves nothing");
        press(&app, &mail).expect(200);
        press(&app, &mail).expect(200);
        assert_eq!(state(&app, &bo, &id), "email_ok");

        let proof = app.verify(&phone(1));
        let made = sign_up(&app, &proof, &token).expect(201);
        assert_eq!((made.at("/pairing/source/kind"), made.at("/pairing/source/invite_id")), (json!("invite"), json!(id)));
        let is = conversation(&app, &bo, &made.str("/conversation/id"));
        assert_eq!((&is["identity"], &is["phi_allowed"]), (&json!("confirmed"), &json!(true)));
        assert_eq!(is["tags"], json!(["demo"]));
        let is = show(&app, &bo, &id);
        assert_eq!((&is["state"], &is["name_agrees"]), (&json!("accepted"), &json!(true)));
        assert_eq!(is["conversation_id"], made.at("/conversation/id"));
        // The same call after a lost reply: the same account. To everybody else the link is dead.
        assert_eq!(sign_up(&app, &proof, &token).expect(201).at("/account/id"), made.at("/account/id"));
        app.get(&format!("/i/{token}")).send().expect(404);
        let other = app.verify(&phone(2));
        sign_up(&app, &other, &token).problem(409, "invite_gone");
    }

    /// Number and address are as invited, and may be a household's. Whose name only sounds like the invited one is paired,
    /// and not confirmed.
    fn an_invite_confirms_whoever_has_the_name_and_nobody_of_a_similar_one(app: TestApp) {
        let bo = member(&app);
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
            let id = invite(&app, &bo, body).expect(201).str("/invite/id");
            let token = link_in(&app, &phone(n));
            press(&app, &format!("/i/{}", link_in(&app, &email(n)))).expect(200);
            let made = app.post("/v1/accounts", json!({
                "phone_proof": app.verify(&phone(n)), "invite_token": token,
                "given_name": "Ana", "family_name": family_name,
            })).send().expect(201);
            app.deliver_all();
            let is = conversation(&app, &bo, &made.str("/conversation/id"));
            assert_eq!(is["identity"], identity, "{invited} {family_name}");
            assert_eq!(show(&app, &bo, &id)["name_agrees"], identity == "confirmed");
        }
    }

    /// The number first: nothing is shown, the proof stays good, and the button of the mail completes it.
    fn a_number_alone_opens_nothing_until_the_mail_is_there(app: TestApp) {
        let bo = member(&app);
        let (id, token, mail) = sent(&app, &bo, 1);
        let proof = app.verify(&phone(1));
        let refused = sign_up(&app, &proof, &token).problem(409, "invite_email_unproven");
        assert!(!refused.text().contains("home.example") && !refused.text().contains("Oak"), "{}", refused.text());
        assert_eq!(state(&app, &bo, &id), "phone_ok");
        assert_eq!(app.count("SELECT count(*) FROM accounts"), 0);
        press(&app, &mail).expect(200);
        let made = sign_up(&app, &proof, &token).expect(201);
        assert_eq!(conversation(&app, &bo, &made.str("/conversation/id"))["identity"], "confirmed");
    }

    /// A mail's link is good for a day; after that the number's proof has another one sent.
    fn a_mail_that_is_over_is_sent_again_to_whoever_proves_the_number(app: TestApp) {
        let bo = member(&app);
        let (_, token, mail) = sent(&app, &bo, 1);
        app.advance(DAY);
        press(&app, &mail).expect(404);
        let proof = app.verify(&phone(1));
        sign_up(&app, &proof, &token).problem(409, "invite_email_unproven");
        let again = format!("/i/{}", link_in(&app, &email(1)));
        assert_ne!(again, mail);
        sign_up(&app, &proof, &token).problem(409, "invite_email_unproven");
        assert_eq!(app.carrier.sent_to(&email(1)).len(), 2, "one a day, however often it is tried");
        press(&app, &again).expect(200);
        sign_up(&app, &proof, &token).expect(201);
    }

    /// Case 6: a text that was forwarded opens nothing on another phone, and the practice hears of it once.
    fn a_forwarded_invite_is_refused_and_the_practice_told(app: TestApp) {
        let bo = member(&app);
        let (id, token, mail) = sent(&app, &bo, 1);
        press(&app, &mail).expect(200);
        app.carrier.clear();
        let stranger = app.verify(&phone(2));
        for _ in 0..2 {
            let refused = sign_up(&app, &stranger, &token).problem(403, "pairing_refused");
            assert_eq!(refused.at("/detail"), "Call the practice if you have questions.");
        }
        assert_eq!(app.count("SELECT count(*) FROM accounts"), 0);
        assert_eq!(app.count("SELECT count(*) FROM conversations"), 0);
        let told = app.carrier.sent_to("frontdesk@oakstreet.example");
        assert_eq!(told.len(), 1);
        let raw = format!("{}{}{}", told[0].subject, told[0].body, told[0].html);
        for private in ["Rivera", "Alex", &phone(1), &phone(2), "home.example"] {
            assert!(!raw.contains(private), "{raw}");
        }
        assert!(show(&app, &bo, &id)["other_number_at"].is_string());
        // Nothing is lost for whoever was meant, and the stranger's proof is good elsewhere.
        let proof = app.verify(&phone(1));
        sign_up(&app, &proof, &token).expect(201);
        let body = crate::harness::sign_up_body(&stranger, &app.link_token(DEMO));
        app.post("/v1/accounts", body).send().expect(201);
        app.deliver_all();
    }

    /// Both channels are proven, and somebody else of the household answers: staff look at that.
    fn another_name_than_the_invited_one_starts_unverified(app: TestApp) {
        let bo = member(&app);
        let (id, token, mail) = sent(&app, &bo, 1);
        press(&app, &mail).expect(200);
        let proof = app.verify(&phone(1));
        let body = json!({ "phone_proof": proof, "invite_token": token, "given_name": "Sam", "family_name": "Stone" });
        let made = app.post("/v1/accounts", body).send().expect(201);
        app.deliver_all();
        assert_eq!(conversation(&app, &bo, &made.str("/conversation/id"))["identity"], "unverified");
        let is = show(&app, &bo, &id);
        assert_eq!((&is["state"], &is["name_agrees"]), (&json!("accepted"), &json!(false)));
        assert!(is["phone_proven_at"].is_string() && is["email_proven_at"].is_string(), "{is}");
    }

    /// Who has an account needs none: signed in with the invited number, they accept for whoever was invited.
    fn an_existing_patient_accepts(app: TestApp) {
        let bo = member(&app);
        let patient = app.sign_up_at(&phone(1), app.link("765432", &app.practice("Oak Eyes", None).id).code.as_str());
        let (_, token, mail) = sent(&app, &bo, 1);
        let pair = |patient: &SignedUp| {
            let reply = app.post("/v1/pairings", json!({ "invite_token": token })).bearer(&patient.access_token).send();
            app.deliver_all();
            reply
        };
        pair(&patient).problem(409, "invite_email_unproven");
        press(&app, &mail).expect(200);
        let other = app.sign_up(&phone(2));
        pair(&other).problem(403, "pairing_refused");
        let made = pair(&patient).expect(201);
        assert_eq!(pair(&patient).expect(200).at("/conversation/id"), made.at("/conversation/id"));
        assert_eq!(conversation(&app, &bo, &made.str("/conversation/id"))["identity"], "confirmed");
    }

    /// Who deletes the account is forgotten in the invite too; the name is part of the practice's own record.
    fn a_deleted_account_is_forgotten_here_too(app: TestApp) {
        let bo = member(&app);
        let (id, token, mail) = sent(&app, &bo, 1);
        press(&app, &mail).expect(200);
        let proof = app.verify(&phone(1));
        let bearer = sign_up(&app, &proof, &token).expect(201).str("/session/access_token");
        let me = app.get("/v1/me").bearer(&bearer).send().expect(200);
        assert_eq!(me.at("/email/address"), email(1), "the button proved the account's address too");
        assert!(me.at("/email/proven_at").is_string());
        app.delete("/v1/me").bearer(&bearer).send().expect(204);
        let is = show(&app, &bo, &id);
        assert_eq!((&is["name"], &is["phone"], &is["email"]), (&json!("Alex Rivera"), &Value::Null, &Value::Null));
    }

    /// Whoever came by the poster first and is invited afterwards is known by the invite.
    fn an_invite_confirms_the_conversation_that_is_there(app: TestApp) {
        let bo = member(&app);
        let patient = app.sign_up(&phone(1));
        assert_eq!(conversation(&app, &bo, &patient.conversation_id)["identity"], "unverified");
        let (_, token, mail) = sent(&app, &bo, 1);
        press(&app, &mail).expect(200);
        let paired = app.post("/v1/pairings", json!({ "invite_token": token })).bearer(&patient.access_token).send();
        assert_eq!(paired.expect(200).at("/conversation/id"), patient.conversation_id);
        assert_eq!(conversation(&app, &bo, &patient.conversation_id)["identity"], "confirmed");
        app.deliver_all();
    }

    fn a_draft_waits_and_a_resend_kills_the_older_links(app: TestApp) {
        let bo = member(&app);
        let mut draft = asked(1);
        draft["send"] = json!(false);
        let id = invite(&app, &bo, draft).expect(201).str("/invite/id");
        assert_eq!((state(&app, &bo, &id), app.deliver_all()), ("draft".into(), 0));
        assert_eq!(resend(&app, &bo, &id).expect(202).at("/invite/state"), "sent");
        let (old, old_mail) = (link_in(&app, &phone(1)), link_in(&app, &email(1)));

        // One a contact and day, whether it is sent again or made anew.
        let early = resend(&app, &bo, &id).problem(429, "invite_limited");
        assert_eq!(early.retry_after(), Some(DAY));
        invite(&app, &bo, json!({ "name": "A B", "phone": phone(1), "email": email(9) })).problem(429, "invite_limited");
        invite(&app, &bo, json!({ "name": "A B", "phone": phone(9), "email": email(1) })).problem(429, "invite_limited");
        app.advance(DAY);
        resend(&app, &bo, &id).expect(202);
        let (new, new_mail) = (link_in(&app, &phone(1)), link_in(&app, &email(1)));
        app.get(&format!("/i/{old}")).send().expect(404);
        press(&app, &format!("/i/{old_mail}")).expect(404);
        press(&app, &format!("/i/{new_mail}")).expect(200);
        let proof = app.verify(&phone(1));
        sign_up(&app, &proof, &old).problem(409, "invite_gone");
        sign_up(&app, &proof, &new).expect(201);
        app.advance(DAY);
        resend(&app, &bo, &id).problem(409, "invite_fixed");
        as_desk(&bo, app.delete(&format!("/v1/practice/invites/{id}"))).send().problem(409, "invite_fixed");
    }

    fn what_was_taken_back_leads_nowhere(app: TestApp) {
        let bo = member(&app);
        let (id, token, mail) = sent(&app, &bo, 1);
        as_desk(&bo, app.delete(&format!("/v1/practice/invites/{id}"))).send().expect(204);
        assert_eq!(state(&app, &bo, &id), "revoked");
        let gone = app.get(&format!("/i/{token}")).send().expect(404);
        let never = app.get("/i/AAAAAAAAAAAAAAAAAAAAAA").send().expect(404);
        let plain = |page: &Reply| page.text().split("</style>").nth(1).unwrap().to_owned();
        assert_eq!(plain(&gone), plain(&never));
        press(&app, &mail).expect(404);
        let proof = app.verify(&phone(1));
        sign_up(&app, &proof, &token).problem(409, "invite_gone");
        resend(&app, &bo, &id).problem(409, "invite_fixed");
    }

    fn an_invite_is_good_for_seven_days(app: TestApp) {
        let bo = member(&app);
        let (id, token, mail) = sent(&app, &bo, 1);
        press(&app, &mail).expect(200);
        app.advance(7 * DAY - 1);
        app.get(&format!("/i/{token}")).send().expect(200);
        app.advance(1);
        app.get(&format!("/i/{token}")).send().expect(404);
        assert_eq!(state(&app, &bo, &id), "expired");
        let listed = |state: &str| {
            let page = as_desk(&bo, app.get(&format!("/v1/practice/invites?state={state}"))).send().expect(200);
            page.at("/items").as_array().unwrap().len()
        };
        assert_eq!((listed("expired"), listed("email_ok")), (1, 0));
        retention::sweep(&app.inner).unwrap();
        assert_eq!((listed("expired"), listed("email_ok")), (1, 0));
        // Sent again it begins anew, and the address stays proven.
        assert_eq!(resend(&app, &bo, &id).expect(202).at("/invite/state"), "email_ok");
        let mails = app.carrier.sent_to(&email(1)).len();
        let token = link_in(&app, &phone(1));
        assert_eq!(app.carrier.sent_to(&email(1)).len(), mails);
        let proof = app.verify(&phone(1));
        sign_up(&app, &proof, &token).expect(201);
        app.advance(40 * DAY);
        retention::sweep(&app.inner).unwrap();
        let practice = app.write(|tx| practices::list(tx)).remove(0);
        let is = show(&app, &app.desk(&practice, "cy", Role::Member), &id);
        assert_eq!((&is["name"], &is["phone"], &is["email"]), (&Value::Null, &Value::Null, &Value::Null));
    }

    fn a_message_that_cannot_be_delivered_shows(app: TestApp) {
        let bo = member(&app);
        app.carrier.answer_next(2, &Outcome::Rejected("mailbox_refused"));
        let id = invite(&app, &bo, asked(1)).expect(201).str("/invite/id");
        app.deliver_all();
        let is = show(&app, &bo, &id);
        assert_eq!(is["state"], "bounced");
        assert!(["sms", "email"].contains(&is["bounced"].as_str().unwrap()), "{is}");
        app.advance(DAY);
        assert_eq!(resend(&app, &bo, &id).expect(202).at("/invite/bounced"), Value::Null);
        app.deliver_all();
        assert_eq!(state(&app, &bo, &id), "sent");
    }

    fn previews_and_machines_open_nothing_and_learn_nothing(app: TestApp) {
        let bo = member(&app);
        let (id, token, _) = sent(&app, &bo, 1);
        let path = format!("/i/{token}");
        let page = app.get(&path).user_agent("WhatsApp/2.23.20.0").send().expect(200).text();
        assert!(page.contains("og:title") && !page.contains("Oak Street"), "{page}");
        assert!(!page.contains(&token), "a preview does not carry the link on");
        app.call("HEAD", &path).user_agent(IPHONE).send().expect(200);
        app.get(&path).user_agent(IPHONE).header("sec-purpose", "prefetch").send().expect(200);
        assert_eq!(state(&app, &bo, &id), "sent");
    }

    /// Nobody asked for it, so nobody is woken by it; the mail makes no noise.
    fn a_text_keeps_quiet_hours(app: TestApp) {
        let bo = member(&app);
        // From 9:00 in Springfield to 21:00.
        app.advance(12 * 3600);
        let made = invite(&app, &bo, asked(1)).expect(201);
        assert_eq!(made.at("/invite/text_due_at"), "2026-11-23T14:00:00.000Z");
        app.deliver_all();
        assert_eq!((app.carrier.sent_to(&phone(1)).len(), app.carrier.sent_to(&email(1)).len()), (0, 1));
        app.advance(11 * 3600 - 1);
        assert_eq!(app.deliver_all(), 0);
        app.advance(1);
        assert_eq!(app.deliver_all(), 1);
        assert_eq!(app.carrier.sent_to(&phone(1)).len(), 1);
    }

    /// One segment in the name of the practice, nothing of whom it is for; of a discreet link not even the practice.
    fn a_text_says_who_asks_and_a_discreet_one_does_not(app: TestApp) {
        let practice = app.write(|tx| practices::list(tx)).remove(0);
        let admin = app.desk(&practice, "ana", Role::Admin);
        let link = app.make_link(&admin, json!({ "label": "Quiet", "discreet": true }));
        invite(&app, &admin, asked(1)).expect(201);
        let mut discreet = asked(2);
        discreet["link_id"] = link["id"].clone();
        invite(&app, &admin, discreet).expect(201);
        app.deliver_all();
        let text = |n| app.carrier.sent_to(&phone(n)).pop().unwrap().body;
        assert!(text(1).starts_with("Oak Street Family Medicine invites you") && text(1).contains("STOP"), "{}", text(1));
        for message in app.carrier.sent() {
            assert!(message.channel == "email" || message.body.len() <= 160, "{}", message.body);
            let raw = format!("{}{}{}", message.subject, message.body, message.html);
            assert!(!raw.contains("Rivera") && !raw.contains("Alex"), "{raw}");
            let is_discreet = [phone(2), email(2)].contains(&message.to);
            assert_eq!(raw.contains("Oak Street"), !is_discreet, "{raw}");
        }
    }

    fn whoever_said_stop_is_not_invited(on: Builder) {
        let app = on.config(|config| {
            config.twilio.auth_token = Some(Secret::from_client("12345"));
            config.twilio.from = "+15005550006".into();
        }).start();
        let bo = member(&app);
        let says = |id: &str, text: &str| {
            let from = phone(1);
            let fields = [("MessageSid", id), ("From", from.as_str()), ("To", "+15005550006"), ("Body", text)];
            twilio(&app, "/v1/callbacks/twilio/inbound", &fields).send().expect(200);
            app.deliver_all();
        };
        // Said before the text has left, at night: the text stays, and the invite shows it.
        app.advance(12 * 3600);
        let id = invite(&app, &bo, asked(1)).expect(201).str("/invite/id");
        says("SM1", "STOP");
        app.carrier.clear();
        app.advance(11 * 3600);
        app.deliver_all();
        assert_eq!(app.carrier.sent_to(&phone(1)).len(), 0);
        assert_eq!((&show(&app, &bo, &id)["state"], &show(&app, &bo, &id)["bounced"]), (&json!("bounced"), &json!("sms")));
        app.advance(DAY);
        let refused = resend(&app, &bo, &id).problem(409, "opted_out");
        assert_eq!(refused.at("/errors/0/pointer"), "/phone");
        invite(&app, &bo, asked(1)).problem(409, "opted_out");
        says("SM2", "START");
        resend(&app, &bo, &id).expect(202);
        app.deliver_all();
    }

    fn what_cannot_be_invited_is_told_beside_its_field(app: TestApp) {
        let bo = member(&app);
        let wrong = |field: &str, value: Value, status: u16, code: &str| {
            let mut body = asked(1);
            body[field] = value;
            let refused = invite(&app, &bo, body).problem(status, code);
            assert_eq!(refused.at("/errors/0/pointer"), format!("/{field}"), "{}", refused.text());
        };
        wrong("phone", json!("12"), 422, "phone_invalid");
        wrong("phone", json!("+49 1512 3456789"), 422, "country_not_supported");
        wrong("email", json!("alex@"), 422, "invalid_request");
        wrong("name", json!("  "), 422, "invalid_request");
        wrong("link_id", json!("lnk_none"), 422, "invalid_request");
    }

    /// Case 8 for invites: who does not see a link sees nobody who is invited to it.
    fn invites_are_seen_by_whoever_sees_their_link(app: TestApp) {
        let practice = app.write(|tx| practices::list(tx)).remove(0);
        let (ana, bo) = (app.desk(&practice, "ana", Role::Admin), app.desk(&practice, "bo", Role::Member));
        let own = json!({ "label": "Ana", "owner": { "kind": "staff", "id": ana.staff_id } });
        let mut private = asked(1);
        private["link_id"] = app.make_link(&ana, own)["id"].clone();
        invite(&app, &bo, private.clone()).problem(422, "invalid_request");
        let id = invite(&app, &ana, private).expect(201).str("/invite/id");
        app.deliver_all();
        as_desk(&bo, app.get(&format!("/v1/practice/invites/{id}"))).send().problem(404, "invite_not_found");
        resend(&app, &bo, &id).problem(404, "invite_not_found");
        let list = as_desk(&bo, app.get("/v1/practice/invites")).send().expect(200);
        assert_eq!(list.at("/items"), json!([]));
        let list = as_desk(&ana, app.get("/v1/practice/invites")).send().expect(200);
        assert_eq!(list.at("/items/0/id"), id);
    }

    /// Case 4: a mother with a number for three; each invite leads to a conversation of its own.
    fn a_family_on_one_number_has_a_conversation_each(app: TestApp) {
        let bo = member(&app);
        let (_, token, mail) = sent(&app, &bo, 1);
        press(&app, &mail).expect(200);
        let proof = app.verify(&phone(1));
        let mother = SignedUp::of(&phone(1), &sign_up(&app, &proof, &token).expect(201));
        let mut refresh = mother.refresh_token.clone();
        let mut conversations = vec![mother.conversation_id.clone()];
        for name in ["Sam", "Kim"] {
            app.advance(DAY);
            let full = format!("{name} Rivera");
            invite(&app, &bo, json!({ "name": full, "phone": phone(1), "email": email(1) })).expect(201);
            let (token, mail) = (link_in(&app, &phone(1)), link_in(&app, &email(1)));
            press(&app, &format!("/i/{mail}")).expect(200);
            // The phone of before: a sign-in on a new one would have everybody looked at again.
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
            assert_eq!(conversation(&app, &bo, id)["identity"], "confirmed");
        }
    }

    /// 5,000 rows are taken at once and worked off in pieces; a piece that is not done is done later.
    fn a_long_list_is_worked_off_in_pieces(app: TestApp) {
        let bo = member(&app);
        let rows: Vec<String> = (0..300).map(|n| format!("Alex Rivera,{},{}\n", phone(n), email(n))).collect();
        let call = app.call("POST", "/v1/practice/invites/import").raw("text/csv", format!("name,mobile,email\n{}", rows.concat()));
        let path = format!("/v1/practice/invites/imports/{}", as_desk(&bo, call).send().expect(202).str("/import/id"));
        assert_eq!(app.count("SELECT count(*) FROM outbox WHERE channel = 'task' AND state = 'queued'"), 2);
        assert!(app.dying_worker(practice_links::platform::outbox::Point::Claimed).is_err());
        app.deliver_all();
        app.advance(120);
        app.deliver_all();
        let is = as_desk(&bo, app.get(&path)).send().expect(200);
        assert_eq!((is.at("/import/done"), is.at("/import/invited")), (json!(300), json!(300)));
        assert_eq!(app.count("SELECT count(*) FROM invites"), 300);
        assert_eq!(app.carrier.sent().len(), 600);
    }

    /// An address is the account's once its code is right: five tries, half an hour, and nothing on a recycled number.
    fn a_patient_proves_an_address(app: TestApp) {
        let patient = app.sign_up(&phone(1));
        let ask = |address: &str| {
            let reply = app.post("/v1/me/email", json!({ "email": address })).bearer(&patient.access_token).send();
            app.deliver_all();
            reply
        };
        let code_for = |address: &str| {
            let mail = app.carrier.sent_to(address).pop().unwrap();
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

        // Another one takes its place when it is proven, and not before; guesses come to an end.
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
        let told = app.get("/v1/me").bearer(&restricted).send().expect(200);
        assert_eq!(told.at("/email"), Value::Null);
        let body = json!({ "email": "thief@home.example" });
        app.post("/v1/me/email", body).bearer(&restricted).send().problem(403, "session_restricted");
        let body = json!({ "code": code });
        app.post("/v1/me/email/checks", body).bearer(&restricted).send().problem(403, "session_restricted");
        assert_eq!(check(&code).expect(200).at("/result"), "approved");
        assert_eq!(mine()["address"], "b@home.example");
    }

    /// An address that the account has proven needs no second proof.
    fn a_proven_address_counts_for_an_invite(app: TestApp) {
        let bo = member(&app);
        let patient = app.sign_up_at(&phone(1), app.link("765432", &app.practice("Oak Eyes", None).id).code.as_str());
        app.post("/v1/me/email", json!({ "email": email(1) })).bearer(&patient.access_token).send().expect(202);
        app.deliver_all();
        let mail = app.carrier.sent_to(&email(1)).pop().unwrap().body;
        let code = mail.lines().find(|line| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit())).unwrap();
        app.post("/v1/me/email/checks", json!({ "code": code })).bearer(&patient.access_token).send().expect(200);
        let (_, token, _) = sent(&app, &bo, 1);
        // Not for whoever holds the recycled number: they proved nothing of it.
        app.advance(60);
        let stranger = app.sign_in(&phone(1)).str("/session/access_token");
        let person = json!({ "given_name": "Alex", "family_name": "Rivera" });
        app.post("/v1/me/patients", person).bearer(&stranger).send().expect(201);
        let refused = app.post("/v1/pairings", json!({ "invite_token": token })).bearer(&stranger).send();
        refused.problem(409, "invite_email_unproven");
        let made = app.post("/v1/pairings", json!({ "invite_token": token })).bearer(&patient.access_token).send();
        let made = made.expect(201);
        assert_eq!(conversation(&app, &bo, &made.str("/conversation/id"))["identity"], "confirmed");
        app.deliver_all();
    }

    /// Nobody could talk in a conversation that was closed: the invite is refused there as a blocked number is, and is
    /// not spent. Once an admin has taken the rejection back it leads in.
    fn an_invite_is_not_spent_on_a_closed_conversation(app: TestApp) {
        let bo = member(&app);
        let practice = app.write(|tx| practice_links::domain::practices::list(tx)).remove(0);
        let ana = app.desk(&practice, "ana", Role::Admin);
        let patient = app.sign_up(&phone(1));
        let path = format!("/v1/practice/conversations/{}/identity/decisions", patient.conversation_id);
        as_desk(&bo, app.post(&path, json!({ "decision": "reject" }))).send().expect(201);
        let (id, token, mail) = sent(&app, &bo, 1);
        press(&app, &mail).expect(200);
        let accept = || app.post("/v1/pairings", json!({ "invite_token": token })).bearer(&patient.access_token).send();
        accept().problem(403, "pairing_refused");
        assert_eq!(state(&app, &bo, &id), "email_ok");
        as_desk(&ana, app.post(&path, json!({ "decision": "undo" }))).send().expect(201);
        assert_eq!(accept().expect(200).str("/conversation/id"), patient.conversation_id);
        assert_eq!(state(&app, &bo, &id), "accepted");
        app.deliver_all();
    }

    fn an_invite_is_revoked_once(app: TestApp) {
        let bo = member(&app);
        let (id, _, _) = sent(&app, &bo, 1);
        for _ in 0..2 {
            as_desk(&bo, app.delete(&format!("/v1/practice/invites/{id}"))).send().expect(204);
        }
        assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE action = 'invite.revoked'"), 1);
    }

    /// The invite is used: it pairs nobody else, and no other name makes it vouch afterwards.
    fn a_used_invite_vouches_for_nothing_more(app: TestApp) {
        let bo = member(&app);
        let named = json!({ "name": "Kim Stone", "phone": phone(2), "email": email(2) });
        invite(&app, &bo, named).expect(201);
        let (other, other_mail) = (link_in(&app, &phone(2)), link_in(&app, &email(2)));
        press(&app, &format!("/i/{other_mail}")).expect(200);
        let patient = SignedUp::of(&phone(2), &sign_up(&app, &app.verify(&phone(2)), &other).expect(201));
        let again = |body: Value| app.post("/v1/pairings", body).bearer(&patient.access_token).send();
        assert_eq!(conversation(&app, &bo, &patient.conversation_id)["identity"], "unverified");
        let path = format!("/v1/me/patients/{}", patient.patient_id);
        let change = json!({ "given_name": "Kim", "family_name": "Stone" });
        app.patch(&path, change.clone()).bearer(&patient.access_token).send().expect(200);
        let same = again(json!({ "invite_token": other })).expect(200);
        assert_eq!(same.str("/conversation/id"), patient.conversation_id);
        assert_eq!(conversation(&app, &bo, &patient.conversation_id)["identity"], "unverified");
        let child = app.post("/v1/me/patients", change).bearer(&patient.access_token).send().expect(201);
        again(json!({ "invite_token": other, "patient_id": child.str("/patient/id") })).problem(403, "pairing_refused");
        app.deliver_all();
    }

    fn a_list_is_worked_off_with_a_result_for_each_row(app: TestApp) {
        let bo = member(&app);
        let import = |list: &str| as_desk(&bo, app.call("POST", "/v1/practice/invites/import").raw("text/csv", list)).send();
        import("name,email\nA,b\n").problem(422, "invalid_request");
        let list = format!(
            "Name,Mobile,Email,Language\r\nAlex Rivera,(415) 555-2001,{},en\r\nSam Stone,{},{},es\r\n\
             Twice,{},other@home.example,\r\nNobody,12,x@home.example,\r\n,{},y@home.example,\r\n\
             No Mail,{},nope,\r\nToo Far,+4915123456789,z@home.example,\r\nTongue,{},w@home.example,fr\r\n",
            email(1), phone(2), email(2), phone(1), phone(3), phone(4), phone(5),
        );
        let taken = import(&list).expect(202);
        assert_eq!((taken.at("/import/total"), taken.at("/import/done")), (json!(8), json!(0)));
        app.deliver_all();
        let path = format!("/v1/practice/invites/imports/{}", taken.str("/import/id"));
        let is = as_desk(&bo, app.get(&path)).send().expect(200);
        assert_eq!((is.at("/import/done"), is.at("/import/invited")), (json!(8), json!(2)));
        let rows = as_desk(&bo, app.get(&format!("{path}/rows?limit=200"))).send().expect(200);
        let results: Vec<String> =
            rows.at("/items").as_array().unwrap().iter().map(|row| row["result"].as_str().unwrap().to_owned()).collect();
        assert_eq!(results, [
            "created", "created", "invite_limited", "phone_invalid", "name_invalid", "email_invalid",
            "country_not_supported", "language_invalid",
        ]);
        app.deliver_all();
        assert!(app.carrier.sent_to(&phone(1)).pop().unwrap().body.contains("invites you"));
        assert!(app.carrier.sent_to(&phone(2)).pop().unwrap().body.contains("le invita"));
    }
}

postgres! {
    /// Two devices with the same number accept at the same moment: one conversation.
    fn two_devices_accept_at_once(on: Builder) {
        let app = on.pool(32).start();
        let bo = member(&app);
        let patient = app.sign_up_at(&phone(1), app.link("765432", &app.practice("Oak Eyes", None).id).code.as_str());
        let (id, token, mail) = sent(&app, &bo, 1);
        press(&app, &mail).expect(200);
        let answers = together(24, |_| {
            let body = json!({ "invite_token": token });
            let reply = app.post("/v1/pairings", body).bearer(&patient.access_token).send();
            assert!([200, 201].contains(&reply.status), "{}", reply.text());
            reply.str("/conversation/id")
        });
        assert!(answers.iter().all(|id| *id == answers[0]));
        assert_eq!(state(&app, &bo, &id), "accepted");
        app.deliver_all();
    }

    /// Two proofs of one number sign up at the same moment: one account, one conversation.
    fn two_sign_ups_by_one_invite_make_one_account(on: Builder) {
        let app = on.pool(32).start();
        let bo = member(&app);
        let (_, token, mail) = sent(&app, &bo, 1);
        press(&app, &mail).expect(200);
        let proofs = [app.verify(&phone(1)), app.verify(&phone(1))];
        let body = |proof: &str| json!({
            "phone_proof": proof, "invite_token": token, "given_name": "Alex", "family_name": "Rivera",
        });
        let answers = together(16, |n| app.post("/v1/accounts", body(&proofs[n % 2])).send().status);
        assert!(answers.iter().all(|status| [201, 409].contains(status)), "{answers:?}");
        assert_eq!(app.count("SELECT count(*) FROM conversations"), 1);
        app.deliver_all();
    }

    /// Ten colleagues invite one person at the same moment: one message.
    fn a_contact_is_invited_once_a_day_whoever_asks(on: Builder) {
        let app = on.pool(32).start();
        let bo = member(&app);
        let answers = together(16, |_| invite(&app, &bo, asked(1)).status);
        assert_eq!(answers.iter().filter(|status| **status == 201).count(), 1, "{answers:?}");
        app.deliver_all();
        assert_eq!(app.carrier.sent_to(&phone(1)).len(), 1);
    }
}
