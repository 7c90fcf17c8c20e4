//! The event streams (SSE): who gets which events, across instances, after a reconnect, and until when.

use practice_links::domain::staff::Role;
use serde_json::{Value, json};

use crate::harness::{Builder, Event, SignedUp, StaffClient, Stream, TestApp, as_staff, phone};

const PRACTICE: &str = "/v1/practice/events";
const MINE: &str = "/v1/me/events";

struct Elm {
    admin: StaffClient,
    member: StaffClient,
}

fn elm(app: &TestApp) -> Elm {
    let practice = app.practice("Elm Dental", Some("desk@elm.example"));
    app.link("222222", &practice.id);
    let admin = app.staff_client(&practice, "ada", Role::Admin);
    let member = app.staff_client(&practice, "bo", Role::Member);
    Elm { admin, member }
}

fn say(app: &TestApp, patient: &SignedUp, text: &str) {
    let path = format!("/v1/me/conversations/{}/entries", patient.conversation_id);
    app.post(&path, json!({ "body": text })).bearer(&patient.access_token).send().expect(201);
}

fn answer(app: &TestApp, staff: &StaffClient, patient: &SignedUp, text: &str) {
    let path = format!("/v1/practice/conversations/{}/entries", patient.conversation_id);
    let body = json!({ "body": text, "acknowledge_unverified": true });
    as_staff(staff, app.post(&path, body)).send().expect(201);
}

fn patch(app: &TestApp, staff: &StaffClient, patient: &SignedUp, body: Value) {
    let path = format!("/v1/practice/conversations/{}", patient.conversation_id);
    as_staff(staff, app.patch(&path, body)).send().expect(200);
}

both! {
    fn both_sides_get_events_that_carry_only_ids(app: TestApp) {
        let elm = elm(&app);
        let mut staff_stream = Stream::open(&app, PRACTICE, &elm.admin.token, None);
        let patient = app.sign_up_at(&phone(0), "222222");
        let id = patient.conversation_id.as_str();
        let created = staff_stream.expect("conversation.created", id);
        assert_eq!(created.data, json!({ "conversation_id": id, "pairing_id": patient.pairing_id }));
        let mut patient_stream = Stream::open(&app, MINE, &patient.access_token, None);
        say(&app, &patient, "my secret words");
        let said = staff_stream.expect("entry.created", id);
        assert_eq!((&said.data["position"], &said.data["author"]), (&json!(2), &json!("patient")));
        assert_eq!(said.data.as_object().unwrap().len(), 4, "the event contains no text: {said:?}");
        assert_eq!(patient_stream.expect("entry.created", id), said);
        answer(&app, &elm.member, &patient, "an answer");
        assert_eq!(staff_stream.expect("entry.created", id), patient_stream.expect("entry.created", id));
        let read = json!({ "position": 3 });
        app.post(&format!("/v1/me/conversations/{id}/read"), read.clone()).bearer(&patient.access_token).send().expect(200);
        assert_eq!(staff_stream.expect("read", id).data, json!({ "conversation_id": id, "by": "patient", "position": 3 }));
        patient_stream.expect("read", id);
        as_staff(&elm.member, app.post(&format!("/v1/practice/conversations/{id}/read"), read)).send().expect(200);
        staff_stream.expect("read", id);
        assert_eq!(patient_stream.expect("read", id).data["by"], "practice");
        // Patients get no event about the assignee.
        patch(&app, &elm.admin, &patient, json!({ "assignee_id": elm.member.staff_id }));
        staff_stream.expect("conversation.changed", id);
        say(&app, &patient, "more");
        patient_stream.expect("entry.created", id);
    }

    fn reconnected_stream_resumes_after_the_last_event_id(app: TestApp) {
        let elm = elm(&app);
        let mut staff_stream = Stream::open(&app, PRACTICE, &elm.admin.token, None);
        let patient = app.sign_up_at(&phone(0), "222222");
        let id = patient.conversation_id.as_str();
        let last = staff_stream.expect("conversation.created", id).id;
        drop(staff_stream);
        for text in ["one", "two", "three"] {
            say(&app, &patient, text);
        }
        let mut staff_stream = Stream::open(&app, PRACTICE, &elm.admin.token, Some(&last));
        let missed: Vec<Event> = (0..3).map(|_| staff_stream.expect("entry.created", id)).collect();
        assert_eq!(missed.iter().map(|event| event.data["position"].clone()).collect::<Vec<_>>(), positions(&[2, 3, 4]));
        let mut again = Stream::open(&app, PRACTICE, &elm.admin.token, Some(&missed[1].id));
        assert_eq!(again.next().unwrap(), missed[2], "only missed events are repeated");
        // An id of an earlier release was seen before the update, so everything of the last day is sent.
        let mut old = Stream::open(&app, PRACTICE, &elm.admin.token, Some("evt_00000000000000000000000000000000"));
        assert_eq!(old.next().unwrap().id, last);
        let mut new = Stream::open(&app, PRACTICE, &elm.admin.token, Some("nonsense"));
        say(&app, &patient, "four");
        assert_eq!(new.expect("entry.created", id).data["position"], 5);
    }

    // Case 8 of practice.md, for events.
    fn stream_follows_the_readers_current_access_scope(app: TestApp) {
        let elm = elm(&app);
        let other = app.practice("Oak Dental", Some("desk@oak.example"));
        app.link("333333", &other.id);
        let own = json!({ "label": "Own", "owner": { "kind": "staff", "id": elm.admin.staff_id } });
        let own = app.make_link(&elm.admin, own);
        let mut member_stream = Stream::open(&app, PRACTICE, &elm.member.token, None);
        let hidden = app.sign_up_at(&phone(0), own["code"].as_str().unwrap());
        let elsewhere = app.sign_up_at(&phone(1), "333333");
        let seen = app.sign_up_at(&phone(2), "222222");
        member_stream.expect("conversation.created", &seen.conversation_id);
        say(&app, &hidden, "not for the member");
        patch(&app, &elm.admin, &hidden, json!({ "assignee_id": elm.member.staff_id }));
        // Access is checked on delivery: by then the member is assigned, so both events may arrive.
        let mut events = vec![member_stream.next().unwrap()];
        if events[0].kind == "entry.created" {
            events.push(member_stream.next().unwrap());
        }
        assert_eq!(events.last().unwrap().kind, "conversation.changed");
        say(&app, &elsewhere, "not for the member either");
        say(&app, &hidden, "for the member");
        member_stream.expect("entry.created", &hidden.conversation_id);
    }

    fn new_device_gets_events_of_its_own_conversations(app: TestApp) {
        let elm = elm(&app);
        let patient = app.sign_up_at(&phone(0), "222222");
        let restricted = app.sign_in(&phone(0)).str("/session/access_token");
        let mut patient_stream = Stream::open(&app, MINE, &restricted, None);
        answer(&app, &elm.member, &patient, "for the first device");
        let person = json!({ "given_name": "Sam", "family_name": "Rivera" });
        let person = app.post("/v1/me/patients", person).bearer(&restricted).send().expect(201).str("/patient/id");
        let body = json!({ "link_token": app.link_token("222222"), "patient_id": person });
        let made = app.post("/v1/pairings", body).bearer(&restricted).send().expect(201).str("/conversation/id");
        patient_stream.expect("conversation.created", &made);
        app.deliver_all();
    }

    fn stream_ends_with_its_token(app: TestApp) {
        let elm = elm(&app);
        let patient = app.sign_up_at(&phone(0), "222222");
        let mut patient_stream = Stream::open(&app, MINE, &patient.access_token, None);
        say(&app, &patient, "still here");
        patient_stream.expect("entry.created", &patient.conversation_id);
        app.delete("/v1/sessions/current").bearer(&patient.access_token).send().expect(204);
        answer(&app, &elm.member, &patient, "to nobody");
        assert!(!patient_stream.end().contains("data:"));
        let staff_stream = Stream::open(&app, PRACTICE, &elm.admin.token, None);
        app.advance(31 * 24 * 3600);
        app.sign_up_at(&phone(1), "222222");
        assert!(!staff_stream.end().contains("data:"));
    }

    fn stream_rejects_a_token_of_the_other_side(app: TestApp) {
        let elm = elm(&app);
        let patient = app.sign_up_at(&phone(0), "222222");
        for (path, token) in [(PRACTICE, &patient.access_token), (MINE, &elm.admin.token)] {
            app.get(path).send().problem(401, "unauthorized");
            app.get(path).bearer(token).send().problem(401, "unauthorized");
        }
        let head = app.call("HEAD", PRACTICE).bearer(&elm.admin.token).send().expect(200);
        assert_eq!(head.media_type(), "text/event-stream");
    }

    fn eleventh_stream_of_a_person_closes_the_first(app: TestApp) {
        let elm = elm(&app);
        let mut open: Vec<Stream> = (0..11).map(|_| Stream::open(&app, PRACTICE, &elm.admin.token, None)).collect();
        assert!(!open.remove(0).end().contains("data:"));
        open.push(Stream::open(&app, PRACTICE, &elm.member.token, None));
        assert_eq!(app.state.event_hub.open(), 11);
        let patient = app.sign_up_at(&phone(0), "222222");
        for stream in &mut open {
            stream.expect("conversation.created", &patient.conversation_id);
        }
    }

    fn shutdown_closes_streams_without_waiting(app: TestApp) {
        let elm = elm(&app);
        let staff_stream = Stream::open(&app, PRACTICE, &elm.admin.token, None);
        app.shut_down();
        assert!(!staff_stream.end().contains("data:"));
        assert_eq!(app.state.event_hub.open(), 0);
    }

    fn stream_resumes_for_a_day(app: TestApp) {
        let elm = elm(&app);
        let mut staff_stream = Stream::open(&app, PRACTICE, &elm.admin.token, None);
        let patient = app.sign_up_at(&phone(0), "222222");
        let last = staff_stream.expect("conversation.created", &patient.conversation_id).id;
        app.advance(24 * 3600 + 1);
        let other = app.sign_up_at(&phone(1), "222222");
        staff_stream.expect("conversation.created", &other.conversation_id);
        // Another event of the first conversation is too old to be repeated; everything of the last day is sent.
        let mut again = Stream::open(&app, PRACTICE, &elm.admin.token, Some(&last));
        again.expect("conversation.created", &other.conversation_id);
        let mut older = Stream::open(&app, PRACTICE, &elm.admin.token, Some("1"));
        assert_eq!(older.next().unwrap().data["conversation_id"], json!(other.conversation_id));
    }
}

fn positions(of: &[i32]) -> Vec<Value> {
    of.iter().map(|position| json!(position)).collect()
}

postgres! {
    fn event_reaches_streams_of_other_instances(app: TestApp) {
        let elm = elm(&app);
        let other_instance = app.second_instance();
        let mut staff_stream = Stream::open(&other_instance, PRACTICE, &elm.admin.token, None);
        let patient = app.sign_up_at(&phone(0), "222222");
        staff_stream.expect("conversation.created", &patient.conversation_id);
        let mut patient_stream = Stream::open(&app, MINE, &patient.access_token, None);
        answer(&other_instance, &elm.member, &patient, "from beside");
        let event = patient_stream.expect("entry.created", &patient.conversation_id);
        assert_eq!(staff_stream.expect("entry.created", &patient.conversation_id), event);
        // A stream that breaks on one instance resumes on the other.
        say(&app, &patient, "one more");
        let missed = staff_stream.expect("entry.created", &patient.conversation_id);
        let mut resumed = Stream::open(&app, PRACTICE, &elm.admin.token, Some(&event.id));
        assert_eq!(resumed.next().unwrap(), missed);
    }

    // Writers of two instances commit in any order; a reader that reconnects after each event misses none.
    fn concurrent_writers_lose_or_repeat_no_event(on: Builder) {
        let app = on.pool(40).start();
        let elm = elm(&app);
        let other_instance = app.second_instance();
        let patients: Vec<SignedUp> = (0..8).map(|n| app.sign_up_at(&phone(n), "222222")).collect();
        let mut staff_stream = Stream::open(&app, PRACTICE, &elm.admin.token, None);
        say(&app, &patients[0], "begin");
        let mut last = staff_stream.expect("entry.created", &patients[0].conversation_id).id;
        drop(staff_stream);
        std::thread::scope(|scope| {
            for (n, patient) in patients.iter().enumerate() {
                let instance = if n % 2 == 0 { &app } else { &other_instance };
                scope.spawn(move || (0..6).for_each(|turn| say(instance, patient, &format!("turn {turn}"))));
            }
            let mut received = Vec::new();
            for n in 0..48 {
                let instance = if n % 2 == 0 { &other_instance } else { &app };
                let event = Stream::open(instance, PRACTICE, &elm.admin.token, Some(&last)).next().unwrap();
                last.clone_from(&event.id);
                received.push(event.data["entry_id"].as_str().unwrap().to_owned());
            }
            received.sort_unstable();
            received.dedup();
            assert_eq!(received.len(), 48);
        });
    }
}
