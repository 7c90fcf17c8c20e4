//! A new device is unlocked with a code sent to the e-mail address that the account verified before.

use practice_links::staff::Role;
use serde_json::{Value, json};

use crate::harness::{Reply, SignedUp, StaffClient, TestApp, as_staff, phone};

const ADDRESS: &str = "alex@home.example";
const CODE: &str = "/v1/sessions/current/email-code";

/// The code in the last mail to an address.
fn code_for(app: &TestApp, address: &str) -> String {
    let mail = app.transport.sent_to(address).pop().unwrap().body;
    let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
    mail.lines().find(is_code).unwrap().to_owned()
}

/// A code that differs from `code`.
fn other_than(code: &str) -> &str {
    if code == "000000" { "000001" } else { "000000" }
}

fn post(app: &TestApp, token: &str, path: &str, body: Value) -> Reply {
    let reply = app.post(path, body).bearer(token).send();
    app.deliver_all();
    reply
}

fn verify_email(app: &TestApp, token: &str, address: &str) {
    app.advance(60);
    post(app, token, "/v1/me/email", json!({ "email": address })).expect(202);
    let code = json!({ "code": code_for(app, address) });
    assert_eq!(post(app, token, "/v1/me/email/checks", code).expect(200).at("/result"), "approved");
}

/// A patient with a verified e-mail address.
fn patient_with_email(app: &TestApp) -> SignedUp {
    let patient = app.sign_up(&phone(1));
    verify_email(app, &patient.access_token, ADDRESS);
    patient
}

fn new_device(app: &TestApp) -> String {
    app.advance(60);
    app.sign_in(&phone(1)).str("/session/access_token")
}

fn request_code(app: &TestApp, device: &str) -> Reply {
    post(app, device, CODE, json!({}))
}

fn check(app: &TestApp, device: &str, code: &str) -> Reply {
    post(app, device, &format!("{CODE}/checks"), json!({ "code": code }))
}

fn scope(app: &TestApp, device: &str) -> Value {
    app.get("/v1/me").bearer(device).send().expect(200).at("/scope")
}

fn visible_pairings(app: &TestApp, device: &str) -> usize {
    app.get("/v1/me/pairings").bearer(device).send().expect(200).at("/items").as_array().unwrap().len()
}

fn member(app: &TestApp) -> StaffClient {
    let practice = app.write(|_, conn| practice_links::practices::list(conn)).remove(0);
    app.staff_client(&practice, "bo", Role::Member)
}

/// The last entry that the practice reads in the conversation, and the identity state.
fn practice_view(app: &TestApp, staff: &StaffClient, conversation: &str) -> (String, Value) {
    let path = format!("/v1/practice/conversations/{conversation}");
    let entries = as_staff(staff, app.get(&format!("{path}/entries"))).send().expect(200);
    let last = entries.at("/items").as_array().unwrap().last().unwrap()["body"].as_str().unwrap().to_owned();
    (last, as_staff(staff, app.get(&format!("{path}/identity"))).send().expect(200).at("/identity/state"))
}

both! {
    fn code_to_the_verified_address_unlocks_a_new_device(app: TestApp) {
        let patient = patient_with_email(&app);
        let (member, device) = (member(&app), new_device(&app));
        assert_eq!((scope(&app, &device), visible_pairings(&app, &device)), (json!("restricted"), 0));
        let requested = request_code(&app, &device).expect(202);
        assert!(!requested.text().contains("home.example"), "the address is not revealed: {}", requested.text());
        let code = code_for(&app, ADDRESS);
        assert_eq!(check(&app, &device, other_than(&code)).expect(200).at("/result"), "wrong");
        assert_eq!(visible_pairings(&app, &device), 0);
        assert_eq!(check(&app, &device, &code).expect(200).at("/result"), "approved");
        assert_eq!((scope(&app, &device), visible_pairings(&app, &device)), (json!("full"), 1));
        let path = format!("/v1/me/conversations/{}/entries", patient.conversation_id);
        app.get(&path).bearer(&device).send().expect(200);
        // The practice is told, and decides for itself who the person is.
        let (said, _) = practice_view(&app, &member, &patient.conversation_id);
        assert!(said.starts_with("The new device was confirmed with a code"), "{said}");
        // Neither this session nor the one on the former phone has a restriction left to lift.
        app.advance(60);
        request_code(&app, &device).problem(409, "session_unrestricted");
        check(&app, &patient.access_token, &code).problem(409, "session_unrestricted");
    }

    /// Another new device may be a stranger's: the conversation it started does not mention the unlocked one.
    /// A lost reply costs nothing.
    fn unlocking_one_device_does_not_vouch_for_another(app: TestApp) {
        let patient = patient_with_email(&app);
        let (member, device, stranger) = (member(&app), new_device(&app), new_device(&app));
        post(&app, &stranger, "/v1/me/patients", json!({ "given_name": "Eve", "family_name": "Stone" })).expect(201);
        let body = json!({ "link_token": app.link_token(crate::harness::DEMO) });
        let stranger_conversation = post(&app, &stranger, "/v1/pairings", body).expect(201).str("/conversation/id");
        request_code(&app, &device).expect(202);
        let code = code_for(&app, ADDRESS);
        for _ in 0..2 {
            assert_eq!(check(&app, &device, &code).expect(200).at("/result"), "approved");
        }
        let confirmed = |conversation: &str| practice_view(&app, &member, conversation).0.starts_with("The new device was confirmed");
        assert_eq!((confirmed(&patient.conversation_id), confirmed(&stranger_conversation)), (true, false));
        let seen = app.get("/v1/me/pairings").bearer(&device).send().expect(200).at("/items");
        assert_eq!(seen.as_array().unwrap().len(), 1, "what the stranger created stays with the stranger");
    }

    /// Only the practice decides who the person is: unlocking the device does not confirm the identity.
    fn unlocked_device_still_needs_a_new_identity_check(app: TestApp) {
        let patient = patient_with_email(&app);
        let member = member(&app);
        let path = format!("/v1/practice/conversations/{}/identity/decisions", patient.conversation_id);
        let decision = json!({ "decision": "confirm", "method": "call_back" });
        as_staff(&member, app.post(&path, decision)).send().expect(201);
        let device = new_device(&app);
        request_code(&app, &device).expect(202);
        check(&app, &device, &code_for(&app, ADDRESS)).expect(200);
        assert_eq!(practice_view(&app, &member, &patient.conversation_id).1, "re_verify");
    }

    /// Five guesses per mail, five mails per day across all devices, half an hour per code.
    fn code_guesses_and_mails_per_day_are_limited(app: TestApp) {
        patient_with_email(&app);
        for _ in 0..5 {
            let device = new_device(&app);
            request_code(&app, &device).expect(202);
            let code = code_for(&app, ADDRESS);
            for _ in 0..5 {
                assert_eq!(check(&app, &device, other_than(&code)).expect(200).at("/result"), "wrong");
            }
            check(&app, &device, &code).problem(410, "code_expired");
            app.advance(540);
        }
        request_code(&app, &new_device(&app)).problem(429, "send_limited");
        app.advance(24 * 3600);
        request_code(&app, &new_device(&app)).expect(202);
    }

    fn code_expires_after_half_an_hour(app: TestApp) {
        patient_with_email(&app);
        let signed_in = { app.advance(60); app.sign_in(&phone(1)) };
        request_code(&app, &signed_in.str("/session/access_token")).expect(202);
        app.advance(30 * 60);
        let refresh = json!({ "refresh_token": signed_in.str("/session/refresh_token") });
        let device = app.post("/v1/sessions/refresh", refresh).send().expect(200).str("/session/access_token");
        check(&app, &device, &code_for(&app, ADDRESS)).problem(410, "code_expired");
    }

    /// Neither an unverified address nor a former one unlocks a device.
    fn only_the_currently_verified_address_unlocks(app: TestApp) {
        let patient = app.sign_up(&phone(1));
        post(&app, &patient.access_token, "/v1/me/email", json!({ "email": ADDRESS })).expect(202);
        let device = new_device(&app);
        request_code(&app, &device).problem(409, "email_unproven");
        verify_email(&app, &patient.access_token, ADDRESS);
        request_code(&app, &device).expect(202);
        let code = code_for(&app, ADDRESS);
        verify_email(&app, &patient.access_token, "alex@new.example");
        check(&app, &device, &code).problem(410, "code_expired");
        assert_eq!(visible_pairings(&app, &device), 0);
    }

    /// A code belongs to one device, and verifying the account's own address works independently of it.
    fn code_works_only_for_the_session_that_requested_it(app: TestApp) {
        let patient = patient_with_email(&app);
        let (first, second) = (new_device(&app), new_device(&app));
        request_code(&app, &first).expect(202);
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

    /// The number's new holder is matched against the records without the former holder's verified address,
    /// and the practice does not see that address.
    fn restricted_session_is_not_matched_by_the_account_email(app: TestApp) {
        let practice = app.write(|_, conn| practice_links::practices::list(conn)).remove(0);
        let admin = app.staff_client(&practice, "ana", Role::Admin);
        let row = format!("M-1,Alex,Rivera,1987-05-31,{},{ADDRESS}\n", phone(1));
        crate::imports::table(&app, &admin, &format!("MRN,First name,Last name,DOB,Mobile,E-mail\n{row}"));
        app.link("765432", &app.practice("Oak Eyes", None).id);
        let holder = app.sign_up_at(&phone(1), "765432");
        verify_email(&app, &holder.access_token, ADDRESS);
        let device = new_device(&app);
        post(&app, &device, "/v1/me/patients", json!({ "given_name": "A", "family_name": "Rivera" })).expect(201);
        let body = json!({ "link_token": app.link_token(crate::harness::DEMO) });
        let conversation = post(&app, &device, "/v1/pairings", body).expect(201).str("/conversation/id");
        let path = format!("/v1/practice/conversations/{conversation}");
        let read = |what: &str| as_staff(&admin, app.get(&format!("{path}{what}"))).send().expect(200);
        assert_eq!(read("/identity").at("/identity/grade"), "partial");
        assert!(!read("/identity").at("/identity/candidates/0/fields").to_string().contains("\"given\":\"alex@"));
        assert_eq!((read("").at("/contact/email"), read("").at("/contact/email_verified")), (json!(null), json!(false)));
        // Once that address unlocks the device, it counts as theirs, and they are matched again.
        app.advance(1);
        request_code(&app, &device).expect(202);
        check(&app, &device, &code_for(&app, ADDRESS)).expect(200);
        assert_eq!(read("").at("/contact/email"), ADDRESS);
        let items = as_staff(&admin, app.get("/v1/practice/identity")).send().expect(200).at("/items");
        assert_eq!(items[0]["grade"], "match");
    }

    /// Where the practice has no notice address, the link's recipients are told about a new device, too.
    fn new_device_notice_goes_to_the_links_recipients(app: TestApp) {
        let practice = app.practice("Oak Eyes", None);
        let (admin, member) = (app.staff_client(&practice, "ana", Role::Admin), app.staff_client(&practice, "bo", Role::Member));
        let link = app.link("765432", &practice.id).id;
        let path = format!("/v1/practice/links/{link}");
        as_staff(&admin, app.patch(&path, json!({ "notify": [member.staff_id] }))).send().expect(200);
        app.sign_up_at(&phone(1), "765432");
        app.transport.clear();
        new_device(&app);
        let mails: Vec<_> = app.transport.sent().into_iter().filter(|sent| sent.channel == "email").collect();
        assert_eq!(mails.len(), 1);
        assert!(mails[0].to.starts_with("bo@") && mails[0].subject.contains("new device"), "{}", mails[0].subject);
    }

    /// The mail says, in the app's language, what sharing the code would give access to.
    fn code_mail_warns_recipients_who_did_not_request_it(app: TestApp) {
        patient_with_email(&app);
        let device = new_device(&app);
        let reply = app.post(CODE, json!({})).language("es").bearer(&device).send();
        app.deliver_all();
        reply.expect(202);
        let mail = app.transport.sent_to(ADDRESS).pop().unwrap();
        assert_eq!(mail.subject, "Su código para el dispositivo nuevo");
        assert!(mail.body.contains("Si no fue usted, no haga nada"), "{}", mail.body);
    }
}
