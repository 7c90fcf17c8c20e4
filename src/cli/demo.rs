//! The demo practice, which a first start in development shows.

use super::Failure;
use crate::domain::links::{self, NewLink};
use crate::domain::practices::{self, NewPractice, Plan};
use crate::kit::{Email, Language};
use crate::platform::{Service, db};

pub(super) use crate::web::dev::DEMO_CODE as CODE;

/// Creates the demo practice and its link, if the code is free.
pub(super) fn ensure(service: &Service) -> Result<(), Failure> {
    let created = service.write_blocking(|tx| {
        // A taken code stays as it is: the demo never replaces an existing link.
        if !matches!(links::resolve(tx, CODE), Err(links::Error::NotFound | links::Error::Mistyped)) {
            return Ok(());
        }
        let practice = practices::create(tx, &practice())?;
        let link = NewLink {
            tags: vec!["demo".into()],
            welcome: Some("Welcome to Oak Street Family Medicine. How can we help?".into()),
            is_default: true,
            ..NewLink::plain("Demo flyer")
        };
        links::create_with_code(tx, &practice.id, CODE, &link).map(drop)
    });
    created.map_err(|error: db::Error| error.into())
}

fn practice() -> NewPractice {
    NewPractice {
        name: "Oak Street Family Medicine".into(),
        city: "Springfield".into(),
        plan: Plan::Communicator,
        language: Language::En,
        time_zone: "America/Chicago".into(),
        notice_email: Email::parse("frontdesk@oakstreet.example"),
    }
}
