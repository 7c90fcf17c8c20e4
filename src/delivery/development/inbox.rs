//! Development only: every message that was sent, and a phone to try the sign-up with. In production none
//! of these routes exist.

pub use super::store::Caught;

use crate::delivery::development::store;
use crate::kit::ids::CaughtMessageId;
use crate::platform::db;
use crate::platform::tx::Tx;

/// A message that a development provider caught instead of sending it.
pub struct NewCaught<'a> {
    /// The same for every attempt, so that a repeated message is shown once.
    pub dedupe_key: &'a str,
    /// The channel: `sms`, `voice` or `email`.
    pub channel: &'a str,
    /// The phone number or e-mail address.
    pub to: &'a str,
    /// The text; the first line of an e-mail is its subject.
    pub body: &'a str,
    /// The one-time code in the text.
    pub code: Option<&'a str>,
}

/// Stores a message for `/dev`.
pub fn catch(tx: &mut Tx, new: &NewCaught<'_>) -> db::Result<()> {
    let id = tx.id::<CaughtMessageId>();
    store::insert(tx.conn, &id, new, tx.now)
}

/// The newest messages, newest first; with `to` only those to that recipient.
pub fn caught(tx: &mut Tx, to: Option<&str>) -> db::Result<Vec<Caught>> {
    store::newest(tx.conn, to, 100)
}
