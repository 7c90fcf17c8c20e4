//! The practice's audit log, for its admins. Exporting it as a file is an audit event itself.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::json;

use super::{Refusal, practice, zone};
use crate::domain::staff::{self, Role};
use crate::kit::{Secret, Timestamp, csv};
use crate::platform::audit::{self, Filter, Row};
use crate::platform::tx::Tx;

/// The most events that one exported file holds.
const MOST: i64 = 100_000;

/// The filter of an audit query, as given in the request.
#[derive(Debug, Default)]
pub struct Asked {
    /// An action such as `link.changed`, or only the part before the dot.
    pub action: Option<String>,
    /// Id of the staff member or account, `operator` or `system`.
    pub actor: Option<String>,
    /// First day in the practice's time zone, or an RFC 3339 time.
    pub from: Option<String>,
    /// Last day (included), or the time before which the events happened.
    pub to: Option<String>,
}

/// Lists up to `limit` events before the one with the key `before`, newest first.
pub fn list(
    tx: &mut Tx,
    token: Option<&Secret>,
    asked: &Asked,
    (before, limit): (&str, i64),
) -> Result<Vec<Row>, Refusal> {
    let who = staff::authenticate_to_configure(tx, token)?;
    let filter = filter(asked, &zone(&practice(tx, &who)?))?;
    Ok(audit::list(tx.conn, &who.practice_id, &filter, before, limit)?)
}

/// Exports the events as CSV, oldest first, and records the export in the audit log. Admins only.
pub fn export(tx: &mut Tx, token: Option<&Secret>, asked: &Asked) -> Result<String, Refusal> {
    let who = staff::authenticate(tx, token)?;
    if who.role != Role::Admin {
        return Err(staff::Refusal::Forbidden.into());
    }
    let filter = filter(asked, &zone(&practice(tx, &who)?))?;
    let mut rows = audit::list(tx.conn, &who.practice_id, &filter, "", MOST + 1)?;
    if rows.len() > usize::try_from(MOST).unwrap_or(usize::MAX) {
        return Err(Refusal::TooManyEvents);
    }
    rows.reverse();
    let Asked { action, actor, from, to } = asked;
    let detail = json!({ "events": rows.len(), "action": action, "actor": actor, "from": from, "to": to });
    who.note(tx, "audit.exported", who.practice_id.as_str(), detail)?;
    Ok(file(&rows))
}

fn file(rows: &[Row]) -> String {
    let mut text = csv::row(&["id", "at", "actor", "action", "subject", "detail", "number", "hash"]);
    for row in rows {
        let (at, number) = (row.created_at.to_string(), row.seq.map(|seq| seq.to_string()));
        let hash = row.hash.as_deref().unwrap_or_default();
        let number = number.as_deref().unwrap_or_default();
        let cells = [row.id.as_str(), &at, &row.actor, &row.action, &row.subject, &row.detail, number, hash];
        text += &csv::row(&cells);
    }
    text
}

fn filter(asked: &Asked, zone: &TimeZone) -> Result<Filter, Refusal> {
    let moment = |text: &Option<String>, days, field| {
        let at = text.as_deref().map(|text| moment(text, days, zone)).transpose();
        at.map_err(|NoMoment| Refusal::NoMoment(field))
    };
    Ok(Filter {
        action: asked.action.clone(),
        actor: asked.actor.clone(),
        from: moment(&asked.from, 0, "/from")?,
        to: moment(&asked.to, 1, "/to")?,
    })
}

struct NoMoment;

/// Parses an RFC 3339 time, or the start of the day that is `days` after the given date.
fn moment(text: &str, days: i64, zone: &TimeZone) -> Result<Timestamp, NoMoment> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Ok(Timestamp::from_millis(at.as_millisecond()));
    }
    let day: Date = text.parse().map_err(|_| NoMoment)?;
    let day = day.checked_add(jiff::Span::new().days(days)).map_err(|_| NoMoment)?;
    let at = day.to_zoned(zone.clone()).map_err(|_| NoMoment)?.timestamp();
    Ok(Timestamp::from_millis(at.as_millisecond()))
}
