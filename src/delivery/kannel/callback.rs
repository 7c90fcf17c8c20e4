//! Kannel's callbacks. Its receipts and inbound texts are plain GETs without a signature, so each URL that
//! we give it carries a token of ours: one per attempt, and one for inbound texts.

use crate::kit::{DeliveryId, secret};
use crate::platform::Service;
use crate::platform::keys::Keys;
use crate::platform::outbox::{Outcome, Report};
use crate::platform::settings::Settings;

/// Token in the receipt URL of one attempt.
pub fn receipt_token(keys: &Keys, delivery_id: &DeliveryId) -> String {
    keys.blind("kannel-dlr", delivery_id.as_str())
}

/// Token in the URL of inbound texts.
pub fn inbound_token(keys: &Keys) -> String {
    keys.blind("kannel-inbound", "")
}

/// Base URL at which Kannel reaches this service.
pub fn origin(settings: &Settings) -> &str {
    match settings.kannel.callback_url.as_str() {
        "" => &settings.public_url,
        url => url.trim_end_matches('/'),
    }
}

/// The `dlr-url` of one attempt. Kannel fills in `%d`; `%A`, the receipt's text, quotes the message, so it
/// is never asked for.
pub fn receipt_url(settings: &Settings, keys: &Keys, delivery_id: &DeliveryId) -> String {
    let (origin, token) = (origin(settings), receipt_token(keys, delivery_id));
    format!("{origin}/v1/callbacks/kannel/{delivery_id}?token={token}&status=%d")
}

/// The `get-url` of Kannel's `sms-service`.
pub fn inbound_url(settings: &Settings, keys: &Keys) -> String {
    let (origin, token) = (origin(settings), inbound_token(keys));
    format!("{origin}/v1/callbacks/kannel/inbound?token={token}&id=%I&from=%p&to=%P&text=%a")
}

/// Whether `token` is valid for this attempt's receipts.
pub fn is_receipt(service: &Service, delivery_id: &DeliveryId, token: &str) -> bool {
    secret::is_equal(receipt_token(&service.keys, delivery_id), token)
}

/// Whether `token` is valid for inbound texts.
pub fn is_inbound(service: &Service, token: &str) -> bool {
    secret::is_equal(inbound_token(&service.keys), token)
}

/// Maps the status bits of a receipt: 1 delivered, 2 not delivered (34 expired and 66 unknown carry it
/// too), 4 buffered at the carrier, 8 accepted by the carrier, 16 rejected by the carrier.
pub fn report(status: u32) -> Option<Report> {
    let has = |bit: u32| status & bit != 0;
    if has(1) {
        Some(Report::Delivered)
    } else if has(32) {
        Some(Report::Undelivered(Outcome::TransportRejected("expired")))
    } else if has(2) {
        Some(Report::Undelivered(Outcome::TransportRejected("undelivered")))
    } else if has(16) {
        Some(Report::Undelivered(Outcome::Rejected("carrier_refused")))
    } else if has(8) {
        Some(Report::Sent)
    } else {
        has(4).then_some(Report::Accepted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn final_status_bits_win() {
        let word = |status| report(status).map(|report| report.receipt().as_str());
        assert_eq!(word(1), Some("delivered"));
        for lost in [2, 16, 32, 34, 66] {
            assert_eq!(word(lost), Some("undelivered"), "{lost}");
        }
        assert_eq!(word(8), Some("sent"));
        assert_eq!(word(4), Some("accepted"));
        assert_eq!(word(0), None);
        assert_eq!(word(64), None);
    }
}
