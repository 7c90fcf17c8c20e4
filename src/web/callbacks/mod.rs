//! HTTP handlers of the callbacks of providers and mail servers.

pub mod kannel;
pub mod mail_events;
pub mod twilio;

use crate::web::http::{Code, Problem};

fn invalid_signature() -> Problem {
    Problem::new(Code::SignatureInvalid, "Sign the callback with the secret that is configured here.")
}
