//! HTTP handlers of the callbacks of providers and mail servers.

pub(super) mod kannel;
pub(super) mod mail_events;
pub(super) mod twilio;

use crate::web::http::{Code, Problem};

fn invalid_signature() -> Problem {
    Problem::new(Code::SignatureInvalid, "Sign the callback with the secret that is configured here.")
}
