//! Letters: e-mails whose link lets somebody choose a password, once. An invitation, or a reset.
//!
//! The outbox row holds a random number, and the link's token is made of it under a key that is not in the
//! database; of the token the database has a hash. The token stands behind the `#` of the link, so that it is in
//! no server's log. Whoever asks for a reset learns nothing: a stranger's address costs the same statements, and
//! its row ends as a letter that nobody wants.

mod store;
mod topic;
mod words;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use topic::LetterTopic;

use super::sign_in::throttle;
use super::{Member, Refusal, password, session, sign_in};
use crate::app::{App, Ctx};
use crate::audit::{self, Event};
use crate::db::{self, Conn};
use crate::kit::{Email, Secret, Timestamp};
use crate::outbox::{self, Channel, Message};
use crate::practices;

/// An invitation waits for somebody who is on leave.
const INVITATION_LIFE: Duration = Duration::from_hours(7 * 24);
const RESET_LIFE: Duration = Duration::from_hours(1);
/// One address is sent one reset in this time, however often it is asked for.
const RESET_PAUSE_SECONDS: i64 = 300;

/// What a letter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The first password.
    Invitation,
    /// Another one.
    Reset,
}

impl Purpose {
    /// The word that the database uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Reset => "reset",
        }
    }

    fn life(self) -> Duration {
        match self {
            Self::Invitation => INVITATION_LIFE,
            Self::Reset => RESET_LIFE,
        }
    }
}

/// What an outbox row knows.
#[derive(Serialize, Deserialize)]
struct Payload {
    /// Who is written to; nobody where a stranger's address was given.
    staff: Option<String>,
    purpose: Purpose,
    /// What the token is made of.
    seed: String,
}

impl Payload {
    fn new(ctx: &Ctx, staff: Option<String>, purpose: Purpose) -> Self {
        Self { staff, purpose, seed: URL_SAFE_NO_PAD.encode(ctx.random::<32>()) }
    }

    fn token(&self, ctx: &Ctx) -> Secret {
        Secret::from_bytes("slt", &ctx.keys.derive("staff-letter", &[self.seed.as_bytes()]))
    }

    fn message(&self, ctx: &Ctx, dedupe_key: String) -> Message {
        Message {
            topic: LetterTopic::NAME,
            channel: Channel::Email,
            dedupe_key,
            recipient: None,
            payload: serde_json::to_value(self).unwrap_or_default(),
            due: None,
            not_after: Some(ctx.now + self.purpose.life()),
        }
    }
}

/// Where a letter leads.
pub fn url(ctx: &Ctx, token: &Secret) -> String {
    format!("{}/console/welcome#{}", ctx.config.public_url, token.expose())
}

/// Mails an invitation; earlier letters are worth nothing from then on.
pub fn invite(ctx: &Ctx, conn: &mut Conn, member: &Member) -> db::Result<()> {
    let payload = Payload::new(ctx, Some(member.id.clone()), Purpose::Invitation);
    let token = write(ctx, conn, member, &payload)?;
    outbox::enqueue(ctx, conn, &payload.message(ctx, format!("staff-letter:{}", token.hash()))).map(drop)
}

/// An invitation that the operator hands over: its token.
pub fn invitation(ctx: &Ctx, conn: &mut Conn, member: &Member) -> db::Result<Secret> {
    write(ctx, conn, member, &Payload::new(ctx, Some(member.id.clone()), Purpose::Invitation))
}

fn write(ctx: &Ctx, conn: &mut Conn, member: &Member, payload: &Payload) -> db::Result<Secret> {
    store::use_all(conn, &member.id, ctx.now)?;
    let token = payload.token(ctx);
    let ends = ctx.now + payload.purpose.life();
    store::insert(conn, &token.hash(), &member.id, payload.purpose, ctx.now, ends)?;
    Ok(token)
}

/// Mails a reset to an address that somebody signs in with, and to nobody else.
pub fn ask_reset(ctx: &Ctx, conn: &mut Conn, email: &Email, network: &str) -> Result<(), Refusal> {
    let held = throttle::hold(conn, throttle::letters_from(ctx, network))?;
    if let Some(wait) = held.wait(ctx.now) {
        return Err(Refusal::Limited(wait));
    }
    held.fail(ctx, conn)?;
    let member = super::store::find_by_email(conn, email)?.filter(Member::is_active);
    let payload = Payload::new(ctx, member.as_ref().map(|member| member.id.clone()), Purpose::Reset);
    let span = ctx.now.seconds().div_euclid(RESET_PAUSE_SECONDS);
    let key = format!("staff-reset:{}:{span}", ctx.keys.blind("staff-reset", email.as_str()));
    if !outbox::enqueue(ctx, conn, &payload.message(ctx, key))? {
        return Ok(());
    }
    let (token, ends) = (payload.token(ctx), ctx.now + RESET_LIFE);
    match member {
        Some(member) => {
            store::insert(conn, &token.hash(), &member.id, Purpose::Reset, ctx.now, ends)?;
            note(ctx, conn, &member, "staff.reset_requested", Purpose::Reset.as_str())?;
        }
        // As many statements as for one of ours.
        None => {
            throttle::stand_in(ctx, conn, &token.hash())?;
        }
    }
    Ok(())
}

/// A password that somebody chose by a letter, hashed.
pub struct Chosen {
    token: Secret,
    hash: String,
}

/// Looks at a password that somebody wants: reads whose it will be, then does the work outside of any transaction.
pub async fn choose(app: &App, token: Secret, chosen: &Secret) -> Result<Chosen, Refusal> {
    let hash = token.hash();
    let found = app.read(move |ctx, conn| {
        let id = store::find_live(conn, &hash, ctx.now)?.ok_or(Refusal::LetterExpired)?;
        let member = super::store::find_active(conn, &id)?.ok_or(Refusal::LetterExpired)?;
        let practice = practices::find(conn, &member.practice_id)?.ok_or(Refusal::LetterExpired)?;
        let email = Email::parse(&member.email).ok_or(Refusal::LetterExpired)?;
        Ok::<_, Refusal>((email, practice.name))
    });
    let (email, practice_name) = found.await?;
    password::check(chosen, &email, &practice_name)?;
    let hash = app.vault.hash(chosen, app.ctx().random()).await?;
    Ok(Chosen { token, hash })
}

/// Sets the password, and ends every sign-in of its owner.
pub fn set_password(ctx: &Ctx, conn: &mut Conn, chosen: &Chosen) -> Result<Member, Refusal> {
    let taken = store::take(conn, &chosen.token.hash(), ctx.now)?;
    let (id, purpose) = taken.ok_or(Refusal::LetterExpired)?;
    let member = super::store::find_active(conn, &id)?.ok_or(Refusal::LetterExpired)?;
    if let Some(email) = Email::parse(&member.email) {
        throttle::pardon(ctx, conn, &email)?;
    }
    if !super::store::set_password(conn, &id, &chosen.hash, ctx.now)? {
        return Err(Refusal::LetterExpired);
    }
    store::use_all(conn, &id, ctx.now)?;
    sign_in::end_challenges(ctx, conn, &id)?;
    session::end_all(ctx, conn, &id)?;
    note(ctx, conn, &member, "staff.password_set", &purpose)?;
    Ok(member)
}

fn note(ctx: &Ctx, conn: &mut Conn, member: &Member, action: &str, purpose: &str) -> db::Result<()> {
    let practice_id = Some(member.practice_id.as_str());
    let detail = json!({ "by": purpose });
    audit::record(ctx, conn, &Event { practice_id, actor: &member.id, action, subject: &member.id, detail })
}

/// Whether a letter was written to a staff member after `since`, and is still good.
pub fn was_written(conn: &mut Conn, staff_id: &str, since: Timestamp) -> db::Result<bool> {
    store::has_since(conn, staff_id, since)
}

/// Makes the letters of a staff member worthless.
pub fn end_all(ctx: &Ctx, conn: &mut Conn, staff_id: &str) -> db::Result<()> {
    store::use_all(conn, staff_id, ctx.now).map(drop)
}

/// Forgets what is over.
pub fn sweep(ctx: &Ctx, conn: &mut Conn) -> db::Result<()> {
    store::delete_expired(conn, ctx.now).map(drop)
}
