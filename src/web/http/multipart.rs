//! Forms with a file in them (`multipart/form-data`, RFC 7578), whose grammar is `actix-multipart`'s.
//!
//! Its streaming parser is used, not its `MultipartForm` with `TempFile`. That extractor receives the file
//! before the handler can ask whether the sender may send one, has no time limit, and gives the file a name
//! until the form is dropped: after a crash, a patient list would stay in the data folder.

use actix_multipart::{Multipart, MultipartError};
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use actix_web::{HttpMessage as _, HttpRequest};
use futures_util::Stream;

use super::{Code, FieldError, Problem};

/// Parses `body` as the form that the request's headers announce.
pub(super) fn parse(
    request: &HttpRequest,
    body: impl Stream<Item = Result<Bytes, PayloadError>> + 'static,
) -> Result<Multipart, Problem> {
    let kind = request.mime_type().ok().flatten();
    // The parser also accepts other kinds of `multipart`, whose parts have no names.
    match kind.is_some_and(|kind| kind.essence_str() == "multipart/form-data") {
        true => Ok(Multipart::new(request.headers(), body)),
        false => Err(Problem::new(Code::UnsupportedMediaType, "Send the page's form.")),
    }
}

/// The problem of a form that could not be parsed to its end.
pub(super) fn unreadable(error: &MultipartError) -> Problem {
    let malformed = |detail: &str| Problem::new(Code::MalformedRequest, detail);
    match error {
        MultipartError::Payload(_) => malformed("The body ended early."),
        // The form is fine, but the chosen file is a saved web page or mail (`multipart/related`), at whose
        // head the parser stops.
        MultipartError::Nested => wrong_file(),
        _ => malformed("The form cannot be read."),
    }
}

fn wrong_file() -> Problem {
    let (code, detail) = ("file_unreadable".to_owned(), "Files of this type cannot be read.".to_owned());
    Problem::unreadable(&detail.clone(), vec![FieldError { pointer: String::new(), code, detail }])
}
