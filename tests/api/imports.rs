//! Importing the practice's records from a file: what is read, what is rejected, and that nothing is lost or
//! duplicated on the way.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use practice_links::outbox::Point;
use practice_links::staff::Role;
use serde_json::{Value, json};

use crate::harness::{Call, DEMO, StaffClient, TestApp, as_staff, phone};

/// The practice's admin.
pub fn admin(app: &TestApp) -> StaffClient {
    let practice = app.write(|_, conn| practice_links::practices::list(conn)).remove(0);
    app.staff_client(&practice, "ana", Role::Admin)
}

/// A request that uploads a file.
pub fn post(app: &TestApp, staff: &StaffClient, query: &str, kind: &str, body: impl Into<Vec<u8>>) -> Call {
    as_staff(staff, app.call("POST", &format!("/v1/practice/records/import{query}")).raw(kind, body))
}

/// Imports a file and returns the finished import.
pub fn import(
    app: &TestApp,
    staff: &StaffClient,
    query: &str,
    kind: &str,
    body: impl Into<Vec<u8>>,
) -> Value {
    let begun = post(app, staff, query, kind, body).send().expect(202);
    assert_eq!((begun.at("/import/state"), begun.at("/import/rows/done")), (json!("queued"), json!(0)));
    app.deliver_all();
    let path = format!("/v1/practice/records/imports/{}", begun.str("/import/id"));
    as_staff(staff, app.get(&path)).send().expect(200).at("/import")
}

pub fn table(app: &TestApp, staff: &StaffClient, rows: &str) -> Value {
    import(app, staff, "", "text/csv", rows)
}

/// The numbers of created, changed, unchanged and refused rows.
pub fn counts(import: &Value) -> [i64; 4] {
    assert_eq!(import["state"], "done", "{import}");
    ["created", "changed", "unchanged", "refused"].map(|what| import["rows"][what].as_i64().unwrap())
}

/// The lines of an import's result.
pub fn results(app: &TestApp, staff: &StaffClient, import: &Value) -> Vec<String> {
    let path = format!("/v1/practice/records/imports/{}/results.csv", import["id"].as_str().unwrap());
    let file = as_staff(staff, app.get(&path)).send().expect(200);
    file.text().lines().map(str::to_owned).collect()
}

pub fn records(app: &TestApp, staff: &StaffClient, query: &str) -> Vec<Value> {
    let page = as_staff(staff, app.get(&format!("/v1/practice/records{query}"))).send().expect(200);
    page.at("/items").as_array().unwrap().clone()
}

/// Every value of a record as `kind: value`, former values in brackets.
pub fn values(app: &TestApp, staff: &StaffClient, number: &str) -> Vec<String> {
    let found = records(app, staff, &format!("?q={number}"));
    let path = format!("/v1/practice/records/{}", found[0]["id"].as_str().unwrap());
    let record = as_staff(staff, app.get(&path)).send().expect(200);
    let values = record.at("/values").as_array().unwrap().clone();
    let text = |value: &Value| {
        let text = format!("{}: {}", value["kind"].as_str().unwrap(), value["value"].as_str().unwrap());
        if value["current"] == json!(true) { text } else { format!("({text})") }
    };
    values.iter().map(text).collect()
}

/// Signs Alex Rivera up with an e-mail address; returns the conversation's id.
fn sign_up(app: &TestApp, number: &str) -> String {
    let proof = app.verify(number);
    let mut body = crate::harness::sign_up_body(&proof, &app.link_token(DEMO));
    body["email"] = json!("alex@example.com");
    let reply = app.post("/v1/accounts", body).send().expect(201);
    app.deliver_all();
    reply.str("/conversation/id")
}

fn grade(app: &TestApp, staff: &StaffClient, conversation: &str) -> Value {
    let items = as_staff(staff, app.get("/v1/practice/identity")).send().expect(200).at("/items");
    let mut items = items.as_array().unwrap().iter();
    let found = items.find(|item| item["conversation"]["id"] == conversation).unwrap();
    found["grade"].clone()
}

/// A table with a row for each of these record numbers.
fn numbered_rows(numbers: std::ops::Range<u32>) -> String {
    let row = |n: u32| {
        format!("M-{n},Given{n},Family{n},1990-01-01,+1415555{:04},p{n}@example.com\n", 2000 + n % 8000)
    };
    "MRN,First name,Last name,DOB,Mobile,E-mail\n".to_owned() + &numbers.map(row).collect::<String>()
}

/// A FHIR patient with former names, numbers and addresses.
fn fhir_patient_with_history() -> Value {
    json!({
        "resourceType": "Patient", "id": "a",
        "identifier": [
            { "system": "urn:ssn", "value": "not-this-one" },
            { "type": { "coding": [{ "code": "MR" }] }, "value": "F-1" },
        ],
        "name": [
            { "use": "maiden", "family": "Soto" },
            { "use": "usual", "family": "Rivera", "given": ["Lex"] },
            { "use": "official", "family": "Rivera", "given": ["Alex", "M."] },
        ],
        "telecom": [
            { "system": "phone", "use": "home", "value": "+1 415 555 2003" },
            { "system": "phone", "use": "mobile", "value": "tel:+1-415-555-2001" },
            { "system": "phone", "use": "old", "value": "+1 415 555 2002" },
            { "system": "email", "value": "alex@example.com" },
            { "system": "email", "value": "lex@example.com", "period": { "end": "2019-12-31" } },
        ],
        "birthDate": "1987-05-31",
    })
}

const HEAD: &str = "MRN,First name,Last name,DOB,Mobile,E-mail\n";

both! {
    /// End to end: a file is imported, and a person who paired before it is matched.
    fn import_matches_people_who_paired_before_it(app: TestApp) {
        let admin = admin(&app);
        let conversation = sign_up(&app, &phone(1));
        assert_eq!(grade(&app, &admin, &conversation), "none");
        let row = format!("{HEAD}M-1,Alex,Rivera,05/31/1987,(415) 555-2001,ALEX@example.com\n");
        let import = table(&app, &admin, &row);
        assert_eq!(counts(&import), [1, 0, 0, 0]);
        assert_eq!(grade(&app, &admin, &conversation), "match");
        let audit = as_staff(&admin, app.get("/v1/practice/audit?action=records")).send().expect(200);
        assert_eq!(audit.str("/items/1/action"), "records.import_begun");
        assert_eq!(audit.str("/items/0/action"), "records.import_ended");
        assert_eq!(audit.at("/items/0/detail/created"), 1);
    }

    /// Importing the same file twice changes nothing. A new value becomes the current one; the former one
    /// still counts for matching.
    fn record_is_keyed_by_its_number_and_keeps_former_values(app: TestApp) {
        let admin = admin(&app);
        let conversation = sign_up(&app, &phone(1));
        let old = format!("{HEAD}M-1,Alex,Rivera,1987-05-31,+14155552001,alex@example.com\n");
        assert_eq!(counts(&table(&app, &admin, &old)), [1, 0, 0, 0]);
        assert_eq!(counts(&table(&app, &admin, &old)), [0, 0, 1, 0]);
        let new = format!("{HEAD}M-1,Alex,Rivera Soto,1987-05-31,+14155552009,alex@example.com\n");
        assert_eq!(counts(&table(&app, &admin, &new)), [0, 1, 0, 0]);
        assert_eq!(counts(&table(&app, &admin, &new)), [0, 0, 1, 0]);
        assert_eq!(
            values(&app, &admin, "M-1"),
            [
                "birth_date: 1987-05-31",
                "email: alex@example.com",
                "name: Alex Rivera Soto",
                "(name: Alex Rivera)",
                "phone: +14155552009",
                "(phone: +14155552001)",
            ]
        );
        assert_eq!(grade(&app, &admin, &conversation), "match");
        // Back to the first values: none is stored twice.
        assert_eq!(counts(&table(&app, &admin, &old)), [0, 1, 0, 0]);
        assert_eq!(values(&app, &admin, "M-1").len(), 6);
    }

    /// A missing column changes nothing; an empty cell removes the value.
    fn columns_missing_from_a_file_stay_unchanged(app: TestApp) {
        let admin = admin(&app);
        table(&app, &admin, &format!("{HEAD}M-1,Alex,Rivera,1987-05-31,+14155552001,alex@example.com\n"));
        assert_eq!(counts(&table(&app, &admin, "MRN,First,Last\nM-1,Alex,Rivera\n")), [0, 0, 1, 0]);
        let import = table(&app, &admin, "MRN,First,Last,Phone\nM-1,Alex,Rivera,call mother\n");
        assert_eq!(counts(&import), [0, 0, 1, 0]);
        assert_eq!(records(&app, &admin, "")[0]["phone"], "+14155552001");
        assert_eq!(counts(&table(&app, &admin, "MRN,First,Last,Phone\nM-1,Alex,Rivera,\n")), [0, 1, 0, 0]);
        let record = &records(&app, &admin, "")[0];
        assert_eq!((&record["phone"], &record["email"]), (&Value::Null, &json!("alex@example.com")));
        assert!(values(&app, &admin, "M-1").contains(&"(phone: +14155552001)".to_owned()));
    }

    /// A file of a hundred rows gets a hundred results, which repeat only the record numbers.
    fn every_row_has_a_result(app: TestApp) {
        let admin = admin(&app);
        let rows = format!(
            "{HEAD}M-1,Alex,Rivera,1987-05-31,,\n,Sam,Stone,,,\nM-2,,Stone,,,\nM-3,Ida,Lund,31/05/1987,555,ida at home\n\
             M-1,Other,Person,,,\n\"=HYPERLINK(1)\",Eve,Hill,,,\nM-4\n"
        );
        let import = table(&app, &admin, &rows);
        assert_eq!(counts(&import), [3, 0, 0, 4]);
        let lines = results(&app, &admin, &import);
        assert_eq!(lines.len(), 8, "{lines:#?}");
        assert_eq!(lines[0], "row,record_number,outcome,code,detail");
        assert_eq!(lines[1], "1,M-1,created,,");
        assert_eq!(lines[2], "2,,refused,number_missing,Each row needs a record number.");
        assert_eq!(lines[3], "3,M-2,refused,name_missing,Each row needs a given name and a family name.");
        assert!(lines[4].starts_with("4,M-3,created,birth_date_invalid phone_invalid email_invalid,DOB: "), "{}", lines[4]);
        assert!(lines[5].starts_with("5,M-1,refused,duplicate_number,"), "{}", lines[5]);
        assert!(lines[6].starts_with("6,'=HYPERLINK(1),created,"), "{}", lines[6]);
        assert!(lines[7].starts_with("7,M-4,refused,name_missing,"), "{}", lines[7]);
        let file = lines.join("\n");
        for private in ["Alex", "Stone", "ida at home", "555", "1987-05-31,"] {
            assert!(!file.contains(private), "{private} in {file}");
        }
        assert_eq!(app.count("SELECT count(*) FROM import_chunks WHERE source IS NOT NULL"), 0, "the file is deleted");
    }

    /// A spreadsheet from Spain: semicolons, Windows-1252, day before month.
    fn spanish_spreadsheet_export_is_read(app: TestApp) {
        let admin = admin(&app);
        let rows = "N\u{ba} expediente;Apellidos;Nombre;Fecha de nacimiento;M\u{f3}vil;Correo electr\u{f3}nico\r\n\
                    77;Ib\u{e1}\u{f1}ez Pe\u{f1}a;Mar\u{ed}a;03/04/1991;612 34 56 78;maria@example.com\r\n";
        let latin: Vec<u8> = rows.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        let query = "?dates=dmy&region=es&column_number=N%C2%BA%20expediente";
        assert_eq!(counts(&import(&app, &admin, query, "text/csv", latin)), [1, 0, 0, 0]);
        let record = &records(&app, &admin, "?q=ibanez")[0];
        assert_eq!((&record["given_name"], &record["family_name"]), (&json!("María"), &json!("Ibáñez Peña")));
        assert_eq!((&record["birth_date"], &record["phone"]), (&json!("1991-04-03"), &json!("+34612345678")));
        // The same rows in UTF-8 with a byte order mark change nothing.
        let import = import(&app, &admin, query, "text/csv; charset=utf-8", format!("\u{feff}{rows}"));
        assert_eq!(counts(&import), [0, 0, 1, 0]);
    }

    /// A file that cannot be read as a whole is rejected at once, with what was found, and is not stored.
    fn unreadable_file_is_rejected_at_once(app: TestApp) {
        let admin = admin(&app);
        let send = |query: &str, kind: &str, body: &[u8]| post(&app, &admin, query, kind, body).send();
        let refused = send("", "text/csv", b"Chart;Vorname;Nachname\n1;Alex;Rivera\n").problem(422, "file_unreadable");
        assert_eq!(refused.str("/errors/0/pointer"), "/column_given_name");
        assert!(refused.str("/detail").contains("“Vorname”"), "{}", refused.text());
        let said = "?column_given_name=vorname&column_family_name=Nachname";
        assert_eq!(counts(&import(&app, &admin, said, "text/csv", "Chart;Vorname;Nachname\n1;Alex;Rivera\n")), [1, 0, 0, 0]);
        send("?column_email=Post", "text/csv", HEAD.as_bytes()).problem(422, "file_unreadable");
        for (kind, body, code) in [
            ("text/csv", HEAD.as_bytes(), "no_rows"),
            ("text/csv", b"\xff\xfeM\0R\0N\0", "encoding_unknown"),
            ("application/fhir+json", b"{\"resourceType\":\"Bundle\",\"entry\":[", "file_unreadable"),
            ("application/fhir+json", b"{\"resourceType\":\"Patient\"}", "not_a_bundle"),
            ("application/fhir+ndjson", b"\n\n", "no_rows"),
        ] {
            let refused = send("", kind, body).problem(422, "file_unreadable");
            assert_eq!(refused.str("/errors/0/code"), code, "{}", refused.text());
        }
        let open = format!("{HEAD}M-1,\"Alex,Rivera,,,\n{}", "x,y,z\n".repeat(20_000));
        assert_eq!(send("", "text/csv", open.as_bytes()).problem(422, "file_unreadable").str("/errors/0/code"), "row_too_long");
        send("", "application/json", b"{}").problem(415, "unsupported_media_type");
        for query in ["?mode=all", "?dates=ymd", "?delimiter=x", "?region=USA", "?encoding=latin"] {
            send(query, "text/csv", HEAD.as_bytes()).problem(422, "invalid_request");
        }
        assert_eq!(app.count("SELECT count(*) FROM record_imports"), 1);
    }

    /// FHIR R4: the official name is current, former ones are kept; deceased or merged patients are inactive.
    fn fhir_patients_are_read_with_their_history(app: TestApp) {
        let admin = admin(&app);
        let gone = |id: &str, more: Value| {
            let mut patient = json!({ "resourceType": "Patient", "id": id, "name": [{ "family": "Gone", "given": ["Al"] }] });
            patient.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            patient
        };
        let patients = [
            fhir_patient_with_history(),
            gone("b", json!({ "active": false })),
            gone("c", json!({ "deceasedBoolean": true })),
            gone("d", json!({ "link": [{ "other": {}, "type": "replaced-by" }] })),
            gone("e", json!({ "birthDate": "1987" })),
            json!({ "resourceType": "Practitioner", "id": "f" }),
            json!({ "resourceType": "Patient", "name": "wrong" }),
        ];
        let entries: Vec<_> = patients.iter().map(|patient| json!({ "resource": patient })).collect();
        let bundle = json!({ "resourceType": "Bundle", "type": "collection", "entry": entries }).to_string();
        let first = import(&app, &admin, "", "application/fhir+json", bundle);
        assert_eq!(counts(&first), [5, 0, 0, 2]);
        let lines = results(&app, &admin, &first);
        assert!(lines[5].starts_with("5,e,created,birth_date_invalid,birthDate: "), "{}", lines[5]);
        assert!(lines[6].starts_with("6,,refused,not_a_patient,"), "{}", lines[6]);
        assert!(lines[7].starts_with("7,,refused,row_unreadable,"), "{}", lines[7]);
        let lines = patients.map(|patient| patient.to_string()).join("\n");
        assert_eq!(counts(&import(&app, &admin, "", "application/fhir+ndjson", lines)), [0, 0, 5, 2]);
        assert_eq!(
            values(&app, &admin, "F-1"),
            [
                "birth_date: 1987-05-31",
                "email: alex@example.com",
                "(email: lex@example.com)",
                "name: Alex M. Rivera",
                "(name: Alex M. Soto)",
                "(name: Lex Rivera)",
                "phone: +14155552001",
                "phone: +14155552003",
                "(phone: +14155552002)",
            ]
        );
        let active: Vec<_> = records(&app, &admin, "?q=gone").iter().map(|record| record["active"].clone()).collect();
        assert_eq!(active, [false, false, false, true]);
        assert_eq!(records(&app, &admin, "?q=F-1")[0]["phone"], "+14155552001", "the mobile number comes first");
    }

    /// A complete list: a record that is not on it becomes inactive, unless its row could not be read.
    fn replace_import_deactivates_records_that_are_not_listed(app: TestApp) {
        let admin = admin(&app);
        table(&app, &admin, &numbered_rows(0..4));
        let rows = format!("{HEAD}M-1,Given1,Family1,,,\nM-2,,unreadable,,,\nM-9,New,Person,,,\n");
        let import = import(&app, &admin, "?mode=replace", "text/csv", rows);
        assert_eq!((counts(&import), &import["retired"]), ([1, 1, 0, 1], &json!(2)));
        let active = |number: &str| records(&app, &admin, &format!("?q={number}"))[0]["active"].clone();
        assert_eq!(["M-0", "M-1", "M-2", "M-3", "M-9"].map(active), [false, true, true, false, true]);
        // Listed again, the record is active again.
        assert_eq!(counts(&table(&app, &admin, &numbered_rows(0..1))), [0, 1, 0, 0]);
        assert_eq!(active("M-0"), true);
    }

    /// Another clinic's list, however long, deactivates nobody; doing so on purpose takes a parameter.
    fn replace_import_must_be_told_to_deactivate_most_records(app: TestApp) {
        let admin = admin(&app);
        table(&app, &admin, &numbered_rows(0..30));
        let whole = |query: &str, rows: std::ops::Range<u32>| {
            import(&app, &admin, &format!("?mode=replace{query}"), "text/csv", numbered_rows(rows))
        };
        let active = || app.count("SELECT count(*) FROM patient_records WHERE active");
        let outcome = |import: &Value| ["retired", "left_out", "active_before", "problem"].map(|what| import[what].clone());
        // Leaving out half of the records is accepted: that happens.
        let fine = whole("", 0..15);
        assert_eq!((counts(&fine), outcome(&fine)), ([0, 0, 15, 0], [json!(15), json!(0), json!(30), Value::Null]));
        table(&app, &admin, &numbered_rows(0..41));
        let wrong = whole("", 1_000..1_100);
        let held = [json!(0), json!(41), json!(41), json!("replace_leaves_most_out")];
        assert_eq!((counts(&wrong), outcome(&wrong)), ([100, 0, 0, 0], held));
        assert_eq!(active(), 141, "the rows are imported, and every record is still active");
        let audit = as_staff(&admin, app.get("/v1/practice/audit?action=records.import_ended")).send().expect(200);
        assert_eq!(audit.at("/items/0/detail/left_out"), 41);
        // A truncated list deactivates nobody either; the same list with the parameter does.
        assert_eq!(outcome(&whole("", 0..20))[0..2], [json!(0), json!(121)]);
        assert_eq!(outcome(&whole("&may_retire_most=false", 0..20))[0..2], [json!(0), json!(121)]);
        let meant = whole("&may_retire_most=true", 0..20);
        assert_eq!(outcome(&meant), [json!(121), json!(0), json!(141), Value::Null]);
        assert_eq!(active(), 20);
        // Of so few records, all may be deactivated.
        assert_eq!(outcome(&whole("", 500..501))[0..2], [json!(20), json!(0)]);
        // An import that only adds needs no parameter.
        let merged = import(&app, &admin, "", "text/csv", numbered_rows(0..50));
        assert_eq!(outcome(&merged), [json!(0), json!(0), Value::Null, Value::Null]);
        post(&app, &admin, "?mode=replace&may_retire_most=yes", "text/csv", numbered_rows(0..1)).send().problem(422, "invalid_request");
    }

    /// One import at a time, and one that was started by mistake can be cancelled.
    fn practice_imports_one_file_at_a_time(app: TestApp) {
        let admin = admin(&app);
        let first = post(&app, &admin, "", "text/csv", numbered_rows(0..600)).send().expect(202);
        post(&app, &admin, "", "text/csv", numbered_rows(0..1)).send().problem(409, "import_running");
        let path = format!("/v1/practice/records/imports/{}", first.str("/import/id"));
        let cancelled = as_staff(&admin, app.delete(&path)).send().expect(200);
        assert_eq!(cancelled.str("/import/state"), "cancelled");
        as_staff(&admin, app.delete(&path)).send().problem(409, "import_over");
        app.deliver_all();
        assert_eq!(app.count("SELECT count(*) FROM patient_records"), 0);
        assert_eq!(app.count("SELECT count(*) FROM import_chunks WHERE source IS NOT NULL"), 0);
        app.advance(1);
        assert_eq!(counts(&table(&app, &admin, &numbered_rows(0..1))), [1, 0, 0, 0]);
        let listed = as_staff(&admin, app.get("/v1/practice/records/imports")).send().expect(200);
        assert_eq!(listed.at("/items").as_array().unwrap().len(), 2);
        assert_eq!(listed.at("/items/1/id"), first.at("/import/id"));
    }

    fn repeated_upload_under_one_key_is_one_import(app: TestApp) {
        let admin = admin(&app);
        let send = |body: String| post(&app, &admin, "", "text/csv", body).key("k-1").send();
        let (first, again) = (send(numbered_rows(0..3)).expect(202), send(numbered_rows(0..3)).expect(202));
        assert_eq!(first.json(), again.json());
        send(numbered_rows(0..4)).problem(422, "idempotency_key_reused");
        app.deliver_all();
        assert_eq!(app.count("SELECT count(*) FROM record_imports"), 1);
    }

    /// A caller who is not signed in or sends too much is refused before the file has arrived.
    fn unauthorized_or_oversized_upload_is_refused_early(app: TestApp) {
        let admin = admin(&app);
        let head = |token: &str| {
            let mut stream = TcpStream::connect(app.address).unwrap();
            write!(
                stream,
                "POST /v1/practice/records/import HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
                 content-type: text/csv\r\ncontent-length: 99999999\r\nconnection: close\r\n\r\n"
            )
            .unwrap();
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).unwrap();
            String::from_utf8_lossy(&answer).into_owned()
        };
        assert_eq!(head("nobody"), "HTTP/1.1 401");
        assert_eq!(head(&admin.token), "HTTP/1.1 413");
    }

    /// Killed at every point of every step, an import still ends as if nothing had happened: each row once,
    /// each with its result.
    fn killed_import_resumes_where_it_stopped(app: TestApp) {
        let admin = admin(&app);
        table(&app, &admin, &numbered_rows(5_000..5_001));
        let import = post(&app, &admin, "?mode=replace", "text/csv", numbered_rows(0..1_100)).send().expect(202).at("/import");
        for _ in 0..6 {
            for point in [Point::Claimed, Point::Started, Point::Carried, Point::Settled] {
                let _ = app.dying_worker(point);
                app.advance(61);
            }
            app.deliver_one();
        }
        app.deliver_all();
        let path = format!("/v1/practice/records/imports/{}", import["id"].as_str().unwrap());
        let ended = as_staff(&admin, app.get(&path)).send().expect(200).at("/import");
        assert_eq!((counts(&ended), &ended["retired"]), ([1_100, 0, 0, 0], &json!(1)));
        let numbers: Vec<String> = results(&app, &admin, &ended)
            .iter()
            .skip(1)
            .map(|line| line.split(',').take(2).collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(numbers, (0..1_100).map(|n| format!("{} M-{n}", n + 1)).collect::<Vec<_>>());
        assert_eq!(app.count("SELECT count(*) FROM patient_records WHERE active"), 1_100);
        assert_eq!(app.count("SELECT count(*) FROM record_values WHERE kind = 'phone'"), 1_101);
    }
}
