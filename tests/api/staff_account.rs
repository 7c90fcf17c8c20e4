//! One's own account: name, password, recovery codes, sign-ins.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use practice_links::domain::practices::Practice;
use practice_links::domain::staff::Role;
use serde_json::{Value, json};

use crate::harness::{Call, PASSWORD, Person, Reply, TestApp};

const NEW: &str = "seven quiet herons";

fn elm(app: &TestApp) -> Practice {
    app.practice("Elm Dental", None)
}

fn change(app: &TestApp, who: &Person, current: &str, new: &str) -> Call {
    let body = json!({ "current_password": current, "new_password": new });
    app.post("/v1/staff/me/password", body).bearer(&who.access_token)
}

fn renew(app: &TestApp, who: &Person, code: &str) -> Reply {
    app.post("/v1/staff/me/recovery-codes", json!({ "code": code })).bearer(&who.access_token).send()
}

fn me(app: &TestApp, token: &str) -> Reply {
    app.get("/v1/staff/me").bearer(token).send()
}

fn audited(app: &TestApp, action: &str) -> i64 {
    app.count(&format!("SELECT count(*) AS n FROM audit_events WHERE action = '{action}'"))
}

both! {
    fn a_new_password_ends_every_other_sign_in(app: TestApp) {
        let ana = app.person(&elm(&app), "ana", Role::Admin);
        let other = app.sign_in_staff(&ana).str("/session/access_token");
        let done = || change(&app, &ana, PASSWORD, NEW).key("once").send().expect(200);
        assert_eq!(done().at("/status"), "changed");
        // Sent again under its key it is the same answer.
        assert_eq!(done().body, done().body);
        me(&app, &ana.access_token).expect(200);
        me(&app, &other).problem(401, "unauthorized");
        app.give_password(&ana.email, PASSWORD).send().problem(401, "sign_in_refused");
        app.give_password(&ana.email, NEW).send().expect(201);
        assert_eq!(audited(&app, "staff.password_changed"), 1);
    }

    fn a_wrong_current_password_is_a_guess(app: TestApp) {
        let ana = app.person(&elm(&app), "ana", Role::Admin);
        for _ in 0..5 {
            let wrong = change(&app, &ana, "a wrong password", "short").send().problem(422, "current_password_wrong");
            assert_eq!(wrong.at("/errors/0/pointer"), "/current_password");
        }
        assert_eq!(change(&app, &ana, PASSWORD, NEW).send().problem(429, "sign_in_limited").retry_after(), Some(30));
        // The sign-in is slowed by the same failures.
        app.give_password(&ana.email, PASSWORD).send().problem(429, "sign_in_limited");
        app.advance(30);
        let weak = change(&app, &ana, PASSWORD, "short").send().problem(422, "password_refused");
        assert_eq!(weak.at("/errors/0/pointer"), "/new_password");
        change(&app, &ana, PASSWORD, NEW).send().expect(200);
        assert_eq!(audited(&app, "staff.password_failed"), 5);
    }

    fn a_password_is_the_same_from_every_keyboard(app: TestApp) {
        let ana = app.person(&elm(&app), "ana", Role::Admin);
        // Composed here, decomposed and with a ligature there (NFKC).
        change(&app, &ana, PASSWORD, "se\u{f1}ora office").send().expect(200);
        app.give_password(&ana.email, "sen\u{303}ora o\u{fb03}ce").send().expect(201);
    }

    fn fresh_recovery_codes_replace_the_old_ones(app: TestApp) {
        let ana = app.person(&elm(&app), "ana", Role::Admin);
        // The enrolment has spent this step's code.
        renew(&app, &ana, &app.totp(&ana.seed)).problem(401, "second_factor_wrong");
        app.advance(30);
        let code = app.totp(&ana.seed);
        let codes = renew(&app, &ana, &code).expect(201).at("/recovery_codes");
        assert_eq!(codes.as_array().unwrap().len(), 10);
        renew(&app, &ana, &code).problem(401, "second_factor_wrong");
        assert_eq!(me(&app, &ana.access_token).at("/recovery_codes_left"), 10);
        let recover = |code: &Value| {
            let begun = app.give_password(&ana.email, PASSWORD).send().expect(201);
            let body = json!({ "challenge": begun.str("/challenge"), "recovery_code": code });
            app.post("/v1/staff/sessions/totp", body).send()
        };
        recover(&json!(ana.recovery_codes[0])).problem(401, "second_factor_wrong");
        recover(&codes[0]).expect(201);
        assert_eq!(audited(&app, "staff.recovery_codes_renewed"), 1);
        for _ in 0..4 {
            renew(&app, &ana, "000000");
        }
        app.advance(1);
        for _ in 0..5 {
            renew(&app, &ana, "000000");
        }
        renew(&app, &ana, "000000").problem(429, "sign_in_limited");
    }

    fn one_of_several_sign_ins_is_ended(app: TestApp) {
        let practice = elm(&app);
        let (ana, ben) = (app.person(&practice, "ana", Role::Admin), app.person(&practice, "ben", Role::Member));
        let other = app.sign_in_staff(&ana).str("/session/access_token");
        let listed = app.get("/v1/staff/sessions").bearer(&other).send().expect(200);
        let items = listed.at("/items");
        let first = items.as_array().unwrap().iter().find(|item| item["is_current"] == false).unwrap();
        let path = format!("/v1/staff/sessions/{}", first["id"].as_str().unwrap());
        let end = |token: &str| app.delete(&path).bearer(token).send();
        end(&ben.access_token).problem(404, "session_not_found");
        end(&other).expect(204);
        me(&app, &ana.access_token).problem(401, "unauthorized");
        me(&app, &other).expect(200);
        // Ended is ended: once more changes nothing.
        end(&other).expect(204);
        assert_eq!(audited(&app, "staff.session_ended"), 1);
    }

    fn everybody_changes_their_own_name(app: TestApp) {
        let ben = app.person(&elm(&app), "ben", Role::Member);
        let call = |name: &str| app.patch("/v1/staff/me", json!({ "name": name })).bearer(&ben.access_token).send();
        assert_eq!(call(" Ben Okoro ").expect(200).at("/staff/name"), "Ben Okoro");
        call("Ben Okoro").expect(200);
        call(" ").problem(422, "invalid_request");
        assert_eq!(audited(&app, "staff.renamed"), 1);
    }

    fn a_staff_token_names_its_issuer_and_its_audience(app: TestApp) {
        let ana = app.person(&elm(&app), "ana", Role::Admin);
        let claims = URL_SAFE_NO_PAD.decode(ana.access_token.split('.').nth(1).unwrap()).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["iss"], "http://links.example.test");
        assert_eq!(claims["aud"], "practice-links:staff");
    }
}
