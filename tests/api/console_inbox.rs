//! The console's inbox: who sees what, what the forms do, and what they keep after an error.

use practice_links::practices::Practice;
use practice_links::staff::Role;
use serde_json::{Value, json};

use crate::harness::{Call, Reply, SignedUp, StaffClient, Stream, TestApp, as_staff, phone};

struct Elm {
    practice: Practice,
    admin: StaffClient,
    member: StaffClient,
}

fn elm(app: &TestApp) -> Elm {
    let practice = app.practice("Elm Dental", Some("desk@elm.example"));
    app.link("222222", &practice.id);
    let admin = app.staff_client(&practice, "ada", Role::Admin);
    let member = app.staff_client(&practice, "bo", Role::Member);
    Elm { practice, admin, member }
}

fn cookie(staff: &StaffClient) -> String {
    format!("practice_links={}", staff.token)
}

fn get(app: &TestApp, staff: &StaffClient, path: &str) -> Call {
    app.get(path).header("cookie", &cookie(staff))
}

#[track_caller]
fn page(app: &TestApp, staff: &StaffClient, path: &str) -> String {
    get(app, staff, path).send().expect(200).text()
}

fn path_of(patient: &SignedUp) -> String {
    format!("/console/inbox/{}", patient.conversation_id)
}

/// The value of the first hidden field with this name on a page.
fn hidden_field(text: &str, name: &str) -> String {
    let (_, rest) = text.split_once(&format!("name=\"{name}\" value=\"")).expect("no such field");
    rest.split('"').next().unwrap().replace("&#43;", "+").replace("&#x2b;", "+")
}

/// Sends a form of the page at `from`, with the session's form token and the page's idempotency key.
fn submit(app: &TestApp, staff: &StaffClient, from: &str, path: &str, fields: &[(&str, &str)]) -> Reply {
    let text = page(app, staff, from);
    let (token, key) = (hidden_field(&text, "form_token"), hidden_field(&text, "key"));
    let fields = [&[("form_token", token.as_str()), ("key", key.as_str())], fields].concat();
    let reply = app.form(path, &fields).header("cookie", &cookie(staff)).send();
    app.deliver_all();
    reply
}

fn submit_on(
    app: &TestApp,
    staff: &StaffClient,
    patient: &SignedUp,
    form: &str,
    fields: &[(&str, &str)],
) -> Reply {
    submit(app, staff, &path_of(patient), &format!("{}/{form}", path_of(patient)), fields)
}

#[track_caller]
fn redirect_target(reply: &Reply) -> String {
    assert_eq!(reply.status, 303, "{}", reply.text());
    reply.header("location").unwrap().to_owned()
}

fn write_as_patient(app: &TestApp, patient: &SignedUp, text: &str) {
    let path = format!("/v1/me/conversations/{}/entries", patient.conversation_id);
    app.post(&path, json!({ "body": text })).bearer(&patient.access_token).send().expect(201);
}

fn conversation(app: &TestApp, staff: &StaffClient, patient: &SignedUp) -> Value {
    let path = format!("/v1/practice/conversations/{}", patient.conversation_id);
    as_staff(staff, app.get(&path)).send().expect(200).at("/conversation")
}

fn messages(app: &TestApp) -> i64 {
    app.count("SELECT count(*) FROM entries WHERE kind = 'message'")
}

both! {
    fn empty_inbox_says_what_to_do_next(app: TestApp) {
        let elm = elm(&app);
        let text = page(&app, &elm.admin, "/console/inbox");
        assert!(text.contains("No conversations yet") && text.contains("href=\"/console/links\""), "{text}");
        app.sign_up_at(&phone(0), "222222");
        let none = page(&app, &elm.admin, "/console/inbox?tag=nothing&link=&unread=");
        assert!(none.contains("No conversations match these filters") && none.contains("href=\"/console/inbox\""), "{none}");
        assert!(none.contains("value=\"nothing\""), "the filter form keeps its input");
        let identity = page(&app, &elm.admin, "/console/identity");
        assert!(identity.contains("Alex Rivera") && identity.contains("No matching record"), "{identity}");
        let spanish = get(&app, &elm.admin, "/console/inbox").language("es").send().expect(200).text();
        assert!(spanish.contains("lang=\"es\"") && spanish.contains("Sin verificar") && spanish.contains("Filtrar"), "{spanish}");
    }

    fn inbox_row_shows_what_is_known_of_the_conversation(app: TestApp) {
        let elm = elm(&app);
        let link = app.make_link(&elm.admin, json!({ "label": "Poster", "tags": ["poster"], "assignee_id": elm.member.staff_id }));
        let patient = app.sign_up_at(&phone(0), link["code"].as_str().unwrap());
        write_as_patient(&app, &patient, "Could I come\non Tuesday?");
        app.advance(180);
        let text = page(&app, &elm.admin, "/console/inbox");
        for wanted in ["Alex Rivera", "Poster", "<li>poster</li>", "badge who unverified", "Unverified", "bo</span>", ">3 min<", "New", "Could I come on Tuesday?", &path_of(&patient)] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
        // Opening a conversation marks it read.
        let opened = page(&app, &elm.admin, &path_of(&patient));
        assert!(opened.contains("Could I come\non Tuesday?"), "{opened}");
        assert_eq!(conversation(&app, &elm.admin, &patient)["unread"], false);
        assert!(!page(&app, &elm.admin, "/console/inbox").contains("class=\"unread\""));
        assert_eq!(redirect_target(&submit_on(&app, &elm.admin, &patient, "unread", &[])), "/console/inbox?done=marked");
        assert!(page(&app, &elm.admin, "/console/inbox").contains("class=\"unread\""));
    }

    fn filters_combine_and_stay_on_the_next_page(app: TestApp) {
        let elm = elm(&app);
        let front = app.make_link(&elm.admin, json!({ "label": "Front", "tags": ["a b"] }));
        for n in 0..3 {
            app.advance(60);
            app.sign_up_at(&phone(n), front["code"].as_str().unwrap());
        }
        let other = app.sign_up_at(&phone(3), "222222");
        let id = front["id"].as_str().unwrap();
        let query = format!("link={id}&tag=a%20b&identity=unverified&assignee=none&unread=true");
        let first = page(&app, &elm.admin, &format!("/console/inbox?{query}&limit=2"));
        assert_eq!(first.matches("<a class=\"row\"").count(), 2);
        assert!(!first.contains(&other.conversation_id));
        let (_, next) = first.split_once("href=\"/console/inbox?link=").expect("no next page");
        let next = next.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
        let second = page(&app, &elm.admin, &format!("/console/inbox?link={next}"));
        assert_eq!(second.matches("<a class=\"row\"").count(), 1, "{next}");
        assert_eq!(page(&app, &elm.admin, "/console/inbox?identity=confirmed").matches("<a class=\"row\"").count(), 0);
        assert!(get(&app, &elm.admin, "/console/inbox?identity=perhaps").send().expect(422).media_type() == "text/html");
    }

    // Case 8 of practice.md: list, open by id, every form, the proof, events.
    fn conversation_of_a_hidden_link_is_not_found(app: TestApp) {
        let elm = elm(&app);
        let other_practice_admin = app.staff_client(&app.practice("Oak Dental", Some("desk@oak.example")), "eve", Role::Admin);
        let link = app.make_link(&elm.admin, json!({ "label": "Own", "tags": ["private"], "owner": { "kind": "staff", "id": elm.admin.staff_id } }));
        let patient = app.sign_up_at(&phone(0), link["code"].as_str().unwrap());
        let common = app.sign_up_at(&phone(1), "222222");
        for outsider in [&elm.member, &other_practice_admin] {
            let listed = ["/console/inbox", "/console/inbox?tag=private", "/console/identity"].map(|path| page(&app, outsider, path)).concat();
            assert!(!listed.contains(&patient.conversation_id) && !listed.contains("Own"));
            for end in ["", "/proof.pdf", "?after=0"] {
                let refused = get(&app, outsider, &format!("{}{end}", path_of(&patient))).send().expect(404);
                assert!(refused.media_type() == "text/html" && !refused.text().contains("Alex"));
            }
        }
        assert!(page(&app, &elm.member, "/console/inbox").contains(&common.conversation_id));
        let text = page(&app, &elm.member, &path_of(&common));
        let (token, key) = (hidden_field(&text, "form_token"), hidden_field(&text, "key"));
        for (form, field) in [("messages", ("body", "Hello")), ("assignee", ("assignee_id", "")), ("tags", ("tags", "x")), ("unread", ("x", "")), ("identity", ("decision", "reject"))] {
            let fields = [("form_token", token.as_str()), ("key", key.as_str()), ("acknowledge", "on"), field];
            app.form(&format!("{}/{form}", path_of(&patient)), &fields).header("cookie", &cookie(&elm.member)).send().expect(404);
        }
        let untouched = conversation(&app, &elm.admin, &patient);
        assert_eq!((&untouched["status"], &untouched["tags"], messages(&app)), (&json!("open"), &json!(["private"]), 0));
        assert_eq!(untouched["unread"], true, "a refused request does not mark it read");
    }

    fn form_of_another_site_or_session_does_nothing(app: TestApp) {
        let elm = elm(&app);
        let patient = app.sign_up_at(&phone(0), "222222");
        let token = hidden_field(&page(&app, &elm.member, &path_of(&patient)), "form_token");
        let theirs = hidden_field(&page(&app, &elm.admin, &path_of(&patient)), "form_token");
        for form in ["messages", "assignee", "tags", "unread", "identity"] {
            let path = format!("{}/{form}", path_of(&patient));
            let send = |token: &str| app.form(&path, &[("form_token", token), ("body", "Hello"), ("acknowledge", "on"), ("decision", "reject")]).header("cookie", &cookie(&elm.member));
            send("").send().expect(403);
            send(&theirs).send().expect(403);
            send(&token).header("sec-fetch-site", "cross-site").send().expect(403);
            let anonymous = app.form(&path, &[("form_token", token.as_str())]).send();
            assert_eq!(redirect_target(&anonymous), "/console/sign-in");
        }
        assert_eq!((messages(&app), &conversation(&app, &elm.member, &patient)["status"]), (0, &json!("open")));
    }

    fn reply_to_unverified_patient_needs_acknowledgement(app: TestApp) {
        let elm = elm(&app);
        let patient = app.sign_up_at(&phone(0), "222222");
        let asked = submit_on(&app, &elm.member, &patient, "messages", &[("body", "Would \"Tuesday\" suit you?")]).expect(409).text();
        assert!(asked.contains("id=\"acknowledge-error\"") && asked.contains("Would &#34;Tuesday&#34; suit you?"), "{asked}");
        assert_eq!(messages(&app), 0);
        // The same form sent twice creates one message.
        let text = page(&app, &elm.member, &path_of(&patient));
        let (token, key) = (hidden_field(&text, "form_token"), hidden_field(&text, "key"));
        let send = |body: &str| app.form(&format!("{}/messages", path_of(&patient)), &[("form_token", token.as_str()), ("key", key.as_str()), ("body", body), ("acknowledge", "on")]).header("cookie", &cookie(&elm.member)).send();
        for _ in 0..2 {
            assert_eq!(redirect_target(&send("Would Tuesday\r\nsuit you?")), format!("{}#end", path_of(&patient)));
        }
        assert_eq!(messages(&app), 1);
        // Another text from a page that already sent one is kept, and the next try sends it.
        let other = send("Or Friday?").expect(422).text();
        assert!(other.contains("Or Friday?") && hidden_field(&other, "key") != key, "{other}");
        assert_eq!(conversation(&app, &elm.member, &patient)["acknowledged"]["by"], elm.member.staff_id);
        // The acknowledgement is asked once per conversation, not per staff member.
        let again = page(&app, &elm.admin, &path_of(&patient));
        assert!(again.contains("Would Tuesday\nsuit you?") && !again.contains("name=\"acknowledge\""), "{again}");
        redirect_target(&submit_on(&app, &elm.admin, &patient, "messages", &[("body", "Or Friday?")]));
        let long = "😀".repeat(4_001);
        let kept = submit_on(&app, &elm.admin, &patient, "messages", &[("body", &long)]).expect(422).text();
        assert!(kept.contains("1 to 4,000 characters") && kept.contains(&long));
        redirect_target(&submit_on(&app, &elm.admin, &patient, "messages", &[("body", &"😀".repeat(4_000))]));
        assert_eq!(messages(&app), 3);
        // Staff see what the patient has read.
        let path = format!("/v1/me/conversations/{}/read", patient.conversation_id);
        app.post(&path, json!({ "position": 2 })).bearer(&patient.access_token).send().expect(200);
        assert!(page(&app, &elm.member, &path_of(&patient)).contains("Read by the patient"));
    }

    fn reply_to_closed_conversation_is_kept_in_the_form(app: TestApp) {
        let elm = elm(&app);
        let patient = app.sign_up_at(&phone(0), "222222");
        let text = page(&app, &elm.member, &path_of(&patient));
        let (token, key) = (hidden_field(&text, "form_token"), hidden_field(&text, "key"));
        app.delete(&format!("/v1/me/pairings/{}", patient.pairing_id)).bearer(&patient.access_token).send().expect(204);
        let fields = [("form_token", token.as_str()), ("key", key.as_str()), ("body", "See you on Tuesday"), ("acknowledge", "on")];
        let kept = app.form(&format!("{}/messages", path_of(&patient)), &fields).header("cookie", &cookie(&elm.member)).send().expect(409).text();
        assert!(kept.contains("This conversation is closed") && kept.contains("See you on Tuesday"), "{kept}");
        assert_eq!(messages(&app), 0);
    }

    fn assignee_and_tags_are_changed_by_form(app: TestApp) {
        let elm = elm(&app);
        let link = app.make_link(&elm.admin, json!({ "label": "Own", "owner": { "kind": "staff", "id": elm.admin.staff_id } }));
        let patient = app.sign_up_at(&phone(0), link["code"].as_str().unwrap());
        assert_eq!(redirect_target(&submit_on(&app, &elm.admin, &patient, "assignee", &[("assignee_id", &elm.member.staff_id)])), format!("{}?done=assigned", path_of(&patient)));
        assert_eq!(redirect_target(&submit_on(&app, &elm.admin, &patient, "tags", &[("tags", "recall,  card ,")])), format!("{}?done=tagged", path_of(&patient)));
        let now = conversation(&app, &elm.member, &patient);
        assert_eq!((&now["assignee"]["id"], &now["tags"]), (&json!(elm.member.staff_id), &json!(["card", "recall"])));
        let long = "x".repeat(41);
        let wrong = submit_on(&app, &elm.member, &patient, "tags", &[("tags", &long)]).expect(422).text();
        assert!(wrong.contains("id=\"tags-error\"") && wrong.contains(&long), "{wrong}");
        let unknown_assignee = submit_on(&app, &elm.member, &patient, "assignee", &[("assignee_id", "stf_nobody")]).expect(422).text();
        assert!(unknown_assignee.contains("id=\"assignee_id-error\""), "{unknown_assignee}");
        // A member who hands over a conversation that only the assignment made visible no longer sees it.
        assert_eq!(redirect_target(&submit_on(&app, &elm.member, &patient, "assignee", &[("assignee_id", "")])), "/console/inbox?done=handed");
        get(&app, &elm.member, &path_of(&patient)).send().expect(404);
    }

    fn identity_is_decided_by_form(app: TestApp) {
        let elm = elm(&app);
        let patient = app.sign_up_at(&phone(0), "222222");
        let before = page(&app, &elm.member, &path_of(&patient));
        assert!(before.contains("the number in your records") && before.contains(&patient.phone) && !before.contains("Undo last decision"), "{before}");
        let wrong = submit_on(&app, &elm.member, &patient, "identity", &[("decision", "confirm"), ("note", "It is <b>them</b>")]).expect(422).text();
        assert!(wrong.contains("id=\"method-error\"") && wrong.contains("It is &#60;b&#62;them"), "{wrong}");
        let note = "x".repeat(501);
        submit_on(&app, &elm.member, &patient, "identity", &[("decision", "confirm"), ("method", "in_person"), ("note", &note)]).expect(422);
        submit_on(&app, &elm.member, &patient, "identity", &[("decision", "confirm"), ("method", "in_person"), ("record_id", "rec_1")]).expect(422);
        let confirm = [("decision", "confirm"), ("method", "call_back"), ("note", " Called back. ")];
        assert_eq!(redirect_target(&submit_on(&app, &elm.member, &patient, "identity", &confirm)), format!("{}?done=confirm", path_of(&patient)));
        assert_eq!(conversation(&app, &elm.member, &patient)["identity"], "confirmed");
        let after = page(&app, &elm.member, &format!("{}?done=confirm", path_of(&patient)));
        for wanted in ["badge who confirmed", "called the number on record", "Called back.", "bo ·"] {
            assert!(after.contains(wanted), "{wanted}: {after}");
        }
        assert!(!after.contains("the number in your records") && !after.contains("name=\"method\""), "{after}");
        assert!(!page(&app, &elm.member, "/console/identity").contains(&patient.conversation_id));
        // A decision made in the meantime is reported, and nothing is decided twice.
        submit_on(&app, &elm.member, &patient, "identity", &confirm).expect(409);
        // Only admins undo a decision.
        submit_on(&app, &elm.member, &patient, "identity", &[("decision", "undo")]).expect(403);
        redirect_target(&submit_on(&app, &elm.admin, &patient, "identity", &[("decision", "undo")]));
        assert!(submit_on(&app, &elm.admin, &patient, "identity", &[("decision", "undo")]).expect(409).text().contains("no decision to undo"));
        let reject = [("decision", "reject"), ("block_number", "on")];
        redirect_target(&submit_on(&app, &elm.member, &patient, "identity", &reject));
        let closed = get(&app, &elm.member, &path_of(&patient)).send().expect(200).text();
        assert!(closed.contains("badge who rejected") && !closed.contains("name=\"body\""), "{closed}");
        assert_eq!(app.count("SELECT count(*) FROM number_blocks"), 1);
        let proof = get(&app, &elm.member, &format!("{}/proof.pdf", path_of(&patient))).send().expect(200);
        assert!(proof.media_type() == "application/pdf" && proof.body.starts_with(b"%PDF"));
    }

    /// The operator's support configures links: pages with patients are refused, and no page links to them.
    fn support_sees_no_patient_data(app: TestApp) {
        let elm = elm(&app);
        let patient = app.sign_up_at(&phone(0), "222222");
        let support = app.staff_client(&elm.practice, "sue", Role::Support);
        for path in ["/console/inbox", "/console/identity", &path_of(&patient), &format!("{}/proof.pdf", path_of(&patient)), "/console/desk-code", "/console/invites", "/console/records"] {
            let refused = get(&app, &support, path).send().expect(403).text();
            assert!(!refused.contains("Rivera"), "{path}: {refused}");
        }
        assert_eq!(get(&app, &support, "/console").send().expect(303).header("location"), Some("/console/links"));
        let links = page(&app, &support, "/console/links");
        for way in ["/console/inbox", "/console/invites", "/console/records"] {
            assert!(!links.contains(way), "{way}");
        }
    }

    fn patient_and_staff_input_is_escaped(app: TestApp) {
        let elm = elm(&app);
        let patient = app.sign_up_at(&phone(0), "222222");
        let mark = "<script>alert('1')</script>";
        let path = format!("/v1/me/patients/{}", patient.patient_id);
        app.patch(&path, json!({ "given_name": mark, "family_name": "\"><img src=x>" })).bearer(&patient.access_token).send().expect(200);
        write_as_patient(&app, &patient, mark);
        redirect_target(&submit_on(&app, &elm.member, &patient, "tags", &[("tags", "<b>bold</b>")]));
        for path in ["/console/inbox", "/console/identity", &path_of(&patient), "/console/inbox?tag=%3Cscript%3Ealert"] {
            let reply = get(&app, &elm.member, path).send().expect(200);
            let policy = reply.header("content-security-policy").unwrap().to_owned();
            assert!(policy.contains("script-src 'nonce-") && policy.contains("connect-src 'self'") && !policy.contains("unsafe"), "{policy}");
            let text = reply.text();
            assert!(!text.contains("<script>alert") && !text.contains("<img") && !text.contains("<b>bold"), "{path}: {text}");
            assert_eq!(text.matches("<script").count(), 1, "{path}");
        }
    }

    fn long_conversation_is_paginated(app: TestApp) {
        let elm = elm(&app);
        let patient = app.sign_up_at(&phone(0), "222222");
        for n in 2..=104 {
            write_as_patient(&app, &patient, &format!("Number {n}."));
        }
        let last = page(&app, &elm.member, &path_of(&patient));
        assert!(last.contains("Number 104.") && last.contains("Number 5.") && !last.contains("Number 4."));
        assert!(last.contains("?after=0\"") && !last.contains(">Later<"));
        let first = page(&app, &elm.member, &format!("{}?after=0", path_of(&patient)));
        assert!(first.contains("Number 2.") && !first.contains("Number 104.") && first.contains("?after=100\""));
    }

    /// Requests that an open page makes by itself do not count as use: a tab left open is signed out like any
    /// other.
    fn background_requests_do_not_extend_the_session(app: TestApp) {
        let elm = elm(&app);
        let person = app.enrolled_staff(&elm.practice, "cy", Role::Member);
        app.advance(30);
        let challenge = app.form("/console/sign-in", &[("email", person.email.as_str()), ("password", crate::harness::PASSWORD)]).send().expect(200).text();
        let code = app.totp(&person.seed);
        let signed_in = app.form("/console/sign-in/code", &[("challenge", hidden_field(&challenge, "challenge").as_str()), ("code", &code)]).send();
        let cookie = signed_in.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        for _ in 0..3 {
            app.advance(5 * 3_600);
            let _ = app.get("/console/inbox").header("cookie", &cookie).header("sec-fetch-dest", "empty").send();
            let _ = app.get("/console/desk-code?by=itself").header("cookie", &cookie).send();
        }
        redirect_target(&app.get("/console/inbox").header("cookie", &cookie).send());
        // 204 stops a browser without a session from reconnecting to the event stream.
        app.get("/console/events").header("cookie", &cookie).send().expect(204);
        app.get("/console/events").send().expect(204);
        assert_eq!(app.get("/console/events").bearer(&person.access_token).send().status, 204, "a bearer token opens only the API");
    }

    /// The check-in screen shows the API's code, is linked from the identity pages, and its code confirms a
    /// patient.
    fn check_in_code_page_confirms_in_person(app: TestApp) {
        let elm = elm(&app);
        let patient = app.sign_up_at(&phone(0), "222222");
        let codes = |staff: &StaffClient| {
            let code = as_staff(staff, app.get("/v1/practice/desk-code")).send().expect(200).str("/code");
            format!("{} {}", &code[..4], &code[4..])
        };
        let screen = || get(&app, &elm.member, "/console/desk-code").send().expect(200);
        for from in ["/console/identity".to_owned(), path_of(&patient)] {
            assert!(page(&app, &elm.member, &from).contains("href=\"/console/desk-code\""), "{from}");
        }
        let (shown, code) = (screen(), codes(&elm.member));
        assert!(shown.text().contains(&code) && !shown.text().contains(&codes(&elm.admin)), "{}", shown.text());
        assert_eq!(shown.header("cache-control"), Some("no-store"));
        // The page reloads when the code changes, with and without scripts.
        app.advance(45);
        let later = screen().text();
        let left = later.split_once("data-renews=\"").unwrap().1.split('"').next().unwrap().parse::<u64>().unwrap();
        assert!((1..=60).contains(&left), "{left}");
        assert!(later.contains(&format!("<meta http-equiv=\"refresh\" content=\"{left}; url=")), "{later}");
        app.advance(left);
        let next = screen().text();
        assert!(!next.contains(&codes(&elm.admin)) && next.contains(&codes(&elm.member)), "{next}");
        assert!(!next.contains(&code), "{next}");
        // The patient types the code as it is shown.
        let path = format!("/v1/me/pairings/{}/desk-code", patient.json["pairing"]["id"].as_str().unwrap());
        let typed = json!({ "code": codes(&elm.member) });
        app.post(&path, typed).bearer(&patient.access_token).send().expect(200);
        app.deliver_all();
        let path = format!("/v1/practice/conversations/{}/identity", patient.conversation_id);
        let kept = as_staff(&elm.admin, app.get(&path)).send().expect(200).at("/identity/decisions/0");
        assert_eq!((&kept["method"], &kept["by"]), (&json!("in_person"), &json!(elm.member.staff_id)));
        // The screen names no patient, and a confirmed patient needs no code.
        assert!(!screen().text().contains("Rivera"));
        assert!(!page(&app, &elm.member, &path_of(&patient)).contains("/console/desk-code"));
        let spanish = get(&app, &elm.member, "/console/desk-code").language("es").send().expect(200).text();
        assert!(spanish.contains("Código de recepción"), "{spanish}");
    }

    fn check_in_code_page_is_refused_to_support(app: TestApp) {
        let elm = elm(&app);
        let support = app.staff_client(&elm.practice, "sue", Role::Support);
        let refused = get(&app, &support, "/console/desk-code").send().expect(403).text();
        assert!(refused.contains("You do not have permission to do that"), "{refused}");
        get(&app, &elm.admin, "/console/desk-code").send().expect(200);
        assert_eq!(redirect_target(&app.get("/console/desk-code").send()), "/console/sign-in?next=/console/desk-code");
    }

    fn console_events_only_tell_of_visible_conversations(app: TestApp) {
        let elm = elm(&app);
        let link = app.make_link(&elm.admin, json!({ "label": "Own", "owner": { "kind": "staff", "id": elm.admin.staff_id } }));
        let mut all = Stream::open_as(&app, "/console/events", &format!("cookie: {}", cookie(&elm.admin)), None);
        let mut some = Stream::open_as(&app, "/console/events", &format!("cookie: {}", cookie(&elm.member)), None);
        let hidden = app.sign_up_at(&phone(0), link["code"].as_str().unwrap());
        let seen = app.sign_up_at(&phone(1), "222222");
        all.expect("conversation.created", &hidden.conversation_id);
        assert_eq!(some.expect("conversation.created", &seen.conversation_id).data["conversation_id"], json!(seen.conversation_id));
    }
}
