//! Responses that are kept for 24 hours, encrypted, under a hash of their `Idempotency-Key`.

mod store;

use std::time::Duration;

pub use store::StoredResponse;

use crate::platform::{Tx, db};

const KEPT: Duration = Duration::from_hours(24);

/// The response stored under a key, if it has not expired.
pub fn find(tx: &mut Tx, key_hash: &str) -> db::Result<Option<StoredResponse>> {
    store::find(tx.conn, key_hash, tx.now)
}

/// Stores a response for 24 hours; it replaces an expired one.
pub fn insert(tx: &mut Tx, key_hash: &str, response: &StoredResponse) -> db::Result<()> {
    store::insert(tx.conn, key_hash, response, tx.now + KEPT)
}

/// Deletes the responses that expired.
pub fn sweep(tx: &mut Tx) -> db::Result<usize> {
    store::delete_expired(tx.conn, tx.now)
}
