//! Texts of the notifications in both languages. None of them says who connected.

use jiff::Zoned;

use super::store::Digest;
use super::zone;
use crate::domain::practices::Practice;
use crate::kit::{Language, Timestamp};

/// Text of a notification, in one language.
pub(super) struct MailText {
    /// Subject line and heading.
    pub heading: String,
    /// What happened, and what to do about it.
    pub lead: &'static str,
    /// Further facts, each with its label.
    pub facts: Vec<(&'static str, String)>,
    /// Label of the button.
    pub button: &'static str,
}

/// "A new patient connected."
pub(super) fn new_pairing(practice: &Practice, at: Timestamp, link_label: &str) -> MailText {
    let language = practice.language;
    let (heading, lead) = match language {
        Language::En => (
            "A new patient connected",
            "There is a new conversation in your practice’s inbox. Confirm who it is before you share health \
                information.",
        ),
        Language::Es => (
            "Se conectó un paciente nuevo",
            "Hay una conversación nueva en la bandeja de su consultorio. Antes de compartir datos de salud, \
                confirme con quién habla.",
        ),
    };
    let facts = about(language, moment(practice, at), link_label);
    MailText { heading: heading.to_owned(), lead, facts, button: inbox(language) }
}

/// "5 new patients connected."
pub(super) fn digest(practice: &Practice, digest: &Digest, link_label: &str) -> MailText {
    let language = practice.language;
    let lead = match (language, digest.count) {
        (_, 1) => new_pairing(practice, digest.first_at, "").lead,
        (Language::En, _) => {
            "Their conversations are in your practice’s inbox. Confirm who each of them is before you share \
                health information."
        }
        (Language::Es, _) => {
            "Sus conversaciones están en la bandeja de su consultorio. Antes de compartir datos de salud, \
                confirme con quién habla en cada una."
        }
    };
    let heading = match (language, digest.count) {
        (_, 1) => new_pairing(practice, digest.first_at, "").heading,
        (Language::En, count) => format!("{count} new patients connected"),
        (Language::Es, count) => format!("Se conectaron {count} pacientes nuevos"),
    };
    let facts = about(language, span(practice, digest.first_at, digest.last_at), link_label);
    MailText { heading, lead, facts, button: inbox(language) }
}

/// "A patient signed in on a new device."
pub(super) fn new_device(practice: &Practice, at: Timestamp) -> MailText {
    let language = practice.language;
    let (heading, lead) = match language {
        Language::En => (
            "A patient signed in on a new device",
            "Someone with the number of a patient connected with your practice signed in on a new device. \
                Phone numbers change hands, so earlier messages stay hidden there until the person is \
                confirmed again.",
        ),
        Language::Es => (
            "Un paciente entró desde otro dispositivo",
            "Alguien con el número de un paciente conectado con su consultorio inició sesión en un \
                dispositivo nuevo. Los números de teléfono cambian de dueño, así que allí los mensajes \
                anteriores quedan ocultos hasta que se confirme de nuevo a la persona.",
        ),
    };
    let facts = about(language, moment(practice, at), "");
    MailText { heading: heading.to_owned(), lead, facts, button: inbox(language) }
}

/// "An address refuses our e-mails."
pub(super) fn bounced(practice: &Practice, at: Timestamp) -> MailText {
    let language = practice.language;
    let (heading, lead, button) = match language {
        Language::En => (
            "An address refuses our e-mails",
            "An address that gets your practice’s notices no longer accepts mail, so we stopped writing to \
                it. The console shows whose it is. Correct it there, or let us try again.",
            "Open the notices",
        ),
        Language::Es => (
            "Una dirección rechaza nuestros correos",
            "Una dirección a la que llegan los avisos de su consultorio ya no acepta correo, así que dejamos \
                de escribirle. En la consola se ve de quién es. Corríjala allí o permítanos intentarlo otra \
                vez.",
            "Abrir los avisos",
        ),
    };
    let facts = about(language, moment(practice, at), "");
    MailText { heading: heading.to_owned(), lead, facts, button }
}

/// "An invite was opened with a different number."
pub(super) fn other_number(practice: &Practice, at: Timestamp, link_label: &str) -> MailText {
    let language = practice.language;
    let (heading, lead, button) = match language {
        Language::En => (
            "An invite was opened with a different number",
            "Someone tried to accept an invite from your practice with a different phone number than the one \
                you invited. We refused it and opened no conversation. The console shows which invite it \
                was. Compare the number with your records, and call the person before you invite them again.",
            "Open the invites",
        ),
        Language::Es => (
            "Se abrió una invitación con otro número",
            "Alguien intentó aceptar una invitación de su consultorio con un número distinto del invitado. \
                Se rechazó y no se abrió ninguna conversación. En la consola se ve qué invitación fue. \
                Compare el número con sus fichas y llame a la persona antes de invitarla otra vez.",
            "Abrir las invitaciones",
        ),
    };
    let facts = about(language, moment(practice, at), link_label);
    MailText { heading: heading.to_owned(), lead, facts, button }
}

fn inbox(language: Language) -> &'static str {
    match language {
        Language::En => "Open the inbox",
        Language::Es => "Abrir la bandeja",
    }
}

fn about(language: Language, when: String, link_label: &str) -> Vec<(&'static str, String)> {
    let (when_is, link_is) = match language {
        Language::En => ("When", "Link"),
        Language::Es => ("Cuándo", "Enlace"),
    };
    let mut facts = vec![(when_is, when)];
    if !link_label.is_empty() {
        facts.push((link_is, link_label.to_owned()));
    }
    facts
}

/// Date and time formats of a language.
fn formats(language: Language) -> (&'static str, &'static str) {
    match language {
        Language::En => ("%b %-d, %Y", "%-I:%M %p"),
        Language::Es => ("%d/%m/%Y", "%H:%M"),
    }
}

fn local(practice: &Practice, at: Timestamp) -> Zoned {
    at.to_jiff().to_zoned(zone(practice))
}

/// Formats a moment in the practice's time zone.
fn moment(practice: &Practice, at: Timestamp) -> String {
    let (day, time) = formats(practice.language);
    local(practice, at).strftime(&format!("{day}, {time} %Z")).to_string()
}

/// Formats a period from the first to the last moment, as short as possible.
fn span(practice: &Practice, first_at: Timestamp, last_at: Timestamp) -> String {
    let (first, last) = (moment(practice, first_at), moment(practice, last_at));
    if first == last {
        return first;
    }
    let (day, time) = formats(practice.language);
    let (from, to) = (local(practice, first_at), local(practice, last_at));
    let is_one_day = from.date() == to.date() && from.offset() == to.offset();
    let from_time = from.strftime(time).to_string();
    let to_time = to.strftime(&format!("{time} %Z")).to_string();
    let day = from.strftime(day).to_string();
    match (practice.language, is_one_day) {
        (Language::En, true) => format!("{day}, between {from_time} and {to_time}"),
        (Language::En, false) => format!("between {first} and {last}"),
        (Language::Es, true) => format!("{day}, entre las {from_time} y las {to_time}"),
        (Language::Es, false) => format!("entre el {first} y el {last}"),
    }
}
