//! Adds what happened to the counters of its link.

use std::collections::{BTreeMap, BTreeSet};

use super::{Step, store, writer};
use crate::domain::events::EventKind;
use crate::kit::LinkId;
use crate::platform::event_log::{Event, Reaction};
use crate::platform::{Tx, db};

/// Counts the steps that are facts.
pub struct Funnel;

/// The step that an event is, if it is one.
fn step(kind: &str) -> Option<Step> {
    Some(match kind.parse().ok()? {
        EventKind::PendingPairingMessageSent | EventKind::VerificationMessageSent => Step::SmsSent,
        EventKind::PendingPairingPhoneProven | EventKind::VerificationApproved => Step::Verified,
        EventKind::PairingCreated => Step::Paired,
        EventKind::IdentityConfirmed => Step::Confirmed,
        EventKind::IdentityRejected => Step::Rejected,
        _ => return None,
    })
}

/// The link that an event counts for.
fn link(event: &Event) -> Option<LinkId> {
    event.detail().get("link")?.as_str().map(LinkId::from)
}

impl Reaction for Funnel {
    fn name(&self) -> &'static str {
        "funnel"
    }

    fn wants(&self, kind: &str) -> bool {
        step(kind).is_some()
    }

    fn react(&self, tx: &mut Tx, events: &[Event]) -> db::Result<()> {
        let steps = events.iter().filter_map(|event| Some((link(event)?, step(&event.kind)?, event.at)));
        let steps: Vec<_> = steps.collect();
        let links: BTreeSet<&LinkId> = steps.iter().map(|(link, ..)| link).collect();
        let zones = store::zones(tx.conn, links)?;
        let mut counters = BTreeMap::<_, i64>::new();
        for (link, step, at) in &steps {
            // A link that the database does not know has no counters.
            if let Some(zone) = zones.get(link) {
                *counters.entry((link, writer::day(*at, zone), *step)).or_default() += 1;
            }
        }
        // Only one reaction runs at a time, so the counters need no slots to spread over.
        for ((link, day, step), count) in counters {
            store::add(tx.conn, link, &day, (step, ""), 0, count)?;
        }
        Ok(())
    }
}
