//! Which of an account's conversations a session sees, as a query that others narrow down.

use diesel::dsl::{InnerJoin, IntoBoxed, exists};
use diesel::prelude::*;

use super::{Access, SessionScope};
use crate::domain::conversations::Scope;
use crate::kit::AccountId;
use crate::platform::db::MultiBackend;
use crate::platform::db::schema::{account_sessions, conversations, pairings};

type Conversations<'a> = IntoBoxed<'a, InnerJoin<conversations::table, pairings::table>, MultiBackend>;

/// The visible conversations of an account, whether or not their pairings have ended.
pub fn visible(access: Access<'_>) -> Conversations<'_> {
    let Access { account_id, scope } = access;
    let rows = conversations::table.inner_join(pairings::table).filter(pairings::account_id.eq(account_id));
    let rows = rows.into_boxed();
    match scope {
        SessionScope::All => rows,
        SessionScope::Full => rows.filter(pairings::session_id.ne_all(restricted_sessions(account_id))),
        SessionScope::Restricted { session, since } => {
            // The patient who was met may hold another new device; pairings made by that device stay its own.
            let by_full = pairings::session_id.ne_all(restricted_sessions(account_id));
            let met = conversations::met_at.gt(since).and(by_full);
            rows.filter(pairings::session_id.eq(session).or(met))
        }
    }
}

/// Ids of an account's restricted sessions.
#[diesel::dsl::auto_type(no_type_alias)]
pub fn restricted_sessions<'a>(account_id: &'a AccountId) -> _ {
    let restricted: Scope = Scope::Restricted;
    let sessions = account_sessions::table.filter(account_sessions::account_id.eq(account_id));
    sessions.filter(account_sessions::scope.eq(restricted)).select(account_sessions::id)
}

/// Whether a restricted session made the pairing: it verified only the phone number, which may have a new
/// owner, and nothing else of the account.
#[diesel::dsl::auto_type(no_type_alias)]
pub fn paired_by_restricted_session() -> _ {
    let restricted: Scope = Scope::Restricted;
    let sessions = account_sessions::table.filter(account_sessions::id.eq(pairings::session_id));
    exists(sessions.filter(account_sessions::scope.eq(restricted)))
}
