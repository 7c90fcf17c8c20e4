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
use crate::kit::{Email, Secret};
use crate::platform::db::Conn;
use crate::platform::tx::{App, Ctx};

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
pub async fn check(app: &App, wish: NewPassword) -> Result<Checked, Refusal> {
    let (token, network) = (wish.token.clone(), wish.network.clone());
    let found = app.read(move |ctx, conn| find(ctx, conn, token.as_ref(), &network)).await?;
    let old = found.credentials.and_then(|credentials| credentials.password_hash);
    let is_right = app.vault.verify(&wish.current, old.clone()).await?;
    let weakness = password::check(&wish.new, &found.email, &found.practice_name).err();
    let hash = match is_right && weakness.is_none() {
        true => app.vault.hash(&wish.new, app.ctx().random()).await?,
        false => String::new(),
    };
    Ok(Checked { wish, proven: old.filter(|_| is_right), weakness, hash })
}

fn find(ctx: &Ctx, conn: &mut Conn, token: Option<&Secret>, network: &str) -> Result<Found, Refusal> {
    let who = authenticate(ctx, conn, token)?;
    let email = address(conn, &who)?;
    let rules = throttle::rules(ctx, conn, Try::Password, &Caller { email: &email, network, device: None })?;
    if let Some(wait) = throttle::wait(ctx, conn, &rules)? {
        return Err(Refusal::Limited(wait));
    }
    let practice = practices::find(conn, &who.practice_id)?.ok_or(Refusal::Unauthorized)?;
    let credentials = store::credentials_of(conn, &who.staff_id)?;
    Ok(Found { email, practice_name: practice.name, credentials })
}

fn address(conn: &mut Conn, who: &Principal) -> Result<Email, Refusal> {
    Email::parse(&super::member(conn, who)?.email).ok_or(Refusal::Unauthorized)
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
pub fn change_password(ctx: &Ctx, conn: &mut Conn, checked: &Checked) -> Result<Changed, Refusal> {
    let Checked { wish, proven, weakness, hash } = checked;
    let who = authenticate(ctx, conn, wish.token.as_ref())?;
    let email = address(conn, &who)?;
    let caller = Caller { email: &email, network: &wish.network, device: None };
    let rules = throttle::rules(ctx, conn, Try::Password, &caller)?;
    let held = throttle::hold(conn, rules)?;
    if let Some(wait) = held.wait(ctx.now) {
        return Err(Refusal::Limited(wait));
    }
    let Some(old) = proven else {
        held.fail(ctx, conn)?;
        who.note(ctx, conn, "staff.password_failed", &who.staff_id, json!({}))?;
        return Ok(Changed::Wrong);
    };
    if let Some(weakness) = weakness {
        return Err(Refusal::WeakNew(*weakness));
    }
    // A concurrent change came first: the password that was right no longer is.
    if !store::replace_password(conn, &who.staff_id, old, hash, ctx.now)? {
        return Ok(Changed::Wrong);
    }
    held.pass(ctx, conn)?;
    letter::end_all(ctx, conn, &who.staff_id)?;
    sign_in::end_challenges(ctx, conn, &who.staff_id)?;
    session::end_others(ctx, conn, &who)?;
    who.note(ctx, conn, "staff.password_changed", &who.staff_id, json!({}))?;
    Ok(Changed::Yes)
}

/// Returns fresh recovery codes in exchange for an authenticator code; `None` if the code is wrong.
pub fn renew_recovery_codes(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    code: &str,
    network: &str,
) -> Result<Option<Vec<String>>, Refusal> {
    let who = authenticate(ctx, conn, token)?;
    let member = super::member(conn, &who)?;
    sign_in::renew_recovery_codes(ctx, conn, &member, code, network)
}

/// Changes the caller's own name.
pub fn rename(ctx: &Ctx, conn: &mut Conn, token: Option<&Secret>, name: &str) -> Result<Member, Refusal> {
    let who = authenticate(ctx, conn, token)?;
    let before = super::member(conn, &who)?;
    if before.name == name {
        return Ok(before);
    }
    let change = MemberChange { name: Some(name.to_owned()), ..MemberChange::default() };
    let after = store::change(conn, &who.practice_id, &who.staff_id, &change)?;
    who.note(ctx, conn, "staff.renamed", &who.staff_id, json!({}))?;
    after.ok_or(Refusal::Unauthorized)
}
