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
    let Some(phone) = international(&inbound.from) else { return Ok(()) };
    let own = own_sender(&ctx.config, &inbound.to);
    let Some(sender) = own.or(is_sender(&inbound.to).then_some(inbound.to.as_str())) else { return Ok(()) };
    let id = match inbound.id.as_str() {
        "" => ctx.id("inb"),
        id => ctx.keys.blind("inbound", &format!("{}:{id}", inbound.provider)),
    };
    if store::remember(conn, &id, ctx.now)? == 0 {
        return Ok(());
    }
    metrics::counter!("inbound_texts_total", "provider" => inbound.provider, "word" => word.as_str())
        .increment(1);
    let is_news = apply(ctx, conn, word, sender, &limits::number_key(ctx, &phone))?;
    if is_news && own.is_some() && !inbound.is_answered {
        message::enqueue(ctx, conn, &id, &message::Answer { to: &phone, sender, word, language })?;
    }
    Ok(())
}

/// Does what a word asks for; whether that deserves an answer. A second STOP does not, and neither does a
/// third HELP within ten minutes: two machines that answer each other must come to an end.
fn apply(ctx: &Ctx, conn: &mut Conn, word: Word, sender: &str, phone_key: &str) -> db::Result<bool> {
    Ok(match word {
        Word::Stop => store::opt_out(conn, sender, phone_key, ctx.now)? == 1,
        Word::Start => store::opt_in(conn, sender, phone_key)? == 1,
        Word::Help => limits::take(ctx, conn, &[Budget::help_to_number(ctx, phone_key)])?.is_ok(),
    })
}

/// The senders that may not text a number.
pub fn barred(conn: &mut Conn, phone_key: &str) -> db::Result<Vec<String>> {
    store::barred(conn, phone_key)
}

/// Forgets the ids of texts that no provider repeats any more.
pub fn sweep(ctx: &Ctx, conn: &mut Conn) -> db::Result<usize> {
    store::forget(conn, ctx.now - REMEMBERED)
}

/// The sender of ours, as the settings spell it, that `to` means: SMPP carriers leave the plus out.
fn own_sender<'a>(config: &'a Config, to: &str) -> Option<&'a str> {
    let ours = [config.twilio.from.as_str(), config.kannel.from.as_str()];
    let same = |own: &&str| *own == to || (!digits(own).is_empty() && digits(own) == digits(to));
    ours.into_iter().filter(|own| !own.is_empty()).find(same)
}

/// Whether it can be a sender at all; one that is not ours today may be tomorrow.
fn is_sender(to: &str) -> bool {
    (1..=40).contains(&to.len()) && to.bytes().all(|b| b.is_ascii_graphic())
}

/// The digits of what is a number and nothing else.
fn digits(number: &str) -> String {
    let bare = number.trim().trim_start_matches('+');
    if bare.bytes().all(|b| b.is_ascii_digit()) { bare.to_owned() } else { String::new() }
}

/// A number as carriers spell it: with a plus, with two zeros, or with neither. A short code is nobody's phone.
fn international(from: &str) -> Option<Phone> {
    let digits = digits(from);
    let phone = Phone::from_stored(&format!("+{}", digits.strip_prefix("00").unwrap_or(&digits))).ok()?;
    phone.can_call().then_some(phone)
}
