//! The rows of `accounts`, `patients`, `account_sessions` and `refresh_tokens`.

use diesel::prelude::*;
use diesel::{insert_into, update};

use super::{Person, PersonChange, Scope};
use crate::conversations::{Sight, restricted};
use crate::db::schema::{account_sessions, accounts, conversations, pairings, patients, refresh_tokens};
use crate::db::{Both, Conn, Result, columns};
use crate::kit::{Email, Phone, Timestamp};

/// The holder of one proven number.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = accounts)]
pub struct Account {
    /// Its id, `acc_…`.
    pub id: String,
    /// The number, until the account is deleted.
    pub phone: Option<String>,
    /// The address that its holder gave.
    pub email: Option<String>,
    /// Since when that is proven.
    pub email_proven_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Account {
    /// The address, where it is proven.
    pub fn proven_email(&self) -> Option<&str> {
        self.email.as_deref().filter(|_| self.email_proven_at.is_some())
    }
}

/// One person on an account.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = patients)]
pub struct Patient {
    /// The person's id, `pat_…`.
    pub id: String,
    /// Given name.
    pub given_name: String,
    /// Family name.
    pub family_name: String,
    /// Birth date, ISO 8601.
    pub birth_date: Option<String>,
    /// When the person was added.
    pub created_at: Timestamp,
    /// What they are to the holder of the account.
    pub relation: String,
}

/// A sign-in that still lives.
#[derive(Queryable, Selectable)]
#[diesel(table_name = account_sessions)]
pub struct LiveSession {
    /// Whose it is.
    pub account_id: String,
    scope: String,
    /// When it began.
    pub created_at: Timestamp,
}

impl LiveSession {
    /// What it sees; a word that is not ours sees least.
    pub fn scope(&self) -> Scope {
        if self.scope == Scope::Full.as_str() { Scope::Full } else { Scope::Restricted }
    }
}

/// An e-mail address, and since when it is proven.
pub struct Address {
    /// The address.
    pub email: Option<Email>,
    /// Since when; `None` for not yet.
    pub proven_at: Option<Timestamp>,
}

/// Makes an account; `None` when the number has one. Of two racing sign-ups the second waits here for the
/// first one's commit.
pub fn insert_account(
    conn: &mut Conn,
    id: &str,
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

/// The living account of `id`.
pub fn find_account(conn: &mut Conn, id: &str) -> Result<Option<Account>> {
    let row = accounts::table.find(id).filter(accounts::deleted_at.is_null());
    Ok(row.select(columns::<Account>()).first(conn).optional()?)
}

/// The account of a number.
pub fn find_by_phone(conn: &mut Conn, phone: &Phone) -> Result<Option<Account>> {
    let row = accounts::table.filter(accounts::phone.eq(phone.as_e164()));
    Ok(row.select(columns::<Account>()).first(conn).optional()?)
}

/// Holds a living account until the transaction ends; `false` when it is deleted. Whatever changes something of
/// an account begins here, so that nothing is added to one that is being deleted, and all lock in one order.
pub fn hold_account(conn: &mut Conn, id: &str) -> Result<bool> {
    let row = accounts::table.filter(accounts::id.eq(id)).filter(accounts::deleted_at.is_null());
    Ok(update(row).set(accounts::created_at.eq(accounts::created_at)).execute(conn)? == 1)
}

/// Gives an account a number that no other one has; `false` where one has it.
pub fn set_phone(conn: &mut Conn, id: &str, phone: &Phone) -> Result<bool> {
    let of_others = diesel::alias!(accounts as others);
    let taken = of_others.filter(of_others.field(accounts::phone).eq(phone.as_e164()));
    let taken = taken.filter(of_others.field(accounts::id).ne(id.to_owned()));
    let row =
        accounts::table.filter(accounts::id.eq(id)).filter(diesel::dsl::not(diesel::dsl::exists(taken)));
    Ok(update(row).set(accounts::phone.eq(phone.as_e164())).execute(conn)? == 1)
}

/// Gives an account an address that was just proven; 0 where it was its own, and proven, before.
pub fn prove_email(conn: &mut Conn, id: &str, email: &str, now: Timestamp) -> Result<usize> {
    let row = accounts::table.find(id).filter(accounts::deleted_at.is_null()).filter(
        accounts::email.is_null().or(accounts::email.ne(email)).or(accounts::email_proven_at.is_null()),
    );
    Ok(update(row).set((accounts::email.eq(email), accounts::email_proven_at.eq(now))).execute(conn)?)
}

/// Forgets who an account was; its number is free again.
pub fn forget_account(conn: &mut Conn, id: &str, now: Timestamp) -> Result<()> {
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

/// Adds a person; `session_id` is the sign-in that asked.
pub fn insert_patient(
    conn: &mut Conn,
    id: &str,
    account_id: &str,
    session_id: &str,
    person: &Person,
    now: Timestamp,
) -> Result<Patient> {
    let row = (
        patients::id.eq(id),
        patients::account_id.eq(account_id),
        patients::given_name.eq(&person.given_name),
        patients::family_name.eq(&person.family_name),
        patients::birth_date.eq(&person.birth_date),
        patients::session_id.eq(session_id),
        patients::created_at.eq(now),
        patients::relation.eq(person.relation.as_str()),
    );
    Ok(insert_into(patients::table).values(row).returning(columns::<Patient>()).get_result(conn)?)
}

/// The person of `id`, where it is on this account.
pub fn find_patient(conn: &mut Conn, account_id: &str, id: &str) -> Result<Option<Patient>> {
    let row = patients::table.find(id).filter(patients::account_id.eq(account_id));
    Ok(row.select(columns::<Patient>()).first(conn).optional()?)
}

/// The people on an account that `sight` lets through, oldest first.
pub fn patients(conn: &mut Conn, account_id: &str, sight: Sight<'_>) -> Result<Vec<Patient>> {
    let mut rows = patients::table.filter(patients::account_id.eq(account_id)).into_boxed();
    match sight {
        Sight::All => {}
        Sight::Confirmed => rows = rows.filter(patients::session_id.ne_all(restricted(account_id))),
        Sight::Restricted { session, since } => {
            // Whom another new device added is its own.
            let known = patients::session_id.ne_all(restricted(account_id));
            let met = patients::id.eq_any(met(account_id, since)).and(known);
            rows = rows.filter(patients::session_id.eq(session).or(met));
        }
    }
    Ok(rows.order(patients::id).select(columns::<Patient>()).load(conn)?)
}

/// The people on an account to whom a practice has spoken since, or whom it has seen.
#[diesel::dsl::auto_type(no_type_alias)]
fn met<'a>(account_id: &'a str, since: Timestamp) -> _ {
    let rows = pairings::table.inner_join(conversations::table).filter(pairings::account_id.eq(account_id));
    rows.filter(conversations::met_at.gt(since)).select(pairings::patient_id)
}

/// Changes what `change` names.
pub fn update_patient(
    conn: &mut Conn,
    account_id: &str,
    id: &str,
    change: &PersonChange,
) -> Result<Option<Patient>> {
    let row = patients::table.filter(patients::id.eq(id)).filter(patients::account_id.eq(account_id));
    // The first one changes nothing: an empty change would be no statement at all, and no row.
    let set = (
        patients::account_id.eq(account_id),
        change.given_name.as_ref().map(|name| patients::given_name.eq(name)),
        change.family_name.as_ref().map(|name| patients::family_name.eq(name)),
        change.birth_date.as_ref().map(|date| patients::birth_date.eq(date)),
    );
    Ok(update(row).set(set).returning(columns::<Patient>()).get_result(conn).optional()?)
}

/// Opens a sign-in.
pub fn insert_session(
    conn: &mut Conn,
    id: &str,
    account_id: &str,
    scope: Scope,
    now: Timestamp,
) -> Result<()> {
    let row = (
        account_sessions::id.eq(id),
        account_sessions::account_id.eq(account_id),
        account_sessions::scope.eq(scope.as_str()),
        account_sessions::created_at.eq(now),
    );
    insert_into(account_sessions::table).values(row).execute(conn)?;
    Ok(())
}

/// The sign-in of `id`, unless it was revoked.
pub fn live_session(conn: &mut Conn, id: &str) -> Result<Option<LiveSession>> {
    let row = account_sessions::table.find(id).filter(account_sessions::revoked_at.is_null());
    Ok(row.select(columns::<LiveSession>()).first(conn).optional()?)
}

/// Ends one sign-in.
pub fn revoke_session(conn: &mut Conn, id: &str, now: Timestamp) -> Result<()> {
    let row = account_sessions::table.find(id).filter(account_sessions::revoked_at.is_null());
    update(row).set(account_sessions::revoked_at.eq(now)).execute(conn)?;
    Ok(())
}

/// Ends every sign-in of an account.
pub fn revoke_all_sessions(conn: &mut Conn, account_id: &str, now: Timestamp) -> Result<()> {
    let rows = account_sessions::table
        .filter(account_sessions::account_id.eq(account_id))
        .filter(account_sessions::revoked_at.is_null());
    update(rows).set(account_sessions::revoked_at.eq(now)).execute(conn)?;
    Ok(())
}

/// Ends the restricted sign-ins of an account.
pub fn revoke_restricted(conn: &mut Conn, account_id: &str, now: Timestamp) -> Result<()> {
    let rows = account_sessions::table
        .filter(account_sessions::account_id.eq(account_id))
        .filter(account_sessions::scope.eq(Scope::Restricted.as_str()))
        .filter(account_sessions::revoked_at.is_null());
    update(rows).set(account_sessions::revoked_at.eq(now)).execute(conn)?;
    Ok(())
}

/// Lets a restricted sign-in see everything, while `email` is its account's proven address.
pub fn lift_session(conn: &mut Conn, id: &str, email: &str) -> Result<usize> {
    let proven =
        accounts::table.filter(accounts::email.eq(email)).filter(accounts::email_proven_at.is_not_null());
    let row = account_sessions::table
        .find(id)
        .filter(account_sessions::scope.eq(Scope::Restricted.as_str()))
        .filter(account_sessions::revoked_at.is_null())
        .filter(account_sessions::account_id.eq_any(proven.select(accounts::id)));
    Ok(update(row).set(account_sessions::scope.eq(Scope::Full.as_str())).execute(conn)?)
}

/// Hands out one more refresh token of a family.
pub fn insert_refresh_token(
    conn: &mut Conn,
    hash: &str,
    session_id: &str,
    now: Timestamp,
    ends: Timestamp,
) -> Result<()> {
    let row = (
        refresh_tokens::hash.eq(hash),
        refresh_tokens::session_id.eq(session_id),
        refresh_tokens::created_at.eq(now),
        refresh_tokens::expires_at.eq(ends),
    );
    insert_into(refresh_tokens::table).values(row).execute(conn)?;
    Ok(())
}

/// Uses a refresh token that is alive and was never used; gives its session.
pub fn use_refresh_token(conn: &mut Conn, hash: &str, now: Timestamp) -> Result<Option<String>> {
    let row = refresh_tokens::table
        .find(hash)
        .filter(refresh_tokens::used_at.is_null())
        .filter(refresh_tokens::expires_at.gt(now));
    let update = update(row).set(refresh_tokens::used_at.eq(now)).returning(refresh_tokens::session_id);
    Ok(update.get_result(conn).optional()?)
}

/// The session of a refresh token that was used before.
pub fn used_refresh_token(conn: &mut Conn, hash: &str) -> Result<Option<String>> {
    let row = refresh_tokens::table.find(hash).filter(refresh_tokens::used_at.is_not_null());
    Ok(row.select(refresh_tokens::session_id).first(conn).optional()?)
}
