//! The patients on an account: a parent's number may also serve a child.

use super::{Error, NewPatient, Patient, PatientChange, Principal, Scope, store};
use crate::domain::identity::Doubt;
use crate::domain::pairing;
use crate::kit::PatientId;
use crate::platform::{Tx, db};

/// The patients on the account that this session may see, in the order in which they were added. A
/// restricted session sees only the ones that it added itself: the new owner of a recycled number must not
/// learn whose it was.
pub fn patients(tx: &mut Tx, who: &Principal) -> db::Result<Vec<Patient>> {
    store::patients(tx.conn, who.access())
}

/// One of the visible patients; without an id, the first one.
pub fn patient(tx: &mut Tx, who: &Principal, id: Option<&PatientId>) -> Result<Patient, Error> {
    let mut seen = patients(tx, who)?.into_iter();
    match id {
        Some(id) => seen.find(|patient| patient.id == *id).ok_or(Error::PatientNotFound),
        None if who.scope == Scope::Restricted => seen.next().ok_or(Error::Restricted),
        None => seen.next().ok_or(Error::PatientNotFound),
    }
}

pub fn add_patient(tx: &mut Tx, who: &Principal, new: &NewPatient) -> Patient {
    store::insert_patient(tx, &who.account_id, &who.session_id, new)
}

/// Changes a patient's details. Practices that know the patient by the old ones must
/// verify the identity again.
pub fn change_patient(
    tx: &mut Tx,
    who: &Principal,
    id: &PatientId,
    change: &PatientChange,
) -> Result<Patient, Error> {
    let patient = patient(tx, who, Some(id))?;
    let changed = store::update_patient(tx.conn, &who.account_id, &patient.id, change)?;
    let changed = changed.ok_or(Error::PatientNotFound)?;
    if !is_same(&patient, &changed) {
        pairing::doubt_all(tx, &who.account_id, Some(&changed.id), Doubt::DetailsChanged)?;
    }
    Ok(changed)
}

fn is_same(before: &Patient, after: &Patient) -> bool {
    (&before.given_name, &before.family_name, &before.birth_date)
        == (&after.given_name, &after.family_name, &after.birth_date)
}
