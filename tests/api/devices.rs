//! A new device, let in by the e-mail address that the account had proven before.

use practice_links::domain::staff::Role;
use serde_json::{Value, json};

use crate::harness::{Desk, Reply, SignedUp, TestApp, as_desk, phone};

const ADDRESS: &str = "alex@home.example";
const CODE: &str = "/v1/sessions/current/email-code";

/// The code of the last mail to an address.
fn code_for(app: &TestApp, address: &str) -> String {
    let mail = app.carrier.sent_to(address).pop().unwrap().body;
    let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
    mail.lines().find(is_code).unwrap().to_owned()
}

/// Another code than that.
fn other(code: &str) -> &str {
    if code == "000000" { "000001" } else { "000000" }
}

fn post(app: &TestApp, token: &str, path: &str, body: Value) -> Reply {
    let reply = app.post(path, body).bearer(token).send();
    app.deliver_all();
    reply
}

fn prove(app: &TestApp, token: &str, address: &str) {
    app.advance(60);
    post(app, token, "/v1/me/email", json!({ "email": address })).expect(202);
    let code = json!({ "code": code_for(app, address) });
    assert_eq!(post(app, token, "/v1/me/email/checks", code).expect(200).at("/result"), "approved");
}

/// A patient with a proven address.
fn known(app: &TestApp) -> SignedUp {
    let patient = app.sign_up(&phone(1));
    prove(app, &patient.access_token, ADDRESS);
    patient
}

fn new_device(app: &TestApp) -> String {
    app.advance(60);
    app.sign_in(&phone(1)).str("/session/access_token")
}

fn ask(app: &TestApp, device: &str) -> Reply {
    post(app, device, CODE, json!({}))
}

fn check(app: &TestApp, device: &str, code: &str) -> Reply {
    post(app, device, &format!("{CODE}/checks"), json!({ "code": code }))
}

fn scope(app: &TestApp, device: &str) -> Value {
    app.get("/v1/me").bearer(device).send().expect(200).at("/scope")
}

fn sees(app: &TestApp, device: &str) -> usize {
    app.get("/v1/me/pairings").bearer(device).send().expect(200).at("/items").as_array().unwrap().len()
}

fn desk(app: &TestApp) -> Desk {
    let practice = app.write(|tx| practice_links::domain::practices::list(tx)).remove(0);
    app.desk(&practice, "bo", Role::Member)
}

/// What the practice reads last in the conversation, and how sure it is.
fn practice_reads(app: &TestApp, desk: &Desk, conversation: &str) -> (String, Value) {
    let path = format!("/v1/practice/conversations/{conversation}");
    let entries = as_desk(desk, app.get(&format!("{path}/entries"))).send().expect(200);
    let last = entries.at("/items").as_array().unwrap().last().unwrap()["body"].as_str().unwrap().to_owned();
    (last, as_desk(desk, app.get(&format!("{path}/identity"))).send().expect(200).at("/identity/state"))
}

both! {
    fn a_code_to_the_proven_address_lets_a_new_device_in(app: TestApp) {
        let patient = known(&app);
        let (bo, device) = (desk(&app), new_device(&app));
        assert_eq!((scope(&app, &device), sees(&app, &device)), (json!("restricted"), 0));
        let asked = ask(&app, &device).expect(202);
        assert!(!asked.text().contains("home.example"), "whose address it is, is not told: {}", asked.text());
        let code = code_for(&app, ADDRESS);
        assert_eq!(check(&app, &device, other(&code)).expect(200).at("/result"), "wrong");
        assert_eq!(sees(&app, &device), 0);
        assert_eq!(check(&app, &device, &code).expect(200).at("/result"), "approved");
        assert_eq!((scope(&app, &device), sees(&app, &device)), (json!("full"), 1));
        let path = format!("/v1/me/conversations/{}/entries", patient.conversation_id);
        app.get(&path).bearer(&device).send().expect(200);
        // The practice is told, and makes up its own mind of the person.
        let (said, _) = practice_reads(&app, &bo, &patient.conversation_id);
        assert!(said.starts_with("The new device was confirmed with a code"), "{said}");
        // There is nothing more to lift, for this one nor for the phone of before.
        app.advance(60);
        ask(&app, &device).problem(409, "session_unrestricted");
        check(&app, &patient.access_token, &code).problem(409, "session_unrestricted");
    }

    /// Another new device may be a stranger's: in what that one made nothing is said of the one that was let in, and a
    /// lost reply costs nothing.
    fn another_new_device_is_not_vouched_for(app: TestApp) {
        let patient = known(&app);
        let (bo, device, stranger) = (desk(&app), new_device(&app), new_device(&app));
        post(&app, &stranger, "/v1/me/patients", json!({ "given_name": "Eve", "family_name": "Stone" })).expect(201);
        let body = json!({ "link_token": app.link_token(crate::harness::DEMO) });
        let theirs = post(&app, &stranger, "/v1/pairings", body).expect(201).str("/conversation/id");
        ask(&app, &device).expect(202);
        let code = code_for(&app, ADDRESS);
        for _ in 0..2 {
            assert_eq!(check(&app, &device, &code).expect(200).at("/result"), "approved");
        }
        let confirmed = |conversation: &str| practice_reads(&app, &bo, conversation).0.starts_with("The new device was confirmed");
        assert_eq!((confirmed(&patient.conversation_id), confirmed(&theirs)), (true, false));
        let seen = app.get("/v1/me/pairings").bearer(&device).send().expect(200).at("/items");
        assert_eq!(seen.as_array().unwrap().len(), 1, "what the stranger made stays theirs");
    }

    /// Who the person is, is the practice's to say: its doubt is not lifted with the device.
    fn a_confirmed_person_stays_in_doubt_until_the_practice_looked(app: TestApp) {
        let patient = known(&app);
        let bo = desk(&app);
        let path = format!("/v1/practice/conversations/{}/identity/decisions", patient.conversation_id);
        let decision = json!({ "decision": "confirm", "method": "call_back" });
        as_desk(&bo, app.post(&path, decision)).send().expect(201);
        let device = new_device(&app);
        ask(&app, &device).expect(202);
        check(&app, &device, &code_for(&app, ADDRESS)).expect(200);
        assert_eq!(practice_reads(&app, &bo, &patient.conversation_id).1, "re_verify");
    }

    /// Five guesses a mail, five mails a day on however many devices, and half an hour.
    fn guesses_come_to_an_end(app: TestApp) {
        known(&app);
        for _ in 0..5 {
            let device = new_device(&app);
            ask(&app, &device).expect(202);
            let code = code_for(&app, ADDRESS);
            for _ in 0..5 {
                assert_eq!(check(&app, &device, other(&code)).expect(200).at("/result"), "wrong");
            }
            check(&app, &device, &code).problem(410, "code_expired");
            app.advance(540);
        }
        ask(&app, &new_device(&app)).problem(429, "send_limited");
        app.advance(24 * 3600);
        ask(&app, &new_device(&app)).expect(202);
    }

    fn a_code_is_good_for_half_an_hour(app: TestApp) {
        known(&app);
        let signed_in = { app.advance(60); app.sign_in(&phone(1)) };
        ask(&app, &signed_in.str("/session/access_token")).expect(202);
        app.advance(30 * 60);
        let refresh = json!({ "refresh_token": signed_in.str("/session/refresh_token") });
        let device = app.post("/v1/sessions/refresh", refresh).send().expect(200).str("/session/access_token");
        check(&app, &device, &code_for(&app, ADDRESS)).problem(410, "code_expired");
    }

    /// An address that nobody proved lets nobody in, and neither does the one that was given up.
    fn only_the_address_that_is_proven_now_lets_in(app: TestApp) {
        let patient = app.sign_up(&phone(1));
        post(&app, &patient.access_token, "/v1/me/email", json!({ "email": ADDRESS })).expect(202);
        let device = new_device(&app);
        ask(&app, &device).problem(409, "email_unproven");
        prove(&app, &patient.access_token, ADDRESS);
        ask(&app, &device).expect(202);
        let code = code_for(&app, ADDRESS);
        prove(&app, &patient.access_token, "alex@new.example");
        check(&app, &device, &code).problem(410, "code_expired");
        assert_eq!(sees(&app, &device), 0);
    }

    /// What one device asked for is no other's, and the account's own proof goes on beside it.
    fn each_code_is_for_whoever_asked(app: TestApp) {
        let patient = known(&app);
        let (first, second) = (new_device(&app), new_device(&app));
        ask(&app, &first).expect(202);
        let code = code_for(&app, ADDRESS);
        check(&app, &second, &code).problem(410, "code_expired");
        app.advance(60);
        post(&app, &patient.access_token, "/v1/me/email", json!({ "email": "alex@new.example" })).expect(202);
        let own = json!({ "code": code });
        assert_eq!(post(&app, &patient.access_token, "/v1/me/email/checks", own).expect(200).at("/result"), "wrong");
        assert_eq!(check(&app, &first, &code).expect(200).at("/result"), "approved");
        assert_eq!((scope(&app, &first), scope(&app, &second)), (json!("full"), json!("restricted")));
        let own = json!({ "code": code_for(&app, "alex@new.example") });
        assert_eq!(post(&app, &patient.access_token, "/v1/me/email/checks", own).expect(200).at("/result"), "approved");
    }

    /// Whoever has the number by now is held against the records without what its former holder had proven, and the
    /// practice is not told that address.
    fn a_stranger_is_not_known_by_the_former_holders_address(app: TestApp) {
        let practice = app.write(|tx| practice_links::domain::practices::list(tx)).remove(0);
        let ana = app.desk(&practice, "ana", Role::Admin);
        let row = format!("M-1,Alex,Rivera,1987-05-31,{},{ADDRESS}\n", phone(1));
        crate::imports::table(&app, &ana, &format!("MRN,First name,Last name,DOB,Mobile,E-mail\n{row}"));
        app.link("765432", &app.practice("Oak Eyes", None).id);
        let holder = app.sign_up_at(&phone(1), "765432");
        prove(&app, &holder.access_token, ADDRESS);
        let device = new_device(&app);
        post(&app, &device, "/v1/me/patients", json!({ "given_name": "A", "family_name": "Rivera" })).expect(201);
        let body = json!({ "link_token": app.link_token(crate::harness::DEMO) });
        let conversation = post(&app, &device, "/v1/pairings", body).expect(201).str("/conversation/id");
        let path = format!("/v1/practice/conversations/{conversation}");
        let read = |what: &str| as_desk(&ana, app.get(&format!("{path}{what}"))).send().expect(200);
        assert_eq!(read("/identity").at("/identity/grade"), "partial");
        assert!(!read("/identity").at("/identity/candidates/0/fields").to_string().contains("\"given\":\"alex@"));
        assert_eq!((read("").at("/contact/email"), read("").at("/contact/email_verified")), (json!(null), json!(false)));
        // Once the device is let in by that address it is theirs, and they are looked at again.
        app.advance(1);
        ask(&app, &device).expect(202);
        check(&app, &device, &code_for(&app, ADDRESS)).expect(200);
        assert_eq!(read("").at("/contact/email"), ADDRESS);
        let items = as_desk(&ana, app.get("/v1/practice/identity")).send().expect(200).at("/items");
        assert_eq!(items[0]["grade"], "match");
    }

    /// A practice without an address of its own: whoever is told of the link's patients is told of a new device, too.
    fn a_new_device_is_told_to_the_links_list(app: TestApp) {
        let practice = app.practice("Oak Eyes", None);
        let (ana, bo) = (app.desk(&practice, "ana", Role::Admin), app.desk(&practice, "bo", Role::Member));
        let link = app.link("765432", &practice.id).id;
        let path = format!("/v1/practice/links/{link}");
        as_desk(&ana, app.patch(&path, json!({ "notify": [bo.staff_id] }))).send().expect(200);
        app.sign_up_at(&phone(1), "765432");
        app.carrier.clear();
        new_device(&app);
        let mails: Vec<_> = app.carrier.sent().into_iter().filter(|sent| sent.channel == "email").collect();
        assert_eq!(mails.len(), 1);
        assert!(mails[0].to.starts_with("bo@") && mails[0].subject.contains("new device"), "{}", mails[0].subject);
    }

    /// The mail says what giving the code away would open, in the app's language.
    fn the_mail_warns_whoever_did_not_ask(app: TestApp) {
        known(&app);
        let device = new_device(&app);
        let reply = app.post(CODE, json!({})).language("es").bearer(&device).send();
        app.deliver_all();
        reply.expect(202);
        let mail = app.carrier.sent_to(ADDRESS).pop().unwrap();
        assert_eq!(mail.subject, "Su código para el dispositivo nuevo");
        assert!(mail.body.contains("Si no fue usted, no haga nada"), "{}", mail.body);
    }
}
