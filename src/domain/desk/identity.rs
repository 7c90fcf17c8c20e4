//! The identity check: how well a conversation's patient matches the practice's records, the decisions of
//! staff, and the list of conversations that still wait for a check.

use serde_json::json;

use super::{Refusal, inbox};
use crate::domain::identity as states;
use crate::domain::identity::grading::matching::Comparison;
use crate::domain::identity::grading::{self, Finding, Grading};
use crate::domain::identity::{By, Decision, Evidence, Method, Ruling, Verdict};
use crate::domain::inbox as conversations;
use crate::domain::inbox::{Card, Waiting};
pub use crate::domain::proof_pack::proof;
use crate::domain::staff::{self, Principal, Role};
use crate::kit::ids::{ConversationId, RecordId};
use crate::kit::{Language, Secret};
use crate::platform::db;
use crate::platform::tx::Tx;

/// The identity check of one conversation.
pub struct Look {
    pub card: Card,
    /// The patient compared with the records as they are now.
    pub finding: Finding,
    /// The stored grade; `None` until the background job has computed it.
    pub grading: Option<Grading>,
    /// All decisions, oldest first.
    pub decisions: Vec<Decision>,
    pub language: Language,
}

/// A decision as requested by staff.
pub struct Asked {
    pub verdict: Verdict,
    /// A free-text note of the staff member.
    pub note: Option<String>,
    /// The record that belongs to the patient.
    pub record_id: Option<RecordId>,
}

/// Compares a conversation's patient with the records.
pub fn look(tx: &mut Tx, token: Option<&Secret>, id: &ConversationId) -> Result<Look, Refusal> {
    let (who, reader) = inbox::reader(tx, token)?;
    let (card, _) = conversations::find(tx, &reader, id)?;
    let finding = grading::look(tx, id)?.ok_or(conversations::Refusal::NotFound)?;
    let grading = grading::gradings(tx, &[id.to_owned()])?.pop();
    let language = super::practice(tx, &who)?.language();
    Ok(Look { card, finding, grading, decisions: states::decisions(tx, id)?, language })
}

/// Stores a decision about the patient's identity; returns it with the conversation after it.
pub fn decide(
    tx: &mut Tx,
    token: Option<&Secret>,
    id: &ConversationId,
    asked: &Asked,
) -> Result<(Decision, Card), Refusal> {
    let (who, reader) = inbox::reader(tx, token)?;
    conversations::find(tx, &reader, id)?;
    check_role(&who, asked.verdict)?;
    let (note, evidence) = (asked.note.as_deref(), evidence(tx, id, asked)?);
    let ruling = Ruling { note, evidence, ..Ruling::bare(asked.verdict) };
    let by = By { practice_id: &who.practice_id, actor: who.staff_id.as_str() };
    let decision = states::decide(tx, &by, id, &ruling)?;
    Ok((decision, conversations::find(tx, &reader, id)?.0))
}

/// Only admins may undo a decision.
fn check_role(who: &Principal, verdict: Verdict) -> Result<(), Refusal> {
    match verdict {
        Verdict::Undo if who.role != Role::Admin => Err(staff::Refusal::Forbidden.into()),
        _ => Ok(()),
    }
}

/// The comparison at the time of the decision: with the chosen record, or with every candidate.
fn evidence(tx: &mut Tx, id: &ConversationId, asked: &Asked) -> Result<Evidence, Refusal> {
    let finding = grading::look(tx, id)?.ok_or(conversations::Refusal::NotFound)?;
    let candidates = &finding.verdict.candidates;
    let meant = meant(asked, candidates)?;
    let wanted = candidates.iter().filter(|found| meant.is_none_or(|id| found.record_id == *id));
    let compared = json!({
        "grade": finding.verdict.grade,
        "candidates": wanted.map(grading::fields).collect::<Vec<_>>(),
    });
    Ok(Evidence { record_id: meant.cloned(), compared: Some(compared) })
}

/// The record that the patient is said to be. Confirming by record requires naming it if there
/// are several candidates. A single candidate is implied, and none is required if the practice
/// keeps its records elsewhere.
fn meant<'a>(asked: &'a Asked, candidates: &'a [Comparison]) -> Result<Option<&'a RecordId>, Refusal> {
    let by_record = asked.verdict == Verdict::Confirm(Method::RecordMatch);
    match (&asked.record_id, candidates) {
        (Some(id), _) if candidates.iter().any(|found| found.record_id == *id) => Ok(Some(id)),
        (Some(_), _) => Err(Refusal::NoCandidate),
        (None, [only]) if by_record => Ok(Some(&only.record_id)),
        (None, [_, ..]) if by_record => Err(Refusal::WhichRecord),
        (None, _) => Ok(None),
    }
}

/// Counts the conversations that wait for an identity check; counting stops at `most` + 1.
pub fn how_many_wait(tx: &mut Tx, token: Option<&Secret>, most: i64) -> Result<usize, Refusal> {
    let (_, reader) = inbox::reader(tx, token)?;
    Ok(conversations::how_many_to_verify(tx, &reader, most + 1)?)
}

/// Lists up to `limit` waiting conversations, each patient compared with the records as they are now.
pub fn waiting_in_full(
    tx: &mut Tx,
    token: Option<&Secret>,
    after: Option<&Waiting>,
    limit: i64,
) -> Result<Vec<(Card, Option<Finding>)>, Refusal> {
    let (_, reader) = inbox::reader(tx, token)?;
    let cards = conversations::to_verify(tx, &reader, after, limit)?;
    let with_finding = |card: Card| Ok((grading::look(tx, &card.id)?, card));
    let found = cards.into_iter().map(with_finding).collect::<db::Result<Vec<_>>>()?;
    Ok(found.into_iter().map(|(finding, card)| (card, finding)).collect())
}

/// Lists up to `limit` conversations that wait for an identity check, longest wait first.
pub fn waiting(
    tx: &mut Tx,
    token: Option<&Secret>,
    after: Option<&Waiting>,
    limit: i64,
) -> Result<Vec<(Card, Option<Grading>)>, Refusal> {
    let (_, reader) = inbox::reader(tx, token)?;
    let cards = conversations::to_verify(tx, &reader, after, limit)?;
    let ids: Vec<ConversationId> = cards.iter().map(|card| card.id.clone()).collect();
    let mut gradings = grading::gradings(tx, &ids)?;
    let with_grading = |card: Card| {
        let found = gradings.iter().position(|grading| grading.conversation_id == card.id);
        let grading = found.map(|at| gradings.swap_remove(at));
        (card, grading)
    };
    Ok(cards.into_iter().map(with_grading).collect())
}
