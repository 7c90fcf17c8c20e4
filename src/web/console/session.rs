//! Signing in to the console: the only place that creates the secret stored in the session cookie.
//!
//! The pages ask in two steps: e-mail and password, then a code. The rules of both are those of
//! [`crate::domain::staff`]. In development a token of `admin staff create` opens the console too.

use crate::domain::printing;
use crate::domain::staff::sign_in::{self, Attempt, SignInChallenge};
use crate::domain::staff::{self, Error, PasswordHasher};
use crate::kit::{Email, Secret, Wait, secret};
use crate::platform::{Service, Tx};
use crate::web::http::RequestContext;

/// The next step of a sign-in.
pub(super) enum Step {
    /// Signed in; holds the secret for the cookie.
    SignedIn(Secret),
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
    Expired,
    /// Rate limited: too many attempts.
    Wait(Wait),
}

impl Step {
    fn refused(error: Error) -> Result<Self, Error> {
        match error {
            Error::Limited(wait) => Ok(Self::Wait(wait)),
            Error::ChallengeInvalid => Ok(Self::Expired),
            other => Err(other),
        }
    }

    fn of(challenge: SignInChallenge) -> Self {
        let SignInChallenge { secret: challenge, enrol, .. } = challenge;
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
pub(super) async fn begin(
    service: &Service,
    hasher: &PasswordHasher,
    email: &str,
    password: Secret,
    network: String,
) -> Result<Step, Error> {
    let Some(email) = Email::parse(email) else { return Ok(Step::Wrong) };
    let attempt = Attempt { email, password, device: None, network };
    let begun = match sign_in::check(service, hasher, attempt).await {
        Ok(checked) => service.write(move |tx| sign_in::begin(tx, &checked)).await,
        Err(error) => Err(error),
    };
    match begun {
        Ok(challenge) => Ok(challenge.map_or(Step::Wrong, Step::of)),
        Err(error) => Step::refused(error),
    }
}

/// Second step: checks an authenticator or recovery code and opens the session, labeled with the browser.
pub(super) async fn finish(
    service: &Service,
    challenge: Secret,
    code: &str,
    call: &RequestContext,
) -> Result<Step, Error> {
    let code = match code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()) {
        true => sign_in::Code::Totp(code.to_owned()),
        false => sign_in::Code::Recovery(code.to_owned()),
    };
    let (network, agent) = (call.network.clone(), call.agent.clone());
    let finished = service.write(move |tx| {
        let Some(staff) = sign_in::finish(tx, &challenge, &code, &network)? else { return Ok(Step::Wrong) };
        let secret = staff::open_console_session(tx, &staff, &agent)?;
        Ok(match staff.recovery_codes {
            none if none.is_empty() => Step::SignedIn(secret),
            recovery_codes => Step::Enrolled { secret, recovery_codes },
        })
    });
    finished.await.or_else(Step::refused)
}

/// Signs in with a token of `admin staff create`; in development only.
pub(super) fn by_token(tx: &mut Tx, token: Secret) -> Result<Step, Error> {
    if !tx.settings.is_development() {
        return Ok(Step::Wrong);
    }
    match staff::authenticate(tx, Some(&token)) {
        Ok(_) => Ok(Step::SignedIn(token)),
        Err(error @ Error::Db(_)) => Err(error),
        Err(_) => Ok(Step::Wrong),
    }
}

/// Records that the session was used, when that is due. The page is shown even if this write fails.
pub(super) async fn keep_alive(service: &Service, secret: Secret) {
    let due = service.read(move |tx| -> Result<_, Error> {
        let staff = staff::authenticate(tx, Some(&secret))?;
        Ok(staff.session_id.filter(|_| staff.is_due))
    });
    if let Ok(Some(session_id)) = due.await {
        let recorded = service.write(move |tx| staff::session::record_use(tx, &session_id)).await;
        if let Err(error) = recorded {
            tracing::warn!(%error, "could not record that a session was used");
        }
    }
}

/// Ends a session. A development token has no session: only its cookie is cleared.
pub(super) fn end(tx: &mut Tx, secret: &Secret) -> Result<(), Error> {
    match staff::authenticate(tx, Some(secret)) {
        Ok(staff) => Ok(staff::session::sign_out(tx, &staff)?),
        Err(error @ Error::Db(_)) => Err(error),
        Err(_) => Ok(()),
    }
}

/// The CSRF token of a session's forms, so that no other site can send them.
pub(super) fn form_token(service: &Service, secret: &Secret) -> String {
    service.keys.blind("csrf", &secret.hash())
}

/// Whether a form carries the CSRF token of this session.
pub(super) fn is_form_token(service: &Service, session: &Secret, given: &str) -> bool {
    secret::is_equal(form_token(service, session), given)
}
