//! Who is it? The person of a conversation beside the practice's records, and what was decided.

use super::super::super::Roster;
use super::super::frame::Frame;
use super::card::{Badge, When};
use super::conversation::Draft;
use super::words;
use crate::conversations::identity::{Decision, Method, State};
use crate::desk::identity::Look;
use crate::desk::proof::words as proof;
use crate::identity::matching::{Agreement, Comparison};
use crate::identity::{self, FieldView, Finding, Record};
use crate::kit::Timestamp;

/// How staff may make sure.
pub const METHODS: [Method; 5] =
    [Method::CallBack, Method::RecordMatch, Method::InPerson, Method::DateOfBirth, Method::PhotoId];

/// One field, as the person gave it and as a record has it.
pub struct Line {
    /// What it is called.
    pub field: &'static str,
    /// What the person gave.
    pub given: String,
    /// What the record says.
    pub on_record: String,
    /// Which shape and colour the agreement has.
    pub kind: &'static str,
    /// The agreement in a word.
    pub word: &'static str,
    /// Whether what was given is proven.
    pub is_proven: bool,
}

/// A record that could be meant.
pub struct Candidate {
    /// Its id.
    pub id: String,
    /// The practice's own number of it.
    pub number: String,
    /// The name on it.
    pub name: String,
    /// The number to call, as an address has it.
    pub call: Option<String>,
    /// Field by field.
    pub lines: Vec<Line>,
    /// Whether it is chosen.
    pub is_chosen: bool,
}

/// A decision in the history.
pub struct Decided {
    /// What was decided, and how.
    pub what: String,
    /// By whom.
    pub by: String,
    /// When.
    pub when: When,
    /// In their words.
    pub note: String,
}

/// A way to make sure.
pub struct Way {
    /// What is sent.
    pub value: &'static str,
    /// What it says.
    pub name: &'static str,
    /// Whether it is chosen.
    pub is_chosen: bool,
}

/// The panel.
pub struct Panel {
    /// Where it stands.
    pub badge: Badge,
    /// Since when.
    pub since: When,
    /// How far the records agree.
    pub grade: &'static str,
    /// What to do, while it is not confirmed.
    pub advice: Option<&'static str>,
    /// The records that could be meant.
    pub candidates: Vec<Candidate>,
    /// What was decided, newest first.
    pub history: Vec<Decided>,
    /// The ways to make sure.
    pub ways: Vec<Way>,
    /// Whether it can be confirmed by whoever looks.
    pub may_confirm: bool,
    /// Whether it can be rejected by them.
    pub may_reject: bool,
    /// Whether the last decision can be taken back by them.
    pub may_undo: bool,
}

impl Panel {
    /// What was found of a conversation, with what was typed.
    pub fn of(f: &Frame, roster: &Roster, now: Timestamp, look: &Look, draft: &Draft) -> Self {
        let (state, words) = (State::from_word(&look.card.identity), proof::of(f.language));
        let decides = look.card.status == "open";
        let history = look.decisions.iter().rev().map(|one| decided(f, roster, now, one));
        let way = |method: Method| Way {
            value: method.as_str(),
            name: proof::method(&words, method.as_str()),
            is_chosen: draft.method == method.as_str(),
        };
        Self {
            badge: Badge::of(f, &look.card.identity),
            since: When::of(f, now, look.card.identity_since),
            grade: proof::grade(&words, look.finding.verdict.grade),
            advice: (!state.allows_phi()).then(|| identity::advice(f.language)),
            candidates: candidates(f, &look.finding, draft),
            history: history.collect(),
            ways: METHODS.map(way).into(),
            may_confirm: decides && state.is_open(),
            may_reject: decides,
            may_undo: f.is_admin() && look.decisions.last().is_some_and(Decision::can_be_undone),
        }
    }

    /// What the decision's form depends on: while that is the same, nothing changes under a hand.
    pub fn sign(&self) -> String {
        let ids = self.candidates.iter().map(|one| one.id.as_str()).collect::<Vec<_>>().join(" ");
        format!("{} {} {} {} {ids}", self.badge.kind, self.may_confirm, self.may_reject, self.may_undo)
    }
}

fn candidates(f: &Frame, finding: &Finding, draft: &Draft) -> Vec<Candidate> {
    let found = finding.records.iter().zip(&finding.verdict.candidates);
    let is_only = finding.records.len() == 1 && draft.is_fresh;
    let candidate = |(record, comparison): (&Record, &Comparison)| Candidate {
        id: record.id.clone(),
        number: record.number.clone(),
        name: format!("{} {}", record.given_name, record.family_name),
        call: record.phone.clone(),
        lines: lines(f, &identity::compared(&finding.subject, record, comparison)),
        is_chosen: is_only || draft.record_id == record.id,
    };
    found.map(candidate).collect()
}

/// The fields of the record that agrees most.
pub fn best(f: &Frame, finding: &Finding) -> Vec<Line> {
    let found = finding.records.first().zip(finding.verdict.candidates.first());
    found
        .map(|(record, found)| lines(f, &identity::compared(&finding.subject, record, found)))
        .unwrap_or_default()
}

fn lines(f: &Frame, fields: &[FieldView<'_>]) -> Vec<Line> {
    let words = proof::of(f.language);
    let line = |view: &FieldView<'_>| Line {
        field: words::field(f.language, view.field),
        given: view.given.unwrap_or_default().to_owned(),
        on_record: view.on_record.unwrap_or_default().to_owned(),
        kind: kind(view.agrees),
        word: proof::agreement(&words, Some(kind(view.agrees))),
        is_proven: view.proven,
    };
    fields.iter().map(line).collect()
}

fn kind(agrees: Agreement) -> &'static str {
    match agrees {
        Agreement::Equal => "equal",
        Agreement::Close => "close",
        Agreement::Differs => "differs",
        Agreement::NotGiven => "not_given",
        Agreement::NotOnRecord => "not_on_record",
    }
}

fn decided(f: &Frame, roster: &Roster, now: Timestamp, decision: &Decision) -> Decided {
    let words = proof::of(f.language);
    let what = proof::decision(&words, &decision.kind);
    let how = decision.method.as_deref().map(|method| proof::method(&words, method));
    let gone = match decision.actor.starts_with("stf_") {
        true => f.say("(left the practice)", "(ya no está en el consultorio)"),
        false => f.say("the service", "el servicio"),
    };
    Decided {
        what: how.map_or_else(|| what.to_owned(), |how| format!("{what}: {how}")),
        by: roster.name(&decision.actor).unwrap_or(gone).to_owned(),
        when: When::of(f, now, decision.created_at),
        note: decision.note.clone().unwrap_or_default(),
    }
}
