//! Pending pairings: a patient enters a phone number on a landing page, gets the app's link by SMS, and
//! finds the practice when that number is proven in the app. Nothing has to be carried over from the
//! browser, and nothing is guessed: only the person who proves the number finds its pending pairings.
//!
//! The caller learns nothing about the number: the response is the same whether it is known here, was
//! sent a text a moment ago, or has used up its messages for the day. A pending pairing is created
//! only if a text is sent, so a stranger can neither fill a number's list nor use up the messages
//! that its codes need.

pub mod message;
pub mod store;

use std::time::Duration;

pub use message::LinkTopic;

use crate::domain::invites::{self, Holder, Invite};
use crate::domain::link_analytics::{self, Step};
use crate::domain::links::{self, Destination};
use crate::kit::ids::{AccountId, LinkId, PendingPairingId};
use crate::kit::{Language, Phone, Secret, Timestamp, Wait};
use crate::platform::db::{self};
use crate::platform::rate_limits::{self, Budget};
use crate::platform::tx::Tx;

/// A pending pairing expires after this long.
const LIFE: Duration = Duration::from_hours(7 * 24);
/// Method of a pairing that was pending, to distinguish it from those by link token.
const METHOD: &str = "phone_first";
/// Method of a pairing that came from an invite.
const INVITED: &str = "invite";

/// Errors of pending pairings and of resolving an entry point.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The service does not text this country.
    #[error("country not supported")]
    CountryNotSupported,
    /// The number takes no texts.
    #[error("number takes no texts")]
    CannotText,
    /// Too many requests from this IP address, or for this practice or country.
    #[error("limited")]
    Limited(Wait),
    /// The pending pairing has expired, was taken, or is for another number.
    #[error("pending pairing gone")]
    Gone,
    /// The invite is invalid, or not for this number.
    #[error(transparent)]
    Invite(#[from] invites::Refusal),
    /// The link of the pending pairing no longer resolves.
    #[error(transparent)]
    Link(#[from] links::Refusal),
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// A phone number that was entered on a landing page.
pub struct Left<'a> {
    pub phone: &'a Phone,
    /// The link and practice of the landing page.
    pub to: &'a Destination,
    pub language: Language,
    /// The caller's IP address (for IPv6, its /64).
    pub network: &'a str,
}

/// A pairing that is pending until its number is proven.
pub struct Pending {
    /// Unique id, of the form `pnd_…`.
    pub id: PendingPairingId,
    /// The link and practice that it resolves to today.
    pub to: Destination,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Creates a pending pairing for a number and texts it the app's link, at most once in ten minutes.
pub fn leave_number(tx: &mut Tx, left: &Left<'_>) -> Result<(), Refusal> {
    let country = left.phone.region();
    if !tx.settings.verification.countries.iter().any(|ours| ours == country) {
        return Err(Refusal::CountryNotSupported);
    }
    if !left.phone.can_text() {
        return Err(Refusal::CannotText);
    }
    let key = rate_limits::number_key(tx, left.phone);
    // Two sets of locks, in lock order: the limits of the number itself are never revealed to the caller.
    let own = [Budget::links_to_number(tx, &key)];
    let shared = [
        Budget::links_from_ip(tx, left.network),
        Budget::links_of_practice(tx, &left.to.practice.id),
        Budget::links_to_country(tx, country),
    ];
    let (own, shared) = (rate_limits::hold(tx, &own)?, rate_limits::hold(tx, &shared)?);
    let codes = codes_budgets(tx, left);
    let due = shared.next_at(tx).max(rate_limits::next_at(tx, &codes)?);
    if due > tx.now {
        return Err(Refusal::Limited(due.wait_from(tx.now)));
    }
    let codes = [Budget::messages_to_number(tx, &key)];
    let has_room = own.next_at(tx).max(rate_limits::next_at(tx, &codes)?) <= tx.now;
    // Counted also if nothing is sent, so that the next refusal does not reveal anything
    // about the number either.
    shared.take(tx)?;
    if has_room {
        own.take(tx)?;
        let id = tx.id();
        let id = store::upsert(tx.conn, &id, &key, &left.to.link.id, tx.now, tx.now + LIFE)?;
        message::enqueue(tx, &id, left)?;
    }
    Ok(())
}

/// The rate limits that all verification codes share: if one is used up, no link is texted either,
/// but a link does not count against it. Codes are requested in the app by patients; links by anyone
/// who finds the page.
fn codes_budgets(tx: &Tx, left: &Left<'_>) -> [Budget; 2] {
    let practice = Budget::messages_of_practice(tx, &left.to.practice.id);
    [practice, Budget::messages_to_country(tx, left.phone.region())]
}

/// The pending pairings of a number that was just proven, the newest first. Those whose link no longer
/// resolves are left out. For the other links, the proof is counted once in the funnel; `counted` is the
/// link for which it was counted already.
///
/// There are never many: a number gets three links per day.
pub fn of_number(tx: &mut Tx, phone_key: &str, counted: Option<&LinkId>) -> db::Result<Vec<Pending>> {
    let mut found = Vec::new();
    for row in store::waiting(tx.conn, phone_key, tx.now)? {
        match links::destination_of(tx, &row.link_id) {
            Ok(to) => {
                found.push(Pending {
                    id: row.id,
                    to,
                    created_at: row.created_at,
                    expires_at: row.expires_at,
                });
            }
            Err(links::Refusal::Db(error)) => return Err(error),
            Err(_) => {}
        }
    }
    let ids: Vec<&PendingPairingId> = found.iter().map(|pending| &pending.id).collect();
    for link_id in store::mark_proven(tx.conn, &ids, tx.now)? {
        if counted != Some(&link_id) {
            link_analytics::record(tx, &link_id, Step::Verified)?;
        }
    }
    Ok(found)
}

/// How a patient reaches a practice: by a link token that the app carried over, a pending
/// pairing, or an invite.
pub enum Lead {
    Token(Secret),
    /// The id of a pending pairing of the patient's number.
    Pending(PendingPairingId),
    /// The secret from an invite's text.
    Invite(Secret),
}

/// The account that asks for the pairing, or that is about to be created.
pub struct Follower<'a> {
    pub account_id: &'a AccountId,
    pub phone: &'a Phone,
    /// The proven e-mail address, if there is one.
    pub email: Option<&'a str>,
}

/// A resolved entry point.
pub struct Way {
    pub to: Destination,
    /// Method by which the link reached the device.
    pub method: &'static str,
    /// The invite, if it came from one: to be accepted with the pairing that results.
    pub invite: Option<Invite>,
}

/// Resolves `lead` to a link, a practice and a method. Link and practice are locked: they stay as they are
/// until the transaction ends, and its end decides whether anything was taken.
///
/// A pending pairing is marked with the account that took it, so that a retry after a lost reply resolves
/// to it again. All other pending pairings of this number with the practice are taken too: the patient has
/// arrived, by any entry.
pub fn follow(tx: &mut Tx, lead: &Lead, who: &Follower<'_>) -> Result<Way, Refusal> {
    let key = rate_limits::number_key(tx, who.phone);
    let (to, method, invite) = match lead {
        Lead::Token(token) => {
            let (to, source) = links::hold_by_token(tx, token.expose())?;
            (to, source.as_str(), None)
        }
        Lead::Pending(id) => {
            let link_id = store::take(tx.conn, id, &key, who.account_id, tx.now)?.ok_or(Refusal::Gone)?;
            (links::hold(tx, &link_id)?, METHOD, None)
        }
        Lead::Invite(token) => {
            let holder = Holder { phone: who.phone, account_id: Some(who.account_id), email: who.email };
            let invite = invites::take(tx, token, &holder)?;
            (links::hold(tx, &invite.link_id)?, INVITED, Some(invite))
        }
    };
    store::take_all(tx.conn, &key, &to.practice.id, who.account_id)?;
    Ok(Way { to, method, invite })
}

pub fn sweep(tx: &mut Tx) -> db::Result<usize> {
    store::delete_expired(tx.conn, tx.now)
}
