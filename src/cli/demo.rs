//! The demo practice, which a first start in development shows.

use super::Failure;
use crate::domain::links::{self, NewLink};
use crate::domain::practices::{self, NewPractice};
use crate::kit::{Email, Language};
use crate::platform::db;
use crate::platform::tx::Service;

pub use crate::web::dev::DEMO_CODE as CODE;

/// Creates the demo practice and its link, if the code is free.
pub fn ensure(service: &Service) -> Result<(), Failure> {
    let made = service.write_blocking(|tx| {
        // A taken code stays as it is: the demo never replaces an existing link.
        if !matches!(links::resolve(tx, CODE), Err(links::Refusal::NotFound | links::Refusal::Mistyped)) {
            return Ok(());
        }
        let practice = practices::create(tx, &practice())?;
        let link = NewLink {
            tags: vec!["demo".into()],
            welcome: Some("Welcome to Oak Street Family Medicine. How can we help?".into()),
            is_default: true,
            ..NewLink::plain(&practice.id, "Demo flyer")
        };
        links::create_with_code(tx, CODE, &link).map(drop)
    });
    made.map_err(|error: db::Error| error.into())
}

fn practice() -> NewPractice {
    NewPractice {
        name: "Oak Street Family Medicine".into(),
        city: "Springfield".into(),
        plan: "communicator".into(),
        language: Language::En,
        time_zone: "America/Chicago".into(),
        notice_email: Email::parse("frontdesk@oakstreet.example"),
    }
}
