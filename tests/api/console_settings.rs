//! The console's settings: each page by each role, forms that a browser without scripts sends, and sends twice.

use practice_links::domain::practices::Practice;
use practice_links::domain::staff::{self, Role, sign_in};
use serde_json::{Value, json};

use super::console::{as_browser, form_token, leads, page, submit};
use super::profile::png;
use crate::harness::{Desk, PASSWORD, Person, Reply, TestApp, as_desk};

const AT: &str = "/console/settings";

fn elm(app: &TestApp) -> (Practice, Desk) {
    let practice = app.practice("Elm Dental", Some("desk@elm.example"));
    let desk = app.desk(&practice, "ana", Role::Admin);
    (practice, desk)
}

/// A browser in which `person` is signed in with both factors: as a desk whose token is the cookie's secret.
fn browser(app: &TestApp, practice: &Practice, person: &Person) -> Desk {
    let proven = sign_in::Proven {
        staff_id: person.staff_id.clone(),
        recovery_codes: Vec::new(),
        device: practice_links::kit::Secret::from_client("sd_any"),
    };
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0";
    let cookie = app.write(|tx| staff::open_console_session(tx, &proven, agent));
    let (practice_id, staff_id) = (practice.id.clone(), person.staff_id.clone());
    Desk { practice_id, staff_id, token: cookie.expose().to_owned() }
}

fn colleague(app: &TestApp, desk: &Desk, id: &str) -> Value {
    let all = as_desk(desk, app.get("/v1/practice/staff")).send().expect(200).at("/items");
    all.as_array().unwrap().iter().find(|each| each["id"] == id).cloned().unwrap_or_default()
}

fn audited(app: &TestApp, action: &str) -> i64 {
    app.count(&format!("SELECT count(*) AS n FROM audit_events WHERE action = '{action}'"))
}

/// The form with a file, as a browser sends it.
fn upload(app: &TestApp, desk: &Desk, file: &[u8]) -> Reply {
    let token = form_token(app, desk);
    let head = format!(
        "--b1\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\n{token}\r\n--b1\r\n\
         Content-Disposition: form-data; name=\"logo\"; filename=\"elm.png\"\r\nContent-Type: image/png\r\n\r\n"
    );
    let body = [head.as_bytes(), file, b"\r\n--b1--\r\n"].concat();
    let call = app.call("POST", &format!("{AT}/practice/logo"));
    as_browser(desk, call.raw("multipart/form-data; boundary=b1", body)).send()
}

both! {
    fn each_page_answers_each_role_as_the_api_does(app: TestApp) {
        let (practice, desk) = elm(&app);
        let (bea, sue) = (app.desk(&practice, "bea", Role::Member), app.desk(&practice, "sue", Role::Support));
        let team = app.team(&practice, "Hygienists", &[&bea]);
        let (staff, team) = (format!("/staff/{}", bea.staff_id), format!("/teams/{team}"));
        let (disable, reset) = (format!("{staff}/disable"), format!("{staff}/reset"));
        for (path, admin, member, support) in [
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
            for (who, wanted) in [(&desk, admin), (&bea, member), (&sue, support)] {
                let reply = as_browser(who, app.get(&format!("{AT}{path}"))).send();
                assert_eq!(reply.status, wanted, "{path}: {}", reply.text());
                assert!(wanted == 200 || reply.text().contains("You do not have permission to do that"), "{path}");
            }
            assert!(leads(&app.get(&format!("{AT}{path}")).send()).starts_with("/console/sign-in"), "{path}");
        }
        // What is not offered is not done either.
        for who in [&bea, &sue] {
            let fields = [("name", "Eve"), ("email", "eve@elm.example"), ("role", "admin")];
            submit(&app, who, &format!("{AT}/staff"), &fields).expect(403);
            for end in ["", "/invite", "/enable", "/disable", "/reset"] {
                submit(&app, who, &format!("{AT}{staff}{end}"), &[("name", "Eve")]).expect(403);
            }
        }
        let profile = [("name", "Mine"), ("city", "X"), ("language", "en"), ("time_zone", "UTC")];
        submit(&app, &bea, &format!("{AT}/practice"), &profile).expect(403);
        submit(&app, &bea, &format!("{AT}/practice/logo/remove"), &[]).expect(403);
        upload(&app, &bea, &png(8, 8, [1, 2, 3])).expect(403);
        submit(&app, &bea, &format!("{AT}{team}"), &[("name", "Mine")]).expect(403);
        submit(&app, &bea, &format!("{AT}/teams"), &[("name", "Mine")]).expect(403);
    }

    fn ids_of_another_practice_are_not_there(app: TestApp) {
        let (practice, desk) = elm(&app);
        let bea = app.desk(&practice, "bea", Role::Member);
        let team = app.team(&practice, "Hygienists", &[&bea]);
        let zoe = app.desk(&app.practice("Fir Clinic", None), "zoe", Role::Admin);
        for end in ["", "/disable", "/reset"] {
            as_browser(&zoe, app.get(&format!("{AT}/staff/{}{end}", bea.staff_id))).send().expect(404);
        }
        for end in ["", "/invite", "/enable", "/disable", "/reset"] {
            submit(&app, &zoe, &format!("{AT}/staff/{}{end}", bea.staff_id), &[("name", "Mine")]).expect(404);
        }
        as_browser(&zoe, app.get(&format!("{AT}/teams/{team}"))).send().expect(404);
        submit(&app, &zoe, &format!("{AT}/teams/{team}"), &[("name", "Mine")]).expect(404);
        submit(&app, &zoe, &format!("{AT}/account/sessions/sts_none/end"), &[]).expect(404);
        let stranger = [("name", "Others"), ("members", bea.staff_id.as_str())];
        let refused = submit(&app, &zoe, &format!("{AT}/teams"), &stranger).expect(422);
        assert!(refused.text().contains("id=\"members-error\""));
        for path in ["/staff", "/teams", "/audit"] {
            let text = page(&app, &zoe, &format!("{AT}{path}"));
            assert!(!text.contains(&bea.staff_id) && !text.contains("Hygienists"), "{path}");
        }
        assert_eq!(colleague(&app, &desk, &bea.staff_id)["state"], "invited");
    }

    fn a_colleague_is_invited_once_by_a_form_that_is_sent_twice(app: TestApp) {
        let (_, desk) = elm(&app);
        let path = format!("{AT}/staff");
        let wrong = submit(&app, &desk, &path, &[("name", " "), ("email", "ben"), ("role", "admin")]).expect(422).text();
        for wanted in ["id=\"name-error\"", "id=\"email-error\"", "value=\"ben\"", "value=\"admin\" checked"] {
            assert!(wrong.contains(wanted), "{wanted}: {wrong}");
        }
        let fields = [("name", "Ben <b>Okoro"), ("email", "ben@elm.example"), ("role", "member")];
        assert_eq!(leads(&submit(&app, &desk, &path, &fields)), format!("{path}?done=invited"));
        let again = submit(&app, &desk, &path, &fields).expect(409).text();
        assert!(again.contains("This address is already in use") && again.contains("ben@elm.example"), "{again}");
        app.deliver_all();
        assert_eq!(app.carrier.sent_to("ben@elm.example").len(), 1);
        let list = page(&app, &desk, &path);
        assert!(list.contains("Ben &#60;b&#62;Okoro") && list.contains("Invited"), "{list}");
        let all = as_desk(&desk, app.get("/v1/practice/staff")).send().expect(200).at("/items");
        let ben = all.as_array().unwrap().iter().find(|each| each["email"] == "ben@elm.example").unwrap();
        let ben = format!("{path}/{}", ben["id"].as_str().unwrap());
        // Again on purpose: one letter a minute.
        app.advance(61);
        for _ in 0..2 {
            leads(&submit(&app, &desk, &format!("{ben}/invite"), &[]));
        }
        app.deliver_all();
        assert_eq!(app.carrier.sent_to("ben@elm.example").len(), 2);
        assert_eq!(audited(&app, "staff.invited"), 2);
    }

    fn role_name_and_access_are_changed_and_the_last_admin_stays(app: TestApp) {
        let practice = app.practice("Elm Dental", None);
        let (ana, ben) = (app.person(&practice, "ana", Role::Admin), app.person(&practice, "ben", Role::Member));
        let desk = browser(&app, &practice, &ana);
        let at = |person: &Person, end: &str| format!("{AT}/staff/{}{end}", person.staff_id);
        let kept = submit(&app, &desk, &at(&ana, ""), &[("name", "Ana Ruiz"), ("role", "member")]).expect(409).text();
        assert!(kept.contains("Make someone else an admin first") && kept.contains("value=\"Ana Ruiz\""), "{kept}");
        let kept = submit(&app, &desk, &at(&ana, "/disable"), &[]).expect(409).text();
        assert!(kept.contains("Make someone else an admin first"), "{kept}");
        let wrong = submit(&app, &desk, &at(&ben, ""), &[("name", ""), ("role", "admin")]).expect(422).text();
        assert!(wrong.contains("id=\"name-error\"") && wrong.contains("value=\"admin\" checked"), "{wrong}");
        for _ in 0..2 {
            leads(&submit(&app, &desk, &at(&ben, ""), &[("name", "Ben Okoro"), ("role", "admin")]));
        }
        assert_eq!(audited(&app, "staff.changed"), 1);
        let other = browser(&app, &practice, &ben);
        page(&app, &other, AT);
        for _ in 0..2 {
            leads(&submit(&app, &desk, &at(&ben, "/disable"), &[]));
        }
        assert!(leads(&as_browser(&other, app.get(AT)).send()).starts_with("/console/sign-in"));
        assert!(page(&app, &desk, &at(&ben, "")).contains("Disabled"));
        leads(&submit(&app, &desk, &at(&ben, "/enable"), &[]));
        leads(&submit(&app, &desk, &at(&ben, "/reset"), &[]));
        leads(&submit(&app, &desk, &at(&ben, "/reset"), &[]));
        assert!(!page(&app, &desk, &at(&ben, "")).contains("/reset\""));
        assert_eq!((audited(&app, "staff.changed"), audited(&app, "staff.totp_reset")), (3, 1));
        // Support's own people have a name to change and no role.
        let sue = app.desk(&practice, "sue", Role::Support);
        let one = page(&app, &desk, &format!("{AT}/staff/{}", sue.staff_id));
        assert!(one.contains("name=\"name\"") && !one.contains("name=\"role\""), "{one}");
        leads(&submit(&app, &desk, &format!("{AT}/staff/{}", sue.staff_id), &[("name", "Sue")]));
    }

    fn teams_are_made_renamed_and_filled(app: TestApp) {
        let (practice, desk) = elm(&app);
        let bea = app.desk(&practice, "bea", Role::Member);
        let path = format!("{AT}/teams");
        assert!(page(&app, &desk, &path).contains("No teams yet"));
        let fields = [("name", "Hygienists"), ("members", bea.staff_id.as_str())];
        assert_eq!(leads(&submit(&app, &desk, &path, &fields)), format!("{path}?done=team"));
        let again = submit(&app, &desk, &path, &fields).expect(409).text();
        assert!(again.contains("id=\"name-error\"") && again.contains("value=\"Hygienists\"") && again.contains(" checked"));
        let team = as_desk(&desk, app.get("/v1/practice/teams")).send().expect(200).str("/items/0/id");
        assert!(page(&app, &desk, &format!("{path}/{team}")).contains(" checked"));
        leads(&submit(&app, &desk, &format!("{path}/{team}"), &[("name", "Front desk")]));
        let list = page(&app, &bea, &path);
        assert!(list.contains("Front desk") && list.contains("No members yet") && !list.contains(&team), "{list}");
    }

    fn a_password_is_changed_with_the_current_one(app: TestApp) {
        let practice = app.practice("Elm Dental", None);
        let ana = app.person(&practice, "ana", Role::Member);
        let desk = browser(&app, &practice, &ana);
        let path = format!("{AT}/account/password");
        let send = |current: &str, new: &str| submit(&app, &desk, &path, &[("current_password", current), ("new_password", new)]);
        let wrong = send("a wrong password", "seven quiet herons").expect(422).text();
        assert!(wrong.contains("id=\"current_password-error\"") && !wrong.contains("herons"), "{wrong}");
        assert!(send(PASSWORD, "short").expect(422).text().contains("id=\"new_password-error\""));
        assert_eq!(leads(&send(PASSWORD, "seven quiet herons")), format!("{AT}/account?done=password"));
        // Sent twice it changes nothing, and says that the new one holds.
        assert!(send(PASSWORD, "seven quiet herons").expect(422).text().contains("enter the new one"));
        page(&app, &desk, AT);
        app.get("/v1/staff/me").bearer(&ana.access_token).send().problem(401, "unauthorized");
        app.give_password(&ana.email, "seven quiet herons").send().expect(201);
        while send("a wrong password", "other words again").status == 422 {}
        let limited = send("seven quiet herons", "other words again").expect(429).text();
        assert!(limited.contains("You can try again in 30 s"), "{limited}");
        assert_eq!(audited(&app, "staff.password_changed"), 1);
    }

    fn recovery_codes_are_shown_once_and_work(app: TestApp) {
        let practice = app.practice("Elm Dental", None);
        let ana = app.person(&practice, "ana", Role::Member);
        let desk = browser(&app, &practice, &ana);
        let path = format!("{AT}/account/recovery-codes");
        app.advance(30);
        assert!(submit(&app, &desk, &path, &[("code", "000000")]).expect(422).text().contains("id=\"code-error\""));
        let code = app.totp(&ana.seed);
        let shown = submit(&app, &desk, &path, &[("code", &code)]).expect(200).text();
        assert_eq!(shown.matches("<li><code>").count(), 10, "{shown}");
        assert!(submit(&app, &desk, &path, &[("code", &code)]).expect(422).text().contains("works once"));
        assert!(!page(&app, &desk, &format!("{AT}/account")).contains("<li><code>"));
        let (_, rest) = shown.split_once("<li><code>").unwrap();
        let begun = app.give_password(&ana.email, PASSWORD).send().expect(201);
        let body = json!({ "challenge": begun.str("/challenge"), "recovery_code": rest.split('<').next().unwrap() });
        app.post("/v1/staff/sessions/totp", body).send().expect(201);
        assert!(page(&app, &desk, &format!("{AT}/account")).contains("Left: 9."));
    }

    fn a_sign_in_is_ended_here_and_all_of_them_everywhere(app: TestApp) {
        let practice = app.practice("Elm Dental", None);
        let (ana, ben) = (app.person(&practice, "ana", Role::Member), app.person(&practice, "ben", Role::Member));
        let (here, there) = (browser(&app, &practice, &ana), browser(&app, &practice, &ana));
        let text = page(&app, &here, &format!("{AT}/account"));
        // This one is marked and has no button; the app and the other browser have one each.
        assert_eq!((text.matches("This session").count(), text.matches("/end\"").count()), (1, 2), "{text}");
        let mine = as_browser(&there, app.get(&format!("{AT}/account"))).send().expect(200).text();
        let ids = |text: &str| -> Vec<String> {
            text.split("/account/sessions/").skip(1).map(|rest| rest.split('/').next().unwrap().to_owned()).collect()
        };
        let other = ids(&text).into_iter().find(|id| !ids(&mine).contains(id)).unwrap();
        let end = format!("{AT}/account/sessions/{other}/end");
        submit(&app, &browser(&app, &practice, &ben), &end, &[]).expect(404);
        for _ in 0..2 {
            assert_eq!(leads(&submit(&app, &here, &end, &[])), format!("{AT}/account?done=session"));
        }
        assert!(leads(&as_browser(&there, app.get(AT)).send()).starts_with("/console/sign-in"));
        assert_eq!(audited(&app, "staff.session_ended"), 1);
        let out = submit(&app, &here, &format!("{AT}/account/sign-out-everywhere"), &[]);
        assert_eq!(leads(&out), "/console/sign-in");
        assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
        assert!(leads(&as_browser(&here, app.get(AT)).send()).starts_with("/console/sign-in"));
        app.get("/v1/staff/me").bearer(&ana.access_token).send().problem(401, "unauthorized");
    }

    fn ones_own_name_is_changed(app: TestApp) {
        let (practice, _) = elm(&app);
        let bea = app.desk(&practice, "bea", Role::Member);
        let path = format!("{AT}/account");
        assert!(submit(&app, &bea, &path, &[("name", "")]).expect(422).text().contains("id=\"name-error\""));
        leads(&submit(&app, &bea, &path, &[("name", "Bea Okafor")]));
        assert!(page(&app, &bea, &path).contains("<strong>Bea Okafor</strong>"));
    }

    fn the_practice_is_changed_by_form(app: TestApp) {
        let (_, desk) = elm(&app);
        let path = format!("{AT}/practice");
        let fields = |accent: &'static str| [
            ("name", "Elm Care"), ("city", "Salem"), ("language", "es"), ("time_zone", "America/Denver"),
            ("accent", accent), ("countries", "US"), ("notice_email", ""),
        ];
        let wrong = submit(&app, &desk, &path, &fields("#ffff00")).expect(422).text();
        assert!(wrong.contains("id=\"accent-error\"") && wrong.contains("value=\"Elm Care\""), "{wrong}");
        for _ in 0..2 {
            leads(&submit(&app, &desk, &path, &fields("#7a1f5c")));
        }
        let profile = as_desk(&desk, app.get("/v1/practice/profile")).send().expect(200).at("/profile");
        assert_eq!((&profile["name"], &profile["accent"]), (&json!("Elm Care"), &json!("#7a1f5c")));
        assert_eq!((&profile["notice_email"], &profile["countries"]), (&Value::Null, &json!(["US"])));
        assert_eq!(audited(&app, "practice.changed"), 1);
        leads(&submit(&app, &desk, &path, &fields("")));
        assert!(page(&app, &desk, &path).contains("Communicator"));
    }

    fn a_logo_is_uploaded_and_taken_away(app: TestApp) {
        let (_, desk) = elm(&app);
        let path = format!("{AT}/practice");
        assert!(upload(&app, &desk, b"no picture").expect(422).text().contains("id=\"logo-error\""));
        assert!(upload(&app, &desk, &vec![0; 80 * 1024]).expect(422).text().contains("A logo can be at most 64 KB."));
        leads(&upload(&app, &desk, &png(8, 8, [1, 2, 3])));
        assert!(page(&app, &desk, &path).contains("/console/settings/practice/logo.png?v="));
        let picture = as_browser(&desk, app.get(&format!("{path}/logo.png"))).send().expect(200);
        assert_eq!(picture.media_type(), "image/png");
        for _ in 0..2 {
            leads(&submit(&app, &desk, &format!("{path}/logo/remove"), &[]));
        }
        as_browser(&desk, app.get(&format!("{path}/logo.png"))).send().expect(404);
        assert_eq!(audited(&app, "practice.logo_changed"), 2);
        // Another session's form, and another site's, change nothing.
        let body = "--b1\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\nforged\r\n--b1--\r\n";
        let call = app.call("POST", &format!("{path}/logo")).raw("multipart/form-data; boundary=b1", body);
        as_browser(&desk, call).send().expect(403);
    }

    fn the_audit_reads_in_words_and_by_page(app: TestApp) {
        let (practice, desk) = elm(&app);
        let bea = app.desk(&practice, "bea", Role::Member);
        app.make_link(&desk, json!({ "label": "Poster <b>" }));
        leads(&submit(&app, &desk, &format!("{AT}/staff/{}", bea.staff_id), &[("name", "Bea"), ("role", "admin")]));
        let at = format!("{AT}/audit");
        let all = page(&app, &desk, &at);
        for wanted in ["created the link", "Poster &#60;b&#62;", "changed the access of", "Role: member → admin", "audit.csv?"] {
            assert!(all.contains(wanted), "{wanted}: {all}");
        }
        let links = page(&app, &desk, &format!("{at}?about=link&actor=&from=&to="));
        assert!(links.contains("created the link") && !links.contains("changed the access of"), "{links}");
        assert!(links.contains("audit.csv?about=link"), "{links}");
        let nobody = page(&app, &desk, &format!("{at}?actor={}&about=", bea.staff_id));
        assert!(nobody.contains("No matching entries"), "{nobody}");
        let today = page(&app, &desk, &format!("{at}?from=2026-11-20&to=2026-11-23"));
        assert!(today.contains("created the link"), "{today}");
        assert!(page(&app, &desk, &format!("{at}?from=2020-01-01&to=2020-01-02")).contains("No matching entries"));
        let wrong = as_browser(&desk, app.get(&format!("{at}?from=soon"))).send().expect(422).text();
        assert!(wrong.contains("id=\"from-error\"") && wrong.contains("created the link"), "{wrong}");
        // Page by page.
        let first = page(&app, &desk, &format!("{at}?limit=1"));
        let (_, rest) = first.split_once("class=\"more\"><a class=\"button quiet\" href=\"").unwrap();
        let next = rest.split('"').next().unwrap().replace("&#38;", "&");
        assert!(page(&app, &desk, &next).contains("created the link"));
        let file = as_browser(&desk, app.get(&format!("{AT}/audit.csv?about=link"))).send().expect(200);
        assert!(file.media_type() == "text/csv" && file.text().contains("link.created"));
        assert!(page(&app, &desk, &at).contains("exported the audit"));
        let spanish = as_browser(&desk, app.get(&at)).language("es").send().expect(200).text();
        assert!(spanish.contains("Función: equipo → administración") && spanish.contains("creó el enlace"), "{spanish}");
    }

    fn the_pages_speak_spanish_too(app: TestApp) {
        let (_, desk) = elm(&app);
        let spanish = as_browser(&desk, app.get(&format!("{AT}/staff"))).language("es").send().expect(200).text();
        assert!(spanish.contains("Personal") && spanish.contains("Invitar a alguien"), "{spanish}");
        let wrong = as_browser(&desk, app.form(&format!("{AT}/teams"), &[("form_token", &form_token(&app, &desk)), ("name", "")]));
        assert!(wrong.language("es").send().expect(422).text().contains("Escriba de 1 a 100 caracteres"));
    }
}
