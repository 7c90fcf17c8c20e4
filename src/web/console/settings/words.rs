//! Translations for the settings pages that are not in their templates.

use crate::domain::staff::{Role, State};
use crate::kit::Language;
use crate::web::console::words::{Confirmation, say};
use crate::web::http::{Code, FieldError};

/// What the settings pages confirm, by the word in `?done=`.
pub(crate) const DONE: &[Confirmation] = &[
    (
        "staff-invited",
        "The invitation is on its way. Its link works for 7 days.",
        "La invitación va en camino. Su enlace sirve durante 7 días.",
    ),
    ("colleague", "The changes are saved.", "El cambio está guardado."),
    ("let-in", "They can sign in again.", "Ya puede volver a entrar."),
    (
        "shut-out",
        "They are signed out everywhere and can no longer sign in.",
        "Se cerraron todas sus sesiones y ya no puede entrar.",
    ),
    (
        "factor",
        "They set up a new authenticator at the next sign-in.",
        "En la próxima entrada se configurará un nuevo autenticador.",
    ),
    ("team", "The team is saved.", "El equipo está guardado."),
    (
        "password",
        "Your password is changed. You are signed out everywhere else.",
        "Su contraseña está cambiada. Se cerraron sus demás sesiones.",
    ),
    ("session", "The session has ended.", "La sesión está cerrada."),
    ("practice", "Saved. Patients can see it now.", "Guardado. Sus pacientes ya lo ven."),
    ("logo", "Your pages show the logo now.", "Sus páginas ya muestran el logotipo."),
    ("no-logo", "Your pages show your initials again.", "Sus páginas muestran otra vez sus iniciales."),
];

/// Field pointer, error code (empty: any code), and the message in English and Spanish.
const WRONG: &[(&str, &str, &str, &str)] = &[
    (
        "/name",
        "length",
        "Enter 1 to 100 characters on one line.",
        "Escriba de 1 a 100 caracteres en una línea.",
    ),
    (
        "/city",
        "length",
        "Enter 1 to 100 characters on one line.",
        "Escriba de 1 a 100 caracteres en una línea.",
    ),
    (
        "/name",
        "team_exists",
        "Your practice already has a team with this name. Choose another name.",
        "Su consultorio ya tiene un equipo con este nombre. Elija otro.",
    ),
    ("/email", "email", "Enter a valid e-mail address.", "Esto no es una dirección de correo."),
    ("/notice_email", "", "Enter a valid e-mail address.", "Esto no es una dirección de correo."),
    (
        "/email",
        "staff_exists",
        "This address is already in use. If the person is waiting for an invitation, open them in the list \
            to send it again.",
        "Alguien ya tiene esta dirección. Si espera su invitación, búsquele en la lista para enviarla otra \
            vez.",
    ),
    (
        "/current_password",
        "current_password_wrong",
        "This is not your current password. If you just changed it, enter the new one.",
        "Esta no es su contraseña actual. Si la acaba de cambiar, ya vale la nueva.",
    ),
    (
        "/new_password",
        "",
        "Choose 12 to 128 characters that are not your e-mail address, your practice’s name or a common \
            password.",
        "Elija de 12 a 128 caracteres que no sean su correo, el nombre del consultorio ni una contraseña \
            común.",
    ),
    (
        "/code",
        "second_factor_wrong",
        "That code is incorrect. Each code works once: wait for the next one and enter it.",
        "Ese código no es correcto. Cada código sirve una vez: espere el siguiente y escríbalo.",
    ),
    (
        "/time_zone",
        "",
        "Choose a time zone like America/Chicago.",
        "Elija una zona horaria como America/Chicago.",
    ),
    (
        "/accent",
        "contrast",
        "White text on this color is hard to read. Choose a darker one.",
        "El texto blanco sobre este color se lee mal. Elija uno más oscuro.",
    ),
    ("/accent", "", "Enter a color like #0b6158.", "Escriba un color como #0b6158."),
    ("/language", "", "Choose English or Spanish.", "Elija inglés o español."),
    ("/countries", "", "Choose from these countries.", "Elija de entre estos países."),
    (
        "/logo",
        "too_large",
        "A logo can be at most 512 × 512 pixels.",
        "Un logotipo puede tener 512 × 512 píxeles.",
    ),
    ("/logo", "too_heavy", "A logo can be at most 64 KB.", "Un logotipo puede tener 64 KB."),
    ("/logo", "", "Choose a PNG file.", "Elija un archivo PNG."),
    ("/from", "invalid_moment", "Enter a date like 2026-11-22.", "Escriba un día como 2026-11-22."),
    ("/to", "invalid_moment", "Enter a date like 2026-11-22.", "Escriba un día como 2026-11-22."),
    (
        "/from",
        "too_many",
        "A file can hold up to 100,000 events. Choose fewer days.",
        "Un archivo lleva 100,000 eventos. Pida menos días a la vez.",
    ),
];

/// The error message of a field; `None` for fields of other forms.
pub(crate) fn wrong(language: Language, error: &FieldError) -> Option<&'static str> {
    let is_meant = |(pointer, code, ..): &&(&str, &str, &str, &str)| {
        *pointer == error.pointer && (code.is_empty() || *code == error.code)
    };
    WRONG.iter().find(is_meant).map(|(_, _, en, es)| say(language, en, es))
}

/// An error about a whole form; `None` for codes of other forms.
pub(crate) fn whole(language: Language, code: Code) -> Option<&'static str> {
    let (en, es) = match code {
        Code::LastAdmin => (
            "Your practice would have no admin who can sign in. Make someone else an admin first.",
            "Su consultorio se quedaría sin nadie de administración. Primero dé esa función a otra persona.",
        ),
        _ => return None,
    };
    Some(say(language, en, es))
}

/// The display name of a role.
pub(crate) fn role(language: Language, role: Role) -> &'static str {
    match role {
        Role::Admin => say(language, "Admin", "Administración"),
        Role::Member => say(language, "Member", "Equipo"),
        Role::Support => say(language, "Support (of the service)", "Soporte (del propio servicio)"),
    }
}

/// The label of a staff member's account state.
pub(crate) fn staff_state(language: Language, state: State) -> &'static str {
    match state {
        State::Invited => say(language, "Invited", "Con invitación"),
        State::Active => say(language, "Active", "Activa"),
        State::Disabled => say(language, "Disabled", "Desactivada"),
    }
}

/// The name of a country; its code if it has no translation here.
pub(crate) fn country(language: Language, code: &str) -> String {
    let (en, es) = match code {
        "US" => ("United States", "Estados Unidos"),
        "CA" => ("Canada", "Canadá"),
        "MX" => ("Mexico", "México"),
        "PR" => ("Puerto Rico", "Puerto Rico"),
        "GB" => ("United Kingdom", "Reino Unido"),
        "ES" => ("Spain", "España"),
        "DE" => ("Germany", "Alemania"),
        other => return other.to_owned(),
    };
    say(language, en, es).to_owned()
}
