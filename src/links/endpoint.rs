//! A link as an endpoint: whose conversations it brings, and how it changes.
//!
//! What a pairing took from a link stays with its conversation; a change holds for those that come after it.

use serde_json::{Value, json};

use super::{Link, NewLink, PRACTICE, State, create, create_with_code, store};
use crate::app::Ctx;
use crate::audit;
use crate::db::{self, Conn};
use crate::practices::Practice;
use crate::webhooks::{self, Fact};

/// Why a link was not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum EndpointRefusal {
    /// Further links are the `communicator` plan's.
    #[error("plan required")]
    PlanRequired,
    /// The imported code belongs to a link already; codes are never issued twice.
    #[error("code taken")]
    CodeTaken,
    /// No such link in this practice.
    #[error("link not found")]
    NotFound,
    /// The state does not lead there.
    #[error("state fixed: {0}")]
    StateFixed(&'static str),
    /// A link forwards to an active or paused one of its practice, and not to itself.
    #[error("forward impossible")]
    ForwardImpossible,
    /// The database gave no answer.
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// People on a link, by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct People {
    /// Who shares its conversations beside the owner.
    pub members: Vec<String>,
    /// Who is told of new ones; nobody means the practice's own address.
    pub notify: Vec<String>,
}

/// What a change changes; what is `None` stays. Ids of teams and people are the practice's own: the caller has
/// looked.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// What the practice calls it.
    pub label: Option<String>,
    /// The tags that its conversations get.
    pub tags: Option<Vec<String>>,
    /// The first entry of its conversations.
    pub welcome: Option<Option<String>>,
    /// [`PRACTICE`], a team's id or a staff member's.
    pub owner: Option<String>,
    /// Who answers its conversations.
    pub assignee_id: Option<Option<String>>,
    /// Whether previews, texts and e-mails keep the practice's name to themselves.
    pub discreet: Option<bool>,
    /// Where it goes.
    pub state: Option<State>,
    /// Where it leads once it is retired; inside, `None` is the default link.
    pub forward_to: Option<Option<String>>,
    /// Who shares its conversations.
    pub members: Option<Vec<String>>,
    /// Who is told.
    pub notify: Option<Vec<String>>,
}

/// Which links of a practice somebody sees.
pub enum Visible {
    /// All of them.
    All,
    /// Those of these owners, and those that this staff member is assignee or member of.
    To {
        /// [`PRACTICE`], teams, the staff member.
        owners: Vec<String>,
        /// The staff member.
        staff_id: String,
    },
}

/// Makes a further link of a practice, for `actor`, behind a fresh code or an imported one.
pub fn add(
    ctx: &Ctx,
    conn: &mut Conn,
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
        Some(code) => create_with_code(ctx, conn, code, new)?.ok_or(EndpointRefusal::CodeTaken)?,
        None => create(ctx, conn, new)?.ok_or(db::Error::Busy)?,
    };
    store::replace_people(conn, &link.id, "member", &people.members)?;
    store::replace_people(conn, &link.id, "notify", &people.notify)?;
    let is = self::people(conn, &link.id)?;
    record(ctx, conn, actor, "link.created", &link, json!({ "after": picture(&link, &is) }))?;
    Ok(link)
}

/// Changes a link of a practice, for `actor`.
pub fn change(
    ctx: &Ctx,
    conn: &mut Conn,
    actor: &str,
    practice_id: &str,
    id: &str,
    change: &Change,
) -> Result<Link, EndpointRefusal> {
    let before = store::find_of(conn, practice_id, id)?.ok_or(EndpointRefusal::NotFound)?;
    let was = people(conn, id)?;
    check_state(&before, change)?;
    check_forward(conn, &before, change)?;
    // The guard: a link that changed its state meanwhile is looked at again by whoever asks again.
    let after = store::update(conn, &before, change)?.ok_or(db::Error::Busy)?;
    if let Some(members) = &change.members {
        store::replace_people(conn, id, "member", members)?;
    }
    if let Some(notify) = &change.notify {
        store::replace_people(conn, id, "notify", notify)?;
    }
    let is = people(conn, id)?;
    let detail = json!({ "before": picture(&before, &was), "after": picture(&after, &is) });
    record(ctx, conn, actor, "link.changed", &after, detail)?;
    ctx.repaint.set(true);
    Ok(after)
}

/// Active ↔ paused → retired, and never back: a code that forwards hangs on walls. Closed is the practice's end.
fn check_state(link: &Link, change: &Change) -> Result<(), EndpointRefusal> {
    use State::{Active, Closed, Paused, Retired};
    let wanted = change.state.unwrap_or(link.state());
    match (link.state(), wanted) {
        (Closed, _) => Err(EndpointRefusal::StateFixed("A closed link stays as it is.")),
        (_, Closed) => Err(EndpointRefusal::StateFixed("A link closes with its practice.")),
        (Retired, Active | Paused) => Err(EndpointRefusal::StateFixed("A retired link forwards for ever.")),
        (Active | Paused, Retired) if link.is_default => {
            Err(EndpointRefusal::StateFixed("Retired links fall back to the default one."))
        }
        _ => Ok(()),
    }
}

/// Two links that retire towards each other at the same moment would make a ring; `endpoint` in `mod.rs` leaves
/// it for the default link.
fn check_forward(conn: &mut Conn, link: &Link, change: &Change) -> Result<(), EndpointRefusal> {
    let Some(Some(target)) = &change.forward_to else { return Ok(()) };
    let is_retired = change.state.unwrap_or(link.state()) == State::Retired;
    let found = store::find_of(conn, &link.practice_id, target)?;
    let lives = found.is_some_and(|to| matches!(to.state(), State::Active | State::Paused));
    if is_retired && lives && *target != link.id { Ok(()) } else { Err(EndpointRefusal::ForwardImpossible) }
}

/// The link of `id`, where `visible` lets it be seen; whatever else is as if it did not exist.
pub fn find_visible(
    conn: &mut Conn,
    practice_id: &str,
    visible: &Visible,
    id: &str,
) -> db::Result<Option<Link>> {
    let Some(link) = store::find_of(conn, practice_id, id)? else { return Ok(None) };
    match visible {
        Visible::All => Ok(Some(link)),
        Visible::To { owners, staff_id } => {
            let is_seen = owners.contains(&link.owner) || store::joined(conn, staff_id)?.contains(&link.id);
            Ok(Some(link).filter(|_| is_seen))
        }
    }
}

/// Up to `limit` links after the link `after`, oldest first.
pub fn list(
    conn: &mut Conn,
    practice_id: &str,
    visible: &Visible,
    after: &str,
    limit: i64,
) -> db::Result<Vec<Link>> {
    match visible {
        Visible::All => store::list(conn, practice_id, None, after, limit),
        Visible::To { owners, staff_id } => {
            let joined = store::joined(conn, staff_id)?;
            store::list(conn, practice_id, Some((owners, &joined)), after, limit)
        }
    }
}

/// The links that a staff member is assignee or member of, by id.
pub fn joined(conn: &mut Conn, staff_id: &str) -> db::Result<Vec<String>> {
    store::joined(conn, staff_id)
}

/// The people on a link.
pub fn people(conn: &mut Conn, link_id: &str) -> db::Result<People> {
    Ok(People { members: store::people(conn, link_id, "member")?, notify: notified(conn, link_id)? })
}

/// Who is told of a link's new conversations, by id.
pub fn notified(conn: &mut Conn, link_id: &str) -> db::Result<Vec<String>> {
    store::people(conn, link_id, "notify")
}

/// Closes every link of a practice that is gone; how many there were.
pub fn close_all(ctx: &Ctx, conn: &mut Conn, practice_id: &str) -> db::Result<usize> {
    ctx.repaint.set(true);
    store::close_all(conn, practice_id)
}

/// Everything of a link that a change can touch, for the audit.
fn picture(link: &Link, people: &People) -> Value {
    json!({
        "label": link.label, "tags": link.tags(), "owner": link.owner, "assignee": link.assignee_id,
        "welcome": link.welcome, "discreet": link.discreet, "state": link.state(), "forward_to": link.forward_id,
        "members": people.members, "notify": people.notify,
    })
}

fn record(
    ctx: &Ctx,
    conn: &mut Conn,
    actor: &str,
    action: &'static str,
    link: &Link,
    detail: Value,
) -> db::Result<()> {
    let practice_id = Some(link.practice_id.as_str());
    audit::record(ctx, conn, &audit::Event { practice_id, actor, action, subject: &link.id, detail })?;
    let fact = Fact::LinkChanged { link_id: &link.id, code: &link.code, state: link.state().as_str() };
    webhooks::emit(ctx, conn, &link.practice_id, &[fact])
}

/// Which kind of owner an id names: `practice`, `team` or `staff`.
pub fn owner_kind(owner: &str) -> &'static str {
    match owner {
        PRACTICE => "practice",
        id if id.starts_with("tem_") => "team",
        _ => "staff",
    }
}
