//! The doors of the practice's own view.

pub mod conversations;
pub mod events;
pub mod links;
pub mod notifications;
pub mod print;

use super::Refusal;
use crate::conversations::inbox;
use crate::http::{Code, FieldError, Problem};
use crate::links::EndpointRefusal;
use crate::notices;
use crate::printing::Unprintable;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Staff(staff) => staff.into(),
            Refusal::Endpoint(endpoint) => endpoint_problem(endpoint),
            Refusal::Stranger(field) => wrong(field, "unknown_id", "Your practice has nobody of this id."),
            Refusal::Range(bad) => wrong("/from", "invalid_range", &bad.to_string()),
            Refusal::Unprintable(Unprintable::Busy) => {
                Self::new(Code::Unavailable, "Nothing is lost. Try again in a moment.")
            }
            Refusal::Unprintable(_) => Self::new(Code::Internal, "This link cannot be printed."),
            Refusal::Notice(notice) => notice_problem(notice),
            Refusal::Inbox(inbox) => inbox_problem(inbox),
            Refusal::Db(error) => error.into(),
        }
    }
}

fn inbox_problem(refusal: inbox::Refusal) -> Problem {
    match refusal {
        inbox::Refusal::NotFound => Problem::new(Code::ConversationNotFound, "Check the conversation's id."),
        inbox::Refusal::Closed => {
            Problem::new(Code::ConversationClosed, "The patient can open the practice's link to start again.")
        }
        inbox::Refusal::Unverified => Problem::new(
            Code::IdentityUnverified,
            "Nobody has confirmed who this is: write no health information. Send it again with \
             `acknowledge_unverified: true` if you mean to write all the same.",
        ),
        inbox::Refusal::Db(error) => error.into(),
    }
}

fn notice_problem(refusal: notices::Refusal) -> Problem {
    match refusal {
        notices::Refusal::NotListed => {
            wrong("/person", "not_listed", "Put the person on the link's notify list first.")
        }
        notices::Refusal::LastRecipient => Problem::field(
            Code::LastRecipient,
            "/frequency",
            "Nobody of the practice would be told of new patients. Let somebody else be told first.",
        ),
        notices::Refusal::Db(error) => error.into(),
    }
}

fn endpoint_problem(refusal: EndpointRefusal) -> Problem {
    match refusal {
        EndpointRefusal::PlanRequired => {
            Problem::new(Code::PlanRequired, "Further links belong to the communicator plan.")
        }
        // Only imports name a code, and those come from the command line.
        EndpointRefusal::CodeTaken => Problem::new(Code::Internal, "Nothing was changed. Try again."),
        EndpointRefusal::NotFound => Problem::new(Code::LinkNotFound, "Check the link's id."),
        EndpointRefusal::StateFixed(why) => Problem::field(Code::LinkStateFixed, "/state", why),
        EndpointRefusal::ForwardImpossible => wrong(
            "/forward_to",
            "forward_impossible",
            "A retired link forwards to another link of the practice that is active or paused.",
        ),
        EndpointRefusal::Db(error) => error.into(),
    }
}

fn wrong(pointer: &str, code: &str, detail: &str) -> Problem {
    let (pointer, code, detail) = (pointer.to_owned(), code.to_owned(), detail.to_owned());
    Problem::fields(vec![FieldError { pointer, code, detail }])
}
