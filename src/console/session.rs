//! Signing in to the console: the one place that knows how a secret for the cookie is come by.
//!
//! The pages ask in two steps, e-mail with password and then a code. The rules of both are the staff's own; in
//! development a token of `admin staff create` opens the console too.

use aws_lc_rs::constant_time;

use crate::app::{App, Ctx};
use crate::db::Conn;
use crate::http::Call;
use crate::kit::{Email, Secret, Wait};
use crate::printing;
use crate::staff::sign_in::{self, Attempt, Begun, Challenge, Finished};
use crate::staff::{self, Refusal};

/// How a sign-in goes on.
pub enum Step {
    /// Signed in: what the cookie holds.
    In(Secret),
    /// Signed in for the first time, with what is shown this once.
    Enrolled {
        /// What the cookie holds.
        secret: Secret,
        /// For whoever loses the phone.
        recovery_codes: Vec<String>,
    },
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
    /// The time between the two steps is over.
    Over,
    /// Too many tries.
    Wait(Wait),
}

impl Step {
    fn refused(refusal: Refusal) -> Result<Self, Refusal> {
        match refusal {
            Refusal::Limited(wait) => Ok(Self::Wait(wait)),
            Refusal::ChallengeInvalid => Ok(Self::Over),
            other => Err(other),
        }
    }

    fn of(challenge: Challenge) -> Self {
        let Challenge { secret: challenge, enrol, .. } = challenge;
        match enrol {
            None => Self::Code { challenge },
            Some(enrol) => {
                let qr = printing::qr_of_text(&enrol.otpauth_url).unwrap_or_default();
                Self::Enrol { challenge, key: enrol.secret, qr }
            }
        }
    }
}

/// The first step: an address and a password, from a network.
pub async fn begin(app: &App, email: &str, password: Secret, network: String) -> Result<Step, Refusal> {
    let Some(email) = Email::parse(email) else { return Ok(Step::Wrong) };
    let checked = match sign_in::check(app, Attempt { email, password, device: None, network }).await {
        Ok(checked) => checked,
        Err(refusal) => return Step::refused(refusal),
    };
    match app.write(move |ctx, conn| sign_in::begin(ctx, conn, &checked)).await {
        Ok(Begun::Challenge(challenge)) => Ok(Step::of(challenge)),
        Ok(Begun::Refused) => Ok(Step::Wrong),
        Err(refusal) => Step::refused(refusal),
    }
}

/// The second step: the code of an authenticator, or a recovery code; `agent` is the browser.
pub async fn finish(app: &App, challenge: Secret, code: &str, call: &Call) -> Result<Step, Refusal> {
    let code = match code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()) {
        true => sign_in::Code::Totp(code.to_owned()),
        false => sign_in::Code::Recovery(code.to_owned()),
    };
    let (network, agent) = (call.network.clone(), call.agent.clone());
    let finished = app.write(move |ctx, conn| {
        let Finished::Proven(proven) = sign_in::finish(ctx, conn, &challenge, &code, &network)? else {
            return Ok(Step::Wrong);
        };
        let secret = staff::open_console_session(ctx, conn, &proven, &agent)?;
        Ok::<_, Refusal>(match proven.recovery_codes {
            none if none.is_empty() => Step::In(secret),
            recovery_codes => Step::Enrolled { secret, recovery_codes },
        })
    });
    finished.await.or_else(Step::refused)
}

/// In development alone: a token of `admin staff create`.
pub fn by_token(ctx: &Ctx, conn: &mut Conn, token: Secret) -> Result<Step, Refusal> {
    if !ctx.config.is_development() {
        return Ok(Step::Wrong);
    }
    match staff::authenticate(ctx, conn, Some(&token)) {
        Ok(_) => Ok(Step::In(token)),
        Err(refused @ Refusal::Db(_)) => Err(refused),
        Err(_) => Ok(Step::Wrong),
    }
}

/// Notes that a session is in use, where that is due; a page is shown whether or not this can be noted.
pub async fn keep_alive(app: &App, secret: Secret) {
    let due = app.read(move |ctx, conn| {
        let who = staff::authenticate(ctx, conn, Some(&secret))?;
        Ok::<_, Refusal>(who.session_id.filter(|_| who.is_due))
    });
    if let Ok(Some(session_id)) = due.await {
        let kept = app.write(move |ctx, conn| staff::session::keep(ctx, conn, &session_id)).await;
        if let Err(error) = kept {
            tracing::warn!(%error, "a session's use could not be noted");
        }
    }
}

/// Ends a session. A development token has none: it is forgotten with the cookie.
pub fn end(ctx: &Ctx, conn: &mut Conn, secret: &Secret) -> Result<(), Refusal> {
    match staff::authenticate(ctx, conn, Some(secret)) {
        Ok(who) => Ok(staff::session::sign_out(ctx, conn, &who)?),
        Err(refused @ Refusal::Db(_)) => Err(refused),
        Err(_) => Ok(()),
    }
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
