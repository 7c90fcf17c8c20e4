//! After the last row of a complete list: records that the list left out become inactive.
//!
//! They stay active if it is unclear what the list left out, or if it left out most of the records. An
//! inactive record matches no patient, so the practice would no longer recognize its patients. In that case
//! the import reports the number of records and the reason, until the practice confirms that it is intended.
//!
//! * Rows were refused whose patient is unknown: no record number, a line cut short, an open quotation mark.
//!   Any record that seems left out may be in one of those rows.
//! * Most records are left out. Then the file is probably not the one that was meant: the export of one
//!   location, a filter left on, an interrupted download.
//!
//! The two questions are asked separately, each with its own option: a practice that knows most patients
//! moved to another location has not said that the third row may be skipped.

use super::rows::Counts;
use super::steps::{self, Step};
use super::{Import, Options, finish, store};
use crate::domain::records;
use crate::kit::ImportId;
use crate::platform::{Tx, db};

/// How many records one job makes inactive.
const AT_ONCE: i64 = 1_000;
/// This many records may always be left out: a person can review them, and the next list restores them. A
/// trial import with a handful of rows raises no question.
const FEW: i64 = 20;

/// Why an import kept records active that a complete list left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportProblem {
    /// Rows were refused whose patient is unknown.
    ReplaceHasUnreadRows,
    /// The list leaves most of the records out.
    ReplaceLeavesMostOut,
}

/// Makes records inactive that a complete list left out, one batch at a time.
///
/// The check and the update need not be atomic: a practice runs one import at a time, and nothing else makes
/// records active or inactive.
pub(super) fn retire(tx: &mut Tx, import_id: &ImportId, round: i64) -> db::Result<()> {
    let Some(import) = store::lock_open(tx.conn, import_id)? else { return Ok(()) };
    if round == 0 {
        let left_out = store::count_left_out(tx.conn, &import.practice_id, &import.id)?;
        let import = Import { left_out, ..import.clone() };
        if import.problem().is_some() {
            store::set_left_out(tx.conn, import_id, left_out)?;
            return finish(tx, &import);
        }
    }
    let gone = records::retire_unnamed(tx, &import.practice_id, import_id, AT_ONCE)?;
    let retired = i64::try_from(gone).unwrap_or(i64::MAX);
    let import = store::add(tx.conn, import_id, &Counts { retired, ..Counts::default() })?;
    match retired < AT_ONCE {
        true => finish(tx, &import),
        false => steps::queue(tx, import_id, &Step::Retire(round + 1)),
    }
}

impl Import {
    /// Why records that a complete list left out stay active.
    pub fn problem(&self) -> Option<ImportProblem> {
        let has = |option: fn(&Options) -> bool| self.options().as_ref().is_some_and(option);
        if self.left_out == 0 {
            None
        } else if self.unread > 0 && !has(|options| options.may_skip_unread) {
            Some(ImportProblem::ReplaceHasUnreadRows)
        } else if self.leaves_most_out() && !has(|options| options.may_retire_most) {
            Some(ImportProblem::ReplaceLeavesMostOut)
        } else {
            None
        }
    }

    /// Whether the list left out most of the records that were active before it. Records created by the list
    /// itself do not count: another practice's list is just as wrong if it creates many.
    pub fn leaves_most_out(&self) -> bool {
        self.left_out > FEW && self.left_out > self.active_before.unwrap_or(0) / 2
    }
}
