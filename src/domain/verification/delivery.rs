//! Delivery status of a verification's latest message.

use super::store;
use crate::kit::VerificationId;
use crate::platform::{Tx, db};

crate::text_enum! {
    /// Delivery status of a message.
    #[schema(as = VerificationDelivery)]
    pub enum Delivery {
        /// The message waits for its turn.
        Queued = "queued",
        /// The provider accepted the message.
        Sent = "sent",
        /// The message has arrived.
        Delivered = "delivered",
        /// The message did not arrive.
        Failed = "failed",
    }
}

/// What became known about a message after it was queued.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum DeliveryEvent {
    /// The provider accepted the message.
    Accepted,
    Delivered,
    /// The code expired before the message was sent.
    Expired,
    /// The message could not be sent.
    Failed,
    /// The number cannot be reached by this channel; after an SMS, a call may follow at once.
    Unreachable,
    /// The provider reported toll fraud.
    Fraud,
}

/// Records that the provider accepted messages, each the `send`-th of a session: [`record`] for many.
pub(super) fn accepted(tx: &mut Tx, messages: &[(VerificationId, i32)]) -> db::Result<()> {
    store::set_accepted(tx.conn, messages)
}

/// Records the event of a session's `send`-th message, unless a later one was sent. The status never goes
/// back: a delivery receipt may arrive before the reply to the send is stored.
pub(super) fn record(tx: &mut Tx, id: &VerificationId, send: i32, event: DeliveryEvent) -> db::Result<()> {
    use Delivery::{Delivered, Failed, Queued, Sent};
    let (delivery, after): (Delivery, &[Delivery]) = match event {
        DeliveryEvent::Accepted => (Sent, &[Queued]),
        DeliveryEvent::Delivered => (Delivered, &[Queued, Sent, Failed]),
        _ => (Failed, &[Queued, Sent]),
    };
    if store::set_delivery(tx.conn, id, send, delivery, after)? == 0 {
        return Ok(());
    }
    match event {
        DeliveryEvent::Accepted | DeliveryEvent::Delivered | DeliveryEvent::Expired => Ok(()),
        // A call is offered at once instead of after a minute.
        DeliveryEvent::Failed => store::offer_call(tx.conn, id, tx.now),
        DeliveryEvent::Unreachable => store::give_up_channel(tx.conn, id, tx.now),
        DeliveryEvent::Fraud => {
            metrics::counter!("verification_fraud_total").increment(1);
            store::close_channels(tx.conn, id)
        }
    }
}
