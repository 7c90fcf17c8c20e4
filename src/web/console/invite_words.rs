//! Translations for the invite pages that are not in their templates.

use super::words::{Confirmation, say};
use crate::domain::invites::State;
use crate::domain::invites::import::RowResult;
use crate::kit::Language;
use crate::web::http::{Code, FieldError};

/// The label of an invite's state.
pub(super) fn state(language: Language, state: State) -> &'static str {
    match state {
        State::Draft => say(language, "Draft", "Borrador"),
        State::Sent => say(language, "Sent", "Enviada"),
        State::Opened => say(language, "Opened", "Abierta"),
        State::PhoneOk => say(language, "Number verified", "Número confirmado"),
        State::EmailOk => say(language, "E-mail verified", "Correo confirmado"),
        State::Accepted => say(language, "Connected", "Conectado"),
        State::Expired => say(language, "Expired", "Vencida"),
        State::Revoked => say(language, "Canceled", "Retirada"),
        State::Bounced => say(language, "Not delivered", "No entregada"),
    }
}

/// What a state means, and what to do next.
pub(super) fn advice(language: Language, state: State) -> &'static str {
    let (en, es) = match state {
        State::Draft => ("Nothing has been sent yet.", "Todavía no se envió nada."),
        State::Sent => (
            "A text and an e-mail are on their way. Both must be confirmed.",
            "Un mensaje de texto y un correo van en camino. Hay que confirmar ambos.",
        ),
        State::Opened => (
            "The link in the text was opened. The patient still needs to confirm the number and the e-mail.",
            "Se abrió el enlace del mensaje. Falta confirmar número y correo.",
        ),
        State::PhoneOk => (
            "The number is verified. The patient still needs to press the button in the e-mail.",
            "El número está confirmado. Falta pulsar el botón del correo.",
        ),
        State::EmailOk => (
            "The e-mail address is verified. The patient still needs to confirm the number in the app.",
            "El correo está confirmado. Falta confirmar el número en la aplicación.",
        ),
        State::Accepted => ("The patient connected.", "El paciente se conectó."),
        State::Expired => (
            "The 7 days have passed. Resend the invite to start over.",
            "Pasaron sus siete días. Envíela otra vez para empezar de nuevo.",
        ),
        State::Revoked => (
            "Its links no longer work. Create a new invite if you need one.",
            "Sus enlaces ya no llevan a nada. Cree otra invitación si la necesita.",
        ),
        State::Bounced => (
            "A message could not be delivered. Check the number and address against your records.",
            "Uno de los mensajes no se pudo entregar. Compare número y correo con sus fichas.",
        ),
    };
    say(language, en, es)
}

/// The CSS class of a state's badge.
pub(super) fn badge(state: State) -> &'static str {
    match state {
        State::Accepted => "active",
        State::Sent | State::Opened | State::PhoneOk | State::EmailOk => "paused",
        State::Bounced => "failed",
        State::Draft | State::Expired | State::Revoked => "",
    }
}

/// The result of one row of a list.
pub(super) fn result(language: Language, result: RowResult) -> &'static str {
    let (en, es) = match result {
        RowResult::Created => ("Invited", "Invitado"),
        RowResult::NameInvalid => ("The name is missing or too long", "Falta el nombre o es demasiado largo"),
        RowResult::PhoneInvalid => ("Not a mobile number", "No es un número de celular"),
        RowResult::EmailInvalid => ("Not a valid e-mail address", "No es una dirección de correo"),
        RowResult::LanguageInvalid => ("The language must be en or es", "El idioma debe ser en o es"),
        RowResult::InviteLimited => ("Invited less than a day ago", "Ya se invitó hace menos de un día"),
        RowResult::OptedOut => ("Opted out of text messages", "Pidió no recibir más mensajes"),
        RowResult::PhoneTypeRefused => ("Cannot receive text messages", "No recibe mensajes de texto"),
        RowResult::CountryNotSupported => ("We do not text this country", "No enviamos mensajes a este país"),
        RowResult::LinkPaused => ("The link is paused or closed", "El enlace está en pausa o cerrado"),
        RowResult::Refused => ("Refused", "Rechazado"),
    };
    say(language, en, es)
}

/// What the invite pages confirm, by the word in `?done=`.
pub(super) const DONE: &[Confirmation] = &[
    (
        "invited",
        "Invited. The e-mail is sent at once, the text between 8 AM and 9 PM.",
        "Invitado. El correo sale enseguida, el mensaje de texto entre las 8 y las 21 horas.",
    ),
    (
        "sent-again",
        "Sent again. The old links no longer work.",
        "Enviada otra vez. Los enlaces anteriores ya no sirven.",
    ),
    ("taken-back", "The invite is canceled.", "La invitación está retirada."),
    ("list-taken", "Importing…", "Importando…"),
];

/// An error about a whole invite; `None` for codes of other pages.
pub(super) fn whole(language: Language, code: Code) -> Option<&'static str> {
    let (en, es) = match code {
        Code::InviteLimited => (
            "This number or address was invited less than a day ago. Try again tomorrow.",
            "Este número o correo se invitó hace menos de un día. Inténtelo mañana.",
        ),
        Code::InviteFixed => {
            ("This invite was already accepted or canceled.", "Esta invitación ya fue aceptada o retirada.")
        }
        Code::LinkPaused => (
            "This link is not accepting new patients. Choose another one, or resume it.",
            "Este enlace no recibe a nadie por ahora. Elija otro o reanúdelo.",
        ),
        _ => return None,
    };
    Some(say(language, en, es))
}

/// The Spanish error message of a field; `None` for fields of other forms.
pub(super) fn wrong(error: &FieldError) -> Option<&'static str> {
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
