//! Queries on `invites`.

use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::{insert_into, update};

use super::{Channel, NewInvite, State};
use crate::domain::links::{AccessScope, Destination};
use crate::kit::{
    AccountId, ConversationId, Email, InviteId, Language, LinkId, Phone, PracticeId, StaffId, Timestamp,
};
use crate::platform::db::schema::{invites, practice_links};
use crate::platform::db::{Conn, Locked, MultiBackend, Result, columns};

#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = invites)]
pub struct Invite {
    pub id: InviteId,
    pub practice_id: PracticeId,
    /// The link whose tags, owner and welcome the conversation gets.
    pub link_id: LinkId,
    pub created_by: StaffId,
    /// Name of the invited person; deleted a month after the invite has ended, like number and address.
    pub name: Option<String>,
    phone: Option<String>,
    email: Option<String>,
    /// Language of both messages.
    pub language: Language,
    state: State,
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
    /// Channel of the message that could not be delivered.
    pub bounced_channel: Option<Channel>,
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
        if self.state.is_live() && self.expires_at <= now { State::Expired } else { self.state }
    }

    pub fn phone(&self) -> Option<Phone> {
        self.phone.as_deref().and_then(|phone| Phone::from_stored(phone).ok())
    }

    pub fn email(&self) -> Option<Email> {
        self.email.as_deref().and_then(Email::parse)
    }
}

/// An invite to insert.
pub(super) struct Draft<'a> {
    pub id: &'a InviteId,
    pub to: &'a Destination,
    pub by: &'a StaffId,
    pub new: &'a NewInvite,
    pub language: Language,
    pub now: Timestamp,
    pub expires_at: Timestamp,
}

pub(super) fn insert(conn: &mut Conn, draft: &Draft<'_>) -> Result<Invite> {
    let row = (
        invites::id.eq(draft.id),
        invites::practice_id.eq(&draft.to.practice.id),
        invites::link_id.eq(&draft.to.link.id),
        invites::created_by.eq(draft.by),
        invites::name.eq(&draft.new.name),
        invites::phone.eq(draft.new.phone.as_e164()),
        invites::email.eq(draft.new.email.as_str()),
        invites::language.eq(draft.language),
        invites::state.eq(State::Draft),
        invites::sends.eq(0),
        invites::created_at.eq(draft.now),
        invites::expires_at.eq(draft.expires_at),
    );
    Ok(insert_into(invites::table).values(row).returning(columns::<Invite>()).get_result(conn)?)
}

/// What sending an invite changes.
pub(super) struct Dispatch {
    pub token_hash: String,
    pub email_hash: String,
    pub email_hash_expires_at: Timestamp,
    /// When the text message is due.
    pub text_due_at: Timestamp,
    pub now: Timestamp,
    pub expires_at: Timestamp,
}

/// Marks an invite as sent unless it was accepted or revoked; its earlier secrets become invalid.
pub(super) fn mark_sent(conn: &mut Conn, id: &InviteId, dispatch: &Dispatch) -> Result<Option<Invite>> {
    let row = invites::table.find(id).filter(invites::state.ne_all(State::FINAL));
    let state = case_when(invites::email_proven_at.is_not_null(), State::EmailOk.into_sql::<Text>())
        .otherwise(State::Sent.into_sql::<Text>());
    let change = (
        invites::state.eq(state),
        invites::token_hash.eq(&dispatch.token_hash),
        invites::email_hash.eq(&dispatch.email_hash),
        invites::email_hash_expires_at.eq(dispatch.email_hash_expires_at),
        invites::text_due_at.eq(dispatch.text_due_at),
        invites::sent_at.eq(dispatch.now),
        invites::sends.eq(invites::sends + 1),
        invites::expires_at.eq(dispatch.expires_at),
        invites::opened_at.eq(None::<Timestamp>),
        invites::phone_proven_at.eq(None::<Timestamp>),
        invites::bounced_channel.eq(None::<Channel>),
    );
    Ok(update(row).set(change).returning(columns::<Invite>()).get_result(conn).optional()?)
}

/// Replaces the e-mail secret of a live invite.
pub(super) fn set_email_secret(
    conn: &mut Conn,
    id: &InviteId,
    hash: &str,
    until: Timestamp,
) -> Result<usize> {
    let row = invites::table.find(id).filter(invites::state.eq_any(State::LIVE));
    let change = (invites::email_hash.eq(hash), invites::email_hash_expires_at.eq(until));
    Ok(update(row).set(change).execute(conn)?)
}

/// Returns the invite whose text message carries the secret.
pub(super) fn by_token(conn: &mut Conn, hash: &str) -> Result<Option<Invite>> {
    let row = invites::table.filter(invites::token_hash.eq(hash));
    Ok(row.select(columns::<Invite>()).first(conn).optional()?)
}

/// [`by_token`] with a row lock: the invite cannot change until the transaction ends.
pub(super) fn lock(conn: &mut Conn, hash: &str) -> Result<Option<Invite>> {
    let row = invites::table.filter(invites::token_hash.eq(hash)).select(columns::<Invite>());
    Ok(Locked(row).get_result(conn).optional()?)
}

/// Returns the live invite whose e-mail carries the secret, if that is still valid.
pub(super) fn by_email_secret(conn: &mut Conn, hash: &str, now: Timestamp) -> Result<Option<Invite>> {
    let row = invites::table
        .filter(invites::email_hash.eq(hash))
        .filter(invites::email_hash_expires_at.gt(now))
        .filter(invites::state.eq_any(State::LIVE))
        .filter(invites::expires_at.gt(now));
    Ok(row.select(columns::<Invite>()).first(conn).optional()?)
}

pub(super) fn mark_opened(conn: &mut Conn, id: &InviteId, now: Timestamp) -> Result<usize> {
    let row =
        invites::table.find(id).filter(invites::state.eq(State::Sent)).filter(invites::expires_at.gt(now));
    Ok(update(row).set((invites::state.eq(State::Opened), invites::opened_at.eq(now))).execute(conn)?)
}

/// Marks the address as verified, once.
pub(super) fn mark_email(conn: &mut Conn, hash: &str, now: Timestamp) -> Result<Option<Invite>> {
    let row = invites::table
        .filter(invites::email_hash.eq(hash))
        .filter(invites::email_hash_expires_at.gt(now))
        .filter(invites::state.eq_any(State::LIVE))
        .filter(invites::expires_at.gt(now))
        .filter(invites::email_proven_at.is_null());
    let change = (invites::state.eq(State::EmailOk), invites::email_proven_at.eq(now));
    Ok(update(row).set(change).returning(columns::<Invite>()).get_result(conn).optional()?)
}

/// Marks the number as verified while the address is not; 0 if it was already marked.
pub(super) fn mark_phone(conn: &mut Conn, id: &InviteId, now: Timestamp) -> Result<usize> {
    let row = invites::table
        .find(id)
        .filter(invites::state.eq_any(State::LIVE))
        .filter(invites::phone_proven_at.is_null());
    Ok(update(row)
        .set((invites::state.eq(State::PhoneOk), invites::phone_proven_at.eq(now)))
        .execute(conn)?)
}

/// Marks the first attempt with another number; 0 if it was already marked.
pub(super) fn mark_other_number(conn: &mut Conn, id: &InviteId, now: Timestamp) -> Result<usize> {
    let row = invites::table.find(id).filter(invites::other_number_at.is_null());
    Ok(update(row).set(invites::other_number_at.eq(now)).execute(conn)?)
}

/// Marks a live invite as bounced if the undelivered message is its latest.
pub(super) fn mark_bounced(conn: &mut Conn, hash: &str, channel: Channel) -> Result<Option<Invite>> {
    let row = invites::table
        .filter(invites::token_hash.eq(hash).or(invites::email_hash.eq(hash)))
        .filter(invites::state.eq_any(State::LIVE));
    let change = (invites::state.eq(State::Bounced), invites::bounced_channel.eq(channel));
    Ok(update(row).set(change).returning(columns::<Invite>()).get_result(conn).optional()?)
}

/// Completes a live invite with its conversation; 0 if it is not live any more.
pub(super) fn accept(
    conn: &mut Conn,
    id: &InviteId,
    account_id: &AccountId,
    conversation_id: &ConversationId,
    name_agrees: bool,
    now: Timestamp,
) -> Result<usize> {
    let row = invites::table.find(id).filter(invites::state.eq_any(State::LIVE));
    let change = (
        invites::state.eq(State::Accepted),
        invites::accepted_at.eq(now),
        invites::phone_proven_at.eq(now),
        invites::account_id.eq(account_id),
        invites::conversation_id.eq(conversation_id),
        invites::name_agrees.eq(name_agrees),
    );
    Ok(update(row).set(change).execute(conn)?)
}

/// Cancels an invite that was not accepted.
pub(super) fn revoke(conn: &mut Conn, id: &InviteId, now: Timestamp) -> Result<usize> {
    let row = invites::table.find(id).filter(invites::state.ne_all(State::FINAL));
    let change = (
        invites::state.eq(State::Revoked),
        invites::revoked_at.eq(now),
        invites::token_hash.eq(None::<String>),
        invites::email_hash.eq(None::<String>),
    );
    Ok(update(row).set(change).execute(conn)?)
}

pub(super) fn is_revoked(conn: &mut Conn, id: &InviteId) -> Result<bool> {
    let row = invites::table.find(id).filter(invites::state.eq(State::Revoked));
    Ok(row.select(invites::id).first::<InviteId>(conn).optional()?.is_some())
}

/// Expires live invites whose time has passed.
pub(super) fn expire(conn: &mut Conn, now: Timestamp) -> Result<usize> {
    let rows = invites::table.filter(invites::expires_at.le(now)).filter(invites::state.eq_any(State::LIVE));
    Ok(update(rows).set(invites::state.eq(State::Expired)).execute(conn)?)
}

/// Deletes the personal data of invites that ended `before` and are not drafts.
pub(super) fn forget(conn: &mut Conn, before: Timestamp) -> Result<usize> {
    let rows = invites::table
        .filter(invites::expires_at.le(before))
        .filter(invites::state.eq_any([State::Accepted, State::Expired, State::Revoked]))
        .filter(invites::name.is_not_null());
    let change = (
        invites::name.eq(None::<String>),
        invites::phone.eq(None::<String>),
        invites::email.eq(None::<String>),
    );
    Ok(update(rows).set(change).execute(conn)?)
}

/// Deletes the number and address of the accepting account; the name stays, as in the conversation.
pub(super) fn forget_account(conn: &mut Conn, account_id: &AccountId) -> Result<usize> {
    let rows = invites::table.filter(invites::account_id.eq(account_id));
    let change = (invites::phone.eq(None::<String>), invites::email.eq(None::<String>));
    Ok(update(rows).set(change).execute(conn)?)
}

pub(super) fn find(
    conn: &mut Conn,
    (practice_id, scope): (&PracticeId, &AccessScope),
    id: &InviteId,
) -> Result<Option<Invite>> {
    let row = in_scope(practice_id, scope).filter(invites::id.eq(id));
    Ok(row.select(columns::<Invite>()).first(conn).optional()?)
}

/// Invites within the access scope, newest first. An invite that is past its expiry counts as expired, even
/// if the sweep has not marked it yet.
pub(super) fn list(
    conn: &mut Conn,
    (practice_id, scope): (&PracticeId, &AccessScope),
    (state, now): (Option<State>, Timestamp),
    before: &str,
    limit: i64,
) -> Result<Vec<Invite>> {
    let is_over = invites::state.eq_any(State::LIVE).and(invites::expires_at.le(now));
    let mut rows = in_scope(practice_id, scope);
    if let Some(state) = state {
        rows = match state {
            State::Expired => rows.filter(invites::state.eq(state).or(is_over)),
            _ => rows.filter(invites::state.eq(state)),
        };
        if state.is_live() {
            rows = rows.filter(invites::expires_at.gt(now));
        }
    }
    if !before.is_empty() {
        rows = rows.filter(invites::id.lt(before));
    }
    Ok(rows.order(invites::id.desc()).limit(limit).select(columns::<Invite>()).load(conn)?)
}

fn in_scope<'a>(
    practice_id: &'a PracticeId,
    scope: &'a AccessScope,
) -> invites::BoxedQuery<'a, MultiBackend> {
    let rows = invites::table.filter(invites::practice_id.eq(practice_id)).into_boxed();
    match scope {
        AccessScope::All => rows,
        AccessScope::Limited { owners, links, .. } => {
            let links = practice_links::table
                .filter(practice_links::owner.eq_any(owners).or(practice_links::id.eq_any(links)));
            rows.filter(invites::link_id.eq_any(links.select(practice_links::id)))
        }
    }
}
