//! Behind the last row of a whole list: what it left out becomes inactive.
//!
//! Unless nobody can tell what it left out, or that is most of what there was. Records that are inactive match nobody: the
//! practice would know its patients no more. So they stay, and the import says how many they are and why, until somebody
//! says that it is meant.
//!
//! * Rows were refused of which nobody knows whom they are about: no record number, a line cut short, a quotation mark
//!   that is open. Anybody who seems left out may stand in one of them.
//! * Most are left out. Then the file is rather another one than was meant: one location's export, a filter that was
//!   left on, a download that broke off.
//!
//! Each is a question of its own, and has a word of its own: who knows that most patients moved to another location has
//! not said that the third row may be skipped.

use super::rows::Counts;
use super::topic::{self, Step};
use super::{Import, Options, finish, store};
use crate::app::Ctx;
use crate::db::{self, Conn};
use crate::identity::records;

/// How many records one task makes inactive.
const AT_ONCE: i64 = 1_000;
/// So many records may always be left out: somebody reads as many over, and they are back with the next list. Whoever
/// tries imports out with a handful of rows is asked nothing.
const FEW: i64 = 20;
/// What an import says that kept what its list left out, since its list has rows of which nobody knows whom they are
/// about.
pub const HAS_UNREAD_ROWS: &str = "replace_has_unread_rows";
/// What an import says that kept what its list left out, since that is most.
const LEAVES_MOST_OUT: &str = "replace_leaves_most_out";

/// Makes records inactive that a whole list left out, some at a time.
///
/// Looking and acting may part here: one import of a practice runs at a time, and nothing else makes records active or
/// inactive.
pub fn retire(ctx: &Ctx, conn: &mut Conn, import_id: &str, round: i64) -> db::Result<()> {
    let Some(import) = store::hold_open(conn, import_id)? else { return Ok(()) };
    if round == 0 {
        let left_out = store::unnamed(conn, &import.practice_id, &import.id)?;
        let import = Import { left_out, ..import.clone() };
        if import.problem().is_some() {
            store::keep_left_out(conn, import_id, left_out)?;
            return finish(ctx, conn, &import);
        }
    }
    let gone = records::retire_unnamed(ctx, conn, &import.practice_id, import_id, AT_ONCE)?;
    let retired = i64::try_from(gone).unwrap_or(i64::MAX);
    let import = store::add(conn, import_id, &Counts { retired, ..Counts::default() })?;
    match retired < AT_ONCE {
        true => finish(ctx, conn, &import),
        false => topic::queue(ctx, conn, import_id, &Step::Retire(round + 1)),
    }
}

impl Import {
    /// Why records stay active that a whole list left out.
    pub fn problem(&self) -> Option<&'static str> {
        let said = |word: fn(&Options) -> bool| self.options().as_ref().is_some_and(word);
        if self.left_out == 0 {
            None
        } else if self.unread > 0 && !said(|options| options.may_skip_unread) {
            Some(HAS_UNREAD_ROWS)
        } else if self.leaves_most_out() && !said(|options| options.may_retire_most) {
            Some(LEAVES_MOST_OUT)
        } else {
            None
        }
    }

    /// Whether the list left out most of what was active before it. Rows that it brought itself do not count: a
    /// stranger's list is as wrong with many of them.
    pub fn leaves_most_out(&self) -> bool {
        self.left_out > FEW && self.left_out > self.active_before.unwrap_or(0) / 2
    }
}
