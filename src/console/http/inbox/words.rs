//! What the inbox says.

use super::super::words::{Errors, say};
use crate::conversations::identity::State;
use crate::http::{Code, Problem};
use crate::kit::{Language, Timestamp};

/// What a page says was just done; empty for words that are none of ours.
pub fn done(word: &str, language: Language) -> Option<&'static str> {
    let (en, es) = match word {
        "assigned" => ("Saved who answers.", "Guardado quién contesta."),
        "handed" => (
            "Handed over. The conversation is not in your inbox any more.",
            "Traspasada. La conversación ya no está en su bandeja.",
        ),
        "tagged" => ("Saved the tags.", "Etiquetas guardadas."),
        "marked" => ("Marked as unread.", "Marcada como no leída."),
        "confirm" => (
            "Confirmed. Health information may be shared here from now on.",
            "Confirmado. Desde ahora se puede compartir información de salud aquí.",
        ),
        "reject" => (
            "Rejected. The conversation is closed, in neutral words for the patient.",
            "Rechazado. La conversación está cerrada, con palabras neutras para el paciente.",
        ),
        "undo" => ("The last decision is taken back.", "La última decisión se retiró."),
        _ => return None,
    };
    Some(say(language, en, es))
}

/// How sure the practice is, as a badge: a shape's name, and a word.
pub fn badge(language: Language, state: State) -> (&'static str, &'static str) {
    match state {
        State::Unverified => ("unverified", say(language, "Unverified", "Sin verificar")),
        State::Confirmed => ("confirmed", say(language, "Confirmed", "Confirmado")),
        State::Rejected => ("rejected", say(language, "Rejected", "Rechazado")),
        State::ReVerify => ("re_verify", say(language, "Check again", "Verificar de nuevo")),
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

/// A field of a person.
pub fn field(language: Language, field: &str) -> &'static str {
    match field {
        "given_name" => say(language, "Given name", "Nombre"),
        "family_name" => say(language, "Family name", "Apellido"),
        "birth_date" => say(language, "Birth date", "Nacimiento"),
        "phone" => say(language, "Number", "Número"),
        _ => say(language, "E-mail", "Correo"),
    }
}

/// What is wrong with a form of a conversation; `None` where no form of it mends that.
pub fn errors(language: Language, problem: &Problem) -> Option<Errors> {
    let (pointer, en, es) = match problem.code {
        Code::InvalidRequest => return Some(fields(language, problem)),
        Code::IdentityUnverified => (
            "/acknowledge",
            "Nobody has confirmed who this is. Tick the box if you mean to write all the same.",
            "Nadie ha confirmado quién es. Marque la casilla si quiere escribir de todos modos.",
        ),
        Code::ConversationClosed => (
            "",
            "This conversation is closed. Nothing was sent.",
            "Esta conversación está cerrada. No se envió nada.",
        ),
        Code::IdentityDecided => (
            "",
            "Somebody decided meanwhile who this is. See below how it stands.",
            "Mientras tanto alguien decidió quién es. Vea abajo cómo está.",
        ),
        Code::NothingToUndo => {
            ("", "There is no decision to take back.", "No hay ninguna decisión que retirar.")
        }
        Code::IdempotencyKeyReused => (
            "",
            "This page had sent a form already. Look whether it is there, then send this one again.",
            "Esta página ya había enviado un formulario. Revise si está y envíe este de nuevo.",
        ),
        _ => return None,
    };
    Some(Errors::one(pointer, say(language, en, es)))
}

fn fields(language: Language, problem: &Problem) -> Errors {
    let pointer = problem.errors().first().map(|error| error.pointer.as_str()).unwrap_or_default();
    let (en, es) = match pointer {
        "/body" => ("A message has 1 to 4,000 characters.", "Un mensaje tiene de 1 a 4,000 caracteres."),
        "/method" => ("Say how you made sure.", "Indique cómo se aseguró."),
        "/note" => ("A note has up to 500 characters.", "Una nota tiene hasta 500 caracteres."),
        "/record_id" => (
            "This record could not be meant any more. Choose again.",
            "Esta ficha ya no puede ser. Elija de nuevo.",
        ),
        _ => return Errors::of(language, problem),
    };
    Errors::one(pointer, say(language, en, es))
}
