//! Who is mailed about what: the list, its changes, the last recipient, and the way out at a mail's end.

use practice_links::domain::practices::Practice;
use practice_links::domain::staff::Role;
use serde_json::{Value, json};

use crate::harness::{Builder, Call, Desk, TestApp, as_desk, phone, together};

/// A practice with its own address, an admin, and link 222222 with a member on its list.
struct Elm {
    practice: Practice,
    admin: Desk,
    bo: Desk,
    link: String,
}

fn elm(app: &TestApp) -> Elm {
    let practice = app.practice("Elm Dental", Some("desk@elm.example"));
    let (admin, bo) = (app.desk(&practice, "ana", Role::Admin), app.desk(&practice, "bo", Role::Member));
    let link = app.link("222222", &practice.id).id;
    notify(app, &admin, &link, &[&bo]);
    Elm { practice, admin, bo, link }
}

fn notify(app: &TestApp, admin: &Desk, link: &str, who: &[&Desk]) {
    let ids: Vec<&String> = who.iter().map(|desk| &desk.staff_id).collect();
    let path = format!("/v1/practice/links/{link}");
    as_desk(admin, app.patch(&path, json!({ "notify": ids }))).send().expect(200);
}

fn list(app: &TestApp, desk: &Desk) -> Vec<Value> {
    let reply = as_desk(desk, app.get("/v1/practice/notifications")).send().expect(200);
    reply.at("/items").as_array().unwrap().clone()
}

fn patch(app: &TestApp, desk: &Desk, body: Value) -> Call {
    as_desk(desk, app.patch("/v1/practice/notifications", body))
}

fn address(practice: &Practice, name: &str) -> String {
    format!("{name}@{}.example", practice.id.replace('_', "-"))
}

/// The path of the one-click unsubscription in the last mail to somebody.
fn way_out(app: &TestApp, to: &str) -> String {
    let url = app.carrier.sent_to(to).pop().unwrap().unsubscribe.unwrap();
    url.strip_prefix("http://links.example.test").unwrap().to_owned()
}

fn frequencies(app: &TestApp, desk: &Desk) -> Vec<String> {
    list(app, desk).iter().map(|item| item["frequency"].as_str().unwrap().to_owned()).collect()
}

both! {
    /// The operator's support meets no patients: nobody puts them on a link, to be told of any or to answer them.
    fn support_is_put_on_no_link(app: TestApp) {
        let elm = elm(&app);
        let sue = app.desk(&elm.practice, "sue", Role::Support);
        let change = |body: Value| as_desk(&elm.admin, app.patch(&format!("/v1/practice/links/{}", elm.link), body)).send();
        for field in ["notify", "members"] {
            let refused = change(json!({ field: [sue.staff_id] })).problem(422, "invalid_request");
            assert_eq!(refused.at("/errors/0/pointer"), format!("/{field}"));
        }
        change(json!({ "assignee_id": sue.staff_id })).problem(422, "invalid_request");
        let form = as_desk(&elm.admin, app.get("/v1/practice/staff")).send().expect(200);
        assert!(form.text().contains(&sue.staff_id), "they are still among the colleagues");
    }

    fn the_list_names_people_and_links_and_the_practice_where_nobody_is_listed(app: TestApp) {
        let elm = elm(&app);
        let bare = app.link("333333", &elm.practice.id);
        let items = list(&app, &elm.admin);
        assert_eq!(items.len(), 2);
        assert_eq!(items[0]["person"], json!({
            "kind": "staff", "id": elm.bo.staff_id, "name": "bo", "email": address(&elm.practice, "bo"),
        }));
        assert_eq!(items[0]["link"], json!({ "id": elm.link, "label": "Flyer" }));
        assert_eq!((&items[0]["frequency"], &items[0]["paused"]), (&json!("immediate"), &Value::Null));
        assert_eq!(items[1]["person"]["kind"], "practice");
        assert_eq!((&items[1]["person"]["email"], &items[1]["link"]["id"]), (&json!("desk@elm.example"), &json!(bare.id)));
        // Page by page, the same.
        let first = as_desk(&elm.admin, app.get("/v1/practice/notifications?limit=1")).send().expect(200);
        let next = format!("/v1/practice/notifications?limit=1&cursor={}", first.str("/next_cursor"));
        let second = as_desk(&elm.admin, app.get(&next)).send().expect(200);
        assert_eq!((first.at("/items/0"), second.at("/items/0")), (items[0].clone(), items[1].clone()));
        assert_eq!(second.at("/next_cursor"), Value::Null);
    }

    fn a_member_sees_and_changes_themselves_alone(app: TestApp) {
        let elm = elm(&app);
        app.link("333333", &elm.practice.id);
        let items = list(&app, &elm.bo);
        assert_eq!((items.len(), &items[0]["person"]["id"]), (1, &json!(elm.bo.staff_id)));
        let mine = json!({ "person": elm.bo.staff_id, "link_id": elm.link, "frequency": "hourly" });
        let reply = patch(&app, &elm.bo, mine).send().expect(200);
        assert_eq!(reply.at("/items/0/frequency"), "hourly");
        let others = json!({ "person": elm.practice.id, "frequency": "off" });
        patch(&app, &elm.bo, others).send().problem(403, "staff_forbidden");
        let resume = json!({ "person": elm.bo.staff_id, "resume": true });
        patch(&app, &elm.bo, resume).send().problem(403, "staff_forbidden");
        assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE action = 'notifications.changed'"), 1);
    }

    fn another_practices_people_do_not_exist(app: TestApp) {
        let elm = elm(&app);
        let other = app.practice("Oak Dental", Some("desk@oak.example"));
        let stranger = app.desk(&other, "eve", Role::Admin);
        assert!(list(&app, &stranger).is_empty());
        let body = json!({ "person": elm.bo.staff_id, "frequency": "off" });
        assert_eq!(patch(&app, &stranger, body).send().problem(422, "invalid_request").at("/errors/0/code"), "not_listed");
        app.get("/v1/practice/notifications").send().problem(401, "unauthorized");
        for body in [json!({ "person": elm.bo.staff_id }), json!({ "person": elm.bo.staff_id, "frequency": "weekly" })] {
            patch(&app, &elm.admin, body).send().problem(422, "invalid_request");
        }
    }

    fn the_last_recipient_cannot_turn_everything_off(app: TestApp) {
        let elm = elm(&app);
        let off = |person: &str| json!({ "person": person, "frequency": "off" });
        patch(&app, &elm.admin, off(&elm.bo.staff_id)).send().problem(409, "last_recipient");
        assert_eq!(frequencies(&app, &elm.admin), ["immediate"]);
        notify(&app, &elm.admin, &elm.link, &[&elm.bo, &elm.admin]);
        patch(&app, &elm.admin, off(&elm.bo.staff_id)).send().expect(200);
        patch(&app, &elm.admin, off(&elm.admin.staff_id)).send().problem(409, "last_recipient");
        // Less is not nothing.
        patch(&app, &elm.admin, json!({ "person": elm.admin.staff_id, "frequency": "daily" })).send().expect(200);
        // Another link that somebody hears of is enough for the practice.
        app.link("333333", &elm.practice.id);
        patch(&app, &elm.admin, off(&elm.admin.staff_id)).send().expect(200);
        patch(&app, &elm.admin, off(&elm.practice.id)).send().problem(409, "last_recipient");
    }

    fn one_click_stops_the_mails_of_one_link_and_the_page_says_so(app: TestApp) {
        let elm = elm(&app);
        let other = app.link("333333", &elm.practice.id).id;
        notify(&app, &elm.admin, &other, &[&elm.bo]);
        let to = address(&elm.practice, "bo");
        app.sign_up_at(&phone(0), "222222");
        let path = way_out(&app, &to);
        assert!(!path.contains("bo@"), "{path}");
        let page = app.get(&path).send().expect(200).text();
        assert!(page.contains("Stop these e-mails?") && page.contains("<form method=\"post\">"), "{page}");
        assert!(page.contains("Elm Dental"), "{page}");
        assert_eq!(frequencies(&app, &elm.bo), ["immediate", "immediate"], "to look changes nothing");
        for _ in 0..2 {
            let page = app.form(&path, &[("List-Unsubscribe", "One-Click")]).send().expect(200).text();
            assert!(page.contains("You will no longer get these e-mails"), "{page}");
        }
        assert_eq!(frequencies(&app, &elm.bo), ["off", "immediate"]);
        assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE action = 'notifications.changed'"), 1);
        app.carrier.clear();
        app.sign_up_at(&phone(1), "222222");
        assert!(app.carrier.sent_to(&to).is_empty());
        app.sign_up_at(&phone(2), "333333");
        assert_eq!(app.carrier.sent_to(&to).len(), 1);
        let page = app.get(&path).language("es").send().expect(200).text();
        assert!(page.contains("Ya no recibirá estos correos"), "{page}");
    }

    // A click that a phone's mail program sends has no form's type, and none is asked for.
    fn the_last_recipient_is_lowered_to_a_mail_a_day(app: TestApp) {
        let elm = elm(&app);
        app.sign_up_at(&phone(0), "222222");
        let path = way_out(&app, &address(&elm.practice, "bo"));
        for _ in 0..2 {
            let page = app.call("POST", &path).send().expect(200).text();
            assert!(page.contains("You now get one e-mail a day"), "{page}");
            assert_eq!(frequencies(&app, &elm.admin), ["daily"]);
        }
    }

    fn a_forged_way_out_leads_nowhere(app: TestApp) {
        let elm = elm(&app);
        app.sign_up_at(&phone(0), "222222");
        let path = way_out(&app, &address(&elm.practice, "bo"));
        let (who, mac) = path.strip_prefix("/unsubscribe/").unwrap().split_once('.').unwrap();
        for token in [format!("{who}.{}", mac.replace(|c: char| c.is_ascii_lowercase(), "A")), format!("{who}."), who.to_owned(), format!("AAAA.{mac}"), "123456".into(), "%00.%ff".into()] {
            for method in ["GET", "POST"] {
                let page = app.call(method, &format!("/unsubscribe/{token}")).send().expect(404);
                assert!(page.media_type() == "text/html" || token == "123456", "{}", page.text());
            }
        }
        assert_eq!(frequencies(&app, &elm.admin), ["immediate"]);
    }

    fn what_was_queued_before_the_click_is_not_sent_after_it(app: TestApp) {
        let elm = elm(&app);
        app.link("333333", &elm.practice.id);
        app.sign_up_at(&phone(0), "222222");
        let path = way_out(&app, &address(&elm.practice, "bo"));
        let proof = app.verify(&phone(1));
        let body = crate::harness::sign_up_body(&proof, &app.link_token("222222"));
        app.post("/v1/accounts", body).send().expect(201);
        app.call("POST", &path).send().expect(200);
        app.carrier.clear();
        app.deliver_all();
        assert!(app.carrier.sent().is_empty());
        assert_eq!(app.outbox("dropped"), 1);
    }
}

postgres! {
    fn of_all_that_turn_off_at_once_one_stays(on: Builder) {
        let app = on.pool(40).start();
        let elm = elm(&app);
        let staff: Vec<Desk> = (0..16).map(|n| app.desk(&elm.practice, &format!("s{n}"), Role::Member)).collect();
        notify(&app, &elm.admin, &elm.link, &staff.iter().collect::<Vec<_>>());
        // Nobody is told to come back: a mail program's one click is not repeated.
        let statuses = together(16, |n| {
            let body = json!({ "person": staff[n].staff_id, "frequency": "off" });
            patch(&app, &staff[n], body).send().status
        });
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 15, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 1, "{statuses:?}");
        assert_eq!(frequencies(&app, &elm.admin).iter().filter(|word| *word == "immediate").count(), 1);
    }
}
