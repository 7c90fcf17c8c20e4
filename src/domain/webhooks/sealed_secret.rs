//! Storage of signing secrets: they are needed again to sign, so they are sealed rather than hashed, each
//! under a key of its endpoint that the database does not hold.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::kit::{Secret, WebhookId, seal, standard_webhooks};
use crate::platform::Tx;

/// Creates a secret for an endpoint, in plain and sealed form; `None` only if the cipher fails.
pub(super) fn make(tx: &Tx, endpoint_id: &WebhookId) -> Option<(Secret, String)> {
    let bytes = tx.random::<32>();
    let sealed = seal::seal(&key(tx, endpoint_id), &bytes, tx.entropy())?;
    Some((standard_webhooks::secret(&bytes), STANDARD_NO_PAD.encode(sealed)))
}

/// Opens a secret that [`make`] sealed; `None` if the keys have changed.
pub(super) fn open(tx: &Tx, endpoint_id: &WebhookId, sealed: &str) -> Option<Secret> {
    let bytes = seal::open(&key(tx, endpoint_id), &STANDARD_NO_PAD.decode(sealed).ok()?)?;
    Some(standard_webhooks::secret(&bytes))
}

fn key(tx: &Tx, endpoint_id: &WebhookId) -> [u8; 32] {
    tx.keys.derive("webhook-secret", &[endpoint_id.as_str().as_bytes()])
}
