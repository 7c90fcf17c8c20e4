//! Queries on `caught_messages`.

use diesel::insert_into;
use diesel::prelude::*;
use serde::Serialize;
use utoipa::ToSchema;

use super::NewCaughtMessage;
use crate::kit::{CaughtMessageId, Timestamp};
use crate::platform::db::schema::caught_messages;
use crate::platform::db::{Both, Conn, Result, columns};
use crate::platform::outbox::Channel;

/// A message that a development provider caught instead of sending it.
#[derive(Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = caught_messages)]
#[schema(as = Caught)]
pub struct CaughtMessage {
    /// The channel: `sms`, `voice` or `email`.
    #[schema(value_type = String, example = "sms")]
    channel: Channel,
    /// The phone number or e-mail address of the recipient.
    #[diesel(column_name = recipient)]
    #[schema(example = "+14155552671")]
    to: String,
    /// The text; the first line of an e-mail is its subject.
    #[schema(example = "123456 is your code.")]
    body: String,
    /// The one-time code in the text; absent in a text without a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "123456")]
    code: Option<String>,
    /// The time when it was caught.
    created_at: Timestamp,
}

/// Stores a message, once per `dedupe_key`.
pub(super) fn insert(
    conn: &mut Conn,
    id: &CaughtMessageId,
    new: &NewCaughtMessage<'_>,
    now: Timestamp,
) -> Result<()> {
    let row = (
        caught_messages::id.eq(id),
        caught_messages::dedupe_key.eq(new.dedupe_key),
        caught_messages::channel.eq(new.channel),
        caught_messages::recipient.eq(new.to),
        caught_messages::body.eq(new.body),
        caught_messages::code.eq(new.code),
        caught_messages::created_at.eq(now),
    );
    Both(insert_into(caught_messages::table).values(row).on_conflict_do_nothing()).execute(conn)?;
    Ok(())
}

pub(super) fn newest(conn: &mut Conn, to: Option<&str>, limit: i64) -> Result<Vec<CaughtMessage>> {
    let mut rows = caught_messages::table.into_boxed();
    if let Some(to) = to {
        rows = rows.filter(caught_messages::recipient.eq(to));
    }
    let newest = rows.order((caught_messages::created_at.desc(), caught_messages::id.desc())).limit(limit);
    Ok(newest.select(columns::<CaughtMessage>()).load(conn)?)
}
