//! The URLs of Kannel's callbacks. Its receipts and inbound texts are plain GETs without a signature, so each
//! URL that we give it carries a token of ours: one per attempt, and one for inbound texts.

use super::settings::Settings;
use crate::kit::{DeliveryId, secret};
use crate::platform::Service;
use crate::platform::keys::Keys;

/// Token in the receipt URL of one attempt.
pub fn receipt_token(keys: &Keys, delivery_id: &DeliveryId) -> String {
    keys.blind("kannel-dlr", delivery_id.as_str())
}

/// Token in the URL of inbound texts.
pub fn inbound_token(keys: &Keys) -> String {
    keys.blind("kannel-inbound", "")
}

/// Base URL at which Kannel reaches this service.
pub fn origin<'a>(settings: &'a Settings, public_url: &'a str) -> &'a str {
    match settings.callback_url.as_str() {
        "" => public_url,
        url => url.trim_end_matches('/'),
    }
}

/// The `dlr-url` of one attempt. Kannel fills in `%d`; `%A`, the receipt's text, quotes the message, so it
/// is never asked for.
pub(super) fn receipt_url(origin: &str, keys: &Keys, delivery_id: &DeliveryId) -> String {
    let token = receipt_token(keys, delivery_id);
    format!("{origin}/v1/callbacks/kannel/{delivery_id}?token={token}&status=%d")
}

/// The `get-url` of Kannel's `sms-service`.
pub fn inbound_url(origin: &str, keys: &Keys) -> String {
    let token = inbound_token(keys);
    format!("{origin}/v1/callbacks/kannel/inbound?token={token}&id=%I&from=%p&to=%P&text=%a")
}

/// Whether `token` is valid for this attempt's receipts.
pub(super) fn is_receipt(service: &Service, delivery_id: &DeliveryId, token: &str) -> bool {
    secret::is_equal(receipt_token(&service.keys, delivery_id), token)
}

/// Whether `token` is valid for inbound texts.
pub(super) fn is_inbound(service: &Service, token: &str) -> bool {
    secret::is_equal(inbound_token(&service.keys), token)
}
