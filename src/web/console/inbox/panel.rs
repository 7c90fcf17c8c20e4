//! The identity check of a conversation: the patient next to the practice's records, and past decisions.

use super::card::{Badge, When};
use super::draft::Draft;
use super::labels;
use crate::domain::conversations::Status;
use crate::domain::identity::grading::matching::Comparison;
use crate::domain::identity::grading::{self, ComparedField, Finding, Record};
use crate::domain::identity::{Decision, IdentityCheck, Method};
use crate::domain::proof_pack::labels as proof;
use crate::kit::{RecordId, Timestamp};
use crate::platform::event_log::Actor;
use crate::web::console::layout::Frame;
use crate::web::console::viewer::Roster;

/// The ways in which staff can verify an identity.
pub(super) const METHODS: [Method; 5] =
    [Method::CallBack, Method::RecordMatch, Method::InPerson, Method::DateOfBirth, Method::PhotoId];

/// One field as the patient gave it and as a record has it.
pub(super) struct Line {
    pub field: &'static str,
    /// As the patient gave it.
    pub given: String,
    /// As the record has it.
    pub on_record: String,
    /// CSS class of the agreement, which sets shape and color.
    pub kind: &'static str,
    /// Label of the agreement.
    pub word: &'static str,
    /// Whether the value given by the patient is verified.
    pub is_proven: bool,
}

/// A record that may be the patient's.
pub(super) struct Candidate {
    pub id: RecordId,
    /// The practice's own record number.
    pub number: String,
    pub name: String,
    /// Phone number on the record, for a `tel:` link.
    pub call: Option<String>,
    pub lines: Vec<Line>,
    pub is_chosen: bool,
}

/// A decision in the history.
pub(super) struct PastDecision {
    /// The decision and how it was verified.
    pub what: String,
    pub by: String,
    pub when: When,
    pub note: String,
}

/// One option of the verification method.
pub(super) struct MethodChoice {
    pub value: &'static str,
    pub name: &'static str,
    pub is_chosen: bool,
}

pub(super) struct Panel {
    /// State of the identity check.
    pub badge: Badge,
    pub since: When,
    /// How well the records match.
    pub grade: &'static str,
    /// What to do, while the identity is unverified.
    pub advice: Option<&'static str>,
    /// Records that may be the patient's.
    pub candidates: Vec<Candidate>,
    /// The decisions so far, newest first.
    pub history: Vec<PastDecision>,
    pub methods: Vec<MethodChoice>,
    /// Whether the signed-in member may confirm.
    pub may_confirm: bool,
    /// Whether the signed-in member may reject.
    pub may_reject: bool,
    /// Whether the signed-in member may undo the last decision.
    pub may_undo: bool,
}

impl Panel {
    /// Builds the panel from the identity check and the entered values.
    pub(super) fn of(
        f: &Frame,
        roster: &Roster,
        now: Timestamp,
        check: &IdentityCheck,
        draft: &Draft,
    ) -> Self {
        let state = check.card.identity;
        let is_open = check.card.status == Status::Open;
        let history = check.decisions.iter().rev().map(|one| past_decision(f, roster, now, one));
        let choice = |method: Method| MethodChoice {
            value: method.as_str(),
            name: proof::method(f.language, method),
            is_chosen: draft.method == method.as_str(),
        };
        Self {
            badge: Badge::of(f, check.card.identity),
            since: When::of(f, now, check.card.identity_since),
            grade: proof::grade(f.language, check.finding.matched.grade),
            advice: (!state.allows_phi()).then(|| grading::advice(f.language)),
            candidates: candidates(f, &check.finding, draft),
            history: history.collect(),
            methods: METHODS.map(choice).into(),
            may_confirm: is_open && state.is_open(),
            may_reject: is_open,
            may_undo: f.is_admin() && check.decisions.last().is_some_and(Decision::can_be_undone),
        }
    }

    /// Fingerprint of what the decision form depends on: while it is unchanged, the form is not replaced
    /// under the user's hands.
    pub(super) fn sign(&self) -> String {
        let ids = self.candidates.iter().map(|one| one.id.as_str()).collect::<Vec<_>>().join(" ");
        format!("{} {} {} {} {ids}", self.badge.kind, self.may_confirm, self.may_reject, self.may_undo)
    }
}

fn candidates(f: &Frame, finding: &Finding, draft: &Draft) -> Vec<Candidate> {
    let found = finding.records.iter().zip(&finding.matched.candidates);
    let is_only = finding.records.len() == 1 && draft.is_fresh;
    let candidate = |(record, comparison): (&Record, &Comparison)| Candidate {
        id: record.id.clone(),
        number: record.number.clone(),
        name: format!("{} {}", record.given_name, record.family_name),
        call: record.phone.clone(),
        lines: lines(f, &grading::compared_fields(&finding.subject, record, comparison)),
        is_chosen: is_only || draft.record_id.as_ref() == Some(&record.id),
    };
    found.map(candidate).collect()
}

/// The field comparison of the best matching record.
pub(super) fn best(f: &Frame, finding: &Finding) -> Vec<Line> {
    let found = finding.records.first().zip(finding.matched.candidates.first());
    found
        .map(|(record, found)| lines(f, &grading::compared_fields(&finding.subject, record, found)))
        .unwrap_or_default()
}

fn lines(f: &Frame, fields: &[ComparedField]) -> Vec<Line> {
    let line = |compared: &ComparedField| Line {
        field: labels::field(f.language, compared.field),
        given: compared.given.clone().unwrap_or_default(),
        on_record: compared.on_record.clone().unwrap_or_default(),
        kind: compared.agrees.into(),
        word: proof::agreement(f.language, compared.agrees),
        is_proven: compared.proven,
    };
    fields.iter().map(line).collect()
}

fn past_decision(f: &Frame, roster: &Roster, now: Timestamp, decision: &Decision) -> PastDecision {
    let what = proof::decision(f.language, decision.kind);
    let how = decision.basis.map(|basis| proof::basis(f.language, basis));
    let unlisted = match Actor::from(decision.actor.as_str()) {
        Actor::Staff(_) => f.text("console-left-the-practice"),
        _ => f.text("identity-past-decision"),
    };
    PastDecision {
        what: how.map_or_else(|| what.to_owned(), |how| format!("{what}{} {how}", f.text("language-colon"))),
        by: roster.name(&decision.actor).unwrap_or(unlisted).to_owned(),
        when: When::of(f, now, decision.created_at),
        note: decision.note.clone().unwrap_or_default(),
    }
}
