//! The hash of an event in its chain.

use serde_json::{Value, json};

use super::store::Event;
use crate::kit::secret::sha256;
use crate::kit::{EventId, Id as _};

/// SHA-256 over the previous hash and the event. JSON has only one reading, so no two events are encoded in
/// the same way. Events of the first audit log were hashed without the fields that only the event log has.
pub(super) fn hash(before: &str, event: &Event) -> String {
    let mut canonical = serde_json::json!([
        before,
        event.chain,
        event.chain_seq,
        event.id,
        event.practice_id,
        event.actor,
        event.kind,
        event.subject,
        event.detail,
        event.at.millis(),
    ]);
    if let Value::Array(fields) = &mut canonical
        && event.id.as_str().starts_with(EventId::PREFIX)
    {
        fields.extend([json!(event.account_id), json!(event.conversation_id), json!(event.place)]);
    }
    sha256(canonical.to_string().as_bytes())
}
