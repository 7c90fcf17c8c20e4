//! How staff are turned away.

use super::Refusal;
use crate::http::{Code, Problem};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unauthorized => Self::new(Code::Unauthorized, "Send a living staff token."),
            Refusal::Forbidden => Self::new(Code::StaffForbidden, "Ask an admin of your practice."),
            Refusal::Db(error) => error.into(),
        }
    }
}
