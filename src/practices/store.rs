//! The rows of `practices`.

use diesel::insert_into;
use diesel::prelude::*;

use super::NewPractice;
use crate::db::schema::practices;
use crate::db::{Conn, Result, Shared, columns};
use crate::kit::{Accent, Email, Language, Timestamp};

/// A health-care organisation.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = practices)]
pub struct Practice {
    /// Its id, `prc_…`.
    pub id: String,
    /// The name that patients see.
    pub name: String,
    /// Its city.
    pub city: String,
    plan: String,
    language: String,
    /// Its IANA time zone.
    pub time_zone: String,
    /// Where its notices go.
    pub notice_email: Option<String>,
    state: String,
    accent: Option<String>,
    countries: Option<String>,
    /// Which logo it has, where it has one: another with each.
    pub logo_version: Option<String>,
}

/// What of a practice is to be otherwise.
#[derive(AsChangeset)]
#[diesel(table_name = practices)]
pub struct Changed {
    pub name: Option<String>,
    pub city: Option<String>,
    pub language: Option<String>,
    pub time_zone: Option<String>,
    pub accent: Option<Option<String>>,
    pub countries: Option<Option<String>>,
    pub notice_email: Option<Option<String>>,
}

impl Changed {
    fn is_nothing(&self) -> bool {
        let texts = [&self.name, &self.city, &self.language, &self.time_zone];
        let fields = [&self.accent, &self.countries, &self.notice_email];
        texts.iter().all(|text| text.is_none()) && fields.iter().all(|field| field.is_none())
    }
}

impl Practice {
    /// The language of its notices and of messages on its behalf.
    pub fn language(&self) -> Language {
        Language::from_tag(&self.language).unwrap_or_default()
    }

    /// Its accent; the house's own where it has none that can be read.
    pub fn accent(&self) -> Option<Accent> {
        self.accent.as_deref().and_then(|text| Accent::parse(text).ok())
    }

    /// Where its patients' numbers are from; `None` is wherever the service texts to.
    pub fn countries(&self) -> Option<Vec<String>> {
        self.countries.as_deref().map(|list| list.split(',').map(str::to_owned).collect())
    }

    /// What it pays for: `basic` or `communicator`.
    pub fn plan(&self) -> &str {
        &self.plan
    }

    /// Whether it may have further links, with tags and owners of their own.
    pub fn has_communicator(&self) -> bool {
        self.plan == "communicator"
    }

    /// Whether it is gone for good.
    pub fn is_closed(&self) -> bool {
        self.state == "closed"
    }

    /// Whether patients can reach it.
    pub fn is_active(&self) -> bool {
        self.state == "active"
    }
}

/// Makes a practice.
pub fn insert(conn: &mut Conn, id: &str, new: &NewPractice, now: Timestamp) -> Result<Practice> {
    let row = (
        practices::id.eq(id),
        practices::name.eq(&new.name),
        practices::city.eq(&new.city),
        practices::plan.eq(&new.plan),
        practices::language.eq(new.language.as_str()),
        practices::time_zone.eq(&new.time_zone),
        practices::notice_email.eq(new.notice_email.as_ref().map(Email::as_str)),
        practices::state.eq("active"),
        practices::created_at.eq(now),
    );
    Ok(insert_into(practices::table).values(row).returning(columns::<Practice>()).get_result(conn)?)
}

/// The practice of `id`.
pub fn find(conn: &mut Conn, id: &str) -> Result<Option<Practice>> {
    Ok(practices::table.find(id).select(columns::<Practice>()).first(conn).optional()?)
}

/// The practice of `id`, as it stays until the transaction ends.
pub fn hold(conn: &mut Conn, id: &str) -> Result<Option<Practice>> {
    Ok(Shared(practices::table.find(id).select(columns::<Practice>())).get_result(conn).optional()?)
}

/// Moves a practice from one of `from` to `to`; `false` when it stands elsewhere.
pub fn set_state(conn: &mut Conn, id: &str, from: &[&str], to: &str) -> Result<bool> {
    let row = practices::table.find(id).filter(practices::state.eq_any(from));
    Ok(diesel::update(row).set(practices::state.eq(to)).execute(conn)? == 1)
}

/// All practices, oldest first.
pub fn list(conn: &mut Conn) -> Result<Vec<Practice>> {
    Ok(practices::table.order(practices::id).select(columns::<Practice>()).load(conn)?)
}

/// Changes a practice; `None` where nothing was to be changed.
pub fn change(conn: &mut Conn, id: &str, changed: Changed) -> Result<Option<Practice>> {
    if changed.is_nothing() {
        return Ok(None);
    }
    let row = practices::table.find(id);
    Ok(diesel::update(row).set(changed).returning(columns::<Practice>()).get_result(conn).optional()?)
}

/// Sets a logo and its version, or takes both away.
pub fn set_logo(conn: &mut Conn, id: &str, logo: Option<(&[u8], &str)>) -> Result<usize> {
    let kind = logo.map(|_| "image/png");
    let (png, version) = logo.unzip();
    let set = (practices::logo.eq(png), practices::logo_type.eq(kind), practices::logo_version.eq(version));
    Ok(diesel::update(practices::table.find(id)).set(set).execute(conn)?)
}

/// A practice's logo.
pub fn logo(conn: &mut Conn, id: &str) -> Result<Option<Vec<u8>>> {
    let logo: Option<Option<Vec<u8>>> =
        practices::table.find(id).select(practices::logo).first(conn).optional()?;
    Ok(logo.flatten())
}
