//! Phone first: a patient leaves a number on a landing page, gets the app's link by text, and finds the
//! practice waiting when that number is proven in the app. Nothing has to be carried over from the browser,
//! and nothing is guessed: only whoever proves the number finds what waits for it.
//!
//! Whoever asks learns nothing about the number: the answer is one and the same whether it is known here,
//! was texted a moment ago, or has had its share of messages for the day. Nothing waits where no text went
//! out, so a stranger can neither fill a number's list nor use up what its codes need.

pub mod http;
mod message;
mod store;

use std::time::Duration;

pub use message::LinkTopic;

use crate::app::Ctx;
use crate::db::{self, Conn};
use crate::funnel::{self, Step};
use crate::invites::{self, Holder, Invite};
use crate::kit::{Language, Phone, Secret, Timestamp, Wait};
use crate::limits::{self, Budget};
use crate::links::{self, Destination};

/// How long a pairing waits for its number to be proven.
const LIFE: Duration = Duration::from_hours(7 * 24);
/// How a pairing that waited is told apart from those that came by a link token.
const METHOD: &str = "phone_first";
/// And those that came of an invite.
const INVITED: &str = "invite";

/// Why something about a pairing that waits was refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// We do not text this country.
    #[error("country not supported")]
    CountryNotSupported,
    /// This number takes no texts.
    #[error("number takes no texts")]
    CannotText,
    /// Too many requests from this address or for this practice.
    #[error("limited")]
    Limited(Wait),
    /// It waits no more, or for another number.
    #[error("pending pairing gone")]
    Gone,
    /// The invite is not good, or not for this number.
    #[error(transparent)]
    Invite(#[from] invites::Refusal),
    /// The link that it waits for leads nowhere any more.
    #[error(transparent)]
    Link(#[from] links::Refusal),
    /// The database gave no answer.
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// A number left on a landing page.
pub struct Left<'a> {
    /// The number.
    pub phone: &'a Phone,
    /// The page's link and practice.
    pub to: &'a Destination,
    /// The page's language.
    pub language: Language,
    /// The caller's address (IPv6: its /64).
    pub network: &'a str,
}

/// A pairing that waits for its number to be proven.
pub struct Pending {
    /// Its id, `pnd_…`.
    pub id: String,
    /// Where it leads today.
    pub to: Destination,
    /// Since when it waits.
    pub created_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Lets a pairing wait for a number and texts it the app's link, at most once in ten minutes.
pub fn leave_number(ctx: &Ctx, conn: &mut Conn, left: &Left<'_>) -> Result<(), Refusal> {
    let country = left.phone.region();
    if !ctx.config.verification.countries.iter().any(|ours| ours == country) {
        return Err(Refusal::CountryNotSupported);
    }
    if !left.phone.can_text() {
        return Err(Refusal::CannotText);
    }
    let key = limits::number_key(ctx, left.phone);
    // Two holds in the order of the kinds: what is the number's own is never told to whoever asks.
    let own = [Budget::links_to_number(ctx, &key)];
    let shared = [
        Budget::links_from_ip(ctx, left.network),
        Budget::links_of_practice(ctx, &left.to.practice.id),
        Budget::links_to_country(ctx, country),
    ];
    let (own, shared) = (limits::hold(conn, &own)?, limits::hold(conn, &shared)?);
    let codes = codes_budgets(ctx, left);
    let due = shared.next_at(ctx).max(limits::next_at(ctx, conn, &codes)?);
    if due > ctx.now {
        return Err(Refusal::Limited(due.wait_from(ctx.now)));
    }
    let codes = [Budget::messages_to_number(ctx, &key)];
    let has_room = own.next_at(ctx).max(limits::next_at(ctx, conn, &codes)?) <= ctx.now;
    // Taken also when nothing is sent, so that the next refusal tells nothing about the number either.
    shared.take(ctx, conn)?;
    if has_room {
        own.take(ctx, conn)?;
        let id = store::upsert(conn, &ctx.id("pnd"), &key, &left.to.link.id, ctx.now, ctx.now + LIFE)?;
        message::enqueue(ctx, conn, &id, left)?;
    }
    Ok(())
}

/// What the codes of everybody have: where that is used up no link is texted either, but a link takes nothing
/// from it. Codes are asked for in the app by patients; links by whoever finds the page.
fn codes_budgets(ctx: &Ctx, left: &Left<'_>) -> [Budget; 2] {
    let practice = Budget::messages_of_practice(ctx, &left.to.practice.id);
    [practice, Budget::messages_to_country(ctx, left.phone.region())]
}

/// The pairings that wait for a number that was just proven, the newest first. Those whose link leads nowhere
/// any more are left out. For the other links the proof counts, once; `counted` is the one whose it was anyway.
///
/// There are never many: a number gets three links a day.
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
            funnel::record(ctx, conn, &link_id, Step::Verified)?;
        }
    }
    Ok(found)
}

/// What leads a patient to a practice: a link token that the app carried over, a pairing that waited, or an invite.
pub enum Lead {
    /// A link token.
    Token(Secret),
    /// The id of a pairing that waits for the patient's number.
    Pending(String),
    /// The secret of an invite's text.
    Invite(Secret),
}

/// Whoever follows a lead: an account, or one that is being made.
pub struct Follower<'a> {
    /// Its id.
    pub account_id: &'a str,
    /// Its proven number.
    pub phone: &'a Phone,
    /// Its proven address, where it has one.
    pub email: Option<&'a str>,
}

/// Where a lead led.
pub struct Way {
    /// Link and practice.
    pub to: Destination,
    /// How it reached the device.
    pub method: &'static str,
    /// The invite, where it was one: to be accepted with what comes of it.
    pub invite: Option<Invite>,
}

/// Where `lead` leads, and how it reached the device. Link and practice are held: what they are now they stay
/// until the transaction ends, and its end decides whether anything was taken.
///
/// A pairing that waited is marked with who took it, so that the same call after a lost reply leads there again.
/// With it goes what else of the practice waited for the number: it is there now, whichever way it came.
pub fn follow(ctx: &Ctx, conn: &mut Conn, lead: &Lead, who: &Follower<'_>) -> Result<Way, Refusal> {
    let key = limits::number_key(ctx, who.phone);
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

/// Forgets pairings that waited long enough.
pub fn sweep(ctx: &Ctx, conn: &mut Conn) -> db::Result<usize> {
    store::delete_expired(conn, ctx.now)
}
