//! Patient accounts: the holders of one proven number each, and their sign-ins.
//!
//! An account comes into being with its patient, its pairing, its conversation and its first session, in one
//! transaction, out of one phone proof. The proof is consumed there; a second call with it finds what the
//! first one made and answers the same, so that a lost reply costs nothing. It finds the same sign-in too, and
//! nothing once that has ended: a proof opens one.

pub mod email;
pub mod http;
mod number;
mod pairing;
mod people;
mod store;
mod token;

use std::time::Duration;

use serde_json::json;

pub use number::{NumberTopic, change_number};
pub use pairing::{Follow, pair};
pub use people::{PersonChange, add_patient, change_patient, patient, patients};
pub use store::{Account, Patient};
pub use token::AccessToken;

use crate::app::Ctx;
use crate::audit;
use crate::conversations::{self, Ending, Paired, Sight};
use crate::db::{self, Conn};
use crate::deferred::{self, Follower, Lead, Way};
use crate::invites::{self, Holder};
use crate::kit::{Email, Phone, Secret, Timestamp, Wait};
use crate::verification::{self, Made};

/// An unused refresh token dies after this long.
const REFRESH_LIFE: Duration = Duration::from_hours(90 * 24);

/// Why something about an account was refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The link token or the pairing that waited leads nowhere.
    #[error(transparent)]
    Lead(#[from] deferred::Refusal),
    /// The proof is no good.
    #[error(transparent)]
    Proof(#[from] verification::Refusal),
    /// The number has an account; the proof stays good for signing in.
    #[error("account exists")]
    AccountExists,
    /// The number has no account; the proof stays good for signing up.
    #[error("account not found")]
    AccountNotFound,
    /// The proof was turned into something else already.
    #[error("phone proof consumed")]
    ProofConsumed,
    /// No access token, or one that is not good (any more).
    #[error("unauthorized")]
    Unauthorized,
    /// No such refresh token.
    #[error("refresh token invalid")]
    RefreshInvalid,
    /// The refresh token was used before: its whole family is revoked.
    #[error("refresh token reused")]
    RefreshReused,
    /// A restricted sign-in may not do this.
    #[error("session restricted")]
    Restricted,
    /// This sign-in sees everything already.
    #[error("session not restricted")]
    Unrestricted,
    /// The account has no proven e-mail address.
    #[error("email unproven")]
    EmailUnproven,
    /// The practice cannot be paired with.
    #[error(transparent)]
    Pairing(#[from] conversations::Refusal),
    /// That is no e-mail address.
    #[error("email invalid")]
    EmailInvalid,
    /// Too many mails; after the wait another one goes out.
    #[error("mail limited")]
    MailLimited(Wait),
    /// The code's half hour is over, or its tries are.
    #[error("email code expired")]
    EmailCodeExpired,
    /// No such patient on this account.
    #[error("patient not found")]
    PatientNotFound,
    /// The keys cannot sign.
    #[error("keys missing")]
    KeysMissing,
    /// The database gave no answer.
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// What a sign-up is made of.
pub struct SignUp {
    /// The proof of the number.
    pub proof: Secret,
    /// What led here.
    pub lead: Lead,
    /// The first person on the account.
    pub person: Person,
    /// The account's e-mail address, unproven.
    pub email: Option<Email>,
}

/// What a person is to the holder of the account, who writes for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PatientRelation)]
pub enum Relation {
    /// The holder.
    #[serde(rename = "self")]
    Itself,
    /// A son or daughter.
    Child,
    /// A father or mother.
    Parent,
    /// A husband, wife or partner.
    Partner,
    /// Somebody whose guardian the holder is.
    Ward,
    /// Somebody else.
    Other,
}

impl Relation {
    /// The word that the API and the database use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Itself => "self",
            Self::Child => "child",
            Self::Parent => "parent",
            Self::Partner => "partner",
            Self::Ward => "ward",
            Self::Other => "other",
        }
    }
}

/// A person's details.
pub struct Person {
    /// Given name.
    pub given_name: String,
    /// Family name.
    pub family_name: String,
    /// Birth date, ISO 8601.
    pub birth_date: Option<String>,
    /// What they are to the holder of the account.
    pub relation: Relation,
}

impl Person {
    /// A person as typed: what stands around the names is not part of them.
    pub fn new(given_name: &str, family_name: &str, birth_date: Option<String>) -> Self {
        Self {
            given_name: given_name.trim().to_owned(),
            family_name: family_name.trim().to_owned(),
            birth_date,
            relation: Relation::Itself,
        }
    }

    /// The same person, who is that to the holder of the account.
    #[must_use]
    pub fn as_relation(mut self, relation: Relation) -> Self {
        self.relation = relation;
        self
    }
}

/// What a sign-in yields.
pub struct Tokens {
    /// A JWT for 15 minutes.
    pub access: AccessToken,
    /// Opaque, for one use.
    pub refresh: Secret,
    /// `full` or `restricted`.
    pub scope: Scope,
}

/// How much of the account a sign-in sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Everything.
    Full,
    /// Only what this sign-in itself makes.
    Restricted,
}

impl Scope {
    /// The word that the API and the database use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Restricted => "restricted",
        }
    }
}

/// Everything that a sign-up makes.
pub struct SignedUp {
    /// The account.
    pub account: Account,
    /// Its first patient.
    pub patient: Patient,
    /// The pairing and its conversation.
    pub paired: Paired,
    /// The first sign-in.
    pub tokens: Tokens,
}

/// What became of a sign-up. That an invite cannot be accepted (yet) is an outcome, not an error: what was learnt of
/// the invite must stay, and the proof is not spent.
pub enum SigningUp {
    /// Everything was made.
    Done(Box<SignedUp>),
    /// Nothing was; the proof stays good.
    Refused(invites::Refusal),
}

/// Makes account, patient, pairing, conversation and session out of a proof.
pub fn sign_up(ctx: &Ctx, conn: &mut Conn, new: &SignUp) -> Result<SigningUp, Refusal> {
    if let Lead::Invite(token) = &new.lead
        && let Some(phone) = verification::peek(ctx, conn, &new.proof)?
    {
        let who = Holder { phone: &phone, account_id: None, email: None };
        if let Err(refused) = invites::examine(ctx, conn, token, &who)? {
            return Ok(SigningUp::Refused(refused));
        }
    }
    Ok(SigningUp::Done(Box::new(make(ctx, conn, new)?)))
}

fn make(ctx: &Ctx, conn: &mut Conn, new: &SignUp) -> Result<SignedUp, Refusal> {
    let proven = verification::consume_proof(ctx, conn, &new.proof)?;
    if let Some(made) = &proven.made {
        return repeat(ctx, conn, made);
    }
    let follower = Follower { account_id: &ctx.id("acc"), phone: &proven.phone, email: None };
    let way = deferred::follow(ctx, conn, &new.lead, &follower)?;
    let account =
        store::insert_account(conn, follower.account_id, &proven.phone, &address(new, &way), ctx.now)?
            .ok_or(Refusal::AccountExists)?;
    let session_id = open_session(ctx, conn, &account.id, Scope::Full)?;
    let patient =
        store::insert_patient(conn, &ctx.id("pat"), &account.id, &session_id, &new.person, ctx.now)?;
    let tokens = issue(ctx, conn, &account.id, &session_id, Scope::Full)?;
    audit::record(
        ctx,
        conn,
        &audit::Event {
            practice_id: Some(&way.to.practice.id),
            actor: &account.id,
            action: "account.created",
            subject: &account.id,
            detail: json!({ "patient": patient.id }),
        },
    )?;
    let pairing = Follow {
        account_id: &account.id,
        patient: &patient,
        session_id: &session_id,
        way: &way,
        phone: &proven.phone,
    };
    let paired = pairing::pair(ctx, conn, &pairing)?;
    let made = Made {
        account_id: account.id.clone(),
        pairing_id: Some(paired.pairing.id.clone()),
        session_id: Some(session_id),
    };
    verification::record_made(conn, &proven, &made)?;
    Ok(SignedUp { account, patient, paired, tokens })
}

/// The account's address: as given, or the one that was proven for the invite that led here. Who gives that same one
/// need not prove it twice.
fn address(new: &SignUp, way: &Way) -> store::Address {
    let invited = way.invite.as_ref().and_then(|invite| Some((invite.email()?, invite.email_proven_at)));
    match (&new.email, invited) {
        (Some(given), Some((email, proven_at))) if *given == email => {
            store::Address { email: Some(email), proven_at }
        }
        (Some(given), _) => store::Address { email: Some(given.clone()), proven_at: None },
        (None, Some((email, proven_at))) => store::Address { email: Some(email), proven_at },
        (None, None) => store::Address { email: None, proven_at: None },
    }
}

/// The answer to a sign-up whose first answer was lost: the same things, with fresh tokens.
fn repeat(ctx: &Ctx, conn: &mut Conn, made: &Made) -> Result<SignedUp, Refusal> {
    let pairing_id = made.pairing_id.as_deref().ok_or(Refusal::ProofConsumed)?;
    let account = store::find_account(conn, &made.account_id)?.ok_or(Refusal::ProofConsumed)?;
    let paired = conversations::paired(conn, pairing_id, false)?;
    let patient = store::find_patient(conn, &account.id, &paired.conversation.patient.id)?;
    let patient = patient.ok_or(Refusal::PatientNotFound)?;
    let tokens = issue_again(ctx, conn, made)?;
    Ok(SignedUp { account, patient, paired, tokens })
}

/// Signs in on a new device. A proven number never reopens somebody's messages, since numbers are recycled:
/// the session is restricted, and the older device and the practices are told.
pub fn sign_in(ctx: &Ctx, conn: &mut Conn, proof: &Secret) -> Result<(Account, Tokens), Refusal> {
    let proven = verification::consume_proof(ctx, conn, proof)?;
    let account = match &proven.made {
        Some(made) if made.pairing_id.is_some() => return Err(Refusal::ProofConsumed),
        Some(made) => store::find_account(conn, &made.account_id)?,
        None => store::find_by_phone(conn, &proven.phone)?,
    };
    let account = account.ok_or(Refusal::AccountNotFound)?;
    if !store::hold_account(conn, &account.id)? {
        return Err(Refusal::AccountNotFound);
    }
    if let Some(made) = &proven.made {
        let tokens = issue_again(ctx, conn, made)?;
        return Ok((account, tokens));
    }
    // While this waited for the account, it may have moved to another number.
    if store::find_by_phone(conn, &proven.phone)?.is_none_or(|found| found.id != account.id) {
        return Err(Refusal::AccountNotFound);
    }
    let session_id = open_session(ctx, conn, &account.id, Scope::Restricted)?;
    let tokens = issue(ctx, conn, &account.id, &session_id, Scope::Restricted)?;
    let made =
        Made { account_id: account.id.clone(), pairing_id: None, session_id: Some(session_id.clone()) };
    verification::record_made(conn, &proven, &made)?;
    conversations::announce_new_device(ctx, conn, &account.id, &session_id)?;
    audit::record(
        ctx,
        conn,
        &audit::Event {
            practice_id: None,
            actor: &account.id,
            action: "session.created",
            subject: &session_id,
            detail: json!({ "scope": Scope::Restricted }),
        },
    )?;
    Ok((account, tokens))
}

/// Fresh tokens of the sign-in that a proof opened, where that still lives.
fn issue_again(ctx: &Ctx, conn: &mut Conn, made: &Made) -> Result<Tokens, Refusal> {
    let session_id = made.session_id.as_deref().ok_or(Refusal::ProofConsumed)?;
    let session = store::live_session(conn, session_id)?.ok_or(Refusal::ProofConsumed)?;
    issue(ctx, conn, &session.account_id, session_id, session.scope())
}

/// What became of a refresh token. Reuse is an outcome, not an error: an error would roll the revocation back.
pub enum Refreshed {
    /// Fresh tokens.
    Tokens(Tokens),
    /// It was used before; its family is revoked now.
    Reused,
}

/// Turns a refresh token into fresh tokens, once.
pub fn refresh(ctx: &Ctx, conn: &mut Conn, refresh: &Secret) -> Result<Refreshed, Refusal> {
    let hash = refresh.hash();
    let Some(session_id) = store::use_refresh_token(conn, &hash, ctx.now)? else {
        let session_id = store::used_refresh_token(conn, &hash)?.ok_or(Refusal::RefreshInvalid)?;
        store::revoke_session(conn, &session_id, ctx.now)?;
        return Ok(Refreshed::Reused);
    };
    let session = store::live_session(conn, &session_id)?.ok_or(Refusal::RefreshInvalid)?;
    let tokens = issue(ctx, conn, &session.account_id, &session_id, session.scope())?;
    Ok(Refreshed::Tokens(tokens))
}

/// Who is asking, by an access token whose session still lives.
pub struct Principal {
    /// The account.
    pub account_id: String,
    /// The sign-in.
    pub session_id: String,
    /// What it sees.
    pub scope: Scope,
    /// When it began.
    pub since: Timestamp,
}

impl Principal {
    /// Which pairings this sign-in may see.
    pub fn sight(&self) -> Sight<'_> {
        match self.scope {
            Scope::Full => Sight::Confirmed,
            Scope::Restricted => Sight::Restricted { session: &self.session_id, since: self.since },
        }
    }
}

/// The holder of `token`. The session is looked up, so that a sign-out holds at once and not in 15 minutes.
pub fn authenticate(ctx: &Ctx, conn: &mut Conn, token: Option<&Secret>) -> Result<Principal, Refusal> {
    let token = token.ok_or(Refusal::Unauthorized)?;
    let (account_id, session_id) = token::verify(ctx, token).ok_or(Refusal::Unauthorized)?;
    let session = store::live_session(conn, &session_id)?.ok_or(Refusal::Unauthorized)?;
    if session.account_id != account_id {
        return Err(Refusal::Unauthorized);
    }
    Ok(Principal { scope: session.scope(), since: session.created_at, account_id, session_id })
}

/// [`authenticate`] for a call that changes something: the account is held, and living, until it is done.
pub fn authenticate_to_change(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
) -> Result<Principal, Refusal> {
    let who = authenticate(ctx, conn, token)?;
    match store::hold_account(conn, &who.account_id)? {
        // Looked up again, since the sign-in may have ended while this waited for the account.
        true => authenticate(ctx, conn, token),
        false => Err(Refusal::Unauthorized),
    }
}

/// Ends the sign-in.
pub fn sign_out(ctx: &Ctx, conn: &mut Conn, who: &Principal) -> db::Result<()> {
    store::revoke_session(conn, &who.session_id, ctx.now)
}

/// The account itself.
pub fn account(conn: &mut Conn, id: &str) -> Result<Account, Refusal> {
    store::find_account(conn, id)?.ok_or(Refusal::Unauthorized)
}

/// Deletes an account: every pairing ends, every session too, and number, e-mail and birth dates are
/// forgotten. The names stay in the closed conversations, which are the practice's medical record by then.
pub fn delete(ctx: &Ctx, conn: &mut Conn, who: &Principal) -> Result<(), Refusal> {
    if who.scope == Scope::Restricted {
        return Err(Refusal::Restricted);
    }
    for paired in conversations::list(conn, &who.account_id, Sight::All, "", i64::MAX)? {
        let whole = (Sight::All, paired.pairing.id.as_str());
        conversations::end(ctx, conn, &who.account_id, whole, Ending::Left)?;
    }
    store::revoke_all_sessions(conn, &who.account_id, ctx.now)?;
    store::forget_account(conn, &who.account_id, ctx.now)?;
    email::forget(conn, &who.account_id)?;
    invites::forget_account(conn, &who.account_id)?;
    audit::record(
        ctx,
        conn,
        &audit::Event {
            practice_id: None,
            actor: &who.account_id,
            action: "account.deleted",
            subject: &who.account_id,
            detail: json!({}),
        },
    )?;
    Ok(())
}

fn open_session(ctx: &Ctx, conn: &mut Conn, account_id: &str, scope: Scope) -> db::Result<String> {
    let id = ctx.id("ses");
    store::insert_session(conn, &id, account_id, scope, ctx.now)?;
    Ok(id)
}

fn issue(
    ctx: &Ctx,
    conn: &mut Conn,
    account_id: &str,
    session_id: &str,
    scope: Scope,
) -> Result<Tokens, Refusal> {
    let refresh = ctx.secret("rt");
    store::insert_refresh_token(conn, &refresh.hash(), session_id, ctx.now, ctx.now + REFRESH_LIFE)?;
    let access = token::sign(ctx, account_id, session_id, scope).ok_or(Refusal::KeysMissing)?;
    Ok(Tokens { access, refresh, scope })
}

/// The number of an account as its owner sees it.
pub fn own_phone(account: &Account) -> Option<Phone> {
    account.phone.as_deref().and_then(|phone| Phone::from_stored(phone).ok())
}
