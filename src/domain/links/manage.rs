//! Management of links: owner, members, notification recipients, state and forwarding.
//!
//! A conversation keeps what its pairing took from the link; a change applies only to later pairings.

use serde_json::{Value, json};

use super::{Link, NewLink, PRACTICE, State, create, create_with_code, store};
use crate::domain::practices::Practice;
use crate::domain::webhooks::{self, Fact};
use crate::kit::ids::{LinkId, PracticeId, StaffId};
use crate::platform::audit;
use crate::platform::db;
use crate::platform::tx::Tx;

/// Why a link was not created or changed.
#[derive(Debug, thiserror::Error)]
pub enum EndpointRefusal {
    /// Further links need the `communicator` plan.
    #[error("plan required")]
    PlanRequired,
    /// The imported code is already allocated; codes are never issued twice.
    #[error("code taken")]
    CodeTaken,
    #[error("link not found")]
    NotFound,
    /// The transition between these states is not allowed.
    #[error("state fixed: {0}")]
    StateFixed(&'static str),
    /// A link can forward only to an active or paused link of the same practice, and not to itself.
    #[error("forward impossible")]
    ForwardImpossible,
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
    /// [`PRACTICE`], the id of a team or of a staff member.
    pub owner: Option<String>,
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

/// Access scope: which links of a practice the caller may see.
pub enum Visible {
    All,
    /// Links of these owners, and links that the staff member is assignee or member of.
    To {
        /// [`PRACTICE`], team ids and the staff member's own id.
        owners: Vec<String>,
        staff_id: StaffId,
    },
}

/// Creates a further link of a practice, for `actor`, with a fresh code or an imported one.
pub fn add(
    tx: &mut Tx,
    actor: &str,
    practice: &Practice,
    new: &NewLink,
    people: &People,
    code: Option<&str>,
) -> Result<Link, EndpointRefusal> {
    if !practice.has_communicator() {
        return Err(EndpointRefusal::PlanRequired);
    }
    let link = match code {
        Some(code) => create_with_code(tx, code, new)?.ok_or(EndpointRefusal::CodeTaken)?,
        None => create(tx, new)?.ok_or(db::Error::Busy)?,
    };
    store::replace_people(tx.conn, &link.id, "member", &people.members)?;
    store::replace_people(tx.conn, &link.id, "notify", &people.notify)?;
    let is = self::people(tx, &link.id)?;
    record(tx, actor, "link.created", &link, json!({ "after": picture(&link, &is) }))?;
    Ok(link)
}

/// Changes a link of a practice, for `actor`.
pub fn change(
    tx: &mut Tx,
    actor: &str,
    practice_id: &PracticeId,
    id: &LinkId,
    change: &Change,
) -> Result<Link, EndpointRefusal> {
    let before = store::find_of(tx.conn, practice_id, id)?.ok_or(EndpointRefusal::NotFound)?;
    let was = people(tx, id)?;
    check_state(&before, change)?;
    check_forward(tx, &before, change)?;
    // Optimistic lock: if the state changed meanwhile, the caller has to retry with the new one.
    let after = store::update(tx.conn, &before, change)?.ok_or(db::Error::Busy)?;
    if let Some(members) = &change.members {
        store::replace_people(tx.conn, id, "member", members)?;
    }
    if let Some(notify) = &change.notify {
        store::replace_people(tx.conn, id, "notify", notify)?;
    }
    let is = people(tx, id)?;
    let detail = json!({ "before": picture(&before, &was), "after": picture(&after, &is) });
    record(tx, actor, "link.changed", &after, detail)?;
    tx.invalidate_landing_pages();
    Ok(after)
}

/// Active ↔ paused → retired, and never back, because printed codes that forward stay in use. Links are
/// closed only when the practice closes.
fn check_state(link: &Link, change: &Change) -> Result<(), EndpointRefusal> {
    use State::{Active, Closed, Paused, Retired};
    let wanted = change.state.unwrap_or(link.state());
    match (link.state(), wanted) {
        (Closed, _) => Err(EndpointRefusal::StateFixed("A closed link cannot be changed.")),
        (_, Closed) => Err(EndpointRefusal::StateFixed("A link is closed only with its practice.")),
        (Retired, Active | Paused) => {
            Err(EndpointRefusal::StateFixed("A retired link forwards permanently."))
        }
        (Active | Paused, Retired) if link.is_default => {
            Err(EndpointRefusal::StateFixed("Retired links fall back to the default link."))
        }
        _ => Ok(()),
    }
}

/// Two links that retire towards each other at the same moment would form a cycle; `endpoint` in `mod.rs`
/// breaks it by falling back to the default link.
fn check_forward(tx: &mut Tx, link: &Link, change: &Change) -> Result<(), EndpointRefusal> {
    let Some(Some(target)) = &change.forward_to else { return Ok(()) };
    let is_retired = change.state.unwrap_or(link.state()) == State::Retired;
    let found = store::find_of(tx.conn, &link.practice_id, target)?;
    let lives = found.is_some_and(|to| matches!(to.state(), State::Active | State::Paused));
    if is_retired && lives && *target != link.id { Ok(()) } else { Err(EndpointRefusal::ForwardImpossible) }
}

/// Returns the link of `id` if it is within `visible`; every other link is treated as not found.
pub fn find_visible(
    tx: &mut Tx,
    practice_id: &PracticeId,
    visible: &Visible,
    id: &LinkId,
) -> db::Result<Option<Link>> {
    let Some(link) = store::find_of(tx.conn, practice_id, id)? else { return Ok(None) };
    match visible {
        Visible::All => Ok(Some(link)),
        Visible::To { owners, staff_id } => {
            let is_seen =
                owners.contains(&link.owner) || store::joined(tx.conn, staff_id)?.contains(&link.id);
            Ok(Some(link).filter(|_| is_seen))
        }
    }
}

/// Up to `limit` links after the link `after`, oldest first.
pub fn list(
    tx: &mut Tx,
    practice_id: &PracticeId,
    visible: &Visible,
    after: &str,
    limit: i64,
) -> db::Result<Vec<Link>> {
    match visible {
        Visible::All => store::list(tx.conn, practice_id, None, after, limit),
        Visible::To { owners, staff_id } => {
            let joined = store::joined(tx.conn, staff_id)?;
            store::list(tx.conn, practice_id, Some((owners, &joined)), after, limit)
        }
    }
}

/// Ids of the links that a staff member is assignee or member of.
pub fn joined(tx: &mut Tx, staff_id: &StaffId) -> db::Result<Vec<LinkId>> {
    store::joined(tx.conn, staff_id)
}

pub fn people(tx: &mut Tx, link_id: &LinkId) -> db::Result<People> {
    Ok(People { members: store::people(tx.conn, link_id, "member")?, notify: notified(tx, link_id)? })
}

/// Ids of the staff members who are notified of a link's new conversations.
pub fn notified(tx: &mut Tx, link_id: &LinkId) -> db::Result<Vec<StaffId>> {
    store::people(tx.conn, link_id, "notify")
}

/// Closes every link of a practice that closed, and returns how many there were.
pub fn close_all(tx: &mut Tx, practice_id: &PracticeId) -> db::Result<usize> {
    tx.invalidate_landing_pages();
    store::close_all(tx.conn, practice_id)
}

/// Snapshot of everything that a change can touch, for the audit log.
fn picture(link: &Link, people: &People) -> Value {
    json!({
        "label": link.label, "tags": link.tags(), "owner": link.owner, "assignee": link.assignee_id,
        "welcome": link.welcome, "discreet": link.discreet, "state": link.state(), "forward_to": link.forward_id,
        "members": people.members, "notify": people.notify,
    })
}

fn record(tx: &mut Tx, actor: &str, action: &'static str, link: &Link, detail: Value) -> db::Result<()> {
    let (practice_id, subject) = (Some(&link.practice_id), link.id.as_str());
    tx.audit(&audit::Event { practice_id, actor, action, subject, detail })?;
    let fact = Fact::LinkChanged { link_id: &link.id, code: &link.code, state: link.state().as_str() };
    webhooks::emit(tx, &link.practice_id, &[fact])
}

/// Returns the kind of owner that an id names: `practice`, `team` or `staff`.
pub fn owner_kind(owner: &str) -> &'static str {
    match owner {
        PRACTICE => "practice",
        id if id.starts_with("tem_") => "team",
        _ => "staff",
    }
}
