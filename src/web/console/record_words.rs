//! Translations for the record pages that are not in their templates.

use super::errors::Errors;
use super::words::say;
use crate::domain::record_imports::{Import, ImportProblem};
use crate::kit::Language;
use crate::web::http::{Code, FieldError, Problem};

/// Columns whose heading can be given, by form field name.
pub(super) const COLUMNS: [&str; 6] = ["number", "given_name", "family_name", "birth_date", "phone", "email"];

/// The labels of [`COLUMNS`], in the same order.
pub(super) fn columns(language: Language) -> [&'static str; 6] {
    [
        say(language, "Record number", "Número de ficha"),
        say(language, "Given name", "Nombre"),
        say(language, "Family name", "Apellidos"),
        say(language, "Birth date", "Fecha de nacimiento"),
        say(language, "Mobile or phone", "Móvil o teléfono"),
        say(language, "E-mail", "Correo electrónico"),
    ]
}

/// The error of a form sent without a file.
pub(super) fn no_file() -> Problem {
    Problem::unreadable(
        "Choose a file.",
        vec![FieldError {
            pointer: "/file".to_owned(),
            code: "no_file".to_owned(),
            detail: "Choose a file.".to_owned(),
        }],
    )
}

/// The file's headings, as quoted in a problem's detail.
pub(super) fn headings(problem: &Problem) -> String {
    let detail = problem.detail();
    detail.find('“').and_then(|at| detail.get(at..)).unwrap_or_default().trim_end_matches('.').to_owned()
}

/// The errors of an uploaded file, each at its field.
pub(super) fn errors(language: Language, problem: &Problem) -> Errors {
    let at = |error: &FieldError| match error.pointer.as_str() {
        "" => "/file".to_owned(),
        pointer => pointer.to_owned(),
    };
    let whole = |text: &str| Errors::new(vec![("/file".to_owned(), text.to_owned())]);
    match problem.code {
        Code::ImportRunning => whole(say(
            language,
            "Another import is running. Wait until it finishes, then send this file.",
            "Hay otra importación en marcha. Espere a que termine y envíe este archivo después.",
        )),
        Code::BodyTooLarge => whole(say(
            language,
            "This file is too large: the limit is 64 MiB. Send it in parts.",
            "Este archivo es demasiado grande: hasta 64 MiB. Envíelo por partes.",
        )),
        _ => Errors::new(problem.errors().iter().map(|error| (at(error), wrong(language, error))).collect()),
    }
}

/// Names the column, because several may be missing.
fn no_column(language: Language, pointer: &str) -> String {
    let place = COLUMNS.iter().position(|name| pointer.strip_prefix("/column_") == Some(name));
    let word = place.and_then(|place| columns(language).get(place).copied()).unwrap_or_default();
    match language {
        Language::En => format!("{word}: no column found. Enter the heading used in your file."),
        Language::Es => {
            format!("{word}: no se encontró la columna. Escriba el título que tiene en su archivo.")
        }
    }
}

fn wrong(language: Language, error: &FieldError) -> String {
    if error.code == "column_missing" {
        return no_column(language, &error.pointer);
    }
    let (en, es) = match error.code.as_str() {
        "no_file" => ("Choose a file.", "Elija un archivo."),
        "no_rows" => ("The file contains no patients.", "El archivo no contiene ningún paciente."),
        "encoding_unknown" => (
            "Save the file as “CSV UTF-8” and send it again.",
            "Guarde el archivo como «CSV UTF-8» y envíelo de nuevo.",
        ),
        "not_a_bundle" => (
            "This is not a FHIR Bundle. Send a Bundle (.json), one resource per line (.ndjson), or a table \
                (.csv).",
            "No es un Bundle de FHIR. Envíe un Bundle (.json), un recurso por línea (.ndjson) o una tabla \
                (.csv).",
        ),
        "row_too_long" => (
            "A row does not end: a closing quotation mark is missing. Save the file as CSV again.",
            "Una fila no termina: hay unas comillas sin cerrar. Guarde el archivo como CSV otra vez.",
        ),
        _ => (
            "This file cannot be read. Save it as CSV and try again.",
            "Este archivo no se puede leer. Guárdelo como CSV e inténtelo de nuevo.",
        ),
    };
    say(language, en, es).to_owned()
}

/// How many records a complete list left out that stay active.
pub(super) fn left_out(language: Language, import: &Import) -> String {
    let (left_out, before) = (import.left_out, import.active_before.unwrap_or(0));
    match language {
        Language::En => {
            format!("{left_out} of your {before} active records are not on the list and stay active.")
        }
        Language::Es => {
            format!("{left_out} de sus {before} fichas activas no están en la lista y siguen activas.")
        }
    }
}

/// How many refused rows do not identify a patient.
pub(super) fn unread(language: Language, import: &Import) -> String {
    match (language, import.unread) {
        (Language::En, 1) => "1 refused row does not identify a patient.".to_owned(),
        (Language::En, rows) => format!("{rows} refused rows do not identify a patient."),
        (Language::Es, 1) => "1 fila rechazada no dice de quién es.".to_owned(),
        (Language::Es, rows) => format!("{rows} filas rechazadas no dicen de quién son."),
    }
}

/// Why records that a complete list left out stay active, and what to do.
pub(super) fn why_records_stay(language: Language, import: &Import) -> String {
    if import.problem() == Some(ImportProblem::ReplaceHasUnreadRows) {
        let what = say(
            language,
            "A patient who seems to be missing may be in one of them. The results list them row by row: fix \
                them in the file and import it again. If they cannot be fixed, import it again and check the \
                box to skip them.",
            "Alguien que parece faltar puede estar en una de ellas. El resultado las nombra fila por fila: \
                corríjalas en el archivo e impórtelo otra vez. Si no se pueden corregir, impórtelo otra vez \
                y marque la casilla para omitirlas.",
        );
        return format!("{} {what}", unread(language, import));
    }
    let what = say(
        language,
        "That is more than half, so this may not be the file you meant. If the list is correct, import it \
            again and check the box that says so. If not, import the right one.",
        "Es más de la mitad: quizá no era el archivo que quería. Si la lista es correcta, impórtela otra vez \
            y marque la casilla que lo dice. Si no, importe la correcta.",
    );
    what.to_owned()
}

/// An import's counts so far, in one line.
pub(super) fn summary(language: Language, import: &Import) -> String {
    let Import { created, changed, unchanged, refused, .. } = import;
    match language {
        Language::En => format!("{created} new, {changed} changed, {unchanged} unchanged, {refused} refused"),
        Language::Es => {
            format!("{created} nuevas, {changed} cambiadas, {unchanged} sin cambios, {refused} rechazadas")
        }
    }
}
