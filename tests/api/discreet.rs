//! A discreet link: the practice's name stands on the page and in the app, and nowhere that others may look.

use practice_links::links::NewLink;
use serde_json::json;

use crate::harness::{IPHONE, TestApp, Verification, phone, sign_up_body};

const CODE: &str = "777777";
const NAME: &str = "Riverside Fertility Clinic";

fn discreet_link(app: &TestApp) {
    let practice = app.practice(NAME, Some("desk@riverside.example"));
    let link = NewLink { discreet: true, ..NewLink::plain(&practice.id, "Donor evening") };
    app.link_with(CODE, &link);
}

both! {
    fn its_text_message_names_no_practice(app: TestApp) {
        discreet_link(&app);
        let body = json!({ "phone": phone(0), "link_token": app.link_token(CODE) });
        app.post("/v1/verifications", body).send().expect(201);
        app.deliver_all();
        let text = &app.carrier.sent_to(&phone(0))[0].body;
        assert!(text.contains("is your code.\n"), "{text}");
        assert!(!text.contains("Riverside"), "{text}");
    }

    fn its_notices_name_neither_practice_nor_link(app: TestApp) {
        discreet_link(&app);
        let body = json!({ "phone": phone(0), "link_token": app.link_token(CODE) });
        let verification = Verification::of(&phone(0), &app.post("/v1/verifications", body).send().expect(201));
        let code = app.code_for(&phone(0));
        let proof = app.check(&verification, &code).expect(200).str("/phone_proof");
        app.post("/v1/accounts", sign_up_body(&proof, &app.link_token(CODE))).send().expect(201);
        app.deliver_all();
        app.sign_in(&phone(0));
        let mails = app.carrier.sent_to("desk@riverside.example");
        assert_eq!(mails.len(), 2, "a new patient, and a new device");
        for mail in mails {
            for text in [&mail.subject, &mail.body, &mail.html] {
                assert!(!text.contains("Riverside") && !text.contains("Donor evening"), "{text}");
            }
        }
    }

    fn the_app_still_says_whose_link_it_is(app: TestApp) {
        discreet_link(&app);
        let token = app.post("/v1/link-tokens", json!({ "code": CODE, "source": "typed" })).send().expect(201);
        assert_eq!(token.at("/practice/name"), NAME);
    }

    fn what_is_seen_before_the_page_is_opened_names_no_practice(app: TestApp) {
        discreet_link(&app);
        for agent in [IPHONE, "facebookexternalhit/1.1"] {
            let page = app.get(&format!("/{CODE}")).user_agent(agent).send().expect(200).text();
            let (head, _) = page.split_once("</head>").unwrap();
            assert!(!head.contains("Riverside") && !head.contains("Springfield"), "{head}");
        }
        let page = app.get(&format!("/{CODE}")).user_agent(IPHONE).send().expect(200).text();
        assert!(page.split_once("</head>").unwrap().1.contains(NAME), "whoever opens it sees where they are");
    }
}
