//! The audit in words: who, what, and how it was before.

use serde_json::Value;

use super::super::words::say;
use crate::kit::Language;

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

const ACTIONS: [(&str, &str, &str); 61] = [
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
    ("invite.created", "made an invite", "creó una invitación"),
    ("invite.sent", "sent an invite", "envió una invitación"),
    ("invite.opened", "opened an invite", "abrió una invitación"),
    (
        "invite.phone_proven",
        "saw a number confirmed by an invite",
        "vio confirmado un número de una invitación",
    ),
    (
        "invite.email_proven",
        "saw an address confirmed by an invite",
        "vio confirmado un correo de una invitación",
    ),
    (
        "invite.other_number",
        "refused another number for an invite",
        "rechazó otro número para una invitación",
    ),
    ("invite.accepted", "accepted an invite", "aceptó una invitación"),
    ("invite.bounced", "could not deliver an invite", "no pudo entregar una invitación"),
    ("invite.revoked", "took an invite back", "retiró una invitación"),
    ("invite.imported", "took a list of invites in", "recibió una lista de invitaciones"),
    ("records.import_begun", "began an import of records", "empezó a importar fichas"),
    ("records.import_ended", "ended an import of records", "terminó de importar fichas"),
    (
        "records.results_exported",
        "downloaded an import's results",
        "descargó los resultados de una importación",
    ),
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

/// What the ids in a detail are called, and in which language its words are said.
pub struct Reader<'a> {
    /// The page's.
    pub language: Language,
    /// The name of an id.
    pub called: &'a dyn Fn(&str) -> Option<String>,
}

impl Reader<'_> {
    /// What else is known of an event, a line each: what was otherwise before, or what stands there.
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

    /// A pair of words or of yes and no is how it was and how it is.
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

    /// Nothing for what is empty, and for ids of what has no name.
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

/// `stf_0198c1f2a4c07d3e8a51b2c3d4e5f607`.
fn is_id(text: &str) -> bool {
    let digits = text.split_once('_').filter(|(prefix, _)| prefix.len() == 3).map(|(_, digits)| digits);
    digits.is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
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
        "plan" => ("Plan", "Plan"),
        "method" => ("Method", "Método"),
        "grade" => ("Grade", "Coincidencia"),
        other => return other.replace('_', " "),
    };
    say(language, en, es).to_owned()
}
