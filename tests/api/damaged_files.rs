//! Damaged and malicious record files: each row gets a result, no row affects another, and no record becomes
//! inactive that the file may contain.

use std::panic::{AssertUnwindSafe, catch_unwind};

use diesel::RunQueryDsl as _;
use practice_links::db;
use serde_json::{Value, json};

use super::imports::{admin, counts, import, post, records, results, table, values};
use crate::harness::{Backend, Builder, StaffClient, TestApp};

const NDJSON: &str = "application/fhir+ndjson";
const BUNDLE: &str = "application/fhir+json";

/// Text in which no two adjacent letters are equal, so that an index cannot compress its keys.
fn letters(first: u32, many: u32, count: u32) -> String {
    (0..count).map(|n| char::from_u32(first + (n * 7_919 + n % 613 * n % 947) % many).unwrap()).collect()
}

fn patient(id: &str, more: &Value) -> Value {
    let mut patient = json!({
        "resourceType": "Patient", "id": format!("id-{id}"), "identifier": [{ "value": id }],
        "name": [{ "family": "Berg", "given": ["Ann"] }],
    });
    patient.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    patient
}

fn lines(patients: &[Value]) -> String {
    patients.iter().map(Value::to_string).collect::<Vec<_>>().join("\n") + "\n"
}

fn bundle(patients: &[Value]) -> String {
    let entries: Vec<_> = patients.iter().map(|patient| json!({ "resource": patient })).collect();
    json!({ "resourceType": "Bundle", "entry": entries }).to_string()
}

/// CSV rows for people with these record numbers.
fn rows_for(numbers: std::ops::Range<u32>) -> String {
    let row = |n: u32| format!("{n},Fn{n},Ln{n}\n");
    numbers.map(row).collect()
}

/// The result of a complete list: retired, left out, rows that identify no patient, and the problem.
fn outcome_of(import: &Value) -> [Value; 4] {
    [
        import["retired"].clone(),
        import["left_out"].clone(),
        import["rows"]["unread"].clone(),
        import["problem"].clone(),
    ]
}

const HELD: &str = "replace_has_unread_rows";

fn expected_hold(left_out: i64, unread: i64) -> [Value; 4] {
    [json!(0), json!(left_out), json!(unread), json!(HELD)]
}

fn active_count(app: &TestApp) -> i64 {
    app.count("SELECT count(*) FROM patient_records WHERE active")
}

/// The numbers of the active records, sorted.
fn active_numbers(app: &TestApp, staff: &StaffClient) -> Vec<String> {
    let found = records(app, staff, "");
    let mut numbers: Vec<String> = found
        .iter()
        .filter(|record| record["active"] == true)
        .map(|record| record["number"].as_str().unwrap().to_owned())
        .collect();
    numbers.sort();
    numbers
}

/// A CSV table of twelve records.
fn twelve_rows() -> Vec<String> {
    let rows = (1..=12).map(|n| format!("{n},Fn{n},Ln{n},1980-01-{n:02}"));
    std::iter::once("MRN,First,Last,DOB".to_owned()).chain(rows).collect()
}

/// Makes the database refuse the record with this number.
fn refuse_number(app: &TestApp, backend: Backend, number: &str) {
    let trigger = "CREATE TRIGGER refusal BEFORE INSERT ON patient_records";
    let statements = match backend {
        Backend::Sqlite => {
            vec![format!("{trigger} WHEN NEW.number = '{number}' BEGIN SELECT RAISE(ABORT, 'fault'); END")]
        }
        Backend::Postgres => vec![
            "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RAISE EXCEPTION 'fault'; END $$"
                .to_owned(),
            format!("{trigger} FOR EACH ROW WHEN (NEW.number = '{number}') EXECUTE FUNCTION refuse()"),
        ],
    };
    run_all(app, &statements);
}

/// Restores the database: the next test uses it.
fn accept_all_numbers(app: &TestApp, backend: Backend) {
    let drop = match backend {
        Backend::Sqlite => "DROP TRIGGER refusal",
        Backend::Postgres => "DROP TRIGGER refusal ON patient_records",
    };
    run_all(app, &[drop.to_owned()]);
}

fn run_all(app: &TestApp, statements: &[String]) {
    let run = |conn: &mut db::Conn| {
        for statement in statements {
            diesel::sql_query(statement).execute(conn)?;
        }
        Ok(())
    };
    app.inner.db.write_blocking::<_, db::Error>(run).unwrap();
}

both! {
    /// PostgreSQL stores no U+0000 in a text and no long text in an index; the row's result reports both.
    fn hostile_cell_or_heading_affects_only_its_own_row(app: TestApp) {
        let staff = admin(&app);
        let long = letters(0x4e00, 20_000, 10_000);
        let rows = format!(
            "MRN,First,Last,D\0OB,Mo\0bile,Maiden name\n1,Ann,Berg,99/99/1980,call\0me,Ek\n2,Bo,Okay,,,{long}\n\
             3,C\0y,Ek\0,1980-01-0\x003,\0,D\0e\nN\x004,Di,Dahl,,,\n5,{long},Ek,,,\n6,Ed,Ek,,,\n"
        );
        let import = table(&app, &staff, &rows);
        assert_eq!(counts(&import), [5, 0, 0, 1]);
        let lines = results(&app, &staff, &import);
        assert!(lines[1].starts_with("1,1,created,birth_date_invalid phone_letters,\"D OB: "), "{}", lines[1]);
        assert!(lines[1].contains(" Mo bile: "), "{}", lines[1]);
        assert!(lines[2].starts_with("2,2,created,too_long,Maiden name: "), "{}", lines[2]);
        assert!(lines[4].starts_with("4,N 4,created"), "{}", lines[4]);
        assert!(lines[5].starts_with("5,5,refused,too_long,"), "{}", lines[5]);
        assert_eq!(values(&app, &staff, "3"), ["name: C y Ek", "(name: C y D e)"]);
    }

    /// The longest accepted values fit into every index, even of letters that case folding expands.
    fn values_at_their_maximum_length_are_imported(app: TestApp) {
        let staff = admin(&app);
        let [number, given, family, former] =
            [0, 151, 307, 450].map(|from| letters(0x1f300 + from, 300, 200));
        let address = format!("{}@{}.example.com", "a".repeat(64), "b".repeat(63));
        let head = "MRN,First,Last,E-mail,Maiden name,Previous email";
        let rows = format!("{head}\n{number},{given},{family},{address},{former},x{address}\n2,Bo,Okay,,,\n");
        let first = table(&app, &staff, &rows);
        assert_eq!(counts(&first), [2, 0, 0, 0], "{:#?}", results(&app, &staff, &first));
        let again = table(&app, &staff, &rows);
        assert_eq!(counts(&again), [0, 0, 2, 0]);
        // A page by name: the cursor of the first row is as long as cursors get.
        let page = records(&app, &staff, "?limit=1");
        assert_eq!(page.len(), 1);
    }

    fn hostile_resource_affects_no_other_resource(app: TestApp) {
        let staff = admin(&app);
        let long = letters(0x4e00, 20_000, 100_000);
        let old = json!([{ "family": "Berg", "given": ["Ann"] }, { "use": "old", "family": long }]);
        let many: Vec<_> = (0..3_000).map(|_| json!({ "system": "phone", "value": "call me" })).collect();
        let patients = [
            patient("1", &json!({ "name": old })),
            patient("N\u{0}2", &json!({
                "name": [{ "family": "B\u{0}erg", "given": ["A\u{0}"] }, { "use": "old", "family": "\u{0}" }],
                "telecom": [
                    { "system": "email", "value": "x\u{0}@b.co" }, { "system": "email", "value": "x@b\u{0}.co" },
                    { "system": "phone", "value": "tel:+1-415-555\u{0}-2671" },
                ],
                "birthDate": "1980-\u{0}01-01",
            })),
            patient("3", &json!({ "telecom": many })),
            patient(&long, &json!({})),
            patient("5", &json!({})),
        ];
        for (kind, body) in [(NDJSON, lines(&patients)), (BUNDLE, bundle(&patients))] {
            let query = "?system=%00";
            let refused = import(&app, &staff, query, kind, body.clone());
            assert_eq!(counts(&refused), [0, 0, 0, 5], "no identifier has that system");
            let import = import(&app, &staff, "", kind, body);
            let rows = results(&app, &staff, &import);
            assert_eq!(import["rows"]["refused"], 1, "{rows:#?}");
            assert!(rows[1].starts_with("1,1,") && rows[1].contains(",too_long,name: "), "{}", rows[1]);
            assert!(rows[2].starts_with("2,N 2,") && rows[2].contains("email_invalid"), "{}", rows[2]);
            assert!(rows[3].ends_with(",phone_letters,telecom: A phone number can only have digits, no letters.")
                || rows[3].contains(",phone_letters,\"telecom: "), "reported once: {}", &rows[3][..200.min(rows[3].len())]);
            assert!(rows[4].contains(",refused,too_long,"), "{}", rows[4]);
        }
        assert_eq!(app.count("SELECT count(*) FROM patient_records"), 4);
    }

    /// If the database refuses a row for any other reason, the second attempt refuses only that row.
    fn row_refused_by_the_database_does_not_block_others(on: Builder) {
        let backend = on.backend();
        let app = on.start();
        let staff = admin(&app);
        refuse_number(&app, backend, "M-2");
        let rows = "MRN,First,Last\nM-1,Ann,Berg\nM-2,Bo,Ek\nM-3,Cy,Dahl\nM-1,Di,Ek\n";
        let begun = post(&app, &staff, "", "text/csv", rows).send().expect(202);
        assert!(catch_unwind(AssertUnwindSafe(|| app.deliver_one())).is_err());
        app.advance(61);
        app.deliver_all();
        accept_all_numbers(&app, backend);
        let path = format!("/v1/practice/records/imports/{}", begun.str("/import/id"));
        let import = crate::harness::as_staff(&staff, app.get(&path)).send().expect(200).at("/import");
        assert_eq!(counts(&import), [2, 0, 0, 2]);
        let lines = results(&app, &staff, &import);
        assert!(lines[2].starts_with("2,M-2,refused,row_not_kept,"), "{}", lines[2]);
        assert!(lines[4].starts_with("4,M-1,refused,duplicate_number,"), "{}", lines[4]);
    }

    /// An invalid resource still identifies its patient, as long as it is JSON and all of its identifiers are
    /// readable.
    fn unreadable_resource_still_identifies_its_patient(app: TestApp) {
        let staff = admin(&app);
        let all: Vec<_> = ["1", "2", "3", "4", "5", "6"].iter().map(|id| patient(id, &json!({}))).collect();
        import(&app, &staff, "", NDJSON, lines(&all));
        let slips = [
            patient("1", &json!({ "deceasedBoolean": "false" })),
            patient("2", &json!({ "link": [{ "other": { "reference": "x" } }] })),
            json!({ "resourceType": "Patient", "identifier": [{ "value": "3" }], "name": "wrong" }),
            json!({ "resourceType": "Practitioner", "id": "9" }),
            patient("5", &json!({})),
        ];
        let known = import(&app, &staff, "?mode=replace", NDJSON, lines(&slips));
        let rows = results(&app, &staff, &known);
        assert!(rows[1].starts_with("1,1,refused,row_unreadable,"), "{}", rows[1]);
        assert!(rows[2].starts_with("2,2,refused,row_unreadable,"), "{}", rows[2]);
        assert_eq!(outcome_of(&known), [json!(2), json!(0), json!(0), Value::Null]);
        assert_eq!(active_numbers(&app, &staff), ["1", "2", "3", "5"]);
        // One unreadable identifier makes it unknown which one is the record number.
        let unsure = json!([{ "type": { "coding": [{ "code": "MR" }] }, "value": 1 }, { "value": "2" }]);
        let unsure = [patient("1", &json!({ "identifier": unsure })), patient("5", &json!({}))];
        let held_back = import(&app, &staff, "?mode=replace", BUNDLE, bundle(&unsure));
        assert_eq!(outcome_of(&held_back), expected_hold(3, 1));
        assert_eq!(active_numbers(&app, &staff), ["1", "2", "3", "5"]);
    }

    /// A row that identifies no patient may be about any patient.
    fn replace_with_unread_rows_retires_nobody(app: TestApp) {
        let staff = admin(&app);
        table(&app, &staff, &twelve_rows().join("\n"));
        let whole = |query: &str, rows: &str| {
            import(&app, &staff, &format!("?mode=replace{query}"), "text/csv", format!("MRN,First,Last\n{rows}"))
        };
        let unread = ",A,Berg\n2,Fn2,Ln2\n";
        assert_eq!(outcome_of(&whole("", unread)), expected_hold(11, 1));
        // Permission to retire most records does not answer this question.
        assert_eq!(outcome_of(&whole("&may_retire_most=true", unread)), expected_hold(11, 1));
        let long = format!("{},A,Berg\n2,Fn2,Ln2\n", "7".repeat(201));
        assert_eq!(outcome_of(&whole("", &long)), expected_hold(11, 1));
        assert_eq!(active_count(&app), 12);
        let cut = lines(&[patient("1", &json!({}))]) + &patient("2", &json!({})).to_string()[..90];
        let broke_off = import(&app, &staff, "?mode=replace", NDJSON, cut);
        assert_eq!((counts(&broke_off), outcome_of(&broke_off)), ([0, 1, 0, 1], expected_hold(11, 1)));
        // Empty rows, which spreadsheets leave behind, are about nobody.
        let rows = rows_for(1..12) + ",,\n, ,\n";
        let fine = whole("", &rows);
        assert_eq!(outcome_of(&fine), [json!(1), json!(0), json!(0), Value::Null]);
        assert_eq!(fine["rows"]["refused"], 2);
        // If no record is left out, there is no question to ask; and staff who know the row may skip it.
        let all = format!(",A,Berg\n{rows}");
        assert_eq!(outcome_of(&whole("", &all)), [json!(0), json!(0), json!(1), Value::Null]);
        assert_eq!(outcome_of(&whole("&may_skip_unread=true", unread)), [json!(10), json!(0), json!(1), Value::Null]);
        assert_eq!(active_numbers(&app, &staff), ["2"]);
    }

    /// Both questions at once: the answer to one of them does not answer the other.
    fn replace_can_be_held_for_both_reasons(app: TestApp) {
        let staff = admin(&app);
        table(&app, &staff, &format!("MRN,First,Last\n{}", rows_for(0..30)));
        let whole = |query: &str| {
            import(&app, &staff, &format!("?mode=replace{query}"), "text/csv", "MRN,First,Last\n,A,Berg\n2,Fn,Ln\n")
        };
        assert_eq!(outcome_of(&whole("")), expected_hold(29, 1));
        let most = [json!(0), json!(29), json!(1), json!("replace_leaves_most_out")];
        assert_eq!(outcome_of(&whole("&may_skip_unread=true")), most);
        assert_eq!(outcome_of(&whole("&may_skip_unread=true&may_retire_most=true"))[0], 29);
    }

    /// An unclosed quote would swallow other patients' data: their rows, their names.
    fn unclosed_quote_is_reported_and_swallows_no_row(app: TestApp) {
        let staff = admin(&app);
        table(&app, &staff, &twelve_rows().join("\n"));
        let mut rows = twelve_rows();
        rows[4] = "4,\"Bobby\" Ray,Ln4,1980-01-04".into();
        rows[6] = "6,Fn6,\"Ln6,1980-01-06".into();
        rows[9] = "9,Fn9,\"Ln9,1980-01-09".into();
        let torn = import(&app, &staff, "?mode=replace", "text/csv", rows.join("\n"));
        assert_eq!((counts(&torn), outcome_of(&torn)), ([0, 1, 7, 1], expected_hold(3, 1)));
        let lines = results(&app, &staff, &torn);
        assert!(lines[6].starts_with("6,6,refused,quotation_open,Last: "), "{}", lines[6]);
        assert!(!lines.join("\n").contains("Ln9"));
        assert_eq!(active_count(&app), 12);
        // In the number's own cell it leaves no number; in an ignored column it is reported too.
        let numbers = "MRN,First,Last\n\"1,Fn1,Ln1\n2,Fn2,Ln2\n\"3,Fn3,Ln3\n4,Fn4,Ln4\n";
        let torn = import(&app, &staff, "?mode=replace", "text/csv", numbers);
        assert_eq!(outcome_of(&torn), expected_hold(11, 1));
        assert!(results(&app, &staff, &torn)[1].starts_with("1,,refused,quotation_open,MRN: "));
        let notes = "MRN,First,Last,Notes\n1,Fn1,Ln1,\"tall\n2,Fn2,Ln2,\"short\"\n3,Fn3,Ln3,\n4,Fn4,Ln4,\"to the end\n5,Fn5,Ln5,\n";
        let torn = import(&app, &staff, "?mode=replace", "text/csv", notes);
        assert_eq!(outcome_of(&torn), expected_hold(9, 2));
        assert_eq!(active_count(&app), 12);
    }

    /// A note may have several lines, and the last row may lack its line break.
    fn multiline_cell_is_accepted_in_ignored_columns(app: TestApp) {
        let staff = admin(&app);
        let rows = "MRN,First,Last,Notes\n1,Fn1,Ln1,\"one\ntwo \"\"three\"\"\"\r\n2,\"Fn2\n\",Ln2,\"\n\"\n\n3,Fn3,Ln3,\"x\" y\n4,Fn4,\"Ln4\n";
        let fine = import(&app, &staff, "?mode=replace", "text/csv", rows);
        assert_eq!((counts(&fine), outcome_of(&fine)), ([4, 0, 0, 0], [json!(0), json!(0), json!(0), Value::Null]));
        let phones = table(&app, &staff, "MRN,First,Last,Phone\n1,Fn1,Ln1,\"+14155552001\n+14155552002\"\n");
        assert!(results(&app, &staff, &phones)[1].starts_with("1,1,refused,quotation_open,Phone: "));
    }

    /// Appending one file to another leaves a byte order mark in the middle.
    fn byte_order_mark_is_ignored_before_any_resource(app: TestApp) {
        let staff = admin(&app);
        let [one, two] = ["1", "2"].map(|id| patient(id, &json!({})));
        let marked = format!("\u{feff}{one}\r\n\u{feff}{two}");
        assert_eq!(counts(&import(&app, &staff, "", NDJSON, marked)), [2, 0, 0, 0]);
        let marked = format!("\u{feff}\n{}", bundle(&[one, two]));
        assert_eq!(counts(&import(&app, &staff, "", BUNDLE, marked)), [0, 0, 2, 0]);
    }

    /// A FHIR date may be only a year or a month: such a period ends when that year or month ends.
    fn period_ending_in_a_past_month_or_year_is_over(app: TestApp) {
        let staff = admin(&app);
        let this_year = app.now().to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date().year().to_string();
        let name = |family: &str, end: &str| json!({ "family": family, "given": ["Ann"], "period": { "end": end } });
        let number = |last: u32, end: &str| json!({ "system": "phone", "value": format!("+1415555200{last}"), "period": { "end": end } });
        let one = patient("1", &json!({
            "name": [name("Then", "2019"), name("Berg", &this_year)],
            "telecom": [
                number(1, "2019"), number(2, "2019-02"), number(3, "2019-02-28T23:00:00+01:00"),
                number(4, &this_year), number(5, "2099-12"), number(6, "soon"),
            ],
        }));
        assert_eq!(counts(&import(&app, &staff, "", NDJSON, lines(&[one]))), [1, 0, 0, 0]);
        assert_eq!(
            values(&app, &staff, "1"),
            [
                "name: Ann Berg",
                "(name: Ann Then)",
                "phone: +14155552004",
                "phone: +14155552005",
                "phone: +14155552006",
                "(phone: +14155552001)",
                "(phone: +14155552002)",
                "(phone: +14155552003)",
            ]
        );
    }

    /// Photos and narratives are skipped, so they have no limit. What is read has a limit, exact to the byte,
    /// and a resource over the limit loses only its own row.
    fn oversized_resource_is_refused_alone(app: TestApp) {
        let staff = admin(&app);
        let photo = json!({ "photo": [{ "data": "A".repeat(1_300_000) }], "text": { "div": "x".repeat(1_300_000) } });
        let of_length = |id: &str, length: usize| {
            let bare = json!({ "resourceType": "Patient", "identifier": [{ "value": id }], "birthDate": "" });
            let missing = length - bare.to_string().len();
            json!({ "resourceType": "Patient", "identifier": [{ "value": id }], "birthDate": "9".repeat(missing) })
        };
        let most = 1024 * 1024;
        let patients = [
            patient("1", &photo),
            of_length("2", most),
            of_length("3", most + 1),
            patient("4", &json!({ "telecom": vec![json!({}); 600_000] })),
            patient("5", &json!({})),
        ];
        for (kind, body, new) in [
            (NDJSON, lines(&patients), 2),
            (NDJSON, lines(&patients).replace('\n', "\r\n").trim_end().to_owned(), 0),
            (BUNDLE, bundle(&patients), 0),
        ] {
            let import = import(&app, &staff, "?mode=replace", kind, body);
            let rows = results(&app, &staff, &import);
            assert_eq!(counts(&import), [new, 0, 2 - new, 3], "{rows:#?}");
            assert!(rows[2].starts_with("2,2,refused,name_missing "), "{}", rows[2]);
            assert!(rows[3].starts_with("3,,refused,resource_too_long,"), "{}", rows[3]);
            assert!(rows[4].starts_with("4,,refused,resource_too_long,"), "{}", rows[4]);
            assert_eq!(import["rows"]["unread"], 2);
        }
        let kept = app.count("SELECT coalesce(sum(length(source)), 0) FROM import_chunks");
        assert_eq!(kept, 0);
    }
}
