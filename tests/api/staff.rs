//! Staff: how they are invited, sign in with two factors, stay signed in, and lose all of it.

use practice_links::domain::practices::Practice;
use practice_links::domain::retention;
use practice_links::domain::staff::{self, Role, sign_in};
use serde_json::{Value, json};

use crate::harness::{PASSWORD, Person, Reply, TestApp, phone, together};

const SESSIONS: &str = "/v1/staff/sessions";
const STAFF: &str = "/v1/practice/staff";
const TEAMS: &str = "/v1/practice/teams";

fn elm(app: &TestApp) -> Practice {
    app.practice("Elm Dental", Some("desk@elm.example"))
}

fn me(app: &TestApp, token: &str) -> Reply {
    app.get("/v1/staff/me").bearer(token).send()
}

/// The token behind the `#` in the mail that went to `email` last.
fn letter_token(app: &TestApp, email: &str) -> String {
    app.deliver_all();
    let mail = app.carrier.sent_to(email).pop().expect("no mail");
    let start = mail.body.find("/console/welcome#").expect("no link") + "/console/welcome#".len();
    assert!(mail.html.contains("/console/welcome#"));
    mail.body[start..].split_whitespace().next().unwrap().to_owned()
}

fn audited(app: &TestApp, action: &str) -> i64 {
    app.count(&format!("SELECT count(*) FROM audit_events WHERE action = '{action}'"))
}

fn change(app: &TestApp, who: &Person, id: &str, body: Value) -> Reply {
    app.patch(&format!("{STAFF}/{id}"), body).bearer(&who.access_token).send()
}

both! {
    fn a_colleague_is_invited_enrols_and_signs_in(app: TestApp) {
        let practice = elm(&app);
        let ana = app.person(&practice, "ana", Role::Admin);
        let body = json!({ "email": "Ben@elm.example ", "name": " Ben Okoro ", "role": "member" });
        let made = app.post(STAFF, body.clone()).bearer(&ana.access_token).send().expect(201);
        assert_eq!(made.at("/staff/state"), "invited");
        assert_eq!(made.at("/staff/name"), "Ben Okoro");
        let token = letter_token(&app, "ben@elm.example");
        let mail = app.carrier.sent_to("ben@elm.example").pop().unwrap();
        assert_eq!(mail.subject, "You’re invited to your practice’s inbox");
        assert!(mail.body.contains("Elm Dental") && mail.unsubscribe.is_none());

        // Before the password there is nothing to sign in with.
        app.give_password("ben@elm.example", PASSWORD).send().problem(401, "sign_in_refused");
        let set = app.choose_password(&token, PASSWORD).expect(200);
        assert_eq!(set.at("/email"), "ben@elm.example");
        app.choose_password(&token, PASSWORD).problem(410, "letter_expired");

        let begun = app.give_password("ben@elm.example", PASSWORD).send().expect(201);
        let (url, seed) = (begun.str("/enrol/otpauth_url"), begun.str("/enrol/secret"));
        assert!(url.starts_with("otpauth://totp/") && url.contains(":ben%40elm.example?"), "{url}");
        assert!(url.contains(&format!("secret={seed}&")) && seed.len() == 32, "{url}");
        assert!(begun.str("/enrol/qr_svg").starts_with("<svg "));
        let done = app.give_code(&begun.str("/challenge"), &app.totp(&seed)).expect(201);
        assert_eq!(done.at("/recovery_codes").as_array().unwrap().len(), 10);
        assert_eq!(done.at("/session/expires_in"), 900);
        let me = me(&app, &done.str("/session/access_token")).expect(200);
        assert_eq!(me.at("/staff/email"), "ben@elm.example");
        assert_eq!(me.at("/staff/has_totp"), true);
        assert_eq!(me.at("/practice/name"), "Elm Dental");
        assert_eq!(me.at("/recovery_codes_left"), 10);

        // The second sign-in sets nothing up and shows nothing.
        app.advance(30);
        let begun = app.give_password("ben@elm.example", PASSWORD).send().expect(201);
        assert_eq!(begun.at("/enrol"), Value::Null);
        let again = app.give_code(&begun.str("/challenge"), &app.totp(&seed)).expect(201);
        assert_eq!(again.at("/recovery_codes"), Value::Null);
        // An address that signs in is taken; one that has been invited before was not.
        app.post(STAFF, body).bearer(&ana.access_token).send().problem(409, "staff_exists");
        for (action, times) in [("staff.invited", 1), ("staff.enrolled", 2), ("staff.signed_in", 3)] {
            assert_eq!(audited(&app, action), times, "{action}");
        }
    }

    fn an_invitation_is_sent_again_and_the_older_one_dies(app: TestApp) {
        let ana = app.person(&elm(&app), "ana", Role::Admin);
        let body = json!({ "email": "ben@elm.example", "name": "Ben", "role": "member" });
        let first = app.post(STAFF, body.clone()).bearer(&ana.access_token).send().expect(201);
        let older = letter_token(&app, "ben@elm.example");
        let second = app.post(STAFF, body).bearer(&ana.access_token).send().expect(201);
        assert_eq!(first.at("/staff/id"), second.at("/staff/id"));
        let newer = letter_token(&app, "ben@elm.example");
        app.choose_password(&older, PASSWORD).problem(410, "letter_expired");
        app.advance(7 * 24 * 3600 - 1);
        app.choose_password(&newer, PASSWORD).expect(200);
    }

    fn an_invitation_ends_after_seven_days_and_a_reset_after_an_hour(app: TestApp) {
        let practice = elm(&app);
        let (_, email, token) = app.invited(&practice, "ana", Role::Admin);
        app.advance(7 * 24 * 3600);
        app.choose_password(&token, PASSWORD).problem(410, "letter_expired");
        app.post("/v1/staff/password-resets", json!({ "email": email })).send().expect(202);
        let token = letter_token(&app, &email);
        app.advance(3600);
        app.choose_password(&token, PASSWORD).problem(410, "letter_expired");
    }

    fn a_weak_password_is_refused_and_the_letter_stays_good(app: TestApp) {
        let (_, email, token) = app.invited(&elm(&app), "ana", Role::Admin);
        for weak in ["short", "Elm Dental!", &email, "Password1234", "aaaaaaaaaaaaaaaa", &"long ".repeat(26)] {
            app.choose_password(&token, weak).problem(422, "password_refused");
        }
        app.choose_password(&token, "all lower case").expect(200);
    }

    fn a_code_works_once(app: TestApp) {
        let ana = app.person(&elm(&app), "ana", Role::Admin);
        let begin = || app.give_password(&ana.email, PASSWORD).send().expect(201).str("/challenge");
        // The enrolment has spent this step's code.
        app.give_code(&begin(), &app.totp(&ana.seed)).problem(401, "second_factor_wrong");
        app.advance(30);
        let code = app.totp(&ana.seed);
        app.give_code(&begin(), &code).expect(201);
        app.give_code(&begin(), &code).problem(401, "second_factor_wrong");
        // A step early or late is fine, two are not, and an older one than the last is spent with it.
        app.advance(30);
        let early = app.totp(&ana.seed);
        app.advance(30);
        let late = app.totp(&ana.seed);
        app.give_code(&begin(), &late).expect(201);
        app.give_code(&begin(), &early).problem(401, "second_factor_wrong");
        app.advance(60);
        let stale = app.totp(&ana.seed);
        app.advance(60);
        app.give_code(&begin(), &stale).problem(401, "second_factor_wrong");
    }

    fn a_challenge_takes_five_codes_works_once_and_ends_after_five_minutes(app: TestApp) {
        let ana = app.person(&elm(&app), "ana", Role::Admin);
        app.advance(30);
        let challenge = app.give_password(&ana.email, PASSWORD).send().expect(201).str("/challenge");
        for _ in 0..5 {
            app.give_code(&challenge, "not a code").problem(401, "second_factor_wrong");
        }
        app.give_code(&challenge, &app.totp(&ana.seed)).problem(401, "challenge_invalid");
        assert_eq!(audited(&app, "staff.second_factor_failed"), 5);
        app.advance(30);
        let challenge = app.give_password(&ana.email, PASSWORD).send().expect(201).str("/challenge");
        app.give_code(&challenge, &app.totp(&ana.seed)).expect(201);
        app.advance(30);
        app.give_code(&challenge, &app.totp(&ana.seed)).problem(401, "challenge_invalid");
        let challenge = app.give_password(&ana.email, PASSWORD).send().expect(201).str("/challenge");
        app.advance(300);
        app.give_code(&challenge, &app.totp(&ana.seed)).problem(401, "challenge_invalid");
        app.give_code("sch_guess", &app.totp(&ana.seed)).problem(401, "challenge_invalid");
    }

    fn wrong_codes_slow_down_over_challenges(app: TestApp) {
        let ana = app.person(&elm(&app), "ana", Role::Admin);
        let begin = || app.give_password(&ana.email, PASSWORD).send().expect(201).str("/challenge");
        for _ in 0..5 {
            app.give_code(&begin(), "000000").problem(401, "second_factor_wrong");
        }
        let challenge = begin();
        let limited = app.give_code(&challenge, &app.totp(&ana.seed)).problem(429, "sign_in_limited");
        app.advance(limited.retry_after().unwrap());
        app.give_code(&challenge, &app.totp(&ana.seed)).expect(201);
    }

    fn a_recovery_code_works_once(app: TestApp) {
        let ana = app.person(&elm(&app), "ana", Role::Admin);
        let begin = || app.give_password(&ana.email, PASSWORD).send().expect(201).str("/challenge");
        let recover = |code: &str| {
            let body = json!({ "challenge": begin(), "recovery_code": code });
            app.post("/v1/staff/sessions/totp", body).send()
        };
        let typed = ana.recovery_codes[0].to_uppercase().replace('-', " ");
        let done = recover(&typed).expect(201);
        assert_eq!(me(&app, &done.str("/session/access_token")).at("/recovery_codes_left"), 9);
        recover(&ana.recovery_codes[0]).problem(401, "second_factor_wrong");
        recover("00000-00000").problem(401, "second_factor_wrong");
        recover(&ana.recovery_codes[1]).expect(201);
        let both = json!({ "challenge": begin(), "code": "123456", "recovery_code": "7k2mq-x09ab" });
        app.post("/v1/staff/sessions/totp", both).send().problem(422, "invalid_request");
    }

    fn refresh_tokens_rotate_and_reuse_ends_the_sign_in(app: TestApp) {
        let ana = app.person(&elm(&app), "ana", Role::Admin);
        let refresh = |token: &str| {
            app.post("/v1/staff/sessions/refresh", json!({ "refresh_token": token })).send()
        };
        app.advance(900);
        me(&app, &ana.access_token).problem(401, "unauthorized");
        let fresh = refresh(&ana.refresh_token).expect(200);
        let access = fresh.str("/session/access_token");
        me(&app, &access).expect(200);
        refresh(&ana.refresh_token).problem(401, "refresh_token_reused");
        me(&app, &access).problem(401, "unauthorized");
        refresh(&fresh.str("/session/refresh_token")).problem(401, "refresh_token_invalid");
        refresh("srt_guess").problem(401, "refresh_token_invalid");
        assert_eq!(audited(&app, "staff.refresh_token_reused"), 1);
    }

    fn a_sign_in_of_an_app_ends_after_a_week_unused(app: TestApp) {
        let ana = app.person(&elm(&app), "ana", Role::Admin);
        app.advance(7 * 24 * 3600);
        let body = json!({ "refresh_token": ana.refresh_token });
        app.post("/v1/staff/sessions/refresh", body).send().problem(401, "refresh_token_invalid");
    }

    fn patients_and_staff_have_nothing_of_each_other(app: TestApp) {
        let ana = app.person(&elm(&app), "ana", Role::Admin);
        let alex = app.sign_up(&phone(7));
        for path in ["/v1/staff/me", SESSIONS, STAFF, TEAMS, "/v1/practice/links"] {
            app.get(path).bearer(&alex.access_token).send().problem(401, "unauthorized");
        }
        for path in ["/v1/me", "/v1/me/pairings"] {
            app.get(path).bearer(&ana.access_token).send().problem(401, "unauthorized");
        }
        let (ours, theirs) = (&ana.refresh_token, &alex.refresh_token);
        for (path, token) in [("/v1/staff/sessions/refresh", theirs), ("/v1/sessions/refresh", ours)] {
            let body = json!({ "refresh_token": token });
            app.post(path, body).send().problem(401, "refresh_token_invalid");
        }
    }

    fn one_sees_and_ends_ones_own_sign_ins(app: TestApp) {
        let practice = elm(&app);
        let ana = app.person(&practice, "ana", Role::Admin);
        let ben = app.person(&practice, "ben", Role::Member);
        app.advance(30);
        let challenge = app.give_password(&ana.email, PASSWORD).send().expect(201).str("/challenge");
        let body = json!({ "challenge": challenge, "code": app.totp(&ana.seed) });
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
        me(&app, &ana.access_token).expect(200);
        let third = app.sign_in_staff(&ana).str("/session/access_token");
        app.delete(SESSIONS).bearer(&third).send().expect(204);
        for token in [&third, &ana.access_token] {
            me(&app, token).problem(401, "unauthorized");
        }
        let body = json!({ "refresh_token": ana.refresh_token });
        app.post("/v1/staff/sessions/refresh", body).send().problem(401, "refresh_token_invalid");
        me(&app, &ben.access_token).expect(200);
    }

    fn a_reset_sets_a_password_and_ends_every_sign_in(app: TestApp) {
        let ana = app.person(&elm(&app), "ana", Role::Admin);
        let challenge = app.give_password(&ana.email, PASSWORD).send().expect(201).str("/challenge");
        app.post("/v1/staff/password-resets", json!({ "email": ana.email })).send().expect(202);
        let token = letter_token(&app, &ana.email);
        me(&app, &ana.access_token).expect(200);
        app.choose_password(&token, "another fine password").expect(200);
        me(&app, &ana.access_token).problem(401, "unauthorized");
        app.advance(30);
        app.give_code(&challenge, &app.totp(&ana.seed)).problem(401, "challenge_invalid");
        app.give_password(&ana.email, PASSWORD).send().problem(401, "sign_in_refused");
        // The second factor stays what it was.
        let begun = app.give_password(&ana.email, "another fine password").send().expect(201);
        assert_eq!(begun.at("/enrol"), Value::Null);
        app.give_code(&begun.str("/challenge"), &app.totp(&ana.seed)).expect(201);
        assert_eq!(audited(&app, "staff.password_set"), 2);
    }

    fn a_reset_tells_nothing_of_an_address_and_floods_no_mailbox(app: TestApp) {
        let ana = app.person(&elm(&app), "ana", Role::Admin);
        let ask = |email: &str| app.post("/v1/staff/password-resets", json!({ "email": email })).send();
        let (ours, nobodys) = (ask(&ana.email).expect(202), ask("nobody@elm.example").expect(202));
        assert_eq!(ours.body, nobodys.body);
        assert_eq!(app.outbox("queued"), 2, "both cost the same");
        for _ in 0..3 {
            ask(&ana.email).expect(202);
        }
        app.deliver_all();
        assert_eq!(app.carrier.sent_to(&ana.email).len(), 1);
        assert!(app.carrier.sent_to("nobody@elm.example").is_empty());
        for n in 0..15 {
            ask(&format!("n{n}@elm.example")).expect(202);
        }
        let limited = ask("one.more@elm.example").problem(429, "sign_in_limited");
        app.advance(limited.retry_after().unwrap());
        ask("one.more@elm.example").expect(202);
        app.deliver_all();
    }

    fn an_unknown_address_is_answered_as_a_wrong_password(app: TestApp) {
        let practice = elm(&app);
        let ana = app.person(&practice, "ana", Role::Admin);
        let ben = app.person(&practice, "ben", Role::Member);
        let (_, invited, _) = app.invited(&practice, "cleo", Role::Member);
        change(&app, &ana, &ben.staff_id, json!({ "state": "disabled" })).expect(200);
        let mut answers = Vec::new();
        for (email, password) in [
            ("nobody@elm.example", PASSWORD), (&ana.email, "a wrong password"), (&invited, PASSWORD),
            (&ben.email, PASSWORD),
        ] {
            let reply = app.give_password(email, password).send().problem(401, "sign_in_refused");
            let mut body = reply.json();
            body["instance"] = Value::Null;
            answers.push(body);
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        // And they slow down alike.
        for email in ["nobody@elm.example", &ana.email] {
            let guess = || app.give_password(email, "a wrong password").ip("198.51.100.7").send();
            while guess().status == 401 {}
            assert_eq!(guess().problem(429, "sign_in_limited").retry_after(), Some(30));
        }
    }

    fn failures_slow_down_and_waiting_as_told_is_enough(app: TestApp) {
        let ana = app.person(&elm(&app), "ana", Role::Admin);
        let stranger = "198.51.100.7";
        let guess = |password: &str| app.give_password(&ana.email, password).ip(stranger).send();
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
        // A right password wipes the count.
        guess("a wrong password").problem(401, "sign_in_refused");
        guess(PASSWORD).expect(201);
    }

    fn strangers_lock_nobody_out(app: TestApp) {
        let ana = app.person(&elm(&app), "ana", Role::Admin);
        for n in 0..10 {
            app.give_password(&ana.email, "a wrong password").ip(&format!("198.51.100.{n}")).send();
        }
        app.give_password(&ana.email, PASSWORD).ip("198.51.100.99").send().problem(429, "sign_in_limited");
        // The network that she signed in from is known, and so is her device wherever it goes.
        app.give_password(&ana.email, PASSWORD).send().expect(201);
        let body = json!({ "email": ana.email, "password": PASSWORD, "device": ana.device });
        app.post(SESSIONS, body).ip("203.0.113.4").send().expect(201);
        // Nobody else's device is known for her, and a made up one is not.
        let body = json!({ "email": ana.email, "password": PASSWORD, "device": "sd_guess" });
        app.post(SESSIONS, body).ip("203.0.113.4").send().problem(429, "sign_in_limited");
        // Another in her waiting room cannot slow her device down.
        for _ in 0..6 {
            app.give_password(&ana.email, "a wrong password").send();
        }
        app.give_password(&ana.email, PASSWORD).send().problem(429, "sign_in_limited");
        let body = json!({ "email": ana.email, "password": PASSWORD, "device": ana.device });
        app.post(SESSIONS, body).send().expect(201);
    }

    fn one_network_is_slowed_over_all_accounts(app: TestApp) {
        let ip = "198.51.100.7";
        for n in 0..20 {
            let reply = app.give_password(&format!("n{n}@elm.example"), PASSWORD).ip(ip).send();
            reply.problem(401, "sign_in_refused");
        }
        let limited = app.give_password("another@elm.example", PASSWORD).ip(ip).send();
        assert_eq!(limited.problem(429, "sign_in_limited").retry_after(), Some(30));
        app.give_password("another@elm.example", PASSWORD).ip("203.0.113.4").send().problem(401, "sign_in_refused");
    }

    fn a_disabled_colleague_is_out_at_once(app: TestApp) {
        let practice = elm(&app);
        let ana = app.person(&practice, "ana", Role::Admin);
        let ben = app.person(&practice, "ben", Role::Member);
        me(&app, &ben.access_token).expect(200);
        let gone = change(&app, &ana, &ben.staff_id, json!({ "state": "disabled" })).expect(200);
        assert_eq!(gone.at("/staff/state"), "disabled");
        me(&app, &ben.access_token).problem(401, "unauthorized");
        app.post("/v1/staff/password-resets", json!({ "email": ben.email })).send().expect(202);
        app.deliver_all();
        assert!(app.carrier.sent_to(&ben.email).is_empty());
        // Back again, old sign-ins stay over.
        change(&app, &ana, &ben.staff_id, json!({ "state": "active" })).expect(200);
        me(&app, &ben.access_token).problem(401, "unauthorized");
        app.sign_in_staff(&ben);
    }

    fn the_last_admin_stays(app: TestApp) {
        let practice = elm(&app);
        let ana = app.person(&practice, "ana", Role::Admin);
        let ben = app.person(&practice, "ben", Role::Member);
        // An admin who has not taken up the invitation administers nothing yet.
        app.invited(&practice, "cleo", Role::Admin);
        for body in [json!({ "role": "member" }), json!({ "state": "disabled" })] {
            change(&app, &ana, &ana.staff_id, body).problem(409, "last_admin");
        }
        change(&app, &ana, &ana.staff_id, json!({ "name": "Ana Ruiz" })).expect(200);
        let promoted = change(&app, &ana, &ben.staff_id, json!({ "role": "admin" })).expect(200);
        assert_eq!(promoted.at("/staff/role"), "admin");
        change(&app, &ana, &ana.staff_id, json!({ "role": "member" })).expect(200);
        change(&app, &ana, &ben.staff_id, json!({ "role": "member" })).problem(403, "staff_forbidden");
        change(&app, &ben, &ben.staff_id, json!({ "state": "disabled" })).problem(409, "last_admin");
        assert_eq!(audited(&app, "staff.changed"), 3);
    }

    fn colleagues_are_managed_by_admins_of_their_own_practice(app: TestApp) {
        let practice = elm(&app);
        let ana = app.person(&practice, "ana", Role::Admin);
        app.advance(1);
        let ben = app.person(&practice, "ben", Role::Member);
        let zoe = app.person(&app.practice("Oak", None), "zoe", Role::Admin);
        let body = json!({ "email": "dan@elm.example", "name": "Dan", "role": "member" });
        app.post(STAFF, body.clone()).bearer(&ben.access_token).send().problem(403, "staff_forbidden");
        change(&app, &ben, &ana.staff_id, json!({ "role": "member" })).problem(403, "staff_forbidden");
        change(&app, &zoe, &ben.staff_id, json!({ "role": "admin" })).problem(404, "staff_not_found");
        change(&app, &ana, "stf_none", json!({ "role": "admin" })).problem(404, "staff_not_found");
        let support = json!({ "email": "x@elm.example", "name": "X", "role": "support" });
        app.post(STAFF, support).bearer(&ana.access_token).send().problem(422, "invalid_request");
        let listed = app.get(&format!("{STAFF}?limit=1")).bearer(&ben.access_token).send().expect(200);
        assert_eq!(listed.at("/items/0/email"), ana.email.as_str());
        let next = format!("{STAFF}?cursor={}", listed.str("/next_cursor"));
        let listed = app.get(&next).bearer(&ben.access_token).send().expect(200);
        assert_eq!(listed.at("/items").as_array().unwrap().len(), 1);
        assert_eq!(listed.at("/items/0/id"), ben.staff_id.as_str());
    }

    fn an_admin_resets_a_second_factor(app: TestApp) {
        let practice = elm(&app);
        let ana = app.person(&practice, "ana", Role::Admin);
        let ben = app.person(&practice, "ben", Role::Member);
        let challenge = app.give_password(&ben.email, PASSWORD).send().expect(201).str("/challenge");
        let reset = change(&app, &ana, &ben.staff_id, json!({ "reset_totp": true })).expect(200);
        assert_eq!(reset.at("/staff/has_totp"), false);
        me(&app, &ben.access_token).problem(401, "unauthorized");
        app.advance(30);
        app.give_code(&challenge, &app.totp(&ben.seed)).problem(401, "challenge_invalid");
        let begun = app.give_password(&ben.email, PASSWORD).send().expect(201);
        let seed = begun.str("/enrol/secret");
        assert_ne!(seed, ben.seed);
        let body = json!({ "challenge": begun.str("/challenge"), "recovery_code": ben.recovery_codes[0] });
        app.post("/v1/staff/sessions/totp", body).send().problem(401, "second_factor_wrong");
        app.give_code(&begun.str("/challenge"), &app.totp(&seed)).expect(201);
        assert_eq!(audited(&app, "staff.totp_reset"), 1);
    }

    fn teams_are_made_and_changed(app: TestApp) {
        let practice = elm(&app);
        let ana = app.person(&practice, "ana", Role::Admin);
        let ben = app.person(&practice, "ben", Role::Member);
        let zoe = app.person(&app.practice("Oak", None), "zoe", Role::Admin);
        let post = |who: &Person, body: Value| app.post(TEAMS, body).bearer(&who.access_token).send();
        let made = post(&ana, json!({ "name": "Hygienists", "members": [ben.staff_id] })).expect(201);
        let path = format!("{TEAMS}/{}", made.str("/team/id"));
        let amend = |who: &Person, body: Value| app.patch(&path, body).bearer(&who.access_token).send();
        post(&ana, json!({ "name": "Hygienists" })).problem(409, "team_exists");
        post(&ana, json!({ "name": "Others", "members": [zoe.staff_id] })).problem(422, "invalid_request");
        post(&ben, json!({ "name": "Others" })).problem(403, "staff_forbidden");
        post(&ana, json!({ "name": "Others" })).expect(201);
        amend(&ana, json!({ "name": "Others" })).problem(409, "team_exists");
        amend(&zoe, json!({ "name": "Mine" })).problem(404, "team_not_found");
        let both = json!({ "name": "Front desk", "members": [ana.staff_id, ben.staff_id] });
        assert_eq!(amend(&ana, both).expect(200).at("/team/members").as_array().unwrap().len(), 2);
        amend(&ana, json!({ "members": [ana.staff_id] })).expect(200);
        let listed = app.get(TEAMS).bearer(&ben.access_token).send().expect(200);
        assert_eq!(listed.at("/items/0/name"), "Front desk");
        assert_eq!(listed.at("/items/0/members"), json!([ana.staff_id]));
        assert_eq!(listed.at("/items/1/name"), "Others");
        assert_eq!(me(&app, &ana.access_token).at("/teams"), json!([made.str("/team/id")]));
    }

    fn a_cookies_secret_is_good_in_a_cookie_alone(app: TestApp) {
        let ana = app.person(&elm(&app), "ana", Role::Admin);
        let proven = sign_in::Proven {
            staff_id: ana.staff_id.clone(),
            recovery_codes: Vec::new(),
            device: practice_links::kit::Secret::from_client("sd_any"),
        };
        let cookie = app.write(|tx| staff::open_console_session(tx, &proven, ""));
        assert!(cookie.is_cookie());
        let who = || app.write(|tx| Ok(staff::authenticate(tx, Some(&cookie)).ok()));
        assert_eq!(who().unwrap().staff_id, ana.staff_id);
        me(&app, cookie.expose()).problem(401, "unauthorized");
        let body = json!({ "refresh_token": cookie.expose() });
        app.post("/v1/staff/sessions/refresh", body).send().problem(401, "refresh_token_invalid");
        assert!(!who().unwrap().is_due);

        // Twelve hours unused end it, and seven days do in any case.
        app.advance(12 * 3600 - 1);
        let used = who().unwrap();
        assert!(used.is_due);
        let session = used.session_id.unwrap();
        app.write(|tx| staff::session::keep(tx, &session));
        for _ in 0..13 {
            app.advance(12 * 3600 - 1);
            assert!(who().is_some());
            app.write(|tx| staff::session::keep(tx, &session));
        }
        app.advance(60);
        assert!(who().is_none(), "seven days are over");
        let other = app.write(|tx| staff::open_console_session(tx, &proven, ""));
        app.advance(12 * 3600);
        assert!(app.write(|tx| Ok(staff::authenticate(tx, Some(&other)).is_err())));
    }

    fn what_is_over_is_forgotten(app: TestApp) {
        let ana = app.person(&elm(&app), "ana", Role::Admin);
        app.give_password(&ana.email, PASSWORD).send().expect(201);
        app.give_password("nobody@elm.example", PASSWORD).ip("198.51.100.7").send();
        app.advance(100 * 24 * 3600);
        retention::sweep(&app.inner).unwrap();
        for table in ["sessions", "tokens", "challenges", "letters", "throttles"] {
            assert_eq!(app.count(&format!("SELECT count(*) FROM staff_{table}")), 0, "{table}");
        }
        assert_eq!(app.count("SELECT count(*) FROM staff_recovery_codes"), 10);
    }

    fn a_repeated_sign_in_gets_the_first_answer(app: TestApp) {
        let ana = app.person(&elm(&app), "ana", Role::Admin);
        app.advance(30);
        let begin = || app.give_password(&ana.email, PASSWORD).key("begin").send().expect(201);
        assert_eq!(begin().body, begin().body);
        let body = json!({ "challenge": begin().str("/challenge"), "code": app.totp(&ana.seed) });
        let finish = || app.post("/v1/staff/sessions/totp", body.clone()).key("finish").send().expect(201);
        assert_eq!(finish().body, finish().body);
    }
}

postgres! {
    fn one_code_sent_many_times_at_once_signs_in_once(app: TestApp) {
        let ana = app.person(&elm(&app), "ana", Role::Admin);
        app.advance(30);
        let challenges: Vec<String> = (0..8)
            .map(|_| app.give_password(&ana.email, PASSWORD).send().expect(201).str("/challenge"))
            .collect();
        let code = app.totp(&ana.seed);
        let answers = together(8, |n| app.give_code(&challenges[n], &code).status);
        assert_eq!(answers.iter().filter(|status| **status == 201).count(), 1, "{answers:?}");
    }

    fn guesses_sent_all_at_once_get_no_more_verdicts(app: TestApp) {
        let ana = app.person(&elm(&app), "ana", Role::Admin);
        let guess = |n: usize| {
            let password = if n == 11 { PASSWORD } else { "a wrong password" };
            app.give_password(&ana.email, password).ip("198.51.100.7").send().status
        };
        let answers = together(12, guess);
        let refused = answers.iter().filter(|status| **status == 401).count();
        assert!(refused <= 9, "{answers:?}");
        assert!(answers.contains(&429), "{answers:?}");
    }

    fn two_admins_cannot_take_each_others_role_away(app: TestApp) {
        let practice = elm(&app);
        let (ana, ben) = (app.person(&practice, "ana", Role::Admin), app.person(&practice, "ben", Role::Admin));
        let people = [&ana, &ben];
        let answers = together(2, |n| {
            change(&app, people[n], &people[1 - n].staff_id, json!({ "role": "member" })).status
        });
        assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
        assert_eq!(app.count("SELECT count(*) FROM staff WHERE role = 'admin'"), 1);
    }
}
