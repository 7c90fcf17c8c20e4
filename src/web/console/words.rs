//! Translations of the console: texts that are not in a page's own template.

use crate::domain::links::State;
use crate::domain::notifications::Frequency;
use crate::kit::{Language, Timestamp, Wait};
use crate::web::http::{Code, FieldError};

/// Picks `en` or `es`, depending on the language.
pub(super) fn say<'a>(language: Language, en: &'a str, es: &'a str) -> &'a str {
    match language {
        Language::En => en,
        Language::Es => es,
    }
}

/// Confirmation of what was just done: the word in `?done=`, and the text in English and Spanish.
pub(super) type Confirmation = (&'static str, &'static str, &'static str);

/// Confirmations about links, webhooks and notifications.
pub(super) const DONE: &[Confirmation] = &[
    (
        "created",
        "The link is ready. Print it, or share its address.",
        "El enlace está listo. Imprímalo o comparta su dirección.",
    ),
    (
        "saved",
        "Saved. Applies to patients who connect from now on.",
        "Guardado. Vale para quienes se conecten a partir de ahora.",
    ),
    (
        "paused",
        "The link is paused. It accepts no new patients until you resume it.",
        "El enlace está en pausa. Nadie entra por él hasta que lo reanude.",
    ),
    ("resumed", "The link accepts patients again.", "El enlace vuelve a recibir pacientes."),
    (
        "retired",
        "The link is retired and forwards to another link.",
        "El enlace está retirado y lleva a otro.",
    ),
    ("told", "Saved.", "Guardado."),
    ("tried", "E-mails to this address are resumed.", "Volvemos a escribir a esta dirección."),
    ("replayed", "The event is being sent again.", "El evento va en camino otra vez."),
    ("disabled", "The webhook is disabled.", "El webhook está desactivado."),
    ("enabled", "The webhook is enabled.", "El webhook está activado."),
    ("deleted", "The webhook is deleted.", "El webhook está eliminado."),
];

/// The texts of an error page.
pub(super) struct Apology {
    pub heading: &'static str,
    pub advice: &'static str,
    pub back: &'static str,
}

/// The texts of the error page for a problem code.
pub(super) fn apology(language: Language, code: Code) -> Apology {
    let (heading, advice) = match (code.status(), code) {
        (_, Code::SignatureInvalid) => (
            say(language, "This form can no longer be used", "Este formulario ya no se puede usar"),
            say(
                language,
                "Nothing was changed. Open the page again and send the form from there.",
                "No se cambió nada. Abra la página otra vez y envíe el formulario desde allí.",
            ),
        ),
        (403, _) => (
            say(language, "You do not have permission to do that", "Usted no puede hacer eso"),
            say(
                language,
                "Nothing was changed. Ask an admin of your practice.",
                "No se cambió nada. Pídaselo a alguien de administración de su consultorio.",
            ),
        ),
        (404, _) => (
            say(language, "Page not found", "Página no encontrada"),
            say(
                language,
                "The address may be mistyped, or you may not have access to this page.",
                "La dirección puede estar mal escrita, o lo que había aquí no está a su alcance.",
            ),
        ),
        (400..500, _) => (
            say(language, "This page cannot be shown", "Esto no se puede mostrar"),
            say(
                language,
                "Nothing was changed. Go back and try again.",
                "No se cambió nada. Vuelva atrás e inténtelo de nuevo.",
            ),
        ),
        _ => (
            say(language, "Something went wrong on our side", "Algo falló de nuestro lado"),
            say(
                language,
                "Nothing was changed. Wait a moment and try again.",
                "No se cambió nada. Espere un momento e inténtelo de nuevo.",
            ),
        ),
    };
    Apology { heading, advice, back: say(language, "Go to the console", "Ir a la consola") }
}

/// The error of a failed sign-in step.
pub(super) fn wrong_sign_in(language: Language, is_token: bool, is_code: bool) -> &'static str {
    match (is_token, is_code) {
        (true, _) => say(language, "This token is not valid.", "Este token no sirve."),
        (_, true) => say(
            language,
            "That code is incorrect. Codes change every 30 seconds: enter the one shown now.",
            "Ese código no es correcto. Cambia cada 30 segundos: escriba el que se muestra ahora.",
        ),
        _ => say(
            language,
            "Wrong e-mail or password.",
            "El correo y la contraseña no coinciden. Revise ambos.",
        ),
    }
}

/// The sign-in expired between its two steps.
pub(super) fn sign_in_expired(language: Language) -> &'static str {
    say(
        language,
        "That took too long, or there were too many wrong codes. Start again.",
        "Pasó demasiado tiempo o hubo demasiados códigos incorrectos. Empiece de nuevo.",
    )
}

/// The link of an invitation or reset was used, replaced, or has expired.
pub(super) fn password_link_expired(language: Language) -> &'static str {
    say(
        language,
        "This link was already used or has expired. Ask an admin of your practice for a new one.",
        "Este enlace ya se usó o es demasiado antiguo. Pida otro a un administrador de su consultorio.",
    )
}

/// The password is too easy to guess.
pub(super) fn weak_password(language: Language) -> &'static str {
    say(
        language,
        "Choose 12 to 128 characters that are not your e-mail address, your practice's name or a common \
         password.",
        "Elija de 12 a 128 caracteres que no sean su correo, el nombre del consultorio ni una contraseña \
         común.",
    )
}

/// Rate limited: too many attempts.
pub(super) fn wait(language: Language, wait: Wait) -> String {
    let seconds = wait.seconds;
    match language {
        Language::En => format!("Too many attempts. You can try again in {seconds} s."),
        Language::Es => format!("Demasiados intentos. Puede intentarlo de nuevo en {seconds} s."),
    }
}

/// A point in time in the given time zone.
pub(super) fn time(language: Language, at: Timestamp, zone: &str) -> String {
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let at = at.to_jiff().to_zoned(zone);
    let pattern = say(language, "%b %-d, %Y, %-I:%M %p", "%Y-%m-%d %H:%M");
    at.strftime(pattern).to_string()
}

/// The label of a link's state.
pub(super) fn state(language: Language, state: State) -> &'static str {
    match state {
        State::Active => say(language, "Active", "Activo"),
        State::Paused => say(language, "Paused", "En pausa"),
        State::Retired => say(language, "Retired", "Retirado"),
        State::Closed => say(language, "Closed", "Cerrado"),
    }
}

/// The label of a notification frequency.
pub(super) fn frequency(language: Language, frequency: Frequency) -> &'static str {
    match frequency {
        Frequency::Immediate => say(language, "Immediately", "Enseguida"),
        Frequency::Hourly => say(language, "Every hour", "Una vez por hora"),
        Frequency::Daily => say(language, "Every day at 8 AM", "Una vez al día, a las ocho"),
        Frequency::Off => say(language, "Never", "Nunca"),
    }
}

/// The message of a problem that is not about one field; `None` for codes of other pages.
pub(super) fn whole(language: Language, code: Code) -> Option<&'static str> {
    Some(match code {
        Code::PlanRequired => say(
            language,
            "More links require the Communicator plan. Your first link stays as it is.",
            "Los enlaces adicionales son del plan Communicator. Su primer enlace queda como está.",
        ),
        Code::WebhookLimit => say(
            language,
            "A practice can have up to 10 webhooks. Delete one first.",
            "Un consultorio tiene hasta 10 webhooks. Elimine uno primero.",
        ),
        _ => return None,
    })
}

/// The message of a field. Problem details are English only; errors that a form shows are translated here.
pub(super) fn wrong(language: Language, error: &FieldError) -> String {
    let spanish = match (error.pointer.as_str(), error.code.as_str()) {
        ("/label", _) => "Un nombre tiene de 1 a 100 caracteres en una línea.",
        ("/tags", _) => "Hasta 20 etiquetas de 1 a 40 caracteres en una línea.",
        ("/welcome", _) => "Un saludo tiene de 1 a 1,000 caracteres.",
        ("/from" | "/to", _) => "Elija de 1 a 366 días.",
        (_, "unknown_id") => "Esta persona o este equipo ya no está en su consultorio. Elija otra opción.",
        ("/forward_to", _) => "Elija otro enlace del consultorio que esté activo o en pausa.",
        ("/frequency", "last_recipient") => {
            "Nadie del consultorio recibiría avisos de pacientes nuevos. Primero deje que alguien más los \
             reciba."
        }
        ("/state", _) => "El estado de este enlace ya no puede cambiar así.",
        ("/url", _) => "A esta dirección no se puede llamar. Debe empezar con https:// y ser pública.",
        _ => return error.detail.clone(),
    };
    let english = match error.code.as_str() {
        "unknown_id" => "This person or team is no longer at your practice. Choose another one.",
        _ => &error.detail,
    };
    say(language, english, spanish).to_owned()
}
