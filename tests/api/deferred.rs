//! Phone first: a number left on the landing page, and the practice that waits for whoever proves it.

use serde_json::{Value, json};

use crate::harness::{Builder, DEMO, IPHONE, Reply, TestApp, Verification, phone};

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
        assert_eq!(links_texted(&app, &number).len(), 10, "ten messages a day, whatever they carry");
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
