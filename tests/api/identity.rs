//! The identity check: the states of a conversation, what staff decide, and the work list of open checks.

use practice_links::funnel;
use practice_links::staff::Role;
use serde_json::{Value, json};

use crate::harness::{DEMO, Reply, SignedUp, StaffClient, TestApp, as_staff, phone};

/// The practice's admin, a member, and a patient who has signed up.
fn scene(app: &TestApp) -> (StaffClient, StaffClient, SignedUp) {
    let practice = app.write(|_, conn| practice_links::practices::list(conn)).remove(0);
    let (admin, member) =
        (app.staff_client(&practice, "ana", Role::Admin), app.staff_client(&practice, "bo", Role::Member));
    (admin, member, app.sign_up(&phone(1)))
}

fn decide(app: &TestApp, staff: &StaffClient, conversation: &str, body: Value) -> Reply {
    let path = format!("/v1/practice/conversations/{conversation}/identity/decisions");
    let reply = as_staff(staff, app.post(&path, body)).send();
    app.deliver_all();
    reply
}

fn identity(app: &TestApp, staff: &StaffClient, conversation: &str) -> Value {
    let path = format!("/v1/practice/conversations/{conversation}/identity");
    as_staff(staff, app.get(&path)).send().expect(200).at("/identity")
}

fn card(app: &TestApp, staff: &StaffClient, conversation: &str) -> Value {
    let path = format!("/v1/practice/conversations/{conversation}");
    as_staff(staff, app.get(&path)).send().expect(200).at("/conversation")
}

fn patient_reads(app: &TestApp, patient: &SignedUp) -> Vec<String> {
    let path = format!("/v1/me/conversations/{}/entries", patient.conversation_id);
    let page = app.get(&path).bearer(&patient.access_token).send().expect(200);
    let items = page.at("/items").as_array().unwrap().clone();
    items.iter().map(|entry| entry["body"].as_str().unwrap().to_owned()).collect()
}

both! {
    /// Anyone with the link can pair: a person is unverified until staff confirm, and then it is stored who
    /// confirmed and how.
    fn person_is_unverified_until_staff_confirm(app: TestApp) {
        let (_, member, patient) = scene(&app);
        let before = identity(&app, &member, &patient.conversation_id);
        assert_eq!((&before["state"], &before["phi_allowed"]), (&json!("unverified"), &json!(false)));
        assert_eq!((&before["grade"], &before["candidates"]), (&json!("none"), &json!([])));
        assert!(before["advice"].as_str().unwrap().contains("the number in your records"), "{before}");
        assert!(before["graded_at"].is_string(), "graded by the worker: {before}");

        let body = json!({ "decision": "confirm", "method": "call_back", "note": " Called back. " });
        let made = decide(&app, &member, &patient.conversation_id, body).expect(201);
        assert_eq!(made.at("/conversation/identity"), "confirmed");
        assert_eq!(made.at("/conversation/phi_allowed"), true);
        let after = identity(&app, &member, &patient.conversation_id);
        assert_eq!(after["advice"], Value::Null);
        let kept = &after["decisions"][0];
        assert_eq!(kept["by"], member.staff_id);
        assert_eq!((&kept["method"], &kept["note"]), (&json!("call_back"), &json!("Called back.")));
        assert_eq!((&kept["before"], &kept["after"]), (&json!("unverified"), &json!("confirmed")));
        assert_eq!(patient_reads(&app, &patient).last().unwrap(), "The practice confirmed your identity.");
    }

    /// Until the identity is confirmed, the first message needs an acknowledgement; afterwards it does not.
    fn message_to_a_confirmed_person_needs_no_acknowledgement(app: TestApp) {
        let (_, member, patient) = scene(&app);
        let write = || {
            let path = format!("/v1/practice/conversations/{}/entries", patient.conversation_id);
            as_staff(&member, app.post(&path, json!({ "body": "Your results are here." }))).send()
        };
        assert_eq!(write().expect(409).str("/code"), "identity_unverified");
        let body = json!({ "decision": "confirm", "method": "in_person" });
        decide(&app, &member, &patient.conversation_id, body).expect(201);
        write().expect(201);
    }

    fn rejected_person_reads_neutral_text_and_cannot_write(app: TestApp) {
        let (_, member, patient) = scene(&app);
        decide(&app, &member, &patient.conversation_id, json!({ "decision": "reject" })).expect(201);
        let card = card(&app, &member, &patient.conversation_id);
        assert_eq!((&card["identity"], &card["status"]), (&json!("rejected"), &json!("closed")));
        let last = patient_reads(&app, &patient).pop().unwrap();
        assert_eq!(last, "This conversation is closed. If you have questions, please call the practice.");
        let path = format!("/v1/me/conversations/{}/entries", patient.conversation_id);
        let refused = app.post(&path, json!({ "body": "Hello?" })).bearer(&patient.access_token).send();
        assert_eq!(refused.expect(409).str("/code"), "conversation_closed");
        // Pairing again returns the same closed conversation, not a new one.
        let again = json!({ "link_token": app.link_token(DEMO) });
        let again = app.post("/v1/pairings", again).bearer(&patient.access_token).send().expect(200);
        assert_eq!(again.str("/conversation/id"), patient.conversation_id);
    }

    /// A blocked number can no longer pair with this practice, and is not told that it is blocked or why.
    fn blocked_number_is_refused_only_by_this_practice(app: TestApp) {
        let (admin, member, patient) = scene(&app);
        let body = json!({ "decision": "reject", "block_number": true });
        decide(&app, &member, &patient.conversation_id, body).expect(201);
        let child = json!({ "given_name": "Sam", "family_name": "Rivera" });
        let child = app.post("/v1/me/patients", child).bearer(&patient.access_token).send().expect(201);
        let pair = |code: &str| {
            let body = json!({ "link_token": app.link_token(code), "patient_id": child.str("/patient/id") });
            app.post("/v1/pairings", body).bearer(&patient.access_token).send()
        };
        let refused = pair(DEMO).expect(403);
        assert_eq!(refused.str("/code"), "pairing_refused");
        assert_eq!(refused.str("/detail"), "Call the practice if you have questions.");
        app.link("765432", &app.practice("Oak Eyes", None).id);
        pair("765432").expect(201);
        app.deliver_all();
        // Once the decision is undone, the number can pair again, and the conversation is open again.
        decide(&app, &admin, &patient.conversation_id, json!({ "decision": "undo" })).expect(201);
        pair(DEMO).expect(201);
        app.deliver_all();
        let card = card(&app, &member, &patient.conversation_id);
        assert_eq!((&card["identity"], &card["status"]), (&json!("unverified"), &json!("open")));
    }

    /// A mother and a child were both blocked: the number can pair again once both decisions are undone.
    fn number_stays_blocked_until_every_block_is_undone(app: TestApp) {
        let (admin, member, mother) = scene(&app);
        let person = |name: &str| {
            let person = json!({ "given_name": name, "family_name": "Rivera" });
            app.post("/v1/me/patients", person).bearer(&mother.access_token).send().expect(201).str("/patient/id")
        };
        let pair = |patient: &str| {
            let body = json!({ "link_token": app.link_token(DEMO), "patient_id": patient });
            let reply = app.post("/v1/pairings", body).bearer(&mother.access_token).send();
            app.deliver_all();
            reply
        };
        let (sam, kim) = (person("Sam"), person("Kim"));
        let both = [mother.conversation_id.clone(), pair(&sam).expect(201).str("/conversation/id")];
        for conversation in &both {
            let body = json!({ "decision": "reject", "block_number": true });
            decide(&app, &member, conversation, body).expect(201);
        }
        for conversation in &both {
            pair(&kim).problem(403, "pairing_refused");
            decide(&app, &admin, conversation, json!({ "decision": "undo" })).expect(201);
        }
        pair(&kim).expect(201);
    }

    /// A sign-up with a blocked number creates no account, and its phone proof stays valid elsewhere.
    fn blocked_number_signs_up_elsewhere_with_the_same_proof(app: TestApp) {
        let (_, member, patient) = scene(&app);
        let body = json!({ "decision": "reject", "block_number": true });
        decide(&app, &member, &patient.conversation_id, body).expect(201);
        app.delete("/v1/me").bearer(&patient.access_token).send().expect(204);
        app.advance(3600);
        let proof = app.verify(&patient.phone);
        let sign_up = |code: &str| {
            app.post("/v1/accounts", crate::harness::sign_up_body(&proof, &app.link_token(code))).send()
        };
        assert_eq!(sign_up(DEMO).expect(403).str("/code"), "pairing_refused");
        app.link("765432", &app.practice("Oak Eyes", None).id);
        sign_up("765432").expect(201);
        app.deliver_all();
    }

    /// Confirming by a record match names the record; a single candidate is implied.
    fn record_match_decision_names_the_record(app: TestApp) {
        let (admin, member, patient) = scene(&app);
        let by_record = json!({ "decision": "confirm", "method": "record_match" });
        let confirm = |body: &Value| decide(&app, &member, &patient.conversation_id, body.clone());
        // A record that the practice keeps elsewhere has no id here.
        assert_eq!(confirm(&by_record).expect(201).at("/decision/record_id"), Value::Null);
        decide(&app, &admin, &patient.conversation_id, json!({ "decision": "undo" })).expect(201);
        let row = |number: &str| format!("{number},Alex,Rivera,{}\n", phone(1));
        let import = |rows: String| crate::imports::table(&app, &admin, &format!("MRN,First name,Last name,Mobile\n{rows}"));
        import(row("M-1"));
        let only = identity(&app, &member, &patient.conversation_id)["candidates"][0]["record"]["id"].clone();
        assert_eq!(confirm(&by_record).expect(201).at("/decision/record_id"), only);
        decide(&app, &admin, &patient.conversation_id, json!({ "decision": "undo" })).expect(201);
        import(row("M-2"));
        let refused = confirm(&by_record).problem(422, "invalid_request");
        assert_eq!(refused.at("/errors/0/pointer"), "/record_id");
        let named = json!({ "decision": "confirm", "method": "record_match", "record_id": only });
        assert_eq!(confirm(&named).expect(201).at("/decision/record_id"), only);
    }

    fn decision_is_made_once_and_undone_only_by_admins(app: TestApp) {
        let (admin, member, patient) = scene(&app);
        let confirm = json!({ "decision": "confirm", "method": "photo_id" });
        let decide = |staff: &StaffClient, body: &Value| decide(&app, staff, &patient.conversation_id, body.clone());
        let undo = json!({ "decision": "undo" });
        assert_eq!(decide(&admin, &undo).expect(409).str("/code"), "nothing_to_undo");
        decide(&member, &confirm).expect(201);
        assert_eq!(decide(&member, &confirm).expect(409).str("/code"), "identity_decided");
        assert_eq!(decide(&member, &undo).expect(403).str("/code"), "staff_forbidden");
        decide(&admin, &undo).expect(201);
        assert_eq!(decide(&admin, &undo).expect(409).str("/code"), "nothing_to_undo");
        let kinds = identity(&app, &admin, &patient.conversation_id)["decisions"].clone();
        let kinds: Vec<_> = kinds.as_array().unwrap().iter().map(|one| one["decision"].clone()).collect();
        assert_eq!(kinds, ["confirm", "undo"]);
        assert_eq!(patient_reads(&app, &patient).last().unwrap(), "The practice is checking your identity again.");
    }

    fn decision_needs_a_method_and_support_cannot_decide(app: TestApp) {
        let (_, member, patient) = scene(&app);
        let practice = app.write(|_, conn| practice_links::practices::list(conn)).remove(0);
        let support = app.staff_client(&practice, "sue", Role::Support);
        let decide = |staff: &StaffClient, body: Value| decide(&app, staff, &patient.conversation_id, body);
        for body in [
            json!({ "decision": "confirm" }),
            json!({ "decision": "confirm", "method": "invite" }),
            json!({ "decision": "reject", "method": "in_person" }),
            json!({ "decision": "confirm", "method": "in_person", "record_id": "rec_none" }),
            json!({ "decision": "confirm", "method": "in_person", "note": "x".repeat(501) }),
        ] {
            assert_eq!(decide(&member, body).expect(422).str("/code"), "invalid_request");
        }
        let confirm = json!({ "decision": "confirm", "method": "in_person" });
        assert_eq!(decide(&support, confirm).expect(403).str("/code"), "staff_forbidden");
    }

    /// The work list: the longest waiting comes first, and decided conversations are no longer listed.
    fn work_list_starts_with_the_longest_waiting(app: TestApp) {
        let (_, member, first) = scene(&app);
        let others: Vec<_> = (2..5)
            .map(|n| {
                app.advance(60);
                app.sign_up(&phone(n)).conversation_id
            })
            .collect();
        let listed = |query: &str| {
            let page = as_staff(&member, app.get(&format!("/v1/practice/identity{query}"))).send().expect(200);
            let items = page.at("/items").as_array().unwrap().clone();
            let ids: Vec<_> =
                items.iter().map(|item| item["conversation"]["id"].as_str().unwrap().to_owned()).collect();
            (ids, page.at("/next_cursor"))
        };
        let (page, next) = listed("?limit=2");
        assert_eq!(page, [first.conversation_id.clone(), others[0].clone()]);
        let (page, next) = listed(&format!("?limit=2&cursor={}", next.as_str().unwrap()));
        assert_eq!((page, next), (others[1..].to_vec(), Value::Null));
        let confirm = json!({ "decision": "confirm", "method": "in_person" });
        decide(&app, &member, &others[0], confirm).expect(201);
        decide(&app, &member, &others[1], json!({ "decision": "reject" })).expect(201);
        app.delete("/v1/me").bearer(&first.access_token).send().expect(204);
        assert_eq!(listed("").0, others[2..]);
    }

    /// A decision is reported at once to open consoles, the practice's systems, the audit log and the funnel.
    fn decision_appears_in_the_audit_log_and_the_funnel(app: TestApp) {
        let (admin, member, patient) = scene(&app);
        let confirm = json!({ "decision": "confirm", "method": "date_of_birth" });
        decide(&app, &member, &patient.conversation_id, confirm).expect(201);
        let audit = as_staff(&admin, app.get("/v1/practice/audit?action=identity")).send().expect(200);
        assert_eq!(audit.str("/items/0/action"), "identity.confirm");
        assert_eq!(audit.str("/items/0/actor"), member.staff_id);
        assert_eq!(audit.str("/items/0/subject"), patient.conversation_id);
        assert_eq!(audit.at("/items/0/detail/before"), "unverified");
        let links = as_staff(&admin, app.get("/v1/practice/links")).send().expect(200);
        let report = || {
            funnel::flush(&app.inner).unwrap();
            let path = format!("/v1/practice/links/{}/funnel", links.str("/items/0/id"));
            as_staff(&admin, app.get(&path)).send().expect(200).at("/totals")
        };
        assert_eq!(report()["confirmed"], 1);
        // Counted once, however often it is undone.
        decide(&app, &admin, &patient.conversation_id, json!({ "decision": "undo" })).expect(201);
        let confirm = json!({ "decision": "confirm", "method": "in_person" });
        decide(&app, &member, &patient.conversation_id, confirm).expect(201);
        assert_eq!(report()["confirmed"], 1);
    }

    /// The proof pack is an export: only of the practice's own conversations, and recorded in the audit log.
    fn proof_pack_export_is_recorded_in_the_audit_log(app: TestApp) {
        let (admin, member, patient) = scene(&app);
        let at = |id: &str| format!("/v1/practice/conversations/{id}/proof.pdf");
        let page = as_staff(&member, app.get(&at(&patient.conversation_id))).send().expect(200);
        assert_eq!((page.media_type(), page.header("cache-control")), ("application/pdf", Some("no-store")));
        assert!(page.body.starts_with(b"%PDF-"));
        let events = as_staff(&admin, app.get("/v1/practice/audit?action=identity.exported")).send().expect(200);
        assert_eq!(events.str("/items/0/subject"), patient.conversation_id);
        let other_practice_admin = app.staff_client(&app.practice("Oak Eyes", None), "oda", Role::Admin);
        as_staff(&other_practice_admin, app.get(&at(&patient.conversation_id))).send().problem(404, "conversation_not_found");
        as_staff(&member, app.get(&at("cnv_unknown"))).send().problem(404, "conversation_not_found");
    }
}
