//! The console's settings: each page for each role, and forms sent once and twice by a browser without
//! scripts.

use practice_links::domain::practices::Practice;
use practice_links::domain::staff::{self, Role, sign_in};
use serde_json::{Value, json};

use super::console::{as_browser, form_token, page, redirect_target, submit};
use super::profile::png;
use crate::harness::{EnrolledStaff, PASSWORD, Reply, StaffClient, TestApp, as_staff};

const AT: &str = "/console/settings";

fn elm(app: &TestApp) -> (Practice, StaffClient) {
    let practice = app.practice("Elm Dental", Some("desk@elm.example"));
    let staff = app.staff_client(&practice, "ana", Role::Admin);
    (practice, staff)
}

/// A browser in which `person` is signed in with both factors; the client's token is the cookie's secret.
fn browser(app: &TestApp, practice: &Practice, person: &EnrolledStaff) -> StaffClient {
    let proven = sign_in::VerifiedStaff {
        staff_id: person.staff_id.as_str().into(),
        recovery_codes: Vec::new(),
        device: practice_links::kit::Secret::from_client("sd_any"),
    };
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0";
    let cookie = app.write(|tx| staff::open_console_session(tx, &proven, agent));
    let (practice_id, staff_id) = (practice.id.clone(), person.staff_id.clone());
    StaffClient { practice_id, staff_id, token: cookie.expose().to_owned() }
}

fn staff_json(app: &TestApp, staff: &StaffClient, id: &str) -> Value {
    let all = as_staff(staff, app.get("/v1/practice/staff")).send().expect(200).at("/items");
    all.as_array().unwrap().iter().find(|each| each["id"] == id).cloned().unwrap_or_default()
}

fn audited(app: &TestApp, action: &str) -> i64 {
    app.count(&format!("SELECT count(*) AS n FROM events WHERE kind = '{action}'"))
}

/// Sends the logo form as a browser does.
fn upload(app: &TestApp, staff: &StaffClient, file: &[u8]) -> Reply {
    let token = form_token(app, staff);
    let head = format!(
        "--b1\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\n{token}\r\n--b1\r\n\
         Content-Disposition: form-data; name=\"logo\"; filename=\"elm.png\"\r\nContent-Type: image/png\r\n\r\n"
    );
    let body = [head.as_bytes(), file, b"\r\n--b1--\r\n"].concat();
    let call = app.call("POST", &format!("{AT}/practice/logo"));
    as_browser(staff, call.raw("multipart/form-data; boundary=b1", body)).send()
}

both! {
    fn settings_pages_grant_each_role_what_the_api_does(app: TestApp) {
        let (practice, admin) = elm(&app);
        let (member, support) = (app.staff_client(&practice, "bea", Role::Member), app.staff_client(&practice, "sue", Role::Support));
        let team = app.team(&practice, "Hygienists", &[&member]);
        let (staff, team) = (format!("/staff/{}", member.staff_id), format!("/teams/{team}"));
        let (disable, reset) = (format!("{staff}/disable"), format!("{staff}/reset"));
        for (path, for_admin, for_member, for_support) in [
            ("/account", 200, 200, 200),
            ("/practice", 200, 200, 200),
            ("/staff", 200, 200, 200),
            ("/staff/new", 200, 403, 403),
            (&staff, 200, 403, 403),
            (&disable, 200, 403, 403),
            (&reset, 200, 403, 403),
            ("/teams", 200, 200, 200),
            ("/teams/new", 200, 403, 200),
            (&team, 200, 403, 200),
            ("/audit", 200, 403, 200),
            ("/audit.csv", 200, 403, 403),
        ] {
            for (who, wanted) in [(&admin, for_admin), (&member, for_member), (&support, for_support)] {
                let reply = as_browser(who, app.get(&format!("{AT}{path}"))).send();
                assert_eq!(reply.status, wanted, "{path}: {}", reply.text());
                assert!(wanted == 200 || reply.text().contains("You do not have permission to do that"), "{path}");
            }
            assert!(redirect_target(&app.get(&format!("{AT}{path}")).send()).starts_with("/console/sign-in"), "{path}");
        }
        // Forms that are not offered are refused too.
        for who in [&member, &support] {
            let fields = [("name", "Eve"), ("email", "eve@elm.example"), ("role", "admin")];
            submit(&app, who, &format!("{AT}/staff"), &fields).expect(403);
            for end in ["", "/invite", "/enable", "/disable", "/reset"] {
                submit(&app, who, &format!("{AT}{staff}{end}"), &[("name", "Eve")]).expect(403);
            }
        }
        let profile = [("name", "Mine"), ("city", "X"), ("language", "en"), ("time_zone", "UTC")];
        submit(&app, &member, &format!("{AT}/practice"), &profile).expect(403);
        submit(&app, &member, &format!("{AT}/practice/logo/remove"), &[]).expect(403);
        upload(&app, &member, &png(8, 8, [1, 2, 3])).expect(403);
        submit(&app, &member, &format!("{AT}{team}"), &[("name", "Mine")]).expect(403);
        submit(&app, &member, &format!("{AT}/teams"), &[("name", "Mine")]).expect(403);
    }

    fn ids_of_another_practice_are_not_found(app: TestApp) {
        let (practice, admin) = elm(&app);
        let member = app.staff_client(&practice, "bea", Role::Member);
        let team = app.team(&practice, "Hygienists", &[&member]);
        let other_practice_admin = app.staff_client(&app.practice("Fir Clinic", None), "zoe", Role::Admin);
        for end in ["", "/disable", "/reset"] {
            as_browser(&other_practice_admin, app.get(&format!("{AT}/staff/{}{end}", member.staff_id))).send().expect(404);
        }
        for end in ["", "/invite", "/enable", "/disable", "/reset"] {
            submit(&app, &other_practice_admin, &format!("{AT}/staff/{}{end}", member.staff_id), &[("name", "Mine")]).expect(404);
        }
        as_browser(&other_practice_admin, app.get(&format!("{AT}/teams/{team}"))).send().expect(404);
        submit(&app, &other_practice_admin, &format!("{AT}/teams/{team}"), &[("name", "Mine")]).expect(404);
        submit(&app, &other_practice_admin, &format!("{AT}/account/sessions/sts_none/end"), &[]).expect(404);
        let foreign_member = [("name", "Others"), ("members", member.staff_id.as_str())];
        let refused = submit(&app, &other_practice_admin, &format!("{AT}/teams"), &foreign_member).expect(422);
        assert!(refused.text().contains("id=\"members-error\""));
        for path in ["/staff", "/teams", "/audit"] {
            let text = page(&app, &other_practice_admin, &format!("{AT}{path}"));
            assert!(!text.contains(&member.staff_id) && !text.contains("Hygienists"), "{path}");
        }
        assert_eq!(staff_json(&app, &admin, &member.staff_id)["state"], "invited");
    }

    fn invite_form_sent_twice_invites_once(app: TestApp) {
        let (_, admin) = elm(&app);
        let path = format!("{AT}/staff");
        let wrong = submit(&app, &admin, &path, &[("name", " "), ("email", "ben"), ("role", "admin")]).expect(422).text();
        for wanted in ["id=\"name-error\"", "id=\"email-error\"", "value=\"ben\"", "value=\"admin\" checked"] {
            assert!(wrong.contains(wanted), "{wanted}: {wrong}");
        }
        let fields = [("name", "Ben <b>Okoro"), ("email", "ben@elm.example"), ("role", "member")];
        assert_eq!(redirect_target(&submit(&app, &admin, &path, &fields)), format!("{path}?done=staff-invited"));
        let again = submit(&app, &admin, &path, &fields).expect(409).text();
        assert!(again.contains("This address is already in use") && again.contains("ben@elm.example"), "{again}");
        app.deliver_all();
        assert_eq!(app.transport.sent_to("ben@elm.example").len(), 1);
        let list = page(&app, &admin, &path);
        assert!(list.contains("Ben &#60;b&#62;Okoro") && list.contains("Invited"), "{list}");
        let all = as_staff(&admin, app.get("/v1/practice/staff")).send().expect(200).at("/items");
        let invited = all.as_array().unwrap().iter().find(|each| each["email"] == "ben@elm.example").unwrap();
        let invited = format!("{path}/{}", invited["id"].as_str().unwrap());
        // An intended resend: one e-mail per minute.
        app.advance(61);
        for _ in 0..2 {
            redirect_target(&submit(&app, &admin, &format!("{invited}/invite"), &[]));
        }
        app.deliver_all();
        assert_eq!(app.transport.sent_to("ben@elm.example").len(), 2);
        assert_eq!(audited(&app, "staff.invited"), 2);
    }

    fn staff_forms_change_access_but_keep_the_last_admin(app: TestApp) {
        let practice = app.practice("Elm Dental", None);
        let (admin, member) = (app.enrolled_staff(&practice, "ana", Role::Admin), app.enrolled_staff(&practice, "ben", Role::Member));
        let session = browser(&app, &practice, &admin);
        let at = |person: &EnrolledStaff, end: &str| format!("{AT}/staff/{}{end}", person.staff_id);
        let kept = submit(&app, &session, &at(&admin, ""), &[("name", "Ana Ruiz"), ("role", "member")]).expect(409).text();
        assert!(kept.contains("Make someone else an admin first") && kept.contains("value=\"Ana Ruiz\""), "{kept}");
        let kept = submit(&app, &session, &at(&admin, "/disable"), &[]).expect(409).text();
        assert!(kept.contains("Make someone else an admin first"), "{kept}");
        let wrong = submit(&app, &session, &at(&member, ""), &[("name", ""), ("role", "admin")]).expect(422).text();
        assert!(wrong.contains("id=\"name-error\"") && wrong.contains("value=\"admin\" checked"), "{wrong}");
        for _ in 0..2 {
            redirect_target(&submit(&app, &session, &at(&member, ""), &[("name", "Ben Okoro"), ("role", "admin")]));
        }
        assert_eq!(audited(&app, "staff.changed"), 1);
        let member_session = browser(&app, &practice, &member);
        page(&app, &member_session, AT);
        for _ in 0..2 {
            redirect_target(&submit(&app, &session, &at(&member, "/disable"), &[]));
        }
        assert!(redirect_target(&as_browser(&member_session, app.get(AT)).send()).starts_with("/console/sign-in"));
        assert!(page(&app, &session, &at(&member, "")).contains("Disabled"));
        redirect_target(&submit(&app, &session, &at(&member, "/enable"), &[]));
        redirect_target(&submit(&app, &session, &at(&member, "/reset"), &[]));
        redirect_target(&submit(&app, &session, &at(&member, "/reset"), &[]));
        assert!(!page(&app, &session, &at(&member, "")).contains("/reset\""));
        assert_eq!((audited(&app, "staff.changed"), audited(&app, "staff.totp_reset")), (3, 1));
        // For support staff, the name can be changed but not the role.
        let support = app.staff_client(&practice, "sue", Role::Support);
        let one = page(&app, &session, &format!("{AT}/staff/{}", support.staff_id));
        assert!(one.contains("name=\"name\"") && !one.contains("name=\"role\""), "{one}");
        redirect_target(&submit(&app, &session, &format!("{AT}/staff/{}", support.staff_id), &[("name", "Sue")]));
    }

    fn teams_are_created_renamed_and_given_members(app: TestApp) {
        let (practice, admin) = elm(&app);
        let member = app.staff_client(&practice, "bea", Role::Member);
        let path = format!("{AT}/teams");
        assert!(page(&app, &admin, &path).contains("No teams yet"));
        let fields = [("name", "Hygienists"), ("members", member.staff_id.as_str())];
        assert_eq!(redirect_target(&submit(&app, &admin, &path, &fields)), format!("{path}?done=team"));
        let again = submit(&app, &admin, &path, &fields).expect(409).text();
        assert!(again.contains("id=\"name-error\"") && again.contains("value=\"Hygienists\"") && again.contains(" checked"));
        let team = as_staff(&admin, app.get("/v1/practice/teams")).send().expect(200).str("/items/0/id");
        assert!(page(&app, &admin, &format!("{path}/{team}")).contains(" checked"));
        redirect_target(&submit(&app, &admin, &format!("{path}/{team}"), &[("name", "Front desk")]));
        let list = page(&app, &member, &path);
        assert!(list.contains("Front desk") && list.contains("No members yet") && !list.contains(&team), "{list}");
    }

    fn password_change_needs_the_current_password(app: TestApp) {
        let practice = app.practice("Elm Dental", None);
        let member = app.enrolled_staff(&practice, "ana", Role::Member);
        let session = browser(&app, &practice, &member);
        let path = format!("{AT}/account/password");
        let send = |current: &str, new: &str| submit(&app, &session, &path, &[("current_password", current), ("new_password", new)]);
        let wrong = send("a wrong password", "seven quiet herons").expect(422).text();
        assert!(wrong.contains("id=\"current_password-error\"") && !wrong.contains("herons"), "{wrong}");
        assert!(send(PASSWORD, "short").expect(422).text().contains("id=\"new_password-error\""));
        assert_eq!(redirect_target(&send(PASSWORD, "seven quiet herons")), format!("{AT}/account?done=password"));
        // Sent twice, the form changes nothing and says that the new password is already set.
        assert!(send(PASSWORD, "seven quiet herons").expect(422).text().contains("enter the new one"));
        page(&app, &session, AT);
        app.get("/v1/staff/me").bearer(&member.access_token).send().problem(401, "unauthorized");
        app.sign_in_with_password(&member.email, "seven quiet herons").send().expect(201);
        while send("a wrong password", "other words again").status == 422 {}
        let limited = send("seven quiet herons", "other words again").expect(429).text();
        assert!(limited.contains("You can try again in 30 s"), "{limited}");
        assert_eq!(audited(&app, "staff.password_changed"), 1);
    }

    fn new_recovery_codes_are_shown_once_and_work(app: TestApp) {
        let practice = app.practice("Elm Dental", None);
        let member = app.enrolled_staff(&practice, "ana", Role::Member);
        let session = browser(&app, &practice, &member);
        let path = format!("{AT}/account/recovery-codes");
        app.advance(30);
        assert!(submit(&app, &session, &path, &[("code", "000000")]).expect(422).text().contains("id=\"code-error\""));
        let code = app.totp(&member.seed);
        let shown = submit(&app, &session, &path, &[("code", &code)]).expect(200).text();
        assert_eq!(shown.matches("<li><code>").count(), 10, "{shown}");
        assert!(submit(&app, &session, &path, &[("code", &code)]).expect(422).text().contains("works once"));
        assert!(!page(&app, &session, &format!("{AT}/account")).contains("<li><code>"));
        let (_, rest) = shown.split_once("<li><code>").unwrap();
        let begun = app.sign_in_with_password(&member.email, PASSWORD).send().expect(201);
        let body = json!({ "challenge": begun.str("/challenge"), "recovery_code": rest.split('<').next().unwrap() });
        app.post("/v1/staff/sessions/totp", body).send().expect(201);
        assert!(page(&app, &session, &format!("{AT}/account")).contains("Left: 9."));
    }

    fn one_session_or_all_sessions_can_be_ended(app: TestApp) {
        let practice = app.practice("Elm Dental", None);
        let (member, other_member) = (app.enrolled_staff(&practice, "ana", Role::Member), app.enrolled_staff(&practice, "ben", Role::Member));
        let (here, there) = (browser(&app, &practice, &member), browser(&app, &practice, &member));
        let text = page(&app, &here, &format!("{AT}/account"));
        // The current session is marked and has no button; the app and the other browser have one each.
        assert_eq!((text.matches("This session").count(), text.matches("/end\"").count()), (1, 2), "{text}");
        let mine = as_browser(&there, app.get(&format!("{AT}/account"))).send().expect(200).text();
        let ids = |text: &str| -> Vec<String> {
            text.split("/account/sessions/").skip(1).map(|rest| rest.split('/').next().unwrap().to_owned()).collect()
        };
        let other = ids(&text).into_iter().find(|id| !ids(&mine).contains(id)).unwrap();
        let end = format!("{AT}/account/sessions/{other}/end");
        submit(&app, &browser(&app, &practice, &other_member), &end, &[]).expect(404);
        for _ in 0..2 {
            assert_eq!(redirect_target(&submit(&app, &here, &end, &[])), format!("{AT}/account?done=session"));
        }
        assert!(redirect_target(&as_browser(&there, app.get(AT)).send()).starts_with("/console/sign-in"));
        assert_eq!(audited(&app, "staff.session_ended"), 1);
        let out = submit(&app, &here, &format!("{AT}/account/sign-out-everywhere"), &[]);
        assert_eq!(redirect_target(&out), "/console/sign-in");
        assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
        assert!(redirect_target(&as_browser(&here, app.get(AT)).send()).starts_with("/console/sign-in"));
        app.get("/v1/staff/me").bearer(&member.access_token).send().problem(401, "unauthorized");
    }

    fn staff_member_changes_their_own_name(app: TestApp) {
        let (practice, _) = elm(&app);
        let member = app.staff_client(&practice, "bea", Role::Member);
        let path = format!("{AT}/account");
        assert!(submit(&app, &member, &path, &[("name", "")]).expect(422).text().contains("id=\"name-error\""));
        redirect_target(&submit(&app, &member, &path, &[("name", "Bea Okafor")]));
        assert!(page(&app, &member, &path).contains("<strong>Bea Okafor</strong>"));
    }

    fn practice_profile_is_changed_by_form(app: TestApp) {
        let (_, admin) = elm(&app);
        let path = format!("{AT}/practice");
        let fields = |accent: &'static str| [
            ("name", "Elm Care"), ("city", "Salem"), ("language", "es"), ("time_zone", "America/Denver"),
            ("accent", accent), ("countries", "US"), ("notice_email", ""),
        ];
        let wrong = submit(&app, &admin, &path, &fields("#ffff00")).expect(422).text();
        assert!(wrong.contains("id=\"accent-error\"") && wrong.contains("value=\"Elm Care\""), "{wrong}");
        for _ in 0..2 {
            redirect_target(&submit(&app, &admin, &path, &fields("#7a1f5c")));
        }
        let profile = as_staff(&admin, app.get("/v1/practice/profile")).send().expect(200).at("/profile");
        assert_eq!((&profile["name"], &profile["accent"]), (&json!("Elm Care"), &json!("#7a1f5c")));
        assert_eq!((&profile["notice_email"], &profile["countries"]), (&Value::Null, &json!(["US"])));
        assert_eq!(audited(&app, "practice.changed"), 1);
        redirect_target(&submit(&app, &admin, &path, &fields("")));
        assert!(page(&app, &admin, &path).contains("Communicator"));
    }

    fn logo_is_uploaded_and_removed(app: TestApp) {
        let (_, admin) = elm(&app);
        let path = format!("{AT}/practice");
        assert!(upload(&app, &admin, b"no picture").expect(422).text().contains("id=\"logo-error\""));
        assert!(upload(&app, &admin, &vec![0; 80 * 1024]).expect(422).text().contains("A logo can be at most 64 KB."));
        redirect_target(&upload(&app, &admin, &png(8, 8, [1, 2, 3])));
        assert!(page(&app, &admin, &path).contains("/console/settings/practice/logo.png?v="));
        let picture = as_browser(&admin, app.get(&format!("{path}/logo.png"))).send().expect(200);
        assert_eq!(picture.media_type(), "image/png");
        for _ in 0..2 {
            redirect_target(&submit(&app, &admin, &format!("{path}/logo/remove"), &[]));
        }
        as_browser(&admin, app.get(&format!("{path}/logo.png"))).send().expect(404);
        assert_eq!(audited(&app, "practice.logo_changed"), 2);
        // A form with a wrong token changes nothing.
        let body = "--b1\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\nforged\r\n--b1--\r\n";
        let call = app.call("POST", &format!("{path}/logo")).raw("multipart/form-data; boundary=b1", body);
        as_browser(&admin, call).send().expect(403);
    }

    fn audit_page_has_labels_filters_and_pages(app: TestApp) {
        let (practice, admin) = elm(&app);
        let member = app.staff_client(&practice, "bea", Role::Member);
        app.make_link(&admin, json!({ "label": "Poster <b>" }));
        redirect_target(&submit(&app, &admin, &format!("{AT}/staff/{}", member.staff_id), &[("name", "Bea"), ("role", "admin")]));
        let at = format!("{AT}/audit");
        let all = page(&app, &admin, &at);
        for wanted in ["created the link", "Poster &#60;b&#62;", "changed the access of", "Role: member → admin", "audit.csv?"] {
            assert!(all.contains(wanted), "{wanted}: {all}");
        }
        let links = page(&app, &admin, &format!("{at}?about=link&actor=&from=&to="));
        assert!(links.contains("created the link") && !links.contains("changed the access of"), "{links}");
        assert!(links.contains("audit.csv?about=link"), "{links}");
        let nobody = page(&app, &admin, &format!("{at}?actor={}&about=", member.staff_id));
        assert!(nobody.contains("No matching entries"), "{nobody}");
        let today = page(&app, &admin, &format!("{at}?from=2026-11-20&to=2026-11-23"));
        assert!(today.contains("created the link"), "{today}");
        assert!(page(&app, &admin, &format!("{at}?from=2020-01-01&to=2020-01-02")).contains("No matching entries"));
        let wrong = as_browser(&admin, app.get(&format!("{at}?from=soon"))).send().expect(422).text();
        assert!(wrong.contains("id=\"from-error\"") && wrong.contains("created the link"), "{wrong}");
        // Pagination keeps the filters.
        let first = page(&app, &admin, &format!("{at}?limit=1"));
        let (_, rest) = first.split_once("class=\"more\"><a class=\"button quiet\" href=\"").unwrap();
        let next = rest.split('"').next().unwrap().replace("&#38;", "&");
        assert!(page(&app, &admin, &next).contains("created the link"));
        let file = as_browser(&admin, app.get(&format!("{AT}/audit.csv?about=link"))).send().expect(200);
        assert!(file.media_type() == "text/csv" && file.text().contains("link.created"));
        assert!(page(&app, &admin, &at).contains("exported the audit"));
        let spanish = as_browser(&admin, app.get(&at)).language("es").send().expect(200).text();
        assert!(spanish.contains("Función: miembro → administración") && spanish.contains("creó el enlace"), "{spanish}");
    }

    fn settings_pages_are_translated_to_spanish(app: TestApp) {
        let (_, admin) = elm(&app);
        let spanish = as_browser(&admin, app.get(&format!("{AT}/staff"))).language("es").send().expect(200).text();
        assert!(spanish.contains("Personal") && spanish.contains("Invitar a alguien"), "{spanish}");
        let wrong = as_browser(&admin, app.form(&format!("{AT}/teams"), &[("form_token", &form_token(&app, &admin)), ("name", "")]));
        assert!(wrong.language("es").send().expect(422).text().contains("Escriba de 1 a 100 caracteres"));
    }
}
