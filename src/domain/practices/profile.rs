//! The profile of a practice: the fields that its own admins may change.

use serde_json::{Value, json};

use super::store::{self, Changes};
use super::{BadField, Practice};
use crate::domain::events::EventKind;
use crate::kit::color::BadAccent;
use crate::kit::{Accent, Email, Language, PracticeId, StaffId, secret};
use crate::platform::{Tx, db};

/// Changes of a profile; `None` leaves a field unchanged.
#[derive(Default)]
pub struct Change {
    /// The name that patients see.
    pub name: Option<String>,
    pub city: Option<String>,
    /// The language of notices to the practice, as its tag.
    pub language: Option<String>,
    /// The practice's IANA time zone.
    pub time_zone: Option<String>,
    /// The accent color, `#rrggbb`; `null` is the service's default.
    pub accent: Option<Option<String>>,
    /// Countries of patients' phone numbers (ISO 3166-1 alpha-2); `null` allows every country
    /// the service texts to.
    pub countries: Option<Option<Vec<String>>>,
    /// The address that receives notices; `null` sends none.
    pub notice_email: Option<Option<String>>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Field(#[from] BadField),
    #[error("practice not found")]
    NotFound,
    #[error("no logo")]
    NoLogo,
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// Validates and stores changes of a profile, and records them in the audit log.
pub fn change(tx: &mut Tx, actor: &StaffId, id: &PracticeId, change: &Change) -> Result<Practice, Error> {
    let before = store::find(tx.conn, id)?.ok_or(Error::NotFound)?;
    let changes = checked(tx, change)?;
    let Some(after) = store::change(tx.conn, id, changes)? else { return Ok(before) };
    let (was, is) = (snapshot(&before), snapshot(&after));
    let is_readdressed = before.notice_email != after.notice_email;
    if was != is || is_readdressed {
        tx.invalidate_landing_pages();
        let detail = json!({ "before": was, "after": is, "notice_email_changed": is_readdressed });
        tx.emit(Some(id), actor, EventKind::PracticeChanged, id, detail);
    }
    Ok(after)
}

/// Stores a practice's logo (PNG), or deletes it if `png` is `None`.
pub fn set_logo(tx: &mut Tx, actor: &StaffId, id: &PracticeId, png: Option<&[u8]>) -> Result<(), Error> {
    let practice = store::find(tx.conn, id)?.ok_or(Error::NotFound)?;
    if png.is_none() && practice.logo_version.is_none() {
        return Err(Error::NoLogo);
    }
    let version = png.map(|png| secret::sha256(png).chars().take(8).collect::<String>());
    store::set_logo(tx.conn, id, png.zip(version.as_deref()))?;
    tx.invalidate_landing_pages();
    let detail = json!({ "before": practice.logo_version, "after": version });
    tx.emit(Some(id), actor, EventKind::PracticeLogoChanged, id, detail);
    Ok(())
}

/// Returns a practice's logo (PNG).
pub fn logo(tx: &mut Tx, id: &PracticeId) -> db::Result<Option<Vec<u8>>> {
    store::logo(tx.conn, id)
}

/// The values that a change can touch, for the audit log. Of the e-mail address only whether there is one.
fn snapshot(practice: &Practice) -> Value {
    json!({
        "name": practice.name, "city": practice.city, "language": practice.language,
        "time_zone": practice.time_zone, "accent": practice.accent().map(|accent| accent.to_string()),
        "countries": practice.countries(), "has_notice_email": practice.notice_email.is_some(),
    })
}

fn checked(tx: &Tx, change: &Change) -> Result<Changes, BadField> {
    Ok(Changes {
        name: change.name.as_deref().map(|name| line("/name", name)).transpose()?,
        city: change.city.as_deref().map(|city| line("/city", city)).transpose()?,
        language: change.language.as_deref().map(language).transpose()?,
        time_zone: change.time_zone.as_deref().map(time_zone).transpose()?,
        accent: given(change.accent.as_ref(), |text| accent(text))?,
        countries: given(change.countries.as_ref(), |list| countries(tx, list))?,
        notice_email: given(change.notice_email.as_ref(), |text| notice_email(text))?,
    })
}

/// Validates a field that is given and not `null`.
fn given<T>(
    field: Option<&Option<T>>,
    check: impl FnOnce(&T) -> Result<String, BadField>,
) -> Result<Option<Option<String>>, BadField> {
    field.map(|value| value.as_ref().map(check).transpose()).transpose()
}

/// Validates a name: it goes into e-mails and pages, so it must be visible and fit on one line.
pub fn line(pointer: &'static str, text: &str) -> Result<String, BadField> {
    let text = text.trim();
    let fits = (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    match fits {
        true => Ok(text.to_owned()),
        false => Err(BadField::new(pointer, "length", "Write 1 to 100 characters on one line.")),
    }
}

/// Validates an IANA time zone name.
pub fn time_zone(name: &str) -> Result<String, BadField> {
    match jiff::tz::TimeZone::get(name) {
        Ok(_) => Ok(name.to_owned()),
        Err(_) => Err(BadField::new(
            "/time_zone",
            "unknown_value",
            "Write an IANA time zone, like America/Chicago.",
        )),
    }
}

fn language(tag: &str) -> Result<Language, BadField> {
    tag.parse().map_err(|_| {
        BadField::new("/language", "unknown_value", "Write the tag of a supported language, like `en`.")
    })
}

fn accent(text: &str) -> Result<String, BadField> {
    let refused = |bad: BadAccent| {
        let code = if bad == BadAccent::Faint { "contrast" } else { "invalid_colour" };
        BadField::new("/accent", code, &bad.to_string())
    };
    Accent::parse(text).map(|accent| accent.to_string()).map_err(refused)
}

fn countries(tx: &Tx, list: &[String]) -> Result<String, BadField> {
    let served = &tx.settings.verification.countries;
    if list.is_empty() || !list.iter().all(|country| served.contains(country)) {
        let detail = format!("Name one or more of the countries that are served: {}.", served.join(", "));
        return Err(BadField::new("/countries", "unknown_value", &detail));
    }
    // Each country once, in the order of the setting.
    let named: Vec<&str> =
        served.iter().filter(|country| list.contains(country)).map(String::as_str).collect();
    Ok(named.join(","))
}

fn notice_email(text: &str) -> Result<String, BadField> {
    let refused = || BadField::new("/notice_email", "invalid_email", "Write an e-mail address.");
    Email::parse(text).map(|email| email.as_str().to_owned()).ok_or_else(refused)
}
