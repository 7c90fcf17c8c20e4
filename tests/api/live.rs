//! Server-sent events: who is told of what, across instances, after a break, and until when.

use practice_links::domain::staff::Role;
use serde_json::{Value, json};

use crate::harness::{Builder, Desk, Event, SignedUp, Stream, TestApp, as_desk, phone};

const PRACTICE: &str = "/v1/practice/events";
const MINE: &str = "/v1/me/events";

struct Elm {
    admin: Desk,
    bo: Desk,
}

fn elm(app: &TestApp) -> Elm {
    let practice = app.practice("Elm Dental", Some("desk@elm.example"));
    app.link("222222", &practice.id);
    let admin = app.desk(&practice, "ada", Role::Admin);
    let bo = app.desk(&practice, "bo", Role::Member);
    Elm { admin, bo }
}

fn say(app: &TestApp, who: &SignedUp, text: &str) {
    let path = format!("/v1/me/conversations/{}/entries", who.conversation_id);
    app.post(&path, json!({ "body": text })).bearer(&who.access_token).send().expect(201);
}

fn answer(app: &TestApp, desk: &Desk, who: &SignedUp, text: &str) {
    let path = format!("/v1/practice/conversations/{}/entries", who.conversation_id);
    let body = json!({ "body": text, "acknowledge_unverified": true });
    as_desk(desk, app.post(&path, body)).send().expect(201);
}

fn patch(app: &TestApp, desk: &Desk, who: &SignedUp, body: Value) {
    let path = format!("/v1/practice/conversations/{}", who.conversation_id);
    as_desk(desk, app.patch(&path, body)).send().expect(200);
}

both! {
    fn both_sides_are_told_at_once_and_of_ids_alone(app: TestApp) {
        let elm = elm(&app);
        let mut desk = Stream::open(&app, PRACTICE, &elm.admin.token, None);
        let who = app.sign_up_at(&phone(0), "222222");
        let id = who.conversation_id.as_str();
        let created = desk.expect("conversation.created", id);
        assert_eq!(created.data, json!({ "conversation_id": id, "pairing_id": who.pairing_id }));
        let mut mine = Stream::open(&app, MINE, &who.access_token, None);
        say(&app, &who, "my secret words");
        let said = desk.expect("entry.created", id);
        assert_eq!((&said.data["position"], &said.data["author"]), (&json!(2), &json!("patient")));
        assert_eq!(said.data.as_object().unwrap().len(), 4, "no words: {said:?}");
        assert_eq!(mine.expect("entry.created", id), said);
        answer(&app, &elm.bo, &who, "an answer");
        assert_eq!(desk.expect("entry.created", id), mine.expect("entry.created", id));
        let read = json!({ "position": 3 });
        app.post(&format!("/v1/me/conversations/{id}/read"), read.clone()).bearer(&who.access_token).send().expect(200);
        assert_eq!(desk.expect("read", id).data, json!({ "conversation_id": id, "by": "patient", "position": 3 }));
        mine.expect("read", id);
        as_desk(&elm.bo, app.post(&format!("/v1/practice/conversations/{id}/read"), read)).send().expect(200);
        desk.expect("read", id);
        assert_eq!(mine.expect("read", id).data["by"], "practice");
        // Who answers is no matter of the patient's.
        patch(&app, &elm.admin, &who, json!({ "assignee_id": elm.bo.staff_id }));
        desk.expect("conversation.changed", id);
        say(&app, &who, "more");
        mine.expect("entry.created", id);
    }

    fn a_broken_stream_goes_on_where_it_was(app: TestApp) {
        let elm = elm(&app);
        let mut desk = Stream::open(&app, PRACTICE, &elm.admin.token, None);
        let who = app.sign_up_at(&phone(0), "222222");
        let id = who.conversation_id.as_str();
        let last = desk.expect("conversation.created", id).id;
        drop(desk);
        for text in ["one", "two", "three"] {
            say(&app, &who, text);
        }
        let mut desk = Stream::open(&app, PRACTICE, &elm.admin.token, Some(&last));
        let missed: Vec<Event> = (0..3).map(|_| desk.expect("entry.created", id)).collect();
        assert_eq!(missed.iter().map(|event| event.data["position"].clone()).collect::<Vec<_>>(), positions(&[2, 3, 4]));
        let mut again = Stream::open(&app, PRACTICE, &elm.admin.token, Some(&missed[1].id));
        assert_eq!(again.next().unwrap(), missed[2], "no more than was missed");
        // An id that nobody knows any more was seen more than a day ago: all that is kept.
        let mut old = Stream::open(&app, PRACTICE, &elm.admin.token, Some("evt_00000000000000000000000000000000"));
        assert_eq!(old.next().unwrap().id, last);
        let mut new = Stream::open(&app, PRACTICE, &elm.admin.token, Some("nonsense"));
        say(&app, &who, "four");
        assert_eq!(new.expect("entry.created", id).data["position"], 5);
    }

    // Case 8 of practice.md, for events.
    fn a_stream_tells_what_its_reader_sees_today(app: TestApp) {
        let elm = elm(&app);
        let other = app.practice("Oak Dental", Some("desk@oak.example"));
        app.link("333333", &other.id);
        let own = json!({ "label": "Own", "owner": { "kind": "staff", "id": elm.admin.staff_id } });
        let own = app.make_link(&elm.admin, own);
        let mut bo = Stream::open(&app, PRACTICE, &elm.bo.token, None);
        let hidden = app.sign_up_at(&phone(0), own["code"].as_str().unwrap());
        let elsewhere = app.sign_up_at(&phone(1), "333333");
        let seen = app.sign_up_at(&phone(2), "222222");
        bo.expect("conversation.created", &seen.conversation_id);
        say(&app, &hidden, "not for bo");
        patch(&app, &elm.admin, &hidden, json!({ "assignee_id": elm.bo.staff_id }));
        // Assigned to bo by the time of the delivery, so both may be told.
        let mut events = vec![bo.next().unwrap()];
        if events[0].kind == "entry.created" {
            events.push(bo.next().unwrap());
        }
        assert_eq!(events.last().unwrap().kind, "conversation.changed");
        say(&app, &elsewhere, "not for bo either");
        say(&app, &hidden, "for bo");
        bo.expect("entry.created", &hidden.conversation_id);
    }

    fn a_new_device_is_told_of_what_it_makes_itself(app: TestApp) {
        let elm = elm(&app);
        let who = app.sign_up_at(&phone(0), "222222");
        let restricted = app.sign_in(&phone(0)).str("/session/access_token");
        let mut mine = Stream::open(&app, MINE, &restricted, None);
        answer(&app, &elm.bo, &who, "for the first device");
        let patient = json!({ "given_name": "Sam", "family_name": "Rivera" });
        let patient = app.post("/v1/me/patients", patient).bearer(&restricted).send().expect(201).str("/patient/id");
        let body = json!({ "link_token": app.link_token("222222"), "patient_id": patient });
        let made = app.post("/v1/pairings", body).bearer(&restricted).send().expect(201).str("/conversation/id");
        mine.expect("conversation.created", &made);
        app.deliver_all();
    }

    fn a_stream_ends_with_its_token(app: TestApp) {
        let elm = elm(&app);
        let who = app.sign_up_at(&phone(0), "222222");
        let mut mine = Stream::open(&app, MINE, &who.access_token, None);
        say(&app, &who, "still here");
        mine.expect("entry.created", &who.conversation_id);
        app.delete("/v1/sessions/current").bearer(&who.access_token).send().expect(204);
        answer(&app, &elm.bo, &who, "to nobody");
        assert!(!mine.end().contains("data:"));
        let desk = Stream::open(&app, PRACTICE, &elm.admin.token, None);
        app.advance(31 * 24 * 3600);
        app.sign_up_at(&phone(1), "222222");
        assert!(!desk.end().contains("data:"));
    }

    fn a_stream_wants_a_token_of_its_own_side(app: TestApp) {
        let elm = elm(&app);
        let who = app.sign_up_at(&phone(0), "222222");
        for (path, token) in [(PRACTICE, &who.access_token), (MINE, &elm.admin.token)] {
            app.get(path).send().problem(401, "unauthorized");
            app.get(path).bearer(token).send().problem(401, "unauthorized");
        }
        let head = app.call("HEAD", PRACTICE).bearer(&elm.admin.token).send().expect(200);
        assert_eq!(head.media_type(), "text/event-stream");
    }

    fn of_one_persons_streams_the_eleventh_ends_the_first(app: TestApp) {
        let elm = elm(&app);
        let mut open: Vec<Stream> = (0..11).map(|_| Stream::open(&app, PRACTICE, &elm.admin.token, None)).collect();
        assert!(!open.remove(0).end().contains("data:"));
        open.push(Stream::open(&app, PRACTICE, &elm.bo.token, None));
        assert_eq!(app.inner.live.open(), 11);
        let who = app.sign_up_at(&phone(0), "222222");
        for stream in &mut open {
            stream.expect("conversation.created", &who.conversation_id);
        }
    }

    fn a_shutdown_ends_streams_and_does_not_wait_for_them(app: TestApp) {
        let elm = elm(&app);
        let desk = Stream::open(&app, PRACTICE, &elm.admin.token, None);
        app.shut_down();
        assert!(!desk.end().contains("data:"));
        assert_eq!(app.inner.live.open(), 0);
    }

    fn events_are_forgotten_after_a_day(app: TestApp) {
        let elm = elm(&app);
        let mut desk = Stream::open(&app, PRACTICE, &elm.admin.token, None);
        let who = app.sign_up_at(&phone(0), "222222");
        let last = desk.expect("conversation.created", &who.conversation_id).id;
        app.advance(24 * 3600 + 1);
        practice_links::domain::retention::sweep(&app.inner).unwrap();
        assert_eq!(app.count("SELECT count(*) FROM live_events"), 0);
        let other = app.sign_up_at(&phone(1), "222222");
        desk.expect("conversation.created", &other.conversation_id);
        let mut again = Stream::open(&app, PRACTICE, &elm.admin.token, Some(&last));
        again.expect("conversation.created", &other.conversation_id);
    }
}

fn positions(of: &[i32]) -> Vec<Value> {
    of.iter().map(|position| json!(position)).collect()
}

postgres! {
    fn what_one_instance_commits_the_other_tells(app: TestApp) {
        let elm = elm(&app);
        let beside = app.beside();
        let mut desk = Stream::open(&beside, PRACTICE, &elm.admin.token, None);
        let who = app.sign_up_at(&phone(0), "222222");
        desk.expect("conversation.created", &who.conversation_id);
        let mut mine = Stream::open(&app, MINE, &who.access_token, None);
        answer(&beside, &elm.bo, &who, "from beside");
        let event = mine.expect("entry.created", &who.conversation_id);
        assert_eq!(desk.expect("entry.created", &who.conversation_id), event);
        // A stream that breaks here goes on there.
        say(&app, &who, "one more");
        let missed = desk.expect("entry.created", &who.conversation_id);
        let mut there = Stream::open(&app, PRACTICE, &elm.admin.token, Some(&event.id));
        assert_eq!(there.next().unwrap(), missed);
    }

    // Writers of two instances commit in any order; a reader that comes back after each event misses none.
    fn nothing_is_lost_or_told_twice_among_many_writers(on: Builder) {
        let app = on.pool(40).start();
        let elm = elm(&app);
        let beside = app.beside();
        let who: Vec<SignedUp> = (0..8).map(|n| app.sign_up_at(&phone(n), "222222")).collect();
        let mut desk = Stream::open(&app, PRACTICE, &elm.admin.token, None);
        say(&app, &who[0], "begin");
        let mut last = desk.expect("entry.created", &who[0].conversation_id).id;
        drop(desk);
        std::thread::scope(|scope| {
            for (n, who) in who.iter().enumerate() {
                let at = if n % 2 == 0 { &app } else { &beside };
                scope.spawn(move || (0..6).for_each(|turn| say(at, who, &format!("turn {turn}"))));
            }
            let mut told = Vec::new();
            for n in 0..48 {
                let at = if n % 2 == 0 { &beside } else { &app };
                let event = Stream::open(at, PRACTICE, &elm.admin.token, Some(&last)).next().unwrap();
                last.clone_from(&event.id);
                told.push(event.data["entry_id"].as_str().unwrap().to_owned());
            }
            told.sort_unstable();
            told.dedup();
            assert_eq!(told.len(), 48);
        });
    }
}
