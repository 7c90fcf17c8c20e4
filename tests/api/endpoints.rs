//! Links: how a practice manages them, and which settings a pairing takes from its link.

use std::collections::HashSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use diesel::RunQueryDsl as _;
use diesel::sql_types::BigInt;
use practice_links::domain::links::{self, Change, NewLink, State};
use practice_links::domain::practices::{self, NewPractice, Plan, Practice};
use practice_links::domain::staff::Role;
use practice_links::kit::Language;
use practice_links::platform::event_log::Actor;
use practice_links::platform::{Tx, db};
use serde_json::{Value, json};

use crate::harness::{
    Backend, Builder, IPHONE, Reply, SignedUp, StaffClient, TestApp, as_staff, phone, sign_up_body, together,
};

const LINKS: &str = "/v1/practice/links";

fn elm(app: &TestApp) -> (Practice, StaffClient) {
    let practice = app.practice("Elm Dental", Some("desk@elm.example"));
    app.link_with(&practice.id, "500005", &NewLink { is_default: true, ..NewLink::plain("Elm Dental") });
    let admin = app.staff_client(&practice, "ana", Role::Admin);
    (practice, admin)
}

fn change(app: &TestApp, staff: &StaffClient, link: &Value, body: Value) -> Reply {
    let path = format!("{LINKS}/{}", link["id"].as_str().unwrap());
    as_staff(staff, app.patch(&path, body)).send()
}

fn default_link(app: &TestApp, staff: &StaffClient) -> Value {
    let links = as_staff(staff, app.get(LINKS)).send().expect(200).at("/items");
    links.as_array().unwrap().iter().find(|link| link["is_default"] == true).unwrap().clone()
}

fn code(link: &Value) -> &str {
    link["code"].as_str().unwrap()
}

fn entries(app: &TestApp, patient: &SignedUp, conversation: &str) -> Vec<(String, String)> {
    let path = format!("/v1/me/conversations/{conversation}/entries");
    let page = app.get(&path).bearer(&patient.access_token).send().expect(200);
    let items = page.at("/items").as_array().unwrap().clone();
    items
        .iter()
        .map(|e| (e["kind"].as_str().unwrap().to_owned(), e["body"].as_str().unwrap().to_owned()))
        .collect()
}

fn pair(app: &TestApp, patient: &SignedUp, code: &str) -> Reply {
    let body = json!({ "link_token": app.link_token(code) });
    let reply = app.post("/v1/pairings", body).bearer(&patient.access_token).send();
    app.deliver_all();
    reply
}

/// Whether the conversation has this owner and assignee. Read from the database: only the practice sees them,
/// and the inbox came later (issue 5).
fn has_owner_and_assignee(app: &TestApp, conversation: &str, owner: &str, assignee: &str) -> bool {
    let select = format!(
        "SELECT count(*) AS n FROM conversations WHERE id = '{conversation}' AND owner = '{owner}' AND assignee_id = '{assignee}'"
    );
    app.count(&select) == 1
}

both! {
    // Case 1 of links.md.
    fn thousand_concurrent_links_get_distinct_codes(on: Builder) {
        let threads = if on.backend() == Backend::Postgres { 32 } else { 4 };
        let app = on.pool(40).start();
        let (_, admin) = elm(&app);
        let codes: Vec<Vec<String>> = together(threads, |thread| {
            let mine = (thread..1000).step_by(threads);
            mine.map(|n| code(&app.make_link(&admin, json!({ "label": format!("Flyer {n}") }))).to_owned()).collect()
        });
        let codes = codes.concat();
        assert_eq!(codes.iter().collect::<HashSet<_>>().len(), 1000);
        assert_eq!(app.count("SELECT count(*) AS n FROM practice_links WHERE label LIKE 'Flyer %'"), 1000);
    }

    // Case 3 of links.md.
    fn conversation_takes_exactly_its_links_settings(app: TestApp) {
        let (practice, admin) = elm(&app);
        let member = app.staff_client(&practice, "bea", Role::Member);
        let team = app.team(&practice, "Hygienists", &[&member]);
        let link = app.make_link(&admin, json!({
            "label": "Check-up card", "tags": ["recall", " card ", "Recall"], "owner": { "kind": "team", "id": team },
            "assignee_id": member.staff_id, "welcome": "Time for your check-up.",
        }));
        assert_eq!(link["tags"], json!(["recall", "card"]));
        let first = app.sign_up_at(&phone(0), code(&link));
        assert_eq!(first.json["conversation"]["tags"], json!(["card", "recall"]));
        assert_eq!(entries(&app, &first, &first.conversation_id)[0], ("welcome".into(), "Time for your check-up.".into()));
        assert!(has_owner_and_assignee(&app, &first.conversation_id, &team, &member.staff_id));

        let body = json!({ "tags": ["autumn"], "owner": { "kind": "staff", "id": admin.staff_id }, "assignee_id": admin.staff_id, "welcome": null });
        change(&app, &admin, &link, body).expect(200);
        let second = app.sign_up_at(&phone(1), code(&link));
        assert_eq!(second.json["conversation"]["tags"], json!(["autumn"]));
        assert!(entries(&app, &second, &second.conversation_id).iter().all(|(kind, _)| kind != "welcome"));
        assert!(has_owner_and_assignee(&app, &second.conversation_id, &admin.staff_id, &admin.staff_id));
        // The first conversation is unchanged.
        let list = app.get("/v1/me/pairings").bearer(&first.access_token).send().expect(200);
        assert_eq!(list.at("/items/0/conversation/tags"), json!(["card", "recall"]));
        assert!(has_owner_and_assignee(&app, &first.conversation_id, &team, &member.staff_id));
    }

    // Case 3 of links.md, for the same patient.
    fn reopening_a_link_leaves_the_conversation_unchanged(app: TestApp) {
        let (_, admin) = elm(&app);
        let link = app.make_link(&admin, json!({ "label": "Card", "tags": ["a"] }));
        let patient = app.sign_up_at(&phone(0), code(&link));
        let before = entries(&app, &patient, &patient.conversation_id);
        change(&app, &admin, &link, json!({ "tags": ["b"] })).expect(200);
        let again = pair(&app, &patient, code(&link)).expect(200);
        assert_eq!(again.at("/conversation/tags"), json!(["a"]));
        assert_eq!(entries(&app, &patient, &patient.conversation_id), before);
        // Another link is recorded, once.
        let other = app.make_link(&admin, json!({ "label": "Flyer", "tags": ["c"] }));
        assert_eq!(pair(&app, &patient, code(&other)).expect(200).at("/conversation/tags"), json!(["a", "c"]));
        change(&app, &admin, &other, json!({ "tags": ["d"] })).expect(200);
        assert_eq!(pair(&app, &patient, code(&other)).expect(200).at("/conversation/tags"), json!(["a", "c"]));
        assert_eq!(app.count("SELECT count(*) AS n FROM events WHERE kind = 'pairing.link_opened'"), 1);
    }

    // Case 4 of links.md, over the years.
    fn chain_of_retired_links_resolves_to_the_last_one(app: TestApp) {
        let (_, admin) = elm(&app);
        let links: Vec<Value> = (0..13)
            .map(|n| app.make_link(&admin, json!({ "label": format!("Flyer {n}"), "tags": [format!("flyer-{n}")] })))
            .collect();
        for pair in links.windows(2) {
            change(&app, &admin, &pair[0], json!({ "state": "retired", "forward_to": pair[1]["id"] })).expect(200);
        }
        let made = app.sign_up_at(&phone(0), code(&links[0]));
        assert_eq!(made.json["conversation"]["tags"], json!(["flyer-12"]));
        assert_eq!(made.json["pairing"]["source"]["link_id"], links[0]["id"]);
    }

    fn duplicate_members_and_recipients_count_once(app: TestApp) {
        let (practice, admin) = elm(&app);
        let member = app.staff_client(&practice, "bea", Role::Member).staff_id;
        let link = app.make_link(&admin, json!({ "label": "A", "members": [member, member], "notify": [member, member] }));
        assert_eq!(link["members"], json!([member]));
        assert_eq!(link["notify"], json!([member]));
        let changed = change(&app, &admin, &link, json!({ "members": [member, admin.staff_id, member] })).expect(200);
        assert_eq!(changed.at("/link/members").as_array().unwrap().len(), 2);
        let wrong = change(&app, &admin, &link, json!({ "members": [member, "stf_none", "stf_none"] }));
        assert_eq!(wrong.problem(422, "invalid_request").at("/errors/0/code"), "unknown_id");
    }

    fn welcome_text_gets_unix_line_endings(app: TestApp) {
        let (_, admin) = elm(&app);
        let link = app.make_link(&admin, json!({ "label": "A", "welcome": "Hello.\r\nHow can we help?" }));
        assert_eq!(link["welcome"], "Hello.\nHow can we help?");
        let changed = change(&app, &admin, &link, json!({ "welcome": "Bye.\r\n" })).expect(200);
        assert_eq!(changed.at("/link/welcome"), "Bye.\n");
    }

    // Case 4 of links.md.
    fn retired_code_forwards_forever_and_is_never_reissued(app: TestApp) {
        let (practice, admin) = elm(&app);
        let old = app.make_link(&admin, json!({ "label": "Flyer 2019", "tags": ["flyer"], "welcome": "From the flyer." }));
        let new = app.make_link(&admin, json!({ "label": "Flyer 2026", "tags": ["new"], "welcome": "From the new flyer." }));
        change(&app, &admin, &old, json!({ "state": "retired", "forward_to": new["id"] })).expect(200);
        let page = app.get(&format!("/{}", code(&old))).user_agent(IPHONE).send().expect(200).text();
        assert!(page.contains("Elm Dental") && page.contains(code(&old)), "the page of the forward, under the retired link's code");
        let made = app.sign_up_at(&phone(0), code(&old));
        assert_eq!(made.json["pairing"]["practice"]["name"], "Elm Dental");
        assert_eq!(made.json["pairing"]["source"]["link_id"], old["id"], "attributed to the retired link");
        assert_eq!(made.json["conversation"]["tags"], json!(["new"]));
        // The forward is retired as well: every chain ends at the default link.
        change(&app, &admin, &new, json!({ "state": "retired" })).expect(200);
        let made = app.sign_up_at(&phone(1), code(&old));
        assert_eq!(made.json["conversation"]["tags"], json!([]));
        assert_eq!(made.json["pairing"]["source"]["link_id"], old["id"]);
        for code in [code(&old), code(&new)] {
            let again = app.write(|tx| links::create_with_code(tx, &practice.id, code, &NewLink::plain("Again")));
            assert!(again.is_none(), "{code} was issued again");
        }
        for state in ["active", "paused"] {
            change(&app, &admin, &old, json!({ "state": state })).problem(409, "link_state_fixed");
        }
    }

    // Case 5 of links.md.
    fn patient_pairs_with_a_second_practice_separately(app: TestApp) {
        elm(&app);
        let patient = app.sign_up(&phone(0));
        let paired = pair(&app, &patient, "500005").expect(201);
        assert_eq!(paired.at("/pairing/practice/name"), "Elm Dental");
        assert_ne!(paired.str("/conversation/id"), patient.conversation_id);
        assert_eq!(app.count("SELECT count(*) AS n FROM accounts"), 1);
        // Neither practice learns of the other: each conversation names only its own practice.
        let at_elm = entries(&app, &patient, &paired.str("/conversation/id"));
        assert!(at_elm.iter().all(|(_, body)| !body.contains("Oak Street")), "{at_elm:?}");
        let at_oak = entries(&app, &patient, &patient.conversation_id);
        assert!(at_oak.iter().all(|(_, body)| !body.contains("Elm")), "{at_oak:?}");
        for mail in app.transport.sent_to("frontdesk@oakstreet.example") {
            assert!(!mail.body.contains("Elm"), "{}", mail.body);
        }
    }

    // Case 6 of links.md.
    fn second_link_joins_the_conversation_unless_owners_differ(app: TestApp) {
        let (practice, admin) = elm(&app);
        let team = app.team(&practice, "Surgery", &[&admin]);
        let same = app.make_link(&admin, json!({ "label": "Card", "tags": ["card"] }));
        let other = app.make_link(&admin, json!({ "label": "Surgery", "tags": ["surgery"], "owner": { "kind": "team", "id": team } }));
        let patient = app.sign_up_at(&phone(0), "500005");
        let again = pair(&app, &patient, code(&same)).expect(200);
        assert_eq!(again.str("/conversation/id"), patient.conversation_id);
        assert_eq!(again.at("/conversation/tags"), json!(["card"]));
        let after = entries(&app, &patient, &patient.conversation_id);
        assert_eq!(after.last().unwrap().0, "system", "both sides see that a second link was opened");
        let separate = pair(&app, &patient, code(&other)).expect(201);
        assert_ne!(separate.str("/conversation/id"), patient.conversation_id);
        assert_eq!(separate.at("/conversation/tags"), json!(["surgery"]));
        // Reopening a link adds no entry.
        for code in ["500005", code(&same), code(&other)] {
            pair(&app, &patient, code).expect(200);
        }
        assert_eq!(entries(&app, &patient, &patient.conversation_id), after);
        assert_eq!(app.count("SELECT count(*) AS n FROM events WHERE kind = 'pairing.link_opened'"), 1);
    }

    fn only_the_links_recipients_are_notified(app: TestApp) {
        let (practice, admin) = elm(&app);
        let member = app.staff_client(&practice, "bea", Role::Member);
        let link = app.make_link(&admin, json!({ "label": "Card", "notify": [member.staff_id, admin.staff_id] }));
        app.sign_up_at(&phone(0), code(&link));
        for name in ["ana", "bea"] {
            let address = format!("{name}@{}.example", practice.id.as_str().replace('_', "-"));
            assert_eq!(app.transport.sent_to(&address).len(), 1, "{name}");
        }
        assert!(app.transport.sent_to("desk@elm.example").is_empty());
        change(&app, &admin, &link, json!({ "notify": [] })).expect(200);
        app.sign_up_at(&phone(1), code(&link));
        assert_eq!(app.transport.sent_to("desk@elm.example").len(), 1, "without recipients, the practice's own address is notified");
    }

    fn basic_plan_cannot_create_links(app: TestApp) {
        let basic = app.practice_with(&NewPractice {
            name: "Solo".into(), city: "Springfield".into(), plan: Plan::Basic, language: Language::En,
            time_zone: "America/Chicago".into(), notice_email: None,
        });
        let admin = app.staff_client(&basic, "ana", Role::Admin);
        as_staff(&admin, app.post(LINKS, json!({ "label": "Second" }))).send().problem(403, "plan_required");
        assert_eq!(app.count(&format!("SELECT count(*) AS n FROM practice_links WHERE practice_id = '{}'", basic.id)), 0);
    }

    fn paused_link_rejects_sign_ups_and_says_so(app: TestApp) {
        let (_, admin) = elm(&app);
        let link = app.make_link(&admin, json!({ "label": "Card" }));
        let early = app.link_token(code(&link));
        change(&app, &admin, &link, json!({ "state": "paused" })).expect(200);
        let page = app.get(&format!("/{}", code(&link))).user_agent(IPHONE).send().expect(200).text();
        assert!(page.contains("This link is paused") && page.contains("Elm Dental") && !page.contains("<form"));
        let body = json!({ "code": code(&link), "source": "typed" });
        app.post("/v1/link-tokens", body.clone()).send().problem(409, "link_paused");
        let body_early = json!({ "phone": phone(0), "link_token": early });
        app.post("/v1/verifications", body_early.clone()).send().problem(409, "link_paused");
        change(&app, &admin, &link, json!({ "state": "active" })).expect(200);
        app.post("/v1/link-tokens", body).send().expect(201);
        app.post("/v1/verifications", body_early).send().expect(201);
        app.deliver_all();
    }

    fn only_allowed_link_state_changes_are_accepted(app: TestApp) {
        let (_, admin) = elm(&app);
        let first = default_link(&app, &admin);
        change(&app, &admin, &first, json!({ "state": "retired" })).problem(409, "link_state_fixed");
        change(&app, &admin, &first, json!({ "state": "closed" })).problem(409, "link_state_fixed");
        let link = app.make_link(&admin, json!({ "label": "Card" }));
        let forwards = [
            json!({ "forward_to": first["id"] }),
            json!({ "state": "retired", "forward_to": link["id"] }),
            json!({ "state": "retired", "forward_to": "lnk_0198c1f2a4c07d3e8a51b2c3d4e5f607" }),
        ];
        for body in forwards {
            let refused = change(&app, &admin, &link, body).problem(422, "invalid_request");
            assert_eq!(refused.at("/errors/0/pointer"), "/forward_to");
        }
        change(&app, &admin, &link, json!({ "state": "retired" })).expect(200);
        let moved = change(&app, &admin, &link, json!({ "label": "Old card", "forward_to": first["id"] })).expect(200);
        assert_eq!(moved.at("/link/forward_to"), first["id"]);
        assert_eq!(moved.at("/link/state"), "retired");
    }

    fn closed_practice_loses_its_codes_and_staff_access(app: TestApp) {
        let (practice, admin) = elm(&app);
        app.write(|tx| {
            assert!(practices::close(tx, &practice.id)?);
            links::close_all(tx, &practice.id)
        });
        app.get("/500005").send().expect(404);
        as_staff(&admin, app.get(LINKS)).send().problem(401, "unauthorized");
    }

    fn invalid_field_is_named_in_the_problem(app: TestApp) {
        let (practice, admin) = elm(&app);
        let other_practice_admin = app.staff_client(&app.practice("Oak Dental", None), "olga", Role::Admin);
        let team = app.team(&practice, "Ours", &[]);
        let cases = [
            (json!({ "label": " " }), "/label"),
            (json!({ "label": "a\nb" }), "/label"),
            (json!({ "label": "a", "tags": ["x".repeat(41)] }), "/tags"),
            (json!({ "label": "a", "welcome": "" }), "/welcome"),
            (json!({ "label": "a", "owner": { "kind": "team", "id": other_practice_admin.staff_id } }), "/owner"),
            (json!({ "label": "a", "owner": { "kind": "practice", "id": team } }), "/owner"),
            (json!({ "label": "a", "owner": { "kind": "staff", "id": other_practice_admin.staff_id } }), "/owner/id"),
            (json!({ "label": "a", "assignee_id": other_practice_admin.staff_id }), "/assignee_id"),
            (json!({ "label": "a", "members": [other_practice_admin.staff_id] }), "/members"),
            (json!({ "label": "a", "notify": ["stf_0198c1f2a4c07d3e8a51b2c3d4e5f607"] }), "/notify"),
        ];
        for (body, pointer) in cases {
            let refused = as_staff(&admin, app.post(LINKS, body.clone())).send().problem(422, "invalid_request");
            assert_eq!(refused.at("/errors/0/pointer"), pointer, "{body}");
        }
        assert_eq!(as_staff(&admin, app.get(LINKS)).send().expect(200).at("/items").as_array().unwrap().len(), 1);
    }

    fn link_of_another_practice_is_not_found(app: TestApp) {
        let (_, admin) = elm(&app);
        let link = app.make_link(&admin, json!({ "label": "Card" }));
        let other_practice_admin = app.staff_client(&app.practice("Oak Dental", None), "olga", Role::Admin);
        let id = link["id"].as_str().unwrap();
        for below in ["", "/qr.svg", "/qr.png", "/poster.pdf", "/cards.pdf", "/tent.pdf", "/funnel"] {
            as_staff(&other_practice_admin, app.get(&format!("{LINKS}/{id}{below}"))).send().problem(404, "link_not_found");
        }
        change(&app, &other_practice_admin, &link, json!({ "label": "Mine" })).problem(404, "link_not_found");
        assert_eq!(as_staff(&other_practice_admin, app.get(LINKS)).send().expect(200).at("/items"), json!([]));
    }

    fn member_sees_links_that_include_them_and_changes_none(app: TestApp) {
        let (practice, admin) = elm(&app);
        let member = app.staff_client(&practice, "bea", Role::Member);
        let team = app.team(&practice, "Hygienists", &[&member]);
        let seen = [
            json!({ "label": "Practice" }),
            json!({ "label": "Team", "owner": { "kind": "team", "id": team } }),
            json!({ "label": "Own", "owner": { "kind": "staff", "id": member.staff_id } }),
            json!({ "label": "Shared", "owner": { "kind": "staff", "id": admin.staff_id }, "members": [member.staff_id] }),
            json!({ "label": "Assigned", "owner": { "kind": "staff", "id": admin.staff_id }, "assignee_id": member.staff_id }),
        ];
        for body in seen {
            let link = app.make_link(&admin, body);
            change(&app, &member, &link, json!({ "label": "Mine" })).problem(403, "staff_forbidden");
        }
        let hidden = app.make_link(&admin, json!({ "label": "Hidden", "owner": { "kind": "staff", "id": admin.staff_id } }));
        let listed = as_staff(&member, app.get(LINKS)).send().expect(200).at("/items");
        // Links created in the same millisecond have no defined order.
        let labels: HashSet<&str> = listed.as_array().unwrap().iter().map(|link| link["label"].as_str().unwrap()).collect();
        assert_eq!(labels, HashSet::from(["Elm Dental", "Practice", "Team", "Own", "Shared", "Assigned"]));
        change(&app, &member, &hidden, json!({ "label": "Mine" })).problem(404, "link_not_found");
        as_staff(&member, app.post(LINKS, json!({ "label": "New" }))).send().problem(403, "staff_forbidden");
    }

    fn patient_and_staff_tokens_are_not_interchangeable(app: TestApp) {
        let (_, admin) = elm(&app);
        let patient = app.sign_up(&phone(0));
        app.get(LINKS).bearer(&patient.access_token).send().problem(401, "unauthorized");
        app.get(LINKS).send().problem(401, "unauthorized");
        app.get("/v1/me").bearer(&admin.token).send().problem(401, "unauthorized");
        app.advance(30 * 86_400);
        app.get(LINKS).bearer(&admin.token).send().problem(401, "unauthorized");
    }

    fn repeated_create_under_one_key_creates_one_link(app: TestApp) {
        let (_, admin) = elm(&app);
        let make = || as_staff(&admin, app.post(LINKS, json!({ "label": "Card" }))).key("a-key-of-this-call").send().expect(201);
        assert_eq!(make().at("/link/id"), make().at("/link/id"));
    }

    fn link_changes_are_recorded_in_the_audit_log(app: TestApp) {
        let (_, admin) = elm(&app);
        let link = app.make_link(&admin, json!({ "label": "Card" }));
        change(&app, &admin, &link, json!({ "label": "Postcard" })).expect(200);
        let by_admin = format!("actor = '{}' AND subject = '{}'", admin.staff_id, link["id"].as_str().unwrap());
        assert_eq!(app.count(&format!("SELECT count(*) AS n FROM events WHERE kind = 'link.created' AND {by_admin}")), 1);
        let detail = r#"%"after":%"label":"Postcard"%"before":%"label":"Card"%"#;
        assert_eq!(app.count(&format!("SELECT count(*) AS n FROM events WHERE kind = 'link.changed' AND {by_admin} AND detail LIKE '{detail}'")), 1);
    }

    fn link_list_continues_at_its_cursor(app: TestApp) {
        let (_, admin) = elm(&app);
        for n in 0..4 {
            app.make_link(&admin, json!({ "label": format!("Card {n}") }));
        }
        let first = as_staff(&admin, app.get(&format!("{LINKS}?limit=3"))).send().expect(200);
        let rest = as_staff(&admin, app.get(&format!("{LINKS}?limit=3&cursor={}", first.str("/next_cursor")))).send().expect(200);
        let count = |page: &Reply| page.at("/items").as_array().unwrap().len();
        assert_eq!((count(&first), count(&rest)), (3, 2));
        assert!(rest.at("/next_cursor").is_null());
    }

    fn every_print_file_is_rendered(app: TestApp) {
        let (_, admin) = elm(&app);
        let id = default_link(&app, &admin)["id"].as_str().unwrap().to_owned();
        let files = [
            ("qr.svg", "image/svg+xml"), ("qr.png", "image/png"), ("poster.pdf", "application/pdf"),
            ("cards.pdf?paper=a4", "application/pdf"), ("tent.pdf?language=es", "application/pdf"),
        ];
        for (file, media_type) in files {
            let reply = as_staff(&admin, app.get(&format!("{LINKS}/{id}/{file}"))).send().expect(200);
            assert_eq!(reply.media_type(), media_type);
            assert!(reply.body.len() > 500, "{file}");
        }
        as_staff(&admin, app.get(&format!("{LINKS}/{id}/poster.pdf?paper=a5"))).send().problem(422, "invalid_request");
    }
}

/// Runs `change` in a transaction that ends only once `call` waits for it or has returned without waiting.
fn call_during<T>(
    app: &TestApp,
    change: impl FnOnce(&mut Tx) -> db::Result<T> + Send,
    call: impl FnOnce() -> Reply + Send,
) -> Reply {
    let (changed, returned) = (Barrier::new(2), AtomicBool::new(false));
    let (changed, returned) = (&changed, &returned);
    thread::scope(|scope| {
        let caller = scope.spawn(move || {
            changed.wait();
            let reply = call();
            returned.store(true, Ordering::SeqCst);
            reply
        });
        app.write(|tx| {
            change(tx)?;
            changed.wait();
            while blocked_by_this_transaction(tx)? == 0 && !returned.load(Ordering::SeqCst) {
                thread::yield_now();
            }
            Ok(())
        });
        caller.join().unwrap()
    })
}

/// How many transactions are waiting for this one to end.
fn blocked_by_this_transaction(tx: &mut Tx) -> db::Result<i64> {
    let select = "SELECT count(*) AS n FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'
        AND transactionid = pg_current_xact_id()::xid";
    Ok(diesel::dsl::sql::<BigInt>(select).get_result(tx.conn)?)
}

postgres! {
    fn pairing_fails_when_the_practice_closes_concurrently(app: TestApp) {
        let (practice, _) = elm(&app);
        let patient = app.sign_up(&phone(0));
        let (proof, token) = (app.verify(&phone(1)), app.link_token("500005"));
        let close = |tx: &mut Tx| {
            practices::close(tx, &practice.id)?;
            links::close_all(tx, &practice.id)
        };
        let reply = call_during(&app, close, || app.post("/v1/accounts", sign_up_body(&proof, &token)).send());
        reply.problem(422, "link_token_invalid");
        let body = json!({ "link_token": token });
        app.post("/v1/pairings", body).bearer(&patient.access_token).send().problem(422, "link_token_invalid");
        let select = format!("SELECT count(*) AS n FROM pairings WHERE practice_id = '{}'", practice.id);
        assert_eq!(app.count(&select), 0);
    }

    fn pairing_uses_the_state_a_concurrent_change_commits(app: TestApp) {
        let (practice, admin) = elm(&app);
        let patient = app.sign_up(&phone(0));
        let link = app.make_link(&admin, json!({ "label": "A", "tags": ["a"] }));
        let id = link["id"].as_str().unwrap();
        let token = app.link_token(code(&link));
        let to = |state: State| {
            let (practice, id) = (practice.id.clone(), id.to_owned());
            move |tx: &mut Tx| {
                let change = Change { state: Some(state), ..Change::default() };
                links::edit(tx, Actor::Operator, &practice, &id.as_str().into(), &change).map_err(|_| db::Error::Busy)
            }
        };
        let pair = || app.post("/v1/pairings", json!({ "link_token": token })).bearer(&patient.access_token).send();
        call_during(&app, to(State::Paused), pair).problem(409, "link_paused");
        // The state committed while the patient waits applies: here the default link's settings.
        app.write(to(State::Active));
        let reply = call_during(&app, to(State::Retired), pair).expect(201);
        assert_eq!(reply.at("/conversation/tags"), json!([]));
        app.deliver_all();
    }
}
