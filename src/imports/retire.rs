//! Behind the last row of a whole list: what it left out becomes inactive.
//!
//! Unless that is most of what there was. Then the file is rather another one than was meant (one location's export, a
//! filter that was left on, a download that broke off), and records that are inactive match nobody: the practice would
//! know its patients no more. So they stay, and the import says how many they are, until somebody says that it is meant.

use super::topic::{self, Step};
use super::{Counts, Import, Options, finish, store};
use crate::app::Ctx;
use crate::db::{self, Conn};
use crate::identity::records;

/// How many records one task makes inactive.
const AT_ONCE: i64 = 1_000;
/// So many records may always be left out: somebody reads as many over, and they are back with the next list. Whoever
/// tries imports out with a handful of rows is asked nothing.
const FEW: i64 = 20;
/// What an import says that kept what its list left out.
pub const LEAVES_MOST_OUT: &str = "replace_leaves_most_out";

/// Makes records inactive that a whole list left out, some at a time.
pub fn retire(ctx: &Ctx, conn: &mut Conn, import_id: &str, round: i64) -> db::Result<()> {
    let Some(import) = store::hold_open(conn, import_id)? else { return Ok(()) };
    if round == 0
        && let Some(left_out) = most(conn, &import)?
    {
        store::keep_left_out(conn, import_id, left_out)?;
        return finish(ctx, conn, &import);
    }
    let gone = records::retire_unnamed(ctx, conn, &import.practice_id, import_id, AT_ONCE)?;
    let retired = i64::try_from(gone).unwrap_or(i64::MAX);
    let import = store::add(conn, import_id, &Counts { retired, ..Counts::default() })?;
    match retired < AT_ONCE {
        true => finish(ctx, conn, &import),
        false => topic::queue(ctx, conn, import_id, &Step::Retire(round + 1)),
    }
}

/// How many active records the list left out, where those are most of what was active before it and nobody said that
/// this is meant. Rows that the list brought itself do not count: a stranger's list is as wrong with many of them.
///
/// Looking and acting may part here: one import of a practice runs at a time, and nothing else makes records active or
/// inactive.
fn most(conn: &mut Conn, import: &Import) -> db::Result<Option<i64>> {
    let is_meant =
        serde_json::from_str(&import.options).is_ok_and(|options: Options| options.may_retire_most);
    if is_meant {
        return Ok(None);
    }
    let left_out = store::unnamed(conn, &import.practice_id, &import.id)?;
    let before = import.active_before.unwrap_or(0);
    Ok((left_out > FEW && left_out > before / 2).then_some(left_out))
}
