//! Invites: a practice invites one person by mobile number and by e-mail.
//!
//! Two secrets are sent, one through each channel, and both channels are verified before a pairing is made:
//! the number by the code of an ordinary verification, the address by a button behind the link in the
//! e-mail. A forwarded text is worth nothing on another phone, an e-mail on its own opens nothing, and
//! neither of them shows more than the practice's name.
//!
//! The outbox rows hold a random number, from which the secrets are derived with a key that is not in the
//! database; the database stores only hashes of the secrets. Other modules decide who accepts: an invite is
//! one of the entry points of a sign-up or a signed-in patient ([`crate::domain::pending_pairings::Lead`]).

pub mod acceptance;
pub mod import;
pub mod message;
pub mod quiet;
pub mod store;
pub mod words;

use std::time::Duration;

use serde_json::json;

pub use acceptance::{Accepted, Holder, accept, email_page, examine, look, open, prove_email, take};
pub use message::{MailTopic, TextTopic};
pub use store::{Filter, Invite};

use crate::domain::consent;
use crate::domain::links::{self, Destination};
use crate::kit::ids::{AccountId, InviteId, PracticeId, StaffId};
use crate::kit::{Email, Language, Phone, Timestamp, Wait};
use crate::platform::audit;
use crate::platform::db;
use crate::platform::rate_limits::{self, Budget};
use crate::platform::tx::Tx;

/// How long an invite is valid.
const LIFE: Duration = Duration::from_hours(7 * 24);
/// How long the link in its e-mail is valid.
const MAIL_LIFE: Duration = Duration::from_hours(24);
/// How long name, number and address are kept after the invite has ended.
const KEPT: Duration = Duration::from_hours(30 * 24);

/// State of an invite, from draft to acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = InviteState)]
pub enum State {
    /// No message has been sent.
    Draft,
    /// Both messages were sent or are queued.
    Sent,
    /// A person opened the link of the text message.
    Opened,
    /// The number is verified, the address is not yet.
    PhoneOk,
    /// The address is verified, the number is not yet.
    EmailOk,
    /// Both are verified, and a conversation was created.
    Accepted,
    /// Its seven days have passed without acceptance.
    Expired,
    /// The practice canceled the invite.
    Revoked,
    /// One of the messages could not be delivered.
    Bounced,
}

impl State {
    /// All states, in the order of an invite's life.
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
    /// States in which its secrets are valid. A bounced invite is one of them: a bounce report can be
    /// wrong, and a caller who holds the secret has received the message.
    const LIVE: [&'static str; 5] = ["sent", "opened", "phone_ok", "email_ok", "bounced"];

    /// Returns the value used by the API and the database.
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

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Returns true if its secrets are valid in this state.
    pub fn is_live(self) -> bool {
        Self::LIVE.contains(&self.as_str())
    }

    /// Whether it can be sent (again): an expired invite starts over.
    pub fn can_be_sent(self) -> bool {
        !matches!(self, Self::Accepted | Self::Revoked)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No such invite within the access scope.
    #[error("invite not found")]
    NotFound,
    /// The token is unknown, used, canceled or expired: the response does not reveal which.
    #[error("invite gone")]
    Gone,
    /// The number is verified; the address is not yet.
    #[error("invite email unproven")]
    EmailUnproven,
    /// The verified number is not the invited one.
    #[error("invite for another number")]
    OtherNumber,
    /// This contact was invited less than a day ago.
    #[error("invite too soon")]
    TooSoon(Wait),
    /// The number has opted out of our texts.
    #[error("opted out")]
    OptedOut,
    #[error("number takes no texts")]
    CannotText,
    #[error("country not supported")]
    CountryNotSupported,
    /// An accepted or revoked invite cannot be changed.
    #[error("invite is {}", .0.as_str())]
    Fixed(State),
    /// The link of the invite cannot be opened.
    #[error(transparent)]
    Link(#[from] links::Refusal),
    #[error(transparent)]
    Db(#[from] db::Error),
}

pub struct NewInvite {
    /// Id of the staff member who sends the invite.
    pub created_by: StaffId,
    /// Name of the invited person, as the practice wrote it.
    pub name: String,
    pub phone: Phone,
    pub email: Email,
    /// Language of both messages; the default is the practice's.
    pub language: Option<Language>,
    /// Whether it is sent at once; otherwise it stays a draft.
    pub sends: bool,
}

/// Normalizes a name: one line, 1 to 100 characters, with at least one letter.
pub fn name(written: &str) -> Option<String> {
    let name = written.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_one = (1..=100).contains(&name.chars().count())
        && name.chars().any(char::is_alphabetic)
        && !name.chars().any(char::is_control);
    is_one.then_some(name)
}

/// Creates an invite through a link, and sends it unless it is to stay a draft.
pub fn create(tx: &mut Tx, to: &Destination, new: &NewInvite) -> Result<Invite, Refusal> {
    check_number(tx, &new.phone)?;
    let language = new.language.unwrap_or(to.practice.language());
    if new.sends {
        // Checked before the draft is inserted: a refused row of a list would leave one behind.
        let budgets = contact(tx, &to.practice.id, &new.phone, &new.email);
        let next = rate_limits::next_at(tx, &budgets)?;
        if next > tx.now {
            return Err(Refusal::TooSoon(next.wait_from(tx.now)));
        }
    }
    let id = tx.id::<InviteId>();
    let invite = store::insert(tx.conn, &id, to, new, language, tx.now, tx.now + LIFE)?;
    record(tx, &invite, new.created_by.as_str(), "invite.created")?;
    match new.sends {
        true => dispatch(tx, to, &invite, &new.created_by),
        false => Ok(invite),
    }
}

/// Sends an invite (again) with two new secrets; the older ones become invalid. An address that is verified
/// stays so, and gets no second e-mail.
pub fn send(tx: &mut Tx, invite: &Invite, by: &StaffId) -> Result<Invite, Refusal> {
    if !invite.state(tx.now).can_be_sent() {
        return Err(Refusal::Fixed(invite.state(tx.now)));
    }
    let to = links::destination_of(tx, &invite.link_id)?;
    check_number(tx, &invite.phone().ok_or(Refusal::Gone)?)?;
    dispatch(tx, &to, invite, by)
}

/// Cancels an invite: its secrets are invalid from then on.
pub fn revoke(tx: &mut Tx, invite: &Invite, by: &StaffId) -> Result<(), Refusal> {
    if store::revoke(tx.conn, &invite.id, tx.now)? == 0 {
        return match store::is_revoked(tx.conn, &invite.id)? {
            true => Ok(()),
            false => Err(Refusal::Fixed(State::Accepted)),
        };
    }
    Ok(record(tx, invite, by.as_str(), "invite.revoked")?)
}

/// Returns the invite of `id` in a practice, if it is within the access scope of `filter`.
pub fn find(tx: &mut Tx, filter: &Filter<'_>, id: &InviteId) -> Result<Invite, Refusal> {
    store::find(tx.conn, filter, id, tx.now)?.ok_or(Refusal::NotFound)
}

/// Up to `limit` invites created before the invite `before`, newest first.
pub fn list(tx: &mut Tx, filter: &Filter<'_>, before: &str, limit: i64) -> db::Result<Vec<Invite>> {
    store::list(tx.conn, filter, before, limit, tx.now)
}

/// Checks whether a number may get an invite by text. The patient did not request it, so one STOP to any of
/// our senders is enough to refuse.
fn check_number(tx: &mut Tx, phone: &Phone) -> Result<(), Refusal> {
    if !tx.settings.verification.countries.iter().any(|ours| ours == phone.region()) {
        return Err(Refusal::CountryNotSupported);
    }
    if !phone.can_text() {
        return Err(Refusal::CannotText);
    }
    match consent::barred(tx, &rate_limits::number_key(tx, phone))?.is_empty() {
        true => Ok(()),
        false => Err(Refusal::OptedOut),
    }
}

/// Rate limits for invites to one contact of a practice: by number, and by address.
fn contact(tx: &Tx, practice_id: &PracticeId, phone: &Phone, email: &Email) -> [Budget; 2] {
    [phone.as_e164(), email.as_str()].map(|it| Budget::invites_to_contact(tx, practice_id, it))
}

/// Queues both messages, at most once per contact and day.
fn dispatch(tx: &mut Tx, to: &Destination, invite: &Invite, by: &StaffId) -> Result<Invite, Refusal> {
    let (phone, email) = (invite.phone().ok_or(Refusal::Gone)?, invite.email().ok_or(Refusal::Gone)?);
    let budgets = contact(tx, &invite.practice_id, &phone, &email);
    rate_limits::take(tx, &budgets)?.map_err(|at| Refusal::TooSoon(at.wait_from(tx.now)))?;
    let text_due_at = quiet::day_from(tx.now, &phone, &to.practice);
    let out = message::Secrets::new(tx, &invite.id);
    let sent = store::Sent {
        token_hash: out.text(tx).hash(),
        email_hash: out.mail(tx).hash(),
        email_hash_expires_at: tx.now + MAIL_LIFE,
        text_due_at,
        now: tx.now,
        expires_at: tx.now + LIFE,
    };
    let sent = store::mark_sent(tx.conn, &invite.id, &sent)?.ok_or(Refusal::Fixed(State::Accepted))?;
    message::enqueue_text(tx, &sent, &out, text_due_at)?;
    if sent.email_proven_at.is_none() {
        message::enqueue_mail(tx, &sent, &out)?;
    }
    record(tx, &sent, by.as_str(), "invite.sent")?;
    Ok(sent)
}

fn record(tx: &mut Tx, invite: &Invite, actor: &str, action: &str) -> db::Result<()> {
    let (practice_id, detail) = (Some(&invite.practice_id), json!({ "link": invite.link_id }));
    tx.audit(&audit::Event { practice_id, actor, action, subject: invite.id.as_str(), detail })
}

/// Deletes the number and address of a deleted account.
pub fn forget_account(tx: &mut Tx, account_id: &AccountId) -> db::Result<usize> {
    store::forget_account(tx.conn, account_id)
}

/// Expires invites that have ended, and deletes the personal data a month later.
pub fn sweep(tx: &mut Tx) -> db::Result<usize> {
    let expired = store::expire(tx.conn, tx.now)?;
    let forgotten: Timestamp = tx.now - KEPT;
    Ok(expired + store::forget(tx.conn, forgotten)?)
}
