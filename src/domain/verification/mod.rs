//! Phone number verification: a session that survives an app restart and always says what may be done next.
//!
//! The code is derived, not stored (`code.rs`), so a resend, a voice call and a failover carry the same
//! digits. A check is counted before it is compared, and the count commits together with the comparison,
//! or no reply is sent: a wrong guess is an `Ok`, because an `Err` rolls back, and a rolled-back guess
//! is a free guess.
//!
//! Lock order, the same everywhere: the row of the number first (table `check_budgets`), then those of the
//! other limits, then the session's. This serializes everything about one number.

pub mod check;
pub mod code;
mod delivery;
mod message;
mod number;
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

use self::number::NumberRow;
use crate::domain::events::EventKind;
use crate::domain::links::{self, Destination, ReadToken};
use crate::kit::{Language, LinkId, Phone, PracticeId, Secret, Timestamp, VerificationId, Wait};
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
    pub link_token: Option<ReadToken>,
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
    fn of(tx: &mut Tx, session: Session, number: &NumberRow) -> db::Result<Self> {
        let timers = timers::of(tx, &session, number)?;
        Ok(Self { session, timers })
    }
}

/// Creates a session and queues its first message; also returns the client's secret.
pub fn create(tx: &mut Tx, new: NewSession) -> Result<(Verification, Secret), Error> {
    let destination = match &new.link_token {
        Some(token) => Some(links::resolve_token(tx, token)?.0),
        None => None,
    };
    let channel = first_channel(tx, destination.as_ref(), &new)?;
    let practice_id = destination.as_ref().map(|to| &to.practice.id);
    let mut limits = shared_limits(tx, practice_id, new.phone.region());
    limits.push(RateLimit::verifications_from_ip(tx, &new.network));
    let number = take(tx, &number_key(tx, &new.phone), &limits)?;
    let number = number.map_err(|at| Error::SendLimited(at.wait_from(tx.now), None))?;
    let client_secret = tx.secret("vs");
    let row = new_row(tx, new, destination, channel, &client_secret);
    let session = store::insert(tx.conn, &row)?;
    message::enqueue(tx, &session)?;
    Ok((Verification::of(tx, session, &number)?, client_secret))
}

/// Counts a message in the limits of a number and in `others`, or in none: then `Err` is the time at which
/// all have room.
fn take(tx: &mut Tx, phone_key: &str, others: &[RateLimit]) -> db::Result<Result<NumberRow, Timestamp>> {
    Ok(match number::count_message(tx, phone_key)? {
        Err(at) => Err(at.max(rate_limits::next_at(tx, others)?)),
        Ok(number) => match rate_limits::take(tx, others)? {
            Ok(()) => Ok(number),
            Err(at) => {
                number::take_back_message(tx, phone_key)?;
                Err(at)
            }
        },
    })
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
    let (session, number) = store::find(tx.conn, id, &secret.hash())?.ok_or(Error::NotFound)?;
    Ok(Verification::of(tx, session, &number)?)
}

/// Sends the code again over `channel`.
pub fn send(
    tx: &mut Tx,
    id: &VerificationId,
    secret: &Secret,
    channel: Channel,
) -> Result<Verification, Error> {
    let session = due_session(tx, id, secret, channel)?;
    let limits = session_limits(tx, &session);
    let number = match take(tx, &session.phone_key, &limits)? {
        Ok(number) => number,
        Err(at) => return Err(send_limited(tx, id, secret, at)?),
    };
    let next = next_send(tx, &session, channel);
    let Some(sent) = store::mark_sent(tx.conn, &session, &next, tx.now)? else {
        // Changed before the number was locked. What was counted must not be part of the answer.
        number::take_back_message(tx, &session.phone_key)?;
        rate_limits::give_back_all(tx, &limits)?;
        due_session(tx, id, secret, channel)?;
        return Err(db::Error::Busy.into());
    };
    message::enqueue(tx, &sent)?;
    Ok(Verification::of(tx, sent, &number)?)
}

/// The session of `id` if it may send a message over `channel` now, by its own waits.
fn due_session(
    tx: &mut Tx,
    id: &VerificationId,
    secret: &Secret,
    channel: Channel,
) -> Result<Session, Error> {
    let (session, number) = store::find(tx.conn, id, &secret.hash())?.ok_or(Error::NotFound)?;
    let own_due = session.next_at(channel).ok_or(Error::ChannelUnavailable)?;
    ensure_open(tx, &session, &number)?;
    if own_due > tx.now {
        let due = own_due.max(timers::messages_at(tx, &session, &number)?);
        let verification = Verification::of(tx, session, &number)?;
        return Err(Error::SendLimited(due.wait_from(tx.now), Some(Box::new(verification))));
    }
    Ok(session)
}

fn send_limited(tx: &mut Tx, id: &VerificationId, secret: &Secret, at: Timestamp) -> Result<Error, Error> {
    let (session, number) = store::find(tx.conn, id, &secret.hash())?.ok_or(Error::NotFound)?;
    let verification = Verification::of(tx, session, &number)?;
    Ok(Error::SendLimited(at.wait_from(tx.now), Some(Box::new(verification))))
}

/// Emits an event of a session that came through a link.
fn emit(
    tx: &mut Tx,
    id: &VerificationId,
    (link_id, practice_id): (Option<&LinkId>, Option<&PracticeId>),
    kind: EventKind,
) {
    if let Some(link_id) = link_id {
        tx.emit(practice_id, Actor::System, kind, id, json!({ "link": link_id }));
    }
}

/// Rejects a session that is verified, expired or out of checks.
fn ensure_open(tx: &mut Tx, session: &Session, number: &NumberRow) -> Result<(), Error> {
    if session.verified_at.is_some() {
        return Err(Error::AlreadyVerified);
    }
    if session.expires_at <= tx.now {
        return Err(Error::Expired);
    }
    if session.checks >= tx.settings.verification.checks {
        return Err(exhausted(tx, session.clone(), number)?);
    }
    Ok(())
}

/// Nothing revives a used-up session, so the wait is the time until a new session can start.
fn exhausted(tx: &mut Tx, session: Session, number: &NumberRow) -> Result<Error, Error> {
    let at = timers::messages_at(tx, &session, number)?;
    let verification = Verification::of(tx, session, number)?;
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

/// The limits that messages share with those to other numbers.
fn shared_limits(tx: &Tx, practice: Option<&PracticeId>, country: &str) -> Vec<RateLimit> {
    let mut limits = vec![RateLimit::messages_to_country(tx, country)];
    limits.extend(practice.map(|id| RateLimit::messages_of_practice(tx, id)));
    limits
}

fn session_limits(tx: &Tx, session: &Session) -> Vec<RateLimit> {
    shared_limits(tx, session.practice_id.as_ref(), &session.country)
}

/// Unlocks a number after the hard stop; only an operator decides this.
pub fn unlock_number(tx: &mut Tx, phone: &Phone) -> db::Result<bool> {
    number::unlock(tx, &number_key(tx, phone))
}

/// Erases numbers from sessions that are a day old; the counts stay.
pub fn sweep(tx: &mut Tx) -> db::Result<usize> {
    store::forget_numbers(tx.conn, tx.now - NUMBER_KEPT)
}
