//! Pending pairings: a patient enters a phone number on a landing page, gets the app's link by SMS, and
//! finds the practice when that number is proven in the app. Nothing has to be carried over from the
//! browser, and nothing is guessed: only the person who proves the number finds its pending pairings.
//!
//! The caller learns nothing about the number: the response is the same whether it is known here, was
//! sent a text a moment ago, or has used up its messages for the day. A pending pairing is created
//! only if a text is sent, so a stranger can neither fill a number's list nor use up the messages
//! that its codes need.

mod message;
mod store;

use std::time::Duration;

use serde_json::json;

pub use message::LinkTopic;

use crate::domain::events::EventKind;
use crate::domain::invites::{self, Invite, TokenHolder};
use crate::domain::links::{self, Destination, Method, ReadToken};
use crate::kit::{AccountId, Language, LinkId, PendingPairingId, Phone, Secret, Timestamp, Wait};
use crate::platform::event_log::Actor;
use crate::platform::rate_limits::{self, Hits, RateLimit};
use crate::platform::{Tx, db};

/// A pending pairing expires after this long.
const LIFE: Duration = Duration::from_hours(7 * 24);

/// Errors of pending pairings and of resolving an entry point.
#[derive(Debug, thiserror::Error)]
pub enum Error {
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
    Invite(#[from] invites::Error),
    /// The link of the pending pairing no longer resolves.
    #[error(transparent)]
    Link(#[from] links::Error),
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// A phone number that was entered on a landing page.
pub struct AppLinkRequest<'a> {
    pub phone: &'a Phone,
    /// The link and practice of the landing page.
    pub to: &'a Destination,
    pub language: Language,
    /// The caller's IP address (for IPv6, its /64).
    pub network: &'a str,
}

/// A pairing that is pending until its number is proven.
pub struct PendingPairing {
    pub id: PendingPairingId,
    /// The link and practice that it resolves to today.
    pub to: Destination,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Creates a pending pairing for a number and texts it the app's link, at most once in ten minutes.
pub fn request_app_link(tx: &mut Tx, request: &AppLinkRequest<'_>) -> Result<(), Error> {
    check_number(tx, request.phone)?;
    let key = rate_limits::number_key(tx, request.phone);
    let codes = code_limits(tx, request);
    let shared = [
        RateLimit::links_from_ip(tx, request.network),
        RateLimit::links_of_practice(tx, &request.to.practice.id),
        RateLimit::links_to_country(tx, request.phone.region()),
    ];
    let codes_at = rate_limits::next_at(tx, &codes)?;
    if codes_at > tx.now {
        let at = codes_at.max(rate_limits::next_at(tx, &shared)?);
        return Err(Error::Limited(at.wait_from(tx.now)));
    }
    // Counted also if nothing is sent, so that the next refusal does not reveal anything about the number
    // either. The limits of the number itself are never revealed to the caller.
    rate_limits::take(tx, &shared)?.map_err(|at| Error::Limited(at.wait_from(tx.now)))?;
    let own = [RateLimit::links_to_number(tx, &key)];
    if codes_have_room(tx, &key)? && rate_limits::take(tx, &own)?.is_ok() {
        let id = tx.id();
        let id = store::upsert(tx.conn, &id, &key, &request.to.link.id, tx.now, tx.now + LIFE)?;
        message::enqueue(tx, &id, request)?;
    }
    Ok(())
}

/// Whether a number may get a code: if it has used up its messages, it gets no link either.
fn codes_have_room(tx: &mut Tx, phone_key: &str) -> db::Result<bool> {
    let limit = RateLimit::messages_to_number(tx, phone_key);
    let sent = store::codes_sent(tx.conn, phone_key)?.unwrap_or_default();
    if sent == store::ELSEWHERE {
        return Ok(rate_limits::next_at(tx, &[limit])? <= tx.now);
    }
    let mut hits = Hits::parse(&sent);
    limit.put_back(&mut hits, tx.now);
    Ok(limit.next_at(&hits, tx.now) <= tx.now)
}

fn check_number(tx: &Tx, phone: &Phone) -> Result<(), Error> {
    if !tx.settings.verification.countries.iter().any(|ours| ours == phone.region()) {
        return Err(Error::CountryNotSupported);
    }
    if phone.can_text() { Ok(()) } else { Err(Error::CannotText) }
}

/// The rate limits that all verification codes share: if one is used up, no link is texted either,
/// but a link does not count against it. Codes are requested in the app by patients; links by anyone
/// who finds the page.
fn code_limits(tx: &Tx, request: &AppLinkRequest<'_>) -> [RateLimit; 2] {
    let practice = RateLimit::messages_of_practice(tx, &request.to.practice.id);
    [practice, RateLimit::messages_to_country(tx, request.phone.region())]
}

/// The pending pairings of a number that was just proven, the newest first. Those whose link no longer
/// resolves are left out. For the other links, the proof is counted once in the funnel; `counted` is the
/// link for which it was counted already.
///
/// There are never many: a number gets three links per day.
pub fn of_number(tx: &mut Tx, phone_key: &str, counted: Option<&LinkId>) -> db::Result<Vec<PendingPairing>> {
    let mut found = Vec::new();
    for row in store::waiting(tx.conn, phone_key, tx.now)? {
        match links::destination_of(tx, &row.link_id) {
            Ok(to) => {
                found.push(PendingPairing {
                    id: row.id,
                    to,
                    created_at: row.created_at,
                    expires_at: row.expires_at,
                });
            }
            Err(links::Error::Db(error)) => return Err(error),
            Err(_) => {}
        }
    }
    if found.is_empty() {
        return Ok(found);
    }
    let ids: Vec<&PendingPairingId> = found.iter().map(|pending| &pending.id).collect();
    for link_id in store::mark_proven(tx.conn, &ids, tx.now)? {
        if counted != Some(&link_id) {
            let practice_id =
                found.iter().find(|one| one.to.link.id == link_id).map(|one| &one.to.practice.id);
            let (kind, detail) = (EventKind::PendingPairingPhoneProven, json!({ "link": link_id }));
            tx.emit(practice_id, Actor::System, kind, &link_id, detail);
        }
    }
    Ok(found)
}

/// How a patient reaches a practice: by a link token that the app carried over, a pending
/// pairing, or an invite.
pub enum EntryPoint {
    LinkToken(ReadToken),
    /// The id of a pending pairing of the patient's number.
    PendingPairing(PendingPairingId),
    /// The secret from an invite's text.
    Invite(Secret),
}

/// The account that asks for the pairing, or that is about to be created.
pub struct Applicant<'a> {
    pub account_id: &'a AccountId,
    pub phone: &'a Phone,
    /// The proven e-mail address, if there is one.
    pub email: Option<&'a str>,
}

/// A resolved entry point.
pub struct ResolvedEntry {
    pub to: Destination,
    pub method: Method,
    /// The invite, if it came from one: to be accepted with the pairing that results.
    pub invite: Option<Invite>,
}

/// Resolves an entry point to a link, a practice and a method. Link and practice are locked: they stay as
/// they are until the transaction ends, and its end decides whether anything was taken.
///
/// A pending pairing is marked with the account that took it, so that a retry after a lost reply resolves
/// to it again. All other pending pairings of this number with the practice are taken too: the patient has
/// arrived, by any entry.
pub fn resolve(tx: &mut Tx, entry_point: &EntryPoint, who: &Applicant<'_>) -> Result<ResolvedEntry, Error> {
    let key = rate_limits::number_key(tx, who.phone);
    let (to, method, invite) = match entry_point {
        EntryPoint::LinkToken(token) => {
            let (to, source) = links::lock_by_token(tx, token)?;
            (to, source.into(), None)
        }
        EntryPoint::PendingPairing(id) => {
            let link_id = store::take(tx.conn, id, &key, who.account_id, tx.now)?.ok_or(Error::Gone)?;
            (links::lock(tx, &link_id)?, Method::PhoneFirst, None)
        }
        EntryPoint::Invite(token) => {
            let holder = TokenHolder { phone: who.phone, account_id: Some(who.account_id), email: who.email };
            let invite = invites::lock(tx, token, &holder)?;
            (links::lock(tx, &invite.link_id)?, Method::Invite, Some(invite))
        }
    };
    store::take_all(tx.conn, &key, &to.practice.id, who.account_id)?;
    Ok(ResolvedEntry { to, method, invite })
}

pub fn sweep(tx: &mut Tx) -> db::Result<usize> {
    store::delete_expired(tx.conn, tx.now)
}
