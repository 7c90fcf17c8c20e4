//! Signing in to the console: the only place that creates the secret stored in the session cookie.
//!
//! The pages ask in two steps: e-mail and password, then a code. The rules of both are those of
//! [`crate::domain::staff`]. In development a token of `admin staff create` opens the console too.

use aws_lc_rs::constant_time;

use crate::domain::printing;
use crate::domain::staff::PasswordHasher;
use crate::domain::staff::sign_in::{self, Attempt, Begun, Challenge, Finished};
use crate::domain::staff::{self, Refusal};
use crate::kit::{Email, Secret, Wait};
use crate::platform::tx::{Service, Tx};
use crate::web::http::Call;

/// The next step of a sign-in.
pub enum Step {
    /// Signed in; holds the secret for the cookie.
    In(Secret),
    /// Signed in for the first time, with the recovery codes that are shown only once.
    Enrolled {
        /// The secret for the cookie.
        secret: Secret,
        /// For signing in without the phone.
        recovery_codes: Vec<String>,
    },
    /// The password is right; the authenticator code is asked for next.
    Code {
        /// Sent back by the second step together with the code.
        challenge: Secret,
    },
    /// The password is right; this first sign-in sets up an authenticator.
    Enrol {
        /// Sent back by the second step together with the code.
        challenge: Secret,
        /// The TOTP secret, to be typed into the authenticator by hand.
        key: String,
        /// The same secret as a QR code (SVG).
        qr: String,
    },
    /// Wrong credentials; the answer does not tell which part was wrong.
    Wrong,
    /// The time allowed between the two steps has passed.
    Over,
    /// Rate limited: too many attempts.
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

/// First step: checks the e-mail address and password.
pub async fn begin(
    service: &Service,
    hasher: &PasswordHasher,
    email: &str,
    password: Secret,
    network: String,
) -> Result<Step, Refusal> {
    let Some(email) = Email::parse(email) else { return Ok(Step::Wrong) };
    let checked =
        match sign_in::check(service, hasher, Attempt { email, password, device: None, network }).await {
            Ok(checked) => checked,
            Err(refusal) => return Step::refused(refusal),
        };
    match service.write(move |tx| sign_in::begin(tx, &checked)).await {
        Ok(Begun::Challenge(challenge)) => Ok(Step::of(challenge)),
        Ok(Begun::Refused) => Ok(Step::Wrong),
        Err(refusal) => Step::refused(refusal),
    }
}

/// Second step: checks an authenticator or recovery code and opens the session, labeled with the browser.
pub async fn finish(service: &Service, challenge: Secret, code: &str, call: &Call) -> Result<Step, Refusal> {
    let code = match code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()) {
        true => sign_in::Code::Totp(code.to_owned()),
        false => sign_in::Code::Recovery(code.to_owned()),
    };
    let (network, agent) = (call.network.clone(), call.agent.clone());
    let finished = service.write(move |tx| {
        let Finished::Proven(proven) = sign_in::finish(tx, &challenge, &code, &network)? else {
            return Ok(Step::Wrong);
        };
        let secret = staff::open_console_session(tx, &proven, &agent)?;
        Ok::<_, Refusal>(match proven.recovery_codes {
            none if none.is_empty() => Step::In(secret),
            recovery_codes => Step::Enrolled { secret, recovery_codes },
        })
    });
    finished.await.or_else(Step::refused)
}

/// Signs in with a token of `admin staff create`; in development only.
pub fn by_token(tx: &mut Tx, token: Secret) -> Result<Step, Refusal> {
    if !tx.settings.is_development() {
        return Ok(Step::Wrong);
    }
    match staff::authenticate(tx, Some(&token)) {
        Ok(_) => Ok(Step::In(token)),
        Err(refused @ Refusal::Db(_)) => Err(refused),
        Err(_) => Ok(Step::Wrong),
    }
}

/// Records that the session was used, when that is due. The page is shown even if this write fails.
pub async fn keep_alive(service: &Service, secret: Secret) {
    let due = service.read(move |tx| {
        let who = staff::authenticate(tx, Some(&secret))?;
        Ok::<_, Refusal>(who.session_id.filter(|_| who.is_due))
    });
    if let Ok(Some(session_id)) = due.await {
        let kept = service.write(move |tx| staff::session::keep(tx, &session_id)).await;
        if let Err(error) = kept {
            tracing::warn!(%error, "could not record that a session was used");
        }
    }
}

/// Ends a session. A development token has no session: only its cookie is cleared.
pub fn end(tx: &mut Tx, secret: &Secret) -> Result<(), Refusal> {
    match staff::authenticate(tx, Some(secret)) {
        Ok(who) => Ok(staff::session::sign_out(tx, &who)?),
        Err(refused @ Refusal::Db(_)) => Err(refused),
        Err(_) => Ok(()),
    }
}

/// The CSRF token of a session's forms, so that no other site can send them.
pub fn form_token(service: &Service, secret: &Secret) -> String {
    service.keys.blind("csrf", &secret.hash())
}

/// Whether a form carries the CSRF token of this session.
pub fn is_form_token(service: &Service, secret: &Secret, given: &str) -> bool {
    let ours = form_token(service, secret);
    constant_time::verify_slices_are_equal(given.as_bytes(), ours.as_bytes()).is_ok()
}
