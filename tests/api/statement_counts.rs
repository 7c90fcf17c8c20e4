//! What a whole sign-up costs the database, worker, event log and reactions included. A statement
//! costs a round trip, and a transaction a commit: these counts are what decides how many sign-ups a second
//! one database takes. Whoever lowers them lowers the ceilings.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use practice_links::platform::db::Counts;

use crate::harness::{Backend, Builder, DEMO, TestApp, Verification, phone, sign_up_body, together};

/// Statements and transactions of one sign-up that runs alone and shares no batch: 87 and 10 were measured.
const ALONE: Counts = Counts { statements: 90, transactions: 12 };
/// The same for one of [`TOGETHER`] that run at once: 43 and 2 on SQLite, 36 and 4 on PostgreSQL.
const ONE_OF_MANY: Counts = Counts { statements: 45, transactions: 5 };
const TOGETHER: u32 = 16;
/// The event log is looked at every few seconds, and a measurement can meet one of these looks.
const TURNS: u32 = 3;

/// Delivers what is due and runs background tasks, as the worker does. `TestApp::deliver_all` counts rows, and
/// would be counted itself.
fn deliver(app: &TestApp) {
    while app.deliver_batch() > 0 {}
}

/// Waits until the reactions have followed what was committed.
fn settle(app: &TestApp) {
    let db = &app.state.service.db;
    let mut seen = db.counts();
    loop {
        thread::sleep(Duration::from_millis(120));
        let now = db.counts();
        if now == seen {
            return;
        }
        seen = now;
    }
}

/// From the practice's link to the practice's notice, for the numbers from `first` on.
fn sign_up(app: &TestApp, first: u32, many: u32) {
    let threads = usize::try_from(many).unwrap();
    let number = |index: usize| phone(first + u32::try_from(index).unwrap());
    let begun: Vec<Verification> = together(threads, |index| app.start(&number(index)));
    deliver(app);
    let code = |phone: &str| app.transport.sent_to(phone).into_iter().rev().find_map(|message| message.code);
    let codes: Vec<String> = begun.iter().map(|it| code(&it.phone).expect("no code was sent")).collect();
    let checked = together(threads, |index| app.check(&begun[index], &codes[index]).expect(200));
    let proofs: Vec<String> = checked.iter().map(|reply| reply.str("/phone_proof")).collect();
    together(threads, |index| {
        let body = sign_up_body(&proofs[index], &app.link_token(DEMO));
        app.post("/v1/accounts", body).send().expect(201);
    });
    settle(app);
    deliver(app);
    settle(app);
}

/// The least of several turns, and the texts of the last one.
fn measure(app: &TestApp, many: u32) -> (Counts, BTreeMap<String, u64>) {
    let db = &app.state.service.db;
    // The first sign-ups of a process and of a practice do what later ones find done.
    sign_up(app, 0, many);
    db.keep_texts();
    let mut least: Option<Counts> = None;
    for turn in 1..=TURNS {
        db.take_texts();
        let before = db.counts();
        sign_up(app, turn * 100, many);
        let after = db.counts();
        let each = |sum: u64| sum.div_ceil(u64::from(many));
        let statements = each(after.statements - before.statements);
        let transactions = each(after.transactions - before.transactions);
        least = Some(least.map_or(Counts { statements, transactions }, |least| Counts {
            statements: least.statements.min(statements),
            transactions: least.transactions.min(transactions),
        }));
    }
    (least.unwrap(), db.take_texts())
}

fn check(app: &TestApp, many: u32, most: Counts) {
    let (counts, texts) = measure(app, many);
    if counts.statements > most.statements || counts.transactions > most.transactions {
        let mut texts: Vec<_> = texts.into_iter().collect();
        texts.sort_by_key(|(text, count)| (std::cmp::Reverse(*count), text.clone()));
        let texts: Vec<String> = texts.iter().map(|(text, count)| format!("{count:6} {text}")).collect();
        panic!("a sign-up takes {counts:?}, more than {most:?}; in {many}:\n{}", texts.join("\n"));
    }
    app.leave_outbox();
}

/// Rate limits are not what is measured.
fn unlimited(on: Builder) -> TestApp {
    on.pool(16).config(|config| config.limits.scale = 1000.0).reacts_in_background().start()
}

both! {
    fn statements_of_a_sign_up_do_not_grow(on: Builder) {
        check(&unlimited(on), 1, ALONE);
    }

    fn statements_of_sign_ups_at_once_do_not_grow(on: Builder) {
        check(&unlimited(on), TOGETHER, ONE_OF_MANY);
    }
}

postgres! {
    // With a database 20 ms away each statement is 20 ms in which a place is taken.
    fn sign_up_call_takes_eight_round_trips(on: Builder) {
        let app = unlimited(on);
        app.state.service.db.keep_texts();
        let least = (0..10).map(|number| {
            let number = phone(number);
            let begun = app.start(&number);
            deliver(&app);
            let code = app.transport.sent_to(&number).pop().unwrap().code.unwrap();
            let proof = app.check(&begun, &code).expect(200).str("/phone_proof");
            let body = sign_up_body(&proof, &app.link_token(DEMO));
            settle(&app);
            app.state.service.db.take_texts();
            app.post("/v1/accounts", body).send().expect(201);
            app.state.service.db.take_texts()
        });
        // The event log's thread begins before the answer is here: what is its own does not count.
        let log = ["reaction_cursors", "pg_try_advisory", "SELECT \"events\"", "BEGIN", "COMMIT"];
        let is_own = |text: &str| !log.iter().any(|word| text.contains(word));
        let count = |texts: &BTreeMap<String, u64>| {
            texts.iter().filter(|(text, _)| is_own(text)).map(|(_, count)| count).sum::<u64>() + 2
        };
        let least = least.min_by_key(count).unwrap();
        settle(&app);
        deliver(&app);
        assert!(count(&least) <= 8, "{} statements: {least:#?}", count(&least));
        app.leave_outbox();
    }
}

/// The counts are right: a transaction of two statements.
#[test]
fn begin_commit_and_savepoints_are_counted() {
    let app = TestApp::new(Backend::Sqlite);
    settle_once(&app, || {
        app.count("SELECT count(*) FROM budgets");
    });
}

/// The event stream of the app counts as well, so the smallest difference of several is taken.
fn settle_once(app: &TestApp, work: impl Fn()) {
    let db = &app.state.service.db;
    let differences = (0..20).map(|_| {
        let before = db.counts();
        work();
        let after = db.counts();
        (after.statements - before.statements, after.transactions - before.transactions)
    });
    assert_eq!(differences.min(), Some((3, 1)));
}
