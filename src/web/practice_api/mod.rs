//! HTTP handlers of the practice API, and the problems that they return.

pub(super) mod audit;
pub(super) mod check_in_code;
pub(super) mod conversations;
pub(super) mod events;
pub(super) mod identity;
pub(super) mod invite_imports;
pub(super) mod invites;
pub(super) mod links;
pub(super) mod notifications;
pub(super) mod print_kit;
pub(super) mod profile;
pub(super) mod record_import_options;
pub(super) mod record_imports;
pub(super) mod records;
pub(super) mod staff;
pub(super) mod teams;
pub(super) mod webhooks;

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_DISPOSITION;

use crate::web::http::{FieldError, Problem};

/// A CSV download with the given file name (without extension).
pub(super) fn csv_file(name: &str, text: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.csv\"")))
        .body(text)
}

fn wrong(pointer: &str, code: &str, detail: &str) -> Problem {
    let (pointer, code, detail) = (pointer.to_owned(), code.to_owned(), detail.to_owned());
    Problem::fields(vec![FieldError { pointer, code, detail }])
}
