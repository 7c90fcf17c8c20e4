//! Which webhook events follow from what happened.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::store::{self, Endpoint};
use super::{Fact, message};
use crate::domain::events::EventKind;
use crate::domain::links;
use crate::kit::{
    ConversationId, EventId, InviteId, LinkId, PairingId, PatientId, PracticeId, WebhookDeliveryId,
};
use crate::platform::event_log::{Event, Reaction};
use crate::platform::{Tx, db};

/// Queues calls to the endpoints that subscribe to what happened.
pub struct Webhooks;

impl Reaction for Webhooks {
    fn name(&self) -> &'static str {
        "webhooks"
    }

    fn wants(&self, kind: &str) -> bool {
        kind.parse().is_ok_and(|kind| {
            matches!(
                kind,
                EventKind::PairingCreated
                    | EventKind::IdentityConfirmed
                    | EventKind::IdentityDoubted
                    | EventKind::IdentityRejected
                    | EventKind::IdentityUndone
                    | EventKind::InviteAccepted
                    | EventKind::LinkCreated
                    | EventKind::LinkChanged
            )
        })
    }

    fn react(&self, tx: &mut Tx, events: &[Event]) -> db::Result<()> {
        let mut endpoints = HashMap::<PracticeId, Vec<Endpoint>>::new();
        for event in events {
            let Some(practice_id) = &event.practice_id else { continue };
            if !endpoints.contains_key(practice_id) {
                endpoints.insert(practice_id.clone(), store::active(tx.conn, practice_id)?);
            }
            match endpoints.get(practice_id) {
                Some(endpoints) if !endpoints.is_empty() => follow(tx, practice_id, event, endpoints)?,
                _ => {}
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct PairingDetail {
    link: LinkId,
    source: String,
    conversation: ConversationId,
    patient: PatientId,
}

#[derive(Deserialize)]
struct InviteDetail {
    pairing: PairingId,
    conversation: ConversationId,
}

fn follow(tx: &mut Tx, practice_id: &PracticeId, event: &Event, endpoints: &[Endpoint]) -> db::Result<()> {
    let detail = event.detail();
    let call = |tx: &mut Tx, fact: &Fact<'_>| fan_out(tx, practice_id, event, fact, endpoints);
    match EventKind::of(event) {
        Some(EventKind::PairingCreated) => {
            let Ok(detail) = serde_json::from_value::<PairingDetail>(detail) else { return Ok(()) };
            let PairingDetail { link, source, conversation, patient } = &detail;
            let pairing_id = &PairingId::from(&*event.subject);
            let (conversation_id, patient_id, link_id, method) =
                (conversation, patient, link, source.as_str());
            call(tx, &Fact::PairingCreated { pairing_id, conversation_id, patient_id, link_id, method })?;
            call(tx, &Fact::ConversationCreated { conversation_id, pairing_id, patient_id, link_id })
        }
        Some(EventKind::InviteAccepted) => {
            let Ok(detail) = serde_json::from_value::<InviteDetail>(detail) else { return Ok(()) };
            let invite_id = &InviteId::from(&*event.subject);
            let (pairing_id, conversation_id) = (&detail.pairing, &detail.conversation);
            call(tx, &Fact::InviteAccepted { invite_id, pairing_id, conversation_id })
        }
        Some(EventKind::LinkCreated | EventKind::LinkChanged) => {
            let Some(link) = links::find(tx, &LinkId::from(&*event.subject))? else { return Ok(()) };
            let state = detail.pointer("/after/state").and_then(Value::as_str).unwrap_or(link.state.as_str());
            call(tx, &Fact::LinkChanged { link_id: &link.id, code: &link.code, state })
        }
        _ => {
            let conversation_id = &ConversationId::from(&*event.subject);
            let state = detail.get("after").and_then(Value::as_str).unwrap_or_default();
            let phi_allowed = detail.get("phi_allowed").and_then(Value::as_bool).unwrap_or_default();
            call(tx, &Fact::IdentityChanged { conversation_id, state, phi_allowed })
        }
    }
}

fn fan_out(
    tx: &mut Tx,
    practice_id: &PracticeId,
    event: &Event,
    fact: &Fact<'_>,
    endpoints: &[Endpoint],
) -> db::Result<()> {
    let wanting: Vec<&Endpoint> = endpoints.iter().filter(|one| one.wants(fact.kind())).collect();
    if wanting.is_empty() {
        return Ok(());
    }
    // An event of the log can be two events of a webhook, so these have ids of their own.
    let event_id = tx.id::<EventId>();
    store::insert_event(tx.conn, &event_id, practice_id, (fact.kind(), &fact.body(event.at)), event.at)?;
    for endpoint in wanting {
        let id = tx.id::<WebhookDeliveryId>();
        let delivery = store::insert_delivery(tx.conn, &id, &endpoint.id, &event_id, event.at)?;
        message::enqueue(tx, &endpoint.id, &delivery)?;
    }
    Ok(())
}
