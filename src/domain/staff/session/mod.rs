//! Sessions of staff with both factors proven: an app's (access and refresh tokens) and a browser's (a
//! cookie).
//!
//! An access token is a JWT that names its session, and the session is read on every call, so that ending
//! it ends the token at once. Refresh tokens rotate; one that is used again is in two hands, and its whole
//! family is revoked. A browser's secret does not rotate: it is in a cookie that no script can read, and
//! expires when idle.

mod label;
mod store;

use std::time::Duration;

use serde_json::{Value, json};
pub use store::Session;

use super::sign_in::VerifiedStaff;
use super::{Error, Staff, token};
use crate::domain::events::EventKind;
use crate::kit::{Secret, StaffId, StaffSessionId, secret};
use crate::platform::{Tx, db};

/// Maximum lifetime of an app's session.
const API_LIFE: Duration = Duration::from_hours(30 * 24);
/// Lifetime of an unused refresh token.
const REFRESH_LIFE: Duration = Duration::from_hours(7 * 24);
/// Maximum lifetime of a browser's session.
const CONSOLE_LIFE: Duration = Duration::from_hours(7 * 24);
/// Idle timeout of a browser's session: longer than a night, shorter than a weekend.
const CONSOLE_IDLE: Duration = Duration::from_hours(12);
/// Use is recorded at most this often: not every page is worth a write.
const NOTED: Duration = Duration::from_mins(5);
/// Retention of ended sessions: a refresh token that comes back late is still recognized as used.
const KEPT: Duration = Duration::from_hours(30 * 24);

crate::text_enum! {
    /// The kind of credential of a session.
    pub enum Kind {
        /// Uses access and refresh tokens.
        Api = "api",
        /// Uses a browser's cookie.
        Console = "console",
    }
}

pub struct Tokens {
    pub access: Secret,
    /// Seconds until the access token expires.
    pub expires_in: u64,
    /// Can be exchanged for fresh tokens, once.
    pub refresh: Secret,
}

/// The outcome of a refresh. Reuse is an outcome, not an error: an error would roll the revocation back.
pub enum Refresh {
    Tokens(Tokens),
    /// The token was used before; its family is now revoked.
    Reused,
}

/// Opens an app's session.
pub fn open_api(tx: &mut Tx, staff: &VerifiedStaff, agent: &str) -> Result<Tokens, Error> {
    let session = open(tx, &staff.staff_id, Kind::Api, agent)?;
    issue(tx, &session)
}

/// Opens a browser's session; returns the cookie's secret.
pub fn open_console(tx: &mut Tx, staff: &VerifiedStaff, agent: &str) -> db::Result<Secret> {
    let session = open(tx, &staff.staff_id, Kind::Console, agent)?;
    let cookie = tx.secret(secret::COOKIE);
    store::insert_token(tx.conn, &cookie.hash(), &session.id, tx.now, session.expires_at)?;
    Ok(cookie)
}

fn open(tx: &mut Tx, staff_id: &StaffId, kind: Kind, agent: &str) -> db::Result<Session> {
    let life = if kind == Kind::Api { API_LIFE } else { CONSOLE_LIFE };
    let label = label::of_agent(agent);
    let session = Session::new(tx.id::<StaffSessionId>(), staff_id, kind, label, tx.now, tx.now + life);
    store::insert(tx.conn, &session)?;
    Ok(session)
}

fn issue(tx: &mut Tx, session: &Session) -> Result<Tokens, Error> {
    let refresh = tx.secret("srt");
    let ends = session.expires_at.min(tx.now + REFRESH_LIFE);
    store::insert_token(tx.conn, &refresh.hash(), &session.id, tx.now, ends)?;
    let access = token::sign(tx, &session.staff_id, Some(&session.id)).ok_or(Error::KeysMissing)?;
    Ok(Tokens { access: access.token, expires_in: access.expires_at.seconds_from(tx.now), refresh })
}

/// Exchanges a refresh token for fresh tokens, once.
pub fn refresh(tx: &mut Tx, refresh: &Secret) -> Result<Refresh, Error> {
    let hash = refresh.hash();
    let Some(id) = store::use_token(tx.conn, &hash, tx.now)? else {
        let id = store::used_token(tx.conn, &hash)?.ok_or(Error::RefreshInvalid)?;
        if let Some(session) = store::find_live(tx.conn, &id, tx.now)? {
            store::revoke(tx.conn, &id, tx.now)?;
            note_reuse(tx, &session)?;
        }
        return Ok(Refresh::Reused);
    };
    let session = store::find_live(tx.conn, &id, tx.now)?.ok_or(Error::RefreshInvalid)?;
    super::store::find_active(tx.conn, &session.staff_id)?.ok_or(Error::RefreshInvalid)?;
    store::record_use(tx.conn, &id, tx.now, tx.now)?;
    Ok(Refresh::Tokens(issue(tx, &session)?))
}

fn note_reuse(tx: &mut Tx, session: &Session) -> db::Result<()> {
    let practice_id = super::store::find(tx.conn, &session.staff_id)?.map(|member| member.practice_id);
    let (id, detail) = (&session.staff_id, audit_detail(Some(&session.id)));
    tx.emit(practice_id.as_ref(), id, EventKind::StaffRefreshTokenReused, id, detail);
    Ok(())
}

fn audit_detail(session_id: Option<&StaffSessionId>) -> Value {
    json!({ "session": session_id.map_or("", StaffSessionId::as_str) })
}

/// Returns staff member and session of an access token or cookie; a development token has no session.
pub fn find(tx: &mut Tx, given: &Secret) -> db::Result<Option<(StaffId, Option<Session>)>> {
    if given.is_cookie() {
        let Some(id) = store::session_of(tx.conn, &given.hash(), tx.now)? else { return Ok(None) };
        let session = live(tx, &id, Kind::Console)?;
        return Ok(session.map(|session| (session.staff_id.clone(), Some(session))));
    }
    let Some(claims) = token::verify(tx, given) else { return Ok(None) };
    match claims.sid {
        None => Ok(tx.settings.is_development().then_some((claims.sub, None))),
        Some(id) => {
            let session = live(tx, &id, Kind::Api)?.filter(|session| session.staff_id == claims.sub);
            Ok(session.map(|session| (claims.sub, Some(session))))
        }
    }
}

fn live(tx: &mut Tx, id: &StaffSessionId, kind: Kind) -> db::Result<Option<Session>> {
    let session = store::find_live(tx.conn, id, tx.now)?.filter(|session| session.kind == kind);
    Ok(session.filter(|session| kind == Kind::Api || session.last_seen_at + CONSOLE_IDLE > tx.now))
}

/// Returns whether the last use should be recorded now, with [`record_use`].
pub fn is_due(tx: &Tx, session: &Session) -> bool {
    session.last_seen_at + NOTED <= tx.now
}

/// Records the use of a session, so that the idle timeout starts again.
pub fn record_use(tx: &mut Tx, session_id: &StaffSessionId) -> db::Result<()> {
    store::record_use(tx.conn, session_id, tx.now - NOTED, tx.now).map(drop)
}

/// Lists the caller's sessions, most recently used first.
pub fn list(tx: &mut Tx, who: &Staff) -> db::Result<Vec<Session>> {
    let now = tx.now;
    let mut found = store::live_of(tx.conn, &who.staff_id, now)?;
    found.retain(|session| session.kind == Kind::Api || session.last_seen_at + CONSOLE_IDLE > now);
    Ok(found)
}

/// Ends the session that makes the request.
pub fn sign_out(tx: &mut Tx, who: &Staff) -> db::Result<()> {
    let Some(id) = &who.session_id else { return Ok(()) };
    if store::revoke(tx.conn, id, tx.now)? == 1 {
        who.note(tx, EventKind::StaffSignedOut, &who.staff_id, audit_detail(Some(id)));
    }
    Ok(())
}

/// Ends one of the caller's sessions; one that has already ended is no error.
pub fn end(tx: &mut Tx, who: &Staff, id: &StaffSessionId) -> Result<(), Error> {
    if store::revoke_own(tx.conn, id, &who.staff_id, tx.now)? == 1 {
        who.note(tx, EventKind::StaffSessionEnded, &who.staff_id, audit_detail(Some(id)));
        return Ok(());
    }
    match store::is_own(tx.conn, id, &who.staff_id)? {
        true => Ok(()),
        false => Err(Error::SessionNotFound),
    }
}

/// Ends every session of the caller except the current one.
pub fn end_others(tx: &mut Tx, who: &Staff) -> db::Result<usize> {
    match &who.session_id {
        Some(id) => store::revoke_others(tx.conn, &who.staff_id, id, tx.now),
        None => store::revoke_all(tx.conn, &who.staff_id, tx.now),
    }
}

/// Ends every session of the caller, including the current one.
pub fn sign_out_everywhere(tx: &mut Tx, who: &Staff) -> Result<(), Error> {
    end_all(tx, &who.staff_id)?;
    let detail = audit_detail(who.session_id.as_ref());
    who.note(tx, EventKind::StaffSignedOutEverywhere, &who.staff_id, detail);
    Ok(())
}

/// Ends every session of a staff member.
pub fn end_all(tx: &mut Tx, staff_id: &StaffId) -> db::Result<usize> {
    store::revoke_all(tx.conn, staff_id, tx.now)
}

/// Deletes sessions and tokens that ended more than 30 days ago.
pub fn sweep(tx: &mut Tx) -> db::Result<()> {
    store::delete_tokens(tx.conn, tx.now - KEPT)?;
    store::delete_over(tx.conn, tx.now - KEPT).map(drop)
}
