//! Re-verification: what puts a confirmed identity in doubt (a new device, another number, another name),
//! and how it is confirmed again.

use practice_links::domain::staff::Role;
use serde_json::{Value, json};

use crate::harness::{DEMO, Reply, SignedUp, StaffClient, TestApp, as_staff, phone};

struct Scene {
    admin: StaffClient,
    member: StaffClient,
    patient: SignedUp,
}

/// A patient whose identity a call back has confirmed.
fn confirmed_patient(app: &TestApp) -> Scene {
    let practice = app.write(practice_links::domain::practices::list).remove(0);
    let (admin, member) =
        (app.staff_client(&practice, "ana", Role::Admin), app.staff_client(&practice, "bo", Role::Member));
    let scene = Scene { admin, member, patient: app.sign_up(&phone(1)) };
    scene.confirm(app, "call_back");
    scene
}

impl Scene {
    fn decide(&self, app: &TestApp, staff: &StaffClient, body: Value) -> Reply {
        let path = format!("/v1/practice/conversations/{}/identity/decisions", self.patient.conversation_id);
        let reply = as_staff(staff, app.post(&path, body)).send();
        app.deliver_all();
        reply
    }

    fn confirm(&self, app: &TestApp, method: &str) {
        self.decide(app, &self.member, json!({ "decision": "confirm", "method": method })).expect(201);
    }

    fn identity(&self, app: &TestApp) -> Value {
        let path = format!("/v1/practice/conversations/{}/identity", self.patient.conversation_id);
        as_staff(&self.member, app.get(&path)).send().expect(200).at("/identity")
    }

    /// The identity state, and the method of the last decision.
    fn state(&self, app: &TestApp) -> (String, Value) {
        let identity = self.identity(app);
        assert_eq!(identity["phi_allowed"], json!(identity["state"] == "confirmed"));
        let last = identity["decisions"].as_array().unwrap().last().unwrap();
        (identity["state"].as_str().unwrap().to_owned(), last["method"].clone())
    }

    fn entry_texts(&self, app: &TestApp) -> Vec<String> {
        let path = format!("/v1/practice/conversations/{}/entries", self.patient.conversation_id);
        let page = as_staff(&self.member, app.get(&path)).send().expect(200);
        let items = page.at("/items").as_array().unwrap().clone();
        items.iter().map(|entry| entry["body"].as_str().unwrap().to_owned()).collect()
    }
}

/// Whether a session sees the conversation, both in its list and by id.
fn sees(app: &TestApp, token: &str, conversation: &str) -> bool {
    let list = app.get("/v1/me/pairings").bearer(token).send().expect(200);
    let path = format!("/v1/me/conversations/{conversation}/entries");
    let status = app.get(&path).bearer(token).send().status;
    let is_listed = list.at("/items").as_array().unwrap().len() == 1;
    assert_eq!((is_listed, status), (is_listed, if is_listed { 200 } else { 404 }));
    is_listed
}

fn new_device(app: &TestApp, phone: &str) -> String {
    app.advance(60);
    let token = app.sign_in(phone).str("/session/access_token");
    app.deliver_all();
    app.advance(1);
    token
}

fn change_number(app: &TestApp, token: &str, to: &str) -> Reply {
    let proof = app.verify(to);
    let reply = app.post("/v1/me/phone", json!({ "phone_proof": proof })).bearer(token).send();
    app.deliver_all();
    reply
}

fn texts(app: &TestApp, to: &str) -> Vec<String> {
    app.transport.sent_to(to).into_iter().map(|text| text.body).collect()
}

fn check_in_code(app: &TestApp, staff: &StaffClient) -> String {
    as_staff(staff, app.get("/v1/practice/desk-code")).send().expect(200).str("/code")
}

fn enter_check_in_code(app: &TestApp, patient: &SignedUp, code: &str) -> Reply {
    let path = format!("/v1/me/pairings/{}/desk-code", patient.json["pairing"]["id"].as_str().unwrap());
    app.post(&path, json!({ "code": code })).bearer(&patient.access_token).send()
}

both! {
    /// Numbers are recycled: a new device sees no older messages until the practice has spoken to its holder.
    fn new_device_sees_older_messages_after_a_call_back(app: TestApp) {
        let scene = confirmed_patient(&app);
        let conversation = &scene.patient.conversation_id;
        let device = new_device(&app, &phone(1));
        assert_eq!(scene.state(&app), ("re_verify".into(), json!("new_device")));
        assert!(!sees(&app, &device, conversation));
        // A match of details that a stranger could have typed unlocks nothing.
        crate::imports::table(&app, &scene.admin, &format!("MRN,First name,Last name,Mobile\nM-1,Alex,Rivera,{}\n", phone(1)));
        scene.confirm(&app, "record_match");
        assert!(!sees(&app, &device, conversation));
        scene.decide(&app, &scene.admin, json!({ "decision": "undo" })).expect(201);
        scene.confirm(&app, "call_back");
        assert!(sees(&app, &device, conversation));
        // The account shows the conversation's patient again, too.
        let me = app.get("/v1/me").bearer(&device).send().expect(200);
        assert_eq!(me.at("/patients/0/id"), scene.patient.patient_id);
        // A further device starts unconfirmed, and hides the messages from both new devices again.
        let next = new_device(&app, &phone(1));
        assert!(!sees(&app, &next, conversation));
        assert!(!sees(&app, &device, conversation));
        assert!(sees(&app, &scene.patient.access_token, conversation));
    }

    fn undone_confirmation_hides_older_messages_again(app: TestApp) {
        let scene = confirmed_patient(&app);
        let device = new_device(&app, &phone(1));
        scene.confirm(&app, "in_person");
        assert!(sees(&app, &device, &scene.patient.conversation_id));
        scene.decide(&app, &scene.admin, json!({ "decision": "undo" })).expect(201);
        assert!(!sees(&app, &device, &scene.patient.conversation_id));
    }

    fn number_change_is_announced_and_needs_a_new_check(app: TestApp) {
        let scene = confirmed_patient(&app);
        app.advance(60);
        let changed = change_number(&app, &scene.patient.access_token, &phone(2)).expect(200);
        assert!(changed.str("/account/phone").ends_with(&phone(2)[8..]), "{}", changed.text());
        assert_eq!(scene.state(&app), ("re_verify".into(), json!("number_changed")));
        assert!(scene.entry_texts(&app).contains(&"The mobile number of this patient’s account has changed.".to_owned()));
        let (old, new) = (texts(&app, &phone(1)), texts(&app, &phone(2)));
        assert!(old[old.len() - 1].ends_with(": your account has another number now. Not you? Call your practice."), "{old:?}");
        assert!(new[new.len() - 1].ends_with(": your account now has this number. Not you? Call your practice."), "{new:?}");
        // The new number signs in; the old one has no account.
        app.advance(60);
        app.sign_in(&phone(2));
        let old = json!({ "phone_proof": app.verify(&phone(1)) });
        app.post("/v1/sessions", old).send().problem(404, "account_not_found");
        app.deliver_all();
    }

    fn taken_number_or_restricted_session_changes_nothing(app: TestApp) {
        let scene = confirmed_patient(&app);
        app.sign_up(&phone(2));
        app.advance(60);
        change_number(&app, &scene.patient.access_token, &phone(2)).problem(409, "account_exists");
        let device = new_device(&app, &phone(1));
        change_number(&app, &device, &phone(3)).problem(403, "session_restricted");
        let me = app.get("/v1/me").bearer(&scene.patient.access_token).send().expect(200);
        assert!(me.str("/account/phone").ends_with(&phone(1)[8..]));
    }

    /// The old number's new owner could sign in with nothing else, so restricted sessions are revoked.
    fn number_change_ends_restricted_sessions(app: TestApp) {
        let scene = confirmed_patient(&app);
        let stranger = new_device(&app, &phone(1));
        change_number(&app, &scene.patient.access_token, &phone(2)).expect(200);
        scene.confirm(&app, "call_back");
        app.get("/v1/me/pairings").bearer(&stranger).send().problem(401, "unauthorized");
    }

    /// No session could read these conversations any more, and they would continue under the new number.
    fn number_change_closes_restricted_sessions_conversations(app: TestApp) {
        let scene = confirmed_patient(&app);
        let stranger = new_device(&app, &phone(1));
        let person = json!({ "given_name": "Eve", "family_name": "Stone" });
        app.post("/v1/me/patients", person).bearer(&stranger).send().expect(201);
        let body = json!({ "link_token": app.link_token(DEMO) });
        let theirs = app.post("/v1/pairings", body).bearer(&stranger).send().expect(201).str("/conversation/id");
        app.deliver_all();
        change_number(&app, &scene.patient.access_token, &phone(2)).expect(200);
        let status = |conversation: &str| {
            let path = format!("/v1/practice/conversations/{conversation}");
            as_staff(&scene.member, app.get(&path)).send().expect(200).at("/conversation/status")
        };
        assert_eq!((status(&theirs), status(&scene.patient.conversation_id)), (json!("closed"), json!("open")));
        let entries = format!("/v1/practice/conversations/{theirs}/entries");
        let said = as_staff(&scene.member, app.get(&entries)).send().expect(200).at("/items");
        let last = said.as_array().unwrap().iter().rfind(|entry| entry["kind"] == "system").unwrap()["body"].clone();
        assert!(last.as_str().unwrap().contains("the number of its account has changed"), "{last}");
    }

    /// Two new devices may be two people: verifying one of them shows nothing of it to the other.
    fn data_of_one_restricted_session_is_hidden_from_another(app: TestApp) {
        let scene = confirmed_patient(&app);
        let (holder, stranger) = (new_device(&app, &phone(1)), new_device(&app, &phone(1)));
        let person = json!({ "given_name": "Alex", "family_name": "Rivera" });
        app.post("/v1/me/patients", person).bearer(&holder).send().expect(201);
        let body = json!({ "link_token": app.link_token(DEMO) });
        let made = app.post("/v1/pairings", body).bearer(&holder).send().expect(201);
        app.deliver_all();
        let path = format!("/v1/me/pairings/{}/desk-code", made.str("/pairing/id"));
        let code = json!({ "code": check_in_code(&app, &scene.member) });
        app.post(&path, code).bearer(&holder).send().expect(200);
        let decision = json!({ "decision": "undo" });
        let decisions = format!("/v1/practice/conversations/{}/identity/decisions", made.str("/conversation/id"));
        as_staff(&scene.admin, app.post(&decisions, decision)).send().expect(201);
        let decision = json!({ "decision": "confirm", "method": "call_back" });
        as_staff(&scene.member, app.post(&decisions, decision)).send().expect(201);
        app.deliver_all();
        let list = |token: &str| app.get("/v1/me/pairings").bearer(token).send().expect(200).at("/items").as_array().unwrap().len();
        assert_eq!((list(&holder), list(&stranger)), (1, 0));
        let entries = format!("/v1/me/conversations/{}/entries", made.str("/conversation/id"));
        app.get(&entries).bearer(&stranger).send().problem(404, "conversation_not_found");
        let people = app.get("/v1/me").bearer(&stranger).send().expect(200).at("/patients");
        assert_eq!(people, json!([]));
    }

    /// Reception meets the holder of the original phone; a stranger's device gains nothing by it.
    fn check_in_code_opens_nothing_for_another_device(app: TestApp) {
        let scene = confirmed_patient(&app);
        let stranger = new_device(&app, &phone(1));
        enter_check_in_code(&app, &scene.patient, &check_in_code(&app, &scene.member)).expect(200);
        app.deliver_all();
        assert_eq!(scene.state(&app), ("confirmed".into(), json!("in_person")));
        assert!(!sees(&app, &stranger, &scene.patient.conversation_id));
    }

    /// A doubt that was raised while the conversation was closed is kept.
    fn undone_rejection_needs_a_new_identity_check(app: TestApp) {
        let scene = confirmed_patient(&app);
        scene.decide(&app, &scene.member, json!({ "decision": "reject" })).expect(201);
        new_device(&app, &phone(1));
        scene.decide(&app, &scene.admin, json!({ "decision": "undo" })).expect(201);
        let identity = scene.identity(&app);
        assert_eq!((&identity["state"], &identity["phi_allowed"]), (&json!("re_verify"), &json!(false)));
    }

    /// After a lost reply, the same proof succeeds again, and no second notice is sent.
    fn repeated_phone_proof_changes_the_number_once(app: TestApp) {
        let scene = confirmed_patient(&app);
        app.advance(60);
        let body = json!({ "phone_proof": app.verify(&phone(2)) });
        let change = || app.post("/v1/me/phone", body.clone()).bearer(&scene.patient.access_token).send();
        let first = change().expect(200);
        assert_eq!(change().expect(200).json(), first.json());
        app.deliver_all();
        assert_eq!(texts(&app, &phone(1)).len(), 2, "the code of the sign-up, and one text about the change");
        app.post("/v1/sessions", body).send().problem(409, "phone_proof_consumed");
    }

    fn changed_name_needs_a_new_check_and_the_same_does_not(app: TestApp) {
        let scene = confirmed_patient(&app);
        let path = format!("/v1/me/patients/{}", scene.patient.patient_id);
        let change = |body: Value| app.patch(&path, body).bearer(&scene.patient.access_token).send();
        change(json!({ "given_name": "Alex", "family_name": "Rivera" })).expect(200);
        assert_eq!(scene.state(&app).0, "confirmed");
        change(json!({ "family_name": "Park" })).expect(200);
        app.deliver_all();
        assert_eq!(scene.state(&app), ("re_verify".into(), json!("details_changed")));
    }

    /// A patient who types the code on a screen at reception is there: this confirms the identity at once,
    /// in the name of the staff member whose screen it was.
    fn check_in_code_confirms_identity_in_person(app: TestApp) {
        let scene = confirmed_patient(&app);
        let other = app.sign_up(&phone(2));
        let code = check_in_code(&app, &scene.member);
        let typed = format!("{} {}", &code[..4], &code[4..]);
        enter_check_in_code(&app, &other, &typed).expect(200);
        let path = format!("/v1/practice/conversations/{}/identity", other.conversation_id);
        let decision = as_staff(&scene.member, app.get(&path)).send().expect(200).at("/identity/decisions/0");
        assert_eq!((&decision["method"], &decision["by"]), (&json!("in_person"), &json!(scene.member.staff_id)));
        // Entering it again is not an error.
        enter_check_in_code(&app, &other, &code).expect(200);
        app.deliver_all();
    }

    fn check_in_code_is_valid_for_its_minute_and_the_next(app: TestApp) {
        let scene = confirmed_patient(&app);
        let other = app.sign_up(&phone(2));
        let code = check_in_code(&app, &scene.member);
        app.advance(60);
        assert_ne!(check_in_code(&app, &scene.member), code);
        app.advance(60);
        enter_check_in_code(&app, &other, &code).problem(422, "desk_code_wrong");
        let code = check_in_code(&app, &scene.member);
        app.advance(60);
        enter_check_in_code(&app, &other, &code).expect(200);
        app.deliver_all();
    }

    fn wrong_check_in_codes_are_rate_limited(app: TestApp) {
        let scene = confirmed_patient(&app);
        let other = app.staff_client(&app.practice("Oak Eyes", None), "oda", Role::Admin);
        let patient = app.sign_up(&phone(2));
        for _ in 0..5 {
            enter_check_in_code(&app, &patient, &check_in_code(&app, &other)).problem(422, "desk_code_wrong");
        }
        let limited = enter_check_in_code(&app, &patient, &check_in_code(&app, &scene.member)).problem(429, "check_limited");
        app.advance(limited.header("retry-after").unwrap().parse().unwrap());
        let refresh = json!({ "refresh_token": patient.refresh_token });
        let fresh = app.post("/v1/sessions/refresh", refresh).send().expect(200);
        let patient = SignedUp { access_token: fresh.str("/session/access_token"), ..patient };
        enter_check_in_code(&app, &patient, &check_in_code(&app, &scene.member)).expect(200);
        app.deliver_all();
        let support = app.staff_client(&app.write(practice_links::domain::practices::list).remove(0), "sue", Role::Support);
        as_staff(&support, app.get("/v1/practice/desk-code")).send().problem(403, "staff_forbidden");
    }

    /// Several people share one number: each conversation names its patient and the relation to the writer.
    fn conversation_names_the_relation_of_its_patient(app: TestApp) {
        let scene = confirmed_patient(&app);
        let child = json!({ "given_name": "Sam", "family_name": "Rivera", "relation": "child" });
        let child = app.post("/v1/me/patients", child).bearer(&scene.patient.access_token).send().expect(201);
        assert_eq!(child.str("/patient/relation"), "child");
        let aunt = json!({ "given_name": "Ada", "family_name": "Rivera" });
        let aunt = app.post("/v1/me/patients", aunt).bearer(&scene.patient.access_token).send().expect(201);
        assert_eq!(aunt.str("/patient/relation"), "other");
        let wrong = json!({ "given_name": "Ada", "family_name": "Rivera", "relation": "boss" });
        app.post("/v1/me/patients", wrong).bearer(&scene.patient.access_token).send().problem(422, "invalid_request");
        let body = json!({ "link_token": app.link_token(DEMO), "patient_id": child.str("/patient/id") });
        let paired = app.post("/v1/pairings", body).bearer(&scene.patient.access_token).send().expect(201);
        let path = format!("/v1/practice/conversations/{}", paired.str("/conversation/id"));
        let card = as_staff(&scene.member, app.get(&path)).send().expect(200).at("/conversation");
        assert_eq!((&card["patient"]["relation"], &card["identity"]), (&json!("child"), &json!("unverified")));
        let card = scene.identity(&app);
        assert_eq!(card["state"], "confirmed", "the child's conversation does not change the parent's state");
        app.deliver_all();
    }
}
