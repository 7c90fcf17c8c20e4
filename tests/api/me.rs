//! The patient's own view: the people on an account, their pairings and their conversations.

use std::collections::BTreeSet;

use practice_links::links::NewLink;
use serde_json::{Value, json};

use crate::harness::{DEMO, SignedUp, TestApp, phone};

fn pair(app: &TestApp, patient: &SignedUp, code: &str) -> crate::harness::Reply {
    let body = json!({ "link_token": app.link_token(code) });
    app.post("/v1/pairings", body).bearer(&patient.access_token).send()
}

fn entries(app: &TestApp, patient: &SignedUp, conversation: &str) -> Vec<Value> {
    let path = format!("/v1/me/conversations/{conversation}/entries?limit=200");
    let page = app.get(&path).bearer(&patient.access_token).send().expect(200);
    page.at("/items").as_array().cloned().unwrap()
}

fn demo_practice(patient: &SignedUp) -> String {
    patient.json["pairing"]["practice"]["id"].as_str().unwrap().to_owned()
}

both! {
    fn each_family_member_has_their_own_conversation(app: TestApp) {
        let parent = app.sign_up(&phone(0));
        let child = json!({ "given_name": " Sam ", "family_name": "Rivera", "birth_date": "2019-02-11" });
        let child = app.post("/v1/me/patients", child).bearer(&parent.access_token).send().expect(201);
        assert_eq!(child.at("/patient/given_name"), "Sam");
        let body = json!({ "link_token": app.link_token(DEMO), "patient_id": child.str("/patient/id") });
        let paired = app.post("/v1/pairings", body).bearer(&parent.access_token).send().expect(201);
        assert_ne!(paired.str("/conversation/id"), parent.conversation_id);
        assert_eq!(paired.at("/conversation/patient/id"), child.at("/patient/id"));
        let me = app.get("/v1/me").bearer(&parent.access_token).send().expect(200);
        assert_eq!(me.at("/patients").as_array().unwrap().len(), 2);
        let pairings = app.get("/v1/me/pairings").bearer(&parent.access_token).send().expect(200);
        let pairings = pairings.at("/items").as_array().cloned().unwrap();
        assert_eq!(pairings.len(), 2);
        assert_eq!(pairings[0]["pairing"]["practice"], pairings[1]["pairing"]["practice"]);
        assert_eq!(app.deliver_all(), 1);
    }

    fn patient_details_can_be_corrected(app: TestApp) {
        let patient = app.sign_up(&phone(0));
        let path = format!("/v1/me/patients/{}", patient.patient_id);
        let change = |body: Value| app.patch(&path, body).bearer(&patient.access_token).send();
        let changed = change(json!({ "given_name": "Alexandra" })).expect(200);
        assert_eq!(changed.at("/patient/given_name"), "Alexandra");
        assert_eq!(changed.at("/patient/family_name"), "Rivera");
        assert_eq!(changed.at("/patient/birth_date"), "1987-05-31");
        assert_eq!(change(json!({})).expect(200).json(), changed.json());
        let wrong = change(json!({ "birth_date": "31.5.1987" })).problem(422, "invalid_request");
        assert_eq!(wrong.at("/errors/0/pointer"), "/birth_date");
        change(json!({ "family_name": "" })).problem(422, "invalid_request");
        let me = app.get("/v1/me").bearer(&patient.access_token).send().expect(200);
        assert_eq!(me.at("/patients/0"), changed.at("/patient"));
    }

    fn pairing_again_after_leaving_opens_a_new_conversation(app: TestApp) {
        let patient = app.sign_up(&phone(0));
        let path = format!("/v1/me/pairings/{}", patient.pairing_id);
        app.delete(&path).bearer(&patient.access_token).send().expect(204);
        app.delete(&path).bearer(&patient.access_token).send().problem(404, "pairing_not_found");
        assert_eq!(app.count("SELECT count(*) FROM conversations WHERE status = 'closed'"), 1);
        let pairings = app.get("/v1/me/pairings").bearer(&patient.access_token).send().expect(200);
        assert_eq!(pairings.at("/items"), json!([]));

        let back = pair(&app, &patient, DEMO).expect(201);
        assert_ne!(back.str("/conversation/id"), patient.conversation_id);
        assert_eq!(back.at("/conversation/status"), "open");
        let open = format!("/v1/me/conversations/{}/entries", back.str("/conversation/id"));
        app.post(&open, json!({ "body": "Hello" })).bearer(&patient.access_token).send().expect(201);
        assert_eq!(app.deliver_all(), 1);
    }

    fn message_to_a_closed_conversation_is_refused(app: TestApp) {
        let patient = app.sign_up(&phone(0));
        let path = format!("/v1/me/pairings/{}", patient.pairing_id);
        app.delete(&path).bearer(&patient.access_token).send().expect(204);
        let closed = format!("/v1/me/conversations/{}/entries", patient.conversation_id);
        let message = app.post(&closed, json!({ "body": "Hello?" })).bearer(&patient.access_token);
        message.send().problem(409, "conversation_closed");
    }

    fn message_has_1_to_4000_characters(app: TestApp) {
        let patient = app.sign_up(&phone(0));
        let path = format!("/v1/me/conversations/{}/entries", patient.conversation_id);
        let say = |text: &str| app.post(&path, json!({ "body": text })).bearer(&patient.access_token).send();
        // Each is four bytes long: the limit counts characters, not bytes.
        let longest = "😀".repeat(4000);
        let entry = say(&longest).expect(201);
        assert_eq!(entry.at("/entry/body"), longest);
        assert_eq!((entry.at("/entry/kind"), entry.at("/entry/author")), (json!("message"), json!("patient")));
        for refused in [&"a".repeat(4001), "", "   ", "\n\t", "\u{a0}"] {
            let answer = say(refused).problem(422, "invalid_request");
            assert_eq!(answer.at("/errors/0/pointer"), "/body");
        }
        let said = entries(&app, &patient, &patient.conversation_id);
        assert_eq!(said.iter().filter(|entry| entry["kind"] == "message").count(), 1);
    }

    fn entries_are_paged_in_order(app: TestApp) {
        let patient = app.sign_up(&phone(0));
        let path = format!("/v1/me/conversations/{}/entries", patient.conversation_id);
        for n in 0..7 {
            app.post(&path, json!({ "body": format!("{n}") })).bearer(&patient.access_token).send().expect(201);
        }
        let all = entries(&app, &patient, &patient.conversation_id);
        let positions: Vec<_> = all.iter().map(|entry| entry["position"].as_i64().unwrap()).collect();
        assert_eq!(positions, (1..=9).collect::<Vec<_>>());
        for limit in [1, 2, 4, 9, 200] {
            let (mut paged, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = app.get(&format!("{path}?limit={limit}{cursor}")).bearer(&patient.access_token);
                let page = page.send().expect(200);
                let items = page.at("/items").as_array().cloned().unwrap();
                assert!(items.len() <= limit);
                paged.extend(items);
                match page.at("/next_cursor").as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            assert_eq!(paged, all, "limit {limit}");
        }
        for wrong in ["limit=0", "limit=201", "limit=x", "cursor=%21%21"] {
            let answer = app.get(&format!("{path}?{wrong}")).bearer(&patient.access_token).send();
            answer.problem(422, "invalid_request");
        }
    }

    // A cursor of another list, or a forged one, must not silently return the first page.
    fn foreign_cursor_is_refused(app: TestApp) {
        let patient = app.sign_up(&phone(0));
        let path = format!("/v1/me/conversations/{}/entries?cursor=cGFpX3g", patient.conversation_id);
        app.get(&path).bearer(&patient.access_token).send().problem(422, "invalid_request");
    }

    fn pairing_twice_returns_the_same_conversation(app: TestApp) {
        let patient = app.sign_up(&phone(0));
        let before = entries(&app, &patient, &patient.conversation_id);
        let again = pair(&app, &patient, DEMO).expect(200);
        assert_eq!(again.str("/conversation/id"), patient.conversation_id);
        assert_eq!(again.str("/pairing/id"), patient.pairing_id);
        assert_eq!(entries(&app, &patient, &patient.conversation_id), before);
        assert_eq!(app.deliver_all(), 0);
    }

    fn second_link_of_the_practice_adds_its_tags(app: TestApp) {
        let patient = app.sign_up(&phone(0));
        app.link_with("222222", &NewLink {
            tags: vec!["class".into(), "demo".into()],
            welcome: Some("Welcome to the class.".into()),
            ..NewLink::plain(&demo_practice(&patient), "Diabetes class")
        });
        let before = entries(&app, &patient, &patient.conversation_id).len();
        let again = pair(&app, &patient, "222222").expect(200);
        assert_eq!(again.str("/conversation/id"), patient.conversation_id);
        assert_eq!(again.at("/conversation/tags"), json!(["class", "demo"]));
        let after = entries(&app, &patient, &patient.conversation_id);
        assert_eq!(after.len(), before + 1);
        assert_eq!(after.last().unwrap()["kind"], "system");
        // The pairing stays attributed to the first link.
        assert_eq!(again.at("/pairing/source"), patient.json["pairing"]["source"]);
        assert_eq!(app.deliver_all(), 0);
    }

    fn another_practice_gets_its_own_conversation(app: TestApp) {
        let patient = app.sign_up(&phone(0));
        let other = app.practice("Elm Dental", Some("hello@elm.example"));
        app.link("333333", &other.id);
        let paired = pair(&app, &patient, "333333").expect(201);
        assert_ne!(paired.str("/conversation/id"), patient.conversation_id);
        assert_eq!(paired.at("/pairing/practice/name"), "Elm Dental");
        assert_eq!(paired.at("/conversation/tags"), json!([]));
        app.transport.clear();
        assert_eq!(app.deliver_all(), 1);
        // Neither practice learns about the other.
        let mail = app.transport.sent_to("hello@elm.example").pop().unwrap();
        assert!(!format!("{}{}", mail.body, mail.html).contains("Oak Street"));
        for entry in entries(&app, &patient, &paired.str("/conversation/id")) {
            assert!(!entry.to_string().contains("Oak Street"), "{entry}");
        }
    }

    fn deleted_account_frees_its_phone_number(app: TestApp) {
        let patient = app.sign_up(&phone(0));
        app.delete("/v1/me").bearer(&patient.access_token).send().expect(204);
        app.get("/v1/me").bearer(&patient.access_token).send().problem(401, "unauthorized");
        let refresh = json!({ "refresh_token": patient.refresh_token });
        app.post("/v1/sessions/refresh", refresh).send().expect(401);
        assert_eq!(app.count("SELECT count(*) FROM accounts WHERE phone IS NOT NULL"), 0);
        assert_eq!(app.count("SELECT count(*) FROM conversations WHERE status = 'open'"), 0);
        let proof = app.verify(&phone(0));
        app.post("/v1/sessions", json!({ "phone_proof": proof })).send().problem(404, "account_not_found");
        let again = app.sign_up(&phone(0));
        assert_ne!(again.account_id, patient.account_id);
        let old = format!("/v1/me/conversations/{}/entries", patient.conversation_id);
        app.get(&old).bearer(&again.access_token).send().problem(404, "conversation_not_found");
    }

    fn ids_of_another_account_look_unknown(app: TestApp) {
        let mine = app.sign_up(&phone(0));
        let theirs = app.sign_up(&phone(1));
        let link_token = app.link_token(DEMO);
        let answers = |patient: &str, pairing: &str, conversation: &str| {
            let entries = format!("/v1/me/conversations/{conversation}/entries");
            let pairs = json!({ "link_token": link_token, "patient_id": patient });
            let calls = [
                app.get(&entries),
                app.post(&entries, json!({ "body": "Hello" })),
                app.delete(&format!("/v1/me/pairings/{pairing}")),
                app.patch(&format!("/v1/me/patients/{patient}"), json!({ "given_name": "Eve" })),
                app.post("/v1/pairings", pairs),
            ];
            calls.map(|call| {
                let reply = call.bearer(&mine.access_token).send().expect(404);
                let mut body = reply.json();
                body["instance"] = Value::Null;
                (body, reply.headers.keys().map(ToString::to_string).collect::<BTreeSet<_>>())
            })
        };
        let foreign = answers(&theirs.patient_id, &theirs.pairing_id, &theirs.conversation_id);
        let unknown = answers("pat_nobody", "pai_nothing", "cnv_nowhere");
        assert_eq!(foreign, unknown);
        let me = app.get("/v1/me").bearer(&theirs.access_token).send().expect(200);
        assert_eq!(me.at("/patients/0/given_name"), "Alex");
    }
}
