//! Files of records that are damaged, or made to do harm: each row has its result, no row costs another its place, and
//! nobody becomes inactive whom the file may name.

use std::panic::{AssertUnwindSafe, catch_unwind};

use diesel::RunQueryDsl as _;
use practice_links::platform::db;
use serde_json::{Value, json};

use super::imports::{admin, counts, import, post, records, results, table, values};
use crate::harness::{Backend, Builder, Desk, TestApp};

const NDJSON: &str = "application/fhir+ndjson";
const BUNDLE: &str = "application/fhir+json";

/// Letters of which no two neighbours are alike: an index that packs its keys gains nothing.
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

/// Rows of a table, of people with these numbers.
fn people(numbers: std::ops::Range<u32>) -> String {
    let row = |n: u32| format!("{n},Fn{n},Ln{n}\n");
    numbers.map(row).collect()
}

/// What became of a whole list: retired, left out, rows that name nobody, and the problem.
fn says(import: &Value) -> [Value; 4] {
    [
        import["retired"].clone(),
        import["left_out"].clone(),
        import["rows"]["unread"].clone(),
        import["problem"].clone(),
    ]
}

const HELD: &str = "replace_has_unread_rows";

fn held(left_out: i64, unread: i64) -> [Value; 4] {
    [json!(0), json!(left_out), json!(unread), json!(HELD)]
}

fn active(app: &TestApp) -> i64 {
    app.count("SELECT count(*) FROM patient_records WHERE active")
}

/// Numbers of active records, in order.
fn actives(app: &TestApp, desk: &Desk) -> Vec<String> {
    let found = records(app, desk, "");
    let mut numbers: Vec<String> = found
        .iter()
        .filter(|record| record["active"] == true)
        .map(|record| record["number"].as_str().unwrap().to_owned())
        .collect();
    numbers.sort();
    numbers
}

/// A table of twelve.
fn twelve() -> Vec<String> {
    let rows = (1..=12).map(|n| format!("{n},Fn{n},Ln{n},1980-01-{n:02}"));
    std::iter::once("MRN,First,Last,DOB".to_owned()).chain(rows).collect()
}

/// The database refuses the record of this number.
fn sabotage(app: &TestApp, backend: Backend, number: &str) {
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

/// The database is lent to the next test.
fn mend(app: &TestApp, backend: Backend) {
    let drop = match backend {
        Backend::Sqlite => "DROP TRIGGER refusal",
        Backend::Postgres => "DROP TRIGGER refusal ON patient_records",
    };
    run_all(app, &[drop.to_owned()]);
}

fn run_all(app: &TestApp, statements: &[String]) {
    let run = |conn: &mut db::Conn| {
        for statement in statements {
            diesel::sql_query(statement).execute(tx)?;
        }
        Ok(())
    };
    app.inner.db.write_blocking::<_, db::Error>(run).unwrap();
}

both! {
    /// PostgreSQL keeps no U+0000 in a text and no long text in an index; both are told in the row's result.
    fn a_hostile_cell_or_heading_costs_no_other_row_its_place(app: TestApp) {
        let desk = admin(&app);
        let long = letters(0x4e00, 20_000, 10_000);
        let rows = format!(
            "MRN,First,Last,D\0OB,Mo\0bile,Maiden name\n1,Ann,Berg,99/99/1980,call\0me,Ek\n2,Bo,Okay,,,{long}\n\
             3,C\0y,Ek\0,1980-01-0\x003,\0,D\0e\nN\x004,Di,Dahl,,,\n5,{long},Ek,,,\n6,Ed,Ek,,,\n"
        );
        let import = table(&app, &desk, &rows);
        assert_eq!(counts(&import), [5, 0, 0, 1]);
        let lines = results(&app, &desk, &import);
        assert!(lines[1].starts_with("1,1,created,birth_date_invalid phone_letters,\"D OB: "), "{}", lines[1]);
        assert!(lines[1].contains(" Mo bile: "), "{}", lines[1]);
        assert!(lines[2].starts_with("2,2,created,too_long,Maiden name: "), "{}", lines[2]);
        assert!(lines[4].starts_with("4,N 4,created"), "{}", lines[4]);
        assert!(lines[5].starts_with("5,5,refused,too_long,"), "{}", lines[5]);
        assert_eq!(values(&app, &desk, "3"), ["name: C y Ek", "(name: C y D e)"]);
    }

    /// The longest that is taken is taken by every index, in letters that fold to many.
    fn what_is_within_its_limits_is_taken_in(app: TestApp) {
        let desk = admin(&app);
        let [number, given, family, former] =
            [0, 151, 307, 450].map(|from| letters(0x1f300 + from, 300, 200));
        let address = format!("{}@{}.example.com", "a".repeat(64), "b".repeat(63));
        let head = "MRN,First,Last,E-mail,Maiden name,Previous email";
        let rows = format!("{head}\n{number},{given},{family},{address},{former},x{address}\n2,Bo,Okay,,,\n");
        let first = table(&app, &desk, &rows);
        assert_eq!(counts(&first), [2, 0, 0, 0], "{:#?}", results(&app, &desk, &first));
        let again = table(&app, &desk, &rows);
        assert_eq!(counts(&again), [0, 0, 2, 0]);
        // By name, a page at a time: the key of the first is as long as keys get.
        let page = records(&app, &desk, "?limit=1");
        assert_eq!(page.len(), 1);
    }

    fn a_hostile_resource_costs_no_other_its_place(app: TestApp) {
        let desk = admin(&app);
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
            let refused = import(&app, &desk, query, kind, body.clone());
            assert_eq!(counts(&refused), [0, 0, 0, 5], "no identifier is of that system");
            let import = import(&app, &desk, "", kind, body);
            let rows = results(&app, &desk, &import);
            assert_eq!(import["rows"]["refused"], 1, "{rows:#?}");
            assert!(rows[1].starts_with("1,1,") && rows[1].contains(",too_long,name: "), "{}", rows[1]);
            assert!(rows[2].starts_with("2,N 2,") && rows[2].contains("email_invalid"), "{}", rows[2]);
            assert!(rows[3].ends_with(",phone_letters,telecom: A phone number can only have digits, no letters.")
                || rows[3].contains(",phone_letters,\"telecom: "), "said once: {}", &rows[3][..200.min(rows[3].len())]);
            assert!(rows[4].contains(",refused,too_long,"), "{}", rows[4]);
        }
        assert_eq!(app.count("SELECT count(*) FROM patient_records"), 4);
    }

    /// Whatever else a database may have against a row: the second time round it is refused by itself.
    fn a_row_that_the_database_refuses_holds_up_no_other(on: Builder) {
        let backend = on.backend();
        let app = on.start();
        let desk = admin(&app);
        sabotage(&app, backend, "M-2");
        let rows = "MRN,First,Last\nM-1,Ann,Berg\nM-2,Bo,Ek\nM-3,Cy,Dahl\nM-1,Di,Ek\n";
        let begun = post(&app, &desk, "", "text/csv", rows).send().expect(202);
        assert!(catch_unwind(AssertUnwindSafe(|| app.deliver_one())).is_err());
        app.advance(61);
        app.deliver_all();
        mend(&app, backend);
        let path = format!("/v1/practice/records/imports/{}", begun.str("/import/id"));
        let import = crate::harness::as_desk(&desk, app.get(&path)).send().expect(200).at("/import");
        assert_eq!(counts(&import), [2, 0, 0, 2]);
        let lines = results(&app, &desk, &import);
        assert!(lines[2].starts_with("2,M-2,refused,row_not_kept,"), "{}", lines[2]);
        assert!(lines[4].starts_with("4,M-1,refused,duplicate_number,"), "{}", lines[4]);
    }

    /// What is no Patient still says whose it is, as long as it is JSON and each of its identifiers can be read.
    fn an_unreadable_resource_still_names_its_patient(app: TestApp) {
        let desk = admin(&app);
        let all: Vec<_> = ["1", "2", "3", "4", "5", "6"].iter().map(|id| patient(id, &json!({}))).collect();
        import(&app, &desk, "", NDJSON, lines(&all));
        let slips = [
            patient("1", &json!({ "deceasedBoolean": "false" })),
            patient("2", &json!({ "link": [{ "other": { "reference": "x" } }] })),
            json!({ "resourceType": "Patient", "identifier": [{ "value": "3" }], "name": "wrong" }),
            json!({ "resourceType": "Practitioner", "id": "9" }),
            patient("5", &json!({})),
        ];
        let known = import(&app, &desk, "?mode=replace", NDJSON, lines(&slips));
        let rows = results(&app, &desk, &known);
        assert!(rows[1].starts_with("1,1,refused,row_unreadable,"), "{}", rows[1]);
        assert!(rows[2].starts_with("2,2,refused,row_unreadable,"), "{}", rows[2]);
        assert_eq!(says(&known), [json!(2), json!(0), json!(0), Value::Null]);
        assert_eq!(actives(&app, &desk), ["1", "2", "3", "5"]);
        // Which of the identifiers would it have been?
        let unsure = json!([{ "type": { "coding": [{ "code": "MR" }] }, "value": 1 }, { "value": "2" }]);
        let unsure = [patient("1", &json!({ "identifier": unsure })), patient("5", &json!({}))];
        let held_back = import(&app, &desk, "?mode=replace", BUNDLE, bundle(&unsure));
        assert_eq!(says(&held_back), held(3, 1));
        assert_eq!(actives(&app, &desk), ["1", "2", "3", "5"]);
    }

    /// A row of which nobody knows whom it is about may be about anybody.
    fn a_whole_list_with_rows_that_name_nobody_makes_nobody_inactive(app: TestApp) {
        let desk = admin(&app);
        table(&app, &desk, &twelve().join("\n"));
        let whole = |query: &str, rows: &str| {
            import(&app, &desk, &format!("?mode=replace{query}"), "text/csv", format!("MRN,First,Last\n{rows}"))
        };
        let unread = ",A,Berg\n2,Fn2,Ln2\n";
        assert_eq!(says(&whole("", unread)), held(11, 1));
        // That most may go is another question.
        assert_eq!(says(&whole("&may_retire_most=true", unread)), held(11, 1));
        let long = format!("{},A,Berg\n2,Fn2,Ln2\n", "7".repeat(201));
        assert_eq!(says(&whole("", &long)), held(11, 1));
        assert_eq!(active(&app), 12);
        let cut = lines(&[patient("1", &json!({}))]) + &patient("2", &json!({})).to_string()[..90];
        let broke_off = import(&app, &desk, "?mode=replace", NDJSON, cut);
        assert_eq!((counts(&broke_off), says(&broke_off)), ([0, 1, 0, 1], held(11, 1)));
        // Nobody is in a row that is empty, as a spreadsheet leaves them behind.
        let rows = people(1..12) + ",,\n, ,\n";
        let fine = whole("", &rows);
        assert_eq!(says(&fine), [json!(1), json!(0), json!(0), Value::Null]);
        assert_eq!(fine["rows"]["refused"], 2);
        // Where nobody is left out there is nothing to be said; and whoever knows the row says so.
        let all = format!(",A,Berg\n{rows}");
        assert_eq!(says(&whole("", &all)), [json!(0), json!(0), json!(1), Value::Null]);
        assert_eq!(says(&whole("&may_skip_unread=true", unread)), [json!(10), json!(0), json!(1), Value::Null]);
        assert_eq!(actives(&app, &desk), ["2"]);
    }

    /// Both questions at once: the word for one of them is none for the other.
    fn a_whole_list_may_be_held_for_both_reasons(app: TestApp) {
        let desk = admin(&app);
        table(&app, &desk, &format!("MRN,First,Last\n{}", people(0..30)));
        let whole = |query: &str| {
            import(&app, &desk, &format!("?mode=replace{query}"), "text/csv", "MRN,First,Last\n,A,Berg\n2,Fn,Ln\n")
        };
        assert_eq!(says(&whole("")), held(29, 1));
        let most = [json!(0), json!(29), json!(1), json!("replace_leaves_most_out")];
        assert_eq!(says(&whole("&may_skip_unread=true")), most);
        assert_eq!(says(&whole("&may_skip_unread=true&may_retire_most=true"))[0], 29);
    }

    /// What an open quotation mark swallows is other patients' data: their rows, their names.
    fn an_open_quotation_mark_is_told_and_swallows_nobody(app: TestApp) {
        let desk = admin(&app);
        table(&app, &desk, &twelve().join("\n"));
        let mut rows = twelve();
        rows[4] = "4,\"Bobby\" Ray,Ln4,1980-01-04".into();
        rows[6] = "6,Fn6,\"Ln6,1980-01-06".into();
        rows[9] = "9,Fn9,\"Ln9,1980-01-09".into();
        let torn = import(&app, &desk, "?mode=replace", "text/csv", rows.join("\n"));
        assert_eq!((counts(&torn), says(&torn)), ([0, 1, 7, 1], held(3, 1)));
        let lines = results(&app, &desk, &torn);
        assert!(lines[6].starts_with("6,6,refused,quotation_open,Last: "), "{}", lines[6]);
        assert!(!lines.join("\n").contains("Ln9"));
        assert_eq!(active(&app), 12);
        // In the number's own cell it leaves no number, and in one that nobody reads it shows all the same.
        let numbers = "MRN,First,Last\n\"1,Fn1,Ln1\n2,Fn2,Ln2\n\"3,Fn3,Ln3\n4,Fn4,Ln4\n";
        let torn = import(&app, &desk, "?mode=replace", "text/csv", numbers);
        assert_eq!(says(&torn), held(11, 1));
        assert!(results(&app, &desk, &torn)[1].starts_with("1,,refused,quotation_open,MRN: "));
        let notes = "MRN,First,Last,Notes\n1,Fn1,Ln1,\"tall\n2,Fn2,Ln2,\"short\"\n3,Fn3,Ln3,\n4,Fn4,Ln4,\"to the end\n5,Fn5,Ln5,\n";
        let torn = import(&app, &desk, "?mode=replace", "text/csv", notes);
        assert_eq!(says(&torn), held(9, 2));
        assert_eq!(active(&app), 12);
    }

    /// A note of several lines is a note; and the last row may lack its line break.
    fn cells_of_several_lines_are_fine_where_nobody_reads_them(app: TestApp) {
        let desk = admin(&app);
        let rows = "MRN,First,Last,Notes\n1,Fn1,Ln1,\"one\ntwo \"\"three\"\"\"\r\n2,\"Fn2\n\",Ln2,\"\n\"\n\n3,Fn3,Ln3,\"x\" y\n4,Fn4,\"Ln4\n";
        let fine = import(&app, &desk, "?mode=replace", "text/csv", rows);
        assert_eq!((counts(&fine), says(&fine)), ([4, 0, 0, 0], [json!(0), json!(0), json!(0), Value::Null]));
        let phones = table(&app, &desk, "MRN,First,Last,Phone\n1,Fn1,Ln1,\"+14155552001\n+14155552002\"\n");
        assert!(results(&app, &desk, &phones)[1].starts_with("1,1,refused,quotation_open,Phone: "));
    }

    /// A byte order mark, wherever one file was appended to another.
    fn a_byte_order_mark_is_no_part_of_a_resource(app: TestApp) {
        let desk = admin(&app);
        let [one, two] = ["1", "2"].map(|id| patient(id, &json!({})));
        let marked = format!("\u{feff}{one}\r\n\u{feff}{two}");
        assert_eq!(counts(&import(&app, &desk, "", NDJSON, marked)), [2, 0, 0, 0]);
        let marked = format!("\u{feff}\n{}", bundle(&[one, two]));
        assert_eq!(counts(&import(&app, &desk, "", BUNDLE, marked)), [0, 0, 2, 0]);
    }

    /// A FHIR date may be a year or a month alone: such a period ends with it.
    fn a_period_that_ended_in_some_month_or_year_is_over(app: TestApp) {
        let desk = admin(&app);
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
        assert_eq!(counts(&import(&app, &desk, "", NDJSON, lines(&[one]))), [1, 0, 0, 0]);
        assert_eq!(
            values(&app, &desk, "1"),
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

    /// A photo costs nothing, since nobody reads it. What is read has a limit, to the byte, and costs its row alone.
    fn a_resource_that_is_too_long_is_refused_alone(app: TestApp) {
        let desk = admin(&app);
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
            let import = import(&app, &desk, "?mode=replace", kind, body);
            let rows = results(&app, &desk, &import);
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
