//! Queries on the table `practices`.

use diesel::insert_into;
use diesel::prelude::*;
use jiff::tz::TimeZone;

use super::{NewPractice, Plan, State};
use crate::kit::{Accent, Email, Language, PracticeId, Timestamp};
use crate::platform::db::schema::practices;
use crate::platform::db::{Conn, Result, columns};

/// A health-care organization with its profile and state.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = practices)]
pub struct Practice {
    /// The id, with the prefix `prc_`.
    pub id: PracticeId,
    /// The name that patients see.
    pub name: String,
    pub city: String,
    pub plan: Plan,
    /// The language of notices to the practice and of messages on its behalf.
    pub language: Language,
    /// The practice's IANA time zone.
    pub time_zone: String,
    /// The address that receives notices.
    pub notice_email: Option<String>,
    state: State,
    accent: Option<String>,
    countries: Option<String>,
    /// Version of the logo, if there is one; different for each upload.
    pub logo_version: Option<String>,
}

/// The columns to change; `None` leaves a column unchanged.
#[derive(AsChangeset)]
#[diesel(table_name = practices)]
pub struct Changes {
    pub name: Option<String>,
    pub city: Option<String>,
    pub language: Option<Language>,
    pub time_zone: Option<String>,
    pub accent: Option<Option<String>>,
    pub countries: Option<Option<String>>,
    pub notice_email: Option<Option<String>>,
}

impl Changes {
    fn is_nothing(&self) -> bool {
        let texts = [&self.name, &self.city, &self.time_zone];
        let fields = [&self.accent, &self.countries, &self.notice_email];
        self.language.is_none()
            && texts.iter().all(|text| text.is_none())
            && fields.iter().all(|field| field.is_none())
    }
}

impl Practice {
    /// The accent color; `None` means the service's default, also when the stored value is invalid.
    pub fn accent(&self) -> Option<Accent> {
        self.accent.as_deref().and_then(|text| Accent::parse(text).ok())
    }

    /// Countries of patients' phone numbers; `None` allows every country the service texts to.
    pub fn countries(&self) -> Option<Vec<String>> {
        self.countries.as_deref().map(|list| list.split(',').map(str::to_owned).collect())
    }

    /// The time zone; UTC if the stored name is not known any more.
    pub fn zone(&self) -> TimeZone {
        TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC)
    }

    /// Whether the plan includes additional links with their own tags and owners.
    pub fn has_communicator(&self) -> bool {
        self.plan == Plan::Communicator
    }

    /// Whether the practice is permanently closed.
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether patients can reach the practice.
    pub fn is_active(&self) -> bool {
        self.state == State::Active
    }
}

pub(super) fn insert(
    conn: &mut Conn,
    id: &PracticeId,
    new: &NewPractice,
    now: Timestamp,
) -> Result<Practice> {
    let row = (
        practices::id.eq(id),
        practices::name.eq(&new.name),
        practices::city.eq(&new.city),
        practices::plan.eq(new.plan),
        practices::language.eq(new.language),
        practices::time_zone.eq(&new.time_zone),
        practices::notice_email.eq(new.notice_email.as_ref().map(Email::as_str)),
        practices::state.eq(State::Active),
        practices::created_at.eq(now),
    );
    Ok(insert_into(practices::table).values(row).returning(columns::<Practice>()).get_result(conn)?)
}

pub(super) fn find(conn: &mut Conn, id: &PracticeId) -> Result<Option<Practice>> {
    Ok(practices::table.find(id).select(columns::<Practice>()).first(conn).optional()?)
}

/// Moves a practice from one of the states `from` to `to`; `false` if it is in another state.
pub(super) fn set_state(conn: &mut Conn, id: &PracticeId, from: &[State], to: State) -> Result<bool> {
    let row = practices::table.find(id).filter(practices::state.eq_any(from));
    Ok(diesel::update(row).set(practices::state.eq(to)).execute(conn)? == 1)
}

pub(super) fn list(conn: &mut Conn) -> Result<Vec<Practice>> {
    Ok(practices::table.order(practices::id).select(columns::<Practice>()).load(conn)?)
}

/// Changes a practice; `None` if there was nothing to change.
pub(super) fn change(conn: &mut Conn, id: &PracticeId, changes: Changes) -> Result<Option<Practice>> {
    if changes.is_nothing() {
        return Ok(None);
    }
    let row = practices::table.find(id);
    Ok(diesel::update(row).set(changes).returning(columns::<Practice>()).get_result(conn).optional()?)
}

/// Sets the logo and its version, or deletes both.
pub(super) fn set_logo(conn: &mut Conn, id: &PracticeId, logo: Option<(&[u8], &str)>) -> Result<usize> {
    let kind = logo.map(|_| "image/png");
    let (png, version) = logo.unzip();
    let set = (practices::logo.eq(png), practices::logo_type.eq(kind), practices::logo_version.eq(version));
    Ok(diesel::update(practices::table.find(id)).set(set).execute(conn)?)
}

pub(super) fn logo(conn: &mut Conn, id: &PracticeId) -> Result<Option<Vec<u8>>> {
    let logo: Option<Option<Vec<u8>>> =
        practices::table.find(id).select(practices::logo).first(conn).optional()?;
    Ok(logo.flatten())
}
