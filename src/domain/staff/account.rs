//! Changes that signed-in staff members make to their own account.
//!
//! A current password given here is a guess as good as one at sign-in. So it is checked in the same two
//! steps and counted with the failed sign-ins: a person who finds an open browser gets no more tries than a
//! stranger.

use serde_json::json;

use super::password::{self, PasswordHasher, Weakness};
use super::sign_in::throttle::{self, Client, Factor};
use super::{Error, Member, MemberChange, Staff, password_link, session, sign_in, store};
use crate::domain::events::EventKind;
use crate::kit::{Email, Secret};
use crate::platform::{Service, Tx};

/// A request to replace one's own password.
pub struct PasswordChange {
    pub current: Secret,
    pub new: Secret,
    /// The network of the client, for the rate limit.
    pub network: String,
}

/// What the two passwords of a change are checked against.
pub struct PasswordContext {
    email: Email,
    practice_name: String,
    hash: Option<String>,
}

/// A password change whose two passwords have been checked.
pub struct CheckedPasswordChange {
    network: String,
    /// The stored hash that the current password matched; `None` if it was wrong.
    matched: Option<String>,
    weakness: Option<Weakness>,
    /// The hash of the new password as it will be stored; empty if the change will be refused.
    hash: String,
}

/// Reads what a password change is checked against, unless the client has to wait.
pub fn password_context(tx: &mut Tx, who: &Staff, network: &str) -> Result<PasswordContext, Error> {
    let email = address(tx, who)?;
    let limits = throttle::limits(tx, Factor::Password, &Client { email: &email, network, device: None })?;
    if let Some(wait) = throttle::wait(tx, &limits)? {
        return Err(Error::Limited(wait));
    }
    let practice_name = super::practice(tx, who)?.name;
    let credentials = store::credentials_of(tx.conn, &who.staff_id)?;
    let hash = credentials.and_then(|credentials| credentials.password_hash);
    Ok(PasswordContext { email, practice_name, hash })
}

fn address(tx: &mut Tx, who: &Staff) -> Result<Email, Error> {
    Email::parse(&super::member(tx, who)?.email).ok_or(Error::Unauthorized)
}

impl PasswordChange {
    /// Verifies the current password and hashes the new one, outside of any transaction.
    pub async fn check(
        self,
        service: &Service,
        hasher: &PasswordHasher,
        context: PasswordContext,
    ) -> Result<CheckedPasswordChange, Error> {
        let PasswordContext { email, practice_name, hash: old } = context;
        let is_right = hasher.verify(&self.current, old.clone()).await?;
        let weakness = password::check(&self.new, &email, &practice_name).err();
        let hash = match is_right && weakness.is_none() {
            true => hasher.hash(&self.new, service.random()).await?,
            false => String::new(),
        };
        let matched = old.filter(|_| is_right);
        Ok(CheckedPasswordChange { network: self.network, matched, weakness, hash })
    }
}

/// Decides on the current password and, if it is right, stores the new one and ends every other session.
/// Returns `false` for a wrong guess, which is counted: an error would roll its count back.
pub fn change_password(tx: &mut Tx, who: &Staff, checked: &CheckedPasswordChange) -> Result<bool, Error> {
    let CheckedPasswordChange { network, matched, weakness, hash } = checked;
    let email = address(tx, who)?;
    let limits = throttle::limits(tx, Factor::Password, &Client { email: &email, network, device: None })?;
    let counts = throttle::lock(tx, limits)?;
    if let Some(wait) = counts.wait(tx.now) {
        return Err(Error::Limited(wait));
    }
    let Some(old) = matched else {
        counts.fail(tx)?;
        who.note(tx, EventKind::StaffPasswordFailed, &who.staff_id, json!({}));
        return Ok(false);
    };
    if let Some(weakness) = weakness {
        return Err(Error::WeakNew(*weakness));
    }
    // A concurrent change came first: the password that was right no longer is.
    if !store::replace_password(tx.conn, &who.staff_id, old, hash, tx.now)? {
        return Ok(false);
    }
    counts.pass(tx)?;
    password_link::end_all(tx, &who.staff_id)?;
    sign_in::end_challenges(tx, &who.staff_id)?;
    session::end_others(tx, who)?;
    who.note(tx, EventKind::StaffPasswordChanged, &who.staff_id, json!({}));
    Ok(true)
}

/// Returns fresh recovery codes in exchange for an authenticator code; `None` if the code is wrong.
pub fn renew_recovery_codes(
    tx: &mut Tx,
    who: &Staff,
    code: &str,
    network: &str,
) -> Result<Option<Vec<String>>, Error> {
    let member = super::member(tx, who)?;
    sign_in::renew_recovery_codes(tx, &member, code, network)
}

/// Changes the caller's own name.
pub fn rename(tx: &mut Tx, who: &Staff, name: &str) -> Result<Member, Error> {
    let before = super::member(tx, who)?;
    if before.name == name {
        return Ok(before);
    }
    let change = MemberChange { name: Some(name.to_owned()), ..MemberChange::default() };
    let after = store::change(tx.conn, &who.practice_id, &who.staff_id, &change)?;
    who.note(tx, EventKind::StaffRenamed, &who.staff_id, json!({}));
    after.ok_or(Error::Unauthorized)
}
