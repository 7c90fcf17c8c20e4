//! Queries on `identity_decisions` and `number_blocks`.

use diesel::dsl::max;
use diesel::prelude::*;
use diesel::{delete, insert_into};

use super::{Basis, Case, Kind, NewDecision, Transition};
use crate::domain::conversations::IdentityState;
use crate::kit::{ConversationId, DecisionId, PairingId, PracticeId, RecordId, Timestamp};
use crate::platform::db::schema::{accounts, identity_decisions, number_blocks, pairings};
use crate::platform::db::{Conn, Result, columns};

/// A decision of the identity check.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = identity_decisions)]
pub struct Decision {
    /// Id of the form `idd_…`.
    pub id: DecisionId,
    pub kind: Kind,
    #[diesel(column_name = method)]
    pub basis: Option<Basis>,
    /// Free text by the actor.
    pub note: Option<String>,
    /// A staff member; for decisions no person made, an account or `system`.
    pub actor: String,
    /// The record that belongs to the patient.
    pub record_id: Option<RecordId>,
    /// JSON: the comparison field by field, as staff saw it when they decided.
    pub compared: Option<String>,
    pub state_before: IdentityState,
    pub state_after: IdentityState,
    pub created_at: Timestamp,
}

impl Decision {
    /// Whether a person made the decision, and it is not itself an undo.
    pub fn can_be_undone(&self) -> bool {
        matches!(self.kind, Kind::Confirm | Kind::Reject)
    }
}

/// Appends a decision. The conversation is locked, so no concurrent transaction takes the next position.
pub(super) fn insert(
    conn: &mut Conn,
    id: &DecisionId,
    case: &Case<'_>,
    transition: &Transition,
    new: &NewDecision<'_>,
    now: Timestamp,
) -> Result<Decision> {
    let position = last_position(conn, case.id)? + 1;
    let row = (
        identity_decisions::id.eq(id),
        identity_decisions::conversation_id.eq(case.id),
        identity_decisions::position.eq(position),
        identity_decisions::practice_id.eq(case.decider.practice_id),
        identity_decisions::kind.eq(transition.kind),
        identity_decisions::method.eq(transition.basis),
        identity_decisions::note.eq(new.note),
        identity_decisions::actor.eq(case.decider.actor.as_str()),
        identity_decisions::record_id.eq(&new.evidence.record_id),
        identity_decisions::compared.eq(new.evidence.compared.as_ref().map(ToString::to_string)),
        identity_decisions::state_before.eq(case.locked.identity),
        identity_decisions::state_after.eq(transition.to),
        identity_decisions::created_at.eq(now),
    );
    let insert = insert_into(identity_decisions::table).values(row);
    Ok(insert.returning(columns::<Decision>()).get_result(conn)?)
}

fn last_position(conn: &mut Conn, conversation_id: &ConversationId) -> Result<i32> {
    let rows = identity_decisions::table.filter(identity_decisions::conversation_id.eq(conversation_id));
    let last: Option<i32> = rows.select(max(identity_decisions::position)).first(conn)?;
    Ok(last.unwrap_or_default())
}

/// The decisions about a conversation, oldest first.
pub(super) fn decisions(conn: &mut Conn, conversation_id: &ConversationId) -> Result<Vec<Decision>> {
    let rows = identity_decisions::table.filter(identity_decisions::conversation_id.eq(conversation_id));
    Ok(rows.order(identity_decisions::position).select(columns::<Decision>()).load(conn)?)
}

pub(super) fn last_decision(conn: &mut Conn, conversation_id: &ConversationId) -> Result<Option<Decision>> {
    let rows = identity_decisions::table.filter(identity_decisions::conversation_id.eq(conversation_id));
    let last = rows.order(identity_decisions::position.desc()).select(columns::<Decision>());
    Ok(last.first(conn).optional()?)
}

/// Whether a conversation ever had a decision of this kind.
pub(super) fn was_ever(conn: &mut Conn, conversation_id: &ConversationId, kind: Kind) -> Result<bool> {
    let rows = identity_decisions::table
        .filter(identity_decisions::conversation_id.eq(conversation_id))
        .filter(identity_decisions::kind.eq(kind));
    Ok(rows.select(identity_decisions::id).first::<DecisionId>(conn).optional()?.is_some())
}

/// The phone number of a pairing's account; `None` after the account was deleted.
pub(super) fn phone_of(conn: &mut Conn, pairing_id: &PairingId) -> Result<Option<String>> {
    let row = pairings::table.inner_join(accounts::table).filter(pairings::id.eq(pairing_id));
    Ok(row.select(accounts::phone).first(conn)?)
}

/// Blocks a number from pairing with a practice until this decision and every other one that
/// blocks it are undone.
pub(super) fn block(
    conn: &mut Conn,
    practice_id: &PracticeId,
    phone_key: &str,
    decision_id: &DecisionId,
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

/// Removes the block of an undone decision.
pub(super) fn unblock(conn: &mut Conn, decision_id: &DecisionId) -> Result<usize> {
    let rows = number_blocks::table.filter(number_blocks::decision_id.eq(decision_id));
    Ok(delete(rows).execute(conn)?)
}

pub(super) fn is_blocked(conn: &mut Conn, practice_id: &PracticeId, phone_key: &str) -> Result<bool> {
    let rows = number_blocks::table
        .filter(number_blocks::practice_id.eq(practice_id))
        .filter(number_blocks::phone_key.eq(phone_key));
    Ok(rows.select(number_blocks::decision_id).first::<DecisionId>(conn).optional()?.is_some())
}
