//! Staff: invitation, sign-in with two factors, sessions, and the loss of access.

use practice_links::domain::practices::Practice;
use practice_links::domain::retention;
use practice_links::domain::staff::{self, Role, sign_in};
use serde_json::{Value, json};

use crate::harness::{EnrolledStaff, PASSWORD, Reply, TestApp, phone, together};

const SESSIONS: &str = "/v1/staff/sessions";
const STAFF: &str = "/v1/practice/staff";
const TEAMS: &str = "/v1/practice/teams";

fn elm(app: &TestApp) -> Practice {
    app.practice("Elm Dental", Some("desk@elm.example"))
}

fn me(app: &TestApp, token: &str) -> Reply {
    app.get("/v1/staff/me").bearer(token).send()
}

/// The token after the `#` of the link in the last mail to `email`.
fn mailed_token(app: &TestApp, email: &str) -> String {
    app.deliver_all();
    let mail = app.transport.sent_to(email).pop().expect("no mail");
    let start = mail.body.find("/console/welcome#").expect("no link") + "/console/welcome#".len();
    assert!(mail.html.contains("/console/welcome#"));
    mail.body[start..].split_whitespace().next().unwrap().to_owned()
}

fn audited(app: &TestApp, action: &str) -> i64 {
    app.count(&format!("SELECT count(*) FROM events WHERE kind = '{action}'"))
}

fn patch_staff(app: &TestApp, caller: &EnrolledStaff, id: &str, body: Value) -> Reply {
    app.patch(&format!("{STAFF}/{id}"), body).bearer(&caller.access_token).send()
}

both! {
    fn invited_member_enrols_and_signs_in(app: TestApp) {
        let practice = elm(&app);
        let admin = app.enrolled_staff(&practice, "ana", Role::Admin);
        let body = json!({ "email": "Ben@elm.example ", "name": " Ben Okoro ", "role": "member" });
        let made = app.post(STAFF, body.clone()).bearer(&admin.access_token).send().expect(201);
        assert_eq!(made.at("/staff/state"), "invited");
        assert_eq!(made.at("/staff/name"), "Ben Okoro");
        let token = mailed_token(&app, "ben@elm.example");
        let mail = app.transport.sent_to("ben@elm.example").pop().unwrap();
        assert_eq!(mail.subject, "You’re invited to your practice’s inbox");
        assert!(mail.body.contains("Elm Dental") && mail.unsubscribe.is_none());

        // Signing in is impossible before a password is set.
        app.sign_in_with_password("ben@elm.example", PASSWORD).send().problem(401, "sign_in_refused");
        let set = app.choose_password(&token, PASSWORD).expect(200);
        assert_eq!(set.at("/email"), "ben@elm.example");
        app.choose_password(&token, PASSWORD).problem(410, "letter_expired");

        let begun = app.sign_in_with_password("ben@elm.example", PASSWORD).send().expect(201);
        let (url, seed) = (begun.str("/enrol/otpauth_url"), begun.str("/enrol/secret"));
        assert!(url.starts_with("otpauth://totp/") && url.contains(":ben%40elm.example?"), "{url}");
        assert!(url.contains(&format!("secret={seed}&")) && seed.len() == 32, "{url}");
        assert!(begun.str("/enrol/qr_svg").starts_with("<svg "));
        let done = app.enter_totp_code(&begun.str("/challenge"), &app.totp(&seed)).expect(201);
        assert_eq!(done.at("/recovery_codes").as_array().unwrap().len(), 10);
        assert_eq!(done.at("/session/expires_in"), 900);
        let me = me(&app, &done.str("/session/access_token")).expect(200);
        assert_eq!(me.at("/staff/email"), "ben@elm.example");
        assert_eq!(me.at("/staff/has_totp"), true);
        assert_eq!(me.at("/practice/name"), "Elm Dental");
        assert_eq!(me.at("/recovery_codes_left"), 10);

        // The second sign-in has no enrolment and shows no recovery codes.
        app.advance(30);
        let begun = app.sign_in_with_password("ben@elm.example", PASSWORD).send().expect(201);
        assert_eq!(begun.at("/enrol"), Value::Null);
        let again = app.enter_totp_code(&begun.str("/challenge"), &app.totp(&seed)).expect(201);
        assert_eq!(again.at("/recovery_codes"), Value::Null);
        // An e-mail that signs in is taken; an e-mail that was only invited can be invited again.
        app.post(STAFF, body).bearer(&admin.access_token).send().problem(409, "staff_exists");
        for (action, times) in [("staff.invited", 1), ("staff.enrolled", 2), ("staff.signed_in", 3)] {
            assert_eq!(audited(&app, action), times, "{action}");
        }
    }

    fn resent_invitation_invalidates_the_older_one(app: TestApp) {
        let admin = app.enrolled_staff(&elm(&app), "ana", Role::Admin);
        let body = json!({ "email": "ben@elm.example", "name": "Ben", "role": "member" });
        let first = app.post(STAFF, body.clone()).bearer(&admin.access_token).send().expect(201);
        let older = mailed_token(&app, "ben@elm.example");
        let second = app.post(STAFF, body).bearer(&admin.access_token).send().expect(201);
        assert_eq!(first.at("/staff/id"), second.at("/staff/id"));
        let newer = mailed_token(&app, "ben@elm.example");
        app.choose_password(&older, PASSWORD).problem(410, "letter_expired");
        app.advance(7 * 24 * 3600 - 1);
        app.choose_password(&newer, PASSWORD).expect(200);
    }

    fn invitation_expires_after_7_days_and_reset_after_1_hour(app: TestApp) {
        let practice = elm(&app);
        let (_, email, token) = app.invite_staff(&practice, "ana", Role::Admin);
        app.advance(7 * 24 * 3600);
        app.choose_password(&token, PASSWORD).problem(410, "letter_expired");
        app.post("/v1/staff/password-resets", json!({ "email": email })).send().expect(202);
        let token = mailed_token(&app, &email);
        app.advance(3600);
        app.choose_password(&token, PASSWORD).problem(410, "letter_expired");
    }

    fn weak_password_is_refused_and_the_link_stays_valid(app: TestApp) {
        let (_, email, token) = app.invite_staff(&elm(&app), "ana", Role::Admin);
        for weak in ["short", "Elm Dental!", &email, "Password1234", "aaaaaaaaaaaaaaaa", &"long ".repeat(26)] {
            app.choose_password(&token, weak).problem(422, "password_refused");
        }
        app.choose_password(&token, "all lower case").expect(200);
    }

    fn totp_code_works_once(app: TestApp) {
        let admin = app.enrolled_staff(&elm(&app), "ana", Role::Admin);
        let begin = || app.sign_in_with_password(&admin.email, PASSWORD).send().expect(201).str("/challenge");
        // The enrolment has used up the code of this time step.
        app.enter_totp_code(&begin(), &app.totp(&admin.seed)).problem(401, "second_factor_wrong");
        app.advance(30);
        let code = app.totp(&admin.seed);
        app.enter_totp_code(&begin(), &code).expect(201);
        app.enter_totp_code(&begin(), &code).problem(401, "second_factor_wrong");
        // One time step early or late is accepted, two are not; a code older than the last one used is
        // refused.
        app.advance(30);
        let early = app.totp(&admin.seed);
        app.advance(30);
        let late = app.totp(&admin.seed);
        app.enter_totp_code(&begin(), &late).expect(201);
        app.enter_totp_code(&begin(), &early).problem(401, "second_factor_wrong");
        app.advance(60);
        let stale = app.totp(&admin.seed);
        app.advance(60);
        app.enter_totp_code(&begin(), &stale).problem(401, "second_factor_wrong");
    }

    fn challenge_allows_five_tries_one_use_and_five_minutes(app: TestApp) {
        let admin = app.enrolled_staff(&elm(&app), "ana", Role::Admin);
        app.advance(30);
        let challenge = app.sign_in_with_password(&admin.email, PASSWORD).send().expect(201).str("/challenge");
        for _ in 0..5 {
            app.enter_totp_code(&challenge, "not a code").problem(401, "second_factor_wrong");
        }
        app.enter_totp_code(&challenge, &app.totp(&admin.seed)).problem(401, "challenge_invalid");
        assert_eq!(audited(&app, "staff.second_factor_failed"), 5);
        app.advance(30);
        let challenge = app.sign_in_with_password(&admin.email, PASSWORD).send().expect(201).str("/challenge");
        app.enter_totp_code(&challenge, &app.totp(&admin.seed)).expect(201);
        app.advance(30);
        app.enter_totp_code(&challenge, &app.totp(&admin.seed)).problem(401, "challenge_invalid");
        let challenge = app.sign_in_with_password(&admin.email, PASSWORD).send().expect(201).str("/challenge");
        app.advance(300);
        app.enter_totp_code(&challenge, &app.totp(&admin.seed)).problem(401, "challenge_invalid");
        app.enter_totp_code("sch_guess", &app.totp(&admin.seed)).problem(401, "challenge_invalid");
    }

    fn wrong_codes_are_limited_across_challenges(app: TestApp) {
        let admin = app.enrolled_staff(&elm(&app), "ana", Role::Admin);
        let begin = || app.sign_in_with_password(&admin.email, PASSWORD).send().expect(201).str("/challenge");
        for _ in 0..5 {
            app.enter_totp_code(&begin(), "000000").problem(401, "second_factor_wrong");
        }
        let challenge = begin();
        let limited = app.enter_totp_code(&challenge, &app.totp(&admin.seed)).problem(429, "sign_in_limited");
        app.advance(limited.retry_after().unwrap());
        app.enter_totp_code(&challenge, &app.totp(&admin.seed)).expect(201);
    }

    fn recovery_code_works_once(app: TestApp) {
        let admin = app.enrolled_staff(&elm(&app), "ana", Role::Admin);
        let begin = || app.sign_in_with_password(&admin.email, PASSWORD).send().expect(201).str("/challenge");
        let recover = |code: &str| {
            let body = json!({ "challenge": begin(), "recovery_code": code });
            app.post("/v1/staff/sessions/totp", body).send()
        };
        let typed = admin.recovery_codes[0].to_uppercase().replace('-', " ");
        let done = recover(&typed).expect(201);
        assert_eq!(me(&app, &done.str("/session/access_token")).at("/recovery_codes_left"), 9);
        recover(&admin.recovery_codes[0]).problem(401, "second_factor_wrong");
        recover("00000-00000").problem(401, "second_factor_wrong");
        recover(&admin.recovery_codes[1]).expect(201);
        let both = json!({ "challenge": begin(), "code": "123456", "recovery_code": "7k2mq-x09ab" });
        app.post("/v1/staff/sessions/totp", both).send().problem(422, "invalid_request");
    }

    fn refresh_token_reuse_ends_the_session(app: TestApp) {
        let admin = app.enrolled_staff(&elm(&app), "ana", Role::Admin);
        let refresh = |token: &str| {
            app.post("/v1/staff/sessions/refresh", json!({ "refresh_token": token })).send()
        };
        app.advance(900);
        me(&app, &admin.access_token).problem(401, "unauthorized");
        let fresh = refresh(&admin.refresh_token).expect(200);
        let access = fresh.str("/session/access_token");
        me(&app, &access).expect(200);
        refresh(&admin.refresh_token).problem(401, "refresh_token_reused");
        me(&app, &access).problem(401, "unauthorized");
        refresh(&fresh.str("/session/refresh_token")).problem(401, "refresh_token_invalid");
        refresh("srt_guess").problem(401, "refresh_token_invalid");
        assert_eq!(audited(&app, "staff.refresh_token_reused"), 1);
    }

    fn app_session_expires_after_an_unused_week(app: TestApp) {
        let admin = app.enrolled_staff(&elm(&app), "ana", Role::Admin);
        app.advance(7 * 24 * 3600);
        let body = json!({ "refresh_token": admin.refresh_token });
        app.post("/v1/staff/sessions/refresh", body).send().problem(401, "refresh_token_invalid");
    }

    fn patient_and_staff_tokens_do_not_cross_over(app: TestApp) {
        let admin = app.enrolled_staff(&elm(&app), "ana", Role::Admin);
        let patient = app.sign_up(&phone(7));
        for path in ["/v1/staff/me", SESSIONS, STAFF, TEAMS, "/v1/practice/links"] {
            app.get(path).bearer(&patient.access_token).send().problem(401, "unauthorized");
        }
        for path in ["/v1/me", "/v1/me/pairings"] {
            app.get(path).bearer(&admin.access_token).send().problem(401, "unauthorized");
        }
        let (ours, theirs) = (&admin.refresh_token, &patient.refresh_token);
        for (path, token) in [("/v1/staff/sessions/refresh", theirs), ("/v1/sessions/refresh", ours)] {
            let body = json!({ "refresh_token": token });
            app.post(path, body).send().problem(401, "refresh_token_invalid");
        }
    }

    fn staff_list_and_end_only_their_own_sessions(app: TestApp) {
        let practice = elm(&app);
        let admin = app.enrolled_staff(&practice, "ana", Role::Admin);
        let member = app.enrolled_staff(&practice, "ben", Role::Member);
        app.advance(30);
        let challenge = app.sign_in_with_password(&admin.email, PASSWORD).send().expect(201).str("/challenge");
        let body = json!({ "challenge": challenge, "code": app.totp(&admin.seed) });
        let agent = "Mozilla/5.0 (Windows NT 10.0; rv:130.0) Gecko/20100101 Firefox/130.0";
        let second = app.post("/v1/staff/sessions/totp", body).user_agent(agent).send().expect(201);
        let second = second.str("/session/access_token");
        let listed = app.get(SESSIONS).bearer(&second).send().expect(200);
        assert_eq!(listed.at("/items").as_array().unwrap().len(), 2);
        assert_eq!(listed.at("/items/0/label"), "Firefox, Windows");
        assert_eq!(listed.at("/items/0/is_current"), true);
        assert_eq!(listed.at("/items/1/is_current"), false);

        app.delete("/v1/staff/sessions/current").bearer(&second).send().expect(204);
        me(&app, &second).problem(401, "unauthorized");
        me(&app, &admin.access_token).expect(200);
        let third = app.sign_in_staff(&admin).str("/session/access_token");
        app.delete(SESSIONS).bearer(&third).send().expect(204);
        for token in [&third, &admin.access_token] {
            me(&app, token).problem(401, "unauthorized");
        }
        let body = json!({ "refresh_token": admin.refresh_token });
        app.post("/v1/staff/sessions/refresh", body).send().problem(401, "refresh_token_invalid");
        me(&app, &member.access_token).expect(200);
    }

    fn password_reset_ends_every_session(app: TestApp) {
        let admin = app.enrolled_staff(&elm(&app), "ana", Role::Admin);
        let challenge = app.sign_in_with_password(&admin.email, PASSWORD).send().expect(201).str("/challenge");
        app.post("/v1/staff/password-resets", json!({ "email": admin.email })).send().expect(202);
        let token = mailed_token(&app, &admin.email);
        me(&app, &admin.access_token).expect(200);
        app.choose_password(&token, "another fine password").expect(200);
        me(&app, &admin.access_token).problem(401, "unauthorized");
        app.advance(30);
        app.enter_totp_code(&challenge, &app.totp(&admin.seed)).problem(401, "challenge_invalid");
        app.sign_in_with_password(&admin.email, PASSWORD).send().problem(401, "sign_in_refused");
        // The second factor is unchanged.
        let begun = app.sign_in_with_password(&admin.email, "another fine password").send().expect(201);
        assert_eq!(begun.at("/enrol"), Value::Null);
        app.enter_totp_code(&begun.str("/challenge"), &app.totp(&admin.seed)).expect(201);
        assert_eq!(audited(&app, "staff.password_set"), 2);
    }

    fn password_reset_reveals_no_address_and_sends_one_mail(app: TestApp) {
        let admin = app.enrolled_staff(&elm(&app), "ana", Role::Admin);
        let ask = |email: &str| app.post("/v1/staff/password-resets", json!({ "email": email })).send();
        let (ours, nobodys) = (ask(&admin.email).expect(202), ask("nobody@elm.example").expect(202));
        assert_eq!(ours.body, nobodys.body);
        assert_eq!(app.outbox("queued"), 2, "both requests queue a message, so they take equally long");
        for _ in 0..3 {
            ask(&admin.email).expect(202);
        }
        app.deliver_all();
        assert_eq!(app.transport.sent_to(&admin.email).len(), 1);
        assert!(app.transport.sent_to("nobody@elm.example").is_empty());
        for n in 0..15 {
            ask(&format!("n{n}@elm.example")).expect(202);
        }
        let limited = ask("one.more@elm.example").problem(429, "sign_in_limited");
        app.advance(limited.retry_after().unwrap());
        ask("one.more@elm.example").expect(202);
        app.deliver_all();
    }

    fn unknown_email_is_answered_like_a_wrong_password(app: TestApp) {
        let practice = elm(&app);
        let admin = app.enrolled_staff(&practice, "ana", Role::Admin);
        let member = app.enrolled_staff(&practice, "ben", Role::Member);
        let (_, invited, _) = app.invite_staff(&practice, "cleo", Role::Member);
        patch_staff(&app, &admin, &member.staff_id, json!({ "state": "disabled" })).expect(200);
        let mut answers = Vec::new();
        for (email, password) in [
            ("nobody@elm.example", PASSWORD), (&admin.email, "a wrong password"), (&invited, PASSWORD),
            (&member.email, PASSWORD),
        ] {
            let reply = app.sign_in_with_password(email, password).send().problem(401, "sign_in_refused");
            let mut body = reply.json();
            body["instance"] = Value::Null;
            answers.push(body);
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        // Both are limited in the same way.
        for email in ["nobody@elm.example", &admin.email] {
            let guess = || app.sign_in_with_password(email, "a wrong password").ip("198.51.100.7").send();
            while guess().status == 401 {}
            assert_eq!(guess().problem(429, "sign_in_limited").retry_after(), Some(30));
        }
    }

    fn failed_sign_ins_back_off_until_retry_after(app: TestApp) {
        let admin = app.enrolled_staff(&elm(&app), "ana", Role::Admin);
        let stranger = "198.51.100.7";
        let guess = |password: &str| app.sign_in_with_password(&admin.email, password).ip(stranger).send();
        for _ in 0..5 {
            guess("a wrong password").problem(401, "sign_in_refused");
        }
        for wait in [30, 60, 120, 240, 480, 900, 900] {
            let limited = guess(PASSWORD).problem(429, "sign_in_limited");
            assert_eq!(limited.retry_after(), Some(wait));
            app.advance(wait - 1);
            guess(PASSWORD).problem(429, "sign_in_limited");
            app.advance(1);
            guess("a wrong password").problem(401, "sign_in_refused");
        }
        app.advance(900);
        guess(PASSWORD).expect(201);
        // A correct password resets the count.
        guess("a wrong password").problem(401, "sign_in_refused");
        guess(PASSWORD).expect(201);
    }

    fn guesses_from_elsewhere_do_not_lock_out_the_owner(app: TestApp) {
        let owner = app.enrolled_staff(&elm(&app), "ana", Role::Admin);
        for n in 0..10 {
            app.sign_in_with_password(&owner.email, "a wrong password").ip(&format!("198.51.100.{n}")).send();
        }
        app.sign_in_with_password(&owner.email, PASSWORD).ip("198.51.100.99").send().problem(429, "sign_in_limited");
        // The owner's network and device are known; the device is accepted from any network.
        app.sign_in_with_password(&owner.email, PASSWORD).send().expect(201);
        let body = json!({ "email": owner.email, "password": PASSWORD, "device": owner.device });
        app.post(SESSIONS, body).ip("203.0.113.4").send().expect(201);
        // An invented device token is not accepted.
        let body = json!({ "email": owner.email, "password": PASSWORD, "device": "sd_guess" });
        app.post(SESSIONS, body).ip("203.0.113.4").send().problem(429, "sign_in_limited");
        // Guesses from the owner's network do not limit the owner's device.
        for _ in 0..6 {
            app.sign_in_with_password(&owner.email, "a wrong password").send();
        }
        app.sign_in_with_password(&owner.email, PASSWORD).send().problem(429, "sign_in_limited");
        let body = json!({ "email": owner.email, "password": PASSWORD, "device": owner.device });
        app.post(SESSIONS, body).send().expect(201);
    }

    fn one_network_is_limited_across_accounts(app: TestApp) {
        let ip = "198.51.100.7";
        for n in 0..20 {
            let reply = app.sign_in_with_password(&format!("n{n}@elm.example"), PASSWORD).ip(ip).send();
            reply.problem(401, "sign_in_refused");
        }
        let limited = app.sign_in_with_password("another@elm.example", PASSWORD).ip(ip).send();
        assert_eq!(limited.problem(429, "sign_in_limited").retry_after(), Some(30));
        app.sign_in_with_password("another@elm.example", PASSWORD).ip("203.0.113.4").send().problem(401, "sign_in_refused");
    }

    fn disabling_a_member_ends_access_at_once(app: TestApp) {
        let practice = elm(&app);
        let admin = app.enrolled_staff(&practice, "ana", Role::Admin);
        let member = app.enrolled_staff(&practice, "ben", Role::Member);
        me(&app, &member.access_token).expect(200);
        let gone = patch_staff(&app, &admin, &member.staff_id, json!({ "state": "disabled" })).expect(200);
        assert_eq!(gone.at("/staff/state"), "disabled");
        me(&app, &member.access_token).problem(401, "unauthorized");
        app.post("/v1/staff/password-resets", json!({ "email": member.email })).send().expect(202);
        app.deliver_all();
        assert!(app.transport.sent_to(&member.email).is_empty());
        // After reactivation, old sessions stay ended.
        patch_staff(&app, &admin, &member.staff_id, json!({ "state": "active" })).expect(200);
        me(&app, &member.access_token).problem(401, "unauthorized");
        app.sign_in_staff(&member);
    }

    fn last_admin_cannot_be_demoted_or_disabled(app: TestApp) {
        let practice = elm(&app);
        let admin = app.enrolled_staff(&practice, "ana", Role::Admin);
        let member = app.enrolled_staff(&practice, "ben", Role::Member);
        // An admin who has not accepted the invitation does not count.
        app.invite_staff(&practice, "cleo", Role::Admin);
        for body in [json!({ "role": "member" }), json!({ "state": "disabled" })] {
            patch_staff(&app, &admin, &admin.staff_id, body).problem(409, "last_admin");
        }
        patch_staff(&app, &admin, &admin.staff_id, json!({ "name": "Ana Ruiz" })).expect(200);
        let promoted = patch_staff(&app, &admin, &member.staff_id, json!({ "role": "admin" })).expect(200);
        assert_eq!(promoted.at("/staff/role"), "admin");
        patch_staff(&app, &admin, &admin.staff_id, json!({ "role": "member" })).expect(200);
        patch_staff(&app, &admin, &member.staff_id, json!({ "role": "member" })).problem(403, "staff_forbidden");
        patch_staff(&app, &member, &member.staff_id, json!({ "state": "disabled" })).problem(409, "last_admin");
        assert_eq!(audited(&app, "staff.changed"), 3);
    }

    fn staff_are_managed_only_by_admins_of_their_practice(app: TestApp) {
        let practice = elm(&app);
        let admin = app.enrolled_staff(&practice, "ana", Role::Admin);
        app.advance(1);
        let member = app.enrolled_staff(&practice, "ben", Role::Member);
        let other_practice_admin = app.enrolled_staff(&app.practice("Oak", None), "zoe", Role::Admin);
        let body = json!({ "email": "dan@elm.example", "name": "Dan", "role": "member" });
        app.post(STAFF, body.clone()).bearer(&member.access_token).send().problem(403, "staff_forbidden");
        patch_staff(&app, &member, &admin.staff_id, json!({ "role": "member" })).problem(403, "staff_forbidden");
        patch_staff(&app, &other_practice_admin, &member.staff_id, json!({ "role": "admin" })).problem(404, "staff_not_found");
        patch_staff(&app, &admin, "stf_none", json!({ "role": "admin" })).problem(404, "staff_not_found");
        let support = json!({ "email": "x@elm.example", "name": "X", "role": "support" });
        app.post(STAFF, support).bearer(&admin.access_token).send().problem(422, "invalid_request");
        let listed = app.get(&format!("{STAFF}?limit=1")).bearer(&member.access_token).send().expect(200);
        assert_eq!(listed.at("/items/0/email"), admin.email.as_str());
        let next = format!("{STAFF}?cursor={}", listed.str("/next_cursor"));
        let listed = app.get(&next).bearer(&member.access_token).send().expect(200);
        assert_eq!(listed.at("/items").as_array().unwrap().len(), 1);
        assert_eq!(listed.at("/items/0/id"), member.staff_id.as_str());
    }

    fn admin_resets_a_second_factor(app: TestApp) {
        let practice = elm(&app);
        let admin = app.enrolled_staff(&practice, "ana", Role::Admin);
        let member = app.enrolled_staff(&practice, "ben", Role::Member);
        let challenge = app.sign_in_with_password(&member.email, PASSWORD).send().expect(201).str("/challenge");
        let reset = patch_staff(&app, &admin, &member.staff_id, json!({ "reset_totp": true })).expect(200);
        assert_eq!(reset.at("/staff/has_totp"), false);
        me(&app, &member.access_token).problem(401, "unauthorized");
        app.advance(30);
        app.enter_totp_code(&challenge, &app.totp(&member.seed)).problem(401, "challenge_invalid");
        let begun = app.sign_in_with_password(&member.email, PASSWORD).send().expect(201);
        let seed = begun.str("/enrol/secret");
        assert_ne!(seed, member.seed);
        let body = json!({ "challenge": begun.str("/challenge"), "recovery_code": member.recovery_codes[0] });
        app.post("/v1/staff/sessions/totp", body).send().problem(401, "second_factor_wrong");
        app.enter_totp_code(&begun.str("/challenge"), &app.totp(&seed)).expect(201);
        assert_eq!(audited(&app, "staff.totp_reset"), 1);
    }

    fn teams_are_created_and_changed(app: TestApp) {
        let practice = elm(&app);
        let admin = app.enrolled_staff(&practice, "ana", Role::Admin);
        let member = app.enrolled_staff(&practice, "ben", Role::Member);
        let other_practice_admin = app.enrolled_staff(&app.practice("Oak", None), "zoe", Role::Admin);
        let post = |caller: &EnrolledStaff, body: Value| app.post(TEAMS, body).bearer(&caller.access_token).send();
        let made = post(&admin, json!({ "name": "Hygienists", "members": [member.staff_id] })).expect(201);
        let path = format!("{TEAMS}/{}", made.str("/team/id"));
        let amend = |caller: &EnrolledStaff, body: Value| app.patch(&path, body).bearer(&caller.access_token).send();
        post(&admin, json!({ "name": "Hygienists" })).problem(409, "team_exists");
        post(&admin, json!({ "name": "Others", "members": [other_practice_admin.staff_id] })).problem(422, "invalid_request");
        post(&member, json!({ "name": "Others" })).problem(403, "staff_forbidden");
        post(&admin, json!({ "name": "Others" })).expect(201);
        amend(&admin, json!({ "name": "Others" })).problem(409, "team_exists");
        amend(&other_practice_admin, json!({ "name": "Mine" })).problem(404, "team_not_found");
        let both = json!({ "name": "Front desk", "members": [admin.staff_id, member.staff_id] });
        assert_eq!(amend(&admin, both).expect(200).at("/team/members").as_array().unwrap().len(), 2);
        amend(&admin, json!({ "members": [admin.staff_id] })).expect(200);
        let listed = app.get(TEAMS).bearer(&member.access_token).send().expect(200);
        assert_eq!(listed.at("/items/0/name"), "Front desk");
        assert_eq!(listed.at("/items/0/members"), json!([admin.staff_id]));
        assert_eq!(listed.at("/items/1/name"), "Others");
        assert_eq!(me(&app, &admin.access_token).at("/teams"), json!([made.str("/team/id")]));
    }

    fn cookie_secret_works_only_in_a_cookie_and_expires(app: TestApp) {
        let admin = app.enrolled_staff(&elm(&app), "ana", Role::Admin);
        let proven = sign_in::VerifiedStaff {
            staff_id: admin.staff_id.as_str().into(),
            recovery_codes: Vec::new(),
            device: practice_links::kit::Secret::from_client("sd_any"),
        };
        let cookie = app.write(|tx| staff::open_console_session(tx, &proven, ""));
        assert!(cookie.is_cookie());
        let authenticated = || app.write(|tx| Ok(staff::authenticate(tx, Some(&cookie)).ok()));
        assert_eq!(authenticated().unwrap().staff_id.as_str(), admin.staff_id);
        me(&app, cookie.expose()).problem(401, "unauthorized");
        let body = json!({ "refresh_token": cookie.expose() });
        app.post("/v1/staff/sessions/refresh", body).send().problem(401, "refresh_token_invalid");
        assert!(!authenticated().unwrap().is_due);

        // The session ends after twelve unused hours, and after seven days in any case.
        app.advance(12 * 3600 - 1);
        let used = authenticated().unwrap();
        assert!(used.is_due);
        let session = used.session_id.unwrap();
        app.write(|tx| staff::session::record_use(tx, &session));
        for _ in 0..13 {
            app.advance(12 * 3600 - 1);
            assert!(authenticated().is_some());
            app.write(|tx| staff::session::record_use(tx, &session));
        }
        app.advance(60);
        assert!(authenticated().is_none(), "seven days are over");
        let other = app.write(|tx| staff::open_console_session(tx, &proven, ""));
        app.advance(12 * 3600);
        assert!(app.write(|tx| Ok(staff::authenticate(tx, Some(&other)).is_err())));
    }

    fn retention_deletes_expired_sign_in_data(app: TestApp) {
        let admin = app.enrolled_staff(&elm(&app), "ana", Role::Admin);
        app.sign_in_with_password(&admin.email, PASSWORD).send().expect(201);
        app.sign_in_with_password("nobody@elm.example", PASSWORD).ip("198.51.100.7").send();
        app.advance(100 * 24 * 3600);
        retention::sweep(&app.state.service).unwrap();
        for table in ["sessions", "tokens", "challenges", "letters", "throttles"] {
            assert_eq!(app.count(&format!("SELECT count(*) FROM staff_{table}")), 0, "{table}");
        }
        assert_eq!(app.count("SELECT count(*) FROM staff_recovery_codes"), 10);
    }

    fn repeated_sign_in_gets_the_first_answer(app: TestApp) {
        let admin = app.enrolled_staff(&elm(&app), "ana", Role::Admin);
        app.advance(30);
        let begin = || app.sign_in_with_password(&admin.email, PASSWORD).key("begin").send().expect(201);
        assert_eq!(begin().body, begin().body);
        let body = json!({ "challenge": begin().str("/challenge"), "code": app.totp(&admin.seed) });
        let finish = || app.post("/v1/staff/sessions/totp", body.clone()).key("finish").send().expect(201);
        assert_eq!(finish().body, finish().body);
    }
}

postgres! {
    fn one_code_sent_concurrently_signs_in_once(app: TestApp) {
        let admin = app.enrolled_staff(&elm(&app), "ana", Role::Admin);
        app.advance(30);
        let challenges: Vec<String> = (0..8)
            .map(|_| app.sign_in_with_password(&admin.email, PASSWORD).send().expect(201).str("/challenge"))
            .collect();
        let code = app.totp(&admin.seed);
        let answers = together(8, |n| app.enter_totp_code(&challenges[n], &code).status);
        assert_eq!(answers.iter().filter(|status| **status == 201).count(), 1, "{answers:?}");
    }

    fn concurrent_guesses_stay_within_the_limit(app: TestApp) {
        let admin = app.enrolled_staff(&elm(&app), "ana", Role::Admin);
        let guess = |n: usize| {
            let password = if n == 11 { PASSWORD } else { "a wrong password" };
            app.sign_in_with_password(&admin.email, password).ip("198.51.100.7").send().status
        };
        let answers = together(12, guess);
        let refused = answers.iter().filter(|status| **status == 401).count();
        assert!(refused <= 9, "{answers:?}");
        assert!(answers.contains(&429), "{answers:?}");
    }

    fn two_admins_cannot_demote_each_other_at_once(app: TestApp) {
        let practice = elm(&app);
        let (first, second) = (app.enrolled_staff(&practice, "ana", Role::Admin), app.enrolled_staff(&practice, "ben", Role::Admin));
        let people = [&first, &second];
        let answers = together(2, |n| {
            patch_staff(&app, people[n], &people[1 - n].staff_id, json!({ "role": "member" })).status
        });
        assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
        assert_eq!(app.count("SELECT count(*) FROM staff WHERE role = 'admin'"), 1);
    }
}
