//! The practice's profile: all of its staff may read it, admins and the operator's support may change it.

use super::{Refusal, practice};
use crate::domain::practices::{self, Change, Practice};
use crate::domain::staff;
use crate::kit::Secret;
use crate::platform::tx::Tx;

pub fn show(tx: &mut Tx, token: Option<&Secret>) -> Result<Practice, Refusal> {
    let who = staff::authenticate(tx, token)?;
    practice(tx, &who)
}

pub fn change(tx: &mut Tx, token: Option<&Secret>, change: &Change) -> Result<Practice, Refusal> {
    let who = staff::authenticate_to_configure(tx, token)?;
    let practice = practice(tx, &who)?;
    Ok(practices::change(tx, who.staff_id.as_str(), &practice, change)?)
}

/// Returns the practice's logo (PNG).
pub fn logo(tx: &mut Tx, token: Option<&Secret>) -> Result<Vec<u8>, Refusal> {
    let who = staff::authenticate(tx, token)?;
    practices::logo(tx, &who.practice_id)?.ok_or(Refusal::NoLogo)
}

/// Replaces the logo, or deletes it if `png` is `None`.
pub fn set_logo(tx: &mut Tx, token: Option<&Secret>, png: Option<&[u8]>) -> Result<(), Refusal> {
    let who = staff::authenticate_to_configure(tx, token)?;
    let practice = practice(tx, &who)?;
    match practices::set_logo(tx, who.staff_id.as_str(), &practice, png)? {
        true => Ok(()),
        false => Err(Refusal::NoLogo),
    }
}
