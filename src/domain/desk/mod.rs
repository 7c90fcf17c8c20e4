//! The practice API: everything under `/v1/practice`, limited to the practice of the signed-in staff member
//! and, within it, to their access scope. Anything outside the scope answers as if it did not exist.

pub mod audit;
pub mod identity;
pub mod inbox;
pub mod invites;
pub mod notifications;
pub mod profile;
pub mod records;

use jiff::tz::TimeZone;
use serde_json::json;

use crate::domain::link_analytics::{self, BadRange, Range};
use crate::domain::links::{
    self, Change, Destination, EndpointRefusal, Link, NewLink, PRACTICE, People, Visible,
};
use crate::domain::notifications as notices;
use crate::domain::practices::{self, Practice};
use crate::domain::printing;
use crate::domain::record_imports;
use crate::domain::staff::{self, Principal};
use crate::kit::Secret;
use crate::kit::ids::{LinkId, StaffId, TeamId};
use crate::platform::db;
use crate::platform::tx::Tx;

/// Errors of the practice API.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Staff(#[from] staff::Refusal),
    #[error(transparent)]
    Endpoint(#[from] EndpointRefusal),
    /// A field names a team, staff member or link that the practice does not have.
    #[error("unknown id in {0}")]
    Stranger(&'static str),
    /// The days of a report are invalid.
    #[error(transparent)]
    Range(#[from] BadRange),
    #[error(transparent)]
    Unprintable(#[from] printing::Unprintable),
    /// The notification settings cannot be changed as requested.
    #[error(transparent)]
    Notice(#[from] notices::Refusal),
    #[error(transparent)]
    Profile(#[from] practices::Refusal),
    #[error("no logo")]
    NoLogo,
    /// This query field is neither a date nor a time.
    #[error("neither a date nor a time in {0}")]
    NoMoment(&'static str),
    /// More events than one exported file may hold.
    #[error("too many events")]
    TooManyEvents,
    /// The identity decision is not allowed.
    #[error(transparent)]
    Identity(#[from] crate::domain::identity::Refusal),
    /// The record is not among the candidates.
    #[error("the record is not a candidate")]
    NoCandidate,
    /// `record_match` needs a record id, since there are several candidates.
    #[error("the record id is missing")]
    WhichRecord,
    #[error("record not found")]
    NoRecord,
    #[error(transparent)]
    Import(#[from] record_imports::Refusal),
    #[error(transparent)]
    Invite(#[from] crate::domain::invites::Refusal),
    #[error(transparent)]
    Inbox(#[from] crate::domain::inbox::Refusal),
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// Authenticates a staff member who may see patients; the operator's support may not.
pub fn of_patients(tx: &mut Tx, token: Option<&Secret>) -> Result<Principal, Refusal> {
    let who = staff::authenticate(tx, token)?;
    if who.role.meets_patients() { Ok(who) } else { Err(staff::Refusal::Forbidden.into()) }
}

/// A link and the staff members on it.
pub struct LinkDetails {
    pub link: Link,
    pub people: People,
}

impl LinkDetails {
    fn of(tx: &mut Tx, link: Link) -> db::Result<Self> {
        let people = links::people(tx, &link.id)?;
        Ok(Self { link, people })
    }
}

/// Creates a link in the caller's own practice, whatever `new.practice_id` says.
pub fn create_link(
    tx: &mut Tx,
    token: Option<&Secret>,
    mut new: NewLink,
    people: &People,
) -> Result<LinkDetails, Refusal> {
    let who = staff::authenticate_to_configure(tx, token)?;
    new.practice_id.clone_from(&who.practice_id);
    check_owner(tx, &who, &new.owner)?;
    check_staff(tx, &who, "/assignee_id", new.assignee_id.as_slice())?;
    check_staff(tx, &who, "/members", &people.members)?;
    check_staff(tx, &who, "/notify", &people.notify)?;
    let practice = practice(tx, &who)?;
    let link = links::add(tx, who.staff_id.as_str(), &practice, &new, people, None)?;
    Ok(LinkDetails::of(tx, link)?)
}

pub fn change_link(
    tx: &mut Tx,
    token: Option<&Secret>,
    id: &LinkId,
    change: &Change,
) -> Result<LinkDetails, Refusal> {
    let who = staff::authenticate(tx, token)?;
    // "Not found" comes before "forbidden": a caller without access to a link learns nothing about it.
    let seen = visible(tx, &who)?;
    links::find_visible(tx, &who.practice_id, &seen, id)?.ok_or(EndpointRefusal::NotFound)?;
    if !who.role.configures() {
        return Err(staff::Refusal::Forbidden.into());
    }
    if let Some(owner) = &change.owner {
        check_owner(tx, &who, owner)?;
    }
    check_staff(
        tx,
        &who,
        "/assignee_id",
        change.assignee_id.iter().flatten().cloned().collect::<Vec<_>>().as_slice(),
    )?;
    check_staff(tx, &who, "/members", change.members.as_deref().unwrap_or_default())?;
    check_staff(tx, &who, "/notify", change.notify.as_deref().unwrap_or_default())?;
    let link = links::change(tx, who.staff_id.as_str(), &who.practice_id, id, change)?;
    Ok(LinkDetails::of(tx, link)?)
}

pub fn link(tx: &mut Tx, token: Option<&Secret>, id: &LinkId) -> Result<LinkDetails, Refusal> {
    let (_, link) = find(tx, token, id)?;
    Ok(LinkDetails::of(tx, link)?)
}

/// Lists up to `limit` links after the link `after`.
pub fn links(
    tx: &mut Tx,
    token: Option<&Secret>,
    after: &str,
    limit: i64,
) -> Result<Vec<LinkDetails>, Refusal> {
    let who = staff::authenticate(tx, token)?;
    let seen = visible(tx, &who)?;
    let found = links::list(tx, &who.practice_id, &seen, after, limit)?;
    Ok(found.into_iter().map(|link| LinkDetails::of(tx, link)).collect::<db::Result<_>>()?)
}

/// Returns a link with its practice, for printing.
pub fn printable(tx: &mut Tx, token: Option<&Secret>, id: &LinkId) -> Result<Destination, Refusal> {
    let (_, link) = find(tx, token, id)?;
    Ok(links::known(tx, &link.id)?.ok_or(EndpointRefusal::NotFound)?)
}

/// Reports how many of a link's visitors reached each step of the sign-up.
pub fn funnel(
    tx: &mut Tx,
    token: Option<&Secret>,
    id: &LinkId,
    (from, to): (Option<&str>, Option<&str>),
    channel: Option<&str>,
) -> Result<link_analytics::Report, Refusal> {
    let (who, link) = find(tx, token, id)?;
    let zone = zone(&practice(tx, &who)?);
    let range = Range::parse(from, to, tx.now.to_jiff().to_zoned(zone).date())?;
    Ok(link_analytics::of_link(tx, &link.id, range, channel)?)
}

/// Exports the funnel as CSV with small counts suppressed, and records the export in the audit log.
pub fn export_funnel(
    tx: &mut Tx,
    token: Option<&Secret>,
    id: &LinkId,
    days: (Option<&str>, Option<&str>),
    channel: Option<&str>,
) -> Result<String, Refusal> {
    let report = funnel(tx, token, id, days, channel)?;
    let (who, link) = find(tx, token, id)?;
    let detail = json!({ "from": report.from, "to": report.to, "channel": channel });
    who.note(tx, "funnel.exported", link.id.as_str(), detail)?;
    Ok(link_analytics::csv(&report))
}

pub fn zone(practice: &Practice) -> TimeZone {
    TimeZone::get(&practice.time_zone).unwrap_or(TimeZone::UTC)
}

pub fn find(tx: &mut Tx, token: Option<&Secret>, id: &LinkId) -> Result<(Principal, Link), Refusal> {
    let who = staff::authenticate(tx, token)?;
    let seen = visible(tx, &who)?;
    let link = links::find_visible(tx, &who.practice_id, &seen, id)?.ok_or(EndpointRefusal::NotFound)?;
    Ok((who, link))
}

pub fn practice(tx: &mut Tx, who: &Principal) -> Result<Practice, Refusal> {
    Ok(practices::find(tx, &who.practice_id)?.ok_or(staff::Refusal::Unauthorized)?)
}

pub fn visible(tx: &mut Tx, who: &Principal) -> db::Result<Visible> {
    if who.role.configures() {
        return Ok(Visible::All);
    }
    let teams = staff::teams_of(tx, &who.staff_id)?;
    let mut owners: Vec<String> = teams.iter().map(TeamId::to_string).collect();
    owners.extend([PRACTICE.to_owned(), who.staff_id.to_string()]);
    Ok(Visible::To { owners, staff_id: who.staff_id.clone() })
}

pub fn check_owner(tx: &mut Tx, who: &Principal, owner: &str) -> Result<(), Refusal> {
    let is_ours = match links::owner_kind(owner) {
        "practice" => true,
        "team" => staff::has_team(tx, &who.practice_id, &TeamId::from(owner))?,
        _ => staff::all_work_at(tx, &who.practice_id, &[StaffId::from(owner)])?,
    };
    if is_ours { Ok(()) } else { Err(Refusal::Stranger("/owner/id")) }
}

pub fn check_staff(
    tx: &mut Tx,
    who: &Principal,
    field: &'static str,
    ids: &[StaffId],
) -> Result<(), Refusal> {
    match staff::all_work_at(tx, &who.practice_id, ids)? {
        true => Ok(()),
        false => Err(Refusal::Stranger(field)),
    }
}
