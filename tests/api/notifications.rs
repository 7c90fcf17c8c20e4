//! Notification settings: the list, its changes, the last recipient, and the unsubscribe link in each mail.

use practice_links::domain::practices::Practice;
use practice_links::domain::staff::Role;
use serde_json::{Value, json};

use crate::harness::{Builder, Call, StaffClient, TestApp, as_staff, phone, together};

/// A practice with its own address, an admin, and link 222222 with a member on its list.
struct Elm {
    practice: Practice,
    admin: StaffClient,
    member: StaffClient,
    link: String,
}

fn elm(app: &TestApp) -> Elm {
    let practice = app.practice("Elm Dental", Some("desk@elm.example"));
    let (admin, member) =
        (app.staff_client(&practice, "ana", Role::Admin), app.staff_client(&practice, "bo", Role::Member));
    let link = app.link("222222", &practice.id).id;
    notify(app, &admin, link.as_str(), &[&member]);
    Elm { practice, admin, member, link: link.to_string() }
}

fn notify(app: &TestApp, admin: &StaffClient, link: &str, recipients: &[&StaffClient]) {
    let ids: Vec<&String> = recipients.iter().map(|staff| &staff.staff_id).collect();
    let path = format!("/v1/practice/links/{link}");
    as_staff(admin, app.patch(&path, json!({ "notify": ids }))).send().expect(200);
}

fn list(app: &TestApp, staff: &StaffClient) -> Vec<Value> {
    let reply = as_staff(staff, app.get("/v1/practice/notifications")).send().expect(200);
    reply.at("/items").as_array().unwrap().clone()
}

fn patch(app: &TestApp, staff: &StaffClient, body: Value) -> Call {
    as_staff(staff, app.patch("/v1/practice/notifications", body))
}

fn address(practice: &Practice, name: &str) -> String {
    format!("{name}@{}.example", practice.id.as_str().replace('_', "-"))
}

/// The path of the one-click unsubscribe link in the last mail to an address.
fn unsubscribe_path(app: &TestApp, to: &str) -> String {
    let url = app.transport.sent_to(to).pop().unwrap().unsubscribe.unwrap();
    url.strip_prefix("http://links.example.test").unwrap().to_owned()
}

fn frequencies(app: &TestApp, staff: &StaffClient) -> Vec<String> {
    list(app, staff).iter().map(|item| item["frequency"].as_str().unwrap().to_owned()).collect()
}

both! {
    /// The operator's support staff must not deal with patients, so no link may notify or assign them.
    fn support_staff_cannot_be_put_on_a_link(app: TestApp) {
        let elm = elm(&app);
        let support = app.staff_client(&elm.practice, "sue", Role::Support);
        let change = |body: Value| as_staff(&elm.admin, app.patch(&format!("/v1/practice/links/{}", elm.link), body)).send();
        for field in ["notify", "members"] {
            let refused = change(json!({ field: [support.staff_id] })).problem(422, "invalid_request");
            assert_eq!(refused.at("/errors/0/pointer"), format!("/{field}"));
        }
        change(json!({ "assignee_id": support.staff_id })).problem(422, "invalid_request");
        let staff = as_staff(&elm.admin, app.get("/v1/practice/staff")).send().expect(200);
        assert!(staff.text().contains(&support.staff_id), "support is still listed among the staff");
    }

    fn list_names_recipients_links_and_the_practice_fallback(app: TestApp) {
        let elm = elm(&app);
        // Ids sort by the millisecond; within one they are random.
        app.advance(1);
        let bare = app.link("333333", &elm.practice.id);
        let items = list(&app, &elm.admin);
        assert_eq!(items.len(), 2);
        assert_eq!(items[0]["person"], json!({
            "kind": "staff", "id": elm.member.staff_id, "name": "bo", "email": address(&elm.practice, "bo"),
        }));
        assert_eq!(items[0]["link"], json!({ "id": elm.link, "label": "Flyer" }));
        assert_eq!((&items[0]["frequency"], &items[0]["paused"]), (&json!("immediate"), &Value::Null));
        assert_eq!(items[1]["person"]["kind"], "practice");
        assert_eq!((&items[1]["person"]["email"], &items[1]["link"]["id"]), (&json!("desk@elm.example"), &json!(bare.id)));
        // Paging returns the same items.
        let first = as_staff(&elm.admin, app.get("/v1/practice/notifications?limit=1")).send().expect(200);
        let next = format!("/v1/practice/notifications?limit=1&cursor={}", first.str("/next_cursor"));
        let second = as_staff(&elm.admin, app.get(&next)).send().expect(200);
        assert_eq!((first.at("/items/0"), second.at("/items/0")), (items[0].clone(), items[1].clone()));
        assert_eq!(second.at("/next_cursor"), Value::Null);
    }

    fn member_sees_and_changes_only_their_own_settings(app: TestApp) {
        let elm = elm(&app);
        app.link("333333", &elm.practice.id);
        let items = list(&app, &elm.member);
        assert_eq!((items.len(), &items[0]["person"]["id"]), (1, &json!(elm.member.staff_id)));
        let mine = json!({ "person": elm.member.staff_id, "link_id": elm.link, "frequency": "hourly" });
        let reply = patch(&app, &elm.member, mine).send().expect(200);
        assert_eq!(reply.at("/items/0/frequency"), "hourly");
        let others = json!({ "person": elm.practice.id, "frequency": "off" });
        patch(&app, &elm.member, others).send().problem(403, "staff_forbidden");
        let resume = json!({ "person": elm.member.staff_id, "resume": true });
        patch(&app, &elm.member, resume).send().problem(403, "staff_forbidden");
        assert_eq!(app.count("SELECT count(*) FROM events WHERE kind = 'notifications.changed'"), 1);
    }

    fn staff_of_another_practice_are_not_listed(app: TestApp) {
        let elm = elm(&app);
        let other = app.practice("Oak Dental", Some("desk@oak.example"));
        let other_practice_admin = app.staff_client(&other, "eve", Role::Admin);
        assert!(list(&app, &other_practice_admin).is_empty());
        let body = json!({ "person": elm.member.staff_id, "frequency": "off" });
        assert_eq!(patch(&app, &other_practice_admin, body).send().problem(422, "invalid_request").at("/errors/0/code"), "not_listed");
        app.get("/v1/practice/notifications").send().problem(401, "unauthorized");
        for body in [json!({ "person": elm.member.staff_id }), json!({ "person": elm.member.staff_id, "frequency": "weekly" })] {
            patch(&app, &elm.admin, body).send().problem(422, "invalid_request");
        }
    }

    fn last_recipient_cannot_turn_everything_off(app: TestApp) {
        let elm = elm(&app);
        let off = |person: &str| json!({ "person": person, "frequency": "off" });
        patch(&app, &elm.admin, off(&elm.member.staff_id)).send().problem(409, "last_recipient");
        assert_eq!(frequencies(&app, &elm.admin), ["immediate"]);
        notify(&app, &elm.admin, &elm.link, &[&elm.member, &elm.admin]);
        patch(&app, &elm.admin, off(&elm.member.staff_id)).send().expect(200);
        patch(&app, &elm.admin, off(&elm.admin.staff_id)).send().problem(409, "last_recipient");
        // A lower frequency is still allowed.
        patch(&app, &elm.admin, json!({ "person": elm.admin.staff_id, "frequency": "daily" })).send().expect(200);
        // One other link with a recipient is enough for the practice.
        app.link("333333", &elm.practice.id);
        patch(&app, &elm.admin, off(&elm.admin.staff_id)).send().expect(200);
        patch(&app, &elm.admin, off(elm.practice.id.as_str())).send().problem(409, "last_recipient");
    }

    fn one_click_unsubscribe_stops_the_mails_of_one_link(app: TestApp) {
        let elm = elm(&app);
        let other = app.link("333333", &elm.practice.id).id;
        notify(&app, &elm.admin, other.as_str(), &[&elm.member]);
        let to = address(&elm.practice, "bo");
        app.sign_up_at(&phone(0), "222222");
        let path = unsubscribe_path(&app, &to);
        assert!(!path.contains("bo@"), "{path}");
        let page = app.get(&path).send().expect(200).text();
        assert!(page.contains("Stop these e-mails?") && page.contains("<form method=\"post\">"), "{page}");
        assert!(page.contains("Elm Dental"), "{page}");
        assert_eq!(frequencies(&app, &elm.member), ["immediate", "immediate"], "opening the page changes nothing");
        for _ in 0..2 {
            let page = app.form(&path, &[("List-Unsubscribe", "One-Click")]).send().expect(200).text();
            assert!(page.contains("You will no longer get these e-mails"), "{page}");
        }
        assert_eq!(frequencies(&app, &elm.member), ["off", "immediate"]);
        assert_eq!(app.count("SELECT count(*) FROM events WHERE kind = 'notifications.changed'"), 1);
        app.transport.clear();
        app.sign_up_at(&phone(1), "222222");
        assert!(app.transport.sent_to(&to).is_empty());
        app.sign_up_at(&phone(2), "333333");
        assert_eq!(app.transport.sent_to(&to).len(), 1);
        let page = app.get(&path).language("es").send().expect(200).text();
        assert!(page.contains("Ya no recibirá estos correos"), "{page}");
    }

    // Mail programs send the one-click request without a form content type, so none is required.
    fn last_recipient_who_unsubscribes_gets_a_daily_mail(app: TestApp) {
        let elm = elm(&app);
        app.sign_up_at(&phone(0), "222222");
        let path = unsubscribe_path(&app, &address(&elm.practice, "bo"));
        for _ in 0..2 {
            let page = app.call("POST", &path).send().expect(200).text();
            assert!(page.contains("You now get one e-mail a day"), "{page}");
            assert_eq!(frequencies(&app, &elm.admin), ["daily"]);
        }
    }

    fn forged_unsubscribe_token_is_not_found(app: TestApp) {
        let elm = elm(&app);
        app.sign_up_at(&phone(0), "222222");
        let path = unsubscribe_path(&app, &address(&elm.practice, "bo"));
        let (recipient, mac) = path.strip_prefix("/unsubscribe/").unwrap().split_once('.').unwrap();
        for token in [format!("{recipient}.{}", mac.replace(|c: char| c.is_ascii_lowercase(), "A")), format!("{recipient}."), recipient.to_owned(), format!("AAAA.{mac}"), "123456".into(), "%00.%ff".into()] {
            for method in ["GET", "POST"] {
                let page = app.call(method, &format!("/unsubscribe/{token}")).send().expect(404);
                assert!(page.media_type() == "text/html" || token == "123456", "{}", page.text());
            }
        }
        assert_eq!(frequencies(&app, &elm.admin), ["immediate"]);
    }

    fn mail_queued_before_unsubscribing_is_dropped(app: TestApp) {
        let elm = elm(&app);
        app.link("333333", &elm.practice.id);
        app.sign_up_at(&phone(0), "222222");
        let path = unsubscribe_path(&app, &address(&elm.practice, "bo"));
        let proof = app.verify(&phone(1));
        let body = crate::harness::sign_up_body(&proof, &app.link_token("222222"));
        app.post("/v1/accounts", body).send().expect(201);
        app.call("POST", &path).send().expect(200);
        app.transport.clear();
        app.deliver_all();
        assert!(app.transport.sent().is_empty());
        assert_eq!(app.outbox("dropped"), 1);
    }
}

postgres! {
    fn concurrent_opt_outs_keep_one_recipient(on: Builder) {
        let app = on.pool(40).start();
        let elm = elm(&app);
        let staff: Vec<StaffClient> = (0..16).map(|n| app.staff_client(&elm.practice, &format!("s{n}"), Role::Member)).collect();
        notify(&app, &elm.admin, &elm.link, &staff.iter().collect::<Vec<_>>());
        // No response asks for a retry: a mail program does not repeat its one click.
        let statuses = together(16, |n| {
            let body = json!({ "person": staff[n].staff_id, "frequency": "off" });
            patch(&app, &staff[n], body).send().status
        });
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 15, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 1, "{statuses:?}");
        assert_eq!(frequencies(&app, &elm.admin).iter().filter(|word| *word == "immediate").count(), 1);
    }
}
