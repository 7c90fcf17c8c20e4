//! The patient's own view: the people on an account, their pairings, what was said.

use std::collections::BTreeSet;

use practice_links::domain::links::NewLink;
use serde_json::{Value, json};

use crate::harness::{DEMO, SignedUp, TestApp, phone};

fn pair(app: &TestApp, who: &SignedUp, code: &str) -> crate::harness::Reply {
    let body = json!({ "link_token": app.link_token(code) });
    app.post("/v1/pairings", body).bearer(&who.access_token).send()
}

fn entries(app: &TestApp, who: &SignedUp, conversation: &str) -> Vec<Value> {
    let path = format!("/v1/me/conversations/{conversation}/entries?limit=200");
    let page = app.get(&path).bearer(&who.access_token).send().expect(200);
    page.at("/items").as_array().cloned().unwrap()
}

fn demo_practice(who: &SignedUp) -> String {
    who.json["pairing"]["practice"]["id"].as_str().unwrap().to_owned()
}

both! {
    fn a_family_has_a_conversation_each(app: TestApp) {
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

    fn a_person_can_be_corrected(app: TestApp) {
        let who = app.sign_up(&phone(0));
        let path = format!("/v1/me/patients/{}", who.patient_id);
        let change = |body: Value| app.patch(&path, body).bearer(&who.access_token).send();
        let changed = change(json!({ "given_name": "Alexandra" })).expect(200);
        assert_eq!(changed.at("/patient/given_name"), "Alexandra");
        assert_eq!(changed.at("/patient/family_name"), "Rivera");
        assert_eq!(changed.at("/patient/birth_date"), "1987-05-31");
        assert_eq!(change(json!({})).expect(200).json(), changed.json());
        let wrong = change(json!({ "birth_date": "31.5.1987" })).problem(422, "invalid_request");
        assert_eq!(wrong.at("/errors/0/pointer"), "/birth_date");
        change(json!({ "family_name": "" })).problem(422, "invalid_request");
        let me = app.get("/v1/me").bearer(&who.access_token).send().expect(200);
        assert_eq!(me.at("/patients/0"), changed.at("/patient"));
    }

    fn who_leaves_may_come_back_to_a_new_conversation(app: TestApp) {
        let who = app.sign_up(&phone(0));
        let path = format!("/v1/me/pairings/{}", who.pairing_id);
        app.delete(&path).bearer(&who.access_token).send().expect(204);
        app.delete(&path).bearer(&who.access_token).send().problem(404, "pairing_not_found");
        assert_eq!(app.count("SELECT count(*) FROM conversations WHERE status = 'closed'"), 1);
        let pairings = app.get("/v1/me/pairings").bearer(&who.access_token).send().expect(200);
        assert_eq!(pairings.at("/items"), json!([]));

        let back = pair(&app, &who, DEMO).expect(201);
        assert_ne!(back.str("/conversation/id"), who.conversation_id);
        assert_eq!(back.at("/conversation/status"), "open");
        let open = format!("/v1/me/conversations/{}/entries", back.str("/conversation/id"));
        app.post(&open, json!({ "body": "Hello" })).bearer(&who.access_token).send().expect(201);
        assert_eq!(app.deliver_all(), 1);
    }

    fn a_message_into_a_closed_conversation_is_told_that_it_is_closed(app: TestApp) {
        let who = app.sign_up(&phone(0));
        let path = format!("/v1/me/pairings/{}", who.pairing_id);
        app.delete(&path).bearer(&who.access_token).send().expect(204);
        let closed = format!("/v1/me/conversations/{}/entries", who.conversation_id);
        let message = app.post(&closed, json!({ "body": "Hello?" })).bearer(&who.access_token);
        message.send().problem(409, "conversation_closed");
    }

    fn a_message_has_one_to_four_thousand_characters(app: TestApp) {
        let who = app.sign_up(&phone(0));
        let path = format!("/v1/me/conversations/{}/entries", who.conversation_id);
        let say = |text: &str| app.post(&path, json!({ "body": text })).bearer(&who.access_token).send();
        // Of four bytes each: what counts is characters.
        let longest = "😀".repeat(4000);
        let entry = say(&longest).expect(201);
        assert_eq!(entry.at("/entry/body"), longest);
        assert_eq!((entry.at("/entry/kind"), entry.at("/entry/author")), (json!("message"), json!("patient")));
        for refused in [&"a".repeat(4001), "", "   ", "\n\t", "\u{a0}"] {
            let answer = say(refused).problem(422, "invalid_request");
            assert_eq!(answer.at("/errors/0/pointer"), "/body");
        }
        let said = entries(&app, &who, &who.conversation_id);
        assert_eq!(said.iter().filter(|entry| entry["kind"] == "message").count(), 1);
    }

    fn entries_come_page_by_page_in_order(app: TestApp) {
        let who = app.sign_up(&phone(0));
        let path = format!("/v1/me/conversations/{}/entries", who.conversation_id);
        for n in 0..7 {
            app.post(&path, json!({ "body": format!("{n}") })).bearer(&who.access_token).send().expect(201);
        }
        let all = entries(&app, &who, &who.conversation_id);
        let positions: Vec<_> = all.iter().map(|entry| entry["position"].as_i64().unwrap()).collect();
        assert_eq!(positions, (1..=9).collect::<Vec<_>>());
        for limit in [1, 2, 4, 9, 200] {
            let (mut paged, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = app.get(&format!("{path}?limit={limit}{cursor}")).bearer(&who.access_token);
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
            let answer = app.get(&format!("{path}?{wrong}")).bearer(&who.access_token).send();
            answer.problem(422, "invalid_request");
        }
    }

    // A cursor of another list, or a made-up one, is not quietly the first page again.
    fn a_foreign_cursor_is_refused(app: TestApp) {
        let who = app.sign_up(&phone(0));
        let path = format!("/v1/me/conversations/{}/entries?cursor=cGFpX3g", who.conversation_id);
        app.get(&path).bearer(&who.access_token).send().problem(422, "invalid_request");
    }

    fn pairing_twice_is_the_same_conversation(app: TestApp) {
        let who = app.sign_up(&phone(0));
        let before = entries(&app, &who, &who.conversation_id);
        let again = pair(&app, &who, DEMO).expect(200);
        assert_eq!(again.str("/conversation/id"), who.conversation_id);
        assert_eq!(again.str("/pairing/id"), who.pairing_id);
        assert_eq!(entries(&app, &who, &who.conversation_id), before);
        assert_eq!(app.deliver_all(), 0);
    }

    fn a_second_link_of_the_practice_adds_its_tags(app: TestApp) {
        let who = app.sign_up(&phone(0));
        app.link_with("222222", &NewLink {
            tags: vec!["class".into(), "demo".into()],
            welcome: Some("Welcome to the class.".into()),
            ..NewLink::plain(&demo_practice(&who), "Diabetes class")
        });
        let before = entries(&app, &who, &who.conversation_id).len();
        let again = pair(&app, &who, "222222").expect(200);
        assert_eq!(again.str("/conversation/id"), who.conversation_id);
        assert_eq!(again.at("/conversation/tags"), json!(["class", "demo"]));
        let after = entries(&app, &who, &who.conversation_id);
        assert_eq!(after.len(), before + 1);
        assert_eq!(after.last().unwrap()["kind"], "system");
        // The attribution stays with the link that paired.
        assert_eq!(again.at("/pairing/source"), who.json["pairing"]["source"]);
        assert_eq!(app.deliver_all(), 0);
    }

    fn another_practice_has_a_conversation_of_its_own(app: TestApp) {
        let who = app.sign_up(&phone(0));
        let other = app.practice("Elm Dental", Some("hello@elm.example"));
        app.link("333333", &other.id);
        let paired = pair(&app, &who, "333333").expect(201);
        assert_ne!(paired.str("/conversation/id"), who.conversation_id);
        assert_eq!(paired.at("/pairing/practice/name"), "Elm Dental");
        assert_eq!(paired.at("/conversation/tags"), json!([]));
        app.carrier.clear();
        assert_eq!(app.deliver_all(), 1);
        // Neither practice learns of the other.
        let mail = app.carrier.sent_to("hello@elm.example").pop().unwrap();
        assert!(!format!("{}{}", mail.body, mail.html).contains("Oak Street"));
        for entry in entries(&app, &who, &paired.str("/conversation/id")) {
            assert!(!entry.to_string().contains("Oak Street"), "{entry}");
        }
    }

    fn a_deleted_account_frees_its_number(app: TestApp) {
        let who = app.sign_up(&phone(0));
        app.delete("/v1/me").bearer(&who.access_token).send().expect(204);
        app.get("/v1/me").bearer(&who.access_token).send().problem(401, "unauthorized");
        let refresh = json!({ "refresh_token": who.refresh_token });
        app.post("/v1/sessions/refresh", refresh).send().expect(401);
        assert_eq!(app.count("SELECT count(*) FROM accounts WHERE phone IS NOT NULL"), 0);
        assert_eq!(app.count("SELECT count(*) FROM conversations WHERE status = 'open'"), 0);
        let proof = app.verify(&phone(0));
        app.post("/v1/sessions", json!({ "phone_proof": proof })).send().problem(404, "account_not_found");
        let again = app.sign_up(&phone(0));
        assert_ne!(again.account_id, who.account_id);
        let old = format!("/v1/me/conversations/{}/entries", who.conversation_id);
        app.get(&old).bearer(&again.access_token).send().problem(404, "conversation_not_found");
    }

    fn another_accounts_ids_are_as_unknown_ones(app: TestApp) {
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
