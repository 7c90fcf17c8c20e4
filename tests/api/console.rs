//! The console's pages for staff, used like a browser without scripts does.

use practice_links::domain::link_analytics;
use practice_links::domain::links::NewLink;
use practice_links::domain::practices::{Plan, Practice};
use practice_links::domain::staff::Role;
use serde_json::json;

use crate::harness::{Builder, Call, PASSWORD, Reply, StaffClient, TestApp, as_staff, phone};

const COOKIE: &str = "practice_links";

fn elm(app: &TestApp) -> (Practice, StaffClient) {
    let practice = app.practice("Elm Dental", Some("desk@elm.example"));
    app.link_with(&practice.id, "500005", &NewLink { is_default: true, ..NewLink::plain("Elm Dental") });
    let staff = app.staff_client(&practice, "ana", Role::Admin);
    (practice, staff)
}

pub fn as_browser(staff: &StaffClient, call: Call) -> Call {
    call.header("cookie", &format!("theme=dark; {COOKIE}={}", staff.token))
}

#[track_caller]
pub fn page(app: &TestApp, staff: &StaffClient, path: &str) -> String {
    as_browser(staff, app.get(path)).send().expect(200).text()
}

/// The form token of this session.
pub fn form_token(app: &TestApp, staff: &StaffClient) -> String {
    let text = page(app, staff, "/console/settings");
    let (_, rest) = text.split_once("name=\"form_token\" value=\"").expect("no form");
    rest.split('"').next().unwrap().to_owned()
}

pub fn submit(app: &TestApp, staff: &StaffClient, path: &str, fields: &[(&str, &str)]) -> Reply {
    let token = form_token(app, staff);
    let fields = [&[("form_token", token.as_str())], fields].concat();
    as_browser(staff, app.form(path, &fields)).send()
}

#[track_caller]
pub fn redirect_target(reply: &Reply) -> String {
    assert_eq!(reply.status, 303, "{}", reply.text());
    reply.header("location").unwrap().to_owned()
}

fn link_of(app: &TestApp, staff: &StaffClient, label: &str) -> serde_json::Value {
    let all = as_staff(staff, app.get("/v1/practice/links")).send().expect(200).at("/items");
    all.as_array().unwrap().iter().find(|link| link["label"] == label).cloned().unwrap_or_default()
}

fn id(link: &serde_json::Value) -> &str {
    link["id"].as_str().unwrap()
}

/// The text of a page between `before` and `after`.
fn between(text: &str, before: &str, after: &str) -> String {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}"));
    rest.split(after).next().unwrap().to_owned()
}

/// The cookie that a browser sends back after this reply.
fn cookie_of(reply: &Reply) -> String {
    reply.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

both! {
    fn invited_staff_sets_password_enrols_and_signs_in(app: TestApp) {
        let (_, admin) = elm(&app);
        let body = json!({ "email": "ben@elm.example", "name": "Ben", "role": "member" });
        as_staff(&admin, app.post("/v1/practice/staff", body)).send().expect(201);
        app.deliver_all();
        let mail = app.transport.sent_to("ben@elm.example").pop().unwrap();
        let token = between(&mail.body, "/console/welcome#", "\n");
        assert!(app.get("/console/welcome").send().expect(200).text().contains("name=\"password\""));
        let choose = |password: &str| app.form("/console/welcome", &[("token", token.trim()), ("password", password)]).send();
        let weak = choose("short").expect(422).text();
        assert!(weak.contains("12 to 128 characters") && weak.contains(token.trim()), "the form keeps its input");
        assert_eq!(redirect_target(&choose(PASSWORD)), "/console/sign-in");
        assert!(choose(PASSWORD).expect(422).text().contains("already used"));

        let wrong = app.form("/console/sign-in", &[("email", "ben@elm.example"), ("password", "not this one")]);
        assert!(wrong.send().expect(422).text().contains("Wrong e-mail or password"));
        let right = [("email", "ben@elm.example"), ("password", PASSWORD), ("next", "/console/links")];
        let enrol = app.form("/console/sign-in", &right).send().expect(200).text();
        let challenge = between(&enrol, "name=\"challenge\" value=\"", "\"");
        let code = app.totp(&between(&enrol, "<p class=\"key\"><code>", "<").replace(' ', ""));
        let fields = [("challenge", challenge.as_str()), ("code", &code), ("next", "/console/links")];
        let enrolled = app.form("/console/sign-in/code", &fields).send().expect(200);
        assert_eq!(enrolled.text().matches("<li><code>").count(), 10, "recovery codes are shown only here");
        let inside = app.get("/console/links").header("cookie", &cookie_of(&enrolled)).send().expect(200);
        assert!(inside.text().contains("Elm Dental"));
        assert!(app.form("/console/sign-in/code", &fields).send().expect(422).text().contains("Start again"));
        // The session ends after twelve unused hours; each use extends it.
        for hours in [11, 11, 11] {
            app.advance(hours * 3_600);
            app.get("/console/links").header("cookie", &cookie_of(&enrolled)).send().expect(200);
        }
        // The cookie's secret works only in a cookie.
        let secret = cookie_of(&enrolled).split_once('=').unwrap().1.to_owned();
        app.get("/v1/practice/links").bearer(&secret).send().problem(401, "unauthorized");
        app.advance(13 * 3_600);
        assert_eq!(redirect_target(&app.get("/console/links").header("cookie", &cookie_of(&enrolled)).send()), "/console/sign-in?next=/console/links");
    }

    /// Staff invite one patient and then a list, and follow the progress.
    fn invites_are_created_and_tracked_on_pages(app: TestApp) {
        let (_, admin) = elm(&app);
        assert!(page(&app, &admin, "/console/invites").contains("Invite your first patient"));
        let wrong = [("name", "Alex Rivera"), ("phone", "12"), ("email", "alex@")];
        let wrong = submit(&app, &admin, "/console/invites", &wrong).expect(422).text();
        for part in ["value=\"Alex Rivera\"", "id=\"phone-error\"", "id=\"email-error\""] {
            assert!(wrong.contains(part), "{part} in {wrong}");
        }
        let number = phone(1);
        let fields = [("name", "Alex Rivera"), ("phone", number.as_str()), ("email", "alex@home.example")];
        let one = redirect_target(&submit(&app, &admin, "/console/invites", &fields));
        let one = one.split('?').next().unwrap();
        app.deliver_all();
        assert!(page(&app, &admin, one).contains("A text and an e-mail are on their way"));
        let twice = submit(&app, &admin, "/console/invites", &fields).expect(422).text();
        assert!(twice.contains("less than a day ago") && twice.contains("value=\"alex@home.example\""), "{twice}");
        assert!(submit(&app, &admin, &format!("{one}/resend"), &[]).expect(422).text().contains("less than a day ago"));
        app.advance(86_400);
        assert!(redirect_target(&submit(&app, &admin, &format!("{one}/resend"), &[])).ends_with("?done=sent-again"));
        app.deliver_all();
        assert!(redirect_target(&submit(&app, &admin, &format!("{one}/revoke"), &[])).ends_with("?done=taken-back"));
        let spanish = as_browser(&admin, app.get(one).language("es")).send().expect(200).text();
        assert!(spanish.contains("Retirada") && !spanish.contains("Enviar otra vez"), "{spanish}");

        let list = format!("name\tmobile\temail\nSam Stone\t{}\tsam@home.example\nNobody\t1\tx@home.example", phone(2));
        assert!(submit(&app, &admin, "/console/invites/import", &[("list", "a,b")]).expect(422).text().contains("list-error"));
        let taken = redirect_target(&submit(&app, &admin, "/console/invites/import", &[("list", &list)]));
        app.deliver_all();
        let shown = page(&app, &admin, &taken);
        assert!(shown.contains("2 of 2 rows done, 1 invited") && shown.contains("Not a mobile number"), "{shown}");
        let listed = page(&app, &admin, "/console/invites?state=sent");
        assert!(listed.contains("Sam Stone") && !listed.contains("Alex Rivera"), "{listed}");
        app.deliver_all();
    }

    fn signed_out_visitor_returns_to_the_page_after_sign_in(app: TestApp) {
        let (_, admin) = elm(&app);
        assert_eq!(redirect_target(&app.get("/console").send()), "/console/sign-in");
        let asked = app.get("/console/links?limit=5").send();
        assert_eq!(redirect_target(&asked), "/console/sign-in?next=/console/links%3Flimit%3D5");
        let text = app.get(&redirect_target(&asked)).send().expect(200).text();
        assert!(text.contains("name=\"next\" value=\"/console/links?limit=5\""), "{text}");
        let fields = [("token", admin.token.as_str()), ("next", "/console/links?limit=5")];
        let made = app.form("/console/sign-in/token", &fields).send();
        assert_eq!(redirect_target(&made), "/console/links?limit=5");
        let cookie = made.header("set-cookie").unwrap().to_owned();
        assert_eq!(cookie, format!("{COOKIE}={}; HttpOnly; SameSite=Lax; Path=/", admin.token));
        let pair = cookie.split(';').next().unwrap();
        let seen = app.get("/console/links").header("cookie", pair).send().expect(200).text();
        assert!(seen.contains("Elm Dental") && !seen.contains("Oak Street"), "{seen}");
        // Signing out deletes the cookie.
        let out = submit(&app, &admin, "/console/sign-out", &[]);
        assert_eq!(redirect_target(&out), "/console/sign-in");
        assert_eq!(out.header("set-cookie"), Some(format!("{COOKIE}=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0").as_str()));
    }

    fn sign_in_redirects_only_to_console_pages(app: TestApp) {
        let (_, admin) = elm(&app);
        for next in ["https://evil.example", "//evil.example", "/console//evil.example", "/v1/practice/links", "/console/\r\nx: y"] {
            let fields = [("token", admin.token.as_str()), ("next", next)];
            assert_eq!(redirect_target(&app.form("/console/sign-in/token", &fields).send()), "/console", "{next:?}");
        }
    }

    fn wrong_sign_in_keeps_the_email_and_shows_the_error(app: TestApp) {
        let fields = [("email", "ana@elm.example"), ("password", "not it")];
        let again = app.form("/console/sign-in", &fields).send().expect(422);
        let text = again.text();
        assert!(text.contains("value=\"ana@elm.example\"") && text.contains("Wrong e-mail or password"), "{text}");
        assert!(!text.contains("not it"), "the password is not sent back");
        assert!(again.header("set-cookie").is_none());
        let spanish = app.form("/console/sign-in", &fields).language("es").send().expect(422).text();
        assert!(spanish.contains("no coinciden") && spanish.contains("lang=\"es\""), "{spanish}");
        app.form("/console/sign-in/token", &[("token", "nonsense")]).send().expect(422);
        let elsewhere = app.form("/console/sign-in", &fields).header("sec-fetch-site", "cross-site").send();
        elsewhere.expect(403);
    }

    fn cookie_over_tls_is_bound_to_the_host(on: Builder) {
        let app = on.config(|config| config.public_url = "https://links.example.test".into()).start();
        let (_, admin) = elm(&app);
        let made = app.form("/console/sign-in/token", &[("token", &admin.token)]).send();
        let wanted = format!("__Host-{COOKIE}={}; HttpOnly; SameSite=Lax; Secure; Path=/", admin.token);
        assert_eq!(made.header("set-cookie"), Some(wanted.as_str()));
        // A cookie that a host on plain HTTP could have set is ignored.
        let plain = as_browser(&admin, app.get("/console/links")).send();
        assert_eq!(redirect_target(&plain), "/console/sign-in?next=/console/links");
        let ours = app.get("/console/links").header("cookie", &format!("__Host-{COOKIE}={}", admin.token));
        ours.send().expect(200);
    }

    fn cookies_of_others_do_not_sign_anybody_out(app: TestApp) {
        let (_, admin) = elm(&app);
        for others in ["theme", "=", "café=1", "a=\"b", "practice_links2=x", "b=%ff"] {
            let cookies = format!("{others}; {COOKIE}={}", admin.token);
            app.get("/console/links").header("cookie", &cookies).send().expect(200);
        }
        for none in ["", "=", &format!("{COOKIE}="), COOKIE] {
            redirect_target(&app.get("/console/links").header("cookie", none).send());
        }
    }

    fn link_is_created_changed_paused_and_retired_by_form(app: TestApp) {
        let (practice, admin) = elm(&app);
        let member = app.staff_client(&practice, "bea", Role::Member);
        let team = app.team(&practice, "Hygienists", &[&member]);
        assert!(page(&app, &admin, "/console/links/new").contains("Hygienists (team)"));
        let fields = [
            ("label", " Poster "), ("tags", "poster, waiting room,"), ("owner", &team), ("assignee_id", &member.staff_id),
            ("members", &member.staff_id), ("members", &admin.staff_id), ("notify", &admin.staff_id),
            ("welcome", "Hello.\r\nHow can we help?"), ("discreet", "on"),
        ];
        let shown = redirect_target(&submit(&app, &admin, "/console/links", &fields));
        let link = link_of(&app, &admin, "Poster");
        assert_eq!(shown, format!("/console/links/{}?done=created", id(&link)));
        assert_eq!(link["tags"], json!(["poster", "waiting room"]));
        assert_eq!(link["owner"]["id"], json!(team));
        assert_eq!(link["assignee_id"], json!(member.staff_id));
        assert_eq!(link["members"].as_array().unwrap().len(), 2);
        assert_eq!(link["notify"], json!([admin.staff_id]));
        assert_eq!(link["welcome"], "Hello.\nHow can we help?");
        assert_eq!(link["discreet"], true);
        assert!(page(&app, &admin, &shown).contains("The link is ready"));

        let path = format!("/console/links/{}", id(&link));
        let fields = [("label", "Poster B"), ("owner", "practice"), ("assignee_id", "")];
        assert_eq!(redirect_target(&submit(&app, &admin, &path, &fields)), format!("{path}?done=saved"));
        let link = link_of(&app, &admin, "Poster B");
        assert_eq!((&link["tags"], &link["welcome"], &link["discreet"]), (&json!([]), &json!(null), &json!(false)));
        assert_eq!((&link["owner"]["kind"], &link["members"]), (&json!("practice"), &json!([])));

        redirect_target(&submit(&app, &admin, &format!("{path}/pause"), &[]));
        assert_eq!(link_of(&app, &admin, "Poster B")["state"], "paused");
        redirect_target(&submit(&app, &admin, &format!("{path}/resume"), &[]));
        assert_eq!(link_of(&app, &admin, "Poster B")["state"], "active");
        let default = link_of(&app, &admin, "Elm Dental");
        let asked = page(&app, &admin, &format!("{path}/retire"));
        assert!(asked.contains("cannot be undone") && asked.contains(id(&default)), "{asked}");
        // An impossible forward is explained at the field.
        let wrong = submit(&app, &admin, &format!("{path}/retire"), &[("forward_to", id(&link))]);
        assert!(wrong.expect(422).text().contains("id=\"forward_to-error\""));
        redirect_target(&submit(&app, &admin, &format!("{path}/retire"), &[("forward_to", id(&default))]));
        let link = link_of(&app, &admin, "Poster B");
        assert_eq!((&link["state"], &link["forward_to"]), (&json!("retired"), &default["id"]));
        assert!(page(&app, &admin, &path).contains("forwards to Elm Dental"));
        assert!(submit(&app, &admin, &format!("{path}/resume"), &[]).status == 409);
    }

    fn invalid_link_form_keeps_input_and_shows_field_errors(app: TestApp) {
        let (_, admin) = elm(&app);
        let long = "x".repeat(41);
        let fields = [("label", ""), ("tags", long.as_str()), ("owner", "practice"), ("welcome", "Still \"here\"")];
        let again = submit(&app, &admin, "/console/links", &fields).expect(422).text();
        for wanted in ["id=\"label-error\"", "id=\"tags-error\"", "href=\"#label\"", &long, "Still &#34;here&#34;"] {
            assert!(again.contains(wanted), "{wanted}: {again}");
        }
        let unknown_owner = [("label", "A"), ("owner", "stf_nobody"), ("assignee_id", "")];
        let again = submit(&app, &admin, "/console/links", &unknown_owner).expect(422).text();
        assert!(again.contains("id=\"owner-error\""), "{again}");
        assert_eq!(app.count("SELECT count(*) AS n FROM practice_links WHERE label = 'A'"), 0);
    }

    fn link_over_the_plan_limit_is_explained(app: TestApp) {
        let plan = practice_links::domain::practices::NewPractice {
            name: "Fir".into(), city: "Springfield".into(), plan: Plan::Basic,
            language: practice_links::kit::Language::Es, time_zone: "America/Chicago".into(), notice_email: None,
        };
        let practice = app.practice_with(&plan);
        let admin = app.staff_client(&practice, "fay", Role::Admin);
        let again = submit(&app, &admin, "/console/links", &[("label", "A"), ("owner", "practice")]).expect(422);
        // The practice's language, if the browser asks for none.
        assert!(again.text().contains("son del plan Communicator"), "{}", again.text());
    }

    fn form_of_another_session_or_site_changes_nothing(app: TestApp) {
        let (practice, admin) = elm(&app);
        let other_admin = app.staff_client(&practice, "bea", Role::Admin);
        let fields = [("label", "Forged"), ("owner", "practice")];
        let bare = as_browser(&admin, app.form("/console/links", &fields)).send().expect(403);
        assert_eq!(bare.media_type(), "text/html");
        let (mine, theirs) = (form_token(&app, &admin), form_token(&app, &other_admin));
        assert_ne!(mine, theirs);
        let other = [&fields[..], &[("form_token", theirs.as_str())]].concat();
        as_browser(&admin, app.form("/console/links", &other)).send().expect(403);
        let own = [&fields[..], &[("form_token", mine.as_str())]].concat();
        for (name, value) in [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example")] {
            as_browser(&admin, app.form("/console/links", &own)).header(name, value).send().expect(403);
        }
        assert_eq!(link_of(&app, &admin, "Forged"), json!(null));
        let same = as_browser(&admin, app.form("/console/links", &own)).header("sec-fetch-site", "same-origin");
        redirect_target(&same.send());
        // The API's bearer token does not work as a cookie, and the cookie not as a bearer token.
        assert_eq!(redirect_target(&as_staff(&admin, app.get("/console/links")).send()), "/console/sign-in?next=/console/links");
        as_browser(&admin, app.get("/v1/practice/links")).send().problem(401, "unauthorized");
    }

    fn pages_of_another_practice_are_not_found(app: TestApp) {
        let (_, admin) = elm(&app);
        let other_practice = app.practice("Fir Clinic", None);
        let other_practice_admin = app.staff_client(&other_practice, "zoe", Role::Admin);
        let link = link_of(&app, &admin, "Elm Dental");
        let body = json!({ "url": "https://hooks.elm.example/x" });
        let hook = as_staff(&admin, app.post("/v1/practice/webhooks", body)).send().expect(201).str("/webhook/id");
        for end in ["", "/edit", "/retire", "/print", "/print/qr.svg", "/print/poster.pdf", "/visitors"] {
            let path = format!("/console/links/{}{end}", id(&link));
            as_browser(&admin, app.get(&path)).send().expect(200);
            let refused = as_browser(&other_practice_admin, app.get(&path)).send().expect(404);
            assert!(refused.media_type() == "text/html" && !refused.text().contains("Elm"), "{path}");
        }
        for end in ["", "/pause", "/resume", "/retire"] {
            let path = format!("/console/links/{}{end}", id(&link));
            submit(&app, &other_practice_admin, &path, &[("label", "Mine now")]).expect(404);
        }
        for end in ["", "/rotate", "/delete"] {
            let path = format!("/console/settings/webhooks/{hook}{end}");
            as_browser(&admin, app.get(&path)).send().expect(200);
            as_browser(&other_practice_admin, app.get(&path)).send().expect(404);
        }
        for end in ["/state", "/rotate", "/delete", "/deliveries/whd_1/replay"] {
            submit(&app, &other_practice_admin, &format!("/console/settings/webhooks/{hook}{end}"), &[]).expect(404);
        }
        assert_eq!(link_of(&app, &admin, "Elm Dental")["state"], "active");
        assert!(!page(&app, &other_practice_admin, "/console/links").contains("500005"));
        assert!(!page(&app, &other_practice_admin, "/console/settings/notices").contains("elm"));
    }

    fn member_sees_own_links_and_no_edit_controls(app: TestApp) {
        let (practice, admin) = elm(&app);
        let member = app.staff_client(&practice, "bea", Role::Member);
        let hidden = app.make_link(&admin, json!({ "label": "Admins only", "owner": { "kind": "staff", "id": admin.staff_id } }));
        let list = page(&app, &member, "/console/links");
        assert!(list.contains("Elm Dental") && !list.contains("Admins only") && !list.contains("/console/links/new"));
        as_browser(&member, app.get(&format!("/console/links/{}", id(&hidden)))).send().expect(404);
        let seen = link_of(&app, &admin, "Elm Dental");
        let path = format!("/console/links/{}", id(&seen));
        let one = page(&app, &member, &path);
        assert!(!one.contains("/edit") && !one.contains("/pause") && !one.contains("/retire"), "{one}");
        for end in ["/edit", "/retire"] {
            as_browser(&member, app.get(&format!("{path}{end}"))).send().expect(403);
        }
        as_browser(&member, app.get("/console/links/new")).send().expect(403);
        for end in ["", "/pause", "/retire"] {
            submit(&app, &member, &format!("{path}{end}"), &[("label", "Mine")]).expect(403);
        }
        submit(&app, &member, "/console/links", &[("label", "Mine"), ("owner", "practice")]).expect(403);
        assert!(!page(&app, &member, "/console/settings").contains("/console/settings/webhooks"));
        as_browser(&member, app.get("/console/settings/webhooks")).send().expect(403);
        as_browser(&member, app.get("/console/settings/webhooks/new")).send().expect(403);
    }

    fn support_configures_links_but_not_webhooks(app: TestApp) {
        let (practice, admin) = elm(&app);
        let support = app.staff_client(&practice, "sue", Role::Support);
        redirect_target(&submit(&app, &support, "/console/links", &[("label", "By support"), ("owner", "practice")]));
        assert_eq!(link_of(&app, &admin, "By support")["state"], "active");
        let made = format!("SELECT count(*) AS n FROM events WHERE kind = 'link.created' AND actor = '{}'", support.staff_id);
        assert_eq!(app.count(&made), 1);
        as_browser(&support, app.get("/console/settings/webhooks")).send().expect(403);
    }

    fn user_input_is_escaped(app: TestApp) {
        let (_, admin) = elm(&app);
        let bad = "<script>alert(1)</script>\"'><img src=x>";
        let link = app.make_link(&admin, json!({ "label": bad, "tags": [bad.get(..30).unwrap()], "welcome": bad }));
        let at = format!("/console/links/{}", id(&link));
        for path in ["/console/links".to_owned(), at.clone(), format!("{at}/edit"), format!("{at}/retire"), format!("{at}/visitors?channel=%3Cscript%3E%22"), "/console/settings/notices".to_owned()] {
            let text = page(&app, &admin, &path);
            assert!(!text.contains("<script") && !text.contains("<img src=x"), "{path}: {text}");
        }
        let echoed = app.get("/console/sign-in?next=/console/%22%3E%3Cscript%3E").send().expect(200).text();
        assert!(!echoed.contains("<script"), "{echoed}");
        assert!(!page(&app, &admin, "/console/links?done=%3Cscript%3E").contains("<script"));
    }

    fn pages_are_uncached_and_run_no_foreign_scripts(app: TestApp) {
        let (_, admin) = elm(&app);
        let link = link_of(&app, &admin, "Elm Dental");
        let at = format!("/console/links/{}", id(&link));
        for path in ["/console/sign-in", "/console/links", &at, "/console/settings", "/console/nowhere"] {
            let reply = as_browser(&admin, app.get(path)).send();
            assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
            assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
            assert_eq!(reply.header("referrer-policy"), Some("no-referrer"), "{path}");
            let policy = reply.header("content-security-policy").unwrap();
            assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
            assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
            let text = reply.text();
            assert!(!text.contains(" style=") && !text.contains("<script"), "{path}");
        }
        let sheet = as_browser(&admin, app.get(&format!("{at}/print/poster.pdf?paper=a4&language=es"))).send().expect(200);
        assert_eq!((sheet.media_type(), sheet.header("cache-control")), ("application/pdf", Some("no-store")));
        as_browser(&admin, app.get(&format!("{at}/print/other.pdf"))).send().expect(404);
        // The inbox runs one script of its own, and connects only to its own host.
        let inbox = as_browser(&admin, app.get("/console/inbox")).send().expect(200);
        let policy = inbox.header("content-security-policy").unwrap();
        assert!(policy.contains("script-src 'nonce-") && policy.contains("connect-src 'self';") && !policy.contains("unsafe"), "{policy}");
        let inbox = inbox.text();
        assert_eq!(inbox.matches("<script").count(), 1);
        let script = app.get(&between(&inbox, "src=\"", "\"")).send().expect(200);
        assert_eq!((script.media_type(), script.header("cache-control").unwrap().contains("immutable")), ("text/javascript", true));
        app.get("/console/live-old.js").send().expect(404);
        // The stylesheet is cached in the same way, at a URL with its hash.
        let text = page(&app, &admin, "/console/links");
        let (_, rest) = text.split_once("href=\"/console/style-").unwrap();
        let style = format!("/console/style-{}", rest.split('"').next().unwrap());
        let style = app.get(&style).send().expect(200);
        assert_eq!(style.media_type(), "text/css");
        assert!(style.header("cache-control").unwrap().contains("immutable"));
        app.get("/console/style-old.css").send().expect(404);
    }

    fn visitor_chart_comes_with_its_numbers_in_a_table(app: TestApp) {
        let (_, admin) = elm(&app);
        let link = link_of(&app, &admin, "Elm Dental");
        let at = format!("/console/links/{}/visitors", id(&link));
        assert!(page(&app, &admin, &at).contains("No one opened this link"));
        app.sign_up_at(&phone(0), "500005");
        app.deliver_all();
        link_analytics::flush(&app.state.service, &app.state.page_views).unwrap();
        let text = page(&app, &admin, &at);
        assert!(text.contains("<rect class=\"paired\"") && text.contains("<td>1</td>"), "{text}");
        assert!(text.contains("type=\"date\" value=\"2026-11-22\""), "{text}");
        let narrow = page(&app, &admin, &format!("{at}?from=2026-11-20&to=2026-11-21&channel="));
        assert!(narrow.contains("No one opened this link") && narrow.contains("2026-11-20"));
        for wrong in ["from=2026-13-01", "from=2026-11-22&to=2026-11-01", "to=soon"] {
            let again = as_browser(&admin, app.get(&format!("{at}?{wrong}"))).send().expect(422);
            assert!(again.text().contains("role=\"alert\""), "{wrong}");
        }
    }

    fn last_notice_recipient_cannot_be_turned_off(app: TestApp) {
        let (_, admin) = elm(&app);
        let link = app.make_link(&admin, json!({ "label": "Poster", "notify": [admin.staff_id] }));
        let path = "/console/settings/notices";
        assert!(page(&app, &admin, path).contains("desk@elm.example"));
        let fields = [("person", admin.staff_id.as_str()), ("link_id", id(&link)), ("frequency", "daily")];
        redirect_target(&submit(&app, &admin, path, &fields));
        assert!(page(&app, &admin, path).contains("value=\"daily\" selected"));
        let off = |person: &str, link: &str| submit(&app, &admin, path, &[("person", person), ("link_id", link), ("frequency", "off")]);
        redirect_target(&off(&admin.staff_id, id(&link)));
        let last = off(admin.practice_id.as_str(), "").expect(409);
        assert!(last.text().contains("The practice would no longer be notified of new patients"), "{}", last.text());
    }

    fn webhook_secret_is_shown_once_and_deliveries_replay(app: TestApp) {
        let (_, admin) = elm(&app);
        let base = "/console/settings/webhooks";
        assert!(page(&app, &admin, base).contains("Connect your own software"));
        let again = submit(&app, &admin, base, &[("url", "http://plain.example"), ("label", "Soft"), ("events", "link.changed")]);
        let text = again.expect(422).text();
        assert!(text.contains("id=\"url-error\"") && text.contains("value=\"link.changed\" checked"), "{text}");
        let fields = [("url", "https://hooks.elm.example/x"), ("label", "Soft"), ("events", "link.changed")];
        let made = submit(&app, &admin, base, &fields).expect(200).text();
        assert!(made.contains("whsec_"), "{made}");
        let hook = as_staff(&admin, app.get("/v1/practice/webhooks")).send().expect(200).str("/items/0/id");
        let at = format!("{base}/{hook}");
        assert!(!page(&app, &admin, &at).contains("whsec_") && !page(&app, &admin, base).contains("whsec_"));
        app.make_link(&admin, json!({ "label": "Poster" }));
        app.deliver_all();
        let log = page(&app, &admin, &at);
        assert!(log.contains("Delivered") && log.contains("link.changed"), "{log}");
        let (_, rest) = log.split_once("/deliveries/").unwrap();
        let replay = format!("{at}/deliveries/{}/replay", rest.split('/').next().unwrap());
        assert_eq!(redirect_target(&submit(&app, &admin, &replay, &[])), format!("{at}?done=replayed"));
        app.deliver_all();
        assert!(page(&app, &admin, &format!("{at}/rotate")).contains("24 hours"));
        assert!(submit(&app, &admin, &format!("{at}/rotate"), &[]).expect(200).text().contains("whsec_"));
        redirect_target(&submit(&app, &admin, &format!("{at}/state"), &[("state", "disabled")]));
        assert!(page(&app, &admin, &at).contains("Disabled"));
        submit(&app, &admin, &replay, &[]).expect(409);
        assert!(page(&app, &admin, &format!("{at}/delete")).contains("cannot be undone"));
        redirect_target(&submit(&app, &admin, &format!("{at}/delete"), &[]));
        as_browser(&admin, app.get(&at)).send().expect(404);
    }
}
