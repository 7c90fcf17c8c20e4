//! The basis of `db`: one query runs through the two-backend connection. `walk_variant_ast` is public but
//! undocumented, so diesel is pinned, and these tests show when a new version changes it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use diesel::connection::InstrumentationEvent;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::upsert::excluded;
use practice_links::platform::Tx;
use practice_links::platform::db::schema::{account_sessions, accounts, budgets, refresh_tokens};
use practice_links::platform::db::{self, Both, Inserts};

use crate::harness::{Backend, Builder, TestApp};

/// Inserts `hits` under `key` or replaces them; returns the stored value.
fn upsert(tx: &mut Tx, key: &str, hits: &str) -> db::Result<String> {
    let row = (budgets::key.eq(key), budgets::hits.eq(hits), budgets::expires_at.eq(0));
    let insert = diesel::insert_into(budgets::table)
        .values(row)
        .on_conflict(budgets::key)
        .do_update()
        .set(budgets::hits.eq(excluded(budgets::hits)))
        .returning(budgets::hits);
    Ok(Both(insert).get_result(tx.conn)?)
}

fn rows(app: &TestApp) -> i64 {
    app.count("SELECT count(*) FROM budgets")
}

both! {
    fn upsert_returns_what_it_wrote(app: TestApp) {
        assert_eq!(app.write(|tx| upsert(tx, "a", "first")), "first");
        assert_eq!(app.write(|tx| upsert(tx, "a", "second")), "second");
        assert_eq!(rows(&app), 1);
    }

    fn error_rolls_back_the_upsert(app: TestApp) {
        let refused = app.state.service.write_blocking(|tx| {
            upsert(tx, "a", "gone")?;
            Err::<(), _>(db::Error::Busy)
        });
        assert!(refused.is_err());
        assert_eq!(rows(&app), 0);
    }

    fn savepoint_rolls_back_only_its_own_changes(app: TestApp) {
        app.write(|tx| {
            upsert(tx, "kept", "x")?;
            #[expect(clippy::disallowed_methods, reason = "the test is about the nested transaction")]
            let inner = tx.conn.transaction(|conn| {
                diesel::delete(budgets::table).execute(conn)?;
                Err::<(), _>(diesel::result::Error::RollbackTransaction)
            });
            assert!(inner.is_err());
            Ok(())
        });
        assert_eq!(rows(&app), 1);
    }

    fn conditional_update_returns_the_matched_rows(app: TestApp) {
        for key in ["a", "b", "c"] {
            app.write(|tx| upsert(tx, key, "old"));
        }
        let matched: Vec<String> = app.write(|tx| {
            let rows = budgets::table.filter(budgets::key.eq_any(["a", "c", "x"])).filter(budgets::hits.eq("old"));
            let update = diesel::update(rows).set(budgets::hits.eq("new")).returning(budgets::key);
            Ok(update.get_results(tx.conn)?)
        });
        assert_eq!(matched.len(), 2);
    }

    fn panic_rolls_back_and_the_next_call_works(app: TestApp) {
        let inner = app.state.service.clone();
        let panicked = std::thread::spawn(move || {
            inner.write_blocking(|tx| -> db::Result<()> {
                upsert(tx, "a", "gone")?;
                panic!("in the middle of a transaction");
            })
        });
        assert!(panicked.join().is_err());
        assert_eq!(rows(&app), 0);
        assert_eq!(app.write(|tx| upsert(tx, "a", "fine")), "fine");
    }
}

/// Every kind of statement that diesel itself would prepare anew each time, the same each time it is called.
fn uncacheable(tx: &mut Tx) -> db::Result<()> {
    upsert(tx, "a", "first")?;
    diesel::update(budgets::table.find("a")).set(budgets::hits.eq("second")).execute(tx.conn)?;
    budgets::table.filter(budgets::key.eq_any(["a", "b"])).select(budgets::hits).load::<String>(tx.conn)?;
    diesel::select(diesel::dsl::sql::<BigInt>("1 + ").bind::<BigInt, _>(1)).get_result::<i64>(tx.conn)?;
    Ok(())
}

/// The rows of a session, with foreign keys from each to the one before.
fn session(account: &'static str, session_account: &'static str) -> Inserts<'static> {
    Inserts::new()
        .and(diesel::insert_into(accounts::table).values((
            accounts::id.eq(account),
            accounts::phone.eq(format!("+1415{account}")),
            accounts::created_at.eq(0_i64),
        )))
        .and(diesel::insert_into(account_sessions::table).values((
            account_sessions::id.eq(account),
            account_sessions::account_id.eq(session_account),
            account_sessions::scope.eq("full"),
            account_sessions::created_at.eq(0_i64),
        )))
        .and(diesel::insert_into(refresh_tokens::table).values((
            refresh_tokens::hash.eq(account),
            refresh_tokens::session_id.eq(account),
            refresh_tokens::created_at.eq(0_i64),
            refresh_tokens::expires_at.eq(0_i64),
        )))
}

both! {
    fn every_statement_is_prepared_once(app: TestApp) {
        let prepared = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&prepared);
        app.state.service.write_blocking(move |tx| {
            tx.conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
                if let InstrumentationEvent::CacheQuery { sql, .. } = event {
                    seen.lock().unwrap().push(sql.to_owned());
                }
            });
            uncacheable(tx)?;
            uncacheable(tx)
        }).unwrap();
        let prepared = prepared.lock().unwrap();
        assert_eq!(prepared.len(), 4, "{prepared:#?}");
    }

    fn rows_of_several_tables_take_one_round_trip(on: Builder) {
        let round_trips = match on.backend() {
            Backend::Sqlite => 3,
            Backend::Postgres => 1,
        };
        let app = on.start();
        let sent = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&sent);
        app.state.service.write_blocking(move |tx| {
            tx.conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
                if matches!(event, InstrumentationEvent::StartQuery { .. }) {
                    count.fetch_add(1, Ordering::SeqCst);
                }
            });
            session("1", "1").execute(tx.conn)?;
            Inserts::new().execute(tx.conn)
        }).unwrap();
        // The last one is the COMMIT.
        assert_eq!(sent.load(Ordering::SeqCst), round_trips + 1);
        assert_eq!(app.count("SELECT count(*) FROM refresh_tokens WHERE session_id = '1'"), 1);
        let refused = app.state.service.write_blocking(|tx| session("2", "3").execute(tx.conn));
        assert!(refused.unwrap_err().to_string().contains("foreign key violation"));
        assert_eq!(app.count("SELECT count(*) FROM accounts"), 1);
    }
}

/// An operator reads this in the log; the library's message, which can quote a row, is not shown.
#[test]
fn full_disk_is_named() {
    let app = TestApp::new(Backend::Sqlite);
    let fill = |conn: &mut db::Conn| {
        let pages: i64 = diesel::dsl::sql::<BigInt>("PRAGMA page_count").get_result(conn)?;
        diesel::sql_query(format!("PRAGMA max_page_count = {}", pages + 8)).execute(conn)?;
        let row = (budgets::key.eq("full"), budgets::hits.eq("x".repeat(1 << 20)), budgets::expires_at.eq(0));
        Ok(diesel::insert_into(budgets::table).values(row).execute(conn)?)
    };
    let refused = app.state.service.db.write_blocking::<_, db::Error>(fill).unwrap_err();
    assert_eq!(refused.to_string(), "a statement failed: the disk is full");
    // The limit is one of that connection, which the next writer must not inherit.
    let lift =
        |conn: &mut db::Conn| Ok(diesel::sql_query("PRAGMA max_page_count = 4294967294").execute(conn)?);
    app.state.service.db.write_blocking::<_, db::Error>(lift).unwrap();
}
