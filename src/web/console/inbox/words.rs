//! Translations of the inbox.

use crate::domain::conversations::IdentityState;
use crate::domain::identity::grading::Field;
use crate::kit::{Language, Timestamp};
use crate::web::console::errors::Errors;
use crate::web::console::words::{Confirmation, say};
use crate::web::http::{Code, Problem};

/// What the inbox pages confirm, by the word in `?done=`.
pub(crate) const DONE: &[Confirmation] = &[
    ("assigned", "The assignment is saved.", "Guardado quién contesta."),
    (
        "handed",
        "Reassigned. The conversation is no longer in your inbox.",
        "Traspasada. La conversación ya no está en su bandeja.",
    ),
    ("tagged", "The tags are saved.", "Etiquetas guardadas."),
    ("marked", "Marked as unread.", "Marcada como no leída."),
    (
        "confirm",
        "Verified. You can now share health information here.",
        "Verificado. Desde ahora se puede compartir información de salud aquí.",
    ),
    (
        "reject",
        "Rejected. The conversation is closed with a neutral message to the patient.",
        "Rechazado. La conversación está cerrada, con palabras neutras para el paciente.",
    ),
    ("undo", "The last decision is undone.", "La última decisión se deshizo."),
];

/// Label of an identity state's badge.
pub(crate) fn badge(language: Language, state: IdentityState) -> &'static str {
    match state {
        IdentityState::Unverified => say(language, "Unverified", "Sin verificar"),
        IdentityState::Confirmed => say(language, "Verified", "Verificado"),
        IdentityState::Rejected => say(language, "Rejected", "Rechazado"),
        IdentityState::ReVerify => say(language, "Verify again", "Verificar de nuevo"),
    }
}

/// How long ago something was.
pub(crate) fn age(language: Language, now: Timestamp, at: Timestamp) -> String {
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
pub(crate) fn field(language: Language, field: Field) -> &'static str {
    match field {
        Field::GivenName => say(language, "Given name", "Nombre"),
        Field::FamilyName => say(language, "Family name", "Apellido"),
        Field::BirthDate => say(language, "Birth date", "Nacimiento"),
        Field::Phone => say(language, "Number", "Número"),
        Field::Email => say(language, "E-mail", "Correo"),
    }
}

/// The errors of a conversation's forms; `None` for problems that no form can fix.
pub(crate) fn errors(language: Language, problem: &Problem) -> Option<Errors> {
    let (pointer, en, es) = match problem.code {
        Code::InvalidRequest => return Some(fields(language, problem)),
        Code::IdentityUnverified => (
            "/acknowledge",
            "This patient’s identity is not verified. Check the box to write anyway.",
            "La identidad de este paciente no está verificada. Marque la casilla si quiere escribir de \
             todos modos.",
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
