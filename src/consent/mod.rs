//! Who wants texts from us and who does not: STOP, START and HELP, a sender and a number.
//!
//! A number that said STOP to one of our senders gets nothing from that sender until it says START; another
//! sender, which it never stopped, may still write. The list stands above every text (`barred`), and one text
//! alone passes it: the answer that confirms the STOP.

mod message;
mod store;
mod words;

use std::time::Duration;

pub use message::AnswerTopic;
pub use words::Word;

use crate::app::Ctx;
use crate::config::Config;
use crate::db::{self, Conn};
use crate::kit::Phone;
use crate::kit::phone::sender_key;
use crate::limits::{self, Budget};

/// A provider repeats a text that it could not hand over for hours, never for weeks.
const REMEMBERED: Duration = Duration::from_hours(30 * 24);

/// A text that came in.
pub struct Inbound {
    /// Which provider brought it.
    pub provider: &'static str,
    /// That provider's id of it; empty where it gave none.
    pub id: String,
    /// Who wrote, as the provider spells it.
    pub from: String,
    /// To which of our senders.
    pub to: String,
    /// What.
    pub text: String,
    /// Whether the provider has answered it already.
    pub is_answered: bool,
}

/// Takes a text that came in: what is none of the words, comes again, or is from nobody that can be texted,
/// changes nothing.
pub fn receive(ctx: &Ctx, conn: &mut Conn, inbound: &Inbound) -> db::Result<()> {
    let Some((word, language)) = words::read(&inbound.text) else { return Ok(()) };
    let Some(phone) = writer(&ctx.config, &inbound.from) else {
        metrics::counter!("inbound_senders_unreadable_total", "provider" => inbound.provider).increment(1);
        return Ok(());
    };
    if !is_sender(&inbound.to) {
        return Ok(());
    }
    let sender = sender_key(&inbound.to);
    let id = match inbound.id.as_str() {
        "" => ctx.id("inb"),
        id => ctx.keys.blind("inbound", &format!("{}:{id}", inbound.provider)),
    };
    if store::remember(conn, &id, ctx.now)? == 0 {
        return Ok(());
    }
    metrics::counter!("inbound_texts_total", "provider" => inbound.provider, "word" => word.as_str())
        .increment(1);
    let phone_key = limits::number_key(ctx, &phone);
    let is_news = apply(ctx, conn, word, &sender, &phone_key)?;
    let may_answer = is_ours(&ctx.config, &sender) && is_served(&ctx.config, &phone);
    if is_news && may_answer && !inbound.is_answered && has_budget(ctx, conn, word, &phone_key)? {
        let answer = message::Answer { to: &phone, sender: &sender, word, language };
        message::enqueue(ctx, conn, &id, &answer)?;
    }
    Ok(())
}

/// Does what a word asks for; whether that deserves an answer. A second STOP does not.
fn apply(ctx: &Ctx, conn: &mut Conn, word: Word, sender: &str, phone_key: &str) -> db::Result<bool> {
    Ok(match word {
        Word::Stop => store::opt_out(conn, sender, phone_key, ctx.now)? == 1,
        Word::Start => store::opt_in(conn, sender, phone_key)? == 1,
        Word::Help => true,
    })
}

/// Two machines that answer each other must come to an end, and whoever forges senders must not spend our money.
fn has_budget(ctx: &Ctx, conn: &mut Conn, word: Word, phone_key: &str) -> db::Result<bool> {
    let budget = match word {
        Word::Help => Budget::help_to_number(ctx, phone_key),
        Word::Stop | Word::Start => Budget::consent_to_number(ctx, phone_key),
    };
    Ok(limits::take(ctx, conn, &[budget])?.is_ok())
}

/// The senders that may not text a number.
pub fn barred(conn: &mut Conn, phone_key: &str) -> db::Result<Vec<String>> {
    store::barred(conn, phone_key)
}

/// Forgets the ids of texts that no provider repeats any more.
pub fn sweep(ctx: &Ctx, conn: &mut Conn) -> db::Result<usize> {
    store::forget(conn, ctx.now - REMEMBERED)
}

/// Whether a sender is one of ours today.
fn is_ours(config: &Config, sender: &str) -> bool {
    [&config.twilio.from, &config.kannel.from].into_iter().any(|own| sender_key(own) == sender)
}

/// Whether it can be a sender at all; one that is not ours today may be tomorrow.
fn is_sender(to: &str) -> bool {
    (1..=40).contains(&to.len()) && to.bytes().all(|b| b.is_ascii_graphic())
}

/// What goes to other countries costs more, and none of our patients are there.
fn is_served(config: &Config, phone: &Phone) -> bool {
    config.verification.countries.iter().any(|country| country == phone.region())
}

/// Who wrote, as carriers spell it: with a plus, with two zeros, or with neither. A bare number is read as one
/// of our own region first, and as an international one that lost its plus where it is none. A short code is
/// nobody's phone.
fn writer(config: &Config, from: &str) -> Option<Phone> {
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
        let ours = Phone::parse(bare, Some(&config.verification.default_region)).ok();
        ours.or_else(|| international(bare))
    };
    phone.filter(Phone::can_call)
}
