//! Twilio's error codes, the same in the answer to a send and in a status callback.
//!
//! Codes change without notice. So the HTTP status class decides first, this small table second, and a
//! rejection that it does not know is final.

use crate::platform::outbox::Outcome;

/// Outcome of an error code; `None` if the table does not know it.
pub(super) fn meaning(code: u32) -> Option<Outcome> {
    Some(match code {
        20429 => Outcome::Retry("too_many_requests"),
        21408 => Outcome::TransportRejected("country_not_enabled"),
        21612 => Outcome::TransportRejected("no_route"),
        21614 => Outcome::TransportRejected("not_a_mobile"),
        30003 => Outcome::TransportRejected("handset_unreachable"),
        30005 => Outcome::TransportRejected("unknown_handset"),
        30006 => Outcome::TransportRejected("landline"),
        30008 => Outcome::TransportRejected("carrier_gives_no_reason"),
        20404 => Outcome::Rejected("not_found"),
        21211 => Outcome::Rejected("invalid_number"),
        21215 => Outcome::Rejected("calls_not_enabled"),
        21216 => Outcome::Rejected("number_blocked"),
        21602 => Outcome::Rejected("empty_text"),
        21604 => Outcome::Rejected("no_recipient"),
        21610 => Outcome::Rejected("opted_out"),
        21617 => Outcome::Rejected("text_too_long"),
        30450 | 60410 | 60605 => Outcome::Fraud("fraud"),
        20003 => Outcome::Misconfigured("authentication_failed"),
        21606 => Outcome::Misconfigured("sender_not_ours"),
        21703 => Outcome::Misconfigured("messaging_service_empty"),
        21705 => Outcome::Misconfigured("messaging_service_unknown"),
        30002 => Outcome::Misconfigured("account_suspended"),
        30018 | 30024 => Outcome::Misconfigured("sender_not_provisioned"),
        30032 | 30034 | 30035 => Outcome::Misconfigured("sender_not_registered"),
        _ => return None,
    })
}
