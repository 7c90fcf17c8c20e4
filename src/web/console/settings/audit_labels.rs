//! Audit labels: actors, actions and changes in words.

use serde_json::Value;

use crate::kit::Language;
use crate::web::console::words::say;

/// The name of an actor who is not a colleague.
pub fn actor(language: Language, actor: &str) -> String {
    let (en, es) = match actor {
        "operator" => ("The service’s operator", "Quien opera el servicio"),
        "system" => ("The service itself", "El propio servicio"),
        _ if actor.starts_with("acc_") => ("A patient", "Un paciente"),
        _ if actor.starts_with("stf_") => ("A staff member", "Alguien del personal"),
        other => return other.to_owned(),
    };
    say(language, en, es).to_owned()
}

/// The filter choices: the first part of an action, and its label.
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
        about("audit", "Audit log", "La propia auditoría"),
    ]
}

/// The label of an action; an unknown action is shown as it is.
pub fn action(language: Language, action: &str) -> &str {
    match ACTIONS.iter().find(|(known, ..)| *known == action) {
        Some((_, en, es)) => say(language, en, es),
        None => action,
    }
}

const ACTIONS: [(&str, &str, &str); 61] = [
    ("account.created", "opened an account", "abrió una cuenta"),
    ("account.deleted", "deleted their account", "eliminó su cuenta"),
    ("audit.exported", "exported the audit log", "exportó la auditoría"),
    ("conversation.changed", "changed a conversation", "cambió una conversación"),
    ("conversation.created", "opened a conversation", "abrió una conversación"),
    (
        "conversation.unverified_acknowledged",
        "wrote before the identity was verified",
        "escribió aunque la identidad no está verificada",
    ),
    ("funnel.exported", "exported the visitors of", "exportó las visitas de"),
    ("identity.changed", "decided on a patient’s identity", "decidió quién es un paciente"),
    ("identity.exported", "exported proof of an identity", "exportó la prueba de una identidad"),
    ("link.changed", "changed the link", "cambió el enlace"),
    ("link.created", "created the link", "creó el enlace"),
    ("notifications.changed", "changed who is notified by e-mail", "cambió a quién se avisa por correo"),
    (
        "notifications.paused",
        "paused an address whose mail bounced",
        "pausó una dirección cuyo correo rebotó",
    ),
    ("pairing.created", "connected", "se conectó"),
    ("pairing.ended", "left the practice", "dejó el consultorio"),
    ("pairing.link_opened", "opened another link", "abrió otro enlace"),
    ("practice.changed", "changed the practice", "cambió el consultorio"),
    ("practice.closed", "closed the practice", "cerró el consultorio"),
    ("practice.created", "created the practice", "creó el consultorio"),
    ("practice.logo_changed", "changed the logo", "cambió el logotipo"),
    ("practice.resumed", "opened the practice’s pages again", "reabrió las páginas del consultorio"),
    ("practice.suspended", "took the practice’s pages offline", "retiró las páginas del consultorio"),
    ("session.created", "signed in", "inició sesión"),
    ("staff.changed", "changed the access of", "cambió el acceso de"),
    ("staff.enrolled", "set up an authenticator", "configuró un autenticador"),
    ("staff.invited", "invited", "invitó a"),
    ("staff.password_changed", "changed their password", "cambió su contraseña"),
    ("staff.password_failed", "entered a wrong current password", "escribió mal su contraseña actual"),
    ("staff.password_set", "chose a password", "eligió una contraseña"),
    ("staff.recovery_codes_renewed", "created new recovery codes", "creó códigos de recuperación nuevos"),
    (
        "staff.refresh_token_reused",
        "was signed out: a refresh token was used twice",
        "quedó sin sesión: un token volvió dos veces",
    ),
    ("staff.renamed", "changed their own name", "cambió su propio nombre"),
    ("staff.reset_requested", "asked for a new password", "pidió una contraseña nueva"),
    ("staff.second_factor_failed", "entered a wrong code", "escribió un código incorrecto"),
    ("staff.session_ended", "ended one of their sessions", "cerró una de sus sesiones"),
    ("staff.signed_in", "signed in", "inició sesión"),
    ("staff.signed_out", "signed out", "cerró la sesión"),
    ("staff.signed_out_everywhere", "signed out everywhere", "cerró todas sus sesiones"),
    ("staff.totp_reset", "reset the authenticator of", "restableció el autenticador de"),
    ("team.changed", "changed the team", "cambió el equipo"),
    ("invite.created", "created an invite", "creó una invitación"),
    ("invite.sent", "sent an invite", "envió una invitación"),
    ("invite.opened", "opened an invite", "abrió una invitación"),
    ("invite.phone_proven", "verified the number of an invite", "vio confirmado un número de una invitación"),
    (
        "invite.email_proven",
        "verified the e-mail address of an invite",
        "vio confirmado un correo de una invitación",
    ),
    (
        "invite.other_number",
        "refused a different number for an invite",
        "rechazó otro número para una invitación",
    ),
    ("invite.accepted", "accepted an invite", "aceptó una invitación"),
    ("invite.bounced", "could not deliver an invite", "no pudo entregar una invitación"),
    ("invite.revoked", "canceled an invite", "retiró una invitación"),
    ("invite.imported", "imported invites", "importó invitaciones"),
    ("records.import_begun", "started importing records", "empezó a importar fichas"),
    ("records.import_ended", "finished importing records", "terminó de importar fichas"),
    (
        "records.results_exported",
        "downloaded an import's results",
        "descargó los resultados de una importación",
    ),
    ("team.created", "created the team", "creó el equipo"),
    ("webhook.changed", "changed a webhook", "cambió un webhook"),
    ("webhook.created", "created a webhook", "creó un webhook"),
    ("webhook.deleted", "deleted a webhook", "eliminó un webhook"),
    ("webhook.disabled", "stopped calling a webhook", "dejó de llamar a un webhook"),
    ("webhook.replayed", "sent an event of a webhook again", "reenvió un evento de un webhook"),
    ("webhook.rotated", "created a new secret for a webhook", "dio un secreto nuevo a un webhook"),
    ("keys.rotated", "created new keys", "creó claves nuevas"),
];

/// Further details are only in the CSV file.
const MOST_DETAILS: usize = 12;

/// Turns an event's detail into lines of text.
pub struct Reader<'a> {
    pub language: Language,
    /// Looks up the name of an id.
    pub called: &'a dyn Fn(&str) -> Option<String>,
}

impl Reader<'_> {
    /// One line per change (before and after) or further detail.
    pub fn lines(&self, detail: &Value) -> Vec<String> {
        let Value::Object(members) = detail else { return Vec::new() };
        let mut lines = match (members.get("before"), members.get("after")) {
            (Some(Value::Object(was)), Some(Value::Object(is))) => {
                let changes = is.iter().filter_map(|(key, is)| self.change(key, was.get(key)?, is));
                let others = members.iter().filter(|(key, _)| *key != "before" && *key != "after");
                changes.chain(others.filter_map(|(key, value)| self.line(key, value))).collect()
            }
            (Some(_), Some(_)) => Vec::new(),
            _ => members.iter().filter_map(|(key, value)| self.line(key, value)).collect::<Vec<_>>(),
        };
        lines.truncate(MOST_DETAILS);
        lines
    }

    /// A pair of roles, or of yes and no, is read as before and after.
    fn line(&self, key: &str, value: &Value) -> Option<String> {
        if let (Value::Array(pair), "role" | "active") = (value, key)
            && let [was, is] = pair.as_slice()
        {
            return self.change(key, was, is);
        }
        let text = self.text(value).filter(|_| *value != Value::Bool(false))?;
        Some(format!("{}: {text}", label(self.language, key)))
    }

    fn change(&self, key: &str, was: &Value, is: &Value) -> Option<String> {
        let text = |value| self.text(value).unwrap_or_else(|| "–".to_owned());
        (was != is).then(|| format!("{}: {} → {}", label(self.language, key), text(was), text(is)))
    }

    /// `None` for empty values, and for ids without a name.
    fn text(&self, value: &Value) -> Option<String> {
        match value {
            Value::Bool(true) => Some(say(self.language, "yes", "sí").to_owned()),
            Value::Bool(false) => Some("no".to_owned()),
            Value::Number(number) => Some(number.to_string()),
            Value::String(text) => match (self.called)(text) {
                None if text.is_empty() || is_id(text) => None,
                None => Some(term(self.language, text).to_owned()),
                named => named,
            },
            Value::Array(list) => {
                let said: Vec<String> = list.iter().filter_map(|each| self.text(each)).collect();
                (!said.is_empty()).then(|| said.join(", "))
            }
            Value::Null | Value::Object(_) => None,
        }
    }
}

/// Whether a text is an id such as `stf_0198c1f2a4c07d3e8a51b2c3d4e5f607`.
fn is_id(text: &str) -> bool {
    let digits = text.split_once('_').filter(|(prefix, _)| prefix.len() == 3).map(|(_, digits)| digits);
    digits.is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Labels of database words that other pages show too.
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

/// The label of a key; an unknown key is shown with spaces instead of underscores.
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
        "owner" => ("Who can see its conversations", "Quién ve sus conversaciones"),
        "assignee" | "assignee_id" => ("Assigned to", "Quién contesta"),
        "members" => ("Members", "Integrantes"),
        "notify" => ("Notified by e-mail", "A quién se avisa"),
        "welcome" => ("Welcome message", "Saludo"),
        "discreet" => ("Discreet", "Discreto"),
        "city" => ("City", "Ciudad"),
        "language" => ("Language", "Idioma"),
        "time_zone" => ("Time zone", "Zona horaria"),
        "accent" => ("Color", "Color"),
        "countries" => ("Countries", "Países"),
        "factor" => ("With", "Con"),
        "by" => ("By", "Mediante"),
        "session" => ("Session", "Sesión"),
        "events" => ("Events", "Eventos"),
        "from" => ("From", "Desde"),
        "to" => ("To", "Hasta"),
        "link" | "link_id" => ("Link", "Enlace"),
        "frequency" => ("Frequency", "Cada cuánto"),
        "plan" => ("Plan", "Plan"),
        "method" => ("Method", "Método"),
        "grade" => ("Record match", "Coincidencia"),
        other => return other.replace('_', " "),
    };
    say(language, en, es).to_owned()
}
