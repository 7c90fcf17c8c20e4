//! The sign-up funnel of a link, for the staff who may see the link.

use serde_json::json;

use super::{ManageError, find_in_scope};
use crate::domain::events::EventKind;
use crate::domain::link_analytics::{self, Range, Report};
use crate::domain::staff::{self, Staff};
use crate::kit::LinkId;
use crate::platform::Tx;

/// Reports how many of a link's visitors reached each step of the sign-up. The days are ISO 8601 dates in
/// the practice's time zone.
pub fn funnel(
    tx: &mut Tx,
    who: &Staff,
    id: &LinkId,
    (from, to): (Option<&str>, Option<&str>),
    channel: Option<&str>,
) -> Result<Report, ManageError> {
    let link = find_in_scope(tx, who, id)?.ok_or(ManageError::NotFound)?;
    let zone = staff::practice(tx, who)?.zone();
    let range = Range::parse(from, to, tx.now.to_jiff().to_zoned(zone).date())?;
    Ok(link_analytics::of_link(tx, &link.id, range, channel)?)
}

/// Exports the funnel as CSV with small counts suppressed, and records the export in the audit log.
pub fn export_funnel(
    tx: &mut Tx,
    who: &Staff,
    id: &LinkId,
    days: (Option<&str>, Option<&str>),
    channel: Option<&str>,
) -> Result<String, ManageError> {
    let report = funnel(tx, who, id, days, channel)?;
    let detail = json!({ "from": report.from, "to": report.to, "channel": channel });
    who.note(tx, EventKind::FunnelExported, id, detail);
    Ok(link_analytics::csv(&report))
}
