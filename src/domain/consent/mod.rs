//! SMS consent: STOP, START and HELP, per sender and phone number.
//!
//! A number that said STOP to one of our senders gets nothing from that sender until it says START; another
//! sender, which it never stopped, may still write. The opt-out list applies to every text ([`opt_outs`]),
//! and only one text passes it: the reply that confirms the STOP.

mod keyword;
mod message;
mod store;

use std::time::Duration;

pub use keyword::Keyword;
pub use message::ReplyTopic;

use crate::kit::phone::sender_key;
use crate::kit::{InboundMessageId, Phone};
use crate::platform::rate_limits::{self, RateLimit};
use crate::platform::settings::Settings;
use crate::platform::{Tx, db};

/// A provider redelivers an inbound SMS for hours, never for weeks.
const REMEMBERED: Duration = Duration::from_hours(30 * 24);

pub struct Inbound {
    /// The provider that delivered the SMS.
    pub provider: &'static str,
    /// The provider's id of the SMS; empty if it gave none.
    pub provider_ref: String,
    /// The author's number, in the provider's spelling.
    pub from: String,
    /// The sender of ours to which the SMS was addressed.
    pub to: String,
    pub text: String,
    /// `true` if the provider has already replied.
    pub is_answered: bool,
}

/// Handles an inbound SMS. It changes nothing if it is not one of the keywords, is a repetition, or comes
/// from a number that cannot be texted. Only what was written to one of `senders`, our own, is
/// answered, by that sender: if its provider is not one of those chosen to send, the answer is dropped.
pub fn receive(tx: &mut Tx, inbound: &Inbound, senders: &[String]) -> db::Result<()> {
    let Some((keyword, language)) = keyword::parse(&inbound.text) else { return Ok(()) };
    let Some(phone) = author(tx.settings, &inbound.from) else {
        metrics::counter!("inbound_senders_unreadable_total", "provider" => inbound.provider).increment(1);
        return Ok(());
    };
    if !is_sender(&inbound.to) {
        return Ok(());
    }
    let sender = sender_key(&inbound.to);
    let id = message_id(tx, inbound);
    if store::remember(tx.conn, &id, tx.now)? == 0 {
        return Ok(());
    }
    metrics::counter!("inbound_texts_total", "provider" => inbound.provider, "word" => <&str>::from(keyword))
        .increment(1);
    let phone_key = rate_limits::number_key(tx, &phone);
    let is_news = apply(tx, keyword, &sender, &phone_key)?;
    let may_reply = senders.contains(&sender) && is_served(tx.settings, &phone);
    if is_news && may_reply && !inbound.is_answered && is_within_limit(tx, keyword, &phone_key)? {
        let reply = message::Reply { to: &phone, sender: &sender, keyword, language };
        message::enqueue(tx, &id, &reply)?;
    }
    Ok(())
}

/// The provider's id, hashed; a fresh one if there is none.
fn message_id(tx: &Tx, inbound: &Inbound) -> InboundMessageId {
    match inbound.provider_ref.as_str() {
        "" => tx.id(),
        id => tx.keys.blind("inbound", &format!("{}:{id}", inbound.provider)).into(),
    }
}

/// Applies a keyword; returns whether it deserves a reply. A second STOP does not.
fn apply(tx: &mut Tx, keyword: Keyword, sender: &str, phone_key: &str) -> db::Result<bool> {
    Ok(match keyword {
        Keyword::Stop => store::opt_out(tx.conn, sender, phone_key, tx.now)? == 1,
        Keyword::Start => store::opt_in(tx.conn, sender, phone_key)? == 1,
        Keyword::Help => true,
    })
}

/// Rate limit of replies: two machines that reply to each other must come to an end, and forged sender
/// numbers must not spend our money.
fn is_within_limit(tx: &mut Tx, keyword: Keyword, phone_key: &str) -> db::Result<bool> {
    let limit = match keyword {
        Keyword::Help => RateLimit::help_to_number(tx, phone_key),
        Keyword::Stop | Keyword::Start => RateLimit::consent_to_number(tx, phone_key),
    };
    Ok(rate_limits::take(tx, &[limit])?.is_ok())
}

/// The senders that a number has opted out of.
pub fn opt_outs(tx: &mut Tx, phone_key: &str) -> db::Result<Vec<String>> {
    store::opt_outs_of(tx.conn, phone_key)
}

/// Deletes the ids of inbound texts that no provider redelivers any more.
pub fn sweep(tx: &mut Tx) -> db::Result<usize> {
    store::forget(tx.conn, tx.now - REMEMBERED)
}

/// Checks that `to` has the form of a sender; one that is not ours today may be tomorrow.
fn is_sender(to: &str) -> bool {
    (1..=40).contains(&to.len()) && to.bytes().all(|b| b.is_ascii_graphic())
}

/// Replies to other countries cost more, and none of our patients are there.
fn is_served(settings: &Settings, phone: &Phone) -> bool {
    settings.verification.countries.iter().any(|country| country == phone.region())
}

/// Parses the author's number as carriers write it: with a plus, with two zeros, or with neither. A number
/// without a prefix is parsed as one of our own region first, and if that fails as an international one
/// that lost its plus. A short code is not a phone.
fn author(settings: &Settings, from: &str) -> Option<Phone> {
    let from = from.trim();
    let bare = from.strip_prefix('+').unwrap_or(from);
    if bare.is_empty() || !bare.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let international = |digits: &str| Phone::from_stored(&format!("+{digits}")).ok();
    let phone = if from.starts_with('+') {
        international(bare)
    } else if let Some(digits) = bare.strip_prefix("00") {
        international(digits)
    } else {
        let ours = Phone::parse(bare, Some(&settings.verification.default_region)).ok();
        ours.or_else(|| international(bare))
    };
    phone.filter(Phone::can_call)
}
