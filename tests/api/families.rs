//! Several persons behind one number or address: none is linked to a record until staff choose, and none learns of it.

use practice_links::domain::staff::Role;
use serde_json::{Value, json};

use super::imports::{admin, records, table};
use crate::harness::{DEMO, Desk, Reply, SignedUp, TestApp, as_desk, phone};

/// A mother and her children, as the practice has them: on the mother's number.
fn family(app: &TestApp, desk: &Desk) {
    let rows = [("Alex", "1987-05-31"), ("Sam", "2015-02-11"), ("Kim", "2018-09-03")];
    let row = |(name, born): (&str, &str)| format!("M-{name},{name},Rivera,{born},{}\n", phone(1));
    table(app, desk, &format!("MRN,First name,Last name,DOB,Mobile\n{}", rows.map(row).concat()));
}

fn child(app: &TestApp, mother: &SignedUp, name: &str, born: &str) -> String {
    let person =
        json!({ "given_name": name, "family_name": "Rivera", "birth_date": born, "relation": "child" });
    app.advance(1);
    let added = app.post("/v1/me/patients", person).bearer(&mother.access_token).send().expect(201);
    let body = json!({ "link_token": app.link_token(DEMO), "patient_id": added.str("/patient/id") });
    let paired = app.post("/v1/pairings", body).bearer(&mother.access_token).send().expect(201);
    app.deliver_all();
    paired.str("/conversation/id")
}

fn identity(app: &TestApp, desk: &Desk, conversation: &str) -> Value {
    let path = format!("/v1/practice/conversations/{conversation}/identity");
    as_desk(desk, app.get(&path)).send().expect(200).at("/identity")
}

fn choose(app: &TestApp, desk: &Desk, conversation: &str, record: &str) -> Reply {
    let body = json!({ "decision": "confirm", "method": "call_back", "record_id": record });
    let path = format!("/v1/practice/conversations/{conversation}/identity/decisions");
    let reply = as_desk(desk, app.post(&path, body)).send();
    app.deliver_all();
    reply
}

/// What the work-list says: conversations and their grades.
fn waiting(app: &TestApp, desk: &Desk) -> Vec<(String, String)> {
    let items = as_desk(desk, app.get("/v1/practice/identity")).send().expect(200).at("/items");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    items
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (text(&item["conversation"]["id"]), text(&item["grade"])))
        .collect()
}

fn record_id(app: &TestApp, desk: &Desk, number: &str) -> String {
    records(app, desk, &format!("?q={number}"))[0]["id"].as_str().unwrap().to_owned()
}

/// An answer without what is each one's own: ids, tokens, moments, the number and the birth date.
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

/// Everything that a patient can see of having signed up, before and after the worker has graded them.
fn sign_up_as_seen(app: &TestApp, number: &str, born: &str) -> Vec<(u16, Value)> {
    let mut body = crate::harness::sign_up_body(&app.verify(number), &app.link_token(DEMO));
    body["birth_date"] = json!(born);
    let made = app.post("/v1/accounts", body).send();
    let who = SignedUp::of(number, &made);
    let pages = [
        "/v1/me".into(),
        "/v1/me/pairings".into(),
        format!("/v1/me/conversations/{}/entries", who.conversation_id),
    ];
    let read = || pages.each_ref().map(|page| app.get(page).bearer(&who.access_token).send());
    let before = read();
    app.deliver_all();
    [made].into_iter().chain(before).chain(read()).map(|reply| (reply.status, shape(reply.json()))).collect()
}

both! {
    /// Whether the practice has a record of somebody is nobody's business but the practice's.
    fn a_patient_never_learns_whether_there_is_a_record(app: TestApp) {
        let ana = admin(&app);
        let row = format!("M-1,Alex,Rivera,1987-05-31,{}\n", phone(1));
        table(&app, &ana, &format!("MRN,First name,Last name,DOB,Mobile\n{row}"));
        let known = sign_up_as_seen(&app, &phone(1), "1987-05-31");
        let unknown = sign_up_as_seen(&app, &phone(2), "1990-01-01");
        assert_eq!(known, unknown);
        let mut grades: Vec<String> = waiting(&app, &ana).into_iter().map(|(_, grade)| grade).collect();
        grades.sort();
        assert_eq!(grades, ["certain", "none"]);
    }

    /// Case 4: one number, three patients, three conversations; each waits until somebody says which record it is.
    fn a_family_waits_until_staff_choose(app: TestApp) {
        let ana = admin(&app);
        family(&app, &ana);
        let mother = app.sign_up(&phone(1));
        let sam = child(&app, &mother, "Sam", "2015-02-11");
        let kim = child(&app, &mother, "Kim", "2018-09-03");
        let all = [mother.conversation_id.clone(), sam.clone(), kim.clone()];
        let ambiguous = |ids: &[String]| ids.iter().map(|id| (id.clone(), "ambiguous".into())).collect::<Vec<_>>();
        assert_eq!(waiting(&app, &ana), ambiguous(&all));
        for id in &all {
            let is = identity(&app, &ana, id);
            assert_eq!((&is["state"], &is["phi_allowed"]), (&json!("unverified"), &json!(false)));
            assert_eq!(is["candidates"].as_array().unwrap().len(), 3, "everybody on this number could be meant");
        }
        // Whoever agrees in more stands first; it is still a person who chooses.
        let meant = record_id(&app, &ana, "M-Sam");
        assert_eq!(identity(&app, &ana, &sam)["candidates"][0]["record"]["id"], meant);
        choose(&app, &ana, &sam, &meant).expect(201);
        let is = identity(&app, &ana, &sam);
        assert_eq!((&is["state"], &is["phi_allowed"]), (&json!("confirmed"), &json!(true)));
        assert_eq!(is["decisions"][0]["record_id"], meant);
        assert_eq!(waiting(&app, &ana), ambiguous(&[mother.conversation_id.clone(), kim.clone()]));
        // An import afterwards grades those who wait anew, and decides nothing for anybody.
        family(&app, &ana);
        assert_eq!(waiting(&app, &ana), ambiguous(&[mother.conversation_id.clone(), kim]));
    }

    /// Case 5: number and address are on two records, so neither is linked, however well one of them fits.
    fn what_two_records_share_links_nobody(app: TestApp) {
        let ana = admin(&app);
        let row = |number: &str, name: &str| format!("{number},{name},Rivera,1987-05-31,{},both@home.example\n", phone(1));
        table(&app, &ana, &format!("MRN,First name,Last name,DOB,Mobile,E-mail\n{}{}", row("M-1", "Alex"), row("M-2", "Alexa")));
        let mut body = crate::harness::sign_up_body(&app.verify(&phone(1)), &app.link_token(DEMO));
        body["email"] = json!("both@home.example");
        body["birth_date"] = json!("1987-05-31");
        let made = SignedUp::of(&phone(1), &app.post("/v1/accounts", body).send().expect(201));
        app.deliver_all();
        let is = identity(&app, &ana, &made.conversation_id);
        assert_eq!((&is["grade"], &is["state"]), (&json!("ambiguous"), &json!("unverified")));
        assert_eq!(is["candidates"].as_array().unwrap().len(), 2);
        // Once the practice has put its records right there is one, and it is advice as before.
        let right = format!("MRN,First name,Last name,DOB,Mobile,E-mail\nM-2,Alexa,Rivera,1990-01-01,{},alexa@home.example\n", phone(9));
        table(&app, &ana, &right);
        let is = identity(&app, &ana, &made.conversation_id);
        assert_eq!(is["grade"], "ambiguous", "the number of before counts as well");
        assert_eq!(is["state"], "unverified");
    }

    /// Practices write 1900-01-01 where they do not know: a day that hundreds share identifies nobody.
    fn a_day_that_hundreds_share_is_no_birth_date(app: TestApp) {
        let ana = admin(&app);
        let row = |n: u32| format!("P-{n:04},Given{n},Family{n},1900-01-01,\n");
        let many: String = (0..450).map(row).collect();
        let ann = format!("A-1,Ann,Berg,1900-01-01,{}\n", phone(1));
        table(&app, &ana, &format!("MRN,First name,Last name,DOB,Mobile\n{ann}{many}"));
        table(&app, &ana, &format!("MRN,First name,Last name,DOB,Mobile\nA-2,Ann,Berg,1900-01-01,{}\n", phone(2)));
        let mut body = crate::harness::sign_up_body(&app.verify(&phone(1)), &app.link_token(DEMO));
        for (name, value) in [("given_name", "Ann"), ("family_name", "Berg"), ("birth_date", "1900-01-01")] {
            body[name] = json!(value);
        }
        let made = SignedUp::of(&phone(1), &app.post("/v1/accounts", body).send().expect(201));
        app.deliver_all();
        let is = identity(&app, &ana, &made.conversation_id);
        assert_eq!(is["grade"], "partial", "not `certain`: there may be another Ann Berg");
        let born = is["candidates"][0]["fields"].as_array().unwrap().iter().find(|field| field["field"] == "birth_date");
        assert_eq!(born.unwrap()["agrees"], "not_on_record");
    }

    /// A record of another practice is nobody here.
    fn another_practices_records_say_nothing(app: TestApp) {
        let ana = admin(&app);
        let eve = app.desk(&app.practice("Oak Eyes", None), "eve", Role::Admin);
        family(&app, &eve);
        let patient = app.sign_up(&phone(1));
        let is = identity(&app, &ana, &patient.conversation_id);
        assert_eq!((&is["grade"], &is["candidates"]), (&json!("none"), &json!([])));
    }
}
