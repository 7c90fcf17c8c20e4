//! Password links: one-time links, e-mailed to invite staff members or to reset their password.
//!
//! The outbox row holds a random seed, and the token of the link is derived from it under a key that is not
//! in the database; the database stores only a hash of the token. The token follows the `#` of the link, so
//! it appears in no server log. A reset request reveals nothing about an address: an unknown address costs
//! the same statements, and its outbox row ends as `Unwanted`.

mod store;
mod topic;
mod mail_text;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use topic::PasswordLinkTopic;

use super::password::PasswordHasher;
use super::sign_in::throttle;
use super::{Error, Member, password, session, sign_in};
use crate::domain::events::EventKind;
use crate::domain::practices;
use crate::kit::{Email, Secret, StaffId, Timestamp};
use crate::platform::outbox::{self, Channel, Message};
use crate::platform::{Service, Tx, db};

/// Long enough for a new colleague who is on leave.
const INVITATION_LIFE: Duration = Duration::from_hours(7 * 24);
const RESET_LIFE: Duration = Duration::from_hours(1);
/// One address is sent at most one reset in this time, however often it is requested.
const RESET_PAUSE_SECONDS: i64 = 300;

crate::text_enum! {
    /// The purpose of a password link.
    pub enum Purpose {
        /// Lets a new staff member choose the first password.
        Invitation = "invitation",
        /// Lets a staff member replace a forgotten password.
        Reset = "reset",
    }
}

impl Purpose {
    fn life(self) -> Duration {
        match self {
            Self::Invitation => INVITATION_LIFE,
            Self::Reset => RESET_LIFE,
        }
    }
}

/// The payload of an outbox row.
#[derive(Serialize, Deserialize)]
struct Payload {
    /// The recipient's id; `None` if the address belongs to no account.
    staff: Option<StaffId>,
    purpose: Purpose,
    /// The random seed that the token is derived from.
    seed: String,
}

impl Payload {
    fn new(tx: &Tx, staff: Option<StaffId>, purpose: Purpose) -> Self {
        Self { staff, purpose, seed: URL_SAFE_NO_PAD.encode(tx.random::<32>()) }
    }

    fn token(&self, tx: &Tx) -> Secret {
        Secret::from_bytes("slt", &tx.keys.derive("staff-letter", &[self.seed.as_bytes()]))
    }

    fn message(&self, tx: &Tx, dedupe_key: String) -> Message {
        Message {
            topic: PasswordLinkTopic::NAME,
            priority: outbox::Priority::Letter,
            channel: Channel::Email,
            dedupe_key,
            recipient: None,
            payload: serde_json::to_value(self).unwrap_or_default(),
            due: None,
            not_after: Some(tx.now + self.purpose.life()),
        }
    }
}

/// Returns the URL of a password link.
pub fn url(tx: &Tx, token: &Secret) -> String {
    format!("{}/console/welcome#{}", tx.settings.public_url, token.expose())
}

/// E-mails an invitation; earlier password links stop working.
pub fn invite(tx: &mut Tx, member: &Member) -> db::Result<()> {
    let payload = Payload::new(tx, Some(member.id.clone()), Purpose::Invitation);
    let token = write(tx, member, &payload)?;
    outbox::enqueue(tx, &payload.message(tx, format!("staff-letter:{}", token.hash()))).map(drop)
}

/// Creates an invitation that the operator hands over, and returns its token.
pub fn invitation(tx: &mut Tx, member: &Member) -> db::Result<Secret> {
    write(tx, member, &Payload::new(tx, Some(member.id.clone()), Purpose::Invitation))
}

fn write(tx: &mut Tx, member: &Member, payload: &Payload) -> db::Result<Secret> {
    store::use_all(tx.conn, &member.id, tx.now)?;
    let token = payload.token(tx);
    let ends = tx.now + payload.purpose.life();
    store::insert(tx.conn, &token.hash(), &member.id, payload.purpose, tx.now, ends)?;
    Ok(token)
}

/// E-mails a reset link if the address belongs to an active account.
pub fn request_reset(tx: &mut Tx, email: &Email, network: &str) -> Result<(), Error> {
    let counts = throttle::lock(tx, throttle::links_from(tx, network))?;
    if let Some(wait) = counts.wait(tx.now) {
        return Err(Error::Limited(wait));
    }
    counts.fail(tx)?;
    let member = super::store::find_by_email(tx.conn, email)?.filter(Member::is_active);
    let payload = Payload::new(tx, member.as_ref().map(|member| member.id.clone()), Purpose::Reset);
    let span = tx.now.seconds().div_euclid(RESET_PAUSE_SECONDS);
    let key = format!("staff-reset:{}:{span}", tx.keys.blind("staff-reset", email.as_str()));
    if !outbox::enqueue(tx, &payload.message(tx, key))? {
        return Ok(());
    }
    let (token, ends) = (payload.token(tx), tx.now + RESET_LIFE);
    match member {
        Some(member) => {
            store::insert(tx.conn, &token.hash(), &member.id, Purpose::Reset, tx.now, ends)?;
            note(tx, &member, EventKind::StaffResetRequested, Purpose::Reset);
        }
        // As many statements as for a known address.
        None => {
            throttle::stand_in(tx, &token.hash())?;
        }
    }
    Ok(())
}

/// A hashed password that was chosen through a link, with the link's token.
pub struct ChosenPassword {
    token: Secret,
    hash: String,
}

/// Checks a chosen password: reads the account of the link, then hashes outside of any transaction.
pub async fn choose(
    service: &Service,
    hasher: &PasswordHasher,
    token: Secret,
    chosen: &Secret,
) -> Result<ChosenPassword, Error> {
    let hash = token.hash();
    let found = service.read(move |tx| -> Result<_, Error> {
        let id = store::find_live(tx.conn, &hash, tx.now)?.ok_or(Error::PasswordLinkExpired)?;
        let member = super::store::find_active(tx.conn, &id)?.ok_or(Error::PasswordLinkExpired)?;
        let practice = practices::find(tx, &member.practice_id)?.ok_or(Error::PasswordLinkExpired)?;
        let email = Email::parse(&member.email).ok_or(Error::PasswordLinkExpired)?;
        Ok((email, practice.name))
    });
    let (email, practice_name) = found.await?;
    password::check(chosen, &email, &practice_name)?;
    let hash = hasher.hash(chosen, service.random()).await?;
    Ok(ChosenPassword { token, hash })
}

/// Sets the password, and ends every session of its owner.
pub fn set_password(tx: &mut Tx, chosen: &ChosenPassword) -> Result<Member, Error> {
    let taken = store::take(tx.conn, &chosen.token.hash(), tx.now)?;
    let (id, purpose) = taken.ok_or(Error::PasswordLinkExpired)?;
    let member = super::store::find_active(tx.conn, &id)?.ok_or(Error::PasswordLinkExpired)?;
    if let Some(email) = Email::parse(&member.email) {
        throttle::pardon(tx, &email)?;
    }
    if !super::store::set_password(tx.conn, &id, &chosen.hash, tx.now)? {
        return Err(Error::PasswordLinkExpired);
    }
    store::use_all(tx.conn, &id, tx.now)?;
    sign_in::end_challenges(tx, &id)?;
    session::end_all(tx, &id)?;
    note(tx, &member, EventKind::StaffPasswordSet, purpose);
    Ok(member)
}

fn note(tx: &mut Tx, member: &Member, kind: EventKind, purpose: Purpose) {
    tx.emit(Some(&member.practice_id), &member.id, kind, &member.id, json!({ "by": purpose }));
}

/// Returns whether a staff member was sent a link after `since` that is still unused.
pub fn was_created_since(tx: &mut Tx, staff_id: &StaffId, since: Timestamp) -> db::Result<bool> {
    store::has_since(tx.conn, staff_id, since)
}

/// Invalidates all password links of a staff member.
pub fn end_all(tx: &mut Tx, staff_id: &StaffId) -> db::Result<()> {
    store::use_all(tx.conn, staff_id, tx.now).map(drop)
}

/// Deletes password links after they expire.
pub fn sweep(tx: &mut Tx) -> db::Result<()> {
    store::delete_expired(tx.conn, tx.now).map(drop)
}
