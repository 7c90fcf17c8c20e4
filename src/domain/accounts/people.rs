//! The patients on an account: a parent's number may also serve a child.

use super::{Patient, Person, Principal, Refusal, Scope, store};
use crate::domain::conversations::{self, Doubt};
use crate::kit::ids::PatientId;
use crate::platform::db::{self};
use crate::platform::tx::Tx;

/// The patients on the account that this session may see, in the order in which they were added. A
/// restricted session sees only the ones that it added itself: the new owner of a recycled number must not
/// learn whose it was.
pub fn patients(tx: &mut Tx, who: &Principal) -> db::Result<Vec<Patient>> {
    store::patients(tx.conn, &who.account_id, who.sight())
}

/// One of the visible patients; without an id, the first one.
pub fn patient(tx: &mut Tx, who: &Principal, id: Option<&PatientId>) -> Result<Patient, Refusal> {
    let mut seen = patients(tx, who)?.into_iter();
    match id {
        Some(id) => seen.find(|patient| patient.id == *id).ok_or(Refusal::PatientNotFound),
        None if who.scope == Scope::Restricted => seen.next().ok_or(Refusal::Restricted),
        None => seen.next().ok_or(Refusal::PatientNotFound),
    }
}

pub fn add_patient(tx: &mut Tx, who: &Principal, person: &Person) -> db::Result<Patient> {
    let id = tx.id::<PatientId>();
    store::insert_patient(tx.conn, &id, &who.account_id, &who.session_id, person, tx.now)
}

/// A change of a patient's details; fields that are `None` stay as they are.
pub struct PersonChange {
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub birth_date: Option<String>,
}

/// Changes a patient's details. Practices that know the patient by the old ones must
/// verify the identity again.
pub fn change_patient(
    tx: &mut Tx,
    who: &Principal,
    id: &PatientId,
    change: &PersonChange,
) -> Result<Patient, Refusal> {
    let patient = patient(tx, who, Some(id))?;
    let changed = store::update_patient(tx.conn, &who.account_id, &patient.id, change)?;
    let changed = changed.ok_or(Refusal::PatientNotFound)?;
    if !is_same(&patient, &changed) {
        let doubt = Doubt::DetailsChanged;
        conversations::doubt_all(tx, &who.account_id, Some(&changed.id), doubt)?;
    }
    Ok(changed)
}

fn is_same(before: &Patient, after: &Patient) -> bool {
    (&before.given_name, &before.family_name, &before.birth_date)
        == (&after.given_name, &after.family_name, &after.birth_date)
}
