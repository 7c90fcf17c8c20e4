//! Creating and editing links, for the staff of a practice and for the operator.
//!
//! A conversation keeps what its pairing took from the link; a change applies only to later pairings.

use serde_json::{Value, json};

use super::store::{self, Part};
use super::{Link, NewLink, Owner, State, create_with_code, create_with_random_code};
use crate::domain::events::EventKind;
use crate::domain::link_analytics::BadRange;
use crate::domain::practices::Practice;
use crate::domain::staff;
use crate::kit::{LinkId, PracticeId, StaffId};
use crate::platform::event_log::Actor;
use crate::platform::{Tx, db};

/// Why a link was not shown, created or changed.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// Further links need the `communicator` plan.
    #[error("plan required")]
    PlanRequired,
    /// The imported code is already allocated; codes are never issued twice.
    #[error("code taken")]
    CodeTaken,
    /// The practice has no such link, or it is outside of the caller's access scope.
    #[error("link not found")]
    NotFound,
    /// The transition between these states is not allowed.
    #[error("state fixed: {0}")]
    StateFixed(&'static str),
    /// A link can forward only to an active or paused link of the same practice, and not to itself.
    #[error("forward impossible")]
    ForwardImpossible,
    /// The days of a report are invalid.
    #[error(transparent)]
    Range(#[from] BadRange),
    #[error(transparent)]
    Staff(#[from] staff::Error),
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// Staff members of a link, by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct People {
    /// Share its conversations in addition to the owner.
    pub members: Vec<StaffId>,
    /// Are notified of new conversations; if empty, the practice's own address is.
    pub notify: Vec<StaffId>,
}

/// A partial update; `None` leaves a field unchanged. The caller has checked that the ids of teams and
/// staff members belong to the practice.
#[derive(Debug, Clone, Default)]
pub struct Change {
    pub label: Option<String>,
    pub tags: Option<Vec<String>>,
    /// First entry of its conversations; `Some(None)` removes it.
    pub welcome: Option<Option<String>>,
    pub owner: Option<Owner>,
    /// Staff member who answers its conversations; `Some(None)` removes it.
    pub assignee_id: Option<Option<StaffId>>,
    /// Whether previews, texts and e-mails omit the practice's name.
    pub discreet: Option<bool>,
    pub state: Option<State>,
    /// Target of a retired link; `Some(None)` is the default link.
    pub forward_to: Option<Option<LinkId>>,
    pub members: Option<Vec<StaffId>>,
    pub notify: Option<Vec<StaffId>>,
}

/// Creates a further link of a practice, for `actor`, with a fresh code or an imported one.
pub fn add(
    tx: &mut Tx,
    actor: impl Into<Actor>,
    practice: &Practice,
    new: &NewLink,
    people: &People,
    code: Option<&str>,
) -> Result<Link, ManageError> {
    if !practice.has_communicator() {
        return Err(ManageError::PlanRequired);
    }
    let link = match code {
        Some(code) => create_with_code(tx, &practice.id, code, new)?.ok_or(ManageError::CodeTaken)?,
        None => create_with_random_code(tx, &practice.id, new)?.ok_or(db::Error::Busy)?,
    };
    store::replace_people(tx.conn, &link.id, Part::Member, &people.members)?;
    store::replace_people(tx.conn, &link.id, Part::Notify, &people.notify)?;
    let people = self::people(tx, &link.id)?;
    record(tx, actor, EventKind::LinkCreated, &link, json!({ "after": snapshot(&link, &people) }));
    Ok(link)
}

/// Changes a link of a practice, for `actor`.
pub fn edit(
    tx: &mut Tx,
    actor: impl Into<Actor>,
    practice_id: &PracticeId,
    id: &LinkId,
    change: &Change,
) -> Result<Link, ManageError> {
    let before = store::find_of(tx.conn, practice_id, id)?.ok_or(ManageError::NotFound)?;
    let people_before = people(tx, id)?;
    check_state(&before, change)?;
    check_forward(tx, &before, change)?;
    // Optimistic lock: if the state changed meanwhile, the caller has to retry with the new one.
    let after = store::update(tx.conn, &before, change)?.ok_or(db::Error::Busy)?;
    if let Some(members) = &change.members {
        store::replace_people(tx.conn, id, Part::Member, members)?;
    }
    if let Some(notify) = &change.notify {
        store::replace_people(tx.conn, id, Part::Notify, notify)?;
    }
    let people = people(tx, id)?;
    let detail = json!({ "before": snapshot(&before, &people_before), "after": snapshot(&after, &people) });
    record(tx, actor, EventKind::LinkChanged, &after, detail);
    tx.invalidate_landing_pages();
    Ok(after)
}

/// Active ↔ paused → retired, and never back, because printed codes that forward stay in use. Links are
/// closed only when the practice closes.
fn check_state(link: &Link, change: &Change) -> Result<(), ManageError> {
    use State::{Active, Closed, Paused, Retired};
    match (link.state, change.state.unwrap_or(link.state)) {
        (Closed, _) => Err(ManageError::StateFixed("A closed link cannot be changed.")),
        (_, Closed) => Err(ManageError::StateFixed("A link is closed only with its practice.")),
        (Retired, Active | Paused) => Err(ManageError::StateFixed("A retired link forwards permanently.")),
        (Active | Paused, Retired) if link.is_default => {
            Err(ManageError::StateFixed("Retired links fall back to the default link."))
        }
        _ => Ok(()),
    }
}

/// Two links that retire towards each other at the same moment would form a cycle; `effective_link` in
/// `mod.rs` breaks it by falling back to the default link.
fn check_forward(tx: &mut Tx, link: &Link, change: &Change) -> Result<(), ManageError> {
    let Some(Some(target)) = &change.forward_to else { return Ok(()) };
    let is_retired = change.state.unwrap_or(link.state) == State::Retired;
    let found = store::find_of(tx.conn, &link.practice_id, target)?;
    let is_open = found.is_some_and(|to| matches!(to.state, State::Active | State::Paused));
    if is_retired && is_open && *target != link.id { Ok(()) } else { Err(ManageError::ForwardImpossible) }
}

/// Returns whether an owner is the practice, one of its teams or of its active staff.
pub fn owner_exists(tx: &mut Tx, practice_id: &PracticeId, owner: &Owner) -> db::Result<bool> {
    match owner {
        Owner::Practice => Ok(true),
        Owner::Team(id) => staff::has_team(tx, practice_id, id),
        Owner::Staff(id) => staff::all_work_at(tx, practice_id, std::slice::from_ref(id)),
    }
}

pub fn people(tx: &mut Tx, link_id: &LinkId) -> db::Result<People> {
    Ok(People { members: store::people(tx.conn, link_id, Part::Member)?, notify: notified(tx, link_id)? })
}

/// Ids of the staff members who are notified of a link's new conversations.
pub fn notified(tx: &mut Tx, link_id: &LinkId) -> db::Result<Vec<StaffId>> {
    store::people(tx.conn, link_id, Part::Notify)
}

/// Closes every link of a practice that closed, and returns how many there were.
pub fn close_all(tx: &mut Tx, practice_id: &PracticeId) -> db::Result<usize> {
    tx.invalidate_landing_pages();
    store::close_all(tx.conn, practice_id)
}

/// Snapshot of everything that a change can touch, for the audit log.
fn snapshot(link: &Link, people: &People) -> Value {
    json!({
        "label": link.label, "tags": link.tags(), "owner": link.owner.as_str(), "assignee": link.assignee_id,
        "welcome": link.welcome, "discreet": link.discreet, "state": link.state,
        "forward_to": link.forward_id, "members": people.members, "notify": people.notify,
    })
}

fn record(tx: &mut Tx, actor: impl Into<Actor>, kind: EventKind, link: &Link, detail: Value) {
    tx.emit(Some(&link.practice_id), actor, kind, &link.id, detail);
}
