//! The audit log: append-only, in hash chains that reveal missing and changed events, readable only by
//! admins.

use std::io::Write as _;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use diesel::RunQueryDsl as _;
use practice_links::domain::events::EventKind;
use practice_links::domain::practices::Practice;
use practice_links::domain::staff::Role;
use practice_links::platform::Tx;
use practice_links::platform::db::{self, Conn};
use practice_links::platform::event_log::{self, Actor, Finding};
use serde_json::{Value, json};

use crate::harness::{Backend, Builder, StaffClient, TestApp, as_staff, phone, together};

const AUDIT: &str = "/v1/practice/audit";

fn execute(app: &TestApp, statement: &str) -> Result<usize, db::Error> {
    let run = |conn: &mut Conn| Ok(diesel::sql_query(statement.to_owned()).execute(conn)?);
    app.state.service.db.write_blocking(run)
}

/// Does what an intruder with the table owner's rights could do; the application never can. The only way to
/// change or delete a row is to drop the triggers first.
fn tamper(app: &TestApp, backend: Backend, statement: &str) {
    let triggers: &[&str] = match backend {
        Backend::Sqlite => &["DROP TRIGGER events_no_update", "DROP TRIGGER events_no_delete"],
        Backend::Postgres => &["DROP TRIGGER events_append_only ON events"],
    };
    for trigger in triggers {
        execute(app, trigger).unwrap();
    }
    let tampered = execute(app, statement);
    // Another test will use this database, so the triggers are restored, as at the next start.
    app.state.service.db.migrate().unwrap();
    assert_eq!(tampered.unwrap(), 1, "{statement}");
}

fn record_events(app: &TestApp, practice: &Practice, count: usize) {
    app.write(|tx| {
        for n in 0..count {
            tx.emit(Some(&practice.id), Actor::Operator, EventKind::KeysRotated, "non_1", json!({ "n": n }));
        }
        Ok(())
    });
}

/// Returns the number of rows before the first finding in a practice's chain, and that finding.
fn verify(app: &TestApp, practice: &Practice) -> (i64, Option<Finding>) {
    let reports =
        app.state.service.read_blocking(|tx| event_log::verify(tx, Some(&practice.id))).unwrap().chains;
    assert_eq!(reports.len(), 1);
    (reports[0].rows, reports[0].finding.clone())
}

/// Runs `practice-links admin audit verify` while the service runs.
fn run_verify(app: &TestApp, arguments: &[&str]) -> Output {
    let config = &app.state.service.settings;
    let mut command = Command::new(env!("CARGO_BIN_EXE_practice-links"));
    command.args(["admin", "audit", "verify"]).args(arguments);
    command.env("PRACTICE_LINKS_DATABASE__URL", &config.database.url);
    command.env("PRACTICE_LINKS_DATA_DIR", &config.data_dir);
    command.output().unwrap()
}

fn elm(app: &TestApp) -> (Practice, StaffClient) {
    let practice = app.practice("Elm Dental", None);
    let admin = app.staff_client(&practice, "ana", Role::Admin);
    (practice, admin)
}

fn change_city(app: &TestApp, staff: &StaffClient, city: &str) {
    as_staff(staff, app.patch("/v1/practice/profile", json!({ "city": city }))).send().expect(200);
}

fn actions(items: &Value) -> Vec<String> {
    items.as_array().unwrap().iter().map(|item| item["action"].as_str().unwrap().to_owned()).collect()
}

both! {
    fn verify_finds_one_changed_or_missing_event_in_10_000(on: Builder) {
        let backend = on.backend();
        let app = on.start();
        let (practice, _) = elm(&app);
        (0..20).for_each(|_| record_events(&app, &practice, 500));
        let begin = Instant::now();
        assert_eq!(verify(&app, &practice), (10_000, None));
        let _ = writeln!(std::io::stderr(), "{backend:?}: 10,000 events verified in {:?}", begin.elapsed());
        let output = run_verify(&app, &["--practice", practice.id.as_str()]);
        assert!(output.status.success(), "{output:?}");

        let of = format!("chain = '{}' AND chain_seq", practice.id);
        tamper(&app, backend, &format!("UPDATE events SET actor = 'stf_1' WHERE {of} = 7000"));
        let (before, found) = verify(&app, &practice);
        assert!(matches!(&found, Some(Finding::Changed { seq: 7_000, .. })), "{found:?}");
        assert_eq!(before, 6_999);
        tamper(&app, backend, &format!("DELETE FROM events WHERE {of} = 4321"));
        assert_eq!(verify(&app, &practice), (4_320, Some(Finding::Missing { seq: 4_321 })));
        let output = run_verify(&app, &[]);
        assert_eq!(output.status.code(), Some(1));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(&format!("{}: event 4321 is missing", practice.id)), "{text}");
    }

    fn deleting_last_event_or_whole_chain_is_found(on: Builder) {
        let backend = on.backend();
        let app = on.start();
        let (practice, _) = elm(&app);
        record_events(&app, &practice, 3);
        tamper(&app, backend, &format!("DELETE FROM events WHERE chain = '{}' AND chain_seq = 3", practice.id));
        assert_eq!(verify(&app, &practice), (2, Some(Finding::Missing { seq: 3 })));
        tamper(&app, backend, &format!("DELETE FROM event_chains WHERE chain = '{}'", practice.id));
        assert_eq!(verify(&app, &practice), (0, Some(Finding::Head)));
    }

    fn database_refuses_to_update_or_delete_an_event(app: TestApp) {
        let (practice, _) = elm(&app);
        record_events(&app, &practice, 1);
        for statement in ["UPDATE events SET actor = 'nobody'", "DELETE FROM events"] {
            assert!(execute(&app, statement).is_err(), "{statement}");
        }
        assert_eq!(verify(&app, &practice), (1, None));
        // A start does not create triggers that exist already.
        app.state.service.db.migrate().unwrap();
        assert!(execute(&app, "DELETE FROM events").is_err());
    }

    fn rolled_back_action_leaves_no_audit_event(app: TestApp) {
        let (practice, _) = elm(&app);
        let refused = app.state.service.write_blocking(|tx| {
            tx.emit(Some(&practice.id), Actor::Operator, EventKind::KeysRotated, "non_1", json!({}));
            Err::<(), _>(db::Error::Busy)
        });
        assert!(refused.is_err());
        assert_eq!(app.count("SELECT count(*) FROM events WHERE kind = 'keys.rotated'"), 0);
        record_events(&app, &practice, 2);
        assert_eq!(verify(&app, &practice), (2, None));
    }

    fn event_that_never_got_a_number_is_found(app: TestApp) {
        let (practice, _) = elm(&app);
        record_events(&app, &practice, 1);
        let mut verdicts = Vec::new();
        // Never committed, so that the thread that gives numbers does not see it.
        let undone = app.state.service.write_blocking(|tx| {
            for age in [0, 61_000] {
                let at = tx.now.millis() - age;
                let insert = format!("INSERT INTO events (id, at, actor, kind, subject, detail, chain)
                    VALUES ('evt_{age}', {at}, 'operator', 'keys.rotated', 'non_1', '{{}}', 'operator')");
                diesel::sql_query(insert).execute(tx.conn).map_err(db::Error::from)?;
                let verdict = event_log::verify(tx, None)?;
                verdicts.push((verdict.never_numbered, verdict.is_sound()));
            }
            Err::<(), _>(db::Error::Busy)
        });
        assert!(undone.is_err());
        assert_eq!(verdicts, [(0, true), (1, false)], "a fresh event is about to get its number");
    }

    // A server that was down for an hour has passed nothing over.
    fn event_that_waits_for_a_server_is_no_finding(app: TestApp) {
        let (practice, _) = elm(&app);
        record_events(&app, &practice, 1);
        let undone = app.state.service.write_blocking(|tx| {
            let insert = "INSERT INTO events (id, at, actor, kind, subject, detail, chain)
                SELECT 'evt_late', max(at) + 1, 'operator', 'keys.rotated', 'non_1', '{}', 'operator' FROM events";
            diesel::sql_query(insert).execute(tx.conn).map_err(db::Error::from)?;
            tx.now = tx.now + Duration::from_hours(1);
            let verdict = event_log::verify(tx, None)?;
            assert_eq!((verdict.never_numbered, verdict.waiting, verdict.is_sound()), (0, 1, true));
            Err::<(), _>(db::Error::Busy)
        });
        assert!(undone.is_err());
    }

    fn missing_number_is_found_even_without_a_chain(on: Builder) {
        let backend = on.backend();
        let app = on.start();
        let (practice, _) = elm(&app);
        record_events(&app, &practice, 2);
        tamper(&app, backend, "DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)");
        let output = run_verify(&app, &[]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!output.status.success() && text.contains("1 numbers of the log are missing"), "{text}");
    }

    fn verify_passes_for_all_chains_after_sign_ups(app: TestApp) {
        app.sign_up(&phone(0));
        app.sign_up(&phone(1));
        app.sign_in(&phone(0));
        let output = run_verify(&app, &[]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}");
        assert!(text.contains("accounts-") && text.contains("complete and unchanged"), "{text}");
        assert_eq!(app.count("SELECT count(*) FROM events WHERE chain IS NULL OR seq IS NULL"), 0);
    }

    fn audit_list_is_newest_first_and_filters_combine(app: TestApp) {
        let (practice, admin) = elm(&app);
        change_city(&app, &admin, "Salem");
        app.advance(24 * 3600);
        change_city(&app, &admin, "Boston");
        let link = app.make_link(&admin, json!({ "label": "Poster" }));
        let read = |query: &str| as_staff(&admin, app.get(&format!("{AUDIT}{query}"))).send().expect(200);
        let all = read("").at("/items");
        assert_eq!(actions(&all), ["link.created", "practice.changed", "practice.changed"]);
        assert_eq!(all[0]["subject"], link["id"]);
        assert_eq!((&all[0]["number"], &all[2]["number"]), (&json!(3), &json!(1)));
        assert_eq!(all[1]["detail"]["before"]["city"], "Salem");
        assert_eq!(all[1]["detail"]["after"]["city"], "Boston");
        assert_eq!(actions(&read("?action=practice").at("/items")).len(), 2);
        assert_eq!(actions(&read("?action=practice.changed").at("/items")).len(), 2);
        assert_eq!(actions(&read("?action=pract").at("/items")).len(), 0);
        assert_eq!(actions(&read(&format!("?actor={}", admin.staff_id)).at("/items")).len(), 3);
        assert_eq!(actions(&read("?actor=operator").at("/items")).len(), 0);
        assert_eq!(actions(&read("?to=2026-11-22").at("/items")).len(), 1);
        assert_eq!(actions(&read("?from=2026-11-23&to=2026-11-23").at("/items")).len(), 2);
        assert_eq!(actions(&read("?from=2026-11-22T16:00:00Z").at("/items")).len(), 2);
        as_staff(&admin, app.get(&format!("{AUDIT}?from=yesterday"))).send().problem(422, "invalid_request");
        let first = read("?limit=2");
        let rest = read(&format!("?limit=2&cursor={}", first.str("/next_cursor")));
        assert_eq!(actions(&rest.at("/items")), ["practice.changed"]);
        assert_eq!(rest.at("/next_cursor"), Value::Null);
        assert_eq!(verify(&app, &practice), (3, None));
    }

    fn csv_export_escapes_formulas_and_is_audited(app: TestApp) {
        let (practice, admin) = elm(&app);
        app.write(|tx| {
            let subject = "=HYPERLINK(\"http://x\")";
            tx.emit(Some(&practice.id), "@sum", EventKind::KeysRotated, subject, json!({ "a": 1 }));
            Ok(())
        });
        let file = as_staff(&admin, app.get("/v1/practice/audit.csv")).send().expect(200);
        assert_eq!(file.media_type(), "text/csv");
        let text = file.text();
        assert!(text.contains(",'@sum,keys.rotated,\"'=HYPERLINK(\"\"http://x\"\")\",\"{\"\"a\"\":1}\",1,"), "{text}");
        let events = as_staff(&admin, app.get(AUDIT)).send().expect(200).at("/items");
        assert_eq!(actions(&events), ["audit.exported", "keys.rotated"]);
        assert_eq!(events[0]["detail"]["events"], 1);
        let support = app.staff_client(&practice, "sam", Role::Support);
        as_staff(&support, app.get("/v1/practice/audit.csv")).send().problem(403, "staff_forbidden");
    }

    fn practice_reads_only_its_own_events(app: TestApp) {
        let (_, admin) = elm(&app);
        let other = app.practice("Oak Eyes", None);
        record_events(&app, &other, 3);
        assert_eq!(as_staff(&admin, app.get(AUDIT)).send().expect(200).at("/items"), json!([]));
        let file = as_staff(&admin, app.get("/v1/practice/audit.csv")).send().expect(200);
        assert_eq!(file.text().lines().count(), 1);
    }
}

postgres! {
    /// Many concurrent transactions, each with events of the same two practices and of no practice, in any
    /// order: each chain has no gap, and no transaction deadlocks.
    fn concurrent_writers_build_one_gapless_chain(on: Builder) {
        let app = on.pool(32).start();
        let practices = [app.practice("Elm Dental", None), app.practice("Oak Eyes", None)];
        let fails: usize = together(32, |thread| {
            (0..20).filter(|turn| {
                let both = [&practices[(thread + turn) % 2], &practices[(thread + turn + 1) % 2]];
                let noted = app.state.service.write_blocking(|tx| {
                    for practice_id in [Some(&both[0].id), None, Some(&both[1].id)] {
                        tx.emit(practice_id, Actor::Operator, EventKind::KeysRotated, "non_1", json!({}));
                    }
                    Ok::<_, db::Error>(())
                });
                noted.is_err()
            }).count()
        }).into_iter().sum();
        assert_eq!(fails, 0);
        app.react();
        for practice in &practices {
            assert_eq!(verify(&app, practice), (640, None));
        }
    }

    /// Two units of work of one practice, the second within the first: no event waits for another's commit.
    fn events_of_one_practice_do_not_wait_for_each_other(app: TestApp) {
        let (practice, _) = elm(&app);
        let emit = |tx: &mut Tx| {
            tx.emit(Some(&practice.id), Actor::Operator, EventKind::KeysRotated, "non_1", json!({}));
        };
        let service = &app.state.service;
        service.write_blocking(|tx| {
            emit(tx);
            let within = std::thread::scope(|scope| {
                let other = || {
                    service.write_blocking(|tx| {
                        emit(tx);
                        Ok::<_, db::Error>(())
                    })
                };
                scope.spawn(other).join().unwrap()
            });
            assert!(within.is_ok());
            Ok::<_, db::Error>(())
        }).unwrap();
        app.react();
        assert_eq!(verify(&app, &practice), (2, None));
    }
}
