//! A discreet link: the practice's name is shown on the page and in the app, and nowhere that others may see.

use practice_links::links::NewLink;
use practice_links::staff::Role;
use serde_json::json;

use crate::harness::{IPHONE, TestApp, Verification, as_staff, phone, sign_up_body};

const CODE: &str = "777777";
const NAME: &str = "Riverside Fertility Clinic";

fn discreet_link(app: &TestApp) {
    let practice = app.practice(NAME, Some("desk@riverside.example"));
    let link = NewLink { discreet: true, ..NewLink::plain(&practice.id, "Donor evening") };
    app.link_with(CODE, &link);
}

/// The user agent of a link preview in a chat.
const PREVIEW: &str = "facebookexternalhit/1.1";

both! {
    fn discreet_text_message_does_not_name_the_practice(app: TestApp) {
        discreet_link(&app);
        let body = json!({ "phone": phone(0), "link_token": app.link_token(CODE) });
        app.post("/v1/verifications", body).send().expect(201);
        app.deliver_all();
        let text = &app.transport.sent_to(&phone(0))[0].body;
        assert!(text.contains("is your code.\n"), "{text}");
        assert!(!text.contains("Riverside"), "{text}");
    }

    fn discreet_notices_name_neither_practice_nor_link(app: TestApp) {
        discreet_link(&app);
        let body = json!({ "phone": phone(0), "link_token": app.link_token(CODE) });
        let verification = Verification::of(&phone(0), &app.post("/v1/verifications", body).send().expect(201));
        let code = app.code_for(&phone(0));
        let proof = app.check(&verification, &code).expect(200).str("/phone_proof");
        app.post("/v1/accounts", sign_up_body(&proof, &app.link_token(CODE))).send().expect(201);
        app.deliver_all();
        app.sign_in(&phone(0));
        let mails = app.transport.sent_to("desk@riverside.example");
        assert_eq!(mails.len(), 2, "one for a new patient, one for a new device");
        for mail in mails {
            for text in [&mail.subject, &mail.body, &mail.html] {
                assert!(!text.contains("Riverside") && !text.contains("Donor evening"), "{text}");
            }
        }
    }

    fn app_still_shows_the_practice_of_a_discreet_link(app: TestApp) {
        discreet_link(&app);
        let token = app.post("/v1/link-tokens", json!({ "code": CODE, "source": "typed" })).send().expect(201);
        assert_eq!(token.at("/practice/name"), NAME);
    }

    fn link_preview_of_the_landing_page_names_no_practice(app: TestApp) {
        discreet_link(&app);
        let page = app.get(&format!("/{CODE}")).user_agent(PREVIEW).send().expect(200).text();
        let (head, body) = page.split_once("</head>").unwrap();
        assert!(!head.contains("Riverside") && !head.contains("Springfield"), "{head}");
        assert!(!body.contains("Riverside") && !body.contains("Springfield"), "some previews read the body too");
        let read = app.get(&format!("/{CODE}")).user_agent(IPHONE).send().expect(200).text();
        let (head, body) = read.split_once("</head>").unwrap();
        assert!(!head.contains("Riverside") && body.contains(NAME), "a person sees whose page it is");
    }

    fn preview_of_texted_and_paused_pages_names_no_practice(app: TestApp) {
        discreet_link(&app);
        let practice = app.write(|_, conn| practice_links::practices::list(conn)).into_iter().find(|p| p.name == NAME).unwrap();
        let admin = app.staff_client(&practice, "ana", Role::Admin);
        for (path, language) in [("texted", "en"), ("texted", "es")] {
            let page = app.get(&format!("/{CODE}/{path}")).language(language).send().expect(200).text();
            assert!(!page.contains("Riverside"), "{page}");
        }
        let links = as_staff(&admin, app.get("/v1/practice/links")).send().expect(200);
        let path = format!("/v1/practice/links/{}", links.str("/items/0/id"));
        as_staff(&admin, app.patch(&path, json!({ "state": "paused" }))).send().expect(200);
        let page = app.get(&format!("/{CODE}")).send().expect(200).text();
        assert!(page.contains("paused") && !page.contains("Riverside") && !page.contains("Springfield"), "{page}");
    }

    fn print_kit_is_discreet_behind_a_discreet_forward(app: TestApp) {
        discreet_link(&app);
        let practice = app.write(|_, conn| practice_links::practices::list(conn)).into_iter().find(|p| p.name == NAME).unwrap();
        app.link_with("888888", &NewLink { is_default: true, ..NewLink::plain(&practice.id, "Front door") });
        app.link("800008", &practice.id);
        let admin = app.staff_client(&practice, "ana", Role::Admin);
        let links = as_staff(&admin, app.get("/v1/practice/links")).send().expect(200).json();
        let id = |code: &str| links["items"].as_array().unwrap().iter().find(|l| l["code"] == code).unwrap()["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/practice/links/{}", id("800008"));
        let print = || as_staff(&admin, app.get(&format!("{path}/poster.pdf"))).send().expect(200).body;
        let named = print();
        as_staff(&admin, app.patch(&path, json!({ "state": "retired", "forward_to": id(CODE) }))).send().expect(200);
        let retired = print();
        assert_ne!(named, retired);
        as_staff(&admin, app.patch(&path, json!({ "discreet": true }))).send().expect(200);
        assert_eq!(print(), retired, "it was already discreet through the link that it forwards to");
    }
}
