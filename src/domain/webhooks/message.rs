//! A webhook call as an outbox row: the request, its retry schedule, and its entry in the delivery log.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Delivery, DeliveryState, DisabledReason, sealed_secret, store};
use crate::domain::events::EventKind;
use crate::kit::{Secret, WebhookDeliveryId, WebhookId};
use crate::platform::event_log::Actor;
use crate::platform::outbox::{self, Job, Outcome, Outgoing, Rendered, Topic, WebhookCall};
use crate::platform::{Tx, db};

/// The waits between ten attempts: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h (plus jitter),
/// about three days in total.
const WAITS: [u64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

pub struct WebhookTopic;

impl WebhookTopic {
    pub const NAME: &'static str = "webhook";
}

/// A log entry and its round. A row of an earlier round is dropped when it is due: staff who ask for a
/// replay want one call now, not two.
#[derive(Serialize, Deserialize)]
struct Payload {
    delivery: WebhookDeliveryId,
    round: i32,
}

/// Queues a round of `delivery` for an endpoint.
pub(super) fn enqueue(tx: &mut Tx, endpoint_id: &WebhookId, delivery: &Delivery) -> db::Result<()> {
    let key = format!("hook:{}:{endpoint_id}", delivery.event_id);
    outbox::enqueue(
        tx,
        &outbox::Message {
            topic: WebhookTopic::NAME,
            priority: outbox::Priority::Notice,
            channel: outbox::Channel::Webhook,
            dedupe_key: match delivery.replays {
                0 => key,
                round => format!("{key}:{round}"),
            },
            recipient: None,
            payload: json!({ "delivery": delivery.id, "round": delivery.replays }),
            due: None,
            not_after: None,
        },
    )
    .map(drop)
}

impl Topic for WebhookTopic {
    fn render(&self, tx: &mut Tx, job: &Job) -> db::Result<Rendered> {
        let Some(Payload { delivery, round }) = job.payload() else { return Ok(Rendered::Unwanted) };
        let Some((endpoint, event_id, body)) = store::due(tx.conn, &delivery, round)? else {
            return Ok(Rendered::Unwanted);
        };
        let Some(secrets) = secrets(tx, &endpoint) else { return Ok(Rendered::NotYet("secret_unreadable")) };
        Ok(Rendered::Ready(Outgoing::Webhook(WebhookCall { url: endpoint.url, event_id, body, secrets })))
    }

    fn schedule(&self) -> &'static [u64] {
        &WAITS
    }

    /// An endpoint that fails for three days stays active: it may be repaired before the next event, and
    /// the log shows what it missed. An endpoint that answers 410 asks not to be called again.
    fn settled(&self, tx: &mut Tx, job: &Job, outcome: &Outcome, is_over: bool) -> db::Result<()> {
        let Some(Payload { delivery, round }) = job.payload() else { return Ok(()) };
        let result = store::CallResult {
            state: match (outcome, is_over) {
                (Outcome::Sent, _) => DeliveryState::Delivered,
                (_, true) => DeliveryState::Failed,
                (_, false) => DeliveryState::Queued,
            },
            outcome: match outcome {
                Outcome::Unwanted => "endpoint_disabled",
                other => other.label(),
            },
            calls: i32::from(*outcome != Outcome::Unwanted),
            at: is_over.then_some(tx.now),
        };
        match store::settle(tx.conn, &delivery, round, &result)? {
            Some(endpoint_id) if *outcome == Outcome::WEBHOOK_GONE => give_up(tx, &endpoint_id),
            _ => Ok(()),
        }
    }
}

/// Returns the current secret, and the previous one while it is still valid.
fn secrets(tx: &Tx, endpoint: &super::Endpoint) -> Option<Vec<Secret>> {
    let is_good = endpoint.old_secret_until.is_some_and(|until| until > tx.now);
    let old = endpoint.old_secret.as_ref().filter(|_| is_good);
    [&endpoint.secret]
        .into_iter()
        .chain(old)
        .map(|sealed| sealed_secret::open(tx, &endpoint.id, sealed))
        .collect()
}

fn give_up(tx: &mut Tx, endpoint_id: &WebhookId) -> db::Result<()> {
    if store::disable(tx.conn, endpoint_id, DisabledReason::Gone)? == 0 {
        return Ok(());
    }
    let practice_id = store::practice_of(tx.conn, endpoint_id)?;
    let detail = json!({ "reason": DisabledReason::Gone });
    tx.emit(Some(&practice_id), Actor::System, EventKind::WebhookDisabled, endpoint_id, detail);
    Ok(())
}
