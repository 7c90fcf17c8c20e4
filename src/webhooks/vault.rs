//! Signing secrets at rest: they must be had again to sign, so they are sealed and not hashed, each under a key
//! of its endpoint's that the database does not hold.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::app::Ctx;
use crate::kit::{Secret, seal, standard_webhooks};

/// A fresh secret for an endpoint, and the same sealed; `None` only when the cipher itself fails.
pub fn make(ctx: &Ctx, endpoint_id: &str) -> Option<(Secret, String)> {
    let bytes = ctx.random::<32>();
    let sealed = seal::seal(&key(ctx, endpoint_id), &bytes, ctx.entropy())?;
    Some((standard_webhooks::secret(&bytes), STANDARD_NO_PAD.encode(sealed)))
}

/// Opens what [`make`] sealed; `None` where the keys are others by now.
pub fn open(ctx: &Ctx, endpoint_id: &str, sealed: &str) -> Option<Secret> {
    let bytes = seal::open(&key(ctx, endpoint_id), &STANDARD_NO_PAD.decode(sealed).ok()?)?;
    Some(standard_webhooks::secret(&bytes))
}

fn key(ctx: &Ctx, endpoint_id: &str) -> [u8; 32] {
    ctx.keys.derive("webhook-secret", &[endpoint_id.as_bytes()])
}
