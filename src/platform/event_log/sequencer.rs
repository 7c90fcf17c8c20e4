//! The sequencer: gives committed events their numbers and continues the hash chains. The caller holds the
//! lock that lets one sequencer run at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::chain;
use super::store::{self, Event, Head};
use crate::platform::{Tx, db};

/// Numbers up to `limit` waiting events from `head` on, and returns them in the order of their numbers.
pub(super) fn number(tx: &mut Tx, head: i64, limit: i64) -> db::Result<Vec<Event>> {
    let mut events = store::waiting(tx.conn, limit)?;
    if events.is_empty() {
        return Ok(events);
    }
    in_order_of_conversations(&mut events);
    for (event, seq) in events.iter_mut().zip(head + 1..) {
        event.seq = Some(seq);
    }
    let mut heads = heads(tx, &events)?;
    for event in &mut events {
        let chain = event.chain.clone().unwrap_or_default();
        let head = heads.entry(chain.clone()).or_insert(Head { chain, seq: 0, hash: String::new() });
        head.seq += 1;
        event.chain_seq = Some(head.seq);
        head.hash = chain::hash(&head.hash, event);
        event.chain_hash = Some(head.hash.clone());
    }
    store::set_numbers(tx.conn, &events)?;
    store::set_heads(tx.conn, heads.values())?;
    Ok(events)
}

fn heads(tx: &mut Tx, events: &[Event]) -> db::Result<BTreeMap<String, Head>> {
    let chains: BTreeSet<&str> = events.iter().filter_map(|event| event.chain.as_deref()).collect();
    let chains: Vec<&str> = chains.into_iter().collect();
    let heads = store::heads(tx.conn, Some(&chains))?;
    Ok(heads.into_iter().map(|head| (head.chain.clone(), head)).collect())
}

/// Sorts the events of each conversation by their place, among the slots that they have. Ids begin with the
/// moment when their unit of work began, and of two that changed a conversation the earlier may have begun
/// later.
fn in_order_of_conversations(events: &mut [Event]) {
    let mut slots: HashMap<_, Vec<usize>> = HashMap::new();
    for (index, event) in events.iter().enumerate() {
        if let Some(id) = &event.conversation_id {
            slots.entry(id.clone()).or_default().push(index);
        }
    }
    for slots in slots.into_values() {
        let mut sorted: Vec<Event> = slots.iter().filter_map(|slot| events.get(*slot).cloned()).collect();
        sorted.sort_by_key(|event| event.place);
        for (slot, event) in slots.into_iter().zip(sorted) {
            if let Some(place) = events.get_mut(slot) {
                *place = event;
            }
        }
    }
}
