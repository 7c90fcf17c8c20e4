//! Queries on `idempotency_keys`.

use diesel::insert_into;
use diesel::prelude::*;

use crate::kit::Timestamp;
use crate::platform::db::schema::idempotency_keys;
use crate::platform::db::{Both, Conn, Result, columns};

/// A response stored under a key.
#[derive(Queryable, Selectable)]
#[diesel(table_name = idempotency_keys)]
pub struct StoredResponse {
    /// MAC of the request's path and body, to tell a repetition from another request.
    pub request_mac: String,
    /// The response, encrypted by [`crate::kit::seal`].
    pub answer: Vec<u8>,
}

/// The response stored under a key, if it has not expired.
pub(super) fn find(conn: &mut Conn, key_hash: &str, now: Timestamp) -> Result<Option<StoredResponse>> {
    let row = idempotency_keys::table.find(key_hash).filter(idempotency_keys::expires_at.gt(now));
    Ok(row.select(columns::<StoredResponse>()).first(conn).optional()?)
}

/// Stores a response; it replaces an expired one.
pub(super) fn insert(
    conn: &mut Conn,
    key_hash: &str,
    response: &StoredResponse,
    ends: Timestamp,
) -> Result<()> {
    let values = (
        idempotency_keys::request_mac.eq(&response.request_mac),
        idempotency_keys::answer.eq(&response.answer),
        idempotency_keys::expires_at.eq(ends),
    );
    let upsert = insert_into(idempotency_keys::table)
        .values((idempotency_keys::key_hash.eq(key_hash), values))
        .on_conflict(idempotency_keys::key_hash)
        .do_update()
        .set(values);
    Both(upsert).execute(conn)?;
    Ok(())
}

/// Deletes the keys that expired before `now`.
pub(super) fn delete_expired(conn: &mut Conn, now: Timestamp) -> Result<usize> {
    Ok(diesel::delete(idempotency_keys::table.filter(idempotency_keys::expires_at.lt(now))).execute(conn)?)
}
