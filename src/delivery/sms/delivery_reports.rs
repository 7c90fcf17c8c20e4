//! Delivery reports of providers.
//!
//! A report names our own attempt, so it may arrive before the answer to the send is stored. The outbox
//! moves receipts only forward: a report that is repeated, late, out of order or about an unknown attempt
//! changes nothing, and still gets a success response, because a provider repeats what was refused.

use crate::delivery::Delivery;
use crate::kit::DeliveryId;
use crate::platform::outbox::{self, Channel, Outcome, Report, Topics};
use crate::platform::{Tx, db};

/// Processes a report from `provider` on one attempt to send a text or call.
///
/// A provider that accepts messages and then drops them, because our account there is misconfigured,
/// looks healthy to the worker. Without a fallback, and calls have none, its channel is paused until
/// the account is fixed.
pub(super) fn record(
    tx: &mut Tx,
    (delivery, topics): (&Delivery, &Topics),
    (provider, channel): (&'static str, Channel),
    delivery_id: &DeliveryId,
    report: &Report,
) -> db::Result<()> {
    let is_news = outbox::report(tx, topics, delivery_id, report)?;
    let label = if is_news { report.receipt().as_str() } else { "nothing_new" };
    metrics::counter!("provider_reports_total", "provider" => provider, "report" => label).increment(1);
    match report {
        Report::Undelivered(Outcome::Misconfigured(why)) if is_news => {
            let is_taken_over = channel == Channel::Sms && delivery.settings.sms.fallback.is_some();
            tracing::error!(
                provider,
                channel = channel.as_str(),
                why,
                "the provider drops our messages: our account there is misconfigured"
            );
            if is_taken_over { Ok(()) } else { outbox::pause_by_report(tx, channel, why) }
        }
        _ => Ok(()),
    }
}
