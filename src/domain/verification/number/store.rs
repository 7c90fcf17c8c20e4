//! Queries on `check_budgets`, the limits of a number: one row for its messages and its wrong codes.

use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel::query_dsl::methods::FilterDsl;
use diesel::sql_types::{BigInt, Integer, Text};
use diesel::upsert::excluded;
use diesel::{insert_into, update};

use crate::kit::{Timestamp, VerificationId};
use crate::platform::db::schema::{budgets, check_budgets, verifications};
use crate::platform::db::{Both, Conn, Result, columns};
use crate::platform::rate_limits::{DIGITS, Guard};

/// The row of a number.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = check_budgets)]
pub(in crate::domain::verification) struct NumberRow {
    pub phone_key: String,
    /// Wrong codes in the current window.
    pub fails: i32,
    pub fails_in_a_row: i32,
    pub next_check_at: Timestamp,
    /// The times of its latest messages.
    pub sent: String,
}

/// The log of a row from before its column: its messages are in `budgets`.
pub(super) const ELSEWHERE: &str = "?";

#[diesel::declare_sql_function]
extern "SQL" {
    fn substr(text: Text, start: Integer, length: Integer) -> Text;
}

/// Counts a message to the number where its limit has room, in one statement: the row is there and locked
/// from then on. `None` if there is no room, or if the log is elsewhere.
pub(super) fn count_message(
    conn: &mut Conn,
    phone_key: &str,
    at: &str,
    length: i32,
    guards: &[Guard; 3],
) -> Result<Option<NumberRow>> {
    let [a, b, c] = guards;
    let is_left = |guard: &Guard| substr(check_budgets::sent, guard.place, DIGITS).le(guard.left.clone());
    let row = (
        check_budgets::phone_key.eq(phone_key),
        check_budgets::fails.eq(0),
        check_budgets::fails_in_a_row.eq(0),
        check_budgets::window_ends_at.eq(0),
        check_budgets::next_check_at.eq(0),
        check_budgets::sent.eq(at),
    );
    let log = excluded(check_budgets::sent).concat(",").concat(check_budgets::sent);
    let upsert = insert_into(check_budgets::table)
        .values(row)
        .on_conflict(check_budgets::phone_key)
        .do_update()
        .set(check_budgets::sent.eq(substr(log, 1, length)));
    let is_here = check_budgets::sent.ne(ELSEWHERE);
    let upsert = FilterDsl::filter(upsert, is_left(a).and(is_left(b)).and(is_left(c)).and(is_here));
    Ok(Both(upsert.returning(columns::<NumberRow>())).get_result(conn).optional()?)
}

/// Takes the latest message out of the log again.
pub(super) fn take_back_message(conn: &mut Conn, phone_key: &str) -> Result<usize> {
    let rest = substr(check_budgets::sent, DIGITS + 2, i32::MAX);
    Ok(update(check_budgets::table.find(phone_key)).set(check_budgets::sent.eq(rest)).execute(conn)?)
}

/// Replaces the log if it is still `old`, and locks the row in any case.
pub(super) fn swap_log(conn: &mut Conn, phone_key: &str, old: &str, new: &str) -> Result<Option<NumberRow>> {
    let row = FilterDsl::filter(check_budgets::table.find(phone_key), check_budgets::sent.eq(old));
    let change = update(row).set(check_budgets::sent.eq(new));
    Ok(change.returning(columns::<NumberRow>()).get_result(conn).optional()?)
}

/// The hits of a row of rate limits.
pub(super) fn log_elsewhere(conn: &mut Conn, key: &str) -> Result<Option<String>> {
    Ok(QueryDsl::select(budgets::table.find(key), budgets::hits).first(conn).optional()?)
}

pub(super) fn find(conn: &mut Conn, phone_key: &str) -> Result<Option<NumberRow>> {
    Ok(QueryDsl::select(check_budgets::table.find(phone_key), columns::<NumberRow>())
        .first(conn)
        .optional()?)
}

/// When a number may be checked.
pub(super) struct Checks {
    pub hard_stop: i32,
    pub now: Timestamp,
    /// A wait further off than any we set precedes a clock that was put back, and is over.
    pub longest_wait: Timestamp,
    /// The end of a window that begins now; one that ends later is over, likewise.
    pub window_end: Timestamp,
}

/// Takes one check from the number of a session that is not verified, for a client that has its secret, and
/// locks the number's row until the transaction ends; `None` if there is no such session, or if its number
/// may not be checked now. After the window has ended, a new one starts with this check.
pub(super) fn take_check(
    conn: &mut Conn,
    id: &VerificationId,
    secret_hash: &str,
    checks: &Checks,
) -> Result<Option<NumberRow>> {
    let session = FilterDsl::filter(
        verifications::table,
        verifications::id
            .eq(id)
            .and(verifications::client_secret_hash.eq(secret_hash))
            .and(verifications::verified_at.is_null()),
    );
    let may_check =
        check_budgets::next_check_at.le(checks.now).or(check_budgets::next_check_at.gt(checks.longest_wait));
    let row = FilterDsl::filter(
        check_budgets::table,
        check_budgets::phone_key
            .eq_any(QueryDsl::select(session, verifications::phone_key))
            .and(may_check)
            .and(check_budgets::fails_in_a_row.lt(checks.hard_stop)),
    );
    let over = || {
        let ahead = check_budgets::window_ends_at.gt(checks.window_end);
        check_budgets::window_ends_at.le(checks.now).or(ahead)
    };
    let window_end = case_when(over(), checks.window_end.into_sql::<BigInt>());
    let change = (
        check_budgets::fails
            .eq(case_when(over(), 1.into_sql::<Integer>()).otherwise(check_budgets::fails + 1)),
        check_budgets::window_ends_at.eq(window_end.otherwise(check_budgets::window_ends_at)),
        check_budgets::fails_in_a_row.eq(check_budgets::fails_in_a_row + 1),
    );
    Ok(update(row).set(change).returning(columns::<NumberRow>()).get_result(conn).optional()?)
}

/// Undoes [`take_check`] if nothing was compared.
pub(super) fn return_check(conn: &mut Conn, phone_key: &str) -> Result<usize> {
    let change = (
        check_budgets::fails.eq(check_budgets::fails - 1),
        check_budgets::fails_in_a_row.eq(check_budgets::fails_in_a_row - 1),
    );
    Ok(update(check_budgets::table.find(phone_key)).set(change).execute(conn)?)
}

/// Undoes [`take_check`] for a correct code.
pub(super) fn clear_checks(conn: &mut Conn, phone_key: &str) -> Result<usize> {
    let change = (check_budgets::fails.eq(check_budgets::fails - 1), check_budgets::fails_in_a_row.eq(0));
    Ok(update(check_budgets::table.find(phone_key)).set(change).execute(conn)?)
}

/// Refuses checks of the number until `at`.
pub(super) fn delay_checks(conn: &mut Conn, phone_key: &str, at: Timestamp) -> Result<usize> {
    let row = check_budgets::table.find(phone_key);
    Ok(update(row).set(check_budgets::next_check_at.eq(at)).execute(conn)?)
}

/// Unlocks a number after the hard stop.
pub(super) fn reset_checks(conn: &mut Conn, phone_key: &str) -> Result<usize> {
    let change =
        (check_budgets::fails.eq(0), check_budgets::fails_in_a_row.eq(0), check_budgets::next_check_at.eq(0));
    Ok(update(check_budgets::table.find(phone_key)).set(change).execute(conn)?)
}
