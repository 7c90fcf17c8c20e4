//! Invites: a practice asks one person in, by mobile number and by e-mail.
//!
//! Two secrets go out, one to each channel, and both channels are proven before anybody is paired: the number by the
//! code of an ordinary verification, the address by a button behind the link of its mail. A forwarded text is worth
//! nothing on another phone, a mail alone opens nothing, and either of them shows no more than the practice's name.
//!
//! The outbox rows hold a random number, and the secrets are made of it under a key that is not in the database; of
//! the secrets the database has hashes. Who accepts is the business of the rooms above: an invite is one of the leads
//! that a sign-up or a signed-in patient follows ([`crate::deferred::Lead`]).

mod acceptance;
pub mod http;
pub mod import;
mod message;
mod quiet;
mod store;
mod words;

use std::time::Duration;

use serde_json::json;

pub use acceptance::{Accepted, Holder, accept, email_page, examine, look, open, prove_email, take};
pub use message::{MailTopic, TextTopic};
pub use store::{Filter, Invite};

use crate::app::Ctx;
use crate::audit;
use crate::consent;
use crate::db::{self, Conn};
use crate::kit::{Email, Language, Phone, Timestamp, Wait};
use crate::limits::{self, Budget};
use crate::links::{self, Destination};

/// How long an invite is good.
const LIFE: Duration = Duration::from_hours(7 * 24);
/// How long the link of its mail is good.
const MAIL_LIFE: Duration = Duration::from_hours(24);
/// How long name, number and address are kept once it is over.
const KEPT: Duration = Duration::from_hours(30 * 24);

/// How far an invite has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = InviteState)]
pub enum State {
    /// Nothing has gone out.
    Draft,
    /// Both messages are on their way or there.
    Sent,
    /// A person opened the link of the text.
    Opened,
    /// The number was proven; the address was not yet.
    PhoneOk,
    /// The address was proven; the number was not yet.
    EmailOk,
    /// Both were, and it led to a conversation.
    Accepted,
    /// Its seven days are over.
    Expired,
    /// The practice took it back.
    Revoked,
    /// One of the messages could not be delivered.
    Bounced,
}

impl State {
    /// All of them, in the order of an invite's life.
    pub const ALL: [Self; 9] = [
        Self::Draft,
        Self::Sent,
        Self::Opened,
        Self::PhoneOk,
        Self::EmailOk,
        Self::Accepted,
        Self::Expired,
        Self::Revoked,
        Self::Bounced,
    ];
    /// Those in which its secrets are good. A bounced one is among them: such a report can be wrong, and who holds
    /// the secret has got the message.
    const LIVE: [&'static str; 5] = ["sent", "opened", "phone_ok", "email_ok", "bounced"];

    /// The word that the API and the database use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Sent => "sent",
            Self::Opened => "opened",
            Self::PhoneOk => "phone_ok",
            Self::EmailOk => "email_ok",
            Self::Accepted => "accepted",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Bounced => "bounced",
        }
    }

    /// The state behind a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether its secrets are good.
    pub fn is_live(self) -> bool {
        Self::LIVE.contains(&self.as_str())
    }

    /// Whether it can be sent (again): an expired one begins anew.
    pub fn can_be_sent(self) -> bool {
        !matches!(self, Self::Accepted | Self::Revoked)
    }
}

/// Why something about an invite was refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No such invite in sight.
    #[error("invite not found")]
    NotFound,
    /// The token is unknown, used up, taken back or over: nobody can tell which.
    #[error("invite gone")]
    Gone,
    /// The number is proven; the address is not yet.
    #[error("invite email unproven")]
    EmailUnproven,
    /// Another number than the invited one.
    #[error("invite for another number")]
    OtherNumber,
    /// This contact was invited less than a day ago.
    #[error("invite too soon")]
    TooSoon(Wait),
    /// The number wants no texts from us.
    #[error("opted out")]
    OptedOut,
    /// This number takes no texts.
    #[error("number takes no texts")]
    CannotText,
    /// We do not text this country.
    #[error("country not supported")]
    CountryNotSupported,
    /// An accepted or revoked invite stays as it is.
    #[error("invite is {}", .0.as_str())]
    Fixed(State),
    /// The link that it would lead to leads nowhere.
    #[error(transparent)]
    Link(#[from] links::Refusal),
    /// The database gave no answer.
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// What a new invite is made of.
pub struct NewInvite {
    /// Who invites: a staff member.
    pub created_by: String,
    /// Who is invited, as the practice calls them.
    pub name: String,
    /// Their mobile.
    pub phone: Phone,
    /// Their address.
    pub email: Email,
    /// The language of both messages; by default the practice's.
    pub language: Option<Language>,
    /// Whether it goes out at once.
    pub sends: bool,
}

/// A name as it is kept: on one line, 1 to 100 characters, and with a letter in it.
pub fn name(written: &str) -> Option<String> {
    let name = written.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_one = (1..=100).contains(&name.chars().count())
        && name.chars().any(char::is_alphabetic)
        && !name.chars().any(char::is_control);
    is_one.then_some(name)
}

/// Makes an invite to what a link leads to, and sends it unless it is to be a draft.
pub fn create(ctx: &Ctx, conn: &mut Conn, to: &Destination, new: &NewInvite) -> Result<Invite, Refusal> {
    check_number(ctx, conn, &new.phone)?;
    let language = new.language.unwrap_or(to.practice.language());
    if new.sends {
        // Asked before there is a draft, which a list's refused row would leave behind.
        let budgets = contact(ctx, &to.practice.id, &new.phone, &new.email);
        let next = limits::next_at(ctx, conn, &budgets)?;
        if next > ctx.now {
            return Err(Refusal::TooSoon(next.wait_from(ctx.now)));
        }
    }
    let invite = store::insert(conn, &ctx.id("inv"), to, new, language, ctx.now, ctx.now + LIFE)?;
    record(ctx, conn, &invite, &new.created_by, "invite.created")?;
    match new.sends {
        true => dispatch(ctx, conn, to, &invite, &new.created_by),
        false => Ok(invite),
    }
}

/// Sends an invite (again): both secrets are new, and the older ones dead. An address that was proven stays so, and
/// gets no second mail.
pub fn send(ctx: &Ctx, conn: &mut Conn, invite: &Invite, by: &str) -> Result<Invite, Refusal> {
    if !invite.state(ctx.now).can_be_sent() {
        return Err(Refusal::Fixed(invite.state(ctx.now)));
    }
    let to = links::destination_of(conn, &invite.link_id)?;
    check_number(ctx, conn, &invite.phone().ok_or(Refusal::Gone)?)?;
    dispatch(ctx, conn, &to, invite, by)
}

/// Takes an invite back: its secrets lead nowhere from then on.
pub fn revoke(ctx: &Ctx, conn: &mut Conn, invite: &Invite, by: &str) -> Result<(), Refusal> {
    if store::revoke(conn, &invite.id, ctx.now)? == 0 {
        return match store::is_revoked(conn, &invite.id)? {
            true => Ok(()),
            false => Err(Refusal::Fixed(State::Accepted)),
        };
    }
    Ok(record(ctx, conn, invite, by, "invite.revoked")?)
}

/// The invite of `id` in a practice, as far as a filter's reach goes.
pub fn find(ctx: &Ctx, conn: &mut Conn, filter: &Filter<'_>, id: &str) -> Result<Invite, Refusal> {
    store::find(conn, filter, id, ctx.now)?.ok_or(Refusal::NotFound)
}

/// Up to `limit` invites made before the invite `before`, newest first.
pub fn list(
    ctx: &Ctx,
    conn: &mut Conn,
    filter: &Filter<'_>,
    before: &str,
    limit: i64,
) -> db::Result<Vec<Invite>> {
    store::list(conn, filter, before, limit, ctx.now)
}

/// Whether an invite may be texted to a number. Nobody asked for it, so one STOP to any of our senders is enough.
fn check_number(ctx: &Ctx, conn: &mut Conn, phone: &Phone) -> Result<(), Refusal> {
    if !ctx.config.verification.countries.iter().any(|ours| ours == phone.region()) {
        return Err(Refusal::CountryNotSupported);
    }
    if !phone.can_text() {
        return Err(Refusal::CannotText);
    }
    match consent::barred(conn, &limits::number_key(ctx, phone))?.is_empty() {
        true => Ok(()),
        false => Err(Refusal::OptedOut),
    }
}

/// What one contact of a practice may be sent: by number, and by address.
fn contact(ctx: &Ctx, practice_id: &str, phone: &Phone, email: &Email) -> [Budget; 2] {
    [phone.as_e164(), email.as_str()].map(|it| Budget::invites_to_contact(ctx, practice_id, it))
}

/// Queues both messages, at most once a contact and day.
fn dispatch(
    ctx: &Ctx,
    conn: &mut Conn,
    to: &Destination,
    invite: &Invite,
    by: &str,
) -> Result<Invite, Refusal> {
    let (phone, email) = (invite.phone().ok_or(Refusal::Gone)?, invite.email().ok_or(Refusal::Gone)?);
    let budgets = contact(ctx, &invite.practice_id, &phone, &email);
    limits::take(ctx, conn, &budgets)?.map_err(|at| Refusal::TooSoon(at.wait_from(ctx.now)))?;
    let text_due_at = quiet::day_from(ctx.now, &phone, &to.practice);
    let out = message::Secrets::new(ctx, &invite.id);
    let sent = store::Sent {
        token_hash: out.text(ctx).hash(),
        email_hash: out.mail(ctx).hash(),
        email_hash_expires_at: ctx.now + MAIL_LIFE,
        text_due_at,
        now: ctx.now,
        expires_at: ctx.now + LIFE,
    };
    let sent = store::mark_sent(conn, &invite.id, &sent)?.ok_or(Refusal::Fixed(State::Accepted))?;
    message::enqueue_text(ctx, conn, &sent, &out, text_due_at)?;
    if sent.email_proven_at.is_none() {
        message::enqueue_mail(ctx, conn, &sent, &out)?;
    }
    record(ctx, conn, &sent, by, "invite.sent")?;
    Ok(sent)
}

fn record(ctx: &Ctx, conn: &mut Conn, invite: &Invite, actor: &str, action: &str) -> db::Result<()> {
    let (practice_id, detail) = (Some(invite.practice_id.as_str()), json!({ "link": invite.link_id }));
    audit::record(ctx, conn, &audit::Event { practice_id, actor, action, subject: &invite.id, detail })
}

/// Forgets number and address of an account that is gone.
pub fn forget_account(conn: &mut Conn, account_id: &str) -> db::Result<usize> {
    store::forget_account(conn, account_id)
}

/// Ends what is over, and forgets whom it was for a month later.
pub fn sweep(ctx: &Ctx, conn: &mut Conn) -> db::Result<usize> {
    let expired = store::expire(conn, ctx.now)?;
    let forgotten: Timestamp = ctx.now - KEPT;
    Ok(expired + store::forget(conn, forgotten)?)
}
