//! HTTP handlers of the providers' callbacks.

pub mod kannel;
pub mod twilio;

use crate::web::http::{Code, Problem};

fn forged() -> Problem {
    Problem::new(Code::SignatureInvalid, "Sign the callback with the secret that is configured here.")
}
