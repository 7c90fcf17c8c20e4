//! Queries on `verifications`.

use diesel::prelude::*;
use diesel::{insert_into, update};

use super::number::NumberRow;
use super::{Channel, Delivery, ProofUse};
use crate::kit::{
    AccountId, Language, LinkId, PairingId, Phone, PracticeId, SessionId, Timestamp, VerificationId,
};
use crate::platform::db::schema::{check_budgets, verifications};
use crate::platform::db::{Cell, Conn, Result, columns, many_update};

#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = verifications)]
pub struct Session {
    /// Unique id, of the form `ver_…`.
    pub id: VerificationId,
    /// The phone number, erased after 24 hours.
    pub phone: Option<String>,
    /// Keyed hash of the number, for the rate limits.
    pub phone_key: String,
    pub country: String,
    pub can_text: bool,
    /// The link that the patient came by.
    pub link_id: Option<LinkId>,
    pub practice_id: Option<PracticeId>,
    pub language: Language,
    /// SMS Retriever hash of the Android app.
    pub app_hash: Option<String>,
    /// The generation of server keys that the code is derived from.
    #[diesel(column_name = key_id)]
    pub kid: String,
    /// The session's part of the code's secret.
    pub nonce: Vec<u8>,
    /// Counter of the session's codes; each epoch has another code.
    pub epoch: i32,
    pub code_expires_at: Timestamp,
    pub channel: Channel,
    /// Delivery status of the latest message.
    pub delivery: Delivery,
    /// Number of messages so far.
    pub sends: i32,
    /// Earliest time of the next SMS; `None` if the number takes no texts.
    pub next_sms_at: Option<Timestamp>,
    /// Earliest time of the next voice call.
    pub next_call_at: Timestamp,
    /// Number of checks so far.
    pub checks: i32,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub verified_at: Option<Timestamp>,
    pub proof_expires_at: Option<Timestamp>,
    /// The account that the proof created or opened.
    pub proof_account_id: Option<AccountId>,
    /// The pairing that the proof created.
    pub proof_pairing_id: Option<PairingId>,
    pub proof_session_id: Option<SessionId>,
    pub can_call: bool,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Session {
    /// The phone number; `None` once it is erased.
    pub fn number(&self) -> Option<Phone> {
        Phone::from_stored(self.phone.as_deref()?).ok()
    }

    /// Earliest time of the next message by `channel`, by the session's own waits; `None` for never.
    pub fn next_at(&self, channel: Channel) -> Option<Timestamp> {
        match channel {
            Channel::Sms => self.next_sms_at,
            Channel::Voice => Some(self.next_call_at).filter(|_| self.can_call),
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = verifications)]
pub struct NewRow {
    pub id: VerificationId,
    pub client_secret_hash: String,
    pub phone: String,
    pub phone_key: String,
    pub country: String,
    pub can_text: bool,
    pub can_call: bool,
    pub link_id: Option<LinkId>,
    pub practice_id: Option<PracticeId>,
    pub language: Language,
    pub app_hash: Option<String>,
    #[diesel(column_name = key_id)]
    pub kid: String,
    pub nonce: Vec<u8>,
    pub code_expires_at: Timestamp,
    pub channel: Channel,
    pub next_sms_at: Option<Timestamp>,
    pub next_call_at: Timestamp,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

#[derive(AsChangeset)]
#[diesel(table_name = verifications)]
pub struct NextSend {
    pub channel: Channel,
    pub next_sms_at: Option<Timestamp>,
    pub next_call_at: Timestamp,
    pub epoch: i32,
    pub code_expires_at: Timestamp,
}

/// Inserts a session whose first message is queued.
pub(super) fn insert(conn: &mut Conn, row: &NewRow) -> Result<Session> {
    let first = (
        verifications::epoch.eq(0),
        verifications::delivery.eq(Delivery::Queued),
        verifications::sends.eq(1),
        verifications::checks.eq(0),
    );
    let insert = insert_into(verifications::table).values((row, first));
    Ok(insert.returning(columns::<Session>()).get_result(conn)?)
}

/// The session of `id` and its number's limits, for a client that has its secret.
pub(super) fn find(
    conn: &mut Conn,
    id: &VerificationId,
    secret_hash: &str,
) -> Result<Option<(Session, NumberRow)>> {
    let number = check_budgets::phone_key.eq(verifications::phone_key);
    let row = verifications::table.inner_join(check_budgets::table.on(number));
    let row = row.filter(verifications::id.eq(id)).filter(verifications::client_secret_hash.eq(secret_hash));
    Ok(row.select((columns::<Session>(), columns::<NumberRow>())).first(conn).optional()?)
}

/// The session of `id`, for the background job that renders its message.
pub(super) fn find_for_worker(conn: &mut Conn, id: &VerificationId) -> Result<Option<Session>> {
    Ok(verifications::table.find(id).select(columns::<Session>()).first(conn).optional()?)
}

/// Counts one more message, unless the session has changed since `seen` was read or has expired.
pub(super) fn mark_sent(
    conn: &mut Conn,
    seen: &Session,
    next: &NextSend,
    now: Timestamp,
) -> Result<Option<Session>> {
    let row = verifications::table
        .find(&seen.id)
        .filter(verifications::sends.eq(seen.sends))
        .filter(verifications::verified_at.is_null())
        .filter(verifications::expires_at.gt(now));
    let change = (
        next,
        verifications::sends.eq(verifications::sends + 1),
        verifications::delivery.eq(Delivery::Queued),
    );
    Ok(update(row).set(change).returning(columns::<Session>()).get_result(conn).optional()?)
}

/// Takes one check from a session that has one left and whose code has not expired.
pub(super) fn take_session_check(
    conn: &mut Conn,
    id: &VerificationId,
    limit: i32,
    now: Timestamp,
) -> Result<Option<Session>> {
    let row = verifications::table
        .find(id)
        .filter(verifications::verified_at.is_null())
        .filter(verifications::checks.lt(limit))
        .filter(verifications::code_expires_at.gt(now))
        .filter(verifications::expires_at.gt(now));
    let change = verifications::checks.eq(verifications::checks + 1);
    Ok(update(row).set(change).returning(columns::<Session>()).get_result(conn).optional()?)
}

/// Takes one check from a session that is already verified.
pub(super) fn take_repeated_check(
    conn: &mut Conn,
    id: &VerificationId,
    limit: i32,
) -> Result<Option<Session>> {
    let row = verifications::table
        .find(id)
        .filter(verifications::verified_at.is_not_null())
        .filter(verifications::checks.lt(limit));
    let change = verifications::checks.eq(verifications::checks + 1);
    Ok(update(row).set(change).returning(columns::<Session>()).get_result(conn).optional()?)
}

/// Undoes [`take_repeated_check`] for the correct code.
pub(super) fn return_repeated_check(conn: &mut Conn, id: &VerificationId) -> Result<usize> {
    let change = verifications::checks.eq(verifications::checks - 1);
    Ok(update(verifications::table.find(id)).set(change).execute(conn)?)
}

/// Marks the session verified, and stores the hash of its proof.
pub(super) fn mark_verified(
    conn: &mut Conn,
    id: &VerificationId,
    proof_hash: &str,
    now: Timestamp,
    proof_ends: Timestamp,
) -> Result<Session> {
    let change = (
        verifications::verified_at.eq(now),
        verifications::proof_hash.eq(proof_hash),
        verifications::proof_expires_at.eq(proof_ends),
    );
    let row = verifications::table.find(id).filter(verifications::verified_at.is_null());
    Ok(update(row).set(change).returning(columns::<Session>()).get_result(conn)?)
}

/// Consumes a proof that has not expired and was not consumed before.
pub(super) fn consume_proof(
    conn: &mut Conn,
    proof_hash: &str,
    proof_use: Option<&ProofUse>,
    now: Timestamp,
) -> Result<Option<Session>> {
    let row = verifications::table
        .filter(verifications::proof_hash.eq(proof_hash))
        .filter(verifications::proof_consumed_at.is_null())
        .filter(verifications::proof_expires_at.gt(now));
    let proof_use = proof_use.map(|proof_use| {
        (
            verifications::proof_account_id.eq(&proof_use.account_id),
            verifications::proof_pairing_id.eq(&proof_use.pairing_id),
            verifications::proof_session_id.eq(&proof_use.session_id),
        )
    });
    let change = (verifications::proof_consumed_at.eq(now), proof_use);
    Ok(update(row).set(change).returning(columns::<Session>()).get_result(conn).optional()?)
}

pub(super) fn find_by_proof(conn: &mut Conn, proof_hash: &str) -> Result<Option<Session>> {
    let row = verifications::table.filter(verifications::proof_hash.eq(proof_hash));
    Ok(row.select(columns::<Session>()).first(conn).optional()?)
}

/// Records what a proof was used for.
pub(super) fn record_proof_use(conn: &mut Conn, id: &VerificationId, proof_use: &ProofUse) -> Result<()> {
    let change = (
        verifications::proof_account_id.eq(&proof_use.account_id),
        verifications::proof_pairing_id.eq(&proof_use.pairing_id),
        verifications::proof_session_id.eq(&proof_use.session_id),
    );
    update(verifications::table.find(id)).set(change).execute(conn)?;
    Ok(())
}

/// Sets the status of the `send`-th message if it is one of `after` now, unless a later message was queued.
pub(super) fn set_delivery(
    conn: &mut Conn,
    id: &VerificationId,
    send: i32,
    delivery: Delivery,
    after: &[Delivery],
) -> Result<usize> {
    let row = verifications::table
        .find(id)
        .filter(verifications::sends.eq(send))
        .filter(verifications::delivery.eq_any(after));
    Ok(update(row).set(verifications::delivery.eq(delivery)).execute(conn)?)
}

/// Sets the latest message of each session to "sent" if it is queued and the `sends`-th.
pub(super) fn set_accepted(conn: &mut Conn, messages: &[(VerificationId, i32)]) -> Result<()> {
    let text = |text: &str| Cell::Text(Some(text.to_owned()));
    let cells = |(id, sends): &(VerificationId, i32)| {
        let (queued, sent) = (Delivery::Queued.as_str(), Delivery::Sent.as_str());
        vec![text(id.as_str()), Cell::Number((*sends).into()), text(queued), text(sent)]
    };
    let rows: Vec<_> = messages.iter().map(cells).collect();
    let keys = &["id", "sends", "delivery"];
    many_update(verifications::table, conn, keys, &["delivery"], &rows).map(drop)
}

/// Offers a call at once if it was an SMS that failed.
pub(super) fn offer_call(conn: &mut Conn, id: &VerificationId, now: Timestamp) -> Result<()> {
    let row = verifications::table.find(id).filter(verifications::channel.eq(Channel::Sms));
    update(row).set(verifications::next_call_at.eq(now)).execute(conn)?;
    Ok(())
}

/// Gives up the channel that just failed: a number that an SMS does not reach gets no more texts, but may
/// be called at once, and a number that a call does not reach gets no more calls.
pub(super) fn give_up_channel(conn: &mut Conn, id: &VerificationId, now: Timestamp) -> Result<()> {
    let no_text = (
        verifications::can_text.eq(false),
        verifications::next_sms_at.eq(None::<Timestamp>),
        verifications::next_call_at.eq(now),
    );
    let row = verifications::table.find(id);
    if update(row.filter(verifications::channel.eq(Channel::Sms))).set(no_text).execute(conn)? == 0 {
        update(row.filter(verifications::channel.eq(Channel::Voice)))
            .set(verifications::can_call.eq(false))
            .execute(conn)?;
    }
    Ok(())
}

pub(super) fn close_channels(conn: &mut Conn, id: &VerificationId) -> Result<()> {
    let change = (
        verifications::can_text.eq(false),
        verifications::can_call.eq(false),
        verifications::next_sms_at.eq(None::<Timestamp>),
    );
    update(verifications::table.find(id)).set(change).execute(conn)?;
    Ok(())
}

/// Erases the number from sessions created before `before`.
pub(super) fn forget_numbers(conn: &mut Conn, before: Timestamp) -> Result<usize> {
    let rows = verifications::table
        .filter(verifications::created_at.lt(before))
        .filter(verifications::phone.is_not_null());
    Ok(update(rows).set(verifications::phone.eq(None::<String>)).execute(conn)?)
}
