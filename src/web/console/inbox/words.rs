//! Translations of the inbox.

use crate::domain::identity::State;
use crate::kit::{Language, Timestamp};
use crate::web::console::words::{Errors, say};
use crate::web::http::{Code, Problem};

/// Confirmation of what was just done; `None` for words of other pages.
pub fn done(word: &str, language: Language) -> Option<&'static str> {
    let (en, es) = match word {
        "assigned" => ("The assignment is saved.", "Guardado quién contesta."),
        "handed" => (
            "Reassigned. The conversation is no longer in your inbox.",
            "Traspasada. La conversación ya no está en su bandeja.",
        ),
        "tagged" => ("The tags are saved.", "Etiquetas guardadas."),
        "marked" => ("Marked as unread.", "Marcada como no leída."),
        "confirm" => (
            "Verified. You can now share health information here.",
            "Verificado. Desde ahora se puede compartir información de salud aquí.",
        ),
        "reject" => (
            "Rejected. The conversation is closed with a neutral message to the patient.",
            "Rechazado. La conversación está cerrada, con palabras neutras para el paciente.",
        ),
        "undo" => ("The last decision is undone.", "La última decisión se deshizo."),
        _ => return None,
    };
    Some(say(language, en, es))
}

/// CSS class and label of an identity state's badge.
pub fn badge(language: Language, state: State) -> (&'static str, &'static str) {
    match state {
        State::Unverified => ("unverified", say(language, "Unverified", "Sin verificar")),
        State::Confirmed => ("confirmed", say(language, "Verified", "Verificado")),
        State::Rejected => ("rejected", say(language, "Rejected", "Rechazado")),
        State::ReVerify => ("re_verify", say(language, "Verify again", "Verificar de nuevo")),
    }
}

/// How long ago something was.
pub fn age(language: Language, now: Timestamp, at: Timestamp) -> String {
    let minutes = now.seconds_from(at) / 60;
    let (number, unit) = match minutes {
        0 => return say(language, "now", "ahora").to_owned(),
        1..60 => (minutes, "min"),
        60..1_440 => (minutes / 60, "h"),
        _ => (minutes / 1_440, "d"),
    };
    match language {
        Language::En => format!("{number} {unit}"),
        Language::Es => format!("hace {number} {unit}"),
    }
}

/// The label of a patient's field.
pub fn field(language: Language, field: &str) -> &'static str {
    match field {
        "given_name" => say(language, "Given name", "Nombre"),
        "family_name" => say(language, "Family name", "Apellido"),
        "birth_date" => say(language, "Birth date", "Nacimiento"),
        "phone" => say(language, "Number", "Número"),
        _ => say(language, "E-mail", "Correo"),
    }
}

/// The errors of a conversation's forms; `None` for problems that no form can fix.
pub fn errors(language: Language, problem: &Problem) -> Option<Errors> {
    let (pointer, en, es) = match problem.code {
        Code::InvalidRequest => return Some(fields(language, problem)),
        Code::IdentityUnverified => (
            "/acknowledge",
            "This patient’s identity is not verified. Check the box to write anyway.",
            "La identidad de este paciente no está verificada. Marque la casilla si quiere escribir de todos modos.",
        ),
        Code::ConversationClosed => (
            "",
            "This conversation is closed. Nothing was sent.",
            "Esta conversación está cerrada. No se envió nada.",
        ),
        Code::IdentityDecided => (
            "",
            "A colleague has already decided who this is. See the current status below.",
            "Mientras tanto alguien decidió quién es. Vea abajo cómo está.",
        ),
        Code::NothingToUndo => ("", "There is no decision to undo.", "No hay ninguna decisión que deshacer."),
        Code::IdempotencyKeyReused => (
            "",
            "A form was already sent from this page. Check whether it arrived, then send this one again.",
            "Esta página ya había enviado un formulario. Revise si está y envíe este de nuevo.",
        ),
        _ => return None,
    };
    Some(Errors::one(pointer, say(language, en, es)))
}

fn fields(language: Language, problem: &Problem) -> Errors {
    let pointer = problem.errors().first().map(|error| error.pointer.as_str()).unwrap_or_default();
    let (en, es) = match pointer {
        "/body" => ("Enter a message of 1 to 4,000 characters.", "Un mensaje tiene de 1 a 4,000 caracteres."),
        "/method" => ("Choose how you verified the patient.", "Indique cómo se aseguró."),
        "/note" => ("A note can have up to 500 characters.", "Una nota tiene hasta 500 caracteres."),
        "/record_id" => {
            ("This record is no longer a match. Choose again.", "Esta ficha ya no puede ser. Elija de nuevo.")
        }
        _ => return Errors::of(language, problem),
    };
    Errors::one(pointer, say(language, en, es))
}
