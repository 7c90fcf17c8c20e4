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
use crate::kit::{Language, Phone, Secret, Timestamp, Wait};
use crate::platform::db::{self, Conn};
use crate::platform::rate_limits::{self, Budget};
use crate::platform::tx::Ctx;

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
    pub id: String,
    /// The link and practice that it resolves to today.
    pub to: Destination,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Creates a pending pairing for a number and texts it the app's link, at most once in ten minutes.
pub fn leave_number(ctx: &Ctx, conn: &mut Conn, left: &Left<'_>) -> Result<(), Refusal> {
    let country = left.phone.region();
    if !ctx.config.verification.countries.iter().any(|ours| ours == country) {
        return Err(Refusal::CountryNotSupported);
    }
    if !left.phone.can_text() {
        return Err(Refusal::CannotText);
    }
    let key = rate_limits::number_key(ctx, left.phone);
    // Two sets of locks, in lock order: the limits of the number itself are never revealed to the caller.
    let own = [Budget::links_to_number(ctx, &key)];
    let shared = [
        Budget::links_from_ip(ctx, left.network),
        Budget::links_of_practice(ctx, &left.to.practice.id),
        Budget::links_to_country(ctx, country),
    ];
    let (own, shared) = (rate_limits::hold(conn, &own)?, rate_limits::hold(conn, &shared)?);
    let codes = codes_budgets(ctx, left);
    let due = shared.next_at(ctx).max(rate_limits::next_at(ctx, conn, &codes)?);
    if due > ctx.now {
        return Err(Refusal::Limited(due.wait_from(ctx.now)));
    }
    let codes = [Budget::messages_to_number(ctx, &key)];
    let has_room = own.next_at(ctx).max(rate_limits::next_at(ctx, conn, &codes)?) <= ctx.now;
    // Counted also if nothing is sent, so that the next refusal does not reveal anything
    // about the number either.
    shared.take(ctx, conn)?;
    if has_room {
        own.take(ctx, conn)?;
        let id = store::upsert(conn, &ctx.id("pnd"), &key, &left.to.link.id, ctx.now, ctx.now + LIFE)?;
        message::enqueue(ctx, conn, &id, left)?;
    }
    Ok(())
}

/// The rate limits that all verification codes share: if one is used up, no link is texted either,
/// but a link does not count against it. Codes are requested in the app by patients; links by anyone
/// who finds the page.
fn codes_budgets(ctx: &Ctx, left: &Left<'_>) -> [Budget; 2] {
    let practice = Budget::messages_of_practice(ctx, &left.to.practice.id);
    [practice, Budget::messages_to_country(ctx, left.phone.region())]
}

/// The pending pairings of a number that was just proven, the newest first. Those whose link no longer
/// resolves are left out. For the other links, the proof is counted once in the funnel; `counted` is the
/// link for which it was counted already.
///
/// There are never many: a number gets three links per day.
pub fn of_number(
    ctx: &Ctx,
    conn: &mut Conn,
    phone_key: &str,
    counted: Option<&str>,
) -> db::Result<Vec<Pending>> {
    let mut found = Vec::new();
    for row in store::waiting(conn, phone_key, ctx.now)? {
        match links::destination_of(conn, &row.link_id) {
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
    let ids: Vec<&str> = found.iter().map(|pending| pending.id.as_str()).collect();
    for link_id in store::mark_proven(conn, &ids, ctx.now)? {
        if counted != Some(link_id.as_str()) {
            link_analytics::record(ctx, conn, &link_id, Step::Verified)?;
        }
    }
    Ok(found)
}

/// How a patient reaches a practice: by a link token that the app carried over, a pending
/// pairing, or an invite.
pub enum Lead {
    Token(Secret),
    /// The id of a pending pairing of the patient's number.
    Pending(String),
    /// The secret from an invite's text.
    Invite(Secret),
}

/// The account that asks for the pairing, or that is about to be created.
pub struct Follower<'a> {
    pub account_id: &'a str,
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
pub fn follow(ctx: &Ctx, conn: &mut Conn, lead: &Lead, who: &Follower<'_>) -> Result<Way, Refusal> {
    let key = rate_limits::number_key(ctx, who.phone);
    let (to, method, invite) = match lead {
        Lead::Token(token) => {
            let (to, source) = links::hold_by_token(ctx, conn, token.expose())?;
            (to, source.as_str(), None)
        }
        Lead::Pending(id) => {
            let link_id = store::take(conn, id, &key, who.account_id, ctx.now)?.ok_or(Refusal::Gone)?;
            (links::hold(conn, &link_id)?, METHOD, None)
        }
        Lead::Invite(token) => {
            let holder = Holder { phone: who.phone, account_id: Some(who.account_id), email: who.email };
            let invite = invites::take(ctx, conn, token, &holder)?;
            (links::hold(conn, &invite.link_id)?, INVITED, Some(invite))
        }
    };
    store::take_all(conn, &key, &to.practice.id, who.account_id)?;
    Ok(Way { to, method, invite })
}

pub fn sweep(ctx: &Ctx, conn: &mut Conn) -> db::Result<usize> {
    store::delete_expired(conn, ctx.now)
}
