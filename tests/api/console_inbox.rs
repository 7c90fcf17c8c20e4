//! The inbox as pages: who sees what, what the forms do, and what they keep when something is wrong.

use practice_links::domain::practices::Practice;
use practice_links::domain::staff::Role;
use serde_json::{Value, json};

use crate::harness::{Call, Desk, Reply, SignedUp, Stream, TestApp, as_desk, phone};

struct Elm {
    practice: Practice,
    admin: Desk,
    bo: Desk,
}

fn elm(app: &TestApp) -> Elm {
    let practice = app.practice("Elm Dental", Some("desk@elm.example"));
    app.link("222222", &practice.id);
    let admin = app.desk(&practice, "ada", Role::Admin);
    let bo = app.desk(&practice, "bo", Role::Member);
    Elm { practice, admin, bo }
}

fn cookie(desk: &Desk) -> String {
    format!("practice_links={}", desk.token)
}

fn get(app: &TestApp, desk: &Desk, path: &str) -> Call {
    app.get(path).header("cookie", &cookie(desk))
}

#[track_caller]
fn page(app: &TestApp, desk: &Desk, path: &str) -> String {
    get(app, desk, path).send().expect(200).text()
}

fn at(who: &SignedUp) -> String {
    format!("/console/inbox/{}", who.conversation_id)
}

/// The value of a hidden field, the first of its name on a page.
fn hidden(text: &str, name: &str) -> String {
    let (_, rest) = text.split_once(&format!("name=\"{name}\" value=\"")).expect("no such field");
    rest.split('"').next().unwrap().replace("&#43;", "+").replace("&#x2b;", "+")
}

/// Sends a form as the page at `from` has it: with the session's token and the page's one-time key.
fn submit(app: &TestApp, desk: &Desk, from: &str, path: &str, fields: &[(&str, &str)]) -> Reply {
    let text = page(app, desk, from);
    let (token, key) = (hidden(&text, "form_token"), hidden(&text, "key"));
    let fields = [&[("form_token", token.as_str()), ("key", key.as_str())], fields].concat();
    let reply = app.form(path, &fields).header("cookie", &cookie(desk)).send();
    app.deliver_all();
    reply
}

fn on(app: &TestApp, desk: &Desk, who: &SignedUp, form: &str, fields: &[(&str, &str)]) -> Reply {
    submit(app, desk, &at(who), &format!("{}/{form}", at(who)), fields)
}

#[track_caller]
fn leads(reply: &Reply) -> String {
    assert_eq!(reply.status, 303, "{}", reply.text());
    reply.header("location").unwrap().to_owned()
}

fn say(app: &TestApp, who: &SignedUp, text: &str) {
    let path = format!("/v1/me/conversations/{}/entries", who.conversation_id);
    app.post(&path, json!({ "body": text })).bearer(&who.access_token).send().expect(201);
}

fn card(app: &TestApp, desk: &Desk, who: &SignedUp) -> Value {
    let path = format!("/v1/practice/conversations/{}", who.conversation_id);
    as_desk(desk, app.get(&path)).send().expect(200).at("/conversation")
}

fn messages(app: &TestApp) -> i64 {
    app.count("SELECT count(*) FROM entries WHERE kind = 'message'")
}

both! {
    fn an_empty_inbox_says_what_to_do_next(app: TestApp) {
        let elm = elm(&app);
        let text = page(&app, &elm.admin, "/console/inbox");
        assert!(text.contains("No conversations yet") && text.contains("href=\"/console/links\""), "{text}");
        app.sign_up_at(&phone(0), "222222");
        let none = page(&app, &elm.admin, "/console/inbox?tag=nothing&link=&unread=");
        assert!(none.contains("No conversations match these filters") && none.contains("href=\"/console/inbox\""), "{none}");
        assert!(none.contains("value=\"nothing\""), "what was asked for stays");
        let identity = page(&app, &elm.admin, "/console/identity");
        assert!(identity.contains("Alex Rivera") && identity.contains("No matching record"), "{identity}");
        let spanish = get(&app, &elm.admin, "/console/inbox").language("es").send().expect(200).text();
        assert!(spanish.contains("lang=\"es\"") && spanish.contains("Sin verificar") && spanish.contains("Filtrar"), "{spanish}");
    }

    fn a_conversation_stands_in_the_list_with_all_that_is_known(app: TestApp) {
        let elm = elm(&app);
        let link = app.make_link(&elm.admin, json!({ "label": "Poster", "tags": ["poster"], "assignee_id": elm.bo.staff_id }));
        let who = app.sign_up_at(&phone(0), link["code"].as_str().unwrap());
        say(&app, &who, "Could I come\non Tuesday?");
        app.advance(180);
        let text = page(&app, &elm.admin, "/console/inbox");
        for wanted in ["Alex Rivera", "Poster", "<li>poster</li>", "badge who unverified", "Unverified", "bo</span>", ">3 min<", "New", "Could I come on Tuesday?", &at(&who)] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
        // Who opens it has read it.
        let opened = page(&app, &elm.admin, &at(&who));
        assert!(opened.contains("Could I come\non Tuesday?"), "{opened}");
        assert_eq!(card(&app, &elm.admin, &who)["unread"], false);
        assert!(!page(&app, &elm.admin, "/console/inbox").contains("class=\"unread\""));
        assert_eq!(leads(&on(&app, &elm.admin, &who, "unread", &[])), "/console/inbox?done=marked");
        assert!(page(&app, &elm.admin, "/console/inbox").contains("class=\"unread\""));
    }

    fn filters_add_up_and_stay_on_the_next_page(app: TestApp) {
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
    fn outside_of_ones_links_no_page_exists(app: TestApp) {
        let elm = elm(&app);
        let eve = app.desk(&app.practice("Oak Dental", Some("desk@oak.example")), "eve", Role::Admin);
        let link = app.make_link(&elm.admin, json!({ "label": "Own", "tags": ["private"], "owner": { "kind": "staff", "id": elm.admin.staff_id } }));
        let who = app.sign_up_at(&phone(0), link["code"].as_str().unwrap());
        let common = app.sign_up_at(&phone(1), "222222");
        for stranger in [&elm.bo, &eve] {
            let listed = ["/console/inbox", "/console/inbox?tag=private", "/console/identity"].map(|path| page(&app, stranger, path)).concat();
            assert!(!listed.contains(&who.conversation_id) && !listed.contains("Own"));
            for end in ["", "/proof.pdf", "?after=0"] {
                let refused = get(&app, stranger, &format!("{}{end}", at(&who))).send().expect(404);
                assert!(refused.media_type() == "text/html" && !refused.text().contains("Alex"));
            }
        }
        assert!(page(&app, &elm.bo, "/console/inbox").contains(&common.conversation_id));
        let text = page(&app, &elm.bo, &at(&common));
        let (token, key) = (hidden(&text, "form_token"), hidden(&text, "key"));
        for (form, field) in [("messages", ("body", "Hello")), ("assignee", ("assignee_id", "")), ("tags", ("tags", "x")), ("unread", ("x", "")), ("identity", ("decision", "reject"))] {
            let fields = [("form_token", token.as_str()), ("key", key.as_str()), ("acknowledge", "on"), field];
            app.form(&format!("{}/{form}", at(&who)), &fields).header("cookie", &cookie(&elm.bo)).send().expect(404);
        }
        let untouched = card(&app, &elm.admin, &who);
        assert_eq!((&untouched["status"], &untouched["tags"], messages(&app)), (&json!("open"), &json!(["private"]), 0));
        assert_eq!(untouched["unread"], true, "who does not see it has not read it");
    }

    fn a_form_of_another_site_or_session_does_nothing(app: TestApp) {
        let elm = elm(&app);
        let who = app.sign_up_at(&phone(0), "222222");
        let token = hidden(&page(&app, &elm.bo, &at(&who)), "form_token");
        let theirs = hidden(&page(&app, &elm.admin, &at(&who)), "form_token");
        for form in ["messages", "assignee", "tags", "unread", "identity"] {
            let path = format!("{}/{form}", at(&who));
            let send = |token: &str| app.form(&path, &[("form_token", token), ("body", "Hello"), ("acknowledge", "on"), ("decision", "reject")]).header("cookie", &cookie(&elm.bo));
            send("").send().expect(403);
            send(&theirs).send().expect(403);
            send(&token).header("sec-fetch-site", "cross-site").send().expect(403);
            let anonymous = app.form(&path, &[("form_token", token.as_str())]).send();
            assert_eq!(leads(&anonymous), "/console/sign-in");
        }
        assert_eq!((messages(&app), &card(&app, &elm.bo, &who)["status"]), (0, &json!("open")));
    }

    fn a_reply_to_somebody_unverified_wants_to_be_meant_and_is_sent_once(app: TestApp) {
        let elm = elm(&app);
        let who = app.sign_up_at(&phone(0), "222222");
        let asked = on(&app, &elm.bo, &who, "messages", &[("body", "Would \"Tuesday\" suit you?")]).expect(409).text();
        assert!(asked.contains("id=\"acknowledge-error\"") && asked.contains("Would &#34;Tuesday&#34; suit you?"), "{asked}");
        assert_eq!(messages(&app), 0);
        // The same form, sent twice: one message.
        let text = page(&app, &elm.bo, &at(&who));
        let (token, key) = (hidden(&text, "form_token"), hidden(&text, "key"));
        let send = |body: &str| app.form(&format!("{}/messages", at(&who)), &[("form_token", token.as_str()), ("key", key.as_str()), ("body", body), ("acknowledge", "on")]).header("cookie", &cookie(&elm.bo)).send();
        for _ in 0..2 {
            assert_eq!(leads(&send("Would Tuesday\r\nsuit you?")), format!("{}#end", at(&who)));
        }
        assert_eq!(messages(&app), 1);
        // Another text from a page that has sent one already is kept, and goes with the next try.
        let other = send("Or Friday?").expect(422).text();
        assert!(other.contains("Or Friday?") && hidden(&other, "key") != key, "{other}");
        assert_eq!(card(&app, &elm.bo, &who)["acknowledged"]["by"], elm.bo.staff_id);
        // Asked once a conversation, whoever writes then.
        let again = page(&app, &elm.admin, &at(&who));
        assert!(again.contains("Would Tuesday\nsuit you?") && !again.contains("name=\"acknowledge\""), "{again}");
        leads(&on(&app, &elm.admin, &who, "messages", &[("body", "Or Friday?")]));
        let long = "😀".repeat(4_001);
        let kept = on(&app, &elm.admin, &who, "messages", &[("body", &long)]).expect(422).text();
        assert!(kept.contains("1 to 4,000 characters") && kept.contains(&long));
        leads(&on(&app, &elm.admin, &who, "messages", &[("body", &"😀".repeat(4_000))]));
        assert_eq!(messages(&app), 3);
        // What the patient has read is seen.
        let path = format!("/v1/me/conversations/{}/read", who.conversation_id);
        app.post(&path, json!({ "position": 2 })).bearer(&who.access_token).send().expect(200);
        assert!(page(&app, &elm.bo, &at(&who)).contains("Read by the patient"));
    }

    fn what_was_written_into_a_closed_conversation_is_not_lost(app: TestApp) {
        let elm = elm(&app);
        let who = app.sign_up_at(&phone(0), "222222");
        let text = page(&app, &elm.bo, &at(&who));
        let (token, key) = (hidden(&text, "form_token"), hidden(&text, "key"));
        app.delete(&format!("/v1/me/pairings/{}", who.pairing_id)).bearer(&who.access_token).send().expect(204);
        let fields = [("form_token", token.as_str()), ("key", key.as_str()), ("body", "See you on Tuesday"), ("acknowledge", "on")];
        let kept = app.form(&format!("{}/messages", at(&who)), &fields).header("cookie", &cookie(&elm.bo)).send().expect(409).text();
        assert!(kept.contains("This conversation is closed") && kept.contains("See you on Tuesday"), "{kept}");
        assert_eq!(messages(&app), 0);
    }

    fn who_answers_and_tags_are_changed_by_form(app: TestApp) {
        let elm = elm(&app);
        let link = app.make_link(&elm.admin, json!({ "label": "Own", "owner": { "kind": "staff", "id": elm.admin.staff_id } }));
        let who = app.sign_up_at(&phone(0), link["code"].as_str().unwrap());
        assert_eq!(leads(&on(&app, &elm.admin, &who, "assignee", &[("assignee_id", &elm.bo.staff_id)])), format!("{}?done=assigned", at(&who)));
        assert_eq!(leads(&on(&app, &elm.admin, &who, "tags", &[("tags", "recall,  card ,")])), format!("{}?done=tagged", at(&who)));
        let now = card(&app, &elm.bo, &who);
        assert_eq!((&now["assignee"]["id"], &now["tags"]), (&json!(elm.bo.staff_id), &json!(["card", "recall"])));
        let long = "x".repeat(41);
        let wrong = on(&app, &elm.bo, &who, "tags", &[("tags", &long)]).expect(422).text();
        assert!(wrong.contains("id=\"tags-error\"") && wrong.contains(&long), "{wrong}");
        let stranger = on(&app, &elm.bo, &who, "assignee", &[("assignee_id", "stf_nobody")]).expect(422).text();
        assert!(stranger.contains("id=\"assignee_id-error\""), "{stranger}");
        // Who hands over what was theirs alone by that sees it no more.
        assert_eq!(leads(&on(&app, &elm.bo, &who, "assignee", &[("assignee_id", "")])), "/console/inbox?done=handed");
        get(&app, &elm.bo, &at(&who)).send().expect(404);
    }

    fn who_it_is_is_decided_by_form(app: TestApp) {
        let elm = elm(&app);
        let who = app.sign_up_at(&phone(0), "222222");
        let before = page(&app, &elm.bo, &at(&who));
        assert!(before.contains("the number in your records") && before.contains(&who.phone) && !before.contains("Undo last decision"), "{before}");
        let wrong = on(&app, &elm.bo, &who, "identity", &[("decision", "confirm"), ("note", "It is <b>them</b>")]).expect(422).text();
        assert!(wrong.contains("id=\"method-error\"") && wrong.contains("It is &#60;b&#62;them"), "{wrong}");
        let note = "x".repeat(501);
        on(&app, &elm.bo, &who, "identity", &[("decision", "confirm"), ("method", "in_person"), ("note", &note)]).expect(422);
        on(&app, &elm.bo, &who, "identity", &[("decision", "confirm"), ("method", "in_person"), ("record_id", "rec_1")]).expect(422);
        let confirm = [("decision", "confirm"), ("method", "call_back"), ("note", " Called back. ")];
        assert_eq!(leads(&on(&app, &elm.bo, &who, "identity", &confirm)), format!("{}?done=confirm", at(&who)));
        assert_eq!(card(&app, &elm.bo, &who)["identity"], "confirmed");
        let after = page(&app, &elm.bo, &format!("{}?done=confirm", at(&who)));
        for wanted in ["badge who confirmed", "called the number on record", "Called back.", "bo ·"] {
            assert!(after.contains(wanted), "{wanted}: {after}");
        }
        assert!(!after.contains("the number in your records") && !after.contains("name=\"method\""), "{after}");
        assert!(!page(&app, &elm.bo, "/console/identity").contains(&who.conversation_id));
        // Meanwhile decided: said, and nothing is decided twice.
        on(&app, &elm.bo, &who, "identity", &confirm).expect(409);
        // Taken back by admins alone.
        on(&app, &elm.bo, &who, "identity", &[("decision", "undo")]).expect(403);
        leads(&on(&app, &elm.admin, &who, "identity", &[("decision", "undo")]));
        assert!(on(&app, &elm.admin, &who, "identity", &[("decision", "undo")]).expect(409).text().contains("no decision to undo"));
        let reject = [("decision", "reject"), ("block_number", "on")];
        leads(&on(&app, &elm.bo, &who, "identity", &reject));
        let closed = get(&app, &elm.bo, &at(&who)).send().expect(200).text();
        assert!(closed.contains("badge who rejected") && !closed.contains("name=\"body\""), "{closed}");
        assert_eq!(app.count("SELECT count(*) FROM number_blocks"), 1);
        let proof = get(&app, &elm.bo, &format!("{}/proof.pdf", at(&who))).send().expect(200);
        assert!(proof.media_type() == "application/pdf" && proof.body.starts_with(b"%PDF"));
    }

    /// The operator's support sets links up; no patient is shown to them, and no way leads there.
    fn support_sees_no_patient(app: TestApp) {
        let elm = elm(&app);
        let who = app.sign_up_at(&phone(0), "222222");
        let sue = app.desk(&elm.practice, "sue", Role::Support);
        for path in ["/console/inbox", "/console/identity", &at(&who), &format!("{}/proof.pdf", at(&who)), "/console/desk-code", "/console/invites", "/console/records"] {
            let refused = get(&app, &sue, path).send().expect(403).text();
            assert!(!refused.contains("Rivera"), "{path}: {refused}");
        }
        assert_eq!(get(&app, &sue, "/console").send().expect(303).header("location"), Some("/console/links"));
        let links = page(&app, &sue, "/console/links");
        for way in ["/console/inbox", "/console/invites", "/console/records"] {
            assert!(!links.contains(way), "{way}");
        }
    }

    fn whatever_people_write_is_text(app: TestApp) {
        let elm = elm(&app);
        let who = app.sign_up_at(&phone(0), "222222");
        let mark = "<script>alert('1')</script>";
        let path = format!("/v1/me/patients/{}", who.patient_id);
        app.patch(&path, json!({ "given_name": mark, "family_name": "\"><img src=x>" })).bearer(&who.access_token).send().expect(200);
        say(&app, &who, mark);
        leads(&on(&app, &elm.bo, &who, "tags", &[("tags", "<b>bold</b>")]));
        for path in ["/console/inbox", "/console/identity", &at(&who), "/console/inbox?tag=%3Cscript%3Ealert"] {
            let reply = get(&app, &elm.bo, path).send().expect(200);
            let policy = reply.header("content-security-policy").unwrap().to_owned();
            assert!(policy.contains("script-src 'nonce-") && policy.contains("connect-src 'self'") && !policy.contains("unsafe"), "{policy}");
            let text = reply.text();
            assert!(!text.contains("<script>alert") && !text.contains("<img") && !text.contains("<b>bold"), "{path}: {text}");
            assert_eq!(text.matches("<script").count(), 1, "{path}");
        }
    }

    fn a_long_conversation_is_read_page_by_page(app: TestApp) {
        let elm = elm(&app);
        let who = app.sign_up_at(&phone(0), "222222");
        for n in 2..=104 {
            say(&app, &who, &format!("Number {n}."));
        }
        let last = page(&app, &elm.bo, &at(&who));
        assert!(last.contains("Number 104.") && last.contains("Number 5.") && !last.contains("Number 4."));
        assert!(last.contains("?after=0\"") && !last.contains(">Later<"));
        let first = page(&app, &elm.bo, &format!("{}?after=0", at(&who)));
        assert!(first.contains("Number 2.") && !first.contains("Number 104.") && first.contains("?after=100\""));
    }

    /// What an open page asks for by itself is no use: a tab that was left open is signed out like any other.
    fn a_page_that_was_left_open_keeps_nobody_signed_in(app: TestApp) {
        let elm = elm(&app);
        let person = app.person(&elm.practice, "cy", Role::Member);
        app.advance(30);
        let challenge = app.form("/console/sign-in", &[("email", person.email.as_str()), ("password", crate::harness::PASSWORD)]).send().expect(200).text();
        let code = app.totp(&person.seed);
        let signed_in = app.form("/console/sign-in/code", &[("challenge", hidden(&challenge, "challenge").as_str()), ("code", &code)]).send();
        let cookie = signed_in.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        for _ in 0..3 {
            app.advance(5 * 3_600);
            let _ = app.get("/console/inbox").header("cookie", &cookie).header("sec-fetch-dest", "empty").send();
            let _ = app.get("/console/desk-code?by=itself").header("cookie", &cookie).send();
        }
        leads(&app.get("/console/inbox").header("cookie", &cookie).send());
        // A stream is not asked for again by somebody who is not signed in.
        app.get("/console/events").header("cookie", &cookie).send().expect(204);
        app.get("/console/events").send().expect(204);
        assert_eq!(app.get("/console/events").bearer(&person.access_token).send().status, 204, "the bearer opens the API alone");
    }

    /// The screen at the desk: the code of the API, found from where staff look, good for whoever types it.
    fn the_code_at_the_desk_is_a_page_that_confirms_in_person(app: TestApp) {
        let elm = elm(&app);
        let who = app.sign_up_at(&phone(0), "222222");
        let codes = |desk: &Desk| {
            let code = as_desk(desk, app.get("/v1/practice/desk-code")).send().expect(200).str("/code");
            format!("{} {}", &code[..4], &code[4..])
        };
        let screen = || get(&app, &elm.bo, "/console/desk-code").send().expect(200);
        for from in ["/console/identity".to_owned(), at(&who)] {
            assert!(page(&app, &elm.bo, &from).contains("href=\"/console/desk-code\""), "{from}");
        }
        let (shown, code) = (screen(), codes(&elm.bo));
        assert!(shown.text().contains(&code) && !shown.text().contains(&codes(&elm.admin)), "{}", shown.text());
        assert_eq!(shown.header("cache-control"), Some("no-store"));
        // It is shown anew when there is another one, with a script and without.
        app.advance(45);
        let later = screen().text();
        let left = later.split_once("data-renews=\"").unwrap().1.split('"').next().unwrap().parse::<u64>().unwrap();
        assert!((1..=60).contains(&left), "{left}");
        assert!(later.contains(&format!("<meta http-equiv=\"refresh\" content=\"{left}; url=")), "{later}");
        app.advance(left);
        let next = screen().text();
        assert!(!next.contains(&codes(&elm.admin)) && next.contains(&codes(&elm.bo)), "{next}");
        assert!(!next.contains(&code), "{next}");
        // The patient types it as it is read.
        let path = format!("/v1/me/pairings/{}/desk-code", who.json["pairing"]["id"].as_str().unwrap());
        let typed = json!({ "code": codes(&elm.bo) });
        app.post(&path, typed).bearer(&who.access_token).send().expect(200);
        app.deliver_all();
        let path = format!("/v1/practice/conversations/{}/identity", who.conversation_id);
        let kept = as_desk(&elm.admin, app.get(&path)).send().expect(200).at("/identity/decisions/0");
        assert_eq!((&kept["method"], &kept["by"]), (&json!("in_person"), &json!(elm.bo.staff_id)));
        // The screen names nobody, and who is confirmed needs no code.
        assert!(!screen().text().contains("Rivera"));
        assert!(!page(&app, &elm.bo, &at(&who)).contains("/console/desk-code"));
        let spanish = get(&app, &elm.bo, "/console/desk-code").language("es").send().expect(200).text();
        assert!(spanish.contains("Código de recepción"), "{spanish}");
    }

    fn the_code_at_the_desk_is_for_those_who_meet_patients(app: TestApp) {
        let elm = elm(&app);
        let support = app.desk(&elm.practice, "sue", Role::Support);
        let refused = get(&app, &support, "/console/desk-code").send().expect(403).text();
        assert!(refused.contains("You do not have permission to do that"), "{refused}");
        get(&app, &elm.admin, "/console/desk-code").send().expect(200);
        assert_eq!(leads(&app.get("/console/desk-code").send()), "/console/sign-in?next=/console/desk-code");
    }

    fn the_consoles_stream_tells_what_its_holder_sees(app: TestApp) {
        let elm = elm(&app);
        let link = app.make_link(&elm.admin, json!({ "label": "Own", "owner": { "kind": "staff", "id": elm.admin.staff_id } }));
        let mut all = Stream::open_as(&app, "/console/events", &format!("cookie: {}", cookie(&elm.admin)), None);
        let mut some = Stream::open_as(&app, "/console/events", &format!("cookie: {}", cookie(&elm.bo)), None);
        let hidden = app.sign_up_at(&phone(0), link["code"].as_str().unwrap());
        let seen = app.sign_up_at(&phone(1), "222222");
        all.expect("conversation.created", &hidden.conversation_id);
        assert_eq!(some.expect("conversation.created", &seen.conversation_id).data["conversation_id"], json!(seen.conversation_id));
    }
}
