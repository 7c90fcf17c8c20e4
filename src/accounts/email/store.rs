//! The rows of `email_checks`.

use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel::{insert_into, update};

use crate::db::schema::email_checks;
use crate::db::{Both, Conn, Result, columns};
use crate::kit::{Email, Timestamp};

/// An address that is being proven.
#[derive(Queryable, Selectable)]
#[diesel(table_name = email_checks)]
pub struct Row {
    /// Whose.
    pub account_id: String,
    /// The address.
    pub email: String,
    /// What its code is made of.
    pub seed: String,
}

/// Lets an account prove an address; what it was proving before is forgotten.
pub fn upsert(
    conn: &mut Conn,
    account_id: &str,
    email: &Email,
    seed: &str,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<usize> {
    let row = (
        email_checks::account_id.eq(account_id),
        email_checks::email.eq(email.as_str()),
        email_checks::seed.eq(seed),
        email_checks::tries.eq(0),
        email_checks::created_at.eq(now),
        email_checks::expires_at.eq(expires_at),
    );
    let upsert =
        insert_into(email_checks::table).values(row).on_conflict(email_checks::account_id).do_update().set((
            email_checks::email.eq(excluded(email_checks::email)),
            email_checks::seed.eq(excluded(email_checks::seed)),
            email_checks::tries.eq(excluded(email_checks::tries)),
            email_checks::created_at.eq(excluded(email_checks::created_at)),
            email_checks::expires_at.eq(excluded(email_checks::expires_at)),
        ));
    Ok(Both(upsert).execute(conn)?)
}

/// What an account is proving with the code made of `seed`.
pub fn find(conn: &mut Conn, account_id: &str, seed: &str, now: Timestamp) -> Result<Option<Row>> {
    let row = email_checks::table
        .find(account_id)
        .filter(email_checks::seed.eq(seed))
        .filter(email_checks::expires_at.gt(now));
    Ok(row.select(columns::<Row>()).first(conn).optional()?)
}

/// Takes a try, where there is one left.
pub fn take_try(conn: &mut Conn, account_id: &str, most: i32, now: Timestamp) -> Result<Option<Row>> {
    let row = email_checks::table
        .filter(email_checks::account_id.eq(account_id))
        .filter(email_checks::tries.lt(most))
        .filter(email_checks::expires_at.gt(now));
    let taken = update(row).set(email_checks::tries.eq(email_checks::tries + 1)).returning(columns::<Row>());
    Ok(taken.get_result(conn).optional()?)
}

/// Gives it back.
pub fn return_try(conn: &mut Conn, account_id: &str) -> Result<usize> {
    let row = email_checks::table.find(account_id);
    Ok(update(row).set(email_checks::tries.eq(email_checks::tries - 1)).execute(conn)?)
}

/// Deletes what an account was proving.
pub fn delete(conn: &mut Conn, account_id: &str) -> Result<usize> {
    Ok(diesel::delete(email_checks::table.find(account_id)).execute(conn)?)
}

/// Deletes what expired.
pub fn delete_expired(conn: &mut Conn, now: Timestamp) -> Result<usize> {
    Ok(diesel::delete(email_checks::table.filter(email_checks::expires_at.le(now))).execute(conn)?)
}
