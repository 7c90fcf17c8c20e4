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
pub mod record_import_options;
pub mod record_imports;
pub mod records;
pub mod staff;
pub mod teams;
pub mod webhooks;

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_DISPOSITION;

use crate::web::http::{FieldError, Problem};

/// A CSV download with the given file name (without extension).
pub fn csv_file(name: &str, text: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.csv\"")))
        .body(text)
}

fn wrong(pointer: &str, code: &str, detail: &str) -> Problem {
    let (pointer, code, detail) = (pointer.to_owned(), code.to_owned(), detail.to_owned());
    Problem::fields(vec![FieldError { pointer, code, detail }])
}
