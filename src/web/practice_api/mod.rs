//! HTTP handlers of the practice API, and the problems that they return.

pub mod audit;
pub mod check_in_code;
pub mod conversations;
pub mod events;
pub mod identity;
pub mod invite_imports;
pub mod invites;
pub mod links;
pub mod notifications;
pub mod print_kit;
pub mod profile;
pub mod records;
pub mod staff;
pub mod teams;
pub mod webhooks;

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_DISPOSITION;

use crate::domain::desk::Refusal;
use crate::domain::links::EndpointRefusal;
use crate::domain::notifications as notices;
use crate::domain::practices;
use crate::domain::printing::Unprintable;
use crate::domain::record_imports;
use crate::domain::{identity as states, inbox};
use crate::web::http::{Code, FieldError, Problem};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Staff(staff) => staff.into(),
            Refusal::Endpoint(endpoint) => endpoint_problem(endpoint),
            Refusal::Stranger(field) => wrong(field, "unknown_id", "Your practice has no such id."),
            Refusal::Range(bad) => wrong("/from", "invalid_range", &bad.to_string()),
            Refusal::Unprintable(Unprintable::Busy) => {
                Self::new(Code::Unavailable, "The service is busy. Try again in a moment.")
            }
            Refusal::Unprintable(_) => Self::new(Code::Internal, "This link cannot be printed."),
            Refusal::Notice(notice) => notice_problem(notice),
            Refusal::Invite(invite) => invite.into(),
            Refusal::Inbox(inbox) => inbox_problem(inbox),
            Refusal::Identity(identity) => identity_problem(identity),
            Refusal::NoCandidate => {
                wrong("/record_id", "unknown_id", "This record is not among the candidates.")
            }
            Refusal::WhichRecord => {
                wrong("/record_id", "required", "Say which record it is, or choose another method.")
            }
            Refusal::Profile(practices::Refusal::Field(bad)) => wrong(bad.pointer, bad.code, &bad.detail),
            Refusal::Profile(practices::Refusal::Db(error)) | Refusal::Db(error) => error.into(),
            Refusal::NoRecord => Self::new(Code::RecordNotFound, "Check the record's id."),
            Refusal::Import(import) => import_problem(import),
            Refusal::NoLogo => Self::new(Code::NotFound, "The practice has no logo."),
            Refusal::NoMoment(field) => wrong(
                field,
                "invalid_moment",
                "Use a date like 2026-11-22 or a time like 2026-11-22T15:00:00Z.",
            ),
            Refusal::TooManyEvents => {
                wrong("/from", "too_many", "A file can hold 100,000 events. Choose fewer days.")
            }
        }
    }
}

/// A CSV download with the given file name (without extension).
pub fn csv_file(name: &str, text: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.csv\"")))
        .body(text)
}

fn inbox_problem(refusal: inbox::Refusal) -> Problem {
    match refusal {
        inbox::Refusal::NotFound => Problem::new(Code::ConversationNotFound, "Check the conversation's id."),
        inbox::Refusal::Closed => {
            Problem::new(Code::ConversationClosed, "The patient can open the practice's link to start again.")
        }
        inbox::Refusal::Unverified => Problem::new(
            Code::IdentityUnverified,
            "This patient's identity is not verified: do not write health information. To send it anyway, \
             add `acknowledge_unverified: true`.",
        ),
        inbox::Refusal::Db(error) => error.into(),
    }
}

fn identity_problem(refusal: states::Refusal) -> Problem {
    match refusal {
        states::Refusal::NotFound => inbox_problem(inbox::Refusal::NotFound),
        states::Refusal::Closed => inbox_problem(inbox::Refusal::Closed),
        states::Refusal::Decided(state) => Problem::new(
            Code::IdentityDecided,
            format!("The identity is already {}. An admin can undo the decision.", state.as_str()),
        ),
        states::Refusal::NothingToUndo => {
            Problem::new(Code::NothingToUndo, "The last change was not a staff decision.")
        }
        states::Refusal::Db(error) => error.into(),
    }
}

fn import_problem(refusal: record_imports::Refusal) -> Problem {
    let error = |pointer: String, code: &str, detail: &str| FieldError {
        pointer,
        code: code.to_owned(),
        detail: detail.to_owned(),
    };
    match refusal {
        record_imports::Refusal::File { code, detail } => {
            Problem::unreadable(&detail, vec![error(String::new(), code, &detail)])
        }
        record_imports::Refusal::Columns { missing, detail } => {
            let column = |field: record_imports::Field| {
                error(
                    format!("/column_{}", field.as_str()),
                    "column_missing",
                    "No matching column was found.",
                )
            };
            Problem::unreadable(&detail, missing.into_iter().map(column).collect())
        }
        record_imports::Refusal::Running => {
            Problem::new(Code::ImportRunning, "Wait until it ends, or cancel it, and send the file again.")
        }
        record_imports::Refusal::NotFound => Problem::new(Code::ImportNotFound, "Check the import's id."),
        record_imports::Refusal::Over => Problem::new(Code::ImportOver, "This import has already ended."),
        record_imports::Refusal::Io(_) => {
            Problem::new(Code::Unavailable, "Nothing was imported. Try again in a moment.")
        }
        record_imports::Refusal::Db(error) => error.into(),
    }
}

fn notice_problem(refusal: notices::Refusal) -> Problem {
    match refusal {
        notices::Refusal::NotListed => {
            wrong("/person", "not_listed", "Add the person to the link's notify list first.")
        }
        notices::Refusal::LastRecipient => Problem::field(
            Code::LastRecipient,
            "/frequency",
            "The practice would no longer be notified of new patients. Add another recipient first.",
        ),
        notices::Refusal::Db(error) => error.into(),
    }
}

fn endpoint_problem(refusal: EndpointRefusal) -> Problem {
    match refusal {
        EndpointRefusal::PlanRequired => {
            Problem::new(Code::PlanRequired, "Additional links require the communicator plan.")
        }
        // Only imports choose a code, and those run from the command line.
        EndpointRefusal::CodeTaken => Problem::new(Code::Internal, "Nothing was changed. Try again."),
        EndpointRefusal::NotFound => Problem::new(Code::LinkNotFound, "Check the link's id."),
        EndpointRefusal::StateFixed(why) => Problem::field(Code::LinkStateFixed, "/state", why),
        EndpointRefusal::ForwardImpossible => wrong(
            "/forward_to",
            "forward_impossible",
            "A retired link can only forward to another active or paused link of the practice.",
        ),
        EndpointRefusal::Db(error) => error.into(),
    }
}

fn wrong(pointer: &str, code: &str, detail: &str) -> Problem {
    let (pointer, code, detail) = (pointer.to_owned(), code.to_owned(), detail.to_owned());
    Problem::fields(vec![FieldError { pointer, code, detail }])
}
