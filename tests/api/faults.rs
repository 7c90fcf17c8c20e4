//! A database that fails in the middle of a code check. A guess that was answered was counted; one that could
//! not be counted is not answered.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use diesel::RunQueryDsl as _;
use practice_links::domain::links::NewLink;
use practice_links::domain::staff::Role;
use practice_links::kit::Entropy as _;
use practice_links::kit::entropy::SeededEntropy;
use practice_links::platform::{Tx, db, event_log};

use crate::harness::{
    Backend, Builder, Reply, TestApp, Verification, as_staff, phone, sign_up_body, together,
};

/// Threads × verifications × checks: a little over 1,000.
const THREADS: usize = 8;
const VERIFICATIONS: usize = 5;
const CHECKS: usize = 26;

/// Changes the database directly, which tests otherwise leave to the service.
fn sabotage(app: &TestApp, statements: &[&str]) {
    let run = |conn: &mut db::Conn| {
        for statement in statements {
            diesel::sql_query(*statement).execute(conn)?;
        }
        Ok(())
    };
    app.state.service.db.write_blocking::<_, db::Error>(run).unwrap();
}

/// Makes every step of a check fail one time in six: at the number's row, at the session's row, at the stored
/// answer, and at the commit.
fn break_steps(app: &TestApp, backend: Backend) {
    sabotage(
        app,
        match backend {
            Backend::Sqlite => &[
                "CREATE TABLE faults (id INTEGER PRIMARY KEY)",
                "CREATE TABLE fault_marks (fault INTEGER REFERENCES faults (id) DEFERRABLE INITIALLY DEFERRED)",
                "CREATE TRIGGER fault_number BEFORE UPDATE ON check_budgets WHEN abs(random()) % 6 = 0
             BEGIN SELECT RAISE(ABORT, 'fault'); END",
                "CREATE TRIGGER fault_session BEFORE UPDATE ON verifications WHEN abs(random()) % 6 = 0
             BEGIN SELECT RAISE(ABORT, 'fault'); END",
                "CREATE TRIGGER fault_key BEFORE INSERT ON idempotency_keys WHEN abs(random()) % 6 = 0
             BEGIN SELECT RAISE(ABORT, 'fault'); END",
                "CREATE TRIGGER fault_commit AFTER UPDATE ON verifications WHEN abs(random()) % 6 = 0
             BEGIN INSERT INTO fault_marks VALUES (1); END",
            ],
            Backend::Postgres => &[
                "CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF random() < 1.0 / 6 THEN RAISE EXCEPTION 'fault'; END IF;
                 RETURN NEW;
             END $$",
                "CREATE TRIGGER fault_number BEFORE UPDATE ON check_budgets
             FOR EACH ROW EXECUTE FUNCTION fault()",
                "CREATE TRIGGER fault_session BEFORE UPDATE ON verifications
             FOR EACH ROW EXECUTE FUNCTION fault()",
                "CREATE TRIGGER fault_key BEFORE INSERT ON idempotency_keys
             FOR EACH ROW EXECUTE FUNCTION fault()",
                "CREATE CONSTRAINT TRIGGER fault_commit AFTER UPDATE ON verifications
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fault()",
            ],
        },
    );
}

fn repair_steps(app: &TestApp, backend: Backend) {
    sabotage(
        app,
        match backend {
            Backend::Sqlite => &[
                "DROP TRIGGER fault_number",
                "DROP TRIGGER fault_session",
                "DROP TRIGGER fault_key",
                "DROP TRIGGER fault_commit",
            ],
            Backend::Postgres => &["DROP FUNCTION fault() CASCADE"],
        },
    );
}

/// A service whose rate limits are too high to be reached.
fn unlimited(on: Builder) -> TestApp {
    on.pool(16)
        .config(|config| {
            config.limits.scale = 1000.0;
            (config.verification.checks, config.verification.number_checks) = (1000, 1000);
        })
        .start()
}

/// Verifications of different numbers, with their codes.
fn begin_all(app: &TestApp) -> Vec<(Verification, String)> {
    let numbers = (0..u32::try_from(THREADS * VERIFICATIONS).unwrap()).map(phone);
    let begun = numbers.map(|number| (app.start(&number), app.code_for(&number)));
    begun.collect()
}

/// What the answers disclosed.
#[derive(Debug, Default, Clone, Copy)]
struct Disclosed {
    checks: i64,
    wrong: i64,
    approved: i64,
    unavailable: i64,
}

impl Disclosed {
    fn add(&mut self, other: Self) {
        self.checks += other.checks;
        self.wrong += other.wrong;
        self.approved += other.approved;
        self.unavailable += other.unavailable;
    }

    fn note(&mut self, reply: &Reply) {
        self.checks += 1;
        match (reply.status, reply.at("/result").as_str()) {
            (200, Some("wrong")) => self.wrong += 1,
            (200, Some("approved")) => self.approved += 1,
            _ => {
                self.unavailable += 1;
                let reply = reply.clone().problem(503, "unavailable");
                assert!(reply.retry_after().is_some());
                let text = reply.text();
                let secrets = ["approved", "wrong", "phone_proof", "checks_left", "fault"];
                assert!(!secrets.iter().any(|word| text.contains(word)), "{text}");
            }
        }
    }
}

/// Checks random codes and sometimes the right one; a verification that may be proven gets only that one.
fn hammer(app: &TestApp, thread: usize, mine: &[(Verification, String)], answers: &AtomicUsize) -> Disclosed {
    let dice = SeededEntropy::new(thread as u64);
    let mut disclosed = Disclosed::default();
    for (n, (verification, right)) in mine.iter().enumerate() {
        // After a right code whose answer was lost, a wrong one would count against the number only.
        let mut proven = false;
        for turn in 0..CHECKS {
            let mut bytes = [0; 4];
            dice.fill(&mut bytes);
            let random = format!("{:06}", u32::from_be_bytes(bytes) % 1_000_000);
            proven |= turn > 15 || random == *right;
            let code = if proven { right } else { &random };
            let call = app.on_verification(verification, "checks", serde_json::json!({ "code": code }));
            // Half of the answers are stored for a repeated request: one more step that can fail.
            let key = format!("{thread}-{n}-{turn}");
            let reply = if turn % 2 == 0 { call.key(&key).send() } else { call.send() };
            disclosed.note(&reply);
            answers.fetch_add(1, Ordering::SeqCst);
        }
    }
    disclosed
}

/// Every disclosed result was counted, and the counts of numbers and sessions agree.
fn check_counts(app: &TestApp, disclosed: Disclosed) {
    let attempts = app.count("SELECT sum(checks) FROM verifications");
    let fails = app.count("SELECT sum(fails) FROM check_budgets");
    let proven = app.count("SELECT count(*) FROM verifications WHERE verified_at IS NOT NULL");
    let proofs = app.count("SELECT count(proof_hash) FROM verifications");
    let seen = format!("{disclosed:?}, {attempts} attempts, {fails} fails, {proven} proven");
    assert!(disclosed.checks >= 1000 && disclosed.unavailable > 100, "the database did not fail: {seen}");
    assert!(disclosed.wrong > 100 && disclosed.approved > 10, "the database never worked: {seen}");
    assert!(disclosed.wrong <= fails, "{seen}");
    assert_eq!(attempts, fails + proven, "{seen}");
    assert_eq!(proofs, proven, "{seen}");
}

/// Each verification still yields its proof, and the same one each time.
fn prove_all(app: &TestApp, all: &[(Verification, String)]) {
    for (verification, code) in all {
        let proof = || {
            let reply = app.check(verification, code).expect(200);
            assert_eq!(reply.at("/result"), "approved");
            reply.str("/phone_proof")
        };
        assert_eq!(proof(), proof());
    }
    let all = i64::try_from(all.len()).unwrap();
    assert_eq!(app.count("SELECT count(*) FROM verifications WHERE verified_at IS NOT NULL"), all);
}

fn hammer_all(app: &TestApp, all: &[(Verification, String)], answers: &AtomicUsize) -> Disclosed {
    let mut disclosed = Disclosed::default();
    let parts: Vec<_> = all.chunks(VERIFICATIONS).collect();
    let run = |thread: usize| hammer(app, thread, parts[thread], answers);
    for part in together(THREADS, run) {
        disclosed.add(part);
    }
    disclosed
}

/// Repeatedly cuts a connection in the middle of its transaction, then waits for three answers; returns how
/// many it cut.
fn cut_until(app: &TestApp, over: &AtomicBool, answers: &AtomicUsize) -> i64 {
    let mut cut = 0;
    while !over.load(Ordering::SeqCst) {
        let seen = answers.load(Ordering::SeqCst);
        let hit = app.count(
            "SELECT count(pg_terminate_backend(pid)) FROM (
                 SELECT pid FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
                 ORDER BY random() LIMIT 1) AS victims",
        );
        cut += hit;
        while hit > 0 && answers.load(Ordering::SeqCst) < seen + 3 && !over.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
    }
    cut
}

/// The tables that a pairing writes.
const PAIRING: [&str; 10] = [
    "accounts",
    "patients",
    "account_sessions",
    "refresh_tokens",
    "pairings",
    "pairing_links",
    "conversations",
    "conversation_tags",
    "entries",
    "events",
];

/// The tables that the reactions to a pairing write.
const REACTIONS: [&str; 4] = ["funnel_counts", "digests", "outbox", "identity_grades"];

/// The number of rows in each of some tables.
fn row_counts(app: &TestApp, tables: &[&str]) -> Vec<i64> {
    tables.iter().map(|table| app.count(&format!("SELECT count(*) FROM {table}"))).collect()
}

/// Makes each write to `table`, or the commit after it, fail until the trigger is dropped.
fn fail_at(app: &TestApp, backend: Backend, table: &str, at_commit: bool) {
    let trigger = match (backend, at_commit) {
        (Backend::Sqlite, false) => {
            format!("CREATE TRIGGER fault BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'fault'); END")
        }
        (Backend::Sqlite, true) => {
            format!(
                "CREATE TRIGGER fault AFTER INSERT ON {table} BEGIN INSERT INTO fault_marks VALUES (1); END"
            )
        }
        (Backend::Postgres, false) => {
            format!("CREATE TRIGGER fault BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION fail()")
        }
        (Backend::Postgres, true) => format!(
            "CREATE CONSTRAINT TRIGGER fault AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION fail()"
        ),
    };
    sabotage(app, &[&trigger]);
}

fn repair(app: &TestApp, backend: Backend, table: &str) {
    sabotage(
        app,
        &[match backend {
            Backend::Sqlite => "DROP TRIGGER fault".to_owned(),
            Backend::Postgres => format!("DROP TRIGGER fault ON {table}"),
        }
        .as_str()],
    );
}

fn prepare_failures(app: &TestApp, backend: Backend) {
    sabotage(
        app,
        match backend {
            Backend::Sqlite => &[
                "CREATE TABLE faults (id INTEGER PRIMARY KEY)",
                "CREATE TABLE fault_marks (fault INTEGER REFERENCES faults (id) DEFERRABLE INITIALLY DEFERRED)",
            ],
            Backend::Postgres => {
                &["CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 RAISE EXCEPTION 'fault'; END $$"]
            }
        },
    );
}

/// Makes writes to `table` fail as on a full disk, until `repair`.
fn fill_disk(app: &TestApp, backend: Backend, write: &str, table: &str) {
    let on_sqlite = format!(
        "CREATE TRIGGER fault BEFORE {write} ON {table}
         BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
    );
    let function = "CREATE OR REPLACE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'could not extend file: No space left on device'; END $$";
    let on_postgres =
        format!("CREATE TRIGGER fault BEFORE {write} ON {table} FOR EACH ROW EXECUTE FUNCTION fill()");
    match backend {
        Backend::Sqlite => sabotage(app, &[&on_sqlite]),
        Backend::Postgres => sabotage(app, &[function, &on_postgres]),
    }
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(10), "not within 10 s: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

both! {
    // Case 2 of the practice's side: account, pairing, conversation, tags, audit and e-mail are stored
    // together or not at all.
    fn pairing_that_fails_at_any_point_leaves_no_rows(on: Builder) {
        let backend = on.backend();
        let app = on.start();
        prepare_failures(&app, backend);
        let practice = app.practice("Elm Dental", Some("desk@elm.example"));
        let link = NewLink { tags: vec!["poster".into()], welcome: Some("Hello.".into()), ..NewLink::plain("Poster") };
        let link = app.link_with(&practice.id, "222222", &link).id;
        // One recipient is notified immediately, one hourly: a single mail, and a digest with its mail.
        let (admin, member) = (app.staff_client(&practice, "ana", Role::Admin), app.staff_client(&practice, "bo", Role::Member));
        let notify = serde_json::json!({ "notify": [admin.staff_id, member.staff_id] });
        as_staff(&admin, app.patch(&format!("/v1/practice/links/{link}"), notify)).send().expect(200);
        let hourly = serde_json::json!({ "person": member.staff_id, "frequency": "hourly" });
        as_staff(&admin, app.patch("/v1/practice/notifications", hourly)).send().expect(200);

        let (proof, token) = (app.verify(&phone(1)), app.link_token("222222"));
        let before = row_counts(&app, &PAIRING);
        for table in PAIRING {
            for at_commit in [false, true] {
                fail_at(&app, backend, table, at_commit);
                let reply = app.post("/v1/accounts", sign_up_body(&proof, &token)).send();
                reply.problem(503, "unavailable");
                repair(&app, backend, table);
                assert_eq!(row_counts(&app, &PAIRING), before, "after a failure at {table}, at the commit: {at_commit}");
            }
        }
        app.post("/v1/accounts", sign_up_body(&proof, &token)).send().expect(201);
        let made: Vec<i64> = row_counts(&app, &PAIRING).iter().zip(&before).map(|(after, before)| after - before).collect();
        assert!(made.iter().all(|rows| *rows >= 1), "{PAIRING:?} {made:?}");
        app.advance(3600);
        app.deliver_all();
        assert_eq!(app.outbox("sent"), 3, "the code, a mail and a digest");
    }

    // What follows from a pairing happens once, though its first attempts fail, and nothing else waits for it.
    fn reaction_that_fails_is_tried_again_and_then_parked(on: Builder) {
        let backend = on.backend();
        let app = on.start();
        prepare_failures(&app, backend);
        let practice = app.practice("Elm Dental", Some("desk@elm.example"));
        app.link("222222", &practice.id);
        let admin = app.staff_client(&practice, "ana", Role::Admin);
        let hourly = serde_json::json!({ "person": practice.id, "frequency": "hourly" });
        as_staff(&admin, app.patch("/v1/practice/notifications", hourly)).send().expect(200);
        let before = row_counts(&app, &REACTIONS);
        app.sign_up_at(&phone(0), "222222");
        // There is room for one grade only, and that will be so next time.
        sabotage(&app, &["CREATE UNIQUE INDEX one_grade ON identity_grades ((grade IS NOT NULL))"]);
        let first = app.sign_up_at(&phone(1), "222222");
        let second = app.sign_up_at(&phone(2), "222222");
        app.deliver_all();
        let after = row_counts(&app, &REACTIONS);
        assert_eq!(after[3] - before[3], 1, "no other grade could be written");
        assert!((0..3).all(|table| after[table] > before[table]), "the other reactions went on: {before:?} {after:?}");
        let parked = || app.state.service.read_blocking(event_log::parked).unwrap();
        let seen: Vec<_> = parked().into_iter().map(|one| (one.reaction, one.attempts, one.parked_at.is_some())).collect();
        assert_eq!(seen, [("grading".to_owned(), 3, true), ("grading".to_owned(), 3, true)]);
        let text = app.get("/metrics").send().expect(200).text();
        assert!(text.contains("reaction_lag_events{reaction=\"grading\"} 0"), "{text}");
        sabotage(&app, &["DROP INDEX one_grade"]);
        for one in parked() {
            let read = |tx: &mut Tx| event_log::retry(tx, &app.state.reactions, &one.reaction, &one.event_id);
            assert!(app.write(read));
            assert!(!app.write(read), "it is parked no more");
        }
        let made = row_counts(&app, &REACTIONS)[3] - before[3];
        assert_eq!(made, 3, "{} {}", first.conversation_id, second.conversation_id);
        app.advance(3600);
        app.deliver_all();
    }

    // Whatever a full disk keeps from being done is done when there is room again, by itself.
    fn full_disk_parks_no_event(on: Builder) {
        let backend = on.backend();
        let app = on.start();
        fill_disk(&app, backend, "INSERT", "identity_grades");
        let before = row_counts(&app, &REACTIONS);
        for n in 0..3 {
            app.sign_up(&phone(n));
        }
        let parked = || app.state.service.read_blocking(event_log::parked).unwrap().len();
        assert_eq!((row_counts(&app, &REACTIONS)[3] - before[3], parked()), (0, 0));
        assert_eq!(app.count("SELECT count(*) FROM events WHERE seq IS NULL"), 0, "numbering goes on");
        repair(&app, backend, "identity_grades");
        app.react();
        assert_eq!((row_counts(&app, &REACTIONS)[3] - before[3], parked()), (3, 0));
    }

    // A text that is known to be sent is not sent again, however long that cannot be stored.
    fn sent_text_is_remembered_longer_than_its_lease(on: Builder) {
        let backend = on.backend();
        let app = on.start();
        fill_disk(&app, backend, "UPDATE", "deliveries");
        let worker = app.worker().spawn().unwrap();
        app.start(&phone(0));
        wait_until("the text", || app.transport.attempts().len() == 1);
        for _ in 0..3 {
            app.advance(60);
            app.state.service.signals.outbox.notify();
            thread::sleep(Duration::from_millis(700));
        }
        assert_eq!((app.outbox("sent"), app.count("SELECT CAST(attempts AS BIGINT) FROM outbox")), (0, 4), "it was claimed again");
        repair(&app, backend, "deliveries");
        wait_until("that it is stored", || app.outbox("sent") == 1);
        worker.into_thread().join().unwrap();
        assert_eq!(app.transport.attempts().len(), 1);
    }
}

both! {
    // Case 5: failing statements and commits.
    fn uncounted_guess_is_never_answered(on: Builder) {
        let backend = on.backend();
        let app = unlimited(on);
        let all = begin_all(&app);
        break_steps(&app, backend);
        let disclosed = hammer_all(&app, &all, &AtomicUsize::new(0));
        repair_steps(&app, backend);
        check_counts(&app, disclosed);
        prove_all(&app, &all);
    }
}

postgres! {
    // Case 5: failing connections.
    fn guess_on_a_cut_connection_is_never_answered_uncounted(on: Builder) {
        let app = unlimited(on);
        let all = begin_all(&app);
        let (over, answers) = (AtomicBool::new(false), AtomicUsize::new(0));
        let (disclosed, cut) = thread::scope(|scope| {
            let cutter = scope.spawn(|| cut_until(&app, &over, &answers));
            let disclosed = hammer_all(&app, &all, &answers);
            over.store(true, Ordering::SeqCst);
            (disclosed, cutter.join().unwrap())
        });
        assert!(cut > 100, "{cut} connections cut");
        check_counts(&app, disclosed);
        prove_all(&app, &all);
    }
}
