//! Queries on `invites`.

use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::{insert_into, update};

use super::{NewInvite, State};
use crate::domain::links::Destination;
use crate::kit::ids::{AccountId, ConversationId, InviteId, LinkId, PracticeId, StaffId};
use crate::kit::{Email, Language, Phone, Timestamp};
use crate::platform::db::schema::{invites, practice_links};
use crate::platform::db::{Conn, MultiBackend, Result, columns};

#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = invites)]
pub struct Invite {
    /// Prefixed, time-ordered id: `inv_…`.
    pub id: InviteId,
    pub practice_id: PracticeId,
    /// The link whose tags, owner and welcome the conversation gets.
    pub link_id: LinkId,
    /// Id of the staff member who created it.
    pub created_by: StaffId,
    /// Name of the invited person; deleted a month after the invite has ended, like number and address.
    pub name: Option<String>,
    phone: Option<String>,
    email: Option<String>,
    language: String,
    state: String,
    /// How often it was sent.
    pub sends: i32,
    pub sent_at: Option<Timestamp>,
    /// When the last text message is or was due: not during quiet hours.
    pub text_due_at: Option<Timestamp>,
    /// When a person first opened its link.
    pub opened_at: Option<Timestamp>,
    pub phone_proven_at: Option<Timestamp>,
    pub email_proven_at: Option<Timestamp>,
    /// First attempt to accept it with another number.
    pub other_number_at: Option<Timestamp>,
    /// Channel of the message that could not be delivered: `sms` or `email`.
    pub bounced_channel: Option<String>,
    pub accepted_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    /// Whether the accepting patient's name is compatible with the invited one.
    pub name_agrees: Option<bool>,
    /// Account that accepted the invite.
    pub account_id: Option<AccountId>,
    pub conversation_id: Option<ConversationId>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// Expiry of the link in its e-mail.
    pub email_hash_expires_at: Option<Timestamp>,
}

impl Invite {
    /// Returns the state at `now`, even if the sweep has not expired it yet.
    pub fn state(&self, now: Timestamp) -> State {
        let written = State::from_word(&self.state).unwrap_or(State::Revoked);
        if written.is_live() && self.expires_at <= now { State::Expired } else { written }
    }

    pub fn phone(&self) -> Option<Phone> {
        self.phone.as_deref().and_then(|phone| Phone::from_stored(phone).ok())
    }

    pub fn email(&self) -> Option<Email> {
        self.email.as_deref().and_then(Email::parse)
    }

    pub fn language(&self) -> Language {
        Language::from_tag(&self.language).unwrap_or_default()
    }
}

/// Access scope and state filter of a query.
pub struct Filter<'a> {
    pub practice_id: &'a PracticeId,
    /// Owners and ids of the links whose invites are included; `None` for all.
    pub only: Option<(&'a [String], &'a [LinkId])>,
    pub state: Option<State>,
}

/// Inserts an invite as a draft.
pub fn insert(
    conn: &mut Conn,
    id: &InviteId,
    to: &Destination,
    new: &NewInvite,
    language: Language,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<Invite> {
    let row = (
        invites::id.eq(id),
        invites::practice_id.eq(&to.practice.id),
        invites::link_id.eq(&to.link.id),
        invites::created_by.eq(&new.created_by),
        invites::name.eq(&new.name),
        invites::phone.eq(new.phone.as_e164()),
        invites::email.eq(new.email.as_str()),
        invites::language.eq(language.as_str()),
        invites::state.eq("draft"),
        invites::sends.eq(0),
        invites::created_at.eq(now),
        invites::expires_at.eq(expires_at),
    );
    Ok(insert_into(invites::table).values(row).returning(columns::<Invite>()).get_result(conn)?)
}

pub struct Sent {
    pub token_hash: String,
    pub email_hash: String,
    pub email_hash_expires_at: Timestamp,
    /// When the text message is due.
    pub text_due_at: Timestamp,
    pub now: Timestamp,
    pub expires_at: Timestamp,
}

/// Marks an invite as sent unless it was accepted or revoked; its earlier secrets become invalid.
pub fn mark_sent(conn: &mut Conn, id: &InviteId, sent: &Sent) -> Result<Option<Invite>> {
    let row = invites::table.find(id).filter(invites::state.ne_all(["accepted", "revoked"]));
    let text = |word: &'static str| word.into_sql::<Text>();
    let state = case_when(invites::email_proven_at.is_not_null(), text("email_ok")).otherwise(text("sent"));
    let change = (
        invites::state.eq(state),
        invites::token_hash.eq(&sent.token_hash),
        invites::email_hash.eq(&sent.email_hash),
        invites::email_hash_expires_at.eq(sent.email_hash_expires_at),
        invites::text_due_at.eq(sent.text_due_at),
        invites::sent_at.eq(sent.now),
        invites::sends.eq(invites::sends + 1),
        invites::expires_at.eq(sent.expires_at),
        invites::opened_at.eq(None::<Timestamp>),
        invites::phone_proven_at.eq(None::<Timestamp>),
        invites::bounced_channel.eq(None::<String>),
    );
    Ok(update(row).set(change).returning(columns::<Invite>()).get_result(conn).optional()?)
}

/// Replaces the e-mail secret of a live invite.
pub fn set_email_secret(conn: &mut Conn, id: &InviteId, hash: &str, until: Timestamp) -> Result<usize> {
    let row = invites::table.find(id).filter(invites::state.eq_any(State::LIVE));
    let change = (invites::email_hash.eq(hash), invites::email_hash_expires_at.eq(until));
    Ok(update(row).set(change).execute(conn)?)
}

/// Returns the invite whose text message carries the secret.
pub fn by_token(conn: &mut Conn, hash: &str) -> Result<Option<Invite>> {
    let row = invites::table.filter(invites::token_hash.eq(hash));
    Ok(row.select(columns::<Invite>()).first(conn).optional()?)
}

/// [`by_token`] with a row lock: the invite cannot change until the transaction ends.
pub fn hold(conn: &mut Conn, hash: &str) -> Result<Option<Invite>> {
    let row = invites::table.filter(invites::token_hash.eq(hash));
    let held = update(row).set(invites::sends.eq(invites::sends)).returning(columns::<Invite>());
    Ok(held.get_result(conn).optional()?)
}

/// Returns the live invite whose e-mail carries the secret, if that is still valid.
pub fn by_email_secret(conn: &mut Conn, hash: &str, now: Timestamp) -> Result<Option<Invite>> {
    let row = invites::table
        .filter(invites::email_hash.eq(hash))
        .filter(invites::email_hash_expires_at.gt(now))
        .filter(invites::state.eq_any(State::LIVE))
        .filter(invites::expires_at.gt(now));
    Ok(row.select(columns::<Invite>()).first(conn).optional()?)
}

pub fn mark_opened(conn: &mut Conn, id: &InviteId, now: Timestamp) -> Result<usize> {
    let row = invites::table.find(id).filter(invites::state.eq("sent")).filter(invites::expires_at.gt(now));
    Ok(update(row).set((invites::state.eq("opened"), invites::opened_at.eq(now))).execute(conn)?)
}

/// Marks the address as verified, once.
pub fn mark_email(conn: &mut Conn, hash: &str, now: Timestamp) -> Result<Option<Invite>> {
    let row = invites::table
        .filter(invites::email_hash.eq(hash))
        .filter(invites::email_hash_expires_at.gt(now))
        .filter(invites::state.eq_any(State::LIVE))
        .filter(invites::expires_at.gt(now))
        .filter(invites::email_proven_at.is_null());
    let change = (invites::state.eq("email_ok"), invites::email_proven_at.eq(now));
    Ok(update(row).set(change).returning(columns::<Invite>()).get_result(conn).optional()?)
}

/// Marks the number as verified while the address is not; 0 if it was already marked.
pub fn mark_phone(conn: &mut Conn, id: &InviteId, now: Timestamp) -> Result<usize> {
    let row = invites::table
        .find(id)
        .filter(invites::state.eq_any(State::LIVE))
        .filter(invites::phone_proven_at.is_null());
    Ok(update(row).set((invites::state.eq("phone_ok"), invites::phone_proven_at.eq(now))).execute(conn)?)
}

/// Marks the first attempt with another number; 0 if it was already marked.
pub fn mark_other_number(conn: &mut Conn, id: &InviteId, now: Timestamp) -> Result<usize> {
    let row = invites::table.find(id).filter(invites::other_number_at.is_null());
    Ok(update(row).set(invites::other_number_at.eq(now)).execute(conn)?)
}

/// Marks a live invite as bounced if the undelivered message is its latest.
pub fn mark_bounced(conn: &mut Conn, hash: &str, channel: &str) -> Result<Option<Invite>> {
    let row = invites::table
        .filter(invites::token_hash.eq(hash).or(invites::email_hash.eq(hash)))
        .filter(invites::state.eq_any(State::LIVE));
    let change = (invites::state.eq("bounced"), invites::bounced_channel.eq(channel));
    Ok(update(row).set(change).returning(columns::<Invite>()).get_result(conn).optional()?)
}

/// Completes a live invite with its conversation; 0 if it is not live any more.
pub fn accept(
    conn: &mut Conn,
    id: &InviteId,
    account_id: &AccountId,
    conversation_id: &ConversationId,
    name_agrees: bool,
    now: Timestamp,
) -> Result<usize> {
    let row = invites::table.find(id).filter(invites::state.eq_any(State::LIVE));
    let change = (
        invites::state.eq("accepted"),
        invites::accepted_at.eq(now),
        invites::phone_proven_at.eq(now),
        invites::account_id.eq(account_id),
        invites::conversation_id.eq(conversation_id),
        invites::name_agrees.eq(name_agrees),
    );
    Ok(update(row).set(change).execute(conn)?)
}

/// Cancels an invite that was not accepted.
pub fn revoke(conn: &mut Conn, id: &InviteId, now: Timestamp) -> Result<usize> {
    let row = invites::table.find(id).filter(invites::state.ne_all(["accepted", "revoked"]));
    let change = (
        invites::state.eq("revoked"),
        invites::revoked_at.eq(now),
        invites::token_hash.eq(None::<String>),
        invites::email_hash.eq(None::<String>),
    );
    Ok(update(row).set(change).execute(conn)?)
}

pub fn is_revoked(conn: &mut Conn, id: &InviteId) -> Result<bool> {
    let row = invites::table.find(id).filter(invites::state.eq("revoked"));
    Ok(row.select(invites::id).first::<InviteId>(conn).optional()?.is_some())
}

/// Expires live invites whose time has passed.
pub fn expire(conn: &mut Conn, now: Timestamp) -> Result<usize> {
    let rows = invites::table.filter(invites::expires_at.le(now)).filter(invites::state.eq_any(State::LIVE));
    Ok(update(rows).set(invites::state.eq("expired")).execute(conn)?)
}

/// Deletes the personal data of invites that ended `before` and are not drafts.
pub fn forget(conn: &mut Conn, before: Timestamp) -> Result<usize> {
    let rows = invites::table
        .filter(invites::expires_at.le(before))
        .filter(invites::state.eq_any(["accepted", "expired", "revoked"]))
        .filter(invites::name.is_not_null());
    let change = (
        invites::name.eq(None::<String>),
        invites::phone.eq(None::<String>),
        invites::email.eq(None::<String>),
    );
    Ok(update(rows).set(change).execute(conn)?)
}

/// Deletes the number and address of the accepting account; the name stays, as in the conversation.
pub fn forget_account(conn: &mut Conn, account_id: &AccountId) -> Result<usize> {
    let rows = invites::table.filter(invites::account_id.eq(account_id));
    let change = (invites::phone.eq(None::<String>), invites::email.eq(None::<String>));
    Ok(update(rows).set(change).execute(conn)?)
}

pub fn find(conn: &mut Conn, filter: &Filter<'_>, id: &InviteId, now: Timestamp) -> Result<Option<Invite>> {
    let row = in_reach(filter, now).filter(invites::id.eq(id));
    Ok(row.select(columns::<Invite>()).first(conn).optional()?)
}

/// Invites within the access scope, newest first.
pub fn list(
    conn: &mut Conn,
    filter: &Filter<'_>,
    before: &str,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<Invite>> {
    let mut rows = in_reach(filter, now);
    if !before.is_empty() {
        rows = rows.filter(invites::id.lt(before));
    }
    Ok(rows.order(invites::id.desc()).limit(limit).select(columns::<Invite>()).load(conn)?)
}

/// Query for the invites that a filter includes. An invite that is past its expiry counts as expired, even
/// if the sweep has not marked it yet.
fn in_reach<'a>(filter: &Filter<'a>, now: Timestamp) -> invites::BoxedQuery<'a, MultiBackend> {
    let mut rows = invites::table.filter(invites::practice_id.eq(filter.practice_id)).into_boxed();
    if let Some((owners, ids)) = filter.only {
        let links = practice_links::table
            .filter(practice_links::owner.eq_any(owners).or(practice_links::id.eq_any(ids)));
        rows = rows.filter(invites::link_id.eq_any(links.select(practice_links::id)));
    }
    let is_over = invites::state.eq_any(State::LIVE).and(invites::expires_at.le(now));
    match filter.state {
        None => rows,
        Some(State::Expired) => rows.filter(invites::state.eq("expired").or(is_over)),
        Some(state) if state.is_live() => {
            rows.filter(invites::state.eq(state.as_str())).filter(invites::expires_at.gt(now))
        }
        Some(state) => rows.filter(invites::state.eq(state.as_str())),
    }
}
