//! Texts of the proof of identity in English and Spanish.

use serde_json::Value;

use crate::domain::conversations::IdentityState;
use crate::domain::identity::grading::Field;
use crate::domain::identity::grading::matching::{Agreement, Grade};
use crate::domain::identity::{Basis, Doubt, Kind, Method};
use crate::domain::links;
use crate::kit::Language;

/// All texts of the page in one language.
pub struct Words {
    pub language: Language,
    pub title: &'static str,
    pub person: &'static str,
    pub name: &'static str,
    pub born: &'static str,
    pub number: &'static str,
    pub number_proven: &'static str,
    pub email: &'static str,
    pub email_proven: &'static str,
    pub email_unproven: &'static str,
    pub not_given: &'static str,
    pub source: &'static str,
    pub through: &'static str,
    pub link: &'static str,
    pub invite: &'static str,
    pub connected: &'static str,
    pub how: &'static str,
    pub status: &'static str,
    pub state: &'static str,
    pub since: &'static str,
    pub grade: &'static str,
    pub phi_allowed: &'static str,
    pub phi_refused: &'static str,
    pub decisions: &'static str,
    pub more: &'static str,
    pub none: &'static str,
    pub no_decision: &'static str,
    pub compared: &'static str,
    pub texts: &'static str,
    pub to_patient: &'static str,
    pub to_staff: &'static str,
    pub acknowledged: &'static str,
    pub system: &'static str,
    pub created_by: &'static str,
    pub chain: &'static str,
}

pub fn of(language: Language) -> Words {
    match language {
        Language::En => ENGLISH,
        Language::Es => SPANISH,
    }
}

const ENGLISH: Words = Words {
    language: Language::En,
    title: "Proof of identity",
    person: "Who it is",
    name: "Name",
    born: "Birth date",
    number: "Mobile number",
    number_proven: "verified by a code sent to it",
    email: "E-mail",
    email_proven: "verified by a message sent to it",
    email_unproven: "as typed, not verified",
    not_given: "not given",
    source: "How they came",
    through: "Through",
    link: "the link",
    invite: "the invite",
    connected: "Connected",
    how: "How they connected",
    status: "Status",
    state: "State",
    since: "Since",
    grade: "Your records",
    phi_allowed: "health information may be shared",
    phi_refused: "no health information may be shared",
    decisions: "Decisions",
    more: "{n} more are in the audit log.",
    none: "None",
    no_decision: "No decision yet.",
    compared: "Compared:",
    texts: "Texts shown",
    to_patient: "To the patient:",
    to_staff: "To staff",
    acknowledged: "Before writing, {by} acknowledged that this patient’s identity was not verified.",
    system: "the service",
    created_by: "Created by {by} on {at} from the service’s data.",
    chain: "Last event of the practice’s audit log: number {n}, {hash}.",
};

const SPANISH: Words = Words {
    language: Language::Es,
    title: "Comprobante de identidad",
    person: "Quién es",
    name: "Nombre",
    born: "Nacimiento",
    number: "Celular",
    number_proven: "comprobado con un código enviado a él",
    email: "Correo",
    email_proven: "comprobado con un mensaje enviado a él",
    email_unproven: "como lo escribió, sin comprobar",
    not_given: "no indicado",
    source: "Cómo llegó",
    through: "Por",
    link: "el enlace",
    invite: "la invitación",
    connected: "Conexión",
    how: "Cómo le llegó",
    status: "Situación",
    state: "Estado",
    since: "Desde",
    grade: "Sus fichas",
    phi_allowed: "se puede compartir información de salud",
    phi_refused: "no se puede compartir información de salud",
    decisions: "Qué se decidió",
    more: "Otras {n} constan en la auditoría.",
    none: "Nada",
    no_decision: "Nadie ha decidido todavía.",
    compared: "Se comparó:",
    texts: "Qué textos se mostraron",
    to_patient: "Al paciente:",
    to_staff: "Al personal",
    acknowledged: "{by} reconoció, antes de escribir, que no se sabía quién es.",
    system: "el servicio",
    created_by: "Hecho por {by} el {at} con los registros del servicio.",
    chain: "Último evento de la auditoría del consultorio: número {n}, {hash}.",
};

fn say(words: &Words, en: &'static str, es: &'static str) -> &'static str {
    match words.language {
        Language::En => en,
        Language::Es => es,
    }
}

/// Label of an identity state.
pub fn state(words: &Words, state: IdentityState) -> &'static str {
    match state {
        IdentityState::Confirmed => say(words, "Confirmed", "Confirmado"),
        IdentityState::Rejected => say(words, "Rejected", "Rechazado"),
        IdentityState::ReVerify => say(words, "To be confirmed again", "Por confirmar de nuevo"),
        IdentityState::Unverified => say(words, "Unverified", "Sin verificar"),
    }
}

/// Label of a match grade.
pub fn grade(words: &Words, grade: Grade) -> &'static str {
    match grade {
        Grade::Match => say(words, "One record, number and e-mail match", "Una ficha con número y correo"),
        Grade::Certain => say(words, "One record, certain match", "Una ficha, con certeza"),
        Grade::Partial => say(words, "One record, partial match", "Una ficha, en parte"),
        Grade::Ambiguous => say(words, "Several possible records", "Podrían ser varias fichas"),
        Grade::None => say(words, "No matching record", "Ninguna ficha coincide"),
    }
}

/// Label of a decision.
pub fn decision(words: &Words, kind: Kind) -> &'static str {
    match kind {
        Kind::Confirm => say(words, "Confirmed", "Confirmado"),
        Kind::Reject => say(words, "Rejected", "Rechazado"),
        Kind::Undo => say(words, "Undone", "Retirado"),
        Kind::ReVerify => say(words, "To be confirmed again", "Por confirmar de nuevo"),
    }
}

/// How the link or invite reached the patient's device.
pub fn reached(words: &Words, method: links::Method) -> &'static str {
    use links::Method;
    match method {
        Method::UniversalLink => say(words, "opened the link on the phone", "abrió el enlace en el teléfono"),
        Method::PlayReferrer => {
            say(words, "opened the link, then installed", "abrió el enlace y luego instaló")
        }
        Method::AppClip => say(words, "opened the link as an App Clip", "abrió el enlace como App Clip"),
        Method::Pasteboard => say(words, "pasted the link", "pegó el enlace"),
        Method::Typed => say(words, "typed the code", "escribió el código"),
        Method::Scanned => say(words, "scanned the code", "escaneó el código"),
        Method::PhoneFirst => {
            say(words, "gave the number on the link’s page", "dio el número en la página del enlace")
        }
        Method::Invite => say(words, "by text message and e-mail", "por mensaje de texto y correo"),
    }
}

/// How the identity was confirmed, or why it needs to be confirmed again.
pub fn basis(words: &Words, basis: Basis) -> &'static str {
    match basis {
        Basis::Method(method) => self::method(words, method),
        Basis::Doubt(Doubt::NumberChanged) => say(words, "the number changed", "cambió el número"),
        Basis::Doubt(Doubt::NewDevice) => say(words, "a new device signed in", "entró un dispositivo nuevo"),
        Basis::Doubt(Doubt::DetailsChanged) => {
            say(words, "name or birth date changed", "cambió el nombre o el nacimiento")
        }
    }
}

/// How the identity was confirmed.
pub fn method(words: &Words, method: Method) -> &'static str {
    match method {
        Method::RecordMatch => {
            say(words, "number and e-mail match the record", "número y correo son los de la ficha")
        }
        Method::CallBack => say(words, "called the number on record", "llamada al número de la ficha"),
        Method::InPerson => say(words, "in person", "en persona"),
        Method::DateOfBirth => say(words, "asked for the birth date", "se preguntó la fecha de nacimiento"),
        Method::PhotoId => say(words, "photo ID", "documento con fotografía"),
        Method::Invite => {
            say(words, "invite, phone and e-mail verified", "invitación, ambos canales comprobados")
        }
    }
}

/// Label of how closely one field matches.
pub fn agreement(words: &Words, agreement: Agreement) -> &'static str {
    match agreement {
        Agreement::Equal => say(words, "equal", "igual"),
        Agreement::Close => say(words, "nearly equal", "casi igual"),
        Agreement::Differs => say(words, "differs", "distinto"),
        Agreement::NotGiven => say(words, "not given", "no indicado"),
        Agreement::NotOnRecord => say(words, "not on record", "no consta"),
    }
}

/// How closely each field matched when the decision was made, record by record.
pub fn compared(words: &Words, json: &str) -> String {
    let stored: Value = serde_json::from_str(json).unwrap_or_default();
    let fields = [
        (Field::GivenName, say(words, "given name", "nombre")),
        (Field::FamilyName, say(words, "family name", "apellido")),
        (Field::BirthDate, say(words, "birth date", "nacimiento")),
        (Field::Phone, say(words, "number", "número")),
        (Field::Email, say(words, "e-mail", "correo")),
    ];
    let candidates = stored.get("candidates").and_then(Value::as_array).cloned().unwrap_or_default();
    if candidates.is_empty() {
        return format!("{} {}", words.compared, grade(words, Grade::None));
    }
    let record = |found: &Value| {
        let parts = fields.map(|(field, name)| {
            let stored =
                found.get(<&str>::from(field)).and_then(Value::as_str).and_then(|text| text.parse().ok());
            format!("{name} {}", agreement(words, stored.unwrap_or(Agreement::NotOnRecord)))
        });
        parts.join(", ")
    };
    let records: Vec<String> = candidates.iter().take(3).map(record).collect();
    format!("{} {}", words.compared, records.join(" | "))
}
