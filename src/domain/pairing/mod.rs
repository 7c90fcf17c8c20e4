//! Pairings: the connection of a patient with a practice, and how it came about.
//!
//! A pairing belongs to a patient, not to an account: a parent's phone may hold a child. It is created
//! together with its conversation, the link's tags and the welcome message, in the transaction of the sign-up
//! that caused it. The event of that transaction brings what follows: the practice's notification, webhooks,
//! statistics and the comparison with the practice's records.

mod announcements;
mod store;
mod view;

pub use announcements::{announce_known_device, announce_new_device, doubt_all};
pub use view::{Pairing, PracticeCard};

use std::collections::BTreeSet;

use serde_json::json;

use super::conversations::store as rows;
use super::conversations::store::NewConversation;
use super::conversations::{
    Access, Author, Conversation, EntryKind, NewEntry, PairingSource, PatientCard, Status, append_system,
    practice_language,
};
use super::identity;
use crate::domain::events::EventKind;
use crate::domain::links::{Destination, Method};
use crate::kit::{AccountId, ConversationId, InviteId, PairingId, Phone, SessionId};
use crate::platform::{Tx, db};

/// A pairing to create.
pub struct NewPairing<'a> {
    pub account_id: &'a AccountId,
    pub patient: &'a PatientCard,
    /// The id of the pairing, if account and patient are made in this unit of work: no other can exist then.
    pub first: Option<&'a PairingId>,
    /// The session that requests the pairing.
    pub session_id: &'a SessionId,
    /// The link and its practice.
    pub to: &'a Destination,
    pub method: Method,
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

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The practice blocked this phone number.
    #[error("pairing refused")]
    Blocked,
    /// The pairing does not exist or has ended, or the session does not see it.
    #[error("pairing not found")]
    NotFound,
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// A pairing with its conversation.
pub struct PairingDetails {
    pub pairing: Pairing,
    pub conversation: Conversation,
    /// Whether this call created them.
    pub is_new: bool,
}

/// Creates a pairing or returns the existing one; a link that is new to an existing pairing adds its
/// tags to the conversation.
pub fn pair(tx: &mut Tx, new: &NewPairing<'_>) -> Result<PairingDetails, Error> {
    let pairing_id = if let Some(id) = new.first {
        store::insert_first_pairing(tx, id, new);
        Some(id.clone())
    } else {
        let id = tx.id::<PairingId>();
        store::insert_pairing(tx.conn, &id, new, tx.now)?
    };
    if let Some(pairing_id) = pairing_id {
        // A refusal rolls everything back, including the use of the phone verification, so the patient
        // can use it elsewhere.
        if identity::is_blocked(tx, &new.to.practice.id, new.phone)? {
            return Err(Error::Blocked);
        }
        return Ok(open_conversation(tx, new, &pairing_id)?);
    }
    let pairing_id = store::active_pairing_id(tx.conn, new)?;
    if new.invite.is_some() {
        lock_open(tx, &pairing_id)?;
    }
    if store::insert_visit(tx.conn, &pairing_id, &new.to.link.id, tx.now)? {
        second_link(tx, new, &pairing_id)?;
    }
    if new.invite.is_some_and(|invite| invite.vouches) {
        let id = rows::conversation_id(tx.conn, &pairing_id)?;
        identity::vouch(tx, &new.to.practice.id, &id)?;
    }
    Ok(details(tx, &pairing_id, false)?)
}

/// Refuses to spend an invite on a closed conversation, where neither side could write. The row is locked so
/// that it cannot be closed meanwhile.
fn lock_open(tx: &mut Tx, pairing_id: &PairingId) -> Result<(), Error> {
    let conversation_id = rows::conversation_id(tx.conn, pairing_id)?;
    let locked = rows::lock(tx.conn, &conversation_id)?;
    if locked.is_some_and(|locked| locked.status == Status::Open) { Ok(()) } else { Err(Error::Blocked) }
}

/// Records that a paired patient opened another link, once per link. Opening a link again says nothing new,
/// so later changes to that link do not touch the conversation.
fn second_link(tx: &mut Tx, new: &NewPairing<'_>, pairing_id: &PairingId) -> db::Result<()> {
    let conversation_id = rows::conversation_id(tx.conn, pairing_id)?;
    rows::give_tags(tx.conn, &conversation_id, &new.to.effective.tags())?;
    append_system(tx, &conversation_id, new.to.practice.language.text("conversation-second-link"))?;
    let detail = json!({ "link": new.to.link.id, "source": new.method });
    tx.emit(Some(&new.to.practice.id), new.account_id, EventKind::PairingLinkOpened, pairing_id, detail);
    Ok(())
}

/// The pairing of this id with its conversation, without checking the account.
pub fn details(tx: &mut Tx, pairing_id: &PairingId, is_new: bool) -> db::Result<PairingDetails> {
    let pairing = store::pairing(tx.conn, pairing_id)?;
    let conversation = rows::conversation_of(tx.conn, pairing_id)?;
    Ok(PairingDetails { pairing, conversation, is_new })
}

/// Opens the conversation of a new pairing with its first entries, which no event tells of: the pairing's own
/// event does. The rows are written as they will be read, so nothing is read back.
fn open_conversation(
    tx: &mut Tx,
    new: &NewPairing<'_>,
    pairing_id: &PairingId,
) -> db::Result<PairingDetails> {
    let (practice, id) = (&new.to.practice, tx.id::<ConversationId>());
    let name = practice.name.as_str();
    let connected = practice.language.text_with("conversation-connected", &[("practice", name.into())]);
    let mut entries = vec![NewEntry::system(&connected)];
    if let Some(welcome) = &new.to.effective.welcome {
        let (kind, author) = (EntryKind::Welcome, Author::Practice);
        entries.insert(0, NewEntry { kind, author, author_id: None, body: welcome });
    }
    let tags = new.to.effective.tags().into_iter().collect::<BTreeSet<String>>();
    let rows = NewConversation { id: &id, pairing_id, to: new.to, tags: &tags, entries: &entries };
    store::insert_first_visit(tx, pairing_id, &new.to.link.id);
    rows::open(tx, &rows);
    let detail = json!({
        "link": new.to.link.id, "effective_link": new.to.effective.id, "source": new.method,
        "conversation": id, "patient": new.patient.id,
    });
    tx.emit(Some(&practice.id), new.account_id, EventKind::PairingCreated, pairing_id, detail)
        .in_conversation(&id, 0)
        .visible_to(new.account_id);
    if new.invite.is_some_and(|invite| invite.vouches) {
        tx.flush()?;
        identity::vouch(tx, &practice.id, &id)?;
        return details(tx, pairing_id, true);
    }
    let (link_id, invite_id) = (new.to.link.id.clone(), new.invite.map(|invite| invite.id.clone()));
    Ok(PairingDetails {
        pairing: Pairing {
            id: pairing_id.clone(),
            practice: PracticeCard::of(practice),
            source: PairingSource::new(Some(link_id), invite_id, new.method),
            created_at: tx.now,
        },
        conversation: Conversation::opened(id, pairing_id, new.patient.clone(), tags, tx.now),
        is_new: true,
    })
}

/// The visible active pairings, oldest first, after the pairing `after`.
pub fn list(tx: &mut Tx, access: Access<'_>, after: &str, limit: i64) -> db::Result<Vec<PairingDetails>> {
    let ids = store::active_pairings(tx.conn, access, after, limit)?;
    ids.iter().map(|id| details(tx, id, false)).collect()
}

/// Ends a pairing at the wish of the patient.
pub fn leave(tx: &mut Tx, access: Access<'_>, id: &PairingId) -> Result<(), Error> {
    match end(tx, access, id, EndReason::Left)? {
        true => Ok(()),
        false => Err(Error::NotFound),
    }
}

/// Why a pairing ends.
#[derive(Clone, Copy, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    Left,
    /// The account moved to another number, and the pairing was made by a session that only
    /// verified the old one.
    NumberChanged,
}

/// Ends a pairing: the conversation closes, and both sides can read why. `false` if it is not visible.
pub fn end(tx: &mut Tx, access: Access<'_>, pairing_id: &PairingId, why: EndReason) -> db::Result<bool> {
    let Some(practice_id) = store::end_pairing(tx.conn, access, pairing_id, tx.now)? else {
        return Ok(false);
    };
    let conversation_id = rows::conversation_id(tx.conn, pairing_id)?;
    let text = if matches!(why, EndReason::Left) { "conversation-left" } else { "conversation-number-left" };
    let language = practice_language(tx, &practice_id)?;
    append_system(tx, &conversation_id, language.text(text))?;
    let entries = rows::close_conversation(tx.conn, &conversation_id)?;
    let (kind, detail) = (EventKind::PairingEnded, json!({ "why": why }));
    tx.emit(Some(&practice_id), access.account_id, kind, pairing_id, detail)
        .in_conversation(&conversation_id, entries)
        .visible_to(access.account_id);
    Ok(true)
}
