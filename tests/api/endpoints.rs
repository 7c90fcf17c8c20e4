//! Links as endpoints: what a practice makes of them, and what a pairing takes from one.

use std::collections::HashSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use diesel::RunQueryDsl as _;
use diesel::sql_types::BigInt;
use practice_links::domain::links::{self, Change, NewLink, State};
use practice_links::domain::practices::{self, NewPractice, Practice};
use practice_links::domain::staff::Role;
use practice_links::kit::Language;
use practice_links::platform::db::{self, Conn};
use practice_links::platform::tx::Tx;
use serde_json::{Value, json};

use crate::harness::{
    Backend, Builder, Desk, IPHONE, Reply, SignedUp, TestApp, as_desk, phone, sign_up_body, together,
};

const LINKS: &str = "/v1/practice/links";

fn elm(app: &TestApp) -> (Practice, Desk) {
    let practice = app.practice("Elm Dental", Some("desk@elm.example"));
    app.link_with("500005", &NewLink { is_default: true, ..NewLink::plain(&practice.id, "Elm Dental") });
    let desk = app.desk(&practice, "ana", Role::Admin);
    (practice, desk)
}

fn change(app: &TestApp, desk: &Desk, link: &Value, body: Value) -> Reply {
    let path = format!("{LINKS}/{}", link["id"].as_str().unwrap());
    as_desk(desk, app.patch(&path, body)).send()
}

fn default_link(app: &TestApp, desk: &Desk) -> Value {
    let links = as_desk(desk, app.get(LINKS)).send().expect(200).at("/items");
    links.as_array().unwrap().iter().find(|link| link["is_default"] == true).unwrap().clone()
}

fn code(link: &Value) -> &str {
    link["code"].as_str().unwrap()
}

fn entries(app: &TestApp, who: &SignedUp, conversation: &str) -> Vec<(String, String)> {
    let path = format!("/v1/me/conversations/{conversation}/entries");
    let page = app.get(&path).bearer(&who.access_token).send().expect(200);
    let items = page.at("/items").as_array().unwrap().clone();
    items
        .iter()
        .map(|e| (e["kind"].as_str().unwrap().to_owned(), e["body"].as_str().unwrap().to_owned()))
        .collect()
}

fn pair(app: &TestApp, who: &SignedUp, code: &str) -> Reply {
    let body = json!({ "link_token": app.link_token(code) });
    let reply = app.post("/v1/pairings", body).bearer(&who.access_token).send();
    app.deliver_all();
    reply
}

/// Owner and assignee are for the practice's eyes, and its inbox comes with issue 5.
fn owned(app: &TestApp, conversation: &str, owner: &str, assignee: &str) -> bool {
    let select = format!(
        "SELECT count(*) AS n FROM conversations WHERE id = '{conversation}' AND owner = '{owner}' AND assignee_id = '{assignee}'"
    );
    app.count(&select) == 1
}

both! {
    // Case 1 of links.md.
    fn a_thousand_links_made_at_once_have_a_thousand_codes(on: Builder) {
        let threads = if on.backend() == Backend::Postgres { 32 } else { 4 };
        let app = on.pool(40).start();
        let (_, desk) = elm(&app);
        let codes: Vec<Vec<String>> = together(threads, |thread| {
            let mine = (thread..1000).step_by(threads);
            mine.map(|n| code(&app.make_link(&desk, json!({ "label": format!("Flyer {n}") }))).to_owned()).collect()
        });
        let codes = codes.concat();
        assert_eq!(codes.iter().collect::<HashSet<_>>().len(), 1000);
        assert_eq!(app.count("SELECT count(*) AS n FROM practice_links WHERE label LIKE 'Flyer %'"), 1000);
    }

    // Case 3 of links.md.
    fn a_conversation_gets_exactly_what_its_link_says(app: TestApp) {
        let (practice, desk) = elm(&app);
        let bea = app.desk(&practice, "bea", Role::Member);
        let team = app.team(&practice, "Hygienists", &[&bea]);
        let link = app.make_link(&desk, json!({
            "label": "Check-up card", "tags": ["recall", " card ", "Recall"], "owner": { "kind": "team", "id": team },
            "assignee_id": bea.staff_id, "welcome": "Time for your check-up.",
        }));
        assert_eq!(link["tags"], json!(["recall", "card"]));
        let first = app.sign_up_at(&phone(0), code(&link));
        assert_eq!(first.json["conversation"]["tags"], json!(["card", "recall"]));
        assert_eq!(entries(&app, &first, &first.conversation_id)[0], ("welcome".into(), "Time for your check-up.".into()));
        assert!(owned(&app, &first.conversation_id, &team, &bea.staff_id));

        let body = json!({ "tags": ["autumn"], "owner": { "kind": "staff", "id": desk.staff_id }, "assignee_id": desk.staff_id, "welcome": null });
        change(&app, &desk, &link, body).expect(200);
        let second = app.sign_up_at(&phone(1), code(&link));
        assert_eq!(second.json["conversation"]["tags"], json!(["autumn"]));
        assert!(entries(&app, &second, &second.conversation_id).iter().all(|(kind, _)| kind != "welcome"));
        assert!(owned(&app, &second.conversation_id, &desk.staff_id, &desk.staff_id));
        // The old one is as it was.
        let list = app.get("/v1/me/pairings").bearer(&first.access_token).send().expect(200);
        assert_eq!(list.at("/items/0/conversation/tags"), json!(["card", "recall"]));
        assert!(owned(&app, &first.conversation_id, &team, &bea.staff_id));
    }

    // Case 3 of links.md, for the same patient.
    fn opening_the_same_link_again_leaves_the_conversation_as_it_was(app: TestApp) {
        let (_, desk) = elm(&app);
        let link = app.make_link(&desk, json!({ "label": "Card", "tags": ["a"] }));
        let who = app.sign_up_at(&phone(0), code(&link));
        let before = entries(&app, &who, &who.conversation_id);
        change(&app, &desk, &link, json!({ "tags": ["b"] })).expect(200);
        let again = pair(&app, &who, code(&link)).expect(200);
        assert_eq!(again.at("/conversation/tags"), json!(["a"]));
        assert_eq!(entries(&app, &who, &who.conversation_id), before);
        // Another link is news, once.
        let other = app.make_link(&desk, json!({ "label": "Flyer", "tags": ["c"] }));
        assert_eq!(pair(&app, &who, code(&other)).expect(200).at("/conversation/tags"), json!(["a", "c"]));
        change(&app, &desk, &other, json!({ "tags": ["d"] })).expect(200);
        assert_eq!(pair(&app, &who, code(&other)).expect(200).at("/conversation/tags"), json!(["a", "c"]));
        assert_eq!(app.count("SELECT count(*) AS n FROM audit_events WHERE action = 'pairing.link_opened'"), 1);
    }

    // Case 4 of links.md, as years go by.
    fn a_chain_of_retired_links_ends_where_the_last_one_leads(app: TestApp) {
        let (_, desk) = elm(&app);
        let links: Vec<Value> = (0..13)
            .map(|n| app.make_link(&desk, json!({ "label": format!("Flyer {n}"), "tags": [format!("flyer-{n}")] })))
            .collect();
        for pair in links.windows(2) {
            change(&app, &desk, &pair[0], json!({ "state": "retired", "forward_to": pair[1]["id"] })).expect(200);
        }
        let made = app.sign_up_at(&phone(0), code(&links[0]));
        assert_eq!(made.json["conversation"]["tags"], json!(["flyer-12"]));
        assert_eq!(made.json["pairing"]["source"]["link_id"], links[0]["id"]);
    }

    fn who_is_named_twice_counts_once(app: TestApp) {
        let (practice, desk) = elm(&app);
        let bea = app.desk(&practice, "bea", Role::Member).staff_id;
        let link = app.make_link(&desk, json!({ "label": "A", "members": [bea, bea], "notify": [bea, bea] }));
        assert_eq!(link["members"], json!([bea]));
        assert_eq!(link["notify"], json!([bea]));
        let changed = change(&app, &desk, &link, json!({ "members": [bea, desk.staff_id, bea] })).expect(200);
        assert_eq!(changed.at("/link/members").as_array().unwrap().len(), 2);
        let wrong = change(&app, &desk, &link, json!({ "members": [bea, "stf_none", "stf_none"] }));
        assert_eq!(wrong.problem(422, "invalid_request").at("/errors/0/code"), "unknown_id");
    }

    fn a_welcome_may_come_from_any_system(app: TestApp) {
        let (_, desk) = elm(&app);
        let link = app.make_link(&desk, json!({ "label": "A", "welcome": "Hello.\r\nHow can we help?" }));
        assert_eq!(link["welcome"], "Hello.\nHow can we help?");
        let changed = change(&app, &desk, &link, json!({ "welcome": "Bye.\r\n" })).expect(200);
        assert_eq!(changed.at("/link/welcome"), "Bye.\n");
    }

    // Case 4 of links.md.
    fn a_retired_code_leads_on_for_ever_and_is_never_given_away(app: TestApp) {
        let (practice, desk) = elm(&app);
        let old = app.make_link(&desk, json!({ "label": "Flyer 2019", "tags": ["flyer"], "welcome": "From the flyer." }));
        let new = app.make_link(&desk, json!({ "label": "Flyer 2026", "tags": ["new"], "welcome": "From the new flyer." }));
        change(&app, &desk, &old, json!({ "state": "retired", "forward_to": new["id"] })).expect(200);
        let page = app.get(&format!("/{}", code(&old))).user_agent(IPHONE).send().expect(200).text();
        assert!(page.contains("Elm Dental") && page.contains(code(&old)), "the forward's page, under its own code");
        let made = app.sign_up_at(&phone(0), code(&old));
        assert_eq!(made.json["pairing"]["practice"]["name"], "Elm Dental");
        assert_eq!(made.json["pairing"]["source"]["link_id"], old["id"], "attributed to the retired link");
        assert_eq!(made.json["conversation"]["tags"], json!(["new"]));
        // The forward retires too: the default link is the end of every chain.
        change(&app, &desk, &new, json!({ "state": "retired" })).expect(200);
        let made = app.sign_up_at(&phone(1), code(&old));
        assert_eq!(made.json["conversation"]["tags"], json!([]));
        assert_eq!(made.json["pairing"]["source"]["link_id"], old["id"]);
        for code in [code(&old), code(&new)] {
            let again = app.write(|tx| links::create_with_code(tx, code, &NewLink::plain(&practice.id, "Again")));
            assert!(again.is_none(), "{code} was issued again");
        }
        for state in ["active", "paused"] {
            change(&app, &desk, &old, json!({ "state": state })).problem(409, "link_state_fixed");
        }
    }

    // Case 5 of links.md.
    fn a_patient_of_one_practice_opens_another_ones_link(app: TestApp) {
        elm(&app);
        let who = app.sign_up(&phone(0));
        let paired = pair(&app, &who, "500005").expect(201);
        assert_eq!(paired.at("/pairing/practice/name"), "Elm Dental");
        assert_ne!(paired.str("/conversation/id"), who.conversation_id);
        assert_eq!(app.count("SELECT count(*) AS n FROM accounts"), 1);
        // Neither hears of the other: each conversation names its own practice alone.
        let at_elm = entries(&app, &who, &paired.str("/conversation/id"));
        assert!(at_elm.iter().all(|(_, body)| !body.contains("Oak Street")), "{at_elm:?}");
        let at_oak = entries(&app, &who, &who.conversation_id);
        assert!(at_oak.iter().all(|(_, body)| !body.contains("Elm")), "{at_oak:?}");
        for mail in app.carrier.sent_to("frontdesk@oakstreet.example") {
            assert!(!mail.body.contains("Elm"), "{}", mail.body);
        }
    }

    // Case 6 of links.md.
    fn a_second_link_of_the_practice_adds_to_the_conversation_unless_others_own_it(app: TestApp) {
        let (practice, desk) = elm(&app);
        let team = app.team(&practice, "Surgery", &[&desk]);
        let same = app.make_link(&desk, json!({ "label": "Card", "tags": ["card"] }));
        let other = app.make_link(&desk, json!({ "label": "Surgery", "tags": ["surgery"], "owner": { "kind": "team", "id": team } }));
        let who = app.sign_up_at(&phone(0), "500005");
        let again = pair(&app, &who, code(&same)).expect(200);
        assert_eq!(again.str("/conversation/id"), who.conversation_id);
        assert_eq!(again.at("/conversation/tags"), json!(["card"]));
        let after = entries(&app, &who, &who.conversation_id);
        assert_eq!(after.last().unwrap().0, "system", "both sides see that a second link was opened");
        let of_its_own = pair(&app, &who, code(&other)).expect(201);
        assert_ne!(of_its_own.str("/conversation/id"), who.conversation_id);
        assert_eq!(of_its_own.at("/conversation/tags"), json!(["surgery"]));
        // Whatever is opened again tells nothing new.
        for code in ["500005", code(&same), code(&other)] {
            pair(&app, &who, code).expect(200);
        }
        assert_eq!(entries(&app, &who, &who.conversation_id), after);
        assert_eq!(app.count("SELECT count(*) AS n FROM audit_events WHERE action = 'pairing.link_opened'"), 1);
    }

    fn the_people_on_the_list_are_told_and_nobody_else(app: TestApp) {
        let (practice, desk) = elm(&app);
        let bea = app.desk(&practice, "bea", Role::Member);
        let link = app.make_link(&desk, json!({ "label": "Card", "notify": [bea.staff_id, desk.staff_id] }));
        app.sign_up_at(&phone(0), code(&link));
        for name in ["ana", "bea"] {
            let address = format!("{name}@{}.example", practice.id.replace('_', "-"));
            assert_eq!(app.carrier.sent_to(&address).len(), 1, "{name}");
        }
        assert!(app.carrier.sent_to("desk@elm.example").is_empty());
        change(&app, &desk, &link, json!({ "notify": [] })).expect(200);
        app.sign_up_at(&phone(1), code(&link));
        assert_eq!(app.carrier.sent_to("desk@elm.example").len(), 1, "nobody on the list means the practice's own address");
    }

    fn the_basic_plan_has_one_link(app: TestApp) {
        let basic = app.practice_with(&NewPractice {
            name: "Solo".into(), city: "Springfield".into(), plan: "basic".into(), language: Language::En,
            time_zone: "America/Chicago".into(), notice_email: None,
        });
        let desk = app.desk(&basic, "ana", Role::Admin);
        as_desk(&desk, app.post(LINKS, json!({ "label": "Second" }))).send().problem(403, "plan_required");
        assert_eq!(app.count(&format!("SELECT count(*) AS n FROM practice_links WHERE practice_id = '{}'", basic.id)), 0);
    }

    fn a_paused_link_takes_nobody_in_and_says_so(app: TestApp) {
        let (_, desk) = elm(&app);
        let link = app.make_link(&desk, json!({ "label": "Card" }));
        let early = app.link_token(code(&link));
        change(&app, &desk, &link, json!({ "state": "paused" })).expect(200);
        let page = app.get(&format!("/{}", code(&link))).user_agent(IPHONE).send().expect(200).text();
        assert!(page.contains("This link is paused") && page.contains("Elm Dental") && !page.contains("<form"));
        let body = json!({ "code": code(&link), "source": "typed" });
        app.post("/v1/link-tokens", body.clone()).send().problem(409, "link_paused");
        let body_early = json!({ "phone": phone(0), "link_token": early });
        app.post("/v1/verifications", body_early.clone()).send().problem(409, "link_paused");
        change(&app, &desk, &link, json!({ "state": "active" })).expect(200);
        app.post("/v1/link-tokens", body).send().expect(201);
        app.post("/v1/verifications", body_early).send().expect(201);
        app.deliver_all();
    }

    fn states_lead_where_they_may(app: TestApp) {
        let (_, desk) = elm(&app);
        let first = default_link(&app, &desk);
        change(&app, &desk, &first, json!({ "state": "retired" })).problem(409, "link_state_fixed");
        change(&app, &desk, &first, json!({ "state": "closed" })).problem(409, "link_state_fixed");
        let link = app.make_link(&desk, json!({ "label": "Card" }));
        let forwards = [
            json!({ "forward_to": first["id"] }),
            json!({ "state": "retired", "forward_to": link["id"] }),
            json!({ "state": "retired", "forward_to": "lnk_0198c1f2a4c07d3e8a51b2c3d4e5f607" }),
        ];
        for body in forwards {
            let refused = change(&app, &desk, &link, body).problem(422, "invalid_request");
            assert_eq!(refused.at("/errors/0/pointer"), "/forward_to");
        }
        change(&app, &desk, &link, json!({ "state": "retired" })).expect(200);
        let moved = change(&app, &desk, &link, json!({ "label": "Old card", "forward_to": first["id"] })).expect(200);
        assert_eq!(moved.at("/link/forward_to"), first["id"]);
        assert_eq!(moved.at("/link/state"), "retired");
    }

    fn a_closed_practice_is_gone_with_all_its_codes(app: TestApp) {
        let (practice, desk) = elm(&app);
        app.write(|tx| {
            assert!(practices::close(tx, &practice.id)?);
            links::close_all(tx, &practice.id)
        });
        app.get("/500005").send().expect(404);
        as_desk(&desk, app.get(LINKS)).send().problem(401, "unauthorized");
    }

    fn a_wrong_field_is_named(app: TestApp) {
        let (practice, desk) = elm(&app);
        let stranger = app.desk(&app.practice("Oak Dental", None), "olga", Role::Admin);
        let team = app.team(&practice, "Ours", &[]);
        let cases = [
            (json!({ "label": " " }), "/label"),
            (json!({ "label": "a\nb" }), "/label"),
            (json!({ "label": "a", "tags": ["x".repeat(41)] }), "/tags"),
            (json!({ "label": "a", "welcome": "" }), "/welcome"),
            (json!({ "label": "a", "owner": { "kind": "team", "id": stranger.staff_id } }), "/owner"),
            (json!({ "label": "a", "owner": { "kind": "practice", "id": team } }), "/owner"),
            (json!({ "label": "a", "owner": { "kind": "staff", "id": stranger.staff_id } }), "/owner/id"),
            (json!({ "label": "a", "assignee_id": stranger.staff_id }), "/assignee_id"),
            (json!({ "label": "a", "members": [stranger.staff_id] }), "/members"),
            (json!({ "label": "a", "notify": ["stf_0198c1f2a4c07d3e8a51b2c3d4e5f607"] }), "/notify"),
        ];
        for (body, pointer) in cases {
            let refused = as_desk(&desk, app.post(LINKS, body.clone())).send().problem(422, "invalid_request");
            assert_eq!(refused.at("/errors/0/pointer"), pointer, "{body}");
        }
        assert_eq!(as_desk(&desk, app.get(LINKS)).send().expect(200).at("/items").as_array().unwrap().len(), 1);
    }

    fn another_practices_link_is_as_if_it_did_not_exist(app: TestApp) {
        let (_, desk) = elm(&app);
        let link = app.make_link(&desk, json!({ "label": "Card" }));
        let stranger = app.desk(&app.practice("Oak Dental", None), "olga", Role::Admin);
        let id = link["id"].as_str().unwrap();
        for below in ["", "/qr.svg", "/qr.png", "/poster.pdf", "/cards.pdf", "/tent.pdf", "/funnel"] {
            as_desk(&stranger, app.get(&format!("{LINKS}/{id}{below}"))).send().problem(404, "link_not_found");
        }
        change(&app, &stranger, &link, json!({ "label": "Mine" })).problem(404, "link_not_found");
        assert_eq!(as_desk(&stranger, app.get(LINKS)).send().expect(200).at("/items"), json!([]));
    }

    fn a_member_sees_the_links_that_include_them_and_changes_none(app: TestApp) {
        let (practice, desk) = elm(&app);
        let bea = app.desk(&practice, "bea", Role::Member);
        let team = app.team(&practice, "Hygienists", &[&bea]);
        let seen = [
            json!({ "label": "Practice" }),
            json!({ "label": "Team", "owner": { "kind": "team", "id": team } }),
            json!({ "label": "Own", "owner": { "kind": "staff", "id": bea.staff_id } }),
            json!({ "label": "Shared", "owner": { "kind": "staff", "id": desk.staff_id }, "members": [bea.staff_id] }),
            json!({ "label": "Assigned", "owner": { "kind": "staff", "id": desk.staff_id }, "assignee_id": bea.staff_id }),
        ];
        for body in seen {
            let link = app.make_link(&desk, body);
            change(&app, &bea, &link, json!({ "label": "Mine" })).problem(403, "staff_forbidden");
        }
        let hidden = app.make_link(&desk, json!({ "label": "Hidden", "owner": { "kind": "staff", "id": desk.staff_id } }));
        let listed = as_desk(&bea, app.get(LINKS)).send().expect(200).at("/items");
        // Links of one millisecond stand in any order.
        let labels: HashSet<&str> = listed.as_array().unwrap().iter().map(|link| link["label"].as_str().unwrap()).collect();
        assert_eq!(labels, HashSet::from(["Elm Dental", "Practice", "Team", "Own", "Shared", "Assigned"]));
        change(&app, &bea, &hidden, json!({ "label": "Mine" })).problem(404, "link_not_found");
        as_desk(&bea, app.post(LINKS, json!({ "label": "New" }))).send().problem(403, "staff_forbidden");
    }

    fn a_patients_token_opens_no_practice_door_and_the_other_way_round(app: TestApp) {
        let (_, desk) = elm(&app);
        let who = app.sign_up(&phone(0));
        app.get(LINKS).bearer(&who.access_token).send().problem(401, "unauthorized");
        app.get(LINKS).send().problem(401, "unauthorized");
        app.get("/v1/me").bearer(&desk.token).send().problem(401, "unauthorized");
        app.advance(30 * 86_400);
        app.get(LINKS).bearer(&desk.token).send().problem(401, "unauthorized");
    }

    fn making_a_link_twice_under_one_key_makes_one(app: TestApp) {
        let (_, desk) = elm(&app);
        let make = || as_desk(&desk, app.post(LINKS, json!({ "label": "Card" }))).key("a-key-of-this-call").send().expect(201);
        assert_eq!(make().at("/link/id"), make().at("/link/id"));
    }

    fn what_changed_is_in_the_audit(app: TestApp) {
        let (_, desk) = elm(&app);
        let link = app.make_link(&desk, json!({ "label": "Card" }));
        change(&app, &desk, &link, json!({ "label": "Postcard" })).expect(200);
        let by_ana = format!("actor = '{}' AND subject = '{}'", desk.staff_id, link["id"].as_str().unwrap());
        assert_eq!(app.count(&format!("SELECT count(*) AS n FROM audit_events WHERE action = 'link.created' AND {by_ana}")), 1);
        let detail = r#"%"after":%"label":"Postcard"%"before":%"label":"Card"%"#;
        assert_eq!(app.count(&format!("SELECT count(*) AS n FROM audit_events WHERE action = 'link.changed' AND {by_ana} AND detail LIKE '{detail}'")), 1);
    }

    fn lists_go_on_where_they_ended(app: TestApp) {
        let (_, desk) = elm(&app);
        for n in 0..4 {
            app.make_link(&desk, json!({ "label": format!("Card {n}") }));
        }
        let first = as_desk(&desk, app.get(&format!("{LINKS}?limit=3"))).send().expect(200);
        let rest = as_desk(&desk, app.get(&format!("{LINKS}?limit=3&cursor={}", first.str("/next_cursor")))).send().expect(200);
        let count = |page: &Reply| page.at("/items").as_array().unwrap().len();
        assert_eq!((count(&first), count(&rest)), (3, 2));
        assert!(rest.at("/next_cursor").is_null());
    }

    fn everything_that_is_printed_is_there_in_time(app: TestApp) {
        let (_, desk) = elm(&app);
        let id = default_link(&app, &desk)["id"].as_str().unwrap().to_owned();
        let files = [
            ("qr.svg", "image/svg+xml"), ("qr.png", "image/png"), ("poster.pdf", "application/pdf"),
            ("cards.pdf?paper=a4", "application/pdf"), ("tent.pdf?language=es", "application/pdf"),
        ];
        for (file, media_type) in files {
            let reply = as_desk(&desk, app.get(&format!("{LINKS}/{id}/{file}"))).send().expect(200);
            assert_eq!(reply.media_type(), media_type);
            assert!(reply.body.len() > 500, "{file}");
        }
        as_desk(&desk, app.get(&format!("{LINKS}/{id}/poster.pdf?paper=a5"))).send().problem(422, "invalid_request");
    }
}

/// Runs `change` in a transaction that ends only once `call` waits for it, or has come back without waiting.
fn meanwhile<T>(
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
            while waiting_for_me(tx)? == 0 && !returned.load(Ordering::SeqCst) {
                thread::yield_now();
            }
            Ok(())
        });
        caller.join().unwrap()
    })
}

/// How many transactions wait for the end of this one.
fn waiting_for_me(tx: &mut Tx) -> db::Result<i64> {
    let select = "SELECT count(*) AS n FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'
        AND transactionid = pg_current_xact_id()::xid";
    Ok(diesel::dsl::sql::<BigInt>(select).get_result(tx)?)
}

postgres! {
    fn nobody_comes_into_a_practice_that_closes_meanwhile(app: TestApp) {
        let (practice, _) = elm(&app);
        let old = app.sign_up(&phone(0));
        let (proof, token) = (app.verify(&phone(1)), app.link_token("500005"));
        let close = |tx: &mut Tx| {
            practices::close(tx, &practice.id)?;
            links::close_all(tx, &practice.id)
        };
        let came = meanwhile(&app, close, || app.post("/v1/accounts", sign_up_body(&proof, &token)).send());
        came.problem(422, "link_token_invalid");
        let body = json!({ "link_token": token });
        app.post("/v1/pairings", body).bearer(&old.access_token).send().problem(422, "link_token_invalid");
        let select = format!("SELECT count(*) AS n FROM pairings WHERE practice_id = '{}'", practice.id);
        assert_eq!(app.count(&select), 0);
    }

    fn nobody_comes_through_a_link_that_pauses_or_retires_meanwhile(app: TestApp) {
        let (practice, desk) = elm(&app);
        let who = app.sign_up(&phone(0));
        let link = app.make_link(&desk, json!({ "label": "A", "tags": ["a"] }));
        let id = link["id"].as_str().unwrap();
        let token = app.link_token(code(&link));
        let to = |state: State| {
            let (practice, id) = (practice.id.clone(), id.to_owned());
            move |tx: &mut Tx| {
                let change = Change { state: Some(state), ..Change::default() };
                links::change(tx, "operator", &practice, &id, &change).map_err(|_| db::Error::Busy)
            }
        };
        let pair = || app.post("/v1/pairings", json!({ "link_token": token })).bearer(&who.access_token).send();
        meanwhile(&app, to(State::Paused), pair).problem(409, "link_paused");
        // What it becomes while the patient waits is what holds: here the default link's settings.
        app.write(to(State::Active));
        let came = meanwhile(&app, to(State::Retired), pair).expect(201);
        assert_eq!(came.at("/conversation/tags"), json!([]));
        app.deliver_all();
    }
}
