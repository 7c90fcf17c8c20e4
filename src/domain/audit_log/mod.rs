//! The practice's audit log, for its admins. Exporting it as a file is an audit event itself.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::json;

use crate::domain::events::EventKind;
use crate::domain::staff::{self, Staff};
use crate::kit::{Timestamp, csv};
use crate::platform::event_log::{self, Event, Filter};
use crate::platform::{Tx, db};

/// The most events that one exported file holds.
const MOST: i64 = 100_000;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Staff(#[from] staff::Error),
    /// This field of the query is neither a date nor a time.
    #[error("neither a date nor a time in {0}")]
    InvalidMoment(&'static str),
    /// More events than one exported file may hold.
    #[error("too many events")]
    TooManyEvents,
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// The filter of an audit query, as given in the request.
#[derive(Debug, Default)]
pub struct Query {
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
    who: &Staff,
    query: &Query,
    (before, limit): (&str, i64),
) -> Result<Vec<Event>, Error> {
    let filter = filter(query, &staff::practice(tx, who)?.zone())?;
    Ok(event_log::list(tx.conn, &who.practice_id, &filter, before, limit)?)
}

/// Exports the events as CSV, oldest first, and records the export in the audit log.
pub fn export(tx: &mut Tx, who: &Staff, query: &Query) -> Result<String, Error> {
    let filter = filter(query, &staff::practice(tx, who)?.zone())?;
    let mut rows = event_log::list(tx.conn, &who.practice_id, &filter, "", MOST + 1)?;
    if rows.len() > usize::try_from(MOST).unwrap_or(usize::MAX) {
        return Err(Error::TooManyEvents);
    }
    rows.reverse();
    let Query { action, actor, from, to } = query;
    let detail = json!({ "events": rows.len(), "action": action, "actor": actor, "from": from, "to": to });
    who.note(tx, EventKind::AuditExported, &who.practice_id, detail);
    Ok(file(&rows))
}

fn file(rows: &[Event]) -> String {
    let mut text = csv::row(&["id", "at", "actor", "action", "subject", "detail", "number", "hash"]);
    for row in rows {
        let (at, number) = (row.at.to_string(), row.chain_seq.map(|seq| seq.to_string()));
        let hash = row.chain_hash.as_deref().unwrap_or_default();
        let number = number.as_deref().unwrap_or_default();
        let cells = [row.id.as_str(), &at, &row.actor, &row.kind, &row.subject, &row.detail, number, hash];
        text += &csv::row(&cells);
    }
    text
}

fn filter(query: &Query, zone: &TimeZone) -> Result<Filter, Error> {
    let moment = |text: &Option<String>, days, field| {
        let at = text.as_deref().map(|text| moment(text, days, zone).ok_or(Error::InvalidMoment(field)));
        at.transpose()
    };
    Ok(Filter {
        kind: query.action.clone(),
        actor: query.actor.clone(),
        from: moment(&query.from, 0, "/from")?,
        to: moment(&query.to, 1, "/to")?,
        without: EventKind::not_audited().collect(),
    })
}

/// Parses an RFC 3339 time, or the start of the day that is `days` after the given date.
fn moment(text: &str, days: i64, zone: &TimeZone) -> Option<Timestamp> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Some(Timestamp::from_millis(at.as_millisecond()));
    }
    let day: Date = text.parse().ok()?;
    let day = day.checked_add(jiff::Span::new().days(days)).ok()?;
    Some(Timestamp::from_millis(day.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond()))
}
