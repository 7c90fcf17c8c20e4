//! What the pages of invites say beyond their templates.

use super::words::say;
use crate::http::{Code, FieldError, Problem};
use crate::invites::State;
use crate::kit::Language;

/// An invite's state, in a word or two.
pub fn state(language: Language, state: State) -> &'static str {
    match state {
        State::Draft => say(language, "Draft", "Borrador"),
        State::Sent => say(language, "Sent", "Enviada"),
        State::Opened => say(language, "Opened", "Abierta"),
        State::PhoneOk => say(language, "Number confirmed", "Número confirmado"),
        State::EmailOk => say(language, "E-mail confirmed", "Correo confirmado"),
        State::Accepted => say(language, "Connected", "Conectado"),
        State::Expired => say(language, "Expired", "Vencida"),
        State::Revoked => say(language, "Taken back", "Retirada"),
        State::Bounced => say(language, "Not delivered", "No entregada"),
    }
}

/// What it means, and what to do.
pub fn advice(language: Language, state: State) -> &'static str {
    let (en, es) = match state {
        State::Draft => ("Nothing has gone out yet.", "Todavía no se envió nada."),
        State::Sent => (
            "A text and an e-mail are on their way. Both must be confirmed.",
            "Un mensaje de texto y un correo van en camino. Hay que confirmar ambos.",
        ),
        State::Opened => (
            "The link in the text was opened. Number and e-mail are still to be confirmed.",
            "Se abrió el enlace del mensaje. Falta confirmar número y correo.",
        ),
        State::PhoneOk => (
            "The number is confirmed. The button in the e-mail is still to be pressed.",
            "El número está confirmado. Falta pulsar el botón del correo.",
        ),
        State::EmailOk => (
            "The e-mail address is confirmed. The number is still to be confirmed in the app.",
            "El correo está confirmado. Falta confirmar el número en la aplicación.",
        ),
        State::Accepted => ("It led to a conversation.", "Llevó a una conversación."),
        State::Expired => (
            "Its seven days are over. Send it again to begin anew.",
            "Pasaron sus siete días. Envíela otra vez para empezar de nuevo.",
        ),
        State::Revoked => (
            "Its links lead nowhere. Make another invite, if you want one.",
            "Sus enlaces ya no llevan a nada. Cree otra invitación si la necesita.",
        ),
        State::Bounced => (
            "One of the messages could not be delivered. Check number and address with your records.",
            "Uno de los mensajes no se pudo entregar. Compare número y correo con sus fichas.",
        ),
    };
    say(language, en, es)
}

/// Which badge a state has.
pub fn badge(state: State) -> &'static str {
    match state {
        State::Accepted => "active",
        State::Sent | State::Opened | State::PhoneOk | State::EmailOk => "paused",
        State::Bounced => "failed",
        State::Draft | State::Expired | State::Revoked => "",
    }
}

/// What became of a row of a list.
pub fn result(language: Language, result: &str) -> &'static str {
    let (en, es) = match result {
        "created" => ("Invited", "Invitado"),
        "name_invalid" => ("The name is missing or too long", "Falta el nombre o es demasiado largo"),
        "phone_invalid" => ("No mobile number", "No es un número de celular"),
        "email_invalid" => ("No e-mail address", "No es una dirección de correo"),
        "language_invalid" => ("The language must be en or es", "El idioma debe ser en o es"),
        "invite_limited" => ("Invited less than a day ago", "Ya se invitó hace menos de un día"),
        "opted_out" => ("Asked for no more texts", "Pidió no recibir más mensajes"),
        "phone_type_refused" => ("Takes no text messages", "No recibe mensajes de texto"),
        "country_not_supported" => ("We do not text this country", "No enviamos mensajes a este país"),
        "link_paused" => ("The link is paused or closed", "El enlace está en pausa o cerrado"),
        _ => ("Refused", "Rechazado"),
    };
    say(language, en, es)
}

/// What was just done.
pub fn done(word: &str, language: Language) -> Option<&'static str> {
    let (en, es) = match word {
        "invited" => (
            "Invited. The e-mail goes at once, the text between 8 am and 9 pm.",
            "Invitado. El correo sale enseguida, el mensaje de texto entre las 8 y las 21 horas.",
        ),
        "sent-again" => (
            "Sent again. The older links are worth nothing now.",
            "Enviada otra vez. Los enlaces anteriores ya no sirven.",
        ),
        "taken-back" => ("The invite is taken back.", "La invitación está retirada."),
        "list-taken" => {
            ("The list is taken and being worked off.", "La lista se recibió y se está procesando.")
        }
        _ => return None,
    };
    Some(say(language, en, es))
}

/// A refusal about a whole invite; `None` for what is none of ours.
pub fn whole(language: Language, problem: &Problem) -> Option<&'static str> {
    let (en, es) = match problem.code {
        Code::InviteLimited => (
            "This number or address was invited less than a day ago. Try again tomorrow.",
            "Este número o correo se invitó hace menos de un día. Inténtelo mañana.",
        ),
        Code::InviteFixed => (
            "It is accepted or taken back, and stays as it is.",
            "Está aceptada o retirada y queda como está.",
        ),
        Code::LinkPaused => (
            "This link takes nobody in for now. Choose another one, or resume it.",
            "Este enlace no recibe a nadie por ahora. Elija otro o reanúdelo.",
        ),
        _ => return None,
    };
    Some(say(language, en, es))
}

/// What is wrong with a field, in Spanish; `None` for what is none of ours.
pub fn wrong(error: &FieldError) -> Option<&'static str> {
    Some(match (error.pointer.as_str(), error.code.as_str()) {
        ("/name", _) => "Un nombre tiene de 1 a 100 caracteres.",
        ("/phone", "opted_out") => "Este número pidió no recibir más mensajes. Llame, o pregunte en persona.",
        ("/phone", "phone_type_refused") => "Este número no recibe mensajes de texto.",
        ("/phone", "country_not_supported") => "No enviamos mensajes a este país.",
        ("/phone", _) => "Escriba un número de celular con su código de área.",
        ("/email", _) => "Esto no es una dirección de correo.",
        ("/link_id", _) => "Elija un enlace de su consultorio.",
        ("/list", "header") => {
            "La primera línea debe nombrar las columnas: nombre, celular, correo y, si quiere, idioma."
        }
        ("/list", "shape") => "Alguna fila tiene más o menos celdas que la primera línea.",
        ("/list", "empty") => "La lista no tiene filas.",
        ("/list", "too_many") => "Una lista tiene como máximo 5,000 filas. Envíe el resto como otra lista.",
        _ => return None,
    })
}
