//! Who it is: how sure a practice is of the person behind a conversation, and what it decided about that.
//!
//! The state stands on the conversation. It changes by a [`Decision`] alone, which is appended with who, how and
//! when, and never changed; so the last decision always says how the conversation came to stand as it does, and
//! an undo can go back one step. Until somebody has confirmed who it is, no health information is meant for them.

mod store;
mod words;

pub use store::Decision;

use serde_json::{Value, json};

use super::store::{self as rows, Held};
use super::{NewEntry, append, pairing, telling};
use crate::app::Ctx;
use crate::audit;
use crate::db::{self, Conn};
use crate::funnel::{self, Step};
use crate::kit::Phone;
use crate::limits;
use crate::webhooks::{self, Fact};

/// The status of a conversation that goes on.
const OPEN: &str = "open";

/// How sure a practice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = IdentityState)]
pub enum State {
    /// Nobody has looked.
    Unverified,
    /// Somebody of the practice knows who it is.
    Confirmed,
    /// It is not whom the practice takes it for.
    Rejected,
    /// It was known, and something has changed since.
    ReVerify,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Unverified, Self::Confirmed, Self::Rejected, Self::ReVerify];

    /// The word that the API and the database use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Confirmed => "confirmed",
            Self::Rejected => "rejected",
            Self::ReVerify => "re_verify",
        }
    }

    /// The state behind a word; one that is not ours is the least sure.
    pub fn from_word(word: &str) -> Self {
        Self::ALL.into_iter().find(|state| state.as_str() == word).unwrap_or(Self::Unverified)
    }

    /// Whether health information may be written.
    pub fn allows_phi(self) -> bool {
        self == Self::Confirmed
    }

    /// Whether somebody should look.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Unverified | Self::ReVerify)
    }
}

/// How somebody made sure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = IdentityMethod)]
pub enum Method {
    /// Number and e-mail address are those of one record.
    RecordMatch,
    /// Called at the number on record.
    CallBack,
    /// At the desk.
    InPerson,
    /// Asked for the birth date.
    DateOfBirth,
    /// Saw an identity document with a picture.
    PhotoId,
    /// Both channels of an invite were proven, and the name agrees.
    Invite,
}

impl Method {
    /// The word that the API and the database use.
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

    /// Whether somebody spoke to the person, or saw them. What they only typed lets no new device see older
    /// messages: whoever holds a recycled number may have typed it.
    fn meets(self) -> bool {
        matches!(self, Self::CallBack | Self::InPerson | Self::DateOfBirth | Self::PhotoId)
    }
}

/// Why a person who was known should be looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// The account has another number.
    NumberChanged,
    /// Somebody proved the number on a device that the account did not know.
    NewDevice,
    /// Another name or birth date was given.
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

/// Who decides.
pub struct By<'a> {
    /// For which practice.
    pub practice_id: &'a str,
    /// A staff member; of what no person decided, an account or `system`.
    pub actor: &'a str,
}

/// What was held against what.
#[derive(Default)]
pub struct Evidence {
    /// The record that the person is.
    pub record_id: Option<String>,
    /// Field by field, as it was seen at the moment of the decision.
    pub compared: Option<Value>,
}

/// A decision to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is them.
    Confirm(Method),
    /// It is not: the conversation closes, and the number may be kept from pairing again.
    Reject {
        /// Whether the account's number is blocked for this practice.
        block: bool,
    },
    /// The last decision was wrong.
    Undo,
}

/// A verdict with everything that is kept of it.
pub struct Ruling<'a> {
    /// What was decided.
    pub verdict: Verdict,
    /// In the words of whoever decided.
    pub note: Option<&'a str>,
    /// What it rests on.
    pub evidence: Evidence,
    /// Whether the person was met through a sign-in that sees everything: it gains nothing, and one on a new device,
    /// which may be another person's, must not.
    pub on_known_device: bool,
}

impl Ruling<'_> {
    /// A verdict with nothing to say of it.
    pub fn bare(verdict: Verdict) -> Self {
        Self { verdict, note: None, evidence: Evidence::default(), on_known_device: false }
    }
}

/// Why something about an identity was refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No such conversation.
    #[error("conversation not found")]
    NotFound,
    /// It is over.
    #[error("conversation closed")]
    Closed,
    /// It was decided before, and stands in this state.
    #[error("identity decided")]
    Decided(State),
    /// There is no decision that could be undone.
    #[error("nothing to undo")]
    NothingToUndo,
    /// The database gave no answer.
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// Decides about a conversation, which is held; whether `by` may is the caller's to ask.
pub fn decide(
    ctx: &Ctx,
    conn: &mut Conn,
    by: &By<'_>,
    conversation_id: &str,
    ruling: &Ruling<'_>,
) -> Result<Decision, Refusal> {
    let held = rows::hold(conn, conversation_id)?.filter(|held| held.practice_id == by.practice_id);
    let case = Case { by, id: conversation_id, held: &held.ok_or(Refusal::NotFound)? };
    match ruling.verdict {
        Verdict::Confirm(method) => confirm(ctx, conn, &case, method, ruling),
        Verdict::Reject { block } => reject(ctx, conn, &case, block, ruling),
        Verdict::Undo => undo(ctx, conn, &case, ruling),
    }
}

/// Confirms whoever accepted an invite whose both channels they proved.
pub(super) fn vouch(ctx: &Ctx, conn: &mut Conn, practice_id: &str, conversation_id: &str) -> db::Result<()> {
    let by = By { practice_id, actor: "system" };
    let ruling = Ruling::bare(Verdict::Confirm(Method::Invite));
    match decide(ctx, conn, &by, conversation_id, &ruling) {
        Err(Refusal::Db(error)) => Err(error),
        // A conversation that was just opened is undecided.
        _ => Ok(()),
    }
}

/// Makes a confirmed person somebody to look at again; whoever was not confirmed stays as they are.
pub fn doubt(ctx: &Ctx, conn: &mut Conn, actor: &str, conversation_id: &str, why: Doubt) -> db::Result<()> {
    let Some(held) = rows::hold(conn, conversation_id)? else { return Ok(()) };
    if held.state() != State::Confirmed || held.status != OPEN {
        return Ok(());
    }
    let case = Case { by: &By { practice_id: &held.practice_id, actor }, id: conversation_id, held: &held };
    // Whoever writes next is asked again whether they know to whom.
    rows::forget_acknowledgement(conn, conversation_id)?;
    let (kind, method) = ("re_verify", Some(why.as_str()));
    let step = Move { kind, method, to: State::ReVerify, reopens: false, meets: false };
    record(ctx, conn, &case, &step, &Ruling::bare(Verdict::Undo)).map(drop)
}

/// The decisions about a conversation, oldest first.
pub fn decisions(conn: &mut Conn, conversation_id: &str) -> db::Result<Vec<Decision>> {
    store::decisions(conn, conversation_id)
}

/// Whether a practice does not pair with a number (any more).
pub fn is_blocked(ctx: &Ctx, conn: &mut Conn, practice_id: &str, phone: &Phone) -> db::Result<bool> {
    store::is_blocked(conn, practice_id, &limits::number_key(ctx, phone))
}

/// A held conversation, and who decides about it.
struct Case<'a> {
    by: &'a By<'a>,
    id: &'a str,
    held: &'a Held,
}

/// What a decision does.
struct Move {
    kind: &'static str,
    method: Option<&'static str>,
    to: State,
    reopens: bool,
    /// Whether somebody spoke to the person, or saw them.
    meets: bool,
}

fn confirm(
    ctx: &Ctx,
    conn: &mut Conn,
    case: &Case<'_>,
    method: Method,
    ruling: &Ruling<'_>,
) -> Result<Decision, Refusal> {
    if case.held.status != OPEN {
        return Err(Refusal::Closed);
    }
    if !case.held.state().is_open() {
        return Err(Refusal::Decided(case.held.state()));
    }
    count(ctx, conn, case, "confirm", Step::Confirmed)?;
    let (kind, meets) = ("confirm", method.meets() && !ruling.on_known_device);
    let step = Move { kind, method: Some(method.as_str()), to: State::Confirmed, reopens: false, meets };
    let decision = record(ctx, conn, case, &step, ruling)?;
    say(ctx, conn, case, |words| words.confirmed)?;
    Ok(decision)
}

fn reject(
    ctx: &Ctx,
    conn: &mut Conn,
    case: &Case<'_>,
    block: bool,
    ruling: &Ruling<'_>,
) -> Result<Decision, Refusal> {
    if case.held.status != OPEN {
        return Err(Refusal::Closed);
    }
    count(ctx, conn, case, "reject", Step::Rejected)?;
    let step = Move { kind: "reject", method: None, to: State::Rejected, reopens: false, meets: false };
    let decision = record(ctx, conn, case, &step, ruling)?;
    say(ctx, conn, case, |words| words.closed)?;
    rows::close_conversation(conn, case.id)?;
    tell_patient(ctx, conn, case)?;
    if block && let Some(phone) = store::phone_of(conn, &case.held.pairing_id)? {
        let key = Phone::from_stored(&phone).map(|phone| limits::number_key(ctx, &phone));
        if let Ok(key) = key {
            store::block(conn, case.by.practice_id, &key, &decision.id, ctx.now)?;
        }
    }
    Ok(decision)
}

/// Goes back to where the last decision came from. A doubt is no decision: what raised it is still there.
fn undo(ctx: &Ctx, conn: &mut Conn, case: &Case<'_>, ruling: &Ruling<'_>) -> Result<Decision, Refusal> {
    let last = store::last_decision(conn, case.id)?.filter(Decision::can_be_undone);
    let last = last.ok_or(Refusal::NothingToUndo)?;
    let was_rejected = case.held.state() == State::Rejected;
    let to = match State::from_word(&last.state_before) {
        // What raised a doubt while the conversation was closed went unnoticed.
        State::Confirmed if was_rejected => State::ReVerify,
        before => before,
    };
    if was_rejected {
        store::unblock(conn, &last.id)?;
    }
    let reopens = was_rejected && pairing::is_paired(conn, &case.held.pairing_id)?;
    if reopens {
        rows::reopen_conversation(conn, case.id)?;
        rows::forget_acknowledgement(conn, case.id)?;
    }
    let step = Move { kind: "undo", method: None, to, reopens, meets: false };
    let decision = record(ctx, conn, case, &step, ruling)?;
    match reopens {
        true => say(ctx, conn, case, |words| words.reopened)?,
        false => say(ctx, conn, case, |words| words.checked_again)?,
    }
    tell_patient(ctx, conn, case)?;
    Ok(decision)
}

/// Moves the state, appends the decision, and tells of both.
fn record(
    ctx: &Ctx,
    conn: &mut Conn,
    case: &Case<'_>,
    step: &Move,
    ruling: &Ruling<'_>,
) -> db::Result<Decision> {
    let is_open = case.held.status == OPEN || step.reopens;
    let met_at = step.meets.then_some(ctx.now);
    rows::set_identity(conn, case.id, step.to, is_open && step.to.is_open(), met_at, ctx.now)?;
    let decision = store::insert(conn, &ctx.id("idd"), case, step, ruling, ctx.now)?;
    telling::identity(ctx, conn, case.held, case.id, step.to)?;
    let fact = Fact::IdentityChanged {
        conversation_id: case.id,
        state: step.to.as_str(),
        phi_allowed: step.to.allows_phi(),
    };
    webhooks::emit(ctx, conn, case.by.practice_id, &[fact])?;
    let detail = json!({
        "decision": decision.id, "method": step.method,
        "before": case.held.identity, "after": step.to.as_str(),
    });
    let (practice_id, action) = (Some(case.by.practice_id), format!("identity.{}", step.kind));
    let event = audit::Event { practice_id, actor: case.by.actor, action: &action, subject: case.id, detail };
    audit::record(ctx, conn, &event)?;
    Ok(decision)
}

/// Counts a conversation once, however often its state is turned back.
fn count(ctx: &Ctx, conn: &mut Conn, case: &Case<'_>, kind: &str, step: Step) -> db::Result<()> {
    match &case.held.link_id {
        Some(link_id) if !store::was_ever(conn, case.id, kind)? => funnel::record(ctx, conn, link_id, step),
        _ => Ok(()),
    }
}

fn say(
    ctx: &Ctx,
    conn: &mut Conn,
    case: &Case<'_>,
    which: impl FnOnce(&words::Words) -> &'static str,
) -> db::Result<()> {
    let words = words::words(super::practice_language(conn, case.by.practice_id)?);
    append(ctx, conn, case.id, &NewEntry::system(which(&words))).map(drop)
}

/// Whether the conversation is open is the patient's to know; how sure the practice is of them is not.
fn tell_patient(ctx: &Ctx, conn: &mut Conn, case: &Case<'_>) -> db::Result<()> {
    let account_id = pairing::account_of(conn, &case.held.pairing_id)?;
    let (practice_id, place) = (case.by.practice_id, case.held.entry_count + 1);
    telling::changed(ctx, conn, practice_id, Some(&account_id), case.id, place)
}
