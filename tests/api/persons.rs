//! Whoever was known and is in doubt: a new device, another number, another name; and how a person is known again.

use practice_links::domain::staff::Role;
use serde_json::{Value, json};

use crate::harness::{DEMO, Desk, Reply, SignedUp, TestApp, as_desk, phone};

struct Scene {
    admin: Desk,
    member: Desk,
    patient: SignedUp,
}

/// A patient whom the practice has called back.
fn known(app: &TestApp) -> Scene {
    let practice = app.write(|tx| practice_links::domain::practices::list(tx)).remove(0);
    let (admin, member) = (app.desk(&practice, "ana", Role::Admin), app.desk(&practice, "bo", Role::Member));
    let scene = Scene { admin, member, patient: app.sign_up(&phone(1)) };
    scene.confirm(app, "call_back");
    scene
}

impl Scene {
    fn decide(&self, app: &TestApp, desk: &Desk, body: Value) -> Reply {
        let path = format!("/v1/practice/conversations/{}/identity/decisions", self.patient.conversation_id);
        let reply = as_desk(desk, app.post(&path, body)).send();
        app.deliver_all();
        reply
    }

    fn confirm(&self, app: &TestApp, method: &str) {
        self.decide(app, &self.member, json!({ "decision": "confirm", "method": method })).expect(201);
    }

    fn identity(&self, app: &TestApp) -> Value {
        let path = format!("/v1/practice/conversations/{}/identity", self.patient.conversation_id);
        as_desk(&self.member, app.get(&path)).send().expect(200).at("/identity")
    }

    /// The state, and why it is that.
    fn stands(&self, app: &TestApp) -> (String, Value) {
        let identity = self.identity(app);
        assert_eq!(identity["phi_allowed"], json!(identity["state"] == "confirmed"));
        let last = identity["decisions"].as_array().unwrap().last().unwrap();
        (identity["state"].as_str().unwrap().to_owned(), last["method"].clone())
    }

    fn said(&self, app: &TestApp) -> Vec<String> {
        let path = format!("/v1/practice/conversations/{}/entries", self.patient.conversation_id);
        let page = as_desk(&self.member, app.get(&path)).send().expect(200);
        let items = page.at("/items").as_array().unwrap().clone();
        items.iter().map(|entry| entry["body"].as_str().unwrap().to_owned()).collect()
    }
}

/// How many conversations a sign-in sees, in its list and by id.
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
    app.carrier.sent_to(to).into_iter().map(|text| text.body).collect()
}

fn desk_code(app: &TestApp, desk: &Desk) -> String {
    as_desk(desk, app.get("/v1/practice/desk-code")).send().expect(200).str("/code")
}

fn show_code(app: &TestApp, who: &SignedUp, code: &str) -> Reply {
    let path = format!("/v1/me/pairings/{}/desk-code", who.json["pairing"]["id"].as_str().unwrap());
    app.post(&path, json!({ "code": code })).bearer(&who.access_token).send()
}

both! {
    /// Numbers are recycled: a new device sees nothing of before until the practice has spoken to its holder.
    fn a_new_device_sees_older_messages_once_the_practice_spoke_to_its_holder(app: TestApp) {
        let scene = known(&app);
        let conversation = &scene.patient.conversation_id;
        let device = new_device(&app, &phone(1));
        assert_eq!(scene.stands(&app), ("re_verify".into(), json!("new_device")));
        assert!(!sees(&app, &device, conversation));
        // What a stranger could have typed opens nothing.
        crate::imports::table(&app, &scene.admin, &format!("MRN,First name,Last name,Mobile\nM-1,Alex,Rivera,{}\n", phone(1)));
        scene.confirm(&app, "record_match");
        assert!(!sees(&app, &device, conversation));
        scene.decide(&app, &scene.admin, json!({ "decision": "undo" })).expect(201);
        scene.confirm(&app, "call_back");
        assert!(sees(&app, &device, conversation));
        // The person of the conversation is theirs again, too.
        let me = app.get("/v1/me").bearer(&device).send().expect(200);
        assert_eq!(me.at("/patients/0/id"), scene.patient.patient_id);
        // The next device begins anew, and closes it for both.
        let next = new_device(&app, &phone(1));
        assert!(!sees(&app, &next, conversation));
        assert!(!sees(&app, &device, conversation));
        assert!(sees(&app, &scene.patient.access_token, conversation));
    }

    fn a_confirmation_that_is_taken_back_hides_them_again(app: TestApp) {
        let scene = known(&app);
        let device = new_device(&app, &phone(1));
        scene.confirm(&app, "in_person");
        assert!(sees(&app, &device, &scene.patient.conversation_id));
        scene.decide(&app, &scene.admin, json!({ "decision": "undo" })).expect(201);
        assert!(!sees(&app, &device, &scene.patient.conversation_id));
    }

    fn another_number_is_proven_told_and_looked_at(app: TestApp) {
        let scene = known(&app);
        app.advance(60);
        let changed = change_number(&app, &scene.patient.access_token, &phone(2)).expect(200);
        assert!(changed.str("/account/phone").ends_with(&phone(2)[8..]), "{}", changed.text());
        assert_eq!(scene.stands(&app), ("re_verify".into(), json!("number_changed")));
        assert!(scene.said(&app).contains(&"The mobile number of this patient's account has changed.".to_owned()));
        let (old, new) = (texts(&app, &phone(1)), texts(&app, &phone(2)));
        assert!(old[old.len() - 1].ends_with(": your account has another number now. Not you? Call your practice."), "{old:?}");
        assert!(new[new.len() - 1].ends_with(": your account now has this number. Not you? Call your practice."), "{new:?}");
        // The new number signs in; the old one is nobody's.
        app.advance(60);
        app.sign_in(&phone(2));
        let old = json!({ "phone_proof": app.verify(&phone(1)) });
        app.post("/v1/sessions", old).send().problem(404, "account_not_found");
        app.deliver_all();
    }

    fn a_number_of_somebody_else_or_a_restricted_sign_in_changes_nothing(app: TestApp) {
        let scene = known(&app);
        app.sign_up(&phone(2));
        app.advance(60);
        change_number(&app, &scene.patient.access_token, &phone(2)).problem(409, "account_exists");
        let device = new_device(&app, &phone(1));
        change_number(&app, &device, &phone(3)).problem(403, "session_restricted");
        let me = app.get("/v1/me").bearer(&scene.patient.access_token).send().expect(200);
        assert!(me.str("/account/phone").ends_with(&phone(1)[8..]));
    }

    /// Whoever has the old number by now had nothing else: their sign-in ends with it.
    fn a_strangers_sign_in_ends_when_the_number_moves_on(app: TestApp) {
        let scene = known(&app);
        let stranger = new_device(&app, &phone(1));
        change_number(&app, &scene.patient.access_token, &phone(2)).expect(200);
        scene.confirm(&app, "call_back");
        app.get("/v1/me/pairings").bearer(&stranger).send().problem(401, "unauthorized");
    }

    /// Nobody could read those any more, and they would go on as the new number's.
    fn a_strangers_conversation_ends_when_the_number_moves_on(app: TestApp) {
        let scene = known(&app);
        let stranger = new_device(&app, &phone(1));
        let person = json!({ "given_name": "Eve", "family_name": "Stone" });
        app.post("/v1/me/patients", person).bearer(&stranger).send().expect(201);
        let body = json!({ "link_token": app.link_token(DEMO) });
        let theirs = app.post("/v1/pairings", body).bearer(&stranger).send().expect(201).str("/conversation/id");
        app.deliver_all();
        change_number(&app, &scene.patient.access_token, &phone(2)).expect(200);
        let status = |conversation: &str| {
            let path = format!("/v1/practice/conversations/{conversation}");
            as_desk(&scene.member, app.get(&path)).send().expect(200).at("/conversation/status")
        };
        assert_eq!((status(&theirs), status(&scene.patient.conversation_id)), (json!("closed"), json!("open")));
        let entries = format!("/v1/practice/conversations/{theirs}/entries");
        let said = as_desk(&scene.member, app.get(&entries)).send().expect(200).at("/items");
        let last = said.as_array().unwrap().iter().rfind(|entry| entry["kind"] == "system").unwrap()["body"].clone();
        assert!(last.as_str().unwrap().contains("the number of its account has changed"), "{last}");
    }

    /// Two new devices may be two people: meeting the one opens nothing that it made to the other.
    fn what_one_new_device_made_is_no_other_ones(app: TestApp) {
        let scene = known(&app);
        let (holder, stranger) = (new_device(&app, &phone(1)), new_device(&app, &phone(1)));
        let person = json!({ "given_name": "Alex", "family_name": "Rivera" });
        app.post("/v1/me/patients", person).bearer(&holder).send().expect(201);
        let body = json!({ "link_token": app.link_token(DEMO) });
        let made = app.post("/v1/pairings", body).bearer(&holder).send().expect(201);
        app.deliver_all();
        let path = format!("/v1/me/pairings/{}/desk-code", made.str("/pairing/id"));
        let code = json!({ "code": desk_code(&app, &scene.member) });
        app.post(&path, code).bearer(&holder).send().expect(200);
        let decision = json!({ "decision": "undo" });
        let decisions = format!("/v1/practice/conversations/{}/identity/decisions", made.str("/conversation/id"));
        as_desk(&scene.admin, app.post(&decisions, decision)).send().expect(201);
        let decision = json!({ "decision": "confirm", "method": "call_back" });
        as_desk(&scene.member, app.post(&decisions, decision)).send().expect(201);
        app.deliver_all();
        let list = |token: &str| app.get("/v1/me/pairings").bearer(token).send().expect(200).at("/items").as_array().unwrap().len();
        assert_eq!((list(&holder), list(&stranger)), (1, 0));
        let entries = format!("/v1/me/conversations/{}/entries", made.str("/conversation/id"));
        app.get(&entries).bearer(&stranger).send().problem(404, "conversation_not_found");
        let people = app.get("/v1/me").bearer(&stranger).send().expect(200).at("/patients");
        assert_eq!(people, json!([]));
    }

    /// The desk meets whoever holds the phone of before; a stranger's device gains nothing by it.
    fn the_desks_code_opens_nothing_for_another_device(app: TestApp) {
        let scene = known(&app);
        let stranger = new_device(&app, &phone(1));
        show_code(&app, &scene.patient, &desk_code(&app, &scene.member)).expect(200);
        app.deliver_all();
        assert_eq!(scene.stands(&app), ("confirmed".into(), json!("in_person")));
        assert!(!sees(&app, &stranger, &scene.patient.conversation_id));
    }

    /// A doubt that was raised while the conversation was closed is not passed over.
    fn a_rejection_that_is_taken_back_is_looked_at_again(app: TestApp) {
        let scene = known(&app);
        scene.decide(&app, &scene.member, json!({ "decision": "reject" })).expect(201);
        new_device(&app, &phone(1));
        scene.decide(&app, &scene.admin, json!({ "decision": "undo" })).expect(201);
        let identity = scene.identity(&app);
        assert_eq!((&identity["state"], &identity["phi_allowed"]), (&json!("re_verify"), &json!(false)));
    }

    /// A lost answer: the same proof again is the same success, and tells nobody twice.
    fn a_proof_changes_the_number_once(app: TestApp) {
        let scene = known(&app);
        app.advance(60);
        let body = json!({ "phone_proof": app.verify(&phone(2)) });
        let change = || app.post("/v1/me/phone", body.clone()).bearer(&scene.patient.access_token).send();
        let first = change().expect(200);
        assert_eq!(change().expect(200).json(), first.json());
        app.deliver_all();
        assert_eq!(texts(&app, &phone(1)).len(), 2, "the code of before, and one text of the change");
        app.post("/v1/sessions", body).send().problem(409, "phone_proof_consumed");
    }

    fn another_name_is_looked_at_and_the_same_is_not(app: TestApp) {
        let scene = known(&app);
        let path = format!("/v1/me/patients/{}", scene.patient.patient_id);
        let change = |body: Value| app.patch(&path, body).bearer(&scene.patient.access_token).send();
        change(json!({ "given_name": "Alex", "family_name": "Rivera" })).expect(200);
        assert_eq!(scene.stands(&app).0, "confirmed");
        change(json!({ "family_name": "Park" })).expect(200);
        app.deliver_all();
        assert_eq!(scene.stands(&app), ("re_verify".into(), json!("details_changed")));
    }

    /// Whoever types what a screen at the desk shows stands there: confirmed at once, and by whose screen it was.
    fn the_desks_code_confirms_in_person(app: TestApp) {
        let scene = known(&app);
        let other = app.sign_up(&phone(2));
        let code = desk_code(&app, &scene.member);
        let typed = format!("{} {}", &code[..4], &code[4..]);
        show_code(&app, &other, &typed).expect(200);
        let path = format!("/v1/practice/conversations/{}/identity", other.conversation_id);
        let kept = as_desk(&scene.member, app.get(&path)).send().expect(200).at("/identity/decisions/0");
        assert_eq!((&kept["method"], &kept["by"]), (&json!("in_person"), &json!(scene.member.staff_id)));
        // Once more is no mistake.
        show_code(&app, &other, &code).expect(200);
        app.deliver_all();
    }

    fn a_code_is_good_for_its_minute_and_the_next(app: TestApp) {
        let scene = known(&app);
        let other = app.sign_up(&phone(2));
        let code = desk_code(&app, &scene.member);
        app.advance(60);
        assert_ne!(desk_code(&app, &scene.member), code);
        app.advance(60);
        show_code(&app, &other, &code).problem(422, "desk_code_wrong");
        let code = desk_code(&app, &scene.member);
        app.advance(60);
        show_code(&app, &other, &code).expect(200);
        app.deliver_all();
    }

    fn wrong_codes_are_counted_and_another_practices_are_wrong(app: TestApp) {
        let scene = known(&app);
        let other = app.desk(&app.practice("Oak Eyes", None), "oda", Role::Admin);
        let patient = app.sign_up(&phone(2));
        for _ in 0..5 {
            show_code(&app, &patient, &desk_code(&app, &other)).problem(422, "desk_code_wrong");
        }
        let limited = show_code(&app, &patient, &desk_code(&app, &scene.member)).problem(429, "check_limited");
        app.advance(limited.header("retry-after").unwrap().parse().unwrap());
        let refresh = json!({ "refresh_token": patient.refresh_token });
        let fresh = app.post("/v1/sessions/refresh", refresh).send().expect(200);
        let patient = SignedUp { access_token: fresh.str("/session/access_token"), ..patient };
        show_code(&app, &patient, &desk_code(&app, &scene.member)).expect(200);
        app.deliver_all();
        let support = app.desk(&app.write(|tx| practice_links::domain::practices::list(tx)).remove(0), "sue", Role::Support);
        as_desk(&support, app.get("/v1/practice/desk-code")).send().problem(403, "staff_forbidden");
    }

    /// One number, several people: each conversation says whom it is about, and what they are to who writes.
    fn a_family_says_who_is_what_to_whom(app: TestApp) {
        let scene = known(&app);
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
        let card = as_desk(&scene.member, app.get(&path)).send().expect(200).at("/conversation");
        assert_eq!((&card["patient"]["relation"], &card["identity"]), (&json!("child"), &json!("unverified")));
        let card = scene.identity(&app);
        assert_eq!(card["state"], "confirmed", "a child's conversation says nothing of the parent's");
        app.deliver_all();
    }
}
