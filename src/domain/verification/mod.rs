//! Phone number verification: a session that survives an app restart and always says what may be done next.
//!
//! The code is derived, not stored (`code.rs`), so a resend, a voice call and a failover carry the same
//! digits. A check is counted before it is compared, and the count commits together with the comparison,
//! or no reply is sent: a wrong guess is an `Ok`, because an `Err` rolls back, and a rolled-back guess
//! is a free guess.
//!
//! Lock order, the same everywhere: the rows of the number first (`budgets`, `check_budgets`), then the
//! session's. This serializes everything about one number.

pub mod code;
pub mod message;
pub mod proof;
pub mod store;
pub mod timers;

use std::time::Duration;

pub use message::CodeTopic;
pub use proof::{Made, Proven, consume_proof, peek, record_made};
pub use store::Session;
pub use timers::Timers;

use crate::domain::link_analytics::{self, Step};
use crate::domain::links::{self, Destination};
use crate::domain::pending_pairings::{self, Pending};
use crate::kit::ids::{PracticeId, VerificationId};
use crate::kit::{Language, Phone, Secret, Wait};
use crate::platform::db::{self};
use crate::platform::rate_limits::{self, Budget, number_key};
use crate::platform::tx::Tx;

/// With less than this left, a resend makes a new code: a code that expires while it is being typed is
/// worse than a second code.
const FRESH_ENOUGH: Duration = Duration::from_mins(2);
/// Wrong codes are counted per number and day.
const DAY: Duration = Duration::from_hours(24);
/// After this many wrong codes in a row, the number is locked (NIST SP 800-63B-4, 3.2.2).
const HARD_STOP: i32 = 100;
/// After a day's free checks, the wait doubles from the first of these up to the second.
const FIRST_WAIT: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// The number is erased from sessions after this long.
const NUMBER_KEPT: Duration = Duration::from_hours(24);

/// How a code is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// An SMS that contains the code.
    Sms,
    /// A voice call that reads the code aloud.
    Voice,
}

impl Channel {
    /// The value in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Voice => "voice",
        }
    }
}

/// Errors of verification operations.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There is no such session with this client secret.
    #[error("verification not found")]
    NotFound,
    /// The link token cannot be resolved.
    #[error(transparent)]
    Link(#[from] links::Refusal),
    /// The service, or the practice, does not send to this country.
    #[error("country not supported")]
    CountryNotSupported,
    /// The number does not take messages by this channel.
    #[error("channel unavailable")]
    ChannelUnavailable,
    /// Too many messages or sessions; after the wait, the number accepts another message (of a new session,
    /// if this one has expired by then).
    #[error("send limited")]
    SendLimited(Wait, Option<Box<(Session, Timers)>>),
    /// Too many wrong codes for this number; after the wait, a code is compared again (of a new session, if
    /// this one has expired by then).
    #[error("check limited")]
    CheckLimited(Wait, Box<(Session, Timers)>),
    /// This session's checks are used up; after the wait, a new session can start.
    #[error("checks exhausted")]
    ChecksExhausted(Wait, Box<(Session, Timers)>),
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

/// The outcome of a check whose code was compared.
pub struct Checked {
    /// The phone proof, if the code was correct.
    pub proof: Option<Secret>,
    /// The number's pending pairings, if the code was correct.
    pub pending: Vec<Pending>,
    /// The session after the check.
    pub session: Session,
    pub timers: Timers,
}

pub fn create(tx: &mut Tx, new: NewSession) -> Result<(Session, Timers, Secret), Refusal> {
    let destination = match &new.link_token {
        Some(token) => Some(links::read_token(tx, token.expose())?.0),
        None => None,
    };
    let channel = first_channel(tx, destination.as_ref(), &new)?;
    let phone_key = number_key(tx, &new.phone);
    let practice_id = destination.as_ref().map(|to| to.practice.id.clone());
    let mut budgets = message_budgets(tx, &phone_key, practice_id.as_ref(), new.phone.region());
    budgets.push(Budget::verifications_from_ip(tx, &new.network));
    rate_limits::take(tx, &budgets)?.map_err(|at| Refusal::SendLimited(at.wait_from(tx.now), None))?;
    let language = new.language.or(destination.as_ref().map(|to| to.practice.language())).unwrap_or_default();
    let client_secret = tx.secret("vs");
    let session = store::insert(
        tx.conn,
        &store::NewRow {
            id: tx.id(),
            client_secret_hash: client_secret.hash(),
            phone: new.phone.as_e164().to_owned(),
            phone_key: phone_key.clone(),
            country: new.phone.region().to_owned(),
            can_text: new.phone.can_text(),
            can_call: new.phone.can_call(),
            link_id: destination.map(|to| to.link.id),
            practice_id,
            language: language.as_str(),
            app_hash: new.app_hash,
            key_id: tx.keys.current_kid(tx.now).to_owned(),
            nonce: tx.random::<16>().to_vec(),
            code_expires_at: tx.now + tx.settings.verification.code_life(),
            channel: channel.as_str(),
            next_sms_at: new.phone.can_text().then(|| tx.now + tx.settings.verification.resend_wait(1)),
            next_call_at: tx.now + first_call_wait(tx, channel),
            created_at: tx.now,
            expires_at: tx.now + tx.settings.verification.session_life(),
        },
    )?;
    store::ensure_check_budget(tx.conn, &phone_key, tx.now)?;
    message::enqueue(tx, &session)?;
    let timers = timers::of(tx, &session)?;
    Ok((session, timers, client_secret))
}

/// The session of `id`, for a client that has its secret.
pub fn find(tx: &mut Tx, id: &VerificationId, secret: &Secret) -> Result<(Session, Timers), Refusal> {
    let session = store::find(tx.conn, id, &secret.hash())?.ok_or(Refusal::NotFound)?;
    let timers = timers::of(tx, &session)?;
    Ok((session, timers))
}

/// Sends the code again over `channel`.
pub fn send(
    tx: &mut Tx,
    id: &VerificationId,
    secret: &Secret,
    channel: Channel,
) -> Result<(Session, Timers), Refusal> {
    let session = store::find(tx.conn, id, &secret.hash())?.ok_or(Refusal::NotFound)?;
    if session.next_at(channel).is_none() {
        return Err(Refusal::ChannelUnavailable);
    }
    let budgets = session_budgets(tx, &session);
    let held = rate_limits::hold(tx, &budgets)?;
    // Read again: the number's rate limits are locked now, so this session can no longer change.
    let session = store::find(tx.conn, id, &secret.hash())?.ok_or(Refusal::NotFound)?;
    refuse_closed(tx, &session)?;
    let due = held.next_at(tx).max(session.next_at(channel).unwrap_or(tx.now));
    if due > tx.now {
        let timers = timers::of(tx, &session)?;
        return Err(Refusal::SendLimited(due.wait_from(tx.now), Some(Box::new((session, timers)))));
    }
    held.take(tx)?;
    let sent = store::mark_sent(tx.conn, &session, &next_send(tx, &session, channel), tx.now)?
        .ok_or(db::Error::Busy)?;
    message::enqueue(tx, &sent)?;
    let timers = timers::of(tx, &sent)?;
    Ok((sent, timers))
}

/// Compares a code, in this order: take a check from the number, then from the session; compare; settle.
pub fn check(tx: &mut Tx, id: &VerificationId, secret: &Secret, code: &str) -> Result<Checked, Refusal> {
    let session = store::find(tx.conn, id, &secret.hash())?.ok_or(Refusal::NotFound)?;
    if session.verified_at.is_some() {
        return repeat(tx, session, secret, code);
    }
    if store::take_check(tx.conn, &session.phone_key, HARD_STOP, tx.now, tx.now + DAY)?.is_none() {
        return Err(refused_by_number(tx, session)?);
    }
    if let Some(session) = store::take_session_check(tx.conn, id, tx.settings.verification.checks, tx.now)? {
        return compare(tx, session, secret, code);
    }
    let session = store::find(tx.conn, id, &secret.hash())?.ok_or(Refusal::NotFound)?;
    if session.verified_at.is_none() {
        refuse_closed(tx, &session)?;
        return Err(Refusal::CodeExpired);
    }
    // Verified while this check waited for the number's lock: return what it took there.
    store::return_check(tx.conn, &session.phone_key)?;
    repeat(tx, session, secret, code)
}

fn compare(tx: &mut Tx, session: Session, secret: &Secret, code: &str) -> Result<Checked, Refusal> {
    if !code::matches(&tx.keys, &session, code).ok_or(Refusal::KeysMissing)? {
        return wrong(tx, session);
    }
    let proof = proof::derive(tx, &session, secret).ok_or(Refusal::KeysMissing)?;
    let proof_ends = tx.now + tx.settings.verification.proof_life();
    store::give_back_check(tx.conn, &session.phone_key)?;
    let session = store::mark_verified(tx.conn, &session.id, &proof.hash(), tx.now, proof_ends)?;
    count(tx, &session, Step::Verified)?;
    right(tx, session, proof)
}

fn count(tx: &mut Tx, session: &Session, step: Step) -> db::Result<()> {
    match &session.link_id {
        Some(link_id) => link_analytics::record(tx, link_id, step),
        None => Ok(()),
    }
}

/// A check of a session that is already verified. The reply to the correct code may have been lost, so
/// the same code yields the same proof, whatever strangers do to the number meanwhile: these checks
/// are counted on the session only, as many again as it had. A wrong code yields nothing, and the
/// owner's proof stays valid.
fn repeat(tx: &mut Tx, session: Session, secret: &Secret, code: &str) -> Result<Checked, Refusal> {
    if session.proof_expires_at.is_none_or(|at| at <= tx.now) {
        return Err(Refusal::ProofExpired);
    }
    let limit = tx.settings.verification.checks.saturating_mul(2);
    let Some(counted) = store::take_repeat(tx.conn, &session.id, limit)? else {
        return Err(exhausted(tx, &session)?);
    };
    if !code::matches(&tx.keys, &session, code).ok_or(Refusal::KeysMissing)? {
        let timers = timers::of(tx, &counted)?;
        return Ok(Checked { proof: None, pending: Vec::new(), session: counted, timers });
    }
    store::return_repeat(tx.conn, &session.id)?;
    let proof = proof::derive(tx, &session, secret).ok_or(Refusal::KeysMissing)?;
    right(tx, session, proof)
}

fn right(tx: &mut Tx, session: Session, proof: Secret) -> Result<Checked, Refusal> {
    let timers = timers::of(tx, &session)?;
    let pending = pending_pairings::of_number(tx, &session.phone_key, session.link_id.as_ref())?;
    Ok(Checked { proof: Some(proof), pending, session, timers })
}

fn wrong(tx: &mut Tx, session: Session) -> Result<Checked, Refusal> {
    let fails = store::fails_today(tx.conn, &session.phone_key)?;
    let over = fails.saturating_sub(tx.settings.verification.number_checks);
    if let Ok(doublings) = u32::try_from(over) {
        let wait = (FIRST_WAIT * 2_u32.saturating_pow(doublings.min(10))).min(LONGEST_WAIT);
        store::delay_checks(tx.conn, &session.phone_key, tx.now + wait)?;
    }
    let timers = timers::of(tx, &session)?;
    Ok(Checked { proof: None, pending: Vec::new(), session, timers })
}

fn refused_by_number(tx: &mut Tx, session: Session) -> Result<Refusal, Refusal> {
    let timers = timers::of(tx, &session)?;
    Ok(match timers.number_check_at {
        None => Refusal::NumberLocked,
        Some(at) => Refusal::CheckLimited(at.wait_from(tx.now), Box::new((session, timers))),
    })
}

/// Rejects a session that is verified, expired or out of checks.
fn refuse_closed(tx: &mut Tx, session: &Session) -> Result<(), Refusal> {
    if session.verified_at.is_some() {
        return Err(Refusal::AlreadyVerified);
    }
    if session.expires_at <= tx.now {
        return Err(Refusal::Expired);
    }
    if session.checks >= tx.settings.verification.checks {
        return Err(exhausted(tx, session)?);
    }
    Ok(())
}

/// Nothing revives a used-up session, so the wait is the time until a new session can start.
fn exhausted(tx: &mut Tx, session: &Session) -> Result<Refusal, Refusal> {
    let at = rate_limits::next_at(tx, &session_budgets(tx, session))?;
    let timers = timers::of(tx, session)?;
    Ok(Refusal::ChecksExhausted(at.wait_from(tx.now), Box::new((session.clone(), timers))))
}

fn first_channel(tx: &Tx, to: Option<&Destination>, new: &NewSession) -> Result<Channel, Refusal> {
    // A practice may narrow the service's countries, but never widen them.
    let own = to.and_then(|to| to.practice.countries());
    let lists = [Some(&tx.settings.verification.countries), own.as_ref()];
    let is_served = |list: &Vec<String>| list.iter().any(|country| country == new.phone.region());
    if !lists.into_iter().flatten().all(is_served) {
        return Err(Refusal::CountryNotSupported);
    }
    match (new.channel, new.phone.can_text()) {
        (None | Some(Channel::Sms), true) => Ok(Channel::Sms),
        (None | Some(Channel::Voice), false) if new.phone.can_call() => Ok(Channel::Voice),
        // A number that takes texts is offered a call a minute after the SMS, not instead of it: calls are
        // what toll fraud earns most with.
        _ => Err(Refusal::ChannelUnavailable),
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
        channel: channel.as_str(),
        next_sms_at: session.can_text.then_some(wait),
        next_call_at: wait.max(session.next_call_at),
        epoch: if fresh { session.epoch } else { session.epoch + 1 },
        code_expires_at: match fresh {
            true => session.code_expires_at,
            false => (tx.now + tx.settings.verification.code_life()).min(session.expires_at),
        },
    }
}

fn message_budgets(tx: &Tx, number_key: &str, practice: Option<&PracticeId>, country: &str) -> Vec<Budget> {
    let mut budgets =
        vec![Budget::messages_to_number(tx, number_key), Budget::messages_to_country(tx, country)];
    budgets.extend(practice.map(|id| Budget::messages_of_practice(tx, id)));
    budgets
}

fn session_budgets(tx: &Tx, session: &Session) -> Vec<Budget> {
    message_budgets(tx, &session.phone_key, session.practice_id.as_ref(), &session.country)
}

/// Unlocks a number after the hard stop; only an operator decides this.
pub fn unlock_number(tx: &mut Tx, phone: &Phone) -> db::Result<bool> {
    Ok(store::reset_checks(tx.conn, &number_key(tx, phone), tx.now)? == 1)
}

/// Erases numbers from sessions that are a day old; the counts stay.
pub fn sweep(tx: &mut Tx) -> db::Result<usize> {
    store::forget_numbers(tx.conn, tx.now - NUMBER_KEPT)
}

/// Delivery status of a session's message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// The provider accepted the message.
    Sent,
    Delivered,
    /// The code expired before the message was sent.
    Late,
    /// The message could not be sent.
    Refused,
    /// The number cannot be reached by this channel; after an SMS, a call may follow at once.
    Unreachable,
    /// The provider reported toll fraud.
    Fraud,
}

/// Records the status of a session's `send`-th message, unless a later one was sent. The status never goes
/// back: a delivery receipt may arrive before the reply to the send is stored.
fn record_fate(tx: &mut Tx, id: &VerificationId, send: i32, fate: Fate) -> db::Result<()> {
    let (delivery, after): (&str, &[&str]) = match fate {
        Fate::Sent => ("sent", &["queued"]),
        Fate::Delivered => ("delivered", &["queued", "sent", "failed"]),
        Fate::Late | Fate::Refused | Fate::Unreachable | Fate::Fraud => ("failed", &["queued", "sent"]),
    };
    if store::set_delivery(tx.conn, id, send, delivery, after)? == 0 {
        return Ok(());
    }
    match fate {
        // A call is offered at once instead of after a minute.
        Fate::Refused => store::offer_call(tx.conn, id, tx.now),
        Fate::Unreachable => store::give_up_channel(tx.conn, id, tx.now),
        Fate::Fraud => {
            metrics::counter!("verification_fraud_total").increment(1);
            store::close_channels(tx.conn, id)
        }
        _ => Ok(()),
    }
}
