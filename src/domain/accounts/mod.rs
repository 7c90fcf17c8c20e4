//! Patient accounts: each belongs to the holder of one proven phone number, and has sessions.
//!
//! Sign-up creates the account with its patient, pairing, conversation and first session in one
//! transaction, out of one phone proof. The proof is consumed there. A retry with the same proof finds what
//! the first call created and returns the same, so that a lost reply costs nothing. It also finds the same
//! session, and fails once that has ended: a proof opens only one session.

pub mod email;
pub mod number;
pub mod pairing;
pub mod people;
pub mod store;
pub mod token;

use std::time::Duration;

use serde_json::json;

pub use number::{NumberTopic, change_number};
pub use pairing::{Follow, pair};
pub use people::{PersonChange, add_patient, change_patient, patient, patients};
pub use store::{Account, Patient};
pub use token::AccessToken;

use crate::domain::conversations::{self, Ending, Paired, Sight};
use crate::domain::invites::{self, Holder};
use crate::domain::pending_pairings::{self, Follower, Lead, Way};
use crate::domain::verification::{self, Made};
use crate::kit::ids::{AccountId, PatientId, SessionId};
use crate::kit::{Email, Phone, Secret, Timestamp, Wait};
use crate::platform::audit;
use crate::platform::db::{self};
use crate::platform::tx::Tx;

/// An unused refresh token expires after this long.
const REFRESH_LIFE: Duration = Duration::from_hours(90 * 24);

/// Errors of account operations.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The link token, pending pairing or invite cannot be resolved.
    #[error(transparent)]
    Lead(#[from] pending_pairings::Refusal),
    #[error(transparent)]
    Proof(#[from] verification::Refusal),
    /// The number already has an account; the proof stays valid for signing in.
    #[error("account exists")]
    AccountExists,
    /// The number has no account; the proof stays valid for signing up.
    #[error("account not found")]
    AccountNotFound,
    /// The proof was already used for something else.
    #[error("phone proof consumed")]
    ProofConsumed,
    /// The access token is missing, invalid or expired, or its session has ended.
    #[error("unauthorized")]
    Unauthorized,
    #[error("refresh token invalid")]
    RefreshInvalid,
    /// The refresh token was used before: its whole token family is revoked.
    #[error("refresh token reused")]
    RefreshReused,
    /// A restricted session may not do this.
    #[error("session restricted")]
    Restricted,
    /// The session already has full access.
    #[error("session not restricted")]
    Unrestricted,
    #[error("email unproven")]
    EmailUnproven,
    /// The practice refuses the pairing because it blocked the patient.
    #[error(transparent)]
    Pairing(#[from] conversations::Refusal),
    #[error("email invalid")]
    EmailInvalid,
    /// Too many e-mails; the wait says when the next one may be sent.
    #[error("mail limited")]
    MailLimited(Wait),
    /// The code's 30 minutes are over, or its tries are used up.
    #[error("email code expired")]
    EmailCodeExpired,
    /// The account has no such patient that this session may see.
    #[error("patient not found")]
    PatientNotFound,
    #[error("keys missing")]
    KeysMissing,
    #[error(transparent)]
    Db(#[from] db::Error),
}

pub struct SignUp {
    pub proof: Secret,
    /// The link token, pending pairing or invite that the patient came with.
    pub lead: Lead,
    /// The first patient of the account.
    pub person: Person,
    /// The e-mail address as typed, not proven yet.
    pub email: Option<Email>,
}

/// Relation of a patient to the account holder, who writes for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PatientRelation)]
pub enum Relation {
    /// The patient is the account holder.
    #[serde(rename = "self")]
    Itself,
    /// A son or daughter of the account holder.
    Child,
    /// The father or mother of the account holder.
    Parent,
    /// The husband, wife or partner of the account holder.
    Partner,
    /// A ward, whose guardian the account holder is.
    Ward,
    /// Any other person that the account holder writes for.
    Other,
}

impl Relation {
    /// The value in the API and the database.
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

pub struct Person {
    pub given_name: String,
    pub family_name: String,
    /// ISO 8601 date, for example `1987-05-31`.
    pub birth_date: Option<String>,
    pub relation: Relation,
}

impl Person {
    /// Trims white space around the names. The relation is `self` until [`Person::as_relation`] sets it.
    pub fn new(given_name: &str, family_name: &str, birth_date: Option<String>) -> Self {
        Self {
            given_name: given_name.trim().to_owned(),
            family_name: family_name.trim().to_owned(),
            birth_date,
            relation: Relation::Itself,
        }
    }

    /// The same person with another relation to the account holder.
    #[must_use]
    pub fn as_relation(mut self, relation: Relation) -> Self {
        self.relation = relation;
        self
    }
}

/// The tokens of a new or refreshed session.
pub struct Tokens {
    /// A JWT, valid for 15 minutes.
    pub access: AccessToken,
    /// Opaque; can be used once.
    pub refresh: Secret,
    pub scope: Scope,
}

/// Access scope of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// The session sees everything on the account.
    Full,
    /// The session sees only what it created, and conversations whose practice has spoken
    /// to the patient since.
    Restricted,
}

impl Scope {
    /// The value in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Restricted => "restricted",
        }
    }
}

/// Everything that a sign-up creates.
pub struct SignedUp {
    pub account: Account,
    pub patient: Patient,
    pub paired: Paired,
    pub tokens: Tokens,
}

/// Outcome of a sign-up. An invite that cannot be accepted (yet) is an outcome, not an error: what was
/// learned about the invite must be committed, and the proof is not consumed.
pub enum SigningUp {
    Done(Box<SignedUp>),
    /// Nothing was created; the proof stays valid.
    Refused(invites::Refusal),
}

/// Creates account, patient, pairing, conversation and session out of a phone proof.
pub fn sign_up(tx: &mut Tx, new: &SignUp) -> Result<SigningUp, Refusal> {
    if let Lead::Invite(token) = &new.lead
        && let Some(phone) = verification::peek(tx, &new.proof)?
    {
        let who = Holder { phone: &phone, account_id: None, email: None };
        if let Err(refused) = invites::examine(tx, token, &who)? {
            return Ok(SigningUp::Refused(refused));
        }
    }
    Ok(SigningUp::Done(Box::new(make(tx, new)?)))
}

fn make(tx: &mut Tx, new: &SignUp) -> Result<SignedUp, Refusal> {
    let proven = verification::consume_proof(tx, &new.proof)?;
    if let Some(made) = &proven.made {
        return repeat(tx, made);
    }
    let follower = Follower { account_id: &tx.id::<AccountId>(), phone: &proven.phone, email: None };
    let way = pending_pairings::follow(tx, &new.lead, &follower)?;
    let account =
        store::insert_account(tx.conn, follower.account_id, &proven.phone, &address(new, &way), tx.now)?
            .ok_or(Refusal::AccountExists)?;
    let session_id = open_session(tx, &account.id, Scope::Full)?;
    let id = tx.id::<PatientId>();
    let patient = store::insert_patient(tx.conn, &id, &account.id, &session_id, &new.person, tx.now)?;
    let tokens = issue(tx, &account.id, &session_id, Scope::Full)?;
    tx.audit(&audit::Event {
        practice_id: Some(&way.to.practice.id),
        actor: account.id.as_str(),
        action: "account.created",
        subject: account.id.as_str(),
        detail: json!({ "patient": patient.id }),
    })?;
    let pairing = Follow {
        account_id: &account.id,
        patient: &patient,
        session_id: &session_id,
        way: &way,
        phone: &proven.phone,
    };
    let paired = pairing::pair(tx, &pairing)?;
    let made = Made {
        account_id: account.id.clone(),
        pairing_id: Some(paired.pairing.id.clone()),
        session_id: Some(session_id),
    };
    verification::record_made(tx, &proven, &made)?;
    Ok(SignedUp { account, patient, paired, tokens })
}

/// The account's e-mail address: as given, or the one that was proven for the invite. An address that
/// equals the invite's need not be proven twice.
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

/// Replies to a retry whose first reply was lost: the same objects, with fresh tokens.
fn repeat(tx: &mut Tx, made: &Made) -> Result<SignedUp, Refusal> {
    let pairing_id = made.pairing_id.as_ref().ok_or(Refusal::ProofConsumed)?;
    let account = store::find_account(tx.conn, &made.account_id)?.ok_or(Refusal::ProofConsumed)?;
    let paired = conversations::paired(tx, pairing_id, false)?;
    let patient = store::find_patient(tx.conn, &account.id, &paired.conversation.patient.id)?;
    let patient = patient.ok_or(Refusal::PatientNotFound)?;
    let tokens = issue_again(tx, made)?;
    Ok(SignedUp { account, patient, paired, tokens })
}

/// Signs in on a new device. A proven number never reopens earlier messages, since numbers are recycled:
/// the session is restricted, and the older device and the practices are notified.
pub fn sign_in(tx: &mut Tx, proof: &Secret) -> Result<(Account, Tokens), Refusal> {
    let proven = verification::consume_proof(tx, proof)?;
    let account = match &proven.made {
        Some(made) if made.pairing_id.is_some() => return Err(Refusal::ProofConsumed),
        Some(made) => store::find_account(tx.conn, &made.account_id)?,
        None => store::find_by_phone(tx.conn, &proven.phone)?,
    };
    let account = account.ok_or(Refusal::AccountNotFound)?;
    if !store::hold_account(tx.conn, &account.id)? {
        return Err(Refusal::AccountNotFound);
    }
    if let Some(made) = &proven.made {
        let tokens = issue_again(tx, made)?;
        return Ok((account, tokens));
    }
    // While this waited for the account's lock, the account may have moved to another number.
    if store::find_by_phone(tx.conn, &proven.phone)?.is_none_or(|found| found.id != account.id) {
        return Err(Refusal::AccountNotFound);
    }
    let session_id = open_session(tx, &account.id, Scope::Restricted)?;
    let tokens = issue(tx, &account.id, &session_id, Scope::Restricted)?;
    let made =
        Made { account_id: account.id.clone(), pairing_id: None, session_id: Some(session_id.clone()) };
    verification::record_made(tx, &proven, &made)?;
    conversations::announce_new_device(tx, &account.id, &session_id)?;
    tx.audit(&audit::Event {
        practice_id: None,
        actor: account.id.as_str(),
        action: "session.created",
        subject: session_id.as_str(),
        detail: json!({ "scope": Scope::Restricted }),
    })?;
    Ok((account, tokens))
}

/// Fresh tokens of the session that a proof opened, unless that has ended.
fn issue_again(tx: &mut Tx, made: &Made) -> Result<Tokens, Refusal> {
    let session_id = made.session_id.as_ref().ok_or(Refusal::ProofConsumed)?;
    let session = store::live_session(tx.conn, session_id)?.ok_or(Refusal::ProofConsumed)?;
    issue(tx, &session.account_id, session_id, session.scope())
}

/// Outcome of a refresh. Reuse is an outcome, not an error: an error would roll the revocation back.
pub enum Refreshed {
    Tokens(Tokens),
    /// The token was used before; its family is revoked now.
    Reused,
}

/// Exchanges a refresh token for fresh tokens, once.
pub fn refresh(tx: &mut Tx, refresh: &Secret) -> Result<Refreshed, Refusal> {
    let hash = refresh.hash();
    let Some(session_id) = store::use_refresh_token(tx.conn, &hash, tx.now)? else {
        let session_id = store::used_refresh_token(tx.conn, &hash)?.ok_or(Refusal::RefreshInvalid)?;
        store::revoke_session(tx.conn, &session_id, tx.now)?;
        return Ok(Refreshed::Reused);
    };
    let session = store::live_session(tx.conn, &session_id)?.ok_or(Refusal::RefreshInvalid)?;
    let tokens = issue(tx, &session.account_id, &session_id, session.scope())?;
    Ok(Refreshed::Tokens(tokens))
}

/// The caller, identified by an access token whose session has not ended.
pub struct Principal {
    pub account_id: AccountId,
    pub session_id: SessionId,
    pub scope: Scope,
    /// Start of the session.
    pub since: Timestamp,
}

impl Principal {
    /// The access scope that limits which pairings this session sees.
    pub fn sight(&self) -> Sight<'_> {
        match self.scope {
            Scope::Full => Sight::Confirmed,
            Scope::Restricted => Sight::Restricted { session: &self.session_id, since: self.since },
        }
    }
}

/// Resolves `token` to its session. The session is looked up, so that a sign-out takes effect at once and
/// not after 15 minutes.
pub fn authenticate(tx: &mut Tx, token: Option<&Secret>) -> Result<Principal, Refusal> {
    let token = token.ok_or(Refusal::Unauthorized)?;
    let (account_id, session_id) = token::verify(tx, token).ok_or(Refusal::Unauthorized)?;
    let session = store::live_session(tx.conn, &session_id)?.ok_or(Refusal::Unauthorized)?;
    if session.account_id != account_id {
        return Err(Refusal::Unauthorized);
    }
    Ok(Principal { scope: session.scope(), since: session.created_at, account_id, session_id })
}

/// [`authenticate`] for a call that changes something: the account is locked until the transaction
/// ends, and not deleted.
pub fn authenticate_to_change(tx: &mut Tx, token: Option<&Secret>) -> Result<Principal, Refusal> {
    let who = authenticate(tx, token)?;
    match store::hold_account(tx.conn, &who.account_id)? {
        // Looked up again, since the session may have ended while this waited for the lock.
        true => authenticate(tx, token),
        false => Err(Refusal::Unauthorized),
    }
}

pub fn sign_out(tx: &mut Tx, who: &Principal) -> db::Result<()> {
    store::revoke_session(tx.conn, &who.session_id, tx.now)
}

/// The account of `id`; `Unauthorized` once it is deleted.
pub fn account(tx: &mut Tx, id: &AccountId) -> Result<Account, Refusal> {
    store::find_account(tx.conn, id)?.ok_or(Refusal::Unauthorized)
}

/// Deletes an account: ends every pairing and session, and erases number, e-mail and birth dates. The names
/// stay in the closed conversations, which by then are part of the practice's medical record.
pub fn delete(tx: &mut Tx, who: &Principal) -> Result<(), Refusal> {
    if who.scope == Scope::Restricted {
        return Err(Refusal::Restricted);
    }
    for paired in conversations::list(tx, &who.account_id, Sight::All, "", i64::MAX)? {
        let whole = (Sight::All, &paired.pairing.id);
        conversations::end(tx, &who.account_id, whole, Ending::Left)?;
    }
    store::revoke_all_sessions(tx.conn, &who.account_id, tx.now)?;
    store::forget_account(tx.conn, &who.account_id, tx.now)?;
    email::forget(tx, &who.account_id)?;
    invites::forget_account(tx, &who.account_id)?;
    tx.audit(&audit::Event {
        practice_id: None,
        actor: who.account_id.as_str(),
        action: "account.deleted",
        subject: who.account_id.as_str(),
        detail: json!({}),
    })?;
    Ok(())
}

fn open_session(tx: &mut Tx, account_id: &AccountId, scope: Scope) -> db::Result<SessionId> {
    let id = tx.id();
    store::insert_session(tx.conn, &id, account_id, scope, tx.now)?;
    Ok(id)
}

fn issue(
    tx: &mut Tx,
    account_id: &AccountId,
    session_id: &SessionId,
    scope: Scope,
) -> Result<Tokens, Refusal> {
    let refresh = tx.secret("rt");
    store::insert_refresh_token(tx.conn, &refresh.hash(), session_id, tx.now, tx.now + REFRESH_LIFE)?;
    let access = token::sign(tx, account_id, session_id, scope).ok_or(Refusal::KeysMissing)?;
    Ok(Tokens { access, refresh, scope })
}

/// The account's phone number; `None` once the account is deleted.
pub fn own_phone(account: &Account) -> Option<Phone> {
    account.phone.as_deref().and_then(|phone| Phone::from_stored(phone).ok())
}
