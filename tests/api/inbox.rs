//! The practice's inbox: who sees which conversations, what staff write and change, and read marks.

use std::collections::BTreeSet;

use practice_links::domain::practices::Practice;
use practice_links::domain::staff::Role;
use serde_json::{Value, json};

use crate::harness::{Call, DEMO, Reply, SignedUp, StaffClient, TestApp, as_staff, phone};

const INBOX: &str = "/v1/practice/conversations";

struct Elm {
    practice: Practice,
    admin: StaffClient,
    member: StaffClient,
}

fn elm(app: &TestApp) -> Elm {
    let practice = app.practice("Elm Dental", Some("desk@elm.example"));
    let admin = app.staff_client(&practice, "ada", Role::Admin);
    let member = app.staff_client(&practice, "bo", Role::Member);
    Elm { practice, admin, member }
}

fn get(app: &TestApp, staff: &StaffClient, query: &str) -> Reply {
    as_staff(staff, app.get(&format!("{INBOX}{query}"))).send()
}

fn items(app: &TestApp, staff: &StaffClient, query: &str) -> Vec<Value> {
    get(app, staff, query).expect(200).at("/items").as_array().cloned().unwrap()
}

fn ids(app: &TestApp, staff: &StaffClient, query: &str) -> Vec<String> {
    items(app, staff, query).iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

fn patch(app: &TestApp, staff: &StaffClient, id: &str, body: Value) -> Reply {
    as_staff(staff, app.patch(&format!("{INBOX}/{id}"), body)).send()
}

fn write(app: &TestApp, staff: &StaffClient, id: &str, body: Value) -> Call {
    as_staff(staff, app.post(&format!("{INBOX}/{id}/entries"), body))
}

fn patient_writes(app: &TestApp, patient: &SignedUp, text: &str) {
    let path = format!("/v1/me/conversations/{}/entries", patient.conversation_id);
    app.post(&path, json!({ "body": text })).bearer(&patient.access_token).send().expect(201);
}

fn mark_read(app: &TestApp, staff: &StaffClient, id: &str, position: i32) -> Reply {
    as_staff(staff, app.post(&format!("{INBOX}/{id}/read"), json!({ "position": position }))).send()
}

fn code(link: &Value) -> &str {
    link["code"].as_str().unwrap()
}

both! {
    fn pairing_appears_in_the_inbox_with_all_details(app: TestApp) {
        let elm = elm(&app);
        let link = json!({ "label": "Poster", "tags": ["poster"], "assignee_id": elm.member.staff_id, "welcome": "Welcome.\nHow can we help?" });
        let link = app.make_link(&elm.admin, link);
        let patient = app.sign_up_at(&phone(0), code(&link));
        let items = items(&app, &elm.admin, "");
        assert_eq!(items.len(), 1);
        let item = &items[0];
        assert_eq!(item["id"], patient.conversation_id);
        let person = json!({ "id": patient.patient_id, "given_name": "Alex", "family_name": "Rivera", "relation": "self" });
        assert_eq!(item["patient"], person);
        assert_eq!(item["link"], json!({ "id": link["id"], "label": "Poster", "code": link["code"] }));
        assert_eq!((&item["source"]["method"], &item["tags"]), (&json!("universal_link"), &json!(["poster"])));
        assert_eq!(item["assignee"], json!({ "id": elm.member.staff_id, "name": "bo" }));
        assert_eq!((&item["identity"], &item["phi_allowed"]), (&json!("unverified"), &json!(false)));
        assert_eq!((&item["unread"], &item["status"]), (&json!(true), &json!("open")));
        assert_eq!(item["last_entry"]["kind"], "system");
        assert_eq!(item["last_entry_at"], item["created_at"]);

        let whole = get(&app, &elm.admin, &format!("/{}", patient.conversation_id)).expect(200);
        assert_eq!(whole.at("/conversation"), *item);
        assert_eq!(whole.at("/contact"), json!({ "phone": patient.phone, "email": null, "email_verified": false, "birth_date": "1987-05-31" }));
        let entries = get(&app, &elm.admin, &format!("/{}/entries?limit=1", patient.conversation_id)).expect(200);
        assert_eq!(entries.at("/items/0/body"), "Welcome.\nHow can we help?");
        let rest = format!("/{}/entries?cursor={}", patient.conversation_id, entries.str("/next_cursor"));
        assert_eq!(get(&app, &elm.admin, &rest).expect(200).at("/items/0/position"), 2);
    }

    fn inbox_filters_combine(app: TestApp) {
        let elm = elm(&app);
        let front = app.make_link(&elm.admin, json!({ "label": "Front", "tags": ["a"], "assignee_id": elm.member.staff_id }));
        let back = app.make_link(&elm.admin, json!({ "label": "Back", "tags": ["a", "b"] }));
        let made = [(0, &front), (1, &back), (2, &front), (3, &back)].map(|(n, link)| {
            app.advance(60);
            app.sign_up_at(&phone(n), code(link)).conversation_id
        });
        mark_read(&app, &elm.admin, &made[0], 1).expect(200);
        let seen = |query: &str| ids(&app, &elm.admin, query);
        let of = |which: &[usize]| which.iter().map(|n| made[*n].clone()).collect::<Vec<_>>();
        assert_eq!(seen(""), of(&[3, 2, 1, 0]), "newest first");
        assert_eq!(seen(&format!("?link={}", front["id"].as_str().unwrap())), of(&[2, 0]));
        assert_eq!((seen("?tag=b"), seen("?tag=a&unread=true")), (of(&[3, 1]), of(&[3, 2, 1])));
        assert_eq!((seen("?unread=false"), seen("?identity=unverified&tag=b")), (of(&[0]), of(&[3, 1])));
        assert_eq!((seen("?identity=confirmed"), seen("?tag=nothing")), (of(&[]), of(&[])));
        assert_eq!((seen("?assignee=none"), seen("?assignee=me")), (of(&[3, 1]), of(&[])));
        assert_eq!(seen(&format!("?assignee={}&unread=true", elm.member.staff_id)), of(&[2]));
        assert_eq!(ids(&app, &elm.member, "?assignee=me"), of(&[2, 0]));
        for wrong in ["?unread=perhaps", "?identity=known", "?cursor=MQ", "?limit=0", "?tag=%00", "?limit=201"] {
            get(&app, &elm.admin, wrong).problem(422, "invalid_request");
        }
        get(&app, &elm.admin, "?link=lnk_0&assignee=stf_0").expect(200);
    }

    fn pages_stay_complete_while_entries_arrive(app: TestApp) {
        let elm = elm(&app);
        app.link("222222", &elm.practice.id);
        let patients: Vec<SignedUp> = (0..7).map(|n| {
            // Some share a timestamp: then the id decides.
            app.advance(u64::from(n % 2));
            app.sign_up_at(&phone(n), "222222")
        }).collect();
        let first = get(&app, &elm.admin, "?limit=3").expect(200);
        let mut seen: Vec<String> = first.at("/items").as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
        // One listed and one unlisted conversation move to the front.
        app.advance(60);
        let moved = patients.iter().find(|patient| !seen.contains(&patient.conversation_id)).unwrap();
        patient_writes(&app, moved, "Hello");
        let again = patients.iter().find(|patient| seen.contains(&patient.conversation_id)).unwrap();
        patient_writes(&app, again, "Hello");
        let mut cursor = first.at("/next_cursor");
        while let Some(text) = cursor.as_str() {
            let page = get(&app, &elm.admin, &format!("?limit=3&cursor={text}")).expect(200);
            seen.extend(page.at("/items").as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
            cursor = page.at("/next_cursor");
        }
        let once: BTreeSet<&String> = seen.iter().collect();
        assert_eq!((seen.len(), once.len()), (6, 6), "no duplicates, and every conversation that did not move");
        assert!(!once.contains(&moved.conversation_id));
        assert_eq!(ids(&app, &elm.admin, "?limit=2").iter().collect::<BTreeSet<_>>(), BTreeSet::from([&moved.conversation_id, &again.conversation_id]));
    }

    // Case 8 of practice.md: list, open by id, write, change, read.
    fn conversations_outside_of_ones_links_are_not_found(app: TestApp) {
        let elm = elm(&app);
        let other_member = app.staff_client(&elm.practice, "cy", Role::Member);
        let support = app.staff_client(&elm.practice, "sue", Role::Support);
        let other_practice_admin = app.staff_client(&app.practice("Oak Dental", Some("desk@oak.example")), "eve", Role::Admin);
        let team = app.team(&elm.practice, "Front", &[&elm.member]);
        let link = app.make_link(&elm.admin, json!({ "label": "Team", "owner": { "kind": "team", "id": team } }));
        let ours = app.sign_up_at(&phone(0), code(&link));
        let own = app.make_link(&elm.admin, json!({ "label": "Own", "owner": { "kind": "staff", "id": elm.member.staff_id }, "members": [other_member.staff_id] }));
        let shared = app.sign_up_at(&phone(1), code(&own));
        app.link("222222", &elm.practice.id);
        let common = app.sign_up_at(&phone(2), "222222");
        let set = |staff: &StaffClient| ids(&app, staff, "").into_iter().collect::<BTreeSet<_>>();
        let of = |patients: &[&SignedUp]| patients.iter().map(|patient| patient.conversation_id.clone()).collect::<BTreeSet<_>>();
        assert_eq!(set(&elm.admin), of(&[&ours, &shared, &common]));
        // The operator's support sets up links, and sees no patients.
        get(&app, &support, "").problem(403, "staff_forbidden");
        assert_eq!(set(&elm.member), of(&[&ours, &shared, &common]));
        assert_eq!(set(&other_member), of(&[&shared, &common]));
        assert_eq!((set(&other_practice_admin), ids(&app, &other_member, &format!("?link={}", link["id"].as_str().unwrap()))), (of(&[]), vec![]));

        let id = &ours.conversation_id;
        for outsider in [&other_member, &other_practice_admin] {
            get(&app, outsider, &format!("/{id}")).problem(404, "conversation_not_found");
            get(&app, outsider, &format!("/{id}/entries")).problem(404, "conversation_not_found");
            patch(&app, outsider, id, json!({ "unread": false })).problem(404, "conversation_not_found");
            write(&app, outsider, id, json!({ "body": "Hello", "acknowledge_unverified": true })).send().problem(404, "conversation_not_found");
            mark_read(&app, outsider, id, 1).problem(404, "conversation_not_found");
        }
        // The assignee sees it, but only while it is assigned.
        patch(&app, &elm.admin, id, json!({ "assignee_id": other_member.staff_id })).expect(200);
        assert_eq!(set(&other_member), of(&[&ours, &shared, &common]));
        patch(&app, &other_member, id, json!({ "assignee_id": null })).expect(200);
        get(&app, &other_member, &format!("/{id}")).problem(404, "conversation_not_found");
        for token in [None, Some(ours.access_token.as_str())] {
            let call = app.get(INBOX);
            token.map_or(call.clone(), |token| call.bearer(token)).send().problem(401, "unauthorized");
        }
    }

    fn members_of_the_forward_see_patients_of_the_retired_link(app: TestApp) {
        let elm = elm(&app);
        let to = app.make_link(&elm.admin, json!({ "label": "New", "owner": { "kind": "staff", "id": elm.admin.staff_id }, "members": [elm.member.staff_id] }));
        let old = app.make_link(&elm.admin, json!({ "label": "Old" }));
        let path = format!("/v1/practice/links/{}", old["id"].as_str().unwrap());
        as_staff(&elm.admin, app.patch(&path, json!({ "state": "retired", "forward_to": to["id"] }))).send().expect(200);
        let patient = app.sign_up_at(&phone(0), code(&old));
        let seen = items(&app, &elm.member, "");
        assert_eq!((&seen[0]["id"], &seen[0]["link"]["label"]), (&json!(patient.conversation_id), &json!("Old")));
    }

    fn first_message_to_unverified_needs_acknowledgement(app: TestApp) {
        let elm = elm(&app);
        app.link("222222", &elm.practice.id);
        let patient = app.sign_up_at(&phone(0), "222222");
        let id = &patient.conversation_id;
        let hello = json!({ "body": "Would Tuesday suit you?" });
        write(&app, &elm.member, id, hello.clone()).key("k1").send().problem(409, "identity_unverified");
        assert_eq!(app.count("SELECT count(*) FROM entries WHERE kind = 'message'"), 0);
        let meant = json!({ "body": "Would Tuesday suit you?", "acknowledge_unverified": true });
        let said = write(&app, &elm.member, id, meant.clone()).key("k2").send().expect(201);
        assert_eq!(said.at("/entry/staff"), json!({ "id": elm.member.staff_id, "name": "bo" }));
        assert_eq!(write(&app, &elm.member, id, meant).key("k2").send().expect(201).json(), said.json());
        // The acknowledgement is needed once per conversation, no matter who writes next.
        write(&app, &elm.admin, id, hello).send().expect(201);
        assert_eq!(app.count("SELECT count(*) FROM entries WHERE kind = 'message'"), 2);
        assert_eq!(app.count("SELECT count(*) FROM events WHERE kind = 'conversation.unverified_acknowledged'"), 1);
        let whole = get(&app, &elm.admin, &format!("/{id}")).expect(200);
        assert_eq!(whole.at("/conversation/acknowledged/by"), elm.member.staff_id);
        assert_eq!(whole.at("/conversation/last_entry/author"), "practice");
    }

    fn messages_go_both_ways_in_order(app: TestApp) {
        let elm = elm(&app);
        app.link("222222", &elm.practice.id);
        let patient = app.sign_up_at(&phone(0), "222222");
        let id = &patient.conversation_id;
        patient_writes(&app, &patient, "one");
        write(&app, &elm.member, id, json!({ "body": "two", "acknowledge_unverified": true })).send().expect(201);
        patient_writes(&app, &patient, "three");
        write(&app, &elm.admin, id, json!({ "body": "four" })).send().expect(201);
        let mine = app.get(&format!("/v1/me/conversations/{id}/entries")).bearer(&patient.access_token).send().expect(200);
        let theirs = get(&app, &elm.admin, &format!("/{id}/entries")).expect(200);
        let words = |page: &Reply| {
            let items = page.at("/items").as_array().cloned().unwrap();
            items.iter().skip(1).map(|item| format!("{} {}", item["author"].as_str().unwrap(), item["body"].as_str().unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(words(&mine), ["patient one", "practice two", "patient three", "practice four"]);
        assert_eq!(words(&mine), words(&theirs));
        assert!(!mine.text().contains(&elm.member.staff_id), "the patient sees only the practice");
        for wrong in ["", " \n", &"😀".repeat(4_001)] {
            write(&app, &elm.member, id, json!({ "body": wrong })).send().problem(422, "invalid_request");
        }
        app.delete(&format!("/v1/me/pairings/{}", patient.pairing_id)).bearer(&patient.access_token).send().expect(204);
        write(&app, &elm.member, id, json!({ "body": "five" })).send().problem(409, "conversation_closed");
    }

    fn patient_message_is_unread_until_marked_read(app: TestApp) {
        let elm = elm(&app);
        app.link("222222", &elm.practice.id);
        let patient = app.sign_up_at(&phone(0), "222222");
        let id = &patient.conversation_id;
        let unread = || items(&app, &elm.admin, "")[0]["unread"].clone();
        assert_eq!(unread(), true, "a new pairing is unread");
        assert_eq!(mark_read(&app, &elm.member, id, 1).expect(200).json(), json!({ "read_position": 1, "unread": false }));
        write(&app, &elm.member, id, json!({ "body": "Hello", "acknowledge_unverified": true })).send().expect(201);
        assert_eq!(unread(), false, "the practice's own message");
        patient_writes(&app, &patient, "one");
        patient_writes(&app, &patient, "two");
        assert_eq!(mark_read(&app, &elm.member, id, 3).expect(200).json(), json!({ "read_position": 3, "unread": true }));
        assert_eq!(mark_read(&app, &elm.member, id, 2_000_000_000).expect(200).json(), json!({ "read_position": 4, "unread": false }));
        assert_eq!(mark_read(&app, &elm.member, id, 1).expect(200).at("/read_position"), 4, "the mark never moves back");
        mark_read(&app, &elm.member, id, 0).problem(422, "invalid_request");
        patch(&app, &elm.member, id, json!({ "unread": true })).expect(200);
        assert_eq!(unread(), true);
        patch(&app, &elm.member, id, json!({ "unread": false })).expect(200);
        assert_eq!(unread(), false);
    }

    fn patient_has_separate_read_marks(app: TestApp) {
        let elm = elm(&app);
        app.link("222222", &elm.practice.id);
        let (patient, other) = (app.sign_up_at(&phone(0), "222222"), app.sign_up_at(&phone(1), "222222"));
        let id = &patient.conversation_id;
        let path = format!("/v1/me/conversations/{id}/read");
        let mark_read_as_patient = |patient: &SignedUp, position: i32| app.post(&path, json!({ "position": position })).bearer(&patient.access_token).send();
        assert_eq!(mark_read_as_patient(&patient, 9).expect(200).at("/read_position"), 1);
        assert_eq!(mark_read_as_patient(&patient, 1).expect(200).at("/read_position"), 1);
        mark_read_as_patient(&other, 1).problem(404, "conversation_not_found");
        mark_read_as_patient(&patient, 0).problem(422, "invalid_request");
        app.post(&path, json!({ "position": 1 })).send().problem(401, "unauthorized");
        let whole = get(&app, &elm.admin, &format!("/{id}")).expect(200);
        assert_eq!((whole.at("/conversation/patient_read_position"), whole.at("/conversation/read_position")), (json!(1), json!(0)));
        assert_eq!(whole.at("/conversation/unread"), true, "the patient's mark does not affect the practice's");
        mark_read(&app, &elm.member, id, 1).expect(200);
        let mine = app.get("/v1/me/pairings").bearer(&patient.access_token).send().expect(200);
        assert_eq!((mine.at("/items/0/conversation/read_position"), mine.at("/items/0/conversation/practice_read_position")), (json!(1), json!(1)));
    }

    fn conversation_changes_are_validated_and_audited(app: TestApp) {
        let elm = elm(&app);
        let other_practice_admin = app.staff_client(&app.practice("Oak Dental", Some("desk@oak.example")), "eve", Role::Admin);
        app.link("222222", &elm.practice.id);
        let patient = app.sign_up_at(&phone(0), "222222");
        let id = &patient.conversation_id;
        let changed = patch(&app, &elm.member, id, json!({ "assignee_id": elm.member.staff_id, "tags": ["recall", " card ", "Recall"] })).expect(200);
        assert_eq!((changed.at("/conversation/assignee/id"), changed.at("/conversation/tags")), (json!(elm.member.staff_id), json!(["card", "recall"])));
        assert_eq!(patch(&app, &elm.member, id, json!({})).expect(200).json(), changed.json());
        assert_eq!(patch(&app, &elm.member, id, json!({ "tags": ["card", "recall"] })).expect(200).json(), changed.json());
        assert_eq!(app.count("SELECT count(*) FROM events WHERE kind = 'conversation.changed'"), 1);
        let wrong = patch(&app, &elm.member, id, json!({ "assignee_id": other_practice_admin.staff_id })).problem(422, "invalid_request");
        assert_eq!(wrong.at("/errors/0/pointer"), "/assignee_id");
        patch(&app, &elm.member, id, json!({ "tags": ["x".repeat(41)] })).problem(422, "invalid_request");
        let cleared = patch(&app, &elm.member, id, json!({ "assignee_id": null, "tags": [] })).expect(200);
        assert_eq!((cleared.at("/conversation/assignee"), cleared.at("/conversation/tags")), (Value::Null, json!([])));
        assert_eq!(app.count("SELECT count(*) FROM events WHERE kind = 'conversation.changed'"), 2);
    }

    /// A patient sees the tags set by links, but none that staff added by hand.
    fn tags_added_by_staff_are_hidden_from_the_patient(app: TestApp) {
        let elm = elm(&app);
        let poster = app.make_link(&elm.admin, json!({ "label": "Poster", "tags": ["poster", "recall"] }));
        let card = app.make_link(&elm.admin, json!({ "label": "Card", "tags": ["card", "late payer"] }));
        let patient = app.sign_up_at(&phone(0), code(&poster));
        let id = &patient.conversation_id;
        let mine = || app.get("/v1/me/pairings").bearer(&patient.access_token).send().expect(200).at("/items/0/conversation/tags");
        patch(&app, &elm.member, id, json!({ "tags": ["poster", "late payer"] })).expect(200);
        assert_eq!(mine(), json!(["poster"]));
        let pair = json!({ "link_token": app.link_token(code(&card)) });
        let again = app.post("/v1/pairings", pair).bearer(&patient.access_token).send().expect(200);
        let both = json!(["card", "late payer", "poster"]);
        assert_eq!((again.at("/conversation/tags"), mine()), (both.clone(), both));
        let theirs = get(&app, &elm.admin, &format!("/{id}")).expect(200).at("/conversation/tags");
        assert_eq!(theirs, json!(["card", "late payer", "poster"]));
    }

    fn deleted_account_leaves_a_name_but_no_contact(app: TestApp) {
        let practice = app.practice("Elm Dental", Some("desk@elm.example"));
        let admin = app.staff_client(&practice, "ada", Role::Admin);
        app.link("222222", &practice.id);
        let patient = app.sign_up_at(&phone(0), "222222");
        app.delete("/v1/me").bearer(&patient.access_token).send().expect(204);
        let whole = get(&app, &admin, &format!("/{}", patient.conversation_id)).expect(200);
        assert_eq!(whole.at("/contact"), json!({ "phone": null, "email": null, "email_verified": false, "birth_date": null }));
        assert_eq!((whole.at("/conversation/status"), whole.at("/conversation/patient/given_name")), (json!("closed"), json!("Alex")));
    }

    fn preview_is_one_short_line(app: TestApp) {
        let elm = elm(&app);
        app.link("222222", &elm.practice.id);
        let patient = app.sign_up_at(&phone(0), "222222");
        patient_writes(&app, &patient, "  Hello,\n\nI am\tAlex. ");
        let preview = || items(&app, &elm.admin, "")[0]["last_entry"]["preview"].as_str().unwrap().to_owned();
        assert_eq!(preview(), "Hello, I am Alex.");
        patient_writes(&app, &patient, &"é".repeat(500));
        assert_eq!(preview().chars().count(), 120);
        assert!(preview().ends_with('…'));
        assert_ne!(DEMO, "222222");
    }
}
