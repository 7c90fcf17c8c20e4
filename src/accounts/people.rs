//! The people on an account: a parent's number may hold a child.

use super::{Patient, Person, Principal, Refusal, Scope, store};
use crate::app::Ctx;
use crate::conversations::{self, Doubt};
use crate::db::{self, Conn};

/// The people on the account whom this sign-in may see, in the order in which they were added. A restricted
/// one sees whom it added itself: whoever holds a recycled number must not learn whose it was.
pub fn patients(conn: &mut Conn, who: &Principal) -> db::Result<Vec<Patient>> {
    store::patients(conn, &who.account_id, who.sight())
}

/// One of those people; without an id, the first one.
pub fn patient(conn: &mut Conn, who: &Principal, id: Option<&str>) -> Result<Patient, Refusal> {
    let mut seen = patients(conn, who)?.into_iter();
    match id {
        Some(id) => seen.find(|patient| patient.id == id).ok_or(Refusal::PatientNotFound),
        None if who.scope == Scope::Restricted => seen.next().ok_or(Refusal::Restricted),
        None => seen.next().ok_or(Refusal::PatientNotFound),
    }
}

/// Adds a person to the account.
pub fn add_patient(ctx: &Ctx, conn: &mut Conn, who: &Principal, person: &Person) -> db::Result<Patient> {
    store::insert_patient(conn, &ctx.id("pat"), &who.account_id, &who.session_id, person, ctx.now)
}

/// A change of a person's details; what is `None` stays.
pub struct PersonChange {
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// Birth date, ISO 8601.
    pub birth_date: Option<String>,
}

/// Changes a person's details. Whoever knew them by other ones looks again.
pub fn change_patient(
    ctx: &Ctx,
    conn: &mut Conn,
    who: &Principal,
    id: &str,
    change: &PersonChange,
) -> Result<Patient, Refusal> {
    let patient = patient(conn, who, Some(id))?;
    let changed = store::update_patient(conn, &who.account_id, &patient.id, change)?;
    let changed = changed.ok_or(Refusal::PatientNotFound)?;
    if !is_same(&patient, &changed) {
        let doubt = Doubt::DetailsChanged;
        conversations::doubt_all(ctx, conn, &who.account_id, Some(&changed.id), doubt)?;
    }
    Ok(changed)
}

fn is_same(before: &Patient, after: &Patient) -> bool {
    (&before.given_name, &before.family_name, &before.birth_date)
        == (&after.given_name, &after.family_name, &after.birth_date)
}
