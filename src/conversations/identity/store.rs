//! The rows of `identity_decisions` and `number_blocks`.

use diesel::dsl::max;
use diesel::prelude::*;
use diesel::{delete, insert_into};

use super::{Case, Move, Ruling};
use crate::db::schema::{accounts, identity_decisions, number_blocks, pairings};
use crate::db::{Conn, Result, columns};
use crate::kit::Timestamp;

/// What was decided about who it is.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = identity_decisions)]
pub struct Decision {
    /// Its id, `idd_…`.
    pub id: String,
    /// `confirm`, `reject`, `undo` or `re_verify`.
    pub kind: String,
    /// Of a confirmation how it was made, of a `re_verify` why.
    pub method: Option<String>,
    /// In the words of whoever decided.
    pub note: Option<String>,
    /// A staff member; of what no person decided, an account or `system`.
    pub actor: String,
    /// The record that the person is.
    pub record_id: Option<String>,
    /// Field by field, as it was seen then: JSON.
    pub compared: Option<String>,
    /// Where the conversation stood.
    pub state_before: String,
    /// Where it stood then.
    pub state_after: String,
    /// When.
    pub created_at: Timestamp,
}

impl Decision {
    /// Whether a person decided it, and it was not undone.
    pub fn can_be_undone(&self) -> bool {
        matches!(self.kind.as_str(), "confirm" | "reject")
    }
}

/// Appends a decision. The conversation is held, so nobody else takes the next place.
pub fn insert(
    conn: &mut Conn,
    id: &str,
    case: &Case<'_>,
    step: &Move,
    ruling: &Ruling<'_>,
    now: Timestamp,
) -> Result<Decision> {
    let position = last_position(conn, case.id)? + 1;
    let row = (
        identity_decisions::id.eq(id),
        identity_decisions::conversation_id.eq(case.id),
        identity_decisions::position.eq(position),
        identity_decisions::practice_id.eq(case.by.practice_id),
        identity_decisions::kind.eq(step.kind),
        identity_decisions::method.eq(step.method),
        identity_decisions::note.eq(ruling.note),
        identity_decisions::actor.eq(case.by.actor),
        identity_decisions::record_id.eq(&ruling.evidence.record_id),
        identity_decisions::compared.eq(ruling.evidence.compared.as_ref().map(ToString::to_string)),
        identity_decisions::state_before.eq(&case.held.identity),
        identity_decisions::state_after.eq(step.to.as_str()),
        identity_decisions::created_at.eq(now),
    );
    let insert = insert_into(identity_decisions::table).values(row);
    Ok(insert.returning(columns::<Decision>()).get_result(conn)?)
}

fn last_position(conn: &mut Conn, conversation_id: &str) -> Result<i32> {
    let rows = identity_decisions::table.filter(identity_decisions::conversation_id.eq(conversation_id));
    let last: Option<i32> = rows.select(max(identity_decisions::position)).first(conn)?;
    Ok(last.unwrap_or_default())
}

/// The decisions about a conversation, oldest first.
pub fn decisions(conn: &mut Conn, conversation_id: &str) -> Result<Vec<Decision>> {
    let rows = identity_decisions::table.filter(identity_decisions::conversation_id.eq(conversation_id));
    Ok(rows.order(identity_decisions::position).select(columns::<Decision>()).load(conn)?)
}

/// The last of them.
pub fn last_decision(conn: &mut Conn, conversation_id: &str) -> Result<Option<Decision>> {
    let rows = identity_decisions::table.filter(identity_decisions::conversation_id.eq(conversation_id));
    let last = rows.order(identity_decisions::position.desc()).select(columns::<Decision>());
    Ok(last.first(conn).optional()?)
}

/// Whether a conversation was ever decided that way.
pub fn was_ever(conn: &mut Conn, conversation_id: &str, kind: &str) -> Result<bool> {
    let rows = identity_decisions::table
        .filter(identity_decisions::conversation_id.eq(conversation_id))
        .filter(identity_decisions::kind.eq(kind));
    Ok(rows.select(identity_decisions::id).first::<String>(conn).optional()?.is_some())
}

/// The number of whose pairing it is, unless the account was deleted.
pub fn phone_of(conn: &mut Conn, pairing_id: &str) -> Result<Option<String>> {
    let row = pairings::table.inner_join(accounts::table).filter(pairings::id.eq(pairing_id));
    Ok(row.select(accounts::phone).first(conn)?)
}

/// Keeps a number from pairing with a practice, until this decision is taken back and each other one that blocks it.
pub fn block(
    conn: &mut Conn,
    practice_id: &str,
    phone_key: &str,
    decision_id: &str,
    now: Timestamp,
) -> Result<usize> {
    let row = (
        number_blocks::practice_id.eq(practice_id),
        number_blocks::phone_key.eq(phone_key),
        number_blocks::decision_id.eq(decision_id),
        number_blocks::created_at.eq(now),
    );
    Ok(insert_into(number_blocks::table).values(row).execute(conn)?)
}

/// Takes back what a decision blocked.
pub fn unblock(conn: &mut Conn, decision_id: &str) -> Result<usize> {
    let rows = number_blocks::table.filter(number_blocks::decision_id.eq(decision_id));
    Ok(delete(rows).execute(conn)?)
}

/// Whether a number is blocked.
pub fn is_blocked(conn: &mut Conn, practice_id: &str, phone_key: &str) -> Result<bool> {
    let rows = number_blocks::table
        .filter(number_blocks::practice_id.eq(practice_id))
        .filter(number_blocks::phone_key.eq(phone_key));
    Ok(rows.select(number_blocks::decision_id).first::<String>(conn).optional()?.is_some())
}
