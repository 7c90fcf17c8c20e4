//! Queries on `accounts`, `patients`, `account_sessions` and `refresh_tokens`.

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::{insert_into, update};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Relation, Scope};
use crate::domain::conversations::access::store::restricted_sessions;
use crate::domain::conversations::{Access, PatientCard, SessionScope};
use crate::kit::{AccountId, Email, PatientId, Phone, SessionId, Timestamp};
use crate::platform::Tx;
use crate::platform::db::schema::{
    account_sessions, accounts, conversations, pairings, patients, refresh_tokens,
};
use crate::platform::db::{Both, Conn, Locked, Result, columns};

/// A patient account, for one proven number.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = accounts)]
pub struct Account {
    /// Unique id, of the form `acc_…`.
    pub id: AccountId,
    /// The phone number, until the account is deleted.
    pub phone: Option<String>,
    /// The e-mail address that the holder gave, proven or not.
    pub email: Option<String>,
    pub email_proven_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

impl Account {
    /// The phone number; `None` once the account is deleted.
    pub fn number(&self) -> Option<Phone> {
        Phone::from_stored(self.phone.as_deref()?).ok()
    }

    /// The e-mail address, if it is proven.
    pub fn proven_email(&self) -> Option<&str> {
        self.email.as_deref().filter(|_| self.email_proven_at.is_some())
    }
}

/// A patient on an account.
#[derive(Clone, Queryable, Selectable, Serialize, ToSchema)]
#[diesel(table_name = patients)]
pub struct Patient {
    /// Unique id of the patient.
    pub id: PatientId,
    /// The patient's given name.
    #[schema(example = "Alex")]
    pub given_name: String,
    /// The patient's family name.
    #[schema(example = "Rivera")]
    pub family_name: String,
    /// Birth date, an ISO 8601 date.
    #[schema(required = true, example = "1987-05-31")]
    pub birth_date: Option<String>,
    /// Relation to the account holder.
    #[schema(example = "self")]
    pub relation: Relation,
    /// Time at which the patient was added.
    pub created_at: Timestamp,
}

impl Patient {
    /// What a practice sees of the patient.
    pub fn card(&self) -> PatientCard {
        PatientCard {
            id: self.id.clone(),
            given_name: self.given_name.clone(),
            family_name: self.family_name.clone(),
            relation: self.relation,
        }
    }
}

pub struct NewPatient {
    pub given_name: String,
    pub family_name: String,
    /// ISO 8601 date, for example `1987-05-31`.
    pub birth_date: Option<String>,
    pub relation: Relation,
}

impl NewPatient {
    /// Trims white space around the names. The relation is `self` until [`NewPatient::as_relation`] sets it.
    pub fn new(given_name: &str, family_name: &str, birth_date: Option<String>) -> Self {
        Self {
            given_name: given_name.trim().to_owned(),
            family_name: family_name.trim().to_owned(),
            birth_date,
            relation: Relation::Itself,
        }
    }

    /// The same patient with another relation to the account holder.
    #[must_use]
    pub fn as_relation(mut self, relation: Relation) -> Self {
        self.relation = relation;
        self
    }
}

/// A change of a patient's details; fields that are `None` stay as they are.
pub struct PatientChange {
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub birth_date: Option<String>,
}

/// A session that has not ended.
#[derive(Queryable, Selectable)]
#[diesel(table_name = account_sessions)]
pub(super) struct LiveSession {
    pub account_id: AccountId,
    pub scope: Scope,
    pub created_at: Timestamp,
}

/// An e-mail address and the time at which it was proven.
pub(super) struct Address {
    pub email: Option<Email>,
    pub proven_at: Option<Timestamp>,
}

/// Inserts an account; `None` if the number already has one. Of two racing sign-ups, the second waits here
/// for the first one's commit.
pub(super) fn insert_account(
    conn: &mut Conn,
    id: &AccountId,
    phone: &Phone,
    address: &Address,
    now: Timestamp,
) -> Result<Option<Account>> {
    let row = (
        accounts::id.eq(id),
        accounts::phone.eq(phone.as_e164()),
        accounts::email.eq(address.email.as_ref().map(Email::as_str)),
        accounts::email_proven_at.eq(address.proven_at),
        accounts::created_at.eq(now),
    );
    let insert = insert_into(accounts::table)
        .values(row)
        .on_conflict(accounts::phone)
        .do_nothing()
        .returning(columns::<Account>());
    Ok(Both(insert).get_result(conn).optional()?)
}

/// The account of `id`, unless it is deleted.
pub(super) fn find_account(conn: &mut Conn, id: &AccountId) -> Result<Option<Account>> {
    let row = accounts::table.find(id).filter(accounts::deleted_at.is_null());
    Ok(row.select(columns::<Account>()).first(conn).optional()?)
}

pub(super) fn find_by_phone(conn: &mut Conn, phone: &Phone) -> Result<Option<Account>> {
    let row = accounts::table.filter(accounts::phone.eq(phone.as_e164()));
    Ok(row.select(columns::<Account>()).first(conn).optional()?)
}

/// Locks an account until the transaction ends; `false` if it is deleted. Every change to an account starts
/// here, so that nothing is added to an account that is being deleted, and all lock in one order.
pub(super) fn lock_account(conn: &mut Conn, id: &AccountId) -> Result<bool> {
    let row = accounts::table.find(id).filter(accounts::deleted_at.is_null()).select(accounts::id);
    Ok(Locked(row).get_result::<AccountId>(conn).optional()?.is_some())
}

/// Sets the account's number; `false` if another account has it. A sign-up or another change that is not
/// committed yet is not in sight of the condition: the unique index waits for it, and then it is a violation,
/// which undoes this statement alone.
pub(super) fn set_phone(conn: &mut Conn, id: &AccountId, phone: &Phone) -> Result<bool> {
    let of_others = diesel::alias!(accounts as others);
    let taken = of_others.filter(of_others.field(accounts::phone).eq(phone.as_e164()));
    let taken = taken.filter(of_others.field(accounts::id).ne(id.clone()));
    let row =
        accounts::table.filter(accounts::id.eq(id)).filter(diesel::dsl::not(diesel::dsl::exists(taken)));
    conn.save()?;
    match update(row).set(accounts::phone.eq(phone.as_e164())).execute(conn) {
        Ok(changed) => {
            conn.commit()?;
            Ok(changed == 1)
        }
        Err(error) => {
            conn.rollback()?;
            match error {
                Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => Ok(false),
                other => Err(other.into()),
            }
        }
    }
}

/// Sets an e-mail address that was just proven; 0 if the account already had it, and proven.
pub(super) fn prove_email(conn: &mut Conn, id: &AccountId, email: &str, now: Timestamp) -> Result<usize> {
    let row = accounts::table.find(id).filter(accounts::deleted_at.is_null()).filter(
        accounts::email.is_null().or(accounts::email.ne(email)).or(accounts::email_proven_at.is_null()),
    );
    Ok(update(row).set((accounts::email.eq(email), accounts::email_proven_at.eq(now))).execute(conn)?)
}

/// Erases the personal data of an account; its number is free again.
pub(super) fn forget_account(conn: &mut Conn, id: &AccountId, now: Timestamp) -> Result<()> {
    let change = (
        accounts::phone.eq(None::<String>),
        accounts::email.eq(None::<String>),
        accounts::email_proven_at.eq(None::<Timestamp>),
        accounts::deleted_at.eq(now),
    );
    update(accounts::table.find(id)).set(change).execute(conn)?;
    let people = patients::table.filter(patients::account_id.eq(id));
    update(people).set(patients::birth_date.eq(None::<String>)).execute(conn)?;
    Ok(())
}

/// Inserts a patient at the end of the unit of work; `session_id` is the session that asked.
pub(super) fn insert_patient(
    tx: &mut Tx,
    account_id: &AccountId,
    session_id: &SessionId,
    new: &NewPatient,
) -> Patient {
    let patient = Patient {
        id: tx.id(),
        given_name: new.given_name.clone(),
        family_name: new.family_name.clone(),
        birth_date: new.birth_date.clone(),
        relation: new.relation,
        created_at: tx.now,
    };
    let row = (
        patients::id.eq(patient.id.clone()),
        patients::account_id.eq(account_id.clone()),
        patients::given_name.eq(patient.given_name.clone()),
        patients::family_name.eq(patient.family_name.clone()),
        patients::birth_date.eq(patient.birth_date.clone()),
        patients::session_id.eq(session_id.clone()),
        patients::created_at.eq(patient.created_at),
        patients::relation.eq(patient.relation),
    );
    tx.insert_later(insert_into(patients::table).values(row));
    patient
}

/// The patient of `id`, if it is on this account.
pub(super) fn find_patient(
    conn: &mut Conn,
    account_id: &AccountId,
    id: &PatientId,
) -> Result<Option<Patient>> {
    let row = patients::table.find(id).filter(patients::account_id.eq(account_id));
    Ok(row.select(columns::<Patient>()).first(conn).optional()?)
}

/// The patients on an account that are visible, oldest first.
pub(super) fn patients(conn: &mut Conn, access: Access<'_>) -> Result<Vec<Patient>> {
    let Access { account_id, scope } = access;
    let mut rows = patients::table.filter(patients::account_id.eq(account_id)).into_boxed();
    match scope {
        SessionScope::All => {}
        SessionScope::Full => {
            rows = rows.filter(patients::session_id.ne_all(restricted_sessions(account_id)));
        }
        SessionScope::Restricted { session, since } => {
            // Patients that another restricted session added are visible only to that one.
            let known = patients::session_id.ne_all(restricted_sessions(account_id));
            let met = patients::id.eq_any(met(account_id, since)).and(known);
            rows = rows.filter(patients::session_id.eq(session).or(met));
        }
    }
    Ok(rows.order(patients::id).select(columns::<Patient>()).load(conn)?)
}

/// The patients on an account that a practice has spoken to or seen in person after `since`.
#[diesel::dsl::auto_type(no_type_alias)]
fn met<'a>(account_id: &'a AccountId, since: Timestamp) -> _ {
    let rows = pairings::table.inner_join(conversations::table).filter(pairings::account_id.eq(account_id));
    rows.filter(conversations::met_at.gt(since)).select(pairings::patient_id)
}

pub(super) fn update_patient(
    conn: &mut Conn,
    account_id: &AccountId,
    id: &PatientId,
    change: &PatientChange,
) -> Result<Option<Patient>> {
    let row = patients::table.filter(patients::id.eq(id)).filter(patients::account_id.eq(account_id));
    // The first assignment changes nothing: an empty change would be no statement at all,
    // and return no row.
    let set = (
        patients::account_id.eq(account_id),
        change.given_name.as_ref().map(|name| patients::given_name.eq(name)),
        change.family_name.as_ref().map(|name| patients::family_name.eq(name)),
        change.birth_date.as_ref().map(|date| patients::birth_date.eq(date)),
    );
    Ok(update(row).set(set).returning(columns::<Patient>()).get_result(conn).optional()?)
}

/// Inserts a session at the end of the unit of work.
pub(super) fn insert_session(tx: &mut Tx, id: &SessionId, account_id: &AccountId, scope: Scope) {
    let row = (
        account_sessions::id.eq(id.clone()),
        account_sessions::account_id.eq(account_id.clone()),
        account_sessions::scope.eq(scope),
        account_sessions::created_at.eq(tx.now),
    );
    tx.insert_later(insert_into(account_sessions::table).values(row));
}

/// The session of `id`, unless it was revoked.
pub(super) fn live_session(conn: &mut Conn, id: &SessionId) -> Result<Option<LiveSession>> {
    let row = account_sessions::table.find(id).filter(account_sessions::revoked_at.is_null());
    Ok(row.select(columns::<LiveSession>()).first(conn).optional()?)
}

pub(super) fn revoke_session(conn: &mut Conn, id: &SessionId, now: Timestamp) -> Result<()> {
    let row = account_sessions::table.find(id).filter(account_sessions::revoked_at.is_null());
    update(row).set(account_sessions::revoked_at.eq(now)).execute(conn)?;
    Ok(())
}

pub(super) fn revoke_all_sessions(conn: &mut Conn, account_id: &AccountId, now: Timestamp) -> Result<()> {
    let rows = account_sessions::table
        .filter(account_sessions::account_id.eq(account_id))
        .filter(account_sessions::revoked_at.is_null());
    update(rows).set(account_sessions::revoked_at.eq(now)).execute(conn)?;
    Ok(())
}

pub(super) fn revoke_restricted(conn: &mut Conn, account_id: &AccountId, now: Timestamp) -> Result<()> {
    let rows = account_sessions::table
        .filter(account_sessions::account_id.eq(account_id))
        .filter(account_sessions::scope.eq(Scope::Restricted))
        .filter(account_sessions::revoked_at.is_null());
    update(rows).set(account_sessions::revoked_at.eq(now)).execute(conn)?;
    Ok(())
}

/// Gives a restricted session full access, if `email` is still the proven address of its account.
pub(super) fn lift_session(conn: &mut Conn, id: &SessionId, email: &str) -> Result<usize> {
    let proven =
        accounts::table.filter(accounts::email.eq(email)).filter(accounts::email_proven_at.is_not_null());
    let row = account_sessions::table
        .find(id)
        .filter(account_sessions::scope.eq(Scope::Restricted))
        .filter(account_sessions::revoked_at.is_null())
        .filter(account_sessions::account_id.eq_any(proven.select(accounts::id)));
    Ok(update(row).set(account_sessions::scope.eq(Scope::Full)).execute(conn)?)
}

/// Inserts one more refresh token of a token family, at the end of the unit of work.
pub(super) fn insert_refresh_token(tx: &mut Tx, hash: String, session_id: &SessionId, ends: Timestamp) {
    let row = (
        refresh_tokens::hash.eq(hash),
        refresh_tokens::session_id.eq(session_id.clone()),
        refresh_tokens::created_at.eq(tx.now),
        refresh_tokens::expires_at.eq(ends),
    );
    tx.insert_later(insert_into(refresh_tokens::table).values(row));
}

/// Uses up a refresh token that is valid and was never used; returns its session.
pub(super) fn use_refresh_token(conn: &mut Conn, hash: &str, now: Timestamp) -> Result<Option<SessionId>> {
    let row = refresh_tokens::table
        .find(hash)
        .filter(refresh_tokens::used_at.is_null())
        .filter(refresh_tokens::expires_at.gt(now));
    let update = update(row).set(refresh_tokens::used_at.eq(now)).returning(refresh_tokens::session_id);
    Ok(update.get_result(conn).optional()?)
}

/// The session of a refresh token that was used before, for the detection of reuse.
pub(super) fn used_refresh_token(conn: &mut Conn, hash: &str) -> Result<Option<SessionId>> {
    let row = refresh_tokens::table.find(hash).filter(refresh_tokens::used_at.is_not_null());
    Ok(row.select(refresh_tokens::session_id).first(conn).optional()?)
}
