//! Notifies the recipients on a link's list of new pairings.

use std::collections::HashMap;

use serde::Deserialize;

use super::message::{self, Kind, Payload};
use super::recipient::{self, Addressee};
use super::{Frequency, digest, store, zone};
use crate::domain::events::EventKind;
use crate::domain::links::{self, Destination};
use crate::kit::{DigestId, LinkId, PairingId, Timestamp};
use crate::platform::event_log::{Event, Reaction};
use crate::platform::{Tx, db};

/// More new patients than this within one burst window are merged into one mail.
const MOST_SINGLE: usize = 10;

/// Queues a mail, or joins a digest, for each new pairing and recipient.
pub struct NewPairings;

#[derive(Deserialize)]
struct Detail {
    link: LinkId,
    /// The link whose list is notified: the one that a retired link forwards to.
    effective_link: LinkId,
}

/// Who is notified of the pairings of a link, and how often.
struct List {
    id: LinkId,
    to: Destination,
    recipients: Vec<Listed>,
}

/// One who is notified.
struct Listed {
    addressee: Addressee,
    frequency: Frequency,
    /// The digest that the patients of this batch join, if there is one.
    joined: Option<Joined>,
}

/// Patients who join an open digest, which is counted once at the end of the batch.
struct Joined {
    digest: DigestId,
    /// When a digest of theirs would be due.
    due: Timestamp,
    count: i32,
    last_at: Timestamp,
}

impl Reaction for NewPairings {
    fn name(&self) -> &'static str {
        "notifications"
    }

    fn wants(&self, kind: &str) -> bool {
        kind == EventKind::PairingCreated.as_str()
    }

    fn react(&self, tx: &mut Tx, events: &[Event]) -> db::Result<()> {
        let mut lists = HashMap::<(LinkId, LinkId), Option<List>>::new();
        for event in events {
            let Ok(Detail { link, effective_link }) = serde_json::from_value(event.detail()) else {
                continue;
            };
            let key = (link, effective_link);
            if !lists.contains_key(&key) {
                let list = list(tx, &key)?;
                lists.insert(key.clone(), list);
            }
            if let Some(Some(list)) = lists.get_mut(&key) {
                announce(tx, list, &PairingId::from(&*event.subject), event.at)?;
            }
        }
        let listed = lists.into_values().flatten().flat_map(|list| list.recipients);
        for Joined { digest, count, last_at, .. } in listed.filter_map(|listed| listed.joined) {
            digest::count(tx, &digest, count, last_at)?;
        }
        Ok(())
    }
}

fn list(tx: &mut Tx, (link_id, list_id): &(LinkId, LinkId)) -> db::Result<Option<List>> {
    let Some(to) = links::find_destination(tx, link_id)? else { return Ok(None) };
    let addressees = recipient::of_link(tx, list_id, &to.practice)?;
    let recipients = addressees.iter().map(|addressee| &addressee.recipient);
    let mut chosen = store::frequencies(tx.conn, std::slice::from_ref(list_id), recipients)?;
    let with_frequency = |addressee: Addressee| {
        let frequency = chosen.remove(&(addressee.recipient.clone(), list_id.clone())).unwrap_or_default();
        Listed { addressee, frequency, joined: None }
    };
    let recipients = addressees.into_iter().map(with_frequency).collect();
    Ok(Some(List { id: list_id.clone(), to, recipients }))
}

fn announce(tx: &mut Tx, list: &mut List, pairing_id: &PairingId, at: Timestamp) -> db::Result<()> {
    let mut bursts = None;
    let zone = zone(&list.to.practice);
    for listed in &mut list.recipients {
        let payload = Payload::new(tx, &list.to.practice.id, &listed.addressee).about(&list.to.link.id);
        let payload = Payload { at, ..payload };
        let frequency = listed.frequency;
        // After an outage the moment of the event's own digest may be over.
        let due = frequency.due(at, &zone);
        let due = if due > tx.now { due } else { frequency.due(tx.now, &zone) };
        match frequency {
            Frequency::Off => {}
            _ if listed.join(tx, &list.id, due, at)? => {}
            Frequency::Immediate if !is_burst(tx, &list.to.link.id, pairing_id, at, &mut bursts)? => {
                message::enqueue(tx, Kind::NewPairing, pairing_id.as_str(), &payload)?;
            }
            _ => digest::open(tx, &list.id, payload, due)?,
        }
    }
    Ok(())
}

impl Listed {
    /// Adds a patient to the open digest, if there is one.
    fn join(&mut self, tx: &mut Tx, list: &LinkId, due: Timestamp, at: Timestamp) -> db::Result<bool> {
        if let Some(joined) = self.joined.as_mut().filter(|joined| joined.due == due) {
            joined.count += 1;
            joined.last_at = joined.last_at.max(at);
            return Ok(true);
        }
        let Some(digest) = digest::lock_open(tx, &self.addressee.recipient, list, due)? else {
            return Ok(false);
        };
        if let Some(Joined { digest, count, last_at, .. }) = self.joined.take() {
            digest::count(tx, &digest, count, last_at)?;
        }
        self.joined = Some(Joined { digest, due, count: 1, last_at: at });
        Ok(true)
    }
}

/// Whether a link brought so many patients before and with this one that one more mail each would bury the
/// inbox. `known` is the answer of this pairing for an earlier recipient.
fn is_burst(
    tx: &mut Tx,
    link_id: &LinkId,
    pairing_id: &PairingId,
    at: Timestamp,
    known: &mut Option<bool>,
) -> db::Result<bool> {
    if let Some(known) = known {
        return Ok(*known);
    }
    let most = i64::try_from(MOST_SINGLE + 1).unwrap_or(i64::MAX);
    let since = Frequency::burst_began(at);
    let is_burst = store::paired_between(tx.conn, link_id, since, (at, pairing_id), most)? > MOST_SINGLE;
    *known = Some(is_burst);
    Ok(is_burst)
}
