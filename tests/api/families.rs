//! Several people with the same number or address: none is linked to a record until staff choose, and none
//! learns of it.

use practice_links::staff::Role;
use serde_json::{Value, json};

use super::imports::{admin, records, table};
use crate::harness::{DEMO, Reply, SignedUp, StaffClient, TestApp, as_staff, phone};

/// Imports records of a mother and her children, all with the mother's number.
fn import_family(app: &TestApp, staff: &StaffClient) {
    let rows = [("Alex", "1987-05-31"), ("Sam", "2015-02-11"), ("Kim", "2018-09-03")];
    let row = |(name, born): (&str, &str)| format!("M-{name},{name},Rivera,{born},{}\n", phone(1));
    table(app, staff, &format!("MRN,First name,Last name,DOB,Mobile\n{}", rows.map(row).concat()));
}

fn pair_child(app: &TestApp, mother: &SignedUp, name: &str, born: &str) -> String {
    let person =
        json!({ "given_name": name, "family_name": "Rivera", "birth_date": born, "relation": "child" });
    app.advance(1);
    let added = app.post("/v1/me/patients", person).bearer(&mother.access_token).send().expect(201);
    let body = json!({ "link_token": app.link_token(DEMO), "patient_id": added.str("/patient/id") });
    let paired = app.post("/v1/pairings", body).bearer(&mother.access_token).send().expect(201);
    app.deliver_all();
    paired.str("/conversation/id")
}

fn identity(app: &TestApp, staff: &StaffClient, conversation: &str) -> Value {
    let path = format!("/v1/practice/conversations/{conversation}/identity");
    as_staff(staff, app.get(&path)).send().expect(200).at("/identity")
}

fn confirm_as(app: &TestApp, staff: &StaffClient, conversation: &str, record: &str) -> Reply {
    let body = json!({ "decision": "confirm", "method": "call_back", "record_id": record });
    let path = format!("/v1/practice/conversations/{conversation}/identity/decisions");
    let reply = as_staff(staff, app.post(&path, body)).send();
    app.deliver_all();
    reply
}

/// The identity work list: conversation ids and their grades.
fn work_list(app: &TestApp, staff: &StaffClient) -> Vec<(String, String)> {
    let items = as_staff(staff, app.get("/v1/practice/identity")).send().expect(200).at("/items");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    items
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (text(&item["conversation"]["id"]), text(&item["grade"])))
        .collect()
}

fn record_id(app: &TestApp, staff: &StaffClient, number: &str) -> String {
    records(app, staff, &format!("?q={number}"))[0]["id"].as_str().unwrap().to_owned()
}

/// An answer without individual values: ids, tokens, timestamps, the number and the birth date.
fn shape(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, shape(value))).collect(),
        Value::Array(items) => items.into_iter().map(shape).collect(),
        Value::String(text) if text.contains(['_', '.', '•', '-']) || text.ends_with('Z') => {
            json!(text.len())
        }
        other => other,
    }
}

/// Everything that a patient can see after signing up, before and after the worker has graded them.
fn sign_up_as_seen(app: &TestApp, number: &str, born: &str) -> Vec<(u16, Value)> {
    let mut body = crate::harness::sign_up_body(&app.verify(number), &app.link_token(DEMO));
    body["birth_date"] = json!(born);
    let made = app.post("/v1/accounts", body).send();
    let patient = SignedUp::of(number, &made);
    let pages = [
        "/v1/me".into(),
        "/v1/me/pairings".into(),
        format!("/v1/me/conversations/{}/entries", patient.conversation_id),
    ];
    let read = || pages.each_ref().map(|page| app.get(page).bearer(&patient.access_token).send());
    let before = read();
    app.deliver_all();
    [made].into_iter().chain(before).chain(read()).map(|reply| (reply.status, shape(reply.json()))).collect()
}

both! {
    /// Only the practice may know whether it has a record of a person.
    fn patient_never_learns_whether_a_record_exists(app: TestApp) {
        let admin = admin(&app);
        let row = format!("M-1,Alex,Rivera,1987-05-31,{}\n", phone(1));
        table(&app, &admin, &format!("MRN,First name,Last name,DOB,Mobile\n{row}"));
        let known = sign_up_as_seen(&app, &phone(1), "1987-05-31");
        let unknown = sign_up_as_seen(&app, &phone(2), "1990-01-01");
        assert_eq!(known, unknown);
        let mut grades: Vec<String> = work_list(&app, &admin).into_iter().map(|(_, grade)| grade).collect();
        grades.sort();
        assert_eq!(grades, ["certain", "none"]);
    }

    /// Case 4: one number, three patients, three conversations; each waits until staff choose a record.
    fn family_on_one_number_waits_until_staff_choose(app: TestApp) {
        let admin = admin(&app);
        import_family(&app, &admin);
        let mother = app.sign_up(&phone(1));
        let sam = pair_child(&app, &mother, "Sam", "2015-02-11");
        let kim = pair_child(&app, &mother, "Kim", "2018-09-03");
        let all = [mother.conversation_id.clone(), sam.clone(), kim.clone()];
        let ambiguous = |ids: &[String]| ids.iter().map(|id| (id.clone(), "ambiguous".into())).collect::<Vec<_>>();
        assert_eq!(work_list(&app, &admin), ambiguous(&all));
        for id in &all {
            let current = identity(&app, &admin, id);
            assert_eq!((&current["state"], &current["phi_allowed"]), (&json!("unverified"), &json!(false)));
            assert_eq!(current["candidates"].as_array().unwrap().len(), 3, "every record with this number is a candidate");
        }
        // The candidate with more matching fields comes first; a person still chooses.
        let record = record_id(&app, &admin, "M-Sam");
        assert_eq!(identity(&app, &admin, &sam)["candidates"][0]["record"]["id"], record);
        confirm_as(&app, &admin, &sam, &record).expect(201);
        let current = identity(&app, &admin, &sam);
        assert_eq!((&current["state"], &current["phi_allowed"]), (&json!("confirmed"), &json!(true)));
        assert_eq!(current["decisions"][0]["record_id"], record);
        assert_eq!(work_list(&app, &admin), ambiguous(&[mother.conversation_id.clone(), kim.clone()]));
        // A later import grades the waiting conversations again, and decides nothing.
        import_family(&app, &admin);
        assert_eq!(work_list(&app, &admin), ambiguous(&[mother.conversation_id.clone(), kim]));
    }

    /// Case 5: two records share number and address, so neither is linked, however well one of them matches.
    fn contact_shared_by_two_records_links_nobody(app: TestApp) {
        let admin = admin(&app);
        let row = |number: &str, name: &str| format!("{number},{name},Rivera,1987-05-31,{},both@home.example\n", phone(1));
        table(&app, &admin, &format!("MRN,First name,Last name,DOB,Mobile,E-mail\n{}{}", row("M-1", "Alex"), row("M-2", "Alexa")));
        let mut body = crate::harness::sign_up_body(&app.verify(&phone(1)), &app.link_token(DEMO));
        body["email"] = json!("both@home.example");
        body["birth_date"] = json!("1987-05-31");
        let made = SignedUp::of(&phone(1), &app.post("/v1/accounts", body).send().expect(201));
        app.deliver_all();
        let current = identity(&app, &admin, &made.conversation_id);
        assert_eq!((&current["grade"], &current["state"]), (&json!("ambiguous"), &json!("unverified")));
        assert_eq!(current["candidates"].as_array().unwrap().len(), 2);
        // After the practice has corrected its records, the candidates are still only advice.
        let right = format!("MRN,First name,Last name,DOB,Mobile,E-mail\nM-2,Alexa,Rivera,1990-01-01,{},alexa@home.example\n", phone(9));
        table(&app, &admin, &right);
        let current = identity(&app, &admin, &made.conversation_id);
        assert_eq!(current["grade"], "ambiguous", "the former number still counts");
        assert_eq!(current["state"], "unverified");
    }

    /// Practices enter 1900-01-01 for an unknown date: a date that hundreds share identifies nobody.
    fn birth_date_shared_by_hundreds_is_ignored(app: TestApp) {
        let admin = admin(&app);
        let row = |n: u32| format!("P-{n:04},Given{n},Family{n},1900-01-01,\n");
        let many: String = (0..450).map(row).collect();
        let ann = format!("A-1,Ann,Berg,1900-01-01,{}\n", phone(1));
        table(&app, &admin, &format!("MRN,First name,Last name,DOB,Mobile\n{ann}{many}"));
        table(&app, &admin, &format!("MRN,First name,Last name,DOB,Mobile\nA-2,Ann,Berg,1900-01-01,{}\n", phone(2)));
        let mut body = crate::harness::sign_up_body(&app.verify(&phone(1)), &app.link_token(DEMO));
        for (name, value) in [("given_name", "Ann"), ("family_name", "Berg"), ("birth_date", "1900-01-01")] {
            body[name] = json!(value);
        }
        let made = SignedUp::of(&phone(1), &app.post("/v1/accounts", body).send().expect(201));
        app.deliver_all();
        let current = identity(&app, &admin, &made.conversation_id);
        assert_eq!(current["grade"], "partial", "not `certain`: there may be another Ann Berg");
        let born = current["candidates"][0]["fields"].as_array().unwrap().iter().find(|field| field["field"] == "birth_date");
        assert_eq!(born.unwrap()["agrees"], "not_on_record");
    }

    fn records_of_another_practice_are_not_candidates(app: TestApp) {
        let admin = admin(&app);
        let other_practice_admin = app.staff_client(&app.practice("Oak Eyes", None), "eve", Role::Admin);
        import_family(&app, &other_practice_admin);
        let patient = app.sign_up(&phone(1));
        let current = identity(&app, &admin, &patient.conversation_id);
        assert_eq!((&current["grade"], &current["candidates"]), (&json!("none"), &json!([])));
    }
}
