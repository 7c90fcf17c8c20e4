//! Phone number verification: a session that survives an app restart and always says what may be done next.
//!
//! The code is derived, not stored (`code.rs`), so a resend, a voice call and a failover carry the same
//! digits. A check is counted before it is compared, and the count commits together with the comparison,
//! or no reply is sent: a wrong guess is an `Ok`, because an `Err` rolls back, and a rolled-back guess
//! is a free guess.
//!
//! Lock order, the same everywhere: the rows of the number first (tables `budgets` and `check_budgets`), then
//! the session's. This serializes everything about one number.

pub mod check;
pub mod code;
mod delivery;
mod message;
mod proof;
mod store;
mod timers;

use std::time::Duration;

use serde_json::json;

pub use check::{CheckOutcome, check};
pub use delivery::Delivery;
pub use message::CodeTopic;
pub use proof::{ProofUse, VerifiedPhone, consume_proof, peek, record_proof_use};
pub use store::Session;
pub use timers::{Status, Timers};

use crate::domain::events::EventKind;
use crate::domain::links::{self, Destination};
use crate::kit::{Language, Phone, PracticeId, Secret, VerificationId, Wait};
use crate::platform::event_log::Actor;
use crate::platform::rate_limits::{self, RateLimit, number_key};
use crate::platform::{Tx, db};

/// With less than this left, a resend makes a new code: a code that expires while it is being typed is
/// worse than a second code.
const FRESH_ENOUGH: Duration = Duration::from_mins(2);
/// The number is erased from sessions after this long.
const NUMBER_KEPT: Duration = Duration::from_hours(24);

crate::text_enum! {
    /// How a code is delivered.
    pub enum Channel {
        /// An SMS that contains the code.
        Sms = "sms",
        /// A voice call that reads the code aloud.
        Voice = "voice",
    }
}

/// Errors of verification operations.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such session with this client secret.
    #[error("verification not found")]
    NotFound,
    /// The link token cannot be resolved.
    #[error(transparent)]
    Link(#[from] links::Error),
    /// The service, or the practice, does not send to this country.
    #[error("country not supported")]
    CountryNotSupported,
    /// The number does not take messages by this channel.
    #[error("channel unavailable")]
    ChannelUnavailable,
    /// Too many messages or sessions; after the wait, the number accepts another message (of a new session,
    /// if this one has expired by then).
    #[error("send limited")]
    SendLimited(Wait, Option<Box<Verification>>),
    /// Too many wrong codes for this number; after the wait, a code is compared again (of a new session, if
    /// this one has expired by then).
    #[error("check limited")]
    CheckLimited(Wait, Box<Verification>),
    /// This session's checks are used up; after the wait, a new session can start.
    #[error("checks exhausted")]
    ChecksExhausted(Wait, Box<Verification>),
    /// The number is locked after too many wrong codes in a row.
    #[error("number locked")]
    NumberLocked,
    /// The code's 10 minutes are over; a resend makes a new one.
    #[error("code expired")]
    CodeExpired,
    #[error("verification expired")]
    Expired,
    #[error("already verified")]
    AlreadyVerified,
    /// The proof's 10 minutes are over.
    #[error("phone proof expired")]
    ProofExpired,
    #[error("phone proof invalid")]
    ProofInvalid,
    /// The server keys that the session was created under are gone.
    #[error("keys missing")]
    KeysMissing,
    #[error(transparent)]
    Db(#[from] db::Error),
}

pub struct NewSession {
    pub phone: Phone,
    /// The link token, if the app has one.
    pub link_token: Option<Secret>,
    /// Channel of the first code; by default SMS, if the number takes texts.
    pub channel: Option<Channel>,
    /// Language of the messages; by default the practice's.
    pub language: Option<Language>,
    /// SMS Retriever hash of the Android app.
    pub app_hash: Option<String>,
    /// The caller's IP address (for IPv6, its /64).
    pub network: String,
}

/// A session and its timers.
#[derive(Debug)]
pub struct Verification {
    pub session: Session,
    pub timers: Timers,
}

impl Verification {
    fn of(tx: &mut Tx, session: Session) -> db::Result<Self> {
        let timers = timers::of(tx, &session)?;
        Ok(Self { session, timers })
    }
}

/// Creates a session and queues its first message; also returns the client's secret.
pub fn create(tx: &mut Tx, new: NewSession) -> Result<(Verification, Secret), Error> {
    let destination = match &new.link_token {
        Some(token) => Some(links::resolve_token(tx, token.expose())?.0),
        None => None,
    };
    let channel = first_channel(tx, destination.as_ref(), &new)?;
    let practice_id = destination.as_ref().map(|to| &to.practice.id);
    let mut limits = message_limits(tx, &number_key(tx, &new.phone), practice_id, new.phone.region());
    limits.push(RateLimit::verifications_from_ip(tx, &new.network));
    rate_limits::take(tx, &limits)?.map_err(|at| Error::SendLimited(at.wait_from(tx.now), None))?;
    let client_secret = tx.secret("vs");
    let row = new_row(tx, new, destination, channel, &client_secret);
    let session = store::insert(tx.conn, &row)?;
    store::ensure_number_checks(tx.conn, &session.phone_key, tx.now)?;
    message::enqueue(tx, &session)?;
    Ok((Verification::of(tx, session)?, client_secret))
}

fn new_row(
    tx: &Tx,
    new: NewSession,
    to: Option<Destination>,
    channel: Channel,
    client_secret: &Secret,
) -> store::NewRow {
    let (phone, settings) = (&new.phone, &tx.settings.verification);
    let language = new.language.or(to.as_ref().map(|to| to.practice.language)).unwrap_or_default();
    let (link_id, practice_id) = to.map(|to| (to.link.id, to.practice.id)).unzip();
    store::NewRow {
        id: tx.id(),
        client_secret_hash: client_secret.hash(),
        phone: phone.as_e164().to_owned(),
        phone_key: number_key(tx, phone),
        country: phone.region().to_owned(),
        can_text: phone.can_text(),
        can_call: phone.can_call(),
        link_id,
        practice_id,
        language,
        app_hash: new.app_hash,
        kid: tx.keys.current_kid(tx.now).to_owned(),
        nonce: tx.random::<16>().to_vec(),
        code_expires_at: tx.now + settings.code_life(),
        channel,
        next_sms_at: phone.can_text().then(|| tx.now + settings.resend_wait(1)),
        next_call_at: tx.now + first_call_wait(tx, channel),
        created_at: tx.now,
        expires_at: tx.now + settings.session_life(),
    }
}

/// The session of `id`, for a client that has its secret.
pub fn find(tx: &mut Tx, id: &VerificationId, secret: &Secret) -> Result<Verification, Error> {
    let session = store::find(tx.conn, id, &secret.hash())?.ok_or(Error::NotFound)?;
    Ok(Verification::of(tx, session)?)
}

/// Sends the code again over `channel`.
pub fn send(
    tx: &mut Tx,
    id: &VerificationId,
    secret: &Secret,
    channel: Channel,
) -> Result<Verification, Error> {
    let session = store::find(tx.conn, id, &secret.hash())?.ok_or(Error::NotFound)?;
    if session.next_at(channel).is_none() {
        return Err(Error::ChannelUnavailable);
    }
    let limits = session_limits(tx, &session);
    let locked = rate_limits::lock(tx, &limits)?;
    // Read again: the number's rate limits are locked now, so this session can no longer change.
    let session = store::find(tx.conn, id, &secret.hash())?.ok_or(Error::NotFound)?;
    ensure_open(tx, &session)?;
    let due = locked.next_at(tx).max(session.next_at(channel).unwrap_or(tx.now));
    if due > tx.now {
        let verification = Verification::of(tx, session)?;
        return Err(Error::SendLimited(due.wait_from(tx.now), Some(Box::new(verification))));
    }
    locked.take(tx)?;
    let sent = store::mark_sent(tx.conn, &session, &next_send(tx, &session, channel), tx.now)?;
    let sent = sent.ok_or(db::Error::Busy)?;
    message::enqueue(tx, &sent)?;
    Ok(Verification::of(tx, sent)?)
}

/// Emits an event of a session that came through a link.
fn emit(tx: &mut Tx, session: &Session, kind: EventKind) {
    if let Some(link_id) = &session.link_id {
        let detail = json!({ "link": link_id });
        tx.emit(session.practice_id.as_ref(), Actor::System, kind, &session.id, detail);
    }
}

/// Rejects a session that is verified, expired or out of checks.
fn ensure_open(tx: &mut Tx, session: &Session) -> Result<(), Error> {
    if session.verified_at.is_some() {
        return Err(Error::AlreadyVerified);
    }
    if session.expires_at <= tx.now {
        return Err(Error::Expired);
    }
    if session.checks >= tx.settings.verification.checks {
        return Err(exhausted(tx, session.clone())?);
    }
    Ok(())
}

/// Nothing revives a used-up session, so the wait is the time until a new session can start.
fn exhausted(tx: &mut Tx, session: Session) -> Result<Error, Error> {
    let at = rate_limits::next_at(tx, &session_limits(tx, &session))?;
    let verification = Verification::of(tx, session)?;
    Ok(Error::ChecksExhausted(at.wait_from(tx.now), Box::new(verification)))
}

fn first_channel(tx: &Tx, to: Option<&Destination>, new: &NewSession) -> Result<Channel, Error> {
    // A practice may narrow the service's countries, but never widen them.
    let own = to.and_then(|to| to.practice.countries());
    let lists = [Some(&tx.settings.verification.countries), own.as_ref()];
    let is_served = |list: &Vec<String>| list.iter().any(|country| country == new.phone.region());
    if !lists.into_iter().flatten().all(is_served) {
        return Err(Error::CountryNotSupported);
    }
    match (new.channel, new.phone.can_text()) {
        (None | Some(Channel::Sms), true) => Ok(Channel::Sms),
        (None | Some(Channel::Voice), false) if new.phone.can_call() => Ok(Channel::Voice),
        // A number that takes texts is offered a call a minute after the SMS, not instead of it: calls are
        // what toll fraud earns most with.
        _ => Err(Error::ChannelUnavailable),
    }
}

fn first_call_wait(tx: &Tx, channel: Channel) -> Duration {
    match channel {
        Channel::Sms => Duration::from_secs(tx.settings.verification.voice_after_seconds),
        Channel::Voice => tx.settings.verification.resend_wait(1),
    }
}

fn next_send(tx: &Tx, session: &Session, channel: Channel) -> store::NextSend {
    let wait = tx.now + tx.settings.verification.resend_wait(session.sends + 1);
    let fresh = session.code_expires_at >= tx.now + FRESH_ENOUGH;
    store::NextSend {
        channel,
        next_sms_at: session.can_text.then_some(wait),
        next_call_at: wait.max(session.next_call_at),
        epoch: if fresh { session.epoch } else { session.epoch + 1 },
        code_expires_at: match fresh {
            true => session.code_expires_at,
            false => (tx.now + tx.settings.verification.code_life()).min(session.expires_at),
        },
    }
}

fn message_limits(tx: &Tx, number_key: &str, practice: Option<&PracticeId>, country: &str) -> Vec<RateLimit> {
    let mut limits =
        vec![RateLimit::messages_to_number(tx, number_key), RateLimit::messages_to_country(tx, country)];
    limits.extend(practice.map(|id| RateLimit::messages_of_practice(tx, id)));
    limits
}

fn session_limits(tx: &Tx, session: &Session) -> Vec<RateLimit> {
    message_limits(tx, &session.phone_key, session.practice_id.as_ref(), &session.country)
}

/// Unlocks a number after the hard stop; only an operator decides this.
pub fn unlock_number(tx: &mut Tx, phone: &Phone) -> db::Result<bool> {
    Ok(store::reset_number_checks(tx.conn, &number_key(tx, phone), tx.now)? == 1)
}

/// Erases numbers from sessions that are a day old; the counts stay.
pub fn sweep(tx: &mut Tx) -> db::Result<usize> {
    store::forget_numbers(tx.conn, tx.now - NUMBER_KEPT)
}
