//! The basis of `db`: one query runs through the two-backend connection. `walk_variant_ast` is public but
//! undocumented, so diesel is pinned, and these tests show when a new version changes it.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::upsert::excluded;
use practice_links::platform::Tx;
use practice_links::platform::db::schema::budgets;
use practice_links::platform::db::{self, Both};

use crate::harness::{Backend, TestApp};

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
