//! The basis of `db`: one query runs through the two-backend connection. `walk_variant_ast` is public but
//! undocumented, so diesel is pinned, and these tests show when a new version changes it.

use diesel::prelude::*;
use diesel::upsert::excluded;
use practice_links::db::schema::budgets;
use practice_links::db::{self, Both, Conn};

use crate::harness::TestApp;

/// Inserts `hits` under `key` or replaces them; returns the stored value.
fn upsert(conn: &mut Conn, key: &str, hits: &str) -> db::Result<String> {
    let row = (budgets::key.eq(key), budgets::hits.eq(hits), budgets::expires_at.eq(0));
    let insert = diesel::insert_into(budgets::table)
        .values(row)
        .on_conflict(budgets::key)
        .do_update()
        .set(budgets::hits.eq(excluded(budgets::hits)))
        .returning(budgets::hits);
    Ok(Both(insert).get_result(conn)?)
}

fn rows(app: &TestApp) -> i64 {
    app.count("SELECT count(*) FROM budgets")
}

both! {
    fn upsert_returns_what_it_wrote(app: TestApp) {
        assert_eq!(app.write(|_, conn| upsert(conn, "a", "first")), "first");
        assert_eq!(app.write(|_, conn| upsert(conn, "a", "second")), "second");
        assert_eq!(rows(&app), 1);
    }

    fn error_rolls_back_the_upsert(app: TestApp) {
        let refused = app.inner.write_blocking(|_, conn| {
            upsert(conn, "a", "gone")?;
            Err::<(), _>(db::Error::Busy)
        });
        assert!(refused.is_err());
        assert_eq!(rows(&app), 0);
    }

    fn savepoint_rolls_back_only_its_own_changes(app: TestApp) {
        app.write(|_, conn| {
            upsert(conn, "kept", "x")?;
            #[expect(clippy::disallowed_methods, reason = "the test is about the nested transaction")]
            let inner = conn.transaction(|conn| {
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
            app.write(|_, conn| upsert(conn, key, "old"));
        }
        let matched: Vec<String> = app.write(|_, conn| {
            let rows = budgets::table.filter(budgets::key.eq_any(["a", "c", "x"])).filter(budgets::hits.eq("old"));
            let update = diesel::update(rows).set(budgets::hits.eq("new")).returning(budgets::key);
            Ok(update.get_results(conn)?)
        });
        assert_eq!(matched.len(), 2);
    }

    fn panic_rolls_back_and_the_next_call_works(app: TestApp) {
        let inner = app.inner.clone();
        let panicked = std::thread::spawn(move || {
            inner.write_blocking(|_, conn| -> db::Result<()> {
                upsert(conn, "a", "gone")?;
                panic!("in the middle of a transaction");
            })
        });
        assert!(panicked.join().is_err());
        assert_eq!(rows(&app), 0);
        assert_eq!(app.write(|_, conn| upsert(conn, "a", "fine")), "fine");
    }
}
