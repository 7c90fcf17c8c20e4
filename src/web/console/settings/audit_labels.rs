//! Audit labels: actors, actions and changes in words.

use serde_json::Value;
use strum::VariantArray as _;

use crate::kit::Language;
use crate::platform::audit::{Action, Actor, Subject};
use crate::web::console::words::say;

/// The name of an actor who is not a colleague.
pub(super) fn actor(language: Language, actor: &Actor) -> &'static str {
    let (en, es) = match actor {
        Actor::Operator => ("The service’s operator", "Quien opera el servicio"),
        Actor::System => ("The service itself", "El propio servicio"),
        Actor::Account(_) => ("A patient", "Un paciente"),
        Actor::Staff(_) => ("A staff member", "Alguien del personal"),
        Actor::Practice(_) => ("The practice", "El consultorio"),
    };
    say(language, en, es)
}

/// The filter choices: everything, or one subject.
pub(super) fn subjects(language: Language) -> impl Iterator<Item = (&'static str, &'static str)> {
    let all = ("", say(language, "Everything", "Todo"));
    [all].into_iter().chain(Subject::VARIANTS.iter().map(move |it| (it.as_str(), subject(language, *it))))
}

fn subject(language: Language, subject: Subject) -> &'static str {
    let (en, es) = match subject {
        Subject::Staff => ("Staff and sign-ins", "Personal y sesiones"),
        Subject::Team => ("Teams", "Equipos"),
        Subject::Link => ("Links", "Enlaces"),
        Subject::Funnel => ("Visitors", "Visitas"),
        Subject::Invite => ("Invites", "Invitaciones"),
        Subject::Pairing => ("Patients who connected", "Pacientes que se conectaron"),
        Subject::Account => ("Patients’ accounts", "Cuentas de pacientes"),
        Subject::Session => ("Patients’ sign-ins", "Sesiones de pacientes"),
        Subject::Conversation => ("Conversations", "Conversaciones"),
        Subject::Identity => ("Identity", "Identidad"),
        Subject::Records => ("Records", "Fichas"),
        Subject::Notifications => ("E-mail notices", "Avisos por correo"),
        Subject::Webhook => ("Webhooks", "Webhooks"),
        Subject::Practice => ("The practice", "El consultorio"),
        Subject::Keys => ("The service’s keys", "Claves del servicio"),
        Subject::Audit => ("Audit log", "La propia auditoría"),
    };
    say(language, en, es)
}

/// The label of an action; an unknown action is shown as it is.
pub(super) fn action(language: Language, action: &str) -> &str {
    match action.parse() {
        Ok(known) => {
            let (en, es) = label_of(known);
            say(language, en, es)
        }
        Err(_) => action,
    }
}

/// Defines the English and Spanish label of every action, as one exhaustive match.
macro_rules! labels {
    ($($action:ident: $en:literal, $es:literal;)*) => {
        fn label_of(action: Action) -> (&'static str, &'static str) {
            match action {
                $(Action::$action => ($en, $es),)*
            }
        }
    };
}

labels! {
    AccountCreated: "opened an account", "abrió una cuenta";
    AccountDeleted: "deleted their account", "eliminó su cuenta";
    AccountEmailProven: "verified their e-mail address", "confirmó su dirección de correo";
    AccountNumberChanged: "changed their phone number", "cambió su número de teléfono";
    AuditExported: "exported the audit log", "exportó la auditoría";
    ConversationChanged: "changed a conversation", "cambió una conversación";
    ConversationUnverifiedAcknowledged:
        "wrote before the identity was verified",
        "escribió aunque la identidad no está verificada";
    FunnelExported: "exported the visitors of", "exportó las visitas de";
    IdentityConfirmed: "confirmed a patient’s identity", "confirmó la identidad de un paciente";
    IdentityDoubted: "must be identified again", "se debe identificar otra vez";
    IdentityExported: "exported proof of an identity", "exportó la prueba de una identidad";
    IdentityRejected: "rejected a patient’s identity", "rechazó la identidad de un paciente";
    IdentityUndone:
        "undid a decision about a patient’s identity",
        "deshizo una decisión sobre la identidad de un paciente";
    InviteAccepted: "accepted an invite", "aceptó una invitación";
    InviteBounced: "could not deliver an invite", "no pudo entregar una invitación";
    InviteCreated: "created an invite", "creó una invitación";
    InviteEmailProven:
        "verified the e-mail address of an invite",
        "vio confirmado un correo de una invitación";
    InviteImported: "imported invites", "importó invitaciones";
    InviteOpened: "opened an invite", "abrió una invitación";
    InviteOtherNumber: "refused a different number for an invite", "rechazó otro número para una invitación";
    InvitePhoneProven: "verified the number of an invite", "vio confirmado un número de una invitación";
    InviteRevoked: "canceled an invite", "retiró una invitación";
    InviteSent: "sent an invite", "envió una invitación";
    KeysRotated: "created new keys", "creó claves nuevas";
    LinkChanged: "changed the link", "cambió el enlace";
    LinkCreated: "created the link", "creó el enlace";
    NotificationsChanged: "changed who is notified by e-mail", "cambió a quién se avisa por correo";
    NotificationsPaused: "paused an address whose mail bounced", "pausó una dirección cuyo correo rebotó";
    PairingCreated: "connected", "se conectó";
    PairingEnded: "left the practice", "dejó el consultorio";
    PairingLinkOpened: "opened another link", "abrió otro enlace";
    PracticeChanged: "changed the practice", "cambió el consultorio";
    PracticeClosed: "closed the practice", "cerró el consultorio";
    PracticeCreated: "created the practice", "creó el consultorio";
    PracticeLogoChanged: "changed the logo", "cambió el logotipo";
    PracticeResumed: "opened the practice’s pages again", "reabrió las páginas del consultorio";
    PracticeSuspended: "took the practice’s pages offline", "retiró las páginas del consultorio";
    RecordsImportBegun: "started importing records", "empezó a importar fichas";
    RecordsImportEnded: "finished importing records", "terminó de importar fichas";
    RecordsResultsExported: "downloaded an import's results", "descargó los resultados de una importación";
    SessionCreated: "signed in", "inició sesión";
    SessionLifted: "verified a new device", "confirmó un dispositivo nuevo";
    StaffChanged: "changed the access of", "cambió el acceso de";
    StaffEnrolled: "set up an authenticator", "configuró un autenticador";
    StaffInvited: "invited", "invitó a";
    StaffPasswordChanged: "changed their password", "cambió su contraseña";
    StaffPasswordFailed: "entered a wrong current password", "escribió mal su contraseña actual";
    StaffPasswordSet: "chose a password", "eligió una contraseña";
    StaffRecoveryCodesRenewed: "created new recovery codes", "creó códigos de recuperación nuevos";
    StaffRefreshTokenReused:
        "was signed out: a refresh token was used twice",
        "quedó sin sesión: un token volvió dos veces";
    StaffRenamed: "changed their own name", "cambió su propio nombre";
    StaffResetRequested: "asked for a new password", "pidió una contraseña nueva";
    StaffSecondFactorFailed: "entered a wrong code", "escribió un código incorrecto";
    StaffSessionEnded: "ended one of their sessions", "cerró una de sus sesiones";
    StaffSignedIn: "signed in", "inició sesión";
    StaffSignedOut: "signed out", "cerró la sesión";
    StaffSignedOutEverywhere: "signed out everywhere", "cerró todas sus sesiones";
    StaffTotpReset: "reset the authenticator of", "restableció el autenticador de";
    TeamChanged: "changed the team", "cambió el equipo";
    TeamCreated: "created the team", "creó el equipo";
    WebhookChanged: "changed a webhook", "cambió un webhook";
    WebhookCreated: "created a webhook", "creó un webhook";
    WebhookDeleted: "deleted a webhook", "eliminó un webhook";
    WebhookDisabled: "stopped calling a webhook", "dejó de llamar a un webhook";
    WebhookReplayed: "sent an event of a webhook again", "reenvió un evento de un webhook";
    WebhookRotated: "created a new secret for a webhook", "dio un secreto nuevo a un webhook";
}

/// Further details are only in the CSV file.
const MOST_DETAILS: usize = 12;

/// Turns an event's detail into lines of text.
pub(super) struct Reader<'a> {
    pub language: Language,
    /// Looks up the name of an id.
    pub called: &'a dyn Fn(&str) -> Option<String>,
}

impl Reader<'_> {
    /// One line per change (before and after) or further detail.
    pub(super) fn lines(&self, detail: &Value) -> Vec<String> {
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
