//! The console: the practice's own view as pages, walked as a browser without scripts walks them.

use practice_links::domain::link_analytics;
use practice_links::domain::links::NewLink;
use practice_links::domain::practices::Practice;
use practice_links::domain::staff::Role;
use serde_json::json;

use crate::harness::{Builder, Call, Desk, PASSWORD, Reply, TestApp, as_desk, phone};

const COOKIE: &str = "practice_links";

fn elm(app: &TestApp) -> (Practice, Desk) {
    let practice = app.practice("Elm Dental", Some("desk@elm.example"));
    app.link_with("500005", &NewLink { is_default: true, ..NewLink::plain(&practice.id, "Elm Dental") });
    let desk = app.desk(&practice, "ana", Role::Admin);
    (practice, desk)
}

pub fn as_browser(desk: &Desk, call: Call) -> Call {
    call.header("cookie", &format!("theme=dark; {COOKIE}={}", desk.token))
}

#[track_caller]
pub fn page(app: &TestApp, desk: &Desk, path: &str) -> String {
    as_browser(desk, app.get(path)).send().expect(200).text()
}

/// What the forms of this session carry.
pub fn form_token(app: &TestApp, desk: &Desk) -> String {
    let text = page(app, desk, "/console/settings");
    let (_, rest) = text.split_once("name=\"form_token\" value=\"").expect("no form");
    rest.split('"').next().unwrap().to_owned()
}

pub fn submit(app: &TestApp, desk: &Desk, path: &str, fields: &[(&str, &str)]) -> Reply {
    let token = form_token(app, desk);
    let fields = [&[("form_token", token.as_str())], fields].concat();
    as_browser(desk, app.form(path, &fields)).send()
}

#[track_caller]
pub fn leads(reply: &Reply) -> String {
    assert_eq!(reply.status, 303, "{}", reply.text());
    reply.header("location").unwrap().to_owned()
}

fn link_of(app: &TestApp, desk: &Desk, label: &str) -> serde_json::Value {
    let all = as_desk(desk, app.get("/v1/practice/links")).send().expect(200).at("/items");
    all.as_array().unwrap().iter().find(|link| link["label"] == label).cloned().unwrap_or_default()
}

fn id(link: &serde_json::Value) -> &str {
    link["id"].as_str().unwrap()
}

/// The value of a field or element, between two pieces of a page.
fn between(text: &str, before: &str, after: &str) -> String {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}"));
    rest.split(after).next().unwrap().to_owned()
}

/// What a browser sends back of an answer's cookies.
fn cookie_of(reply: &Reply) -> String {
    reply.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

both! {
    fn an_invited_colleague_chooses_a_password_enrols_and_is_in(app: TestApp) {
        let (_, desk) = elm(&app);
        let body = json!({ "email": "ben@elm.example", "name": "Ben", "role": "member" });
        as_desk(&desk, app.post("/v1/practice/staff", body)).send().expect(201);
        app.deliver_all();
        let mail = app.carrier.sent_to("ben@elm.example").pop().unwrap();
        let token = between(&mail.body, "/console/welcome#", "\n");
        assert!(app.get("/console/welcome").send().expect(200).text().contains("name=\"password\""));
        let choose = |password: &str| app.form("/console/welcome", &[("token", token.trim()), ("password", password)]).send();
        let weak = choose("short").expect(422).text();
        assert!(weak.contains("12 to 128 characters") && weak.contains(token.trim()), "what was typed stays");
        assert_eq!(leads(&choose(PASSWORD)), "/console/sign-in");
        assert!(choose(PASSWORD).expect(422).text().contains("already used"));

        let wrong = app.form("/console/sign-in", &[("email", "ben@elm.example"), ("password", "not this one")]);
        assert!(wrong.send().expect(422).text().contains("Wrong e-mail or password"));
        let right = [("email", "ben@elm.example"), ("password", PASSWORD), ("next", "/console/links")];
        let enrol = app.form("/console/sign-in", &right).send().expect(200).text();
        let challenge = between(&enrol, "name=\"challenge\" value=\"", "\"");
        let code = app.totp(&between(&enrol, "<p class=\"key\"><code>", "<").replace(' ', ""));
        let fields = [("challenge", challenge.as_str()), ("code", &code), ("next", "/console/links")];
        let enrolled = app.form("/console/sign-in/code", &fields).send().expect(200);
        assert_eq!(enrolled.text().matches("<li><code>").count(), 10, "recovery codes, this once");
        let inside = app.get("/console/links").header("cookie", &cookie_of(&enrolled)).send().expect(200);
        assert!(inside.text().contains("Elm Dental"));
        assert!(app.form("/console/sign-in/code", &fields).send().expect(422).text().contains("Start again"));
        // Idleness ends it after half a day, and use is no idleness.
        for hours in [11, 11, 11] {
            app.advance(hours * 3_600);
            app.get("/console/links").header("cookie", &cookie_of(&enrolled)).send().expect(200);
        }
        // The cookie is good in a cookie alone.
        let secret = cookie_of(&enrolled).split_once('=').unwrap().1.to_owned();
        app.get("/v1/practice/links").bearer(&secret).send().problem(401, "unauthorized");
        app.advance(13 * 3_600);
        assert_eq!(leads(&app.get("/console/links").header("cookie", &cookie_of(&enrolled)).send()), "/console/sign-in?next=/console/links");
    }

    /// A front desk invites one person and then a list, and sees how far they got.
    fn invites_are_made_and_followed_on_pages(app: TestApp) {
        let (_, desk) = elm(&app);
        assert!(page(&app, &desk, "/console/invites").contains("Invite your first patient"));
        let wrong = [("name", "Alex Rivera"), ("phone", "12"), ("email", "alex@")];
        let wrong = submit(&app, &desk, "/console/invites", &wrong).expect(422).text();
        for part in ["value=\"Alex Rivera\"", "id=\"phone-error\"", "id=\"email-error\""] {
            assert!(wrong.contains(part), "{part} in {wrong}");
        }
        let number = phone(1);
        let fields = [("name", "Alex Rivera"), ("phone", number.as_str()), ("email", "alex@home.example")];
        let one = leads(&submit(&app, &desk, "/console/invites", &fields));
        let one = one.split('?').next().unwrap();
        app.deliver_all();
        assert!(page(&app, &desk, one).contains("A text and an e-mail are on their way"));
        let twice = submit(&app, &desk, "/console/invites", &fields).expect(422).text();
        assert!(twice.contains("less than a day ago") && twice.contains("value=\"alex@home.example\""), "{twice}");
        assert!(submit(&app, &desk, &format!("{one}/resend"), &[]).expect(422).text().contains("less than a day ago"));
        app.advance(86_400);
        assert!(leads(&submit(&app, &desk, &format!("{one}/resend"), &[])).ends_with("?done=sent-again"));
        app.deliver_all();
        assert!(leads(&submit(&app, &desk, &format!("{one}/revoke"), &[])).ends_with("?done=taken-back"));
        let spanish = as_browser(&desk, app.get(one).language("es")).send().expect(200).text();
        assert!(spanish.contains("Retirada") && !spanish.contains("Enviar otra vez"), "{spanish}");

        let list = format!("name\tmobile\temail\nSam Stone\t{}\tsam@home.example\nNobody\t1\tx@home.example", phone(2));
        assert!(submit(&app, &desk, "/console/invites/import", &[("list", "a,b")]).expect(422).text().contains("list-error"));
        let taken = leads(&submit(&app, &desk, "/console/invites/import", &[("list", &list)]));
        app.deliver_all();
        let shown = page(&app, &desk, &taken);
        assert!(shown.contains("2 of 2 rows done, 1 invited") && shown.contains("Not a mobile number"), "{shown}");
        let listed = page(&app, &desk, "/console/invites?state=sent");
        assert!(listed.contains("Sam Stone") && !listed.contains("Alex Rivera"), "{listed}");
        app.deliver_all();
    }

    fn who_is_not_signed_in_is_led_to_the_sign_in_and_back(app: TestApp) {
        let (_, desk) = elm(&app);
        assert_eq!(leads(&app.get("/console").send()), "/console/sign-in");
        let asked = app.get("/console/links?limit=5").send();
        assert_eq!(leads(&asked), "/console/sign-in?next=/console/links%3Flimit%3D5");
        let text = app.get(&leads(&asked)).send().expect(200).text();
        assert!(text.contains("name=\"next\" value=\"/console/links?limit=5\""), "{text}");
        let fields = [("token", desk.token.as_str()), ("next", "/console/links?limit=5")];
        let made = app.form("/console/sign-in/token", &fields).send();
        assert_eq!(leads(&made), "/console/links?limit=5");
        let cookie = made.header("set-cookie").unwrap().to_owned();
        assert_eq!(cookie, format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Lax", desk.token));
        let pair = cookie.split(';').next().unwrap();
        let seen = app.get("/console/links").header("cookie", pair).send().expect(200).text();
        assert!(seen.contains("Elm Dental") && !seen.contains("Oak Street"), "{seen}");
        // Signing out takes the cookie away.
        let out = submit(&app, &desk, "/console/sign-out", &[]);
        assert_eq!(leads(&out), "/console/sign-in");
        assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    }

    fn a_sign_in_leads_to_pages_of_ours_alone(app: TestApp) {
        let (_, desk) = elm(&app);
        for next in ["https://evil.example", "//evil.example", "/console//evil.example", "/v1/practice/links", "/console/\r\nx: y"] {
            let fields = [("token", desk.token.as_str()), ("next", next)];
            assert_eq!(leads(&app.form("/console/sign-in/token", &fields).send()), "/console", "{next:?}");
        }
    }

    fn a_wrong_sign_in_keeps_the_address_and_says_so_beside_the_field(app: TestApp) {
        let fields = [("email", "ana@elm.example"), ("password", "not it")];
        let again = app.form("/console/sign-in", &fields).send().expect(422);
        let text = again.text();
        assert!(text.contains("value=\"ana@elm.example\"") && text.contains("Wrong e-mail or password"), "{text}");
        assert!(!text.contains("not it"), "a password is not sent back");
        assert!(again.header("set-cookie").is_none());
        let spanish = app.form("/console/sign-in", &fields).language("es").send().expect(422).text();
        assert!(spanish.contains("no coinciden") && spanish.contains("lang=\"es\""), "{spanish}");
        app.form("/console/sign-in/token", &[("token", "nonsense")]).send().expect(422);
        let elsewhere = app.form("/console/sign-in", &fields).header("sec-fetch-site", "cross-site").send();
        elsewhere.expect(403);
    }

    fn over_tls_the_cookie_belongs_to_this_host_alone(on: Builder) {
        let app = on.config(|config| config.public_url = "https://links.example.test".into()).start();
        let (_, desk) = elm(&app);
        let made = app.form("/console/sign-in/token", &[("token", &desk.token)]).send();
        let wanted = format!("__Host-{COOKIE}={}; Path=/; HttpOnly; SameSite=Lax; Secure", desk.token);
        assert_eq!(made.header("set-cookie"), Some(wanted.as_str()));
        // A cookie that a neighbour on plain HTTP could have set counts for nothing.
        let plain = as_browser(&desk, app.get("/console/links")).send();
        assert_eq!(leads(&plain), "/console/sign-in?next=/console/links");
        let ours = app.get("/console/links").header("cookie", &format!("__Host-{COOKIE}={}", desk.token));
        ours.send().expect(200);
    }

    fn a_link_is_made_changed_paused_and_retired_by_form(app: TestApp) {
        let (practice, desk) = elm(&app);
        let bea = app.desk(&practice, "bea", Role::Member);
        let team = app.team(&practice, "Hygienists", &[&bea]);
        assert!(page(&app, &desk, "/console/links/new").contains("Hygienists (team)"));
        let fields = [
            ("label", " Poster "), ("tags", "poster, waiting room,"), ("owner", &team), ("assignee_id", &bea.staff_id),
            ("members", &bea.staff_id), ("members", &desk.staff_id), ("notify", &desk.staff_id),
            ("welcome", "Hello.\r\nHow can we help?"), ("discreet", "on"),
        ];
        let shown = leads(&submit(&app, &desk, "/console/links", &fields));
        let link = link_of(&app, &desk, "Poster");
        assert_eq!(shown, format!("/console/links/{}?done=created", id(&link)));
        assert_eq!(link["tags"], json!(["poster", "waiting room"]));
        assert_eq!(link["owner"]["id"], json!(team));
        assert_eq!(link["assignee_id"], json!(bea.staff_id));
        assert_eq!(link["members"].as_array().unwrap().len(), 2);
        assert_eq!(link["notify"], json!([desk.staff_id]));
        assert_eq!(link["welcome"], "Hello.\nHow can we help?");
        assert_eq!(link["discreet"], true);
        assert!(page(&app, &desk, &shown).contains("The link is ready"));

        let path = format!("/console/links/{}", id(&link));
        let fields = [("label", "Poster B"), ("owner", "practice"), ("assignee_id", "")];
        assert_eq!(leads(&submit(&app, &desk, &path, &fields)), format!("{path}?done=saved"));
        let link = link_of(&app, &desk, "Poster B");
        assert_eq!((&link["tags"], &link["welcome"], &link["discreet"]), (&json!([]), &json!(null), &json!(false)));
        assert_eq!((&link["owner"]["kind"], &link["members"]), (&json!("practice"), &json!([])));

        leads(&submit(&app, &desk, &format!("{path}/pause"), &[]));
        assert_eq!(link_of(&app, &desk, "Poster B")["state"], "paused");
        leads(&submit(&app, &desk, &format!("{path}/resume"), &[]));
        assert_eq!(link_of(&app, &desk, "Poster B")["state"], "active");
        let default = link_of(&app, &desk, "Elm Dental");
        let asked = page(&app, &desk, &format!("{path}/retire"));
        assert!(asked.contains("cannot be undone") && asked.contains(id(&default)), "{asked}");
        // Where it cannot lead is said beside the field.
        let wrong = submit(&app, &desk, &format!("{path}/retire"), &[("forward_to", id(&link))]);
        assert!(wrong.expect(422).text().contains("id=\"forward_to-error\""));
        leads(&submit(&app, &desk, &format!("{path}/retire"), &[("forward_to", id(&default))]));
        let link = link_of(&app, &desk, "Poster B");
        assert_eq!((&link["state"], &link["forward_to"]), (&json!("retired"), &default["id"]));
        assert!(page(&app, &desk, &path).contains("forwards to Elm Dental"));
        assert!(submit(&app, &desk, &format!("{path}/resume"), &[]).status == 409);
    }

    fn what_was_typed_stays_and_what_is_wrong_stands_beside_it(app: TestApp) {
        let (_, desk) = elm(&app);
        let long = "x".repeat(41);
        let fields = [("label", ""), ("tags", long.as_str()), ("owner", "practice"), ("welcome", "Still \"here\"")];
        let again = submit(&app, &desk, "/console/links", &fields).expect(422).text();
        for wanted in ["id=\"label-error\"", "id=\"tags-error\"", "href=\"#label\"", &long, "Still &#34;here&#34;"] {
            assert!(again.contains(wanted), "{wanted}: {again}");
        }
        let stranger = [("label", "A"), ("owner", "stf_nobody"), ("assignee_id", "")];
        let again = submit(&app, &desk, "/console/links", &stranger).expect(422).text();
        assert!(again.contains("id=\"owner-error\""), "{again}");
        assert_eq!(app.count("SELECT count(*) AS n FROM practice_links WHERE label = 'A'"), 0);
    }

    fn a_plan_without_further_links_is_told_so(app: TestApp) {
        let plan = practice_links::domain::practices::NewPractice {
            name: "Fir".into(), city: "Springfield".into(), plan: "basic".into(),
            language: practice_links::kit::Language::Es, time_zone: "America/Chicago".into(), notice_email: None,
        };
        let practice = app.practice_with(&plan);
        let desk = app.desk(&practice, "fay", Role::Admin);
        let again = submit(&app, &desk, "/console/links", &[("label", "A"), ("owner", "practice")]).expect(422);
        // The practice's own language, where the browser asks for none.
        assert!(again.text().contains("son del plan Communicator"), "{}", again.text());
    }

    fn a_form_that_is_not_of_this_session_changes_nothing(app: TestApp) {
        let (practice, desk) = elm(&app);
        let bea = app.desk(&practice, "bea", Role::Admin);
        let fields = [("label", "Forged"), ("owner", "practice")];
        let bare = as_browser(&desk, app.form("/console/links", &fields)).send().expect(403);
        assert_eq!(bare.media_type(), "text/html");
        let (mine, theirs) = (form_token(&app, &desk), form_token(&app, &bea));
        assert_ne!(mine, theirs);
        let other = [&fields[..], &[("form_token", theirs.as_str())]].concat();
        as_browser(&desk, app.form("/console/links", &other)).send().expect(403);
        let own = [&fields[..], &[("form_token", mine.as_str())]].concat();
        for (name, value) in [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example")] {
            as_browser(&desk, app.form("/console/links", &own)).header(name, value).send().expect(403);
        }
        assert_eq!(link_of(&app, &desk, "Forged"), json!(null));
        let same = as_browser(&desk, app.form("/console/links", &own)).header("sec-fetch-site", "same-origin");
        leads(&same.send());
        // The bearer token of the API is no cookie, and the cookie no bearer token.
        assert_eq!(leads(&as_desk(&desk, app.get("/console/links")).send()), "/console/sign-in?next=/console/links");
        as_browser(&desk, app.get("/v1/practice/links")).send().problem(401, "unauthorized");
    }

    fn another_practices_pages_are_as_if_they_did_not_exist(app: TestApp) {
        let (_, desk) = elm(&app);
        let oak = app.practice("Fir Clinic", None);
        let stranger = app.desk(&oak, "zoe", Role::Admin);
        let link = link_of(&app, &desk, "Elm Dental");
        let body = json!({ "url": "https://hooks.elm.example/x" });
        let hook = as_desk(&desk, app.post("/v1/practice/webhooks", body)).send().expect(201).str("/webhook/id");
        for end in ["", "/edit", "/retire", "/print", "/print/qr.svg", "/print/poster.pdf", "/visitors"] {
            let path = format!("/console/links/{}{end}", id(&link));
            as_browser(&desk, app.get(&path)).send().expect(200);
            let refused = as_browser(&stranger, app.get(&path)).send().expect(404);
            assert!(refused.media_type() == "text/html" && !refused.text().contains("Elm"), "{path}");
        }
        for end in ["", "/pause", "/resume", "/retire"] {
            let path = format!("/console/links/{}{end}", id(&link));
            submit(&app, &stranger, &path, &[("label", "Mine now")]).expect(404);
        }
        for end in ["", "/rotate", "/delete"] {
            let path = format!("/console/settings/webhooks/{hook}{end}");
            as_browser(&desk, app.get(&path)).send().expect(200);
            as_browser(&stranger, app.get(&path)).send().expect(404);
        }
        for end in ["/state", "/rotate", "/delete", "/deliveries/whd_1/replay"] {
            submit(&app, &stranger, &format!("/console/settings/webhooks/{hook}{end}"), &[]).expect(404);
        }
        assert_eq!(link_of(&app, &desk, "Elm Dental")["state"], "active");
        assert!(!page(&app, &stranger, "/console/links").contains("500005"));
        assert!(!page(&app, &stranger, "/console/settings/notices").contains("elm"));
    }

    fn a_member_sees_what_is_theirs_and_no_way_to_change_it(app: TestApp) {
        let (practice, desk) = elm(&app);
        let bea = app.desk(&practice, "bea", Role::Member);
        let hidden = app.make_link(&desk, json!({ "label": "Admins only", "owner": { "kind": "staff", "id": desk.staff_id } }));
        let list = page(&app, &bea, "/console/links");
        assert!(list.contains("Elm Dental") && !list.contains("Admins only") && !list.contains("/console/links/new"));
        as_browser(&bea, app.get(&format!("/console/links/{}", id(&hidden)))).send().expect(404);
        let seen = link_of(&app, &desk, "Elm Dental");
        let path = format!("/console/links/{}", id(&seen));
        let one = page(&app, &bea, &path);
        assert!(!one.contains("/edit") && !one.contains("/pause") && !one.contains("/retire"), "{one}");
        for end in ["/edit", "/retire"] {
            as_browser(&bea, app.get(&format!("{path}{end}"))).send().expect(403);
        }
        as_browser(&bea, app.get("/console/links/new")).send().expect(403);
        for end in ["", "/pause", "/retire"] {
            submit(&app, &bea, &format!("{path}{end}"), &[("label", "Mine")]).expect(403);
        }
        submit(&app, &bea, "/console/links", &[("label", "Mine"), ("owner", "practice")]).expect(403);
        assert!(!page(&app, &bea, "/console/settings").contains("/console/settings/webhooks"));
        as_browser(&bea, app.get("/console/settings/webhooks")).send().expect(403);
        as_browser(&bea, app.get("/console/settings/webhooks/new")).send().expect(403);
    }

    fn support_configures_links_and_no_webhooks(app: TestApp) {
        let (practice, desk) = elm(&app);
        let sue = app.desk(&practice, "sue", Role::Support);
        leads(&submit(&app, &sue, "/console/links", &[("label", "By support"), ("owner", "practice")]));
        assert_eq!(link_of(&app, &desk, "By support")["state"], "active");
        let made = format!("SELECT count(*) AS n FROM audit_events WHERE action = 'link.created' AND actor = '{}'", sue.staff_id);
        assert_eq!(app.count(&made), 1);
        as_browser(&sue, app.get("/console/settings/webhooks")).send().expect(403);
    }

    fn what_people_type_is_text_and_never_markup(app: TestApp) {
        let (_, desk) = elm(&app);
        let bad = "<script>alert(1)</script>\"'><img src=x>";
        let link = app.make_link(&desk, json!({ "label": bad, "tags": [bad.get(..30).unwrap()], "welcome": bad }));
        let at = format!("/console/links/{}", id(&link));
        for path in ["/console/links".to_owned(), at.clone(), format!("{at}/edit"), format!("{at}/retire"), format!("{at}/visitors?channel=%3Cscript%3E%22"), "/console/settings/notices".to_owned()] {
            let text = page(&app, &desk, &path);
            assert!(!text.contains("<script") && !text.contains("<img src=x"), "{path}: {text}");
        }
        let echoed = app.get("/console/sign-in?next=/console/%22%3E%3Cscript%3E").send().expect(200).text();
        assert!(!echoed.contains("<script"), "{echoed}");
        assert!(!page(&app, &desk, "/console/links?done=%3Cscript%3E").contains("<script"));
    }

    fn pages_are_not_kept_and_run_nothing_that_is_not_theirs(app: TestApp) {
        let (_, desk) = elm(&app);
        let link = link_of(&app, &desk, "Elm Dental");
        let at = format!("/console/links/{}", id(&link));
        for path in ["/console/sign-in", "/console/links", &at, "/console/settings", "/console/nowhere"] {
            let reply = as_browser(&desk, app.get(path)).send();
            assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
            assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
            assert_eq!(reply.header("referrer-policy"), Some("no-referrer"), "{path}");
            let policy = reply.header("content-security-policy").unwrap();
            assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
            assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
            let text = reply.text();
            assert!(!text.contains(" style=") && !text.contains("<script"), "{path}");
        }
        let sheet = as_browser(&desk, app.get(&format!("{at}/print/poster.pdf?paper=a4&language=es"))).send().expect(200);
        assert_eq!((sheet.media_type(), sheet.header("cache-control")), ("application/pdf", Some("no-store")));
        as_browser(&desk, app.get(&format!("{at}/print/other.pdf"))).send().expect(404);
        // The inbox runs one script, which is ours, and asks nobody else for anything.
        let inbox = as_browser(&desk, app.get("/console/inbox")).send().expect(200);
        let policy = inbox.header("content-security-policy").unwrap();
        assert!(policy.contains("script-src 'nonce-") && policy.contains("connect-src 'self';") && !policy.contains("unsafe"), "{policy}");
        let inbox = inbox.text();
        assert_eq!(inbox.matches("<script").count(), 1);
        let script = app.get(&between(&inbox, "src=\"", "\"")).send().expect(200);
        assert_eq!((script.media_type(), script.header("cache-control").unwrap().contains("immutable")), ("text/javascript", true));
        app.get("/console/live-old.js").send().expect(404);
        // The stylesheet is kept like it, under an address of its own.
        let text = page(&app, &desk, "/console/links");
        let (_, rest) = text.split_once("href=\"/console/style-").unwrap();
        let style = format!("/console/style-{}", rest.split('"').next().unwrap());
        let style = app.get(&style).send().expect(200);
        assert_eq!(style.media_type(), "text/css");
        assert!(style.header("cache-control").unwrap().contains("immutable"));
        app.get("/console/style-old.css").send().expect(404);
    }

    fn visitors_are_drawn_with_their_numbers_in_a_table(app: TestApp) {
        let (_, desk) = elm(&app);
        let link = link_of(&app, &desk, "Elm Dental");
        let at = format!("/console/links/{}/visitors", id(&link));
        assert!(page(&app, &desk, &at).contains("No one opened this link"));
        app.sign_up_at(&phone(0), "500005");
        app.deliver_all();
        link_analytics::flush(&app.inner).unwrap();
        let text = page(&app, &desk, &at);
        assert!(text.contains("<rect class=\"paired\"") && text.contains("<td>1</td>"), "{text}");
        assert!(text.contains("type=\"date\" value=\"2026-11-22\""), "{text}");
        let narrow = page(&app, &desk, &format!("{at}?from=2026-11-20&to=2026-11-21&channel="));
        assert!(narrow.contains("No one opened this link") && narrow.contains("2026-11-20"));
        for wrong in ["from=2026-13-01", "from=2026-11-22&to=2026-11-01", "to=soon"] {
            let again = as_browser(&desk, app.get(&format!("{at}?{wrong}"))).send().expect(422);
            assert!(again.text().contains("role=\"alert\""), "{wrong}");
        }
    }

    fn notices_are_changed_by_form_and_the_last_one_stays_on(app: TestApp) {
        let (_, desk) = elm(&app);
        let link = app.make_link(&desk, json!({ "label": "Poster", "notify": [desk.staff_id] }));
        let path = "/console/settings/notices";
        assert!(page(&app, &desk, path).contains("desk@elm.example"));
        let fields = [("person", desk.staff_id.as_str()), ("link_id", id(&link)), ("frequency", "daily")];
        leads(&submit(&app, &desk, path, &fields));
        assert!(page(&app, &desk, path).contains("value=\"daily\" selected"));
        let off = |person: &str, link: &str| submit(&app, &desk, path, &[("person", person), ("link_id", link), ("frequency", "off")]);
        leads(&off(&desk.staff_id, id(&link)));
        let last = off(&desk.practice_id, "").expect(409);
        assert!(last.text().contains("Nobody of the practice would be told"), "{}", last.text());
    }

    fn a_webhooks_secret_is_shown_once_and_calls_are_sent_again(app: TestApp) {
        let (_, desk) = elm(&app);
        let base = "/console/settings/webhooks";
        assert!(page(&app, &desk, base).contains("Connect your own software"));
        let again = submit(&app, &desk, base, &[("url", "http://plain.example"), ("label", "Soft"), ("events", "link.changed")]);
        let text = again.expect(422).text();
        assert!(text.contains("id=\"url-error\"") && text.contains("value=\"link.changed\" checked"), "{text}");
        let fields = [("url", "https://hooks.elm.example/x"), ("label", "Soft"), ("events", "link.changed")];
        let made = submit(&app, &desk, base, &fields).expect(200).text();
        assert!(made.contains("whsec_"), "{made}");
        let hook = as_desk(&desk, app.get("/v1/practice/webhooks")).send().expect(200).str("/items/0/id");
        let at = format!("{base}/{hook}");
        assert!(!page(&app, &desk, &at).contains("whsec_") && !page(&app, &desk, base).contains("whsec_"));
        app.make_link(&desk, json!({ "label": "Poster" }));
        app.deliver_all();
        let log = page(&app, &desk, &at);
        assert!(log.contains("Delivered") && log.contains("link.changed"), "{log}");
        let (_, rest) = log.split_once("/deliveries/").unwrap();
        let replay = format!("{at}/deliveries/{}/replay", rest.split('/').next().unwrap());
        assert_eq!(leads(&submit(&app, &desk, &replay, &[])), format!("{at}?done=replayed"));
        app.deliver_all();
        assert!(page(&app, &desk, &format!("{at}/rotate")).contains("24 hours"));
        assert!(submit(&app, &desk, &format!("{at}/rotate"), &[]).expect(200).text().contains("whsec_"));
        leads(&submit(&app, &desk, &format!("{at}/state"), &[("state", "disabled")]));
        assert!(page(&app, &desk, &at).contains("Disabled"));
        submit(&app, &desk, &replay, &[]).expect(409);
        assert!(page(&app, &desk, &format!("{at}/delete")).contains("cannot be undone"));
        leads(&submit(&app, &desk, &format!("{at}/delete"), &[]));
        as_browser(&desk, app.get(&at)).send().expect(404);
    }
}
