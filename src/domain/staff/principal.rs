//! Authenticates staff. Only the web layer calls this: a rule is given the signed-in staff member, never a
//! token.

use serde_json::Value;

use super::{Error, Permission, Role, session, store};
use crate::domain::events::EventKind;
use crate::domain::practices;
use crate::kit::{PracticeId, Secret, StaffId, StaffSessionId};
use crate::platform::Tx;

/// The signed-in staff member behind a request.
#[derive(Clone)]
pub struct Staff {
    pub staff_id: StaffId,
    /// The practice that every query of the caller is restricted to.
    pub practice_id: PracticeId,
    pub role: Role,
    /// The session that made the request; `None` for a development token.
    pub session_id: Option<StaffSessionId>,
    /// Whether the use of the session should be recorded with [`session::record_use`].
    pub is_due: bool,
}

impl Staff {
    /// Appends an action of this staff member to the audit log.
    pub fn note(&self, tx: &mut Tx, kind: EventKind, subject: impl AsRef<str>, detail: Value) {
        tx.emit(Some(&self.practice_id), &self.staff_id, kind, subject, detail);
    }
}

/// Authenticates `token`: an access token, or the secret of a browser's cookie. Session and account are read
/// each time, so that ending either takes effect at once. A cookie's secret reaches this function only from a
/// cookie: `web::http::RequestContext` accepts none from a header.
pub fn authenticate(tx: &mut Tx, token: Option<&Secret>) -> Result<Staff, Error> {
    let token = token.ok_or(Error::Unauthorized)?;
    let (id, session) = session::find(tx, token)?.ok_or(Error::Unauthorized)?;
    let member = store::find_active(tx.conn, &id)?.ok_or(Error::Unauthorized)?;
    let practice = practices::find(tx, &member.practice_id)?;
    if practice.is_none_or(|practice| practice.is_closed()) {
        return Err(Error::Unauthorized);
    }
    Ok(Staff {
        staff_id: member.id,
        practice_id: member.practice_id,
        role: member.role,
        is_due: session.as_ref().is_some_and(|session| session::is_due(tx, session)),
        session_id: session.map(|session| session.id),
    })
}

/// Runs [`authenticate`] for a call that needs a permission.
pub fn authorize(tx: &mut Tx, token: Option<&Secret>, permission: Permission) -> Result<Staff, Error> {
    let who = authenticate(tx, token)?;
    if who.role.has(permission) { Ok(who) } else { Err(Error::Forbidden) }
}
