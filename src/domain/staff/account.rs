//! Changes that signed-in staff members make to their own account.
//!
//! A current password given here is a guess as good as one at sign-in. So it is checked in the same two
//! steps and counted with the failed sign-ins: a person who finds an open browser gets no more tries than a
//! stranger.

use serde_json::json;

use super::password::{self, Weakness};
use super::sign_in::throttle::{self, Caller, Try};
use super::store::Credentials;
use super::{Member, MemberChange, Principal, Refusal, authenticate, letter, session, sign_in, store};
use crate::domain::practices;
use crate::domain::staff::PasswordHasher;
use crate::kit::{Email, Secret};
use crate::platform::tx::{Service, Tx};

/// A request to replace one's own password.
pub struct NewPassword {
    pub token: Option<Secret>,
    pub current: Secret,
    pub new: Secret,
    /// The network of the client, for the rate limit.
    pub network: String,
}

/// A password change whose two passwords have been checked.
pub struct Checked {
    wish: NewPassword,
    /// The stored hash that the current password matched; `None` if it was wrong.
    proven: Option<String>,
    weakness: Option<Weakness>,
    /// The hash of the new password as it will be stored; empty if the change will be refused.
    hash: String,
}

struct Found {
    email: Email,
    practice_name: String,
    credentials: Option<Credentials>,
}

/// Checks both passwords: reads the stored hash, then verifies and hashes outside of any transaction.
pub async fn check(
    service: &Service,
    hasher: &PasswordHasher,
    wish: NewPassword,
) -> Result<Checked, Refusal> {
    let (token, network) = (wish.token.clone(), wish.network.clone());
    let found = service.read(move |tx| find(tx, token.as_ref(), &network)).await?;
    let old = found.credentials.and_then(|credentials| credentials.password_hash);
    let is_right = hasher.verify(&wish.current, old.clone()).await?;
    let weakness = password::check(&wish.new, &found.email, &found.practice_name).err();
    let hash = match is_right && weakness.is_none() {
        true => hasher.hash(&wish.new, service.random()).await?,
        false => String::new(),
    };
    Ok(Checked { wish, proven: old.filter(|_| is_right), weakness, hash })
}

fn find(tx: &mut Tx, token: Option<&Secret>, network: &str) -> Result<Found, Refusal> {
    let who = authenticate(tx, token)?;
    let email = address(tx, &who)?;
    let rules = throttle::rules(tx, Try::Password, &Caller { email: &email, network, device: None })?;
    if let Some(wait) = throttle::wait(tx, &rules)? {
        return Err(Refusal::Limited(wait));
    }
    let practice = practices::find(tx, &who.practice_id)?.ok_or(Refusal::Unauthorized)?;
    let credentials = store::credentials_of(tx.conn, &who.staff_id)?;
    Ok(Found { email, practice_name: practice.name, credentials })
}

fn address(tx: &mut Tx, who: &Principal) -> Result<Email, Refusal> {
    Email::parse(&super::member(tx, who)?.email).ok_or(Refusal::Unauthorized)
}

/// The outcome of a change. A wrong guess is an outcome, not an error: an error would roll its count back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// The new password is stored, and every other session has ended.
    Yes,
    /// The current password was wrong; the failure is counted.
    Wrong,
}

/// Decides on the current password and, if it is right, stores the new one.
pub fn change_password(tx: &mut Tx, checked: &Checked) -> Result<Changed, Refusal> {
    let Checked { wish, proven, weakness, hash } = checked;
    let who = authenticate(tx, wish.token.as_ref())?;
    let email = address(tx, &who)?;
    let caller = Caller { email: &email, network: &wish.network, device: None };
    let rules = throttle::rules(tx, Try::Password, &caller)?;
    let held = throttle::hold(tx, rules)?;
    if let Some(wait) = held.wait(tx.now) {
        return Err(Refusal::Limited(wait));
    }
    let Some(old) = proven else {
        held.fail(tx)?;
        who.note(tx, "staff.password_failed", who.staff_id.as_str(), json!({}))?;
        return Ok(Changed::Wrong);
    };
    if let Some(weakness) = weakness {
        return Err(Refusal::WeakNew(*weakness));
    }
    // A concurrent change came first: the password that was right no longer is.
    if !store::replace_password(tx.conn, &who.staff_id, old, hash, tx.now)? {
        return Ok(Changed::Wrong);
    }
    held.pass(tx)?;
    letter::end_all(tx, &who.staff_id)?;
    sign_in::end_challenges(tx, &who.staff_id)?;
    session::end_others(tx, &who)?;
    who.note(tx, "staff.password_changed", who.staff_id.as_str(), json!({}))?;
    Ok(Changed::Yes)
}

/// Returns fresh recovery codes in exchange for an authenticator code; `None` if the code is wrong.
pub fn renew_recovery_codes(
    tx: &mut Tx,
    token: Option<&Secret>,
    code: &str,
    network: &str,
) -> Result<Option<Vec<String>>, Refusal> {
    let who = authenticate(tx, token)?;
    let member = super::member(tx, &who)?;
    sign_in::renew_recovery_codes(tx, &member, code, network)
}

/// Changes the caller's own name.
pub fn rename(tx: &mut Tx, token: Option<&Secret>, name: &str) -> Result<Member, Refusal> {
    let who = authenticate(tx, token)?;
    let before = super::member(tx, &who)?;
    if before.name == name {
        return Ok(before);
    }
    let change = MemberChange { name: Some(name.to_owned()), ..MemberChange::default() };
    let after = store::change(tx.conn, &who.practice_id, &who.staff_id, &change)?;
    who.note(tx, "staff.renamed", who.staff_id.as_str(), json!({}))?;
    after.ok_or(Refusal::Unauthorized)
}
