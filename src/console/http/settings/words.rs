//! What these pages say that does not stand in a page's own template.

use serde_json::Value;

use super::super::words::say;
use crate::http::{Code, FieldError};
use crate::kit::Language;
use crate::staff::{Role, Standing};

/// What a page says was just done; empty for words that are none of ours.
pub fn done(word: &str, language: Language) -> &'static str {
    let (en, es) = match word {
        "invited" => (
            "The invitation is on its way. Its link works for 7 days.",
            "La invitación va en camino. Su enlace sirve durante 7 días.",
        ),
        "colleague" => ("The change is saved.", "El cambio está guardado."),
        "let-in" => ("They may sign in again.", "Ya puede volver a entrar."),
        "shut-out" => (
            "They are signed out everywhere and cannot sign in any more.",
            "Se cerraron todas sus sesiones y ya no puede entrar.",
        ),
        "factor" => (
            "The next sign-in sets up a new authenticator.",
            "En la próxima entrada se configurará un nuevo autenticador.",
        ),
        "team" => ("The team is saved.", "El equipo está guardado."),
        "password" => (
            "Your password is changed. You are signed out everywhere else.",
            "Su contraseña está cambiada. Se cerraron sus demás sesiones.",
        ),
        "session" => ("The sign-in has ended.", "La sesión está cerrada."),
        "practice" => ("Saved. Your patients see it now.", "Guardado. Sus pacientes ya lo ven."),
        "logo" => ("Your pages show the logo now.", "Sus páginas ya muestran el logotipo."),
        "no-logo" => ("Your pages show your initials again.", "Sus páginas muestran otra vez sus iniciales."),
        _ => return "",
    };
    say(language, en, es)
}

/// A field of these forms; `None` for those of others.
pub fn wrong(language: Language, error: &FieldError) -> Option<&'static str> {
    let (en, es) = match (error.pointer.as_str(), error.code.as_str()) {
        ("/name" | "/city", "length") => {
            ("Write 1 to 100 characters on one line.", "Escriba de 1 a 100 caracteres en una línea.")
        }
        ("/name", "team_exists") => (
            "Your practice has a team of this name. Choose another name.",
            "Su consultorio ya tiene un equipo con este nombre. Elija otro.",
        ),
        ("/email" | "/notice_email", "email" | "invalid_email") => {
            ("This is no e-mail address.", "Esto no es una dirección de correo.")
        }
        ("/email", "staff_exists") => (
            "Somebody has this address already. If they wait for their invitation, open them in the list to send it again.",
            "Alguien ya tiene esta dirección. Si espera su invitación, búsquele en la lista para enviarla otra vez.",
        ),
        ("/current_password", "current_password_wrong") => (
            "This is not your current password. If you have just changed it, the new one holds already.",
            "Esta no es su contraseña actual. Si la acaba de cambiar, ya vale la nueva.",
        ),
        ("/new_password", _) => (
            "Choose 12 to 128 characters that are not your address, your practice’s name or a common password.",
            "Elija de 12 a 128 caracteres que no sean su correo, el nombre del consultorio ni una contraseña común.",
        ),
        ("/code", "second_factor_wrong") => (
            "That code is not right. Each code is good once: wait for the next one, and enter it.",
            "Ese código no es correcto. Cada código sirve una vez: espere el siguiente y escríbalo.",
        ),
        ("/time_zone", _) => {
            ("Choose a time zone like America/Chicago.", "Elija una zona horaria como America/Chicago.")
        }
        ("/accent", "contrast") => (
            "White text on this colour is hard to read. Choose a darker one.",
            "El texto blanco sobre este color se lee mal. Elija uno más oscuro.",
        ),
        ("/accent", _) => ("Write a colour like #0b6158.", "Escriba un color como #0b6158."),
        ("/language", _) => ("Choose English or Spanish.", "Elija inglés o español."),
        ("/countries", _) => ("Choose from these countries.", "Elija de entre estos países."),
        ("/logo", "too_large") => {
            ("A logo may have 512 × 512 pixels.", "Un logotipo puede tener 512 × 512 píxeles.")
        }
        ("/logo", _) => ("Choose a PNG file.", "Elija un archivo PNG."),
        ("/from" | "/to", "invalid_moment") => {
            ("Write a day like 2026-11-22.", "Escriba un día como 2026-11-22.")
        }
        ("/from", "too_many") => (
            "A file holds 100,000 events. Ask for fewer days at a time.",
            "Un archivo lleva 100,000 eventos. Pida menos días a la vez.",
        ),
        _ => return None,
    };
    Some(say(language, en, es))
}

/// A refusal of a whole form; `None` for those of others.
pub fn whole(language: Language, code: Code) -> Option<&'static str> {
    let (en, es) = match code {
        Code::LastAdmin => (
            "Your practice would have no admin who can sign in. Make somebody else an admin first.",
            "Su consultorio se quedaría sin nadie de administración. Primero dé esa función a otra persona.",
        ),
        _ => return None,
    };
    Some(say(language, en, es))
}

/// What a role is called.
pub fn role(language: Language, role: Role) -> &'static str {
    match role {
        Role::Admin => say(language, "Admin", "Administración"),
        Role::Member => say(language, "Member", "Equipo"),
        Role::Support => say(language, "Support (the service’s own)", "Soporte (del propio servicio)"),
    }
}

/// Where somebody stands.
pub fn standing(language: Language, standing: Standing) -> &'static str {
    match standing {
        Standing::Invited => say(language, "Invited", "Con invitación"),
        Standing::Active => say(language, "Active", "Activa"),
        Standing::Disabled => say(language, "Disabled", "Desactivada"),
    }
}

/// What a country is called; its code where it has no name here.
pub fn country(language: Language, code: &str) -> String {
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

/// Who did something, where it is no colleague.
pub fn actor(language: Language, actor: &str) -> String {
    let (en, es) = match actor {
        "operator" => ("The service’s operator", "Quien opera el servicio"),
        "system" => ("The service itself", "El propio servicio"),
        _ if actor.starts_with("acc_") => ("A patient", "Un paciente"),
        _ if actor.starts_with("stf_") => ("Somebody of the staff", "Alguien del personal"),
        other => return other.to_owned(),
    };
    say(language, en, es).to_owned()
}

/// What can be looked for: the first part of an action, and what it is about.
pub fn subjects(language: Language) -> [(&'static str, &'static str); 11] {
    let about = |value, en, es| (value, say(language, en, es));
    [
        about("", "Everything", "Todo"),
        about("staff", "Staff and sign-ins", "Personal y sesiones"),
        about("team", "Teams", "Equipos"),
        about("link", "Links", "Enlaces"),
        about("pairing", "Patients who connected", "Pacientes que se conectaron"),
        about("conversation", "Conversations", "Conversaciones"),
        about("identity", "Identity", "Identidad"),
        about("notifications", "E-mail notices", "Avisos por correo"),
        about("webhook", "Webhooks", "Webhooks"),
        about("practice", "The practice", "El consultorio"),
        about("audit", "The audit itself", "La propia auditoría"),
    ]
}

/// What was done, in words; an action that has none here stands as it is.
pub fn action(language: Language, action: &str) -> &str {
    match ACTIONS.iter().find(|(known, ..)| *known == action) {
        Some((_, en, es)) => say(language, en, es),
        None => action,
    }
}

const ACTIONS: [(&str, &str, &str); 48] = [
    ("account.created", "opened an account", "abrió una cuenta"),
    ("account.deleted", "deleted their account", "eliminó su cuenta"),
    ("audit.exported", "exported the audit", "exportó la auditoría"),
    ("conversation.changed", "changed a conversation", "cambió una conversación"),
    ("conversation.created", "opened a conversation", "abrió una conversación"),
    (
        "conversation.unverified_acknowledged",
        "wrote although the identity is unverified",
        "escribió aunque la identidad no está verificada",
    ),
    ("funnel.exported", "exported the visitors of", "exportó las visitas de"),
    ("identity.changed", "decided who a patient is", "decidió quién es un paciente"),
    ("identity.exported", "exported proof of an identity", "exportó la prueba de una identidad"),
    ("link.changed", "changed the link", "cambió el enlace"),
    ("link.created", "made the link", "creó el enlace"),
    ("notifications.changed", "changed who is told by e-mail", "cambió a quién se avisa por correo"),
    (
        "notifications.paused",
        "paused an address whose mail came back",
        "pausó una dirección cuyo correo rebotó",
    ),
    ("pairing.created", "connected", "se conectó"),
    ("pairing.ended", "left the practice", "dejó el consultorio"),
    ("pairing.link_opened", "opened a further link", "abrió otro enlace"),
    ("practice.changed", "changed the practice", "cambió el consultorio"),
    ("practice.closed", "closed the practice", "cerró el consultorio"),
    ("practice.created", "made the practice", "creó el consultorio"),
    ("practice.logo_changed", "changed the logo", "cambió el logotipo"),
    ("practice.resumed", "opened the practice’s pages again", "reabrió las páginas del consultorio"),
    ("practice.suspended", "took the practice’s pages away", "retiró las páginas del consultorio"),
    ("session.created", "signed in", "inició sesión"),
    ("staff.changed", "changed the access of", "cambió el acceso de"),
    ("staff.enrolled", "set up an authenticator", "configuró un autenticador"),
    ("staff.invited", "invited", "invitó a"),
    ("staff.password_changed", "changed their password", "cambió su contraseña"),
    ("staff.password_failed", "gave a wrong current password", "escribió mal su contraseña actual"),
    ("staff.password_set", "chose a password", "eligió una contraseña"),
    ("staff.recovery_codes_renewed", "made fresh recovery codes", "creó códigos de recuperación nuevos"),
    (
        "staff.refresh_token_reused",
        "was signed out: a token came back twice",
        "quedó sin sesión: un token volvió dos veces",
    ),
    ("staff.renamed", "changed their own name", "cambió su propio nombre"),
    ("staff.reset_requested", "asked for a new password", "pidió una contraseña nueva"),
    ("staff.second_factor_failed", "gave a wrong code", "escribió un código incorrecto"),
    ("staff.session_ended", "ended one of their sign-ins", "cerró una de sus sesiones"),
    ("staff.signed_in", "signed in", "inició sesión"),
    ("staff.signed_out", "signed out", "cerró la sesión"),
    ("staff.signed_out_everywhere", "signed out everywhere", "cerró todas sus sesiones"),
    ("staff.totp_reset", "reset the authenticator of", "restableció el autenticador de"),
    ("team.changed", "changed the team", "cambió el equipo"),
    ("team.created", "made the team", "creó el equipo"),
    ("webhook.changed", "changed a webhook", "cambió un webhook"),
    ("webhook.created", "made a webhook", "creó un webhook"),
    ("webhook.deleted", "deleted a webhook", "eliminó un webhook"),
    ("webhook.disabled", "stopped calling a webhook", "dejó de llamar a un webhook"),
    ("webhook.replayed", "sent an event of a webhook again", "reenvió un evento de un webhook"),
    ("webhook.rotated", "gave a webhook a fresh secret", "dio un secreto nuevo a un webhook"),
    ("keys.rotated", "made fresh keys", "creó claves nuevas"),
];

/// More than this is left to the file.
const MOST_DETAILS: usize = 12;

/// What else is known, a line each: what was otherwise before, or what stands there.
pub fn details(language: Language, detail: &Value, called: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let Value::Object(members) = detail else { return Vec::new() };
    let mut lines = Vec::new();
    if let (Some(Value::Object(was)), Some(Value::Object(is))) = (members.get("before"), members.get("after"))
    {
        for (key, after) in is {
            let before = was.get(key).unwrap_or(&Value::Null);
            if before != after {
                let (before, after) = (value(language, before, called), value(language, after, called));
                lines.push(format!("{}: {before} → {after}", label(language, key)));
            }
        }
    }
    for (key, each) in
        members.iter().filter(|(key, each)| !["before", "after"].contains(&key.as_str()) && is_said(each))
    {
        match each.as_array().map(Vec::as_slice) {
            // A pair is how it was and how it is.
            Some([was, is]) if !was.is_string() || ["role"].contains(&key.as_str()) => {
                if was != is {
                    let (was, is) = (value(language, was, called), value(language, is, called));
                    lines.push(format!("{}: {was} → {is}", label(language, key)));
                }
            }
            _ => lines.push(format!("{}: {}", label(language, key), value(language, each, called))),
        }
    }
    lines.truncate(MOST_DETAILS);
    lines
}

/// What is empty, or says that nothing was so, needs no line.
fn is_said(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    }
}

fn value(language: Language, value: &Value, called: &dyn Fn(&str) -> Option<String>) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::Bool(true) => say(language, "yes", "sí").to_owned(),
        Value::Bool(false) => say(language, "no", "no").to_owned(),
        Value::String(text) => called(text).unwrap_or_else(|| term(language, text).to_owned()),
        Value::Array(list) if list.is_empty() => "–".to_owned(),
        Value::Array(list) => {
            list.iter().map(|each| self::value(language, each, called)).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// Words of the rules that people meet on other pages under another name.
fn term(language: Language, word: &str) -> &str {
    match word {
        "admin" => say(language, "admin", "administración"),
        "member" => say(language, "member", "equipo"),
        "support" => say(language, "support", "soporte"),
        "active" => say(language, "active", "activo"),
        "paused" => say(language, "paused", "en pausa"),
        "retired" => say(language, "retired", "retirado"),
        "totp" => say(language, "authenticator", "autenticador"),
        "recovery_code" => say(language, "recovery code", "código de recuperación"),
        "enrolment" => say(language, "first sign-in", "primera entrada"),
        "invitation" => say(language, "invitation", "invitación"),
        "reset" => say(language, "forgotten password", "contraseña olvidada"),
        "practice" => say(language, "the whole practice", "todo el consultorio"),
        other => other,
    }
}

/// What a key is called; one that has no name here is read as it is.
fn label(language: Language, key: &str) -> String {
    let (en, es) = match key {
        "label" | "name" => ("Name", "Nombre"),
        "name_changed" => ("Name changed", "Nombre cambiado"),
        "notice_email_changed" => ("E-mail for notices changed", "Correo para avisos cambiado"),
        "has_notice_email" => ("E-mail for notices", "Correo para avisos"),
        "role" => ("Role", "Función"),
        "active" => ("May sign in", "Puede entrar"),
        "state" => ("State", "Estado"),
        "tags" => ("Tags", "Etiquetas"),
        "owner" => ("Who sees its conversations", "Quién ve sus conversaciones"),
        "assignee" | "assignee_id" => ("Who answers", "Quién contesta"),
        "members" => ("Members", "Integrantes"),
        "notify" => ("Who is told", "A quién se avisa"),
        "welcome" => ("Welcome", "Saludo"),
        "discreet" => ("Discreet", "Discreto"),
        "city" => ("City", "Ciudad"),
        "language" => ("Language", "Idioma"),
        "time_zone" => ("Time zone", "Zona horaria"),
        "accent" => ("Colour", "Color"),
        "countries" => ("Countries", "Países"),
        "factor" => ("With", "Con"),
        "by" => ("By", "Mediante"),
        "session" => ("Sign-in", "Sesión"),
        "events" => ("Events", "Eventos"),
        "from" => ("From", "Desde"),
        "to" => ("To", "Hasta"),
        "link" | "link_id" => ("Link", "Enlace"),
        "frequency" => ("How often", "Cada cuánto"),
        "method" => ("Method", "Método"),
        "grade" => ("Grade", "Coincidencia"),
        other => return other.replace('_', " "),
    };
    say(language, en, es).to_owned()
}
