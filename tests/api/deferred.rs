//! Phone first: a number left on the landing page, and the practice that waits for whoever proves it.

use practice_links::domain::staff::Role;
use practice_links::domain::{link_analytics, practices};
use serde_json::{Value, json};

use crate::harness::{Builder, DEMO, IPHONE, Reply, TestApp, Verification, as_desk, phone};

/// The number is typed into the page's form in the browser; nothing of it reaches the app.
fn leave(app: &TestApp, code: &str, number: &str) -> Reply {
    leave_from(app, code, number, "198.51.100.7")
}

fn leave_from(app: &TestApp, code: &str, number: &str, address: &str) -> Reply {
    let page = app.get(&format!("/{code}")).ip(address).user_agent(IPHONE).send().expect(200).text();
    let visit =
        page.split("name=\"visit\" value=\"").nth(1).expect("no form").split('"').next().unwrap().to_owned();
    let left = app
        .form(&format!("/{code}/text"), &[("phone", number), ("visit", &visit)])
        .ip(address)
        .user_agent(IPHONE)
        .send();
    match left.header("location") {
        Some(on) => app.get(on).ip(address).user_agent(IPHONE).send(),
        None => left,
    }
}

/// A verification in the app, which knows nothing of the page.
fn prove(app: &TestApp, number: &str) -> Reply {
    let started =
        app.post("/v1/verifications", json!({ "phone": number })).ip("203.0.113.9").send().expect(201);
    let verification = Verification::of(number, &started);
    let code = app.code_for(number);
    app.check(&verification, &code).expect(200)
}

fn sign_up(app: &TestApp, proof: &str, pending: &str) -> Reply {
    let body = json!({
        "phone_proof": proof, "pending_pairing_id": pending, "given_name": "Alex", "family_name": "Rivera",
    });
    app.post("/v1/accounts", body).send()
}

fn waiting(check: &Reply) -> Vec<Value> {
    check.at("/pending_pairings").as_array().unwrap().clone()
}

fn links_texted(app: &TestApp, number: &str) -> Vec<String> {
    app.deliver_all();
    let texts = app.carrier.sent_to(number).into_iter().filter(|text| text.code.is_none());
    texts.map(|text| text.body).collect()
}

both! {
    fn a_number_left_on_the_page_finds_the_practice_in_the_app(app: TestApp) {
        let number = phone(0);
        leave(&app, DEMO, "(415) 555-2000").expect(200);
        let text = links_texted(&app, &number);
        assert_eq!(text, ["Oak Street Family Medicine: get the app for secure messages here: http://links.example.test/123456?s=sms"]);
        let check = prove(&app, &number);
        let waits = waiting(&check);
        assert_eq!(waits.len(), 1);
        assert_eq!(waits[0]["practice"], json!({ "name": "Oak Street Family Medicine", "city": "Springfield" }));
        let made = sign_up(&app, &check.str("/phone_proof"), waits[0]["id"].as_str().unwrap()).expect(201);
        assert_eq!(made.at("/pairing/source/method"), "phone_first");
        assert_eq!(made.at("/pairing/source/guaranteed"), true);
        assert_eq!(made.at("/conversation/tags"), json!(["demo"]));
        app.deliver_all();
        assert_eq!(waiting(&prove(&app, &number)), Vec::<Value>::new(), "it was taken");
    }

    fn it_waits_seven_days_and_for_this_number_alone(app: TestApp) {
        leave(&app, DEMO, &phone(0)).expect(200);
        app.deliver_all();
        app.advance(7 * 86_400 - 60);
        let mine = prove(&app, &phone(0));
        let id = waiting(&mine)[0]["id"].as_str().unwrap().to_owned();
        let stranger = prove(&app, &phone(1));
        assert_eq!(waiting(&stranger), Vec::<Value>::new());
        sign_up(&app, &stranger.str("/phone_proof"), &id).problem(409, "pending_pairing_gone");
        app.advance(61);
        sign_up(&app, &mine.str("/phone_proof"), &id).problem(409, "pending_pairing_gone");
        // Nothing is lost: the proof still signs up through a link.
        let body = json!({
            "phone_proof": mine.str("/phone_proof"), "link_token": app.link_token(DEMO),
            "given_name": "Alex", "family_name": "Rivera",
        });
        app.post("/v1/accounts", body).send().expect(201);
        app.deliver_all();
    }

    fn a_wrong_code_tells_nothing_of_what_waits(app: TestApp) {
        leave(&app, DEMO, &phone(0)).expect(200);
        let started = app.post("/v1/verifications", json!({ "phone": phone(0) })).send().expect(201);
        let verification = Verification::of(&phone(0), &started);
        let code = app.code_for(&phone(0));
        let wrong = if code == "000000" { "000001" } else { "000000" };
        let reply = app.check(&verification, wrong).expect(200);
        assert_eq!(reply.at("/result"), "wrong");
        assert!(!reply.text().contains("pending_pairings"), "{}", reply.text());
    }

    fn one_text_a_number_in_ten_minutes_and_the_same_answer_each_time(app: TestApp) {
        let known = app.sign_up(&phone(0)).phone;
        let number = phone(1);
        let first = leave(&app, DEMO, &number).expect(200);
        let again = leave_from(&app, DEMO, &number, "198.51.100.8").expect(200);
        let of_known = leave_from(&app, DEMO, &known, "198.51.100.9").expect(200);
        for other in [&again, &of_known] {
            assert_eq!(normal(&first), normal(other), "the page told the numbers apart");
        }
        assert_eq!(links_texted(&app, &number).len(), 1);
        app.advance(599);
        leave(&app, DEMO, &number).expect(200);
        assert_eq!(links_texted(&app, &number).len(), 1);
        app.advance(1);
        leave(&app, DEMO, &number).expect(200);
        assert_eq!(links_texted(&app, &number).len(), 2);
    }

    fn the_day_of_a_number_ends_in_silence(app: TestApp) {
        let number = phone(0);
        for hour in 0..12_u32 {
            leave_from(&app, DEMO, &number, &format!("198.51.100.{hour}")).expect(200);
            app.deliver_all();
            app.advance(1200);
        }
        assert_eq!(links_texted(&app, &number).len(), 3, "three links a day, whoever asks for them");
        // And the day's ten messages are all there for codes.
        for _ in 0..10 {
            app.post("/v1/verifications", json!({ "phone": number })).ip("203.0.113.9").send().expect(201);
            app.deliver_all();
            app.advance(900);
        }
        app.post("/v1/verifications", json!({ "phone": number })).ip("203.0.113.9").send().problem(429, "send_limited");
    }

    fn links_take_nothing_from_the_codes(app: TestApp) {
        let mut answers = Vec::new();
        for n in 0..120 {
            let address = format!("2001:db8:{:x}::1", n / 10);
            answers.push(leave_from(&app, DEMO, &phone(n), &address).status);
        }
        assert_eq!(answers.iter().filter(|status| **status == 200).count(), 30, "a practice's own share");
        assert!(answers[30..].iter().all(|status| *status == 429));
        for n in 200..300 {
            app.start(&phone(n));
        }
        app.deliver_all();
        // Another practice's links are its own.
        let elm = app.practice("Elm Dental", None);
        app.link("222222", &elm.id);
        leave_from(&app, "222222", &phone(500), "2001:db8:ff::1").expect(200);
        app.deliver_all();
    }

    fn the_texts_of_a_country_are_shared_too(on: Builder) {
        let app = on.config(|config| config.limits.country_10min = 8).start();
        let elm = app.practice("Elm Dental", None);
        app.link("222222", &elm.id);
        leave_from(&app, DEMO, &phone(0), "198.51.100.1").expect(200);
        leave_from(&app, "222222", &phone(1), "198.51.100.2").expect(200);
        leave_from(&app, DEMO, &phone(2), "198.51.100.3").expect(429);
        app.start(&phone(3));
        app.deliver_all();
    }

    fn where_the_codes_are_used_up_no_link_is_texted(on: Builder) {
        let app = on.config(|config| config.limits.practice_10min = 4).start();
        for n in 0..4 {
            app.start(&phone(n));
        }
        let refused = leave(&app, DEMO, &phone(4)).expect(429);
        assert_eq!(refused.header("retry-after"), Some("600"));
        app.advance(600);
        leave(&app, DEMO, &phone(4)).expect(200);
        app.deliver_all();
    }

    fn the_networks_of_one_household_are_one_address(app: TestApp) {
        for n in 0..10 {
            leave_from(&app, DEMO, &phone(n), &format!("2001:db8:0:1{n:02x}::1")).expect(200);
        }
        leave_from(&app, DEMO, &phone(10), "2001:db8:0:1ff::1").expect(429);
        leave_from(&app, DEMO, &phone(10), "2001:db8:0:200::1").expect(200);
        // They are no sign-ups: those have a budget of their own.
        app.post("/v1/verifications", json!({ "phone": phone(11) })).ip("2001:db8:0:100::1").send().expect(201);
        app.deliver_all();
    }

    fn an_address_that_asks_too_often_is_told_to_wait(app: TestApp) {
        for n in 0..10 {
            leave(&app, DEMO, &phone(n)).expect(200);
        }
        let refused = leave(&app, DEMO, &phone(10));
        assert_eq!(refused.status, 429);
        assert_eq!(refused.header("retry-after"), Some("600"));
        assert_eq!(links_texted(&app, &phone(10)), Vec::<String>::new());
        app.advance(600);
        leave(&app, DEMO, &phone(10)).expect(200);
        app.deliver_all();
    }

    fn a_slip_in_the_number_is_shown_beside_the_field(app: TestApp) {
        for (typed, why) in [("12345", "too few digits"), ("", "number"), ("+44 7400 123456", "country")] {
            let page = leave(&app, DEMO, typed);
            assert_eq!(page.status, 422, "{typed}");
            assert!(page.text().contains(&format!("value=\"{typed}\"")), "what was typed is gone: {why}");
            assert!(page.text().contains("aria-invalid=\"true\""), "{why}");
        }
    }

    fn several_practices_wait_for_one_number_the_newest_first(app: TestApp) {
        let elm = app.practice("Elm Dental", None);
        app.link("222222", &elm.id);
        leave(&app, DEMO, &phone(0)).expect(200);
        app.advance(700);
        leave(&app, "222222", &phone(0)).expect(200);
        app.deliver_all();
        let check = prove(&app, &phone(0));
        let names: Vec<Value> = waiting(&check).iter().map(|waits| waits["practice"]["name"].clone()).collect();
        assert_eq!(names, ["Elm Dental", "Oak Street Family Medicine"]);
        let made = sign_up(&app, &check.str("/phone_proof"), waiting(&check)[1]["id"].as_str().unwrap()).expect(201);
        assert_eq!(made.at("/pairing/practice/name"), "Oak Street Family Medicine");
        app.deliver_all();
        // The other one waits on, for the account that is there now.
        let elm = waiting(&check)[0]["id"].as_str().unwrap().to_owned();
        let body = json!({ "pending_pairing_id": elm });
        let paired = app.post("/v1/pairings", body).bearer(&made.str("/session/access_token")).send().expect(201);
        assert_eq!(paired.at("/pairing/practice/name"), "Elm Dental");
        app.deliver_all();
    }

    fn a_stranger_pushes_no_practice_out(app: TestApp) {
        let number = phone(0);
        leave(&app, DEMO, &number).expect(200);
        let others: Vec<String> = (0..24).map(|n| format!("2222{n:02}")).collect();
        let practices: Vec<String> = others.iter().map(|code| {
            let practice = app.practice(&format!("Elm {code}"), None);
            app.link(code, &practice.id);
            practice.id
        }).collect();
        // At once, and then day by day for as long as the first one waits.
        for (n, code) in others.iter().enumerate() {
            leave_from(&app, code, &number, &format!("198.51.100.{n}")).expect(200);
            app.deliver_all();
            if n >= 4 {
                app.advance(6 * 3600);
            }
        }
        let texted = links_texted(&app, &number).len();
        let told = waiting(&prove(&app, &number));
        assert_eq!(told.len(), texted, "what waits was texted");
        assert!(told.len() > 10);
        assert_eq!(told.last().unwrap()["practice"]["name"], "Oak Street Family Medicine");
        // Practices that are gone leave no gap.
        for id in &practices {
            app.write(|tx| practices::close(tx, id));
        }
        assert_eq!(waiting(&prove(&app, &number)).len(), 1);
    }

    fn nothing_waits_where_no_text_went_out(app: TestApp) {
        let elm = app.practice("Elm Dental", None);
        app.link("222222", &elm.id);
        leave(&app, DEMO, &phone(0)).expect(200);
        leave(&app, "222222", &phone(0)).expect(200);
        assert_eq!(links_texted(&app, &phone(0)).len(), 1);
        let told = waiting(&prove(&app, &phone(0)));
        assert_eq!(told.len(), 1);
        assert_eq!(told[0]["practice"]["name"], "Oak Street Family Medicine");
    }

    fn a_lost_reply_costs_no_pairing(app: TestApp) {
        let elm = app.practice("Elm Dental", None);
        app.link("222222", &elm.id);
        let who = app.sign_up(&phone(0));
        leave(&app, "222222", &phone(0)).expect(200);
        let id = waiting(&prove(&app, &phone(0)))[0]["id"].clone();
        let pair = |token: &str| app.post("/v1/pairings", json!({ "pending_pairing_id": id })).bearer(token).send();
        let first = pair(&who.access_token).expect(201);
        app.deliver_all();
        let again = pair(&who.access_token).expect(200);
        assert_eq!(first.json(), again.json());
        assert_eq!(waiting(&prove(&app, &phone(0))), Vec::<Value>::new(), "it was taken");
        let stranger = app.sign_up(&phone(1));
        pair(&stranger.access_token).problem(409, "pending_pairing_gone");
        // Nor does the number's next holder find it.
        app.delete("/v1/me").bearer(&who.access_token).send().expect(204);
        let next = app.sign_up(&phone(0));
        pair(&next.access_token).problem(409, "pending_pairing_gone");
        // Left anew, it waits anew; and at its end it is forgotten.
        leave(&app, "222222", &phone(0)).expect(200);
        app.advance(700);
        leave(&app, "222222", &phone(0)).expect(200);
        assert_eq!(waiting(&prove(&app, &phone(0))).len(), 1);
        app.advance(7 * 86_400);
        practice_links::domain::retention::sweep(&app.inner).unwrap();
        assert_eq!(app.count("SELECT count(*) AS n FROM pending_pairings"), 0);
    }

    fn whoever_paired_by_code_is_not_told_again(app: TestApp) {
        let elm = app.practice("Elm Dental", None);
        app.link("222222", &elm.id);
        leave(&app, DEMO, &phone(0)).expect(200);
        app.advance(700);
        leave(&app, "222222", &phone(0)).expect(200);
        let who = app.sign_up(&phone(0));
        let told = waiting(&prove(&app, &phone(0)));
        assert_eq!(told.len(), 1, "the demo practice was paired by code");
        assert_eq!(told[0]["practice"]["name"], "Elm Dental");
        let body = json!({ "link_token": app.link_token("222222") });
        app.post("/v1/pairings", body).bearer(&who.access_token).send().expect(201);
        assert_eq!(waiting(&prove(&app, &phone(0))), Vec::<Value>::new());
        // What the app was told a moment ago still leads to the same conversation.
        let body = json!({ "pending_pairing_id": told[0]["id"] });
        app.post("/v1/pairings", body).bearer(&who.access_token).send().expect(200);
        app.deliver_all();
    }

    fn the_way_by_the_number_is_counted_step_by_step(app: TestApp) {
        let practice = app.write(|tx| practices::list(tx)).remove(0);
        let desk = app.desk(&practice, "ana", Role::Admin);
        let id = as_desk(&desk, app.get("/v1/practice/links")).send().expect(200).str("/items/0/id");
        let totals = || {
            link_analytics::flush(&app.inner).unwrap();
            let path = format!("/v1/practice/links/{id}/funnel");
            let seen = as_desk(&desk, app.get(&path)).send().expect(200).at("/totals");
            (seen["sms_sent"].clone(), seen["verified"].clone(), seen["paired"].clone())
        };
        leave(&app, DEMO, &phone(0)).expect(200);
        assert_eq!(totals(), (json!(0), json!(0), json!(0)));
        app.deliver_all();
        assert_eq!(totals(), (json!(1), json!(0), json!(0)));
        let check = prove(&app, &phone(0));
        assert_eq!(totals(), (json!(1), json!(1), json!(0)));
        // Proven once more before anything is done with it: counted once.
        prove(&app, &phone(0));
        assert_eq!(totals(), (json!(1), json!(1), json!(0)));
        sign_up(&app, &check.str("/phone_proof"), waiting(&check)[0]["id"].as_str().unwrap()).expect(201);
        app.deliver_all();
        assert_eq!(totals(), (json!(1), json!(1), json!(1)));
        // Whoever opens the link in the text brings its token too: one number, proven once.
        leave(&app, DEMO, &phone(1)).expect(200);
        app.sign_up(&phone(1));
        assert_eq!(totals(), (json!(3), json!(2), json!(2)));
    }

    fn one_thing_leads_and_not_two(app: TestApp) {
        let check = prove(&app, &phone(0));
        let body = json!({
            "phone_proof": check.str("/phone_proof"), "given_name": "Alex", "family_name": "Rivera",
        });
        let none = app.post("/v1/accounts", body.clone()).send().problem(422, "invalid_request");
        assert_eq!(none.at("/errors/0/pointer"), "/link_token");
        let mut both = body;
        both["link_token"] = app.link_token(DEMO).into();
        both["pending_pairing_id"] = "pnd_0198c1f2a4c07d3e8a51b2c3d4e5f607".into();
        app.post("/v1/accounts", both).send().problem(422, "invalid_request");
    }

    // Case 8 of links.md: no pairing by address.
    fn two_phones_behind_one_address_are_never_mixed(on: Builder) {
        let app = on.start();
        let elm = app.practice("Elm Dental", None);
        app.link("222222", &elm.id);
        let room = "198.51.100.20";
        let phone_of = |code: &str, agent: &str| app.get(&format!("/{code}")).ip(room).user_agent(agent).send().expect(200);
        let agent = IPHONE;
        // Two phones of one make, one address, one minute, two practices; and a third that opened nothing.
        phone_of(DEMO, agent);
        phone_of("222222", agent);
        for n in 0..3 {
            let started = app.post("/v1/verifications", json!({ "phone": phone(n) })).ip(room).user_agent(agent).send().expect(201);
            let verification = Verification::of(&phone(n), &started);
            let code = app.code_for(&phone(n));
            let check = app.check(&verification, &code).expect(200);
            assert_eq!(waiting(&check), Vec::<Value>::new(), "something was guessed");
            let body = json!({ "phone_proof": check.str("/phone_proof"), "given_name": "A", "family_name": "B" });
            app.post("/v1/accounts", body).ip(room).send().problem(422, "invalid_request");
        }
        // What each phone itself carried over decides.
        for (n, code, name) in [(10, DEMO, "Oak Street Family Medicine"), (11, "222222", "Elm Dental")] {
            let made = app.sign_up_at(&phone(n), code);
            assert_eq!(made.json["pairing"]["practice"]["name"], name);
        }
    }
}

/// A page without what is different on each.
fn normal(page: &Reply) -> String {
    let mut text = page.text();
    for mark in ["nonce=\"", "value=\"", "visit="] {
        text = text
            .split(mark)
            .enumerate()
            .map(|(n, part)| if n == 0 { part } else { part.split_once('"').map_or(part, |(_, rest)| rest) })
            .collect::<Vec<_>>()
            .join(mark);
    }
    text
}
