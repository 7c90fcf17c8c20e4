//! The own account of a staff member: name, password, recovery codes, sessions.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use practice_links::domain::practices::Practice;
use practice_links::domain::staff::Role;
use serde_json::{Value, json};

use crate::harness::{Call, EnrolledStaff, PASSWORD, Reply, TestApp};

const NEW_PASSWORD: &str = "seven quiet herons";

fn elm(app: &TestApp) -> Practice {
    app.practice("Elm Dental", None)
}

fn change_password(app: &TestApp, caller: &EnrolledStaff, current: &str, new: &str) -> Call {
    let body = json!({ "current_password": current, "new_password": new });
    app.post("/v1/staff/me/password", body).bearer(&caller.access_token)
}

fn renew_codes(app: &TestApp, caller: &EnrolledStaff, code: &str) -> Reply {
    app.post("/v1/staff/me/recovery-codes", json!({ "code": code })).bearer(&caller.access_token).send()
}

fn me(app: &TestApp, token: &str) -> Reply {
    app.get("/v1/staff/me").bearer(token).send()
}

fn audited(app: &TestApp, action: &str) -> i64 {
    app.count(&format!("SELECT count(*) AS n FROM events WHERE kind = '{action}'"))
}

both! {
    fn password_change_ends_every_other_session(app: TestApp) {
        let admin = app.enrolled_staff(&elm(&app), "ana", Role::Admin);
        let other = app.sign_in_staff(&admin).str("/session/access_token");
        let done = || change_password(&app, &admin, PASSWORD, NEW_PASSWORD).key("once").send().expect(200);
        assert_eq!(done().at("/status"), "changed");
        // Repeating the call with its idempotency key returns the same reply.
        assert_eq!(done().body, done().body);
        me(&app, &admin.access_token).expect(200);
        me(&app, &other).problem(401, "unauthorized");
        app.sign_in_with_password(&admin.email, PASSWORD).send().problem(401, "sign_in_refused");
        app.sign_in_with_password(&admin.email, NEW_PASSWORD).send().expect(201);
        assert_eq!(audited(&app, "staff.password_changed"), 1);
    }

    fn wrong_current_password_counts_as_a_failed_sign_in(app: TestApp) {
        let admin = app.enrolled_staff(&elm(&app), "ana", Role::Admin);
        for _ in 0..5 {
            let wrong = change_password(&app, &admin, "a wrong password", "short").send().problem(422, "current_password_wrong");
            assert_eq!(wrong.at("/errors/0/pointer"), "/current_password");
        }
        assert_eq!(change_password(&app, &admin, PASSWORD, NEW_PASSWORD).send().problem(429, "sign_in_limited").retry_after(), Some(30));
        // The same failures limit the sign-in.
        app.sign_in_with_password(&admin.email, PASSWORD).send().problem(429, "sign_in_limited");
        app.advance(30);
        let weak = change_password(&app, &admin, PASSWORD, "short").send().problem(422, "password_refused");
        assert_eq!(weak.at("/errors/0/pointer"), "/new_password");
        change_password(&app, &admin, PASSWORD, NEW_PASSWORD).send().expect(200);
        assert_eq!(audited(&app, "staff.password_failed"), 5);
    }

    fn password_is_unicode_normalized(app: TestApp) {
        let admin = app.enrolled_staff(&elm(&app), "ana", Role::Admin);
        // Composed on one keyboard, decomposed and with a ligature on the other (NFKC).
        change_password(&app, &admin, PASSWORD, "se\u{f1}ora office").send().expect(200);
        app.sign_in_with_password(&admin.email, "sen\u{303}ora o\u{fb03}ce").send().expect(201);
    }

    fn new_recovery_codes_replace_the_old_ones(app: TestApp) {
        let admin = app.enrolled_staff(&elm(&app), "ana", Role::Admin);
        // The enrolment has used up the code of this time step.
        renew_codes(&app, &admin, &app.totp(&admin.seed)).problem(401, "second_factor_wrong");
        app.advance(30);
        let code = app.totp(&admin.seed);
        let codes = renew_codes(&app, &admin, &code).expect(201).at("/recovery_codes");
        assert_eq!(codes.as_array().unwrap().len(), 10);
        renew_codes(&app, &admin, &code).problem(401, "second_factor_wrong");
        assert_eq!(me(&app, &admin.access_token).at("/recovery_codes_left"), 10);
        let recover = |code: &Value| {
            let begun = app.sign_in_with_password(&admin.email, PASSWORD).send().expect(201);
            let body = json!({ "challenge": begun.str("/challenge"), "recovery_code": code });
            app.post("/v1/staff/sessions/totp", body).send()
        };
        recover(&json!(admin.recovery_codes[0])).problem(401, "second_factor_wrong");
        recover(&codes[0]).expect(201);
        assert_eq!(audited(&app, "staff.recovery_codes_renewed"), 1);
        for _ in 0..4 {
            renew_codes(&app, &admin, "000000");
        }
        app.advance(1);
        for _ in 0..5 {
            renew_codes(&app, &admin, "000000");
        }
        renew_codes(&app, &admin, "000000").problem(429, "sign_in_limited");
    }

    fn one_of_several_sessions_is_ended(app: TestApp) {
        let practice = elm(&app);
        let (admin, member) = (app.enrolled_staff(&practice, "ana", Role::Admin), app.enrolled_staff(&practice, "ben", Role::Member));
        let other = app.sign_in_staff(&admin).str("/session/access_token");
        let listed = app.get("/v1/staff/sessions").bearer(&other).send().expect(200);
        let items = listed.at("/items");
        let first = items.as_array().unwrap().iter().find(|item| item["is_current"] == false).unwrap();
        let path = format!("/v1/staff/sessions/{}", first["id"].as_str().unwrap());
        let end = |token: &str| app.delete(&path).bearer(token).send();
        end(&member.access_token).problem(404, "session_not_found");
        end(&other).expect(204);
        me(&app, &admin.access_token).problem(401, "unauthorized");
        me(&app, &other).expect(200);
        // Ending it again changes nothing.
        end(&other).expect(204);
        assert_eq!(audited(&app, "staff.session_ended"), 1);
    }

    fn staff_member_changes_their_own_name(app: TestApp) {
        let member = app.enrolled_staff(&elm(&app), "ben", Role::Member);
        let call = |name: &str| app.patch("/v1/staff/me", json!({ "name": name })).bearer(&member.access_token).send();
        assert_eq!(call(" Ben Okoro ").expect(200).at("/staff/name"), "Ben Okoro");
        call("Ben Okoro").expect(200);
        call(" ").problem(422, "invalid_request");
        assert_eq!(audited(&app, "staff.renamed"), 1);
    }

    fn staff_token_names_its_issuer_and_audience(app: TestApp) {
        let admin = app.enrolled_staff(&elm(&app), "ana", Role::Admin);
        let claims = URL_SAFE_NO_PAD.decode(admin.access_token.split('.').nth(1).unwrap()).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["iss"], "http://links.example.test");
        assert_eq!(claims["aud"], "practice-links:staff");
    }
}
