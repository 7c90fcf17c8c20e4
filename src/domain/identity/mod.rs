//! Identity check: how sure a practice is who the patient of a conversation is, and what it decided.
//!
//! The state is a column of the conversation. Only a [`Decision`] changes it. Decisions are appended with
//! who, how and when, and never changed, so the last one always explains the current state, and an undo can
//! go back one step. Until the identity is confirmed, no health information should be sent to the patient.

pub mod grading;
pub mod store;
pub mod words;

pub use store::Decision;

use serde_json::{Value, json};

use super::conversations::store as rows;
use super::conversations::store::Held;
use super::conversations::{NewEntry, append, events};
use super::pairing;
use crate::domain::link_analytics::{self, Step};
use crate::domain::webhooks::{self, Fact};
use crate::kit::Phone;
use crate::kit::ids::{ConversationId, DecisionId, PracticeId, RecordId};
use crate::platform::audit;
use crate::platform::db;
use crate::platform::rate_limits;
use crate::platform::tx::Tx;

/// Status of a conversation that is not closed.
const OPEN: &str = "open";

/// Identity state of the patient of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = IdentityState)]
pub enum State {
    /// Not checked by the practice yet.
    Unverified,
    /// The practice has confirmed who the patient is.
    Confirmed,
    /// The patient is not who the practice took them for.
    Rejected,
    /// The identity was confirmed, and something has changed since.
    ReVerify,
}

impl State {
    pub const ALL: [Self; 4] = [Self::Unverified, Self::Confirmed, Self::Rejected, Self::ReVerify];

    /// The name in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Confirmed => "confirmed",
            Self::Rejected => "rejected",
            Self::ReVerify => "re_verify",
        }
    }

    /// Parses a stored state; an unknown word counts as unverified, the least sure state.
    pub fn from_word(word: &str) -> Self {
        Self::ALL.into_iter().find(|state| state.as_str() == word).unwrap_or(Self::Unverified)
    }

    /// Whether staff may write health information.
    pub fn allows_phi(self) -> bool {
        self == Self::Confirmed
    }

    /// Whether a staff member should check the identity.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Unverified | Self::ReVerify)
    }
}

/// How the identity was confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = IdentityMethod)]
pub enum Method {
    /// Phone number and e-mail address match one patient record.
    RecordMatch,
    /// Staff called the number on record.
    CallBack,
    /// The patient came to the practice in person.
    InPerson,
    /// Staff asked for the birth date.
    DateOfBirth,
    /// Staff saw a photo ID.
    PhotoId,
    /// Both channels of an invite were verified, and the name agrees.
    Invite,
}

impl Method {
    /// The name in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RecordMatch => "record_match",
            Self::CallBack => "call_back",
            Self::InPerson => "in_person",
            Self::DateOfBirth => "date_of_birth",
            Self::PhotoId => "photo_id",
            Self::Invite => "invite",
        }
    }

    /// Whether staff spoke to the patient or saw them. Data that was only typed in does not let a new device
    /// see older messages: the new owner of a recycled number may have typed it.
    fn meets(self) -> bool {
        matches!(self, Self::CallBack | Self::InPerson | Self::DateOfBirth | Self::PhotoId)
    }
}

/// Why a confirmed identity must be checked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// The phone number of the account changed.
    NumberChanged,
    /// A device unknown to the account verified its number.
    NewDevice,
    /// The name or birth date changed.
    DetailsChanged,
}

impl Doubt {
    fn as_str(self) -> &'static str {
        match self {
            Self::NumberChanged => "number_changed",
            Self::NewDevice => "new_device",
            Self::DetailsChanged => "details_changed",
        }
    }
}

/// The practice and the actor of a decision.
pub struct By<'a> {
    pub practice_id: &'a PracticeId,
    /// A staff member; for decisions no person made, an account or `system`.
    pub actor: &'a str,
}

/// The records that a decision is based on.
#[derive(Default)]
pub struct Evidence {
    /// The record that belongs to the patient.
    pub record_id: Option<RecordId>,
    /// The comparison field by field, as staff saw it when they decided.
    pub compared: Option<Value>,
}

/// A decision to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The patient is who they say they are.
    Confirm(Method),
    /// The patient is someone else: the conversation closes, and the number can be
    /// blocked from pairing again.
    Reject {
        /// Whether the account's number is blocked for this practice.
        block: bool,
    },
    /// The last decision was wrong.
    Undo,
}

/// A verdict with everything that is stored about it.
pub struct Ruling<'a> {
    pub verdict: Verdict,
    /// Free text by the actor.
    pub note: Option<&'a str>,
    pub evidence: Evidence,
    /// Whether the patient was met through an unrestricted session. Such a session gains nothing from the
    /// meeting, and a restricted one on a new device, which may be another person's, must not gain either.
    pub on_known_device: bool,
}

impl Ruling<'_> {
    /// A verdict without note or evidence.
    pub fn bare(verdict: Verdict) -> Self {
        Self { verdict, note: None, evidence: Evidence::default(), on_known_device: false }
    }
}

/// Why an identity decision was refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("conversation not found")]
    NotFound,
    #[error("conversation closed")]
    Closed,
    /// Already decided; holds the current state.
    #[error("identity decided")]
    Decided(State),
    /// There is no decision that could be undone.
    #[error("nothing to undo")]
    NothingToUndo,
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// Decides the identity check of a conversation and locks its row. The caller checks
/// that `by` has permission.
pub fn decide(
    tx: &mut Tx,
    by: &By<'_>,
    conversation_id: &ConversationId,
    ruling: &Ruling<'_>,
) -> Result<Decision, Refusal> {
    let held = rows::hold(tx.conn, conversation_id)?.filter(|held| held.practice_id == *by.practice_id);
    let case = Case { by, id: conversation_id, held: &held.ok_or(Refusal::NotFound)? };
    match ruling.verdict {
        Verdict::Confirm(method) => confirm(tx, &case, method, ruling),
        Verdict::Reject { block } => reject(tx, &case, block, ruling),
        Verdict::Undo => undo(tx, &case, ruling),
    }
}

/// Confirms the patient who accepted an invite after verifying both of its channels.
pub fn vouch(tx: &mut Tx, practice_id: &PracticeId, conversation_id: &ConversationId) -> db::Result<()> {
    let by = By { practice_id, actor: "system" };
    let ruling = Ruling::bare(Verdict::Confirm(Method::Invite));
    match decide(tx, &by, conversation_id, &ruling) {
        Err(Refusal::Db(error)) => Err(error),
        // A conversation that was just opened has no decision yet.
        _ => Ok(()),
    }
}

/// Moves a confirmed identity to `re_verify`; any other state stays as it is.
pub fn doubt(tx: &mut Tx, actor: &str, conversation_id: &ConversationId, why: Doubt) -> db::Result<()> {
    let Some(held) = rows::hold(tx.conn, conversation_id)? else { return Ok(()) };
    if held.state() != State::Confirmed || held.status != OPEN {
        return Ok(());
    }
    let case = Case { by: &By { practice_id: &held.practice_id, actor }, id: conversation_id, held: &held };
    // The next author must acknowledge the unverified identity again.
    rows::forget_acknowledgement(tx.conn, conversation_id)?;
    let (kind, method) = ("re_verify", Some(why.as_str()));
    let step = Move { kind, method, to: State::ReVerify, reopens: false, meets: false };
    record(tx, &case, &step, &Ruling::bare(Verdict::Undo)).map(drop)
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
    by: &'a By<'a>,
    id: &'a ConversationId,
    held: &'a Held,
}

/// The state change of a decision.
struct Move {
    kind: &'static str,
    method: Option<&'static str>,
    to: State,
    reopens: bool,
    /// Whether staff spoke to the patient or saw them.
    meets: bool,
}

fn confirm(tx: &mut Tx, case: &Case<'_>, method: Method, ruling: &Ruling<'_>) -> Result<Decision, Refusal> {
    if case.held.status != OPEN {
        return Err(Refusal::Closed);
    }
    if !case.held.state().is_open() {
        return Err(Refusal::Decided(case.held.state()));
    }
    count(tx, case, "confirm", Step::Confirmed)?;
    let (kind, meets) = ("confirm", method.meets() && !ruling.on_known_device);
    let step = Move { kind, method: Some(method.as_str()), to: State::Confirmed, reopens: false, meets };
    let decision = record(tx, case, &step, ruling)?;
    say(tx, case, |words| words.confirmed)?;
    Ok(decision)
}

fn reject(tx: &mut Tx, case: &Case<'_>, block: bool, ruling: &Ruling<'_>) -> Result<Decision, Refusal> {
    if case.held.status != OPEN {
        return Err(Refusal::Closed);
    }
    count(tx, case, "reject", Step::Rejected)?;
    let step = Move { kind: "reject", method: None, to: State::Rejected, reopens: false, meets: false };
    let decision = record(tx, case, &step, ruling)?;
    say(tx, case, |words| words.closed)?;
    rows::close_conversation(tx.conn, case.id)?;
    tell_patient(tx, case)?;
    if block && let Some(phone) = store::phone_of(tx.conn, &case.held.pairing_id)? {
        let key = Phone::from_stored(&phone).map(|phone| rate_limits::number_key(tx, &phone));
        if let Ok(key) = key {
            store::block(tx.conn, case.by.practice_id, &key, &decision.id, tx.now)?;
        }
    }
    Ok(decision)
}

/// Restores the state before the last decision. A doubt cannot be undone because it is not a decision: its
/// cause is still there.
fn undo(tx: &mut Tx, case: &Case<'_>, ruling: &Ruling<'_>) -> Result<Decision, Refusal> {
    let last = store::last_decision(tx.conn, case.id)?.filter(Decision::can_be_undone);
    let last = last.ok_or(Refusal::NothingToUndo)?;
    let was_rejected = case.held.state() == State::Rejected;
    let to = match State::from_word(&last.state_before) {
        // Events that would have raised a doubt were missed while the conversation was closed.
        State::Confirmed if was_rejected => State::ReVerify,
        before => before,
    };
    if was_rejected {
        store::unblock(tx.conn, &last.id)?;
    }
    let reopens = was_rejected && pairing::is_paired(tx.conn, &case.held.pairing_id)?;
    if reopens {
        rows::reopen_conversation(tx.conn, case.id)?;
        rows::forget_acknowledgement(tx.conn, case.id)?;
    }
    let step = Move { kind: "undo", method: None, to, reopens, meets: false };
    let decision = record(tx, case, &step, ruling)?;
    match reopens {
        true => say(tx, case, |words| words.reopened)?,
        false => say(tx, case, |words| words.checked_again)?,
    }
    tell_patient(tx, case)?;
    Ok(decision)
}

/// Sets the state, appends the decision, and writes the events, webhooks and audit log entry.
fn record(tx: &mut Tx, case: &Case<'_>, step: &Move, ruling: &Ruling<'_>) -> db::Result<Decision> {
    let is_open = case.held.status == OPEN || step.reopens;
    let met_at = step.meets.then_some(tx.now);
    rows::set_identity(tx.conn, case.id, step.to, is_open && step.to.is_open(), met_at, tx.now)?;
    let id = tx.id::<DecisionId>();
    let decision = store::insert(tx.conn, &id, case, step, ruling, tx.now)?;
    events::identity(tx, case.held, case.id, step.to)?;
    let fact = Fact::IdentityChanged {
        conversation_id: case.id,
        state: step.to.as_str(),
        phi_allowed: step.to.allows_phi(),
    };
    webhooks::emit(tx, case.by.practice_id, &[fact])?;
    let detail = json!({
        "decision": decision.id, "method": step.method,
        "before": case.held.identity, "after": step.to.as_str(),
    });
    let (practice_id, action) = (Some(case.by.practice_id), format!("identity.{}", step.kind));
    let (actor, subject) = (case.by.actor, case.id.as_str());
    tx.audit(&audit::Event { practice_id, actor, action: &action, subject, detail })?;
    Ok(decision)
}

/// Counts a conversation in the funnel once, however often its state is reverted.
fn count(tx: &mut Tx, case: &Case<'_>, kind: &str, step: Step) -> db::Result<()> {
    match &case.held.link_id {
        Some(link_id) if !store::was_ever(tx.conn, case.id, kind)? => {
            link_analytics::record(tx, link_id, step)
        }
        _ => Ok(()),
    }
}

fn say(tx: &mut Tx, case: &Case<'_>, which: impl FnOnce(&words::Words) -> &'static str) -> db::Result<()> {
    let words = words::words(super::conversations::practice_language(tx, case.by.practice_id)?);
    append(tx, case.id, &NewEntry::system(which(&words))).map(drop)
}

/// Tells the patient only that the conversation opened or closed, never how sure the practice is of them.
fn tell_patient(tx: &mut Tx, case: &Case<'_>) -> db::Result<()> {
    let account_id = pairing::account_of(tx.conn, &case.held.pairing_id)?;
    let (practice_id, place) = (case.by.practice_id, case.held.entry_count + 1);
    events::changed(tx, practice_id, Some(&account_id), case.id, place)
}
