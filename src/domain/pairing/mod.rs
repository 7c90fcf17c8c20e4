//! Pairings: the connection of a patient with a practice, and how it came about.
//!
//! A pairing belongs to a patient, not to an account: a parent's phone may hold a child. It is created
//! together with its conversation, the link's tags, the welcome message, the audit log entry, the practice's
//! notification and the pending identity check, all in the transaction of the sign-up that caused it.

pub mod store;

pub use store::in_sight;
pub use store::{account_of, by_stranger, is_paired, restricted};

use serde_json::json;

use super::conversations::store as rows;
use super::conversations::{
    Conversation, NewEntry, Pairing, ask_grade, events, place, practice_language, system, words,
};
use super::identity;
use super::identity::Doubt;
use crate::domain::link_analytics::{self, Step};
use crate::domain::links::Destination;
use crate::domain::notifications;
use crate::domain::webhooks::{self, Fact};
use crate::kit::ids::{AccountId, ConversationId, InviteId, PairingId, PatientId, SessionId};
use crate::kit::{Phone, Timestamp};
use crate::platform::audit;
use crate::platform::db::{self};
use crate::platform::tx::Tx;

/// A pairing to create.
pub struct NewPairing<'a> {
    pub account_id: &'a AccountId,
    pub patient_id: &'a PatientId,
    /// The session that requests the pairing.
    pub session_id: &'a SessionId,
    /// The link and its practice.
    pub to: &'a Destination,
    /// How the link reached the device: a link token's source, `phone_first` or `invite`.
    pub method: &'static str,
    /// The account's verified phone number.
    pub phone: &'a Phone,
    /// The invite that is accepted, if any.
    pub invite: Option<Invitation<'a>>,
}

/// An invite that is being accepted.
#[derive(Clone, Copy)]
pub struct Invitation<'a> {
    pub id: &'a InviteId,
    /// Whether both channels were verified and the name agrees, which confirms the identity.
    pub vouches: bool,
}

/// Why a pairing was refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The practice blocked this phone number.
    #[error("pairing refused")]
    Blocked,
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// A pairing with its conversation.
pub struct Paired {
    pub pairing: Pairing,
    pub conversation: Conversation,
    /// Whether this call created them.
    pub is_new: bool,
}

/// Creates a pairing or returns the existing one; a link that is new to an existing pairing adds its
/// tags to the conversation.
pub fn pair(tx: &mut Tx, new: &NewPairing<'_>) -> Result<Paired, Refusal> {
    let id = tx.id::<PairingId>();
    if let Some(pairing_id) = store::insert_pairing(tx.conn, &id, new, tx.now)? {
        // A refusal rolls everything back, including the use of the phone verification, so the patient
        // can use it elsewhere.
        if identity::is_blocked(tx, &new.to.practice.id, new.phone)? {
            return Err(Refusal::Blocked);
        }
        open_conversation(tx, new, &pairing_id)?;
        return Ok(paired(tx, &pairing_id, true)?);
    }
    let pairing_id = store::open_pairing_id(tx.conn, new)?;
    if new.invite.is_some() {
        hold_open(tx, &pairing_id)?;
    }
    if store::insert_visit(tx.conn, &pairing_id, &new.to.link.id, tx.now)? {
        second_link(tx, new, &pairing_id)?;
    }
    if new.invite.is_some_and(|invite| invite.vouches) {
        let id = rows::conversation_id(tx.conn, &pairing_id)?;
        identity::vouch(tx, &new.to.practice.id, &id)?;
    }
    Ok(paired(tx, &pairing_id, false)?)
}

/// Refuses to spend an invite on a closed conversation, where neither side could write. The row is locked so
/// that it cannot be closed meanwhile.
fn hold_open(tx: &mut Tx, pairing_id: &PairingId) -> Result<(), Refusal> {
    let conversation_id = rows::conversation_id(tx.conn, pairing_id)?;
    let held = rows::hold(tx.conn, &conversation_id)?;
    if held.is_some_and(|held| held.status == "open") { Ok(()) } else { Err(Refusal::Blocked) }
}

/// Records that a paired patient opened another link, once per link. Opening a link again says nothing new,
/// so later changes to that link do not touch the conversation.
fn second_link(tx: &mut Tx, new: &NewPairing<'_>, pairing_id: &PairingId) -> db::Result<()> {
    let conversation_id = rows::conversation_id(tx.conn, pairing_id)?;
    rows::give_tags(tx.conn, &conversation_id, &new.to.endpoint.tags())?;
    system(tx, &conversation_id, words(new.to.practice.language()).second_link)?;
    tx.audit(&audit::Event {
        practice_id: Some(&new.to.practice.id),
        actor: new.account_id.as_str(),
        action: "pairing.link_opened",
        subject: pairing_id.as_str(),
        detail: json!({ "link": new.to.link.id, "source": new.method }),
    })
}

/// The pairing of this id with its conversation, without checking the account.
pub fn paired(tx: &mut Tx, pairing_id: &PairingId, is_new: bool) -> db::Result<Paired> {
    let pairing = store::pairing(tx.conn, pairing_id)?;
    let conversation = rows::conversation_of(tx.conn, pairing_id)?;
    Ok(Paired { pairing, conversation, is_new })
}

fn open_conversation(tx: &mut Tx, new: &NewPairing<'_>, pairing_id: &PairingId) -> db::Result<()> {
    let practice = &new.to.practice;
    let id = tx.id::<ConversationId>();
    rows::insert_conversation(tx.conn, &id, pairing_id, new.to, tx.now)?;
    store::insert_visit(tx.conn, pairing_id, &new.to.link.id, tx.now)?;
    rows::give_tags(tx.conn, &id, &new.to.endpoint.tags())?;
    if let Some(welcome) = &new.to.endpoint.welcome {
        let welcome = NewEntry { kind: "welcome", author: "practice", author_id: None, body: welcome };
        place(tx, &id, &welcome)?;
    }
    let connected = words(practice.language()).connected.replace("{}", &practice.name);
    place(tx, &id, &NewEntry::system(&connected))?;
    events::created(tx, new, pairing_id, &id)?;
    tx.audit(&audit::Event {
        practice_id: Some(&practice.id),
        actor: new.account_id.as_str(),
        action: "pairing.created",
        subject: pairing_id.as_str(),
        detail: json!({ "link": new.to.link.id, "source": new.method, "conversation": id }),
    })?;
    link_analytics::record(tx, &new.to.link.id, Step::Paired)?;
    notifications::announce_pairing(tx, new.to, pairing_id)?;
    tell_machines(tx, new, pairing_id, &id)?;
    if new.invite.is_some_and(|invite| invite.vouches) {
        identity::vouch(tx, &practice.id, &id)?;
    }
    ask_grade(tx, &id)
}

fn tell_machines(
    tx: &mut Tx,
    new: &NewPairing<'_>,
    pairing_id: &PairingId,
    conversation_id: &ConversationId,
) -> db::Result<()> {
    let (patient_id, link_id, method) = (new.patient_id, &new.to.link.id, new.method);
    let paired = Fact::PairingCreated { pairing_id, conversation_id, patient_id, link_id, method };
    let opened = Fact::ConversationCreated { conversation_id, pairing_id, patient_id, link_id };
    webhooks::emit(tx, &new.to.practice.id, &[paired, opened])
}

/// The access scope of a session: which of an account's pairings it sees.
#[derive(Clone, Copy)]
pub enum Sight<'a> {
    /// All pairings; for changes that concern the whole account.
    All,
    /// Pairings that no restricted session made; those may belong to the number's new owner.
    Confirmed,
    /// Pairings that this session made, and those whose practice has since spoken to the patient or seen
    /// them: numbers are recycled, and a verified number never reopens the previous owner's messages.
    Restricted {
        session: &'a SessionId,
        /// When the session began.
        since: Timestamp,
    },
}

/// An account's active pairings within the access scope, oldest first, after the pairing `after`.
pub fn list(
    tx: &mut Tx,
    account_id: &AccountId,
    sight: Sight<'_>,
    after: &str,
    limit: i64,
) -> db::Result<Vec<Paired>> {
    let ids = store::open_pairings(tx.conn, account_id, sight, after, limit)?;
    ids.iter().map(|id| paired(tx, id, false)).collect()
}

/// Why a pairing ends.
#[derive(Clone, Copy, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    Left,
    /// The account moved to another number, and the pairing was made by a session that only
    /// verified the old one.
    NumberChanged,
}

/// Ends a pairing: the conversation closes, and both sides can read why. Returns `false` if the pairing is
/// not within the access scope.
pub fn end(
    tx: &mut Tx,
    account_id: &AccountId,
    (sight, pairing_id): (Sight<'_>, &PairingId),
    why: Ending,
) -> db::Result<bool> {
    let Some(practice_id) = store::end_pairing(tx.conn, account_id, sight, pairing_id, tx.now)? else {
        return Ok(false);
    };
    let conversation_id = rows::conversation_id(tx.conn, pairing_id)?;
    let words = words(practice_language(tx, &practice_id)?);
    let says = if matches!(why, Ending::Left) { words.left } else { words.number_left };
    system(tx, &conversation_id, says)?;
    let entries = rows::close_conversation(tx.conn, &conversation_id)?;
    events::changed(tx, &practice_id, Some(account_id), &conversation_id, entries)?;
    tx.audit(&audit::Event {
        practice_id: Some(&practice_id),
        actor: account_id.as_str(),
        action: "pairing.ended",
        subject: pairing_id.as_str(),
        detail: json!({ "why": why }),
    })?;
    Ok(true)
}

/// Returns the e-mail address shown to staff, and whether it is verified. It belongs to the account holder,
/// so it is hidden when a restricted session, perhaps the number's new owner, made the pairing.
pub fn own_address(email: Option<String>, is_proven: bool, is_stranger: bool) -> (Option<String>, bool) {
    let email = email.filter(|_| !is_stranger);
    let is_proven = email.is_some() && is_proven;
    (email, is_proven)
}

/// Tells every practice of an account, in the conversation and by e-mail, that a new device signed in.
pub fn announce_new_device(tx: &mut Tx, account_id: &AccountId, session_id: &SessionId) -> db::Result<()> {
    for paired in list(tx, account_id, Sight::All, "", i64::MAX)? {
        doubt(tx, account_id, &paired, Doubt::NewDevice)?;
        let Pairing { practice, source, .. } = &paired.pairing;
        notifications::announce_new_device(tx, &practice.id, source.link_id.as_ref(), session_id)?;
    }
    Ok(())
}

/// Tells every practice of an account that the new device was confirmed by the verified e-mail address, in
/// the conversations that the device now sees. The identity stays in doubt until the practice confirms it.
pub fn announce_known_device(tx: &mut Tx, account_id: &AccountId) -> db::Result<()> {
    for paired in list(tx, account_id, Sight::Confirmed, "", i64::MAX)? {
        let words = words(practice_language(tx, &paired.pairing.practice.id)?);
        system(tx, &paired.conversation.id, words.known_device)?;
        // What the account verified now also counts for the pairings that this device made.
        ask_grade(tx, &paired.conversation.id)?;
    }
    Ok(())
}

/// Marks the identity for another check at every practice of an account, or only for one patient of
/// it, and says why.
pub fn doubt_all(
    tx: &mut Tx,
    account_id: &AccountId,
    patient_id: Option<&PatientId>,
    why: Doubt,
) -> db::Result<()> {
    for paired in list(tx, account_id, Sight::All, "", i64::MAX)? {
        if patient_id.is_none_or(|id| paired.conversation.patient.id == *id) {
            doubt(tx, account_id, &paired, why)?;
            ask_grade(tx, &paired.conversation.id)?;
        }
    }
    Ok(())
}

fn doubt(tx: &mut Tx, account_id: &AccountId, paired: &Paired, why: Doubt) -> db::Result<()> {
    let words = words(practice_language(tx, &paired.pairing.practice.id)?);
    let says = match why {
        Doubt::NewDevice => words.new_device,
        Doubt::NumberChanged => words.number_changed,
        Doubt::DetailsChanged => words.details_changed,
    };
    system(tx, &paired.conversation.id, says)?;
    identity::doubt(tx, account_id.as_str(), &paired.conversation.id, why)
}
