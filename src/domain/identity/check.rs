//! The identity check as staff work on it: the patient next to the practice's records, a decision, and the
//! list of conversations that wait for a check.

use serde_json::json;

use super::grading::matching::Comparison;
use super::grading::{self, Finding, StoredGrade};
use super::{Decider, Decision, Error, Evidence, Method, NewDecision, Verdict};
use crate::domain::inbox::{self, Card, Reader, WorkListCursor};
use crate::domain::staff::{self, Permission, Staff};
use crate::kit::{ConversationId, Language, RecordId};
use crate::platform::{Tx, db};

/// The identity check of one conversation.
pub struct IdentityCheck {
    pub card: Card,
    /// The patient compared with the records as they are now.
    pub finding: Finding,
    /// `None` until the background job has computed it.
    pub grade: Option<StoredGrade>,
    /// All decisions, oldest first.
    pub decisions: Vec<Decision>,
    /// The language of the practice.
    pub language: Language,
}

/// A decision as requested by staff.
pub struct StaffDecision {
    pub verdict: Verdict,
    /// A free-text note of the staff member.
    pub note: Option<String>,
    /// The record that belongs to the patient.
    pub record_id: Option<RecordId>,
}

/// The identity check of a conversation in the access scope.
pub fn find(tx: &mut Tx, who: &Staff, id: &ConversationId) -> Result<IdentityCheck, Error> {
    let reader = Reader::of(tx, who)?;
    let (card, _) = inbox::find(tx, &reader, id)?;
    let finding = grading::compare(tx, id)?.ok_or(Error::NotFound)?;
    let grade = grading::stored_grades(tx, &[id.to_owned()])?.pop();
    let language = staff::practice(tx, who)?.language;
    Ok(IdentityCheck { card, finding, grade, decisions: super::decisions(tx, id)?, language })
}

/// Stores a decision of staff; returns it with the conversation after it.
pub fn decide(
    tx: &mut Tx,
    who: &Staff,
    id: &ConversationId,
    requested: &StaffDecision,
) -> Result<(Decision, Card), Error> {
    let reader = Reader::of(tx, who)?;
    inbox::find(tx, &reader, id)?;
    check_role(who, requested.verdict)?;
    let (note, evidence) = (requested.note.as_deref(), evidence(tx, id, requested)?);
    let new = NewDecision { note, evidence, ..NewDecision::plain(requested.verdict) };
    let decider = Decider { practice_id: &who.practice_id, actor: (&who.staff_id).into() };
    let decision = super::decide(tx, &decider, id, &new)?;
    Ok((decision, inbox::find(tx, &reader, id)?.0))
}

/// Only admins may undo a decision.
fn check_role(who: &Staff, verdict: Verdict) -> Result<(), staff::Error> {
    match verdict {
        Verdict::Undo if !who.role.has(Permission::Administer) => Err(staff::Error::Forbidden),
        _ => Ok(()),
    }
}

/// The comparison at the time of the decision: with the chosen record, or with every candidate.
fn evidence(tx: &mut Tx, id: &ConversationId, requested: &StaffDecision) -> Result<Evidence, Error> {
    let matched = grading::compare(tx, id)?.ok_or(Error::NotFound)?.matched;
    let chosen = chosen_record(requested, &matched.candidates)?;
    let compared = matched.candidates.iter().filter(|found| chosen.is_none_or(|id| found.record_id == *id));
    let compared = json!({
        "grade": matched.grade,
        "candidates": compared.map(grading::agreements).collect::<Vec<_>>(),
    });
    Ok(Evidence { record_id: chosen.cloned(), compared: Some(compared) })
}

/// The record that the patient is said to be. Confirming by record requires naming it if there
/// are several candidates. A single candidate is implied, and none is required if the practice
/// keeps its records elsewhere.
fn chosen_record<'a>(
    requested: &'a StaffDecision,
    candidates: &'a [Comparison],
) -> Result<Option<&'a RecordId>, Error> {
    let by_record = requested.verdict == Verdict::Confirm(Method::RecordMatch);
    match (&requested.record_id, candidates) {
        (Some(id), _) if candidates.iter().any(|found| found.record_id == *id) => Ok(Some(id)),
        (Some(_), _) => Err(Error::NotACandidate),
        (None, [only]) if by_record => Ok(Some(&only.record_id)),
        (None, [_, ..]) if by_record => Err(Error::RecordRequired),
        (None, _) => Ok(None),
    }
}

/// Counts the conversations that wait for an identity check; counting stops at `most` + 1.
pub fn count_waiting(tx: &mut Tx, who: &Staff, most: i64) -> db::Result<usize> {
    let reader = Reader::of(tx, who)?;
    inbox::count_to_verify(tx, &reader, most + 1)
}

/// Lists up to `limit` conversations that wait for an identity check, longest wait first.
pub fn list_waiting(
    tx: &mut Tx,
    who: &Staff,
    after: Option<&WorkListCursor>,
    limit: i64,
) -> db::Result<Vec<(Card, Option<StoredGrade>)>> {
    let reader = Reader::of(tx, who)?;
    let cards = inbox::to_verify(tx, &reader, after, limit)?;
    let ids: Vec<ConversationId> = cards.iter().map(|card| card.id.clone()).collect();
    let mut grades = grading::stored_grades(tx, &ids)?;
    let with_grade = |card: Card| {
        let found = grades.iter().position(|grade| grade.conversation_id == card.id);
        let grade = found.map(|at| grades.swap_remove(at));
        (card, grade)
    };
    Ok(cards.into_iter().map(with_grade).collect())
}

/// [`list_waiting`], with each patient compared with the records as they are now.
pub fn list_waiting_compared(
    tx: &mut Tx,
    who: &Staff,
    after: Option<&WorkListCursor>,
    limit: i64,
) -> db::Result<Vec<(Card, Option<Finding>)>> {
    let reader = Reader::of(tx, who)?;
    let cards = inbox::to_verify(tx, &reader, after, limit)?;
    let with_finding = |card: Card| grading::compare(tx, &card.id).map(|finding| (card, finding));
    cards.into_iter().map(with_finding).collect()
}
