//! The practice's own view: everything under `/v1/practice`, narrowed to the practice of whoever signs in, and
//! within it to the links that include them. What lies outside is as if it did not exist.

pub mod audit;
pub mod http;
pub mod identity;
pub mod inbox;
pub mod invites;
pub mod notifications;
pub mod profile;
pub mod proof;
pub mod records;

use jiff::tz::TimeZone;
use serde_json::json;

use crate::app::Ctx;
use crate::db::{self, Conn};
use crate::funnel::{self, BadRange, Range};
use crate::imports;
use crate::kit::Secret;
use crate::links::{self, Change, Destination, EndpointRefusal, Link, NewLink, PRACTICE, People, Visible};
use crate::notices;
use crate::practices::{self, Practice};
use crate::printing;
use crate::staff::{self, Principal};

/// Why something of the practice's own was refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Not signed in, or not allowed.
    #[error(transparent)]
    Staff(#[from] staff::Refusal),
    /// The link cannot be made or changed that way.
    #[error(transparent)]
    Endpoint(#[from] EndpointRefusal),
    /// A field names a team or a person that the practice has not got.
    #[error("stranger in {0}")]
    Stranger(&'static str),
    /// The days cannot be reported.
    #[error(transparent)]
    Range(#[from] BadRange),
    /// The link cannot be printed.
    #[error(transparent)]
    Unprintable(#[from] printing::Unprintable),
    /// Who is told cannot be changed that way.
    #[error(transparent)]
    Notice(#[from] notices::Refusal),
    /// The profile cannot be changed that way.
    #[error(transparent)]
    Profile(#[from] practices::Refusal),
    /// The practice has no logo.
    #[error("no logo")]
    NoLogo,
    /// This field of a query is no day and no moment.
    #[error("no moment in {0}")]
    NoMoment(&'static str),
    /// More events than one file may hold.
    #[error("too many events")]
    TooManyEvents,
    /// Who it is cannot be decided that way.
    #[error(transparent)]
    Identity(#[from] crate::conversations::identity::Refusal),
    /// The record that was named is none of those that could be meant.
    #[error("no candidate")]
    NoCandidate,
    /// Confirmed by a record, and it is not said by which.
    #[error("which record")]
    WhichRecord,
    /// The practice has no such record.
    #[error("no record")]
    NoRecord,
    /// The file cannot be taken in, or its import not be had.
    #[error(transparent)]
    Import(#[from] imports::Refusal),
    /// The invite cannot be had or changed that way.
    #[error(transparent)]
    Invite(#[from] crate::invites::Refusal),
    /// The conversation cannot be had or changed that way.
    #[error(transparent)]
    Inbox(#[from] crate::conversations::inbox::Refusal),
    /// The database gave no answer.
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// Whoever signs in and knows the practice's patients; the operator's support does not.
fn of_patients(ctx: &Ctx, conn: &mut Conn, token: Option<&Secret>) -> Result<Principal, Refusal> {
    let who = staff::authenticate(ctx, conn, token)?;
    if who.role.meets_patients() { Ok(who) } else { Err(staff::Refusal::Forbidden.into()) }
}

/// A link with the people on it.
pub struct LinkDetails {
    /// The link.
    pub link: Link,
    /// Its people.
    pub people: People,
}

impl LinkDetails {
    fn of(conn: &mut Conn, link: Link) -> db::Result<Self> {
        let people = links::people(conn, &link.id)?;
        Ok(Self { link, people })
    }
}

/// Makes a further link; `new.practice_id` is whoever asks' own.
pub fn create_link(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    mut new: NewLink,
    people: &People,
) -> Result<LinkDetails, Refusal> {
    let who = staff::authenticate_to_configure(ctx, conn, token)?;
    new.practice_id.clone_from(&who.practice_id);
    check_owner(conn, &who, &new.owner)?;
    check_staff(conn, &who, "/assignee_id", new.assignee_id.as_slice())?;
    check_staff(conn, &who, "/members", &people.members)?;
    check_staff(conn, &who, "/notify", &people.notify)?;
    let practice = practice(conn, &who)?;
    let link = links::add(ctx, conn, &who.staff_id, &practice, &new, people, None)?;
    Ok(LinkDetails::of(conn, link)?)
}

/// Changes a link.
pub fn change_link(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    id: &str,
    change: &Change,
) -> Result<LinkDetails, Refusal> {
    let who = staff::authenticate(ctx, conn, token)?;
    // Not there comes before not allowed: who does not see a link learns nothing of it.
    let seen = visible(conn, &who)?;
    links::find_visible(conn, &who.practice_id, &seen, id)?.ok_or(EndpointRefusal::NotFound)?;
    if !who.role.configures() {
        return Err(staff::Refusal::Forbidden.into());
    }
    if let Some(owner) = &change.owner {
        check_owner(conn, &who, owner)?;
    }
    check_staff(
        conn,
        &who,
        "/assignee_id",
        change.assignee_id.iter().flatten().cloned().collect::<Vec<_>>().as_slice(),
    )?;
    check_staff(conn, &who, "/members", change.members.as_deref().unwrap_or_default())?;
    check_staff(conn, &who, "/notify", change.notify.as_deref().unwrap_or_default())?;
    let link = links::change(ctx, conn, &who.staff_id, &who.practice_id, id, change)?;
    Ok(LinkDetails::of(conn, link)?)
}

/// One link.
pub fn link(ctx: &Ctx, conn: &mut Conn, token: Option<&Secret>, id: &str) -> Result<LinkDetails, Refusal> {
    let (_, link) = find(ctx, conn, token, id)?;
    Ok(LinkDetails::of(conn, link)?)
}

/// Up to `limit` links after the link `after`.
pub fn links(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    after: &str,
    limit: i64,
) -> Result<Vec<LinkDetails>, Refusal> {
    let who = staff::authenticate(ctx, conn, token)?;
    let seen = visible(conn, &who)?;
    let found = links::list(conn, &who.practice_id, &seen, after, limit)?;
    Ok(found.into_iter().map(|link| LinkDetails::of(conn, link)).collect::<db::Result<_>>()?)
}

/// One link and its practice, for what is printed.
pub fn printable(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    id: &str,
) -> Result<Destination, Refusal> {
    let (_, link) = find(ctx, conn, token, id)?;
    Ok(links::known(conn, &link.id)?.ok_or(EndpointRefusal::NotFound)?)
}

/// What became of a link's visitors.
pub fn funnel(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    id: &str,
    (from, to): (Option<&str>, Option<&str>),
    channel: Option<&str>,
) -> Result<funnel::Report, Refusal> {
    let (who, link) = find(ctx, conn, token, id)?;
    let zone = zone(&practice(conn, &who)?);
    let range = Range::parse(from, to, ctx.now.to_jiff().to_zoned(zone).date())?;
    Ok(funnel::of_link(conn, &link.id, range, channel)?)
}

/// The same as a file, with small counts suppressed; that it left the house is in the audit.
pub fn export_funnel(
    ctx: &Ctx,
    conn: &mut Conn,
    token: Option<&Secret>,
    id: &str,
    days: (Option<&str>, Option<&str>),
    channel: Option<&str>,
) -> Result<String, Refusal> {
    let report = funnel(ctx, conn, token, id, days, channel)?;
    let (who, link) = find(ctx, conn, token, id)?;
    let detail = json!({ "from": report.from, "to": report.to, "channel": channel });
    who.note(ctx, conn, "funnel.exported", &link.id, detail)?;
    Ok(funnel::csv(&report))
}

fn zone(practice: &Practice) -> TimeZone {
    TimeZone::get(&practice.time_zone).unwrap_or(TimeZone::UTC)
}

fn find(ctx: &Ctx, conn: &mut Conn, token: Option<&Secret>, id: &str) -> Result<(Principal, Link), Refusal> {
    let who = staff::authenticate(ctx, conn, token)?;
    let seen = visible(conn, &who)?;
    let link = links::find_visible(conn, &who.practice_id, &seen, id)?.ok_or(EndpointRefusal::NotFound)?;
    Ok((who, link))
}

fn practice(conn: &mut Conn, who: &Principal) -> Result<Practice, Refusal> {
    Ok(practices::find(conn, &who.practice_id)?.ok_or(staff::Refusal::Unauthorized)?)
}

fn visible(conn: &mut Conn, who: &Principal) -> db::Result<Visible> {
    if who.role.configures() {
        return Ok(Visible::All);
    }
    let mut owners = staff::teams_of(conn, &who.staff_id)?;
    owners.extend([PRACTICE.to_owned(), who.staff_id.clone()]);
    Ok(Visible::To { owners, staff_id: who.staff_id.clone() })
}

fn check_owner(conn: &mut Conn, who: &Principal, owner: &str) -> Result<(), Refusal> {
    let is_ours = match links::owner_kind(owner) {
        "practice" => true,
        "team" => staff::has_team(conn, &who.practice_id, owner)?,
        _ => staff::all_work_at(conn, &who.practice_id, &[owner.to_owned()])?,
    };
    if is_ours { Ok(()) } else { Err(Refusal::Stranger("/owner/id")) }
}

fn check_staff(conn: &mut Conn, who: &Principal, field: &'static str, ids: &[String]) -> Result<(), Refusal> {
    match staff::all_work_at(conn, &who.practice_id, ids)? {
        true => Ok(()),
        false => Err(Refusal::Stranger(field)),
    }
}
