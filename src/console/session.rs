//! Signing in to the console: the one place that knows how a secret for the cookie is come by.
//!
//! The pages ask in two steps, e-mail with password and then a code. The rules of both are the staff's own; in
//! development a token of `admin staff create` opens the console too.

use aws_lc_rs::constant_time;

use crate::app::Ctx;
use crate::db::Conn;
use crate::kit::{Secret, Wait};
use crate::staff::{self, Refusal};

/// How a sign-in goes on.
pub enum Step {
    /// Signed in: what the cookie holds.
    In(Secret),
    /// The password is right; the code of an authenticator is asked for.
    Code {
        /// What the second step hands in beside the code.
        challenge: Secret,
    },
    /// The password is right, and the first sign-in sets an authenticator up.
    Enrol {
        /// What the second step hands in beside the code.
        challenge: Secret,
        /// The secret as an authenticator takes it, typed by hand.
        key: String,
        /// The same as a QR code (SVG).
        qr: String,
    },
    /// Not right; which part of it is not said.
    Wrong,
    /// Too many tries.
    Wait(Wait),
}

/// The first step: an address and a password.
pub fn begin(_ctx: &Ctx, _conn: &mut Conn, _email: &str, _password: &Secret) -> Result<Step, Refusal> {
    // Nobody has a password before staff sign-in is there; a pair that nobody has is wrong.
    Ok(Step::Wrong)
}

/// The second step: the code of an authenticator, or a recovery code.
pub fn finish(_ctx: &Ctx, _conn: &mut Conn, _challenge: &Secret, _code: &str) -> Result<Step, Refusal> {
    Ok(Step::Wrong)
}

/// In development alone: a token of `admin staff create`.
pub fn by_token(ctx: &Ctx, conn: &mut Conn, token: Secret) -> Result<Step, Refusal> {
    if !ctx.config.is_development() {
        return Ok(Step::Wrong);
    }
    match staff::authenticate(ctx, conn, Some(&token)) {
        Ok(_) => Ok(Step::In(token)),
        Err(Refusal::Unauthorized | Refusal::Forbidden) => Ok(Step::Wrong),
        Err(refused @ Refusal::Db(_)) => Err(refused),
    }
}

/// Ends a session. A development token has none: it is forgotten with the cookie.
pub fn end(_ctx: &Ctx, _conn: &mut Conn, _secret: &Secret) -> Result<(), Refusal> {
    Ok(())
}

/// What a form of this session carries, so that no other site can send it.
pub fn form_token(ctx: &Ctx, secret: &Secret) -> String {
    ctx.keys.blind("csrf", &secret.hash())
}

/// Whether a form carries the token of this session.
pub fn is_form_token(ctx: &Ctx, secret: &Secret, given: &str) -> bool {
    let ours = form_token(ctx, secret);
    constant_time::verify_slices_are_equal(given.as_bytes(), ours.as_bytes()).is_ok()
}
