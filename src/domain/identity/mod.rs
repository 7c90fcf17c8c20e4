//! Identity check: how sure a practice is who the patient of a conversation is, and what it decided.
//!
//! The state is a column of the conversation. Only a [`Decision`] changes it. Decisions are appended with
//! who, how and when, and never changed, so the last one always explains the current state, and an undo can
//! go back one step. Until the identity is confirmed, no health information should be sent to the patient.
//! What staff see and decide is in [`check`].

pub mod check;
mod decision;
pub mod grading;
mod store;

pub use check::{IdentityCheck, StaffDecision};
pub use decision::{Basis, Decider, Doubt, Evidence, Kind, Method, NewDecision, Verdict};
pub use store::Decision;

use serde_json::json;

use super::conversations::store as rows;
use super::conversations::store::LockedConversation;
use super::conversations::{IdentityState, Status, append_system};
use crate::domain::events::EventKind;
use crate::domain::{inbox, staff};
use crate::kit::{ConversationId, DecisionId, Phone, PracticeId};
use crate::platform::event_log::Actor;
use crate::platform::{Tx, db, rate_limits};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("conversation not found")]
    NotFound,
    #[error("conversation closed")]
    Closed,
    /// Already decided; holds the current state.
    #[error("identity decided")]
    Decided(IdentityState),
    /// There is no decision that could be undone.
    #[error("nothing to undo")]
    NothingToUndo,
    /// The record is not among the candidates.
    #[error("the record is not a candidate")]
    NotACandidate,
    /// Confirming by record needs a record id, since there are several candidates.
    #[error("the record id is missing")]
    RecordRequired,
    /// The conversation is outside of the access scope.
    #[error(transparent)]
    Inbox(#[from] inbox::Error),
    /// The role does not allow the decision.
    #[error(transparent)]
    Staff(#[from] staff::Error),
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// Decides the identity check of a conversation and locks its row. The caller checks
/// that the decider has permission.
pub fn decide(
    tx: &mut Tx,
    decider: &Decider<'_>,
    conversation_id: &ConversationId,
    new: &NewDecision<'_>,
) -> Result<Decision, Error> {
    let locked = rows::lock(tx.conn, conversation_id)?;
    let locked = locked.filter(|locked| locked.practice_id == *decider.practice_id).ok_or(Error::NotFound)?;
    let case = Case { decider, id: conversation_id, locked: &locked };
    match new.verdict {
        Verdict::Confirm(method) => confirm(tx, &case, method, new),
        Verdict::Reject { block } => reject(tx, &case, block, new),
        Verdict::Undo => undo(tx, &case, new),
    }
}

/// Confirms the patient who accepted an invite after verifying both of its channels.
pub fn vouch(tx: &mut Tx, practice_id: &PracticeId, conversation_id: &ConversationId) -> db::Result<()> {
    let decider = Decider { practice_id, actor: Actor::System };
    let new = NewDecision::plain(Verdict::Confirm(Method::Invite));
    match decide(tx, &decider, conversation_id, &new) {
        Err(Error::Db(error)) => Err(error),
        // A conversation that was just opened has no decision yet.
        _ => Ok(()),
    }
}

/// Moves a confirmed identity to `re_verify`; any other state stays as it is.
pub fn doubt(
    tx: &mut Tx,
    actor: impl Into<Actor>,
    conversation_id: &ConversationId,
    why: Doubt,
) -> db::Result<()> {
    let Some(locked) = rows::lock(tx.conn, conversation_id)? else { return Ok(()) };
    if locked.identity != IdentityState::Confirmed || locked.status != Status::Open {
        return Ok(());
    }
    let decider = Decider { practice_id: &locked.practice_id, actor: actor.into() };
    let case = Case { decider: &decider, id: conversation_id, locked: &locked };
    // The next author must acknowledge the unverified identity again.
    rows::forget_acknowledgement(tx.conn, conversation_id)?;
    let mut transition = Transition::new(Kind::ReVerify, IdentityState::ReVerify);
    transition.basis = Some(Basis::Doubt(why));
    record(tx, &case, &transition, &NewDecision::plain(Verdict::Undo)).map(drop)
}

/// The decisions about a conversation, oldest first.
pub fn decisions(tx: &mut Tx, conversation_id: &ConversationId) -> db::Result<Vec<Decision>> {
    store::decisions(tx.conn, conversation_id)
}

/// Whether a practice blocks a phone number from pairing.
pub fn is_blocked(tx: &mut Tx, practice_id: &PracticeId, phone: &Phone) -> db::Result<bool> {
    store::is_blocked(tx.conn, practice_id, &rate_limits::number_key(tx, phone))
}

/// A locked conversation, and who decides about it.
struct Case<'a> {
    decider: &'a Decider<'a>,
    id: &'a ConversationId,
    locked: &'a LockedConversation,
}

/// The state change of a decision.
struct Transition {
    kind: Kind,
    basis: Option<Basis>,
    to: IdentityState,
    reopens: bool,
    /// Whether staff spoke to the patient or saw them.
    is_contact: bool,
}

impl Transition {
    fn new(kind: Kind, to: IdentityState) -> Self {
        Self { kind, basis: None, to, reopens: false, is_contact: false }
    }
}

fn confirm(tx: &mut Tx, case: &Case<'_>, method: Method, new: &NewDecision<'_>) -> Result<Decision, Error> {
    if case.locked.status != Status::Open {
        return Err(Error::Closed);
    }
    if !case.locked.identity.is_open() {
        return Err(Error::Decided(case.locked.identity));
    }
    let mut transition = Transition::new(Kind::Confirm, IdentityState::Confirmed);
    transition.basis = Some(Basis::Method(method));
    transition.is_contact = method.is_contact() && !new.on_known_device;
    let decision = record(tx, case, &transition, new)?;
    append_text(tx, case, "conversation-identity-confirmed")?;
    Ok(decision)
}

fn reject(tx: &mut Tx, case: &Case<'_>, block: bool, new: &NewDecision<'_>) -> Result<Decision, Error> {
    if case.locked.status != Status::Open {
        return Err(Error::Closed);
    }
    let decision = record(tx, case, &Transition::new(Kind::Reject, IdentityState::Rejected), new)?;
    append_text(tx, case, "conversation-identity-closed")?;
    rows::close_conversation(tx.conn, case.id)?;
    notify_patient(tx, case)?;
    if block
        && let Some(phone) = store::phone_of(tx.conn, &case.locked.pairing_id)?
        && let Ok(phone) = Phone::from_stored(&phone)
    {
        let key = rate_limits::number_key(tx, &phone);
        store::block(tx.conn, case.decider.practice_id, &key, &decision.id, tx.now)?;
    }
    Ok(decision)
}

/// Restores the state before the last decision. A doubt cannot be undone because it is not a decision: its
/// cause is still there.
fn undo(tx: &mut Tx, case: &Case<'_>, new: &NewDecision<'_>) -> Result<Decision, Error> {
    let last = store::last_decision(tx.conn, case.id)?.filter(Decision::can_be_undone);
    let last = last.ok_or(Error::NothingToUndo)?;
    let was_rejected = case.locked.identity == IdentityState::Rejected;
    let to = match last.state_before {
        // Events that would have raised a doubt were missed while the conversation was closed.
        IdentityState::Confirmed if was_rejected => IdentityState::ReVerify,
        before => before,
    };
    if was_rejected {
        store::unblock(tx.conn, &last.id)?;
    }
    let reopens = was_rejected && rows::is_paired(tx.conn, &case.locked.pairing_id)?;
    if reopens {
        rows::reopen_conversation(tx.conn, case.id)?;
        rows::forget_acknowledgement(tx.conn, case.id)?;
    }
    let transition = Transition { reopens, ..Transition::new(Kind::Undo, to) };
    let decision = record(tx, case, &transition, new)?;
    let text = match reopens {
        true => "conversation-identity-reopened",
        false => "conversation-identity-checked-again",
    };
    append_text(tx, case, text)?;
    notify_patient(tx, case)?;
    Ok(decision)
}

/// Sets the state, appends the decision, and emits its event.
fn record(
    tx: &mut Tx,
    case: &Case<'_>,
    transition: &Transition,
    new: &NewDecision<'_>,
) -> db::Result<Decision> {
    let (Decider { practice_id, actor }, to) = (case.decider, transition.to);
    let is_open = case.locked.status == Status::Open || transition.reopens;
    let met_at = transition.is_contact.then_some(tx.now);
    rows::set_identity(tx.conn, case.id, to, is_open && to.is_open(), met_at, tx.now)?;
    // The funnel counts a conversation once, however often its state is reverted.
    let is_first = !store::was_ever(tx.conn, case.id, transition.kind)?;
    let id = tx.id::<DecisionId>();
    let decision = store::insert(tx.conn, &id, case, transition, new, tx.now)?;
    let detail = json!({
        "decision": decision.id, "method": transition.basis, "before": case.locked.identity, "after": to,
        "phi_allowed": to.allows_phi(), "link": case.locked.link_id.as_ref().filter(|_| is_first),
    });
    tx.emit(Some(practice_id), actor.clone(), transition.kind.event(), case.id, detail)
        .in_conversation(case.id, case.locked.entry_count);
    Ok(decision)
}

/// Appends a system message. Both sides read it, so it does not say how the practice confirmed the identity,
/// and a rejection gives no reason: its reader may be a stranger.
fn append_text(tx: &mut Tx, case: &Case<'_>, text: &'static str) -> db::Result<()> {
    let language = super::conversations::practice_language(tx, case.decider.practice_id)?;
    append_system(tx, case.id, language.text(text))
}

/// Tells the patient only that the conversation opened or closed, never how sure the practice is of them.
fn notify_patient(tx: &mut Tx, case: &Case<'_>) -> db::Result<()> {
    let account_id = rows::account_of(tx.conn, &case.locked.pairing_id)?;
    let Decider { practice_id, actor } = case.decider;
    let kind = EventKind::ConversationStatusChanged;
    tx.emit(Some(practice_id), actor.clone(), kind, case.id, json!({}))
        .in_conversation(case.id, case.locked.entry_count + 1)
        .visible_to(&account_id);
    Ok(())
}
