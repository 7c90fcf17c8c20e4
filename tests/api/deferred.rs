//! Pending pairings: a phone number submitted on the landing page is offered that practice once the number is
//! verified in the app.

use practice_links::domain::staff::Role;
use practice_links::domain::{link_analytics, practices};
use serde_json::{Value, json};

use crate::harness::{Builder, DEMO, IPHONE, Reply, TestApp, Verification, as_staff, phone};

/// Submits the number in the landing page's form, in the browser; the app learns nothing about it.
fn submit_phone(app: &TestApp, code: &str, number: &str) -> Reply {
    submit_phone_from(app, code, number, "198.51.100.7")
}

fn submit_phone_from(app: &TestApp, code: &str, number: &str, address: &str) -> Reply {
    let page = app.get(&format!("/{code}")).ip(address).user_agent(IPHONE).send().expect(200).text();
    let visit =
        page.split("name=\"visit\" value=\"").nth(1).expect("no form").split('"').next().unwrap().to_owned();
    let submitted = app
        .form(&format!("/{code}/text"), &[("phone", number), ("visit", &visit)])
        .ip(address)
        .user_agent(IPHONE)
        .send();
    match submitted.header("location") {
        Some(next) => app.get(next).ip(address).user_agent(IPHONE).send(),
        None => submitted,
    }
}

/// Verifies the number in the app, which knows nothing about the landing page.
fn verify_in_app(app: &TestApp, number: &str) -> Reply {
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

fn pending_pairings(check: &Reply) -> Vec<Value> {
    check.at("/pending_pairings").as_array().unwrap().clone()
}

fn link_texts(app: &TestApp, number: &str) -> Vec<String> {
    app.deliver_all();
    let texts = app.transport.sent_to(number).into_iter().filter(|text| text.code.is_none());
    texts.map(|text| text.body).collect()
}

both! {
    fn submitted_number_finds_the_practice_in_the_app(app: TestApp) {
        let number = phone(0);
        submit_phone(&app, DEMO, "(415) 555-2000").expect(200);
        let text = link_texts(&app, &number);
        assert_eq!(text, ["Oak Street Family Medicine: get the app for secure messages here: http://links.example.test/123456?s=sms"]);
        let check = verify_in_app(&app, &number);
        let pending = pending_pairings(&check);
        assert_eq!(pending.len(), 1);
        assert_eq!(pending[0]["practice"], json!({ "name": "Oak Street Family Medicine", "city": "Springfield" }));
        let made = sign_up(&app, &check.str("/phone_proof"), pending[0]["id"].as_str().unwrap()).expect(201);
        assert_eq!(made.at("/pairing/source/method"), "phone_first");
        assert_eq!(made.at("/pairing/source/guaranteed"), true);
        assert_eq!(made.at("/conversation/tags"), json!(["demo"]));
        app.deliver_all();
        assert_eq!(pending_pairings(&verify_in_app(&app, &number)), Vec::<Value>::new(), "it was used up");
    }

    fn pending_pairing_lasts_7_days_and_only_for_its_number(app: TestApp) {
        submit_phone(&app, DEMO, &phone(0)).expect(200);
        app.deliver_all();
        app.advance(7 * 86_400 - 60);
        let mine = verify_in_app(&app, &phone(0));
        let id = pending_pairings(&mine)[0]["id"].as_str().unwrap().to_owned();
        let stranger = verify_in_app(&app, &phone(1));
        assert_eq!(pending_pairings(&stranger), Vec::<Value>::new());
        sign_up(&app, &stranger.str("/phone_proof"), &id).problem(409, "pending_pairing_gone");
        app.advance(61);
        sign_up(&app, &mine.str("/phone_proof"), &id).problem(409, "pending_pairing_gone");
        // The proof is not lost: it still signs up through a link.
        let body = json!({
            "phone_proof": mine.str("/phone_proof"), "link_token": app.link_token(DEMO),
            "given_name": "Alex", "family_name": "Rivera",
        });
        app.post("/v1/accounts", body).send().expect(201);
        app.deliver_all();
    }

    fn wrong_code_does_not_reveal_pending_pairings(app: TestApp) {
        submit_phone(&app, DEMO, &phone(0)).expect(200);
        let started = app.post("/v1/verifications", json!({ "phone": phone(0) })).send().expect(201);
        let verification = Verification::of(&phone(0), &started);
        let code = app.code_for(&phone(0));
        let wrong = if code == "000000" { "000001" } else { "000000" };
        let reply = app.check(&verification, wrong).expect(200);
        assert_eq!(reply.at("/result"), "wrong");
        assert!(!reply.text().contains("pending_pairings"), "{}", reply.text());
    }

    fn link_text_is_sent_once_per_ten_minutes_with_same_answer(app: TestApp) {
        let known = app.sign_up(&phone(0)).phone;
        let number = phone(1);
        let first = submit_phone(&app, DEMO, &number).expect(200);
        let again = submit_phone_from(&app, DEMO, &number, "198.51.100.8").expect(200);
        let of_known = submit_phone_from(&app, DEMO, &known, "198.51.100.9").expect(200);
        for other in [&again, &of_known] {
            assert_eq!(without_random_values(&first), without_random_values(other), "the page reveals which numbers are known");
        }
        assert_eq!(link_texts(&app, &number).len(), 1);
        app.advance(599);
        submit_phone(&app, DEMO, &number).expect(200);
        assert_eq!(link_texts(&app, &number).len(), 1);
        app.advance(1);
        submit_phone(&app, DEMO, &number).expect(200);
        assert_eq!(link_texts(&app, &number).len(), 2);
    }

    fn link_texts_stop_silently_at_three_per_number_and_day(app: TestApp) {
        let number = phone(0);
        for hour in 0..12_u32 {
            submit_phone_from(&app, DEMO, &number, &format!("198.51.100.{hour}")).expect(200);
            app.deliver_all();
            app.advance(1200);
        }
        assert_eq!(link_texts(&app, &number).len(), 3, "three links per day, no matter who asks for them");
        // All ten messages of the day are still available for codes.
        for _ in 0..10 {
            app.post("/v1/verifications", json!({ "phone": number })).ip("203.0.113.9").send().expect(201);
            app.deliver_all();
            app.advance(900);
        }
        app.post("/v1/verifications", json!({ "phone": number })).ip("203.0.113.9").send().problem(429, "send_limited");
    }

    fn link_texts_leave_the_send_limits_of_codes_untouched(app: TestApp) {
        let mut answers = Vec::new();
        for n in 0..120 {
            let address = format!("2001:db8:{:x}::1", n / 10);
            answers.push(submit_phone_from(&app, DEMO, &phone(n), &address).status);
        }
        assert_eq!(answers.iter().filter(|status| **status == 200).count(), 30, "the share of one practice");
        assert!(answers[30..].iter().all(|status| *status == 429));
        for n in 200..300 {
            app.start(&phone(n));
        }
        app.deliver_all();
        // Another practice has its own share.
        let elm = app.practice("Elm Dental", None);
        app.link("222222", &elm.id);
        submit_phone_from(&app, "222222", &phone(500), "2001:db8:ff::1").expect(200);
        app.deliver_all();
    }

    fn link_texts_of_two_practices_share_the_country_limit(on: Builder) {
        let app = on.config(|config| config.limits.country_10min = 8).start();
        let elm = app.practice("Elm Dental", None);
        app.link("222222", &elm.id);
        submit_phone_from(&app, DEMO, &phone(0), "198.51.100.1").expect(200);
        submit_phone_from(&app, "222222", &phone(1), "198.51.100.2").expect(200);
        submit_phone_from(&app, DEMO, &phone(2), "198.51.100.3").expect(429);
        app.start(&phone(3));
        app.deliver_all();
    }

    fn exhausted_code_limit_also_blocks_link_texts(on: Builder) {
        let app = on.config(|config| config.limits.practice_10min = 4).start();
        for n in 0..4 {
            app.start(&phone(n));
        }
        let refused = submit_phone(&app, DEMO, &phone(4)).expect(429);
        assert_eq!(refused.header("retry-after"), Some("600"));
        app.advance(600);
        submit_phone(&app, DEMO, &phone(4)).expect(200);
        app.deliver_all();
    }

    fn networks_of_one_household_count_as_one_address(app: TestApp) {
        for n in 0..10 {
            submit_phone_from(&app, DEMO, &phone(n), &format!("2001:db8:0:1{n:02x}::1")).expect(200);
        }
        submit_phone_from(&app, DEMO, &phone(10), "2001:db8:0:1ff::1").expect(429);
        submit_phone_from(&app, DEMO, &phone(10), "2001:db8:0:200::1").expect(200);
        // These are not sign-ups, which have their own rate limit.
        app.post("/v1/verifications", json!({ "phone": phone(11) })).ip("2001:db8:0:100::1").send().expect(201);
        app.deliver_all();
    }

    fn address_over_the_limit_gets_429_with_retry_after(app: TestApp) {
        for n in 0..10 {
            submit_phone(&app, DEMO, &phone(n)).expect(200);
        }
        let refused = submit_phone(&app, DEMO, &phone(10));
        assert_eq!(refused.status, 429);
        assert_eq!(refused.header("retry-after"), Some("600"));
        assert_eq!(link_texts(&app, &phone(10)), Vec::<String>::new());
        app.advance(600);
        submit_phone(&app, DEMO, &phone(10)).expect(200);
        app.deliver_all();
    }

    fn invalid_number_is_reported_next_to_the_field(app: TestApp) {
        for (typed, why) in [("12345", "too few digits"), ("", "number"), ("+44 7400 123456", "country")] {
            let page = submit_phone(&app, DEMO, typed);
            assert_eq!(page.status, 422, "{typed}");
            assert!(page.text().contains(&format!("value=\"{typed}\"")), "the typed value is lost: {why}");
            assert!(page.text().contains("aria-invalid=\"true\""), "{why}");
        }
    }

    fn several_pending_pairings_are_listed_newest_first(app: TestApp) {
        let elm = app.practice("Elm Dental", None);
        app.link("222222", &elm.id);
        submit_phone(&app, DEMO, &phone(0)).expect(200);
        app.advance(700);
        submit_phone(&app, "222222", &phone(0)).expect(200);
        app.deliver_all();
        let check = verify_in_app(&app, &phone(0));
        let names: Vec<Value> = pending_pairings(&check).iter().map(|pending| pending["practice"]["name"].clone()).collect();
        assert_eq!(names, ["Elm Dental", "Oak Street Family Medicine"]);
        let made = sign_up(&app, &check.str("/phone_proof"), pending_pairings(&check)[1]["id"].as_str().unwrap()).expect(201);
        assert_eq!(made.at("/pairing/practice/name"), "Oak Street Family Medicine");
        app.deliver_all();
        // The other pairing is still pending, now for the account that exists.
        let elm = pending_pairings(&check)[0]["id"].as_str().unwrap().to_owned();
        let body = json!({ "pending_pairing_id": elm });
        let paired = app.post("/v1/pairings", body).bearer(&made.str("/session/access_token")).send().expect(201);
        assert_eq!(paired.at("/pairing/practice/name"), "Elm Dental");
        app.deliver_all();
    }

    fn submissions_by_others_displace_no_pending_pairing(app: TestApp) {
        let number = phone(0);
        submit_phone(&app, DEMO, &number).expect(200);
        let others: Vec<String> = (0..24).map(|n| format!("2222{n:02}")).collect();
        let practices: Vec<_> = others.iter().map(|code| {
            let practice = app.practice(&format!("Elm {code}"), None);
            app.link(code, &practice.id);
            practice.id
        }).collect();
        // All at once first, then over days for as long as the first pairing is pending.
        for (n, code) in others.iter().enumerate() {
            submit_phone_from(&app, code, &number, &format!("198.51.100.{n}")).expect(200);
            app.deliver_all();
            if n >= 4 {
                app.advance(6 * 3600);
            }
        }
        let texted = link_texts(&app, &number).len();
        let pending = pending_pairings(&verify_in_app(&app, &number));
        assert_eq!(pending.len(), texted, "every pending pairing was texted");
        assert!(pending.len() > 10);
        assert_eq!(pending.last().unwrap()["practice"]["name"], "Oak Street Family Medicine");
        // Closed practices are not listed.
        for id in &practices {
            app.write(|tx| practices::close(tx, id));
        }
        assert_eq!(pending_pairings(&verify_in_app(&app, &number)).len(), 1);
    }

    fn no_pending_pairing_exists_without_a_sent_text(app: TestApp) {
        let elm = app.practice("Elm Dental", None);
        app.link("222222", &elm.id);
        submit_phone(&app, DEMO, &phone(0)).expect(200);
        submit_phone(&app, "222222", &phone(0)).expect(200);
        assert_eq!(link_texts(&app, &phone(0)).len(), 1);
        let pending = pending_pairings(&verify_in_app(&app, &phone(0)));
        assert_eq!(pending.len(), 1);
        assert_eq!(pending[0]["practice"]["name"], "Oak Street Family Medicine");
    }

    fn repeated_pairing_after_a_lost_reply_succeeds(app: TestApp) {
        let elm = app.practice("Elm Dental", None);
        app.link("222222", &elm.id);
        let patient = app.sign_up(&phone(0));
        submit_phone(&app, "222222", &phone(0)).expect(200);
        let id = pending_pairings(&verify_in_app(&app, &phone(0)))[0]["id"].clone();
        let pair = |token: &str| app.post("/v1/pairings", json!({ "pending_pairing_id": id })).bearer(token).send();
        let first = pair(&patient.access_token).expect(201);
        app.deliver_all();
        let again = pair(&patient.access_token).expect(200);
        assert_eq!(first.json(), again.json());
        assert_eq!(pending_pairings(&verify_in_app(&app, &phone(0))), Vec::<Value>::new(), "it was used up");
        let stranger = app.sign_up(&phone(1));
        pair(&stranger.access_token).problem(409, "pending_pairing_gone");
        // The next holder of the number does not find it either.
        app.delete("/v1/me").bearer(&patient.access_token).send().expect(204);
        let next = app.sign_up(&phone(0));
        pair(&next.access_token).problem(409, "pending_pairing_gone");
        // Submitting the number again creates it again; once expired, it is deleted.
        submit_phone(&app, "222222", &phone(0)).expect(200);
        app.advance(700);
        submit_phone(&app, "222222", &phone(0)).expect(200);
        assert_eq!(pending_pairings(&verify_in_app(&app, &phone(0))).len(), 1);
        app.advance(7 * 86_400);
        practice_links::domain::retention::sweep(&app.state.service).unwrap();
        assert_eq!(app.count("SELECT count(*) AS n FROM pending_pairings"), 0);
    }

    fn practice_paired_by_code_is_no_longer_offered(app: TestApp) {
        let elm = app.practice("Elm Dental", None);
        app.link("222222", &elm.id);
        submit_phone(&app, DEMO, &phone(0)).expect(200);
        app.advance(700);
        submit_phone(&app, "222222", &phone(0)).expect(200);
        let patient = app.sign_up(&phone(0));
        let pending = pending_pairings(&verify_in_app(&app, &phone(0)));
        assert_eq!(pending.len(), 1, "the demo practice was paired by code");
        assert_eq!(pending[0]["practice"]["name"], "Elm Dental");
        let body = json!({ "link_token": app.link_token("222222") });
        app.post("/v1/pairings", body).bearer(&patient.access_token).send().expect(201);
        assert_eq!(pending_pairings(&verify_in_app(&app, &phone(0))), Vec::<Value>::new());
        // An id that the app received a moment ago still resolves to the same conversation.
        let body = json!({ "pending_pairing_id": pending[0]["id"] });
        app.post("/v1/pairings", body).bearer(&patient.access_token).send().expect(200);
        app.deliver_all();
    }

    fn phone_first_sign_up_is_counted_step_by_step(app: TestApp) {
        let practice = app.write(practices::list).remove(0);
        let admin = app.staff_client(&practice, "ana", Role::Admin);
        let id = as_staff(&admin, app.get("/v1/practice/links")).send().expect(200).str("/items/0/id");
        let totals = || {
            link_analytics::flush(&app.state.service, &app.state.page_views).unwrap();
            let path = format!("/v1/practice/links/{id}/funnel");
            let seen = as_staff(&admin, app.get(&path)).send().expect(200).at("/totals");
            (seen["sms_sent"].clone(), seen["verified"].clone(), seen["paired"].clone())
        };
        submit_phone(&app, DEMO, &phone(0)).expect(200);
        assert_eq!(totals(), (json!(0), json!(0), json!(0)));
        app.deliver_all();
        assert_eq!(totals(), (json!(1), json!(0), json!(0)));
        let check = verify_in_app(&app, &phone(0));
        assert_eq!(totals(), (json!(1), json!(1), json!(0)));
        // A second verification before the first one is used is counted once.
        verify_in_app(&app, &phone(0));
        assert_eq!(totals(), (json!(1), json!(1), json!(0)));
        sign_up(&app, &check.str("/phone_proof"), pending_pairings(&check)[0]["id"].as_str().unwrap()).expect(201);
        app.deliver_all();
        assert_eq!(totals(), (json!(1), json!(1), json!(1)));
        // Opening the texted link brings its token as well: one number, counted as verified once.
        submit_phone(&app, DEMO, &phone(1)).expect(200);
        app.sign_up(&phone(1));
        assert_eq!(totals(), (json!(3), json!(2), json!(2)));
    }

    fn sign_up_takes_exactly_one_entry_point(app: TestApp) {
        let check = verify_in_app(&app, &phone(0));
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

    // Case 8 of links.md: no pairing by IP address.
    fn two_phones_behind_one_address_are_never_mixed(on: Builder) {
        let app = on.start();
        let elm = app.practice("Elm Dental", None);
        app.link("222222", &elm.id);
        let shared_address = "198.51.100.20";
        let open_page = |code: &str, agent: &str| app.get(&format!("/{code}")).ip(shared_address).user_agent(agent).send().expect(200);
        let agent = IPHONE;
        // Two phones of the same model, address and minute open two practices; a third opens nothing.
        open_page(DEMO, agent);
        open_page("222222", agent);
        for n in 0..3 {
            let started = app.post("/v1/verifications", json!({ "phone": phone(n) })).ip(shared_address).user_agent(agent).send().expect(201);
            let verification = Verification::of(&phone(n), &started);
            let code = app.code_for(&phone(n));
            let check = app.check(&verification, &code).expect(200);
            assert_eq!(pending_pairings(&check), Vec::<Value>::new(), "a pairing was guessed from the address");
            let body = json!({ "phone_proof": check.str("/phone_proof"), "given_name": "A", "family_name": "B" });
            app.post("/v1/accounts", body).ip(shared_address).send().problem(422, "invalid_request");
        }
        // Only what each phone itself carried over decides.
        for (n, code, name) in [(10, DEMO, "Oak Street Family Medicine"), (11, "222222", "Elm Dental")] {
            let made = app.sign_up_at(&phone(n), code);
            assert_eq!(made.json["pairing"]["practice"]["name"], name);
        }
    }
}

/// The page without the values that differ on each request.
fn without_random_values(page: &Reply) -> String {
    let mut text = page.text();
    for mark in ["value=\"", "visit="] {
        text = text
            .split(mark)
            .enumerate()
            .map(|(n, part)| if n == 0 { part } else { part.split_once('"').map_or(part, |(_, rest)| rest) })
            .collect::<Vec<_>>()
            .join(mark);
    }
    text
}
