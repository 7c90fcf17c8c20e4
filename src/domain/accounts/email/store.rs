//! Queries on `email_codes`.

use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel::{insert_into, update};

use crate::kit::{AccountId, Email, Timestamp};
use crate::platform::db::schema::email_codes;
use crate::platform::db::{Both, Conn, Result, columns};

/// A code that was mailed to an address.
#[derive(Queryable, Selectable)]
#[diesel(table_name = email_codes)]
pub struct EmailCode {
    /// The account id when an address is being proven, the session id when a restriction is being lifted.
    pub asked_by: String,
    pub account_id: AccountId,
    pub email: String,
    /// Random seed that the code is derived from.
    pub seed: String,
}

/// Stores the seed of a code; it replaces the earlier one of the same account or session.
pub(super) fn upsert(
    conn: &mut Conn,
    asked_by: &str,
    account_id: &AccountId,
    email: &Email,
    seed: &str,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<usize> {
    let row = (
        email_codes::asked_by.eq(asked_by),
        email_codes::account_id.eq(account_id),
        email_codes::email.eq(email.as_str()),
        email_codes::seed.eq(seed),
        email_codes::tries.eq(0),
        email_codes::created_at.eq(now),
        email_codes::expires_at.eq(expires_at),
    );
    let upsert =
        insert_into(email_codes::table).values(row).on_conflict(email_codes::asked_by).do_update().set((
            email_codes::email.eq(excluded(email_codes::email)),
            email_codes::seed.eq(excluded(email_codes::seed)),
            email_codes::tries.eq(excluded(email_codes::tries)),
            email_codes::created_at.eq(excluded(email_codes::created_at)),
            email_codes::expires_at.eq(excluded(email_codes::expires_at)),
        ));
    Ok(Both(upsert).execute(conn)?)
}

/// The address for the code of `seed`, until the code expires.
pub(super) fn find(conn: &mut Conn, asked_by: &str, seed: &str, now: Timestamp) -> Result<Option<EmailCode>> {
    let row = email_codes::table
        .find(asked_by)
        .filter(email_codes::seed.eq(seed))
        .filter(email_codes::expires_at.gt(now));
    Ok(row.select(columns::<EmailCode>()).first(conn).optional()?)
}

/// Counts a try, if one is left; otherwise `None`.
pub(super) fn take_try(
    conn: &mut Conn,
    asked_by: &str,
    most: i32,
    now: Timestamp,
) -> Result<Option<EmailCode>> {
    let row = email_codes::table
        .filter(email_codes::asked_by.eq(asked_by))
        .filter(email_codes::tries.lt(most))
        .filter(email_codes::expires_at.gt(now));
    let taken =
        update(row).set(email_codes::tries.eq(email_codes::tries + 1)).returning(columns::<EmailCode>());
    Ok(taken.get_result(conn).optional()?)
}

/// Undoes [`take_try`] for a correct code.
pub(super) fn return_try(conn: &mut Conn, asked_by: &str) -> Result<usize> {
    let row = email_codes::table.find(asked_by);
    Ok(update(row).set(email_codes::tries.eq(email_codes::tries - 1)).execute(conn)?)
}

/// Deletes the codes of an account and of its sessions.
pub(super) fn delete(conn: &mut Conn, account_id: &AccountId) -> Result<usize> {
    let rows = email_codes::table.filter(email_codes::account_id.eq(account_id));
    Ok(diesel::delete(rows).execute(conn)?)
}

pub(super) fn delete_expired(conn: &mut Conn, now: Timestamp) -> Result<usize> {
    Ok(diesel::delete(email_codes::table.filter(email_codes::expires_at.le(now))).execute(conn)?)
}
