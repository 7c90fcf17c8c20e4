//! The practice's patient records: staff who see patients may look them up, admins may import files.

use super::{Refusal, of_patients};
use crate::domain::record_imports::{self, By, Import, Survey};
use crate::domain::records::{self, After, Entry, Kept};
use crate::domain::staff::{self, Principal, Role};
use crate::kit::Secret;
use crate::kit::ids::{ImportId, RecordId};
use crate::platform::tx::Tx;

/// Authenticates an admin, who may import files and see the results.
pub fn importer(tx: &mut Tx, token: Option<&Secret>) -> Result<Principal, Refusal> {
    let who = staff::authenticate(tx, token)?;
    if who.role == Role::Admin { Ok(who) } else { Err(staff::Refusal::Forbidden.into()) }
}

/// Lists up to `limit` records that match a query, by name, after the given position.
pub fn list(
    tx: &mut Tx,
    token: Option<&Secret>,
    query: &str,
    (after, limit): (Option<&After>, i64),
) -> Result<Vec<Entry>, Refusal> {
    let who = of_patients(tx, token)?;
    let region = &tx.settings.verification.default_region;
    Ok(records::list(tx, &who.practice_id, query.trim(), region, after, limit)?)
}

/// Returns a record with all its current and earlier values.
pub fn find(tx: &mut Tx, token: Option<&Secret>, id: &RecordId) -> Result<(Entry, Vec<Kept>), Refusal> {
    let who = of_patients(tx, token)?;
    records::find(tx, &who.practice_id, id)?.ok_or(Refusal::NoRecord)
}

pub fn import(tx: &mut Tx, token: Option<&Secret>, survey: &mut Survey) -> Result<Import, Refusal> {
    let who = importer(tx, token)?;
    Ok(record_imports::begin(tx, &by(&who), survey)?)
}

/// Cancels an import; rows imported so far stay.
pub fn cancel(tx: &mut Tx, token: Option<&Secret>, id: &ImportId) -> Result<Import, Refusal> {
    let who = importer(tx, token)?;
    Ok(record_imports::cancel(tx, &by(&who), id)?)
}

fn by(who: &Principal) -> By<'_> {
    By { practice_id: &who.practice_id, actor: &who.staff_id }
}

pub fn find_import(tx: &mut Tx, token: Option<&Secret>, id: &ImportId) -> Result<Import, Refusal> {
    let who = importer(tx, token)?;
    Ok(record_imports::find(tx, &who.practice_id, id)?)
}

/// Lists up to `limit` imports, newest first, before the one with the id `before`.
pub fn list_imports(
    tx: &mut Tx,
    token: Option<&Secret>,
    before: &str,
    limit: i64,
) -> Result<Vec<Import>, Refusal> {
    let who = importer(tx, token)?;
    Ok(record_imports::list(tx, &who.practice_id, before, limit)?)
}

/// Exports the result of each row as CSV, and records the export in the audit log.
pub fn results(tx: &mut Tx, token: Option<&Secret>, id: &ImportId) -> Result<String, Refusal> {
    let who = importer(tx, token)?;
    let file = record_imports::results(tx, &who.practice_id, id)?;
    who.note(tx, "records.results_exported", id.as_str(), serde_json::json!({}))?;
    Ok(file)
}
