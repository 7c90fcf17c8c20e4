//! Development only: messages are stored for `/dev` instead of being sent, to try the sign-up with.

mod send;
mod store;

pub(in crate::delivery) use self::send::Development;
pub use self::store::CaughtMessage;
use crate::kit::CaughtMessageId;
use crate::platform::outbox::Channel;
use crate::platform::{Tx, db};

/// Its name in the settings, in metrics and in `deliveries`.
pub(in crate::delivery) const NAME: &str = "development";

/// A message that a development provider caught instead of sending it.
pub struct NewCaughtMessage<'a> {
    /// The same for every attempt, so that a repeated message is shown once.
    pub dedupe_key: &'a str,
    pub channel: Channel,
    /// The phone number or e-mail address.
    pub to: &'a str,
    /// The text; the first line of an e-mail is its subject.
    pub body: &'a str,
    /// The one-time code in the text.
    pub code: Option<&'a str>,
}

/// Stores a message for `/dev`.
pub fn catch(tx: &mut Tx, new: &NewCaughtMessage<'_>) -> db::Result<()> {
    let id = tx.id::<CaughtMessageId>();
    store::insert(tx.conn, &id, new, tx.now)
}

/// The newest messages, newest first; with `to` only those to that recipient.
pub fn list(tx: &mut Tx, to: Option<&str>) -> db::Result<Vec<CaughtMessage>> {
    store::newest(tx.conn, to, 100)
}
