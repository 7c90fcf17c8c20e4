//! The providers' own doors.

pub mod kannel;
pub mod twilio;

use crate::http::{Code, Problem};

fn forged() -> Problem {
    Problem::new(Code::SignatureInvalid, "Sign the callback with what is configured here.")
}
