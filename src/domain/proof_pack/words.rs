//! Texts of the proof of identity in English and Spanish.

use serde_json::Value;

use crate::domain::identity::grading::matching::Grade;
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
    pub way: &'static str,
    pub through: &'static str,
    pub link: &'static str,
    pub invite: &'static str,
    pub connected: &'static str,
    pub how: &'static str,
    pub standing: &'static str,
    pub state: &'static str,
    pub since: &'static str,
    pub grade: &'static str,
    pub phi_allowed: &'static str,
    pub phi_refused: &'static str,
    pub decisions: &'static str,
    pub more: &'static str,
    pub none: &'static str,
    pub nobody_decided: &'static str,
    pub compared: &'static str,
    pub texts: &'static str,
    pub to_patient: &'static str,
    pub to_staff: &'static str,
    pub acknowledged: &'static str,
    pub system: &'static str,
    pub made: &'static str,
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
    way: "How they came",
    through: "Through",
    link: "the link",
    invite: "the invite",
    connected: "Connected",
    how: "How they connected",
    standing: "Status",
    state: "State",
    since: "Since",
    grade: "Your records",
    phi_allowed: "health information may be shared",
    phi_refused: "no health information may be shared",
    decisions: "Decisions",
    more: "{n} more are in the audit log.",
    none: "None",
    nobody_decided: "No decision yet.",
    compared: "Compared:",
    texts: "Texts shown",
    to_patient: "To the patient:",
    to_staff: "To staff",
    acknowledged: "Before writing, {by} acknowledged that this patient’s identity was not verified.",
    system: "the service",
    made: "Created by {by} on {at} from the service’s data.",
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
    way: "Cómo llegó",
    through: "Por",
    link: "el enlace",
    invite: "la invitación",
    connected: "Conexión",
    how: "Cómo le llegó",
    standing: "Situación",
    state: "Estado",
    since: "Desde",
    grade: "Sus fichas",
    phi_allowed: "se puede compartir información de salud",
    phi_refused: "no se puede compartir información de salud",
    decisions: "Qué se decidió",
    more: "Otras {n} constan en la auditoría.",
    none: "Nada",
    nobody_decided: "Nadie ha decidido todavía.",
    compared: "Se comparó:",
    texts: "Qué textos se mostraron",
    to_patient: "Al paciente:",
    to_staff: "Al personal",
    acknowledged: "{by} reconoció, antes de escribir, que no se sabía quién es.",
    system: "el servicio",
    made: "Hecho por {by} el {at} con los registros del servicio.",
    chain: "Último evento de la auditoría del consultorio: número {n}, {hash}.",
};

fn say(words: &Words, en: &'static str, es: &'static str) -> &'static str {
    match words.language {
        Language::En => en,
        Language::Es => es,
    }
}

/// Label of an identity state.
pub fn state(words: &Words, state: &str) -> &'static str {
    match state {
        "confirmed" => say(words, "Confirmed", "Confirmado"),
        "rejected" => say(words, "Rejected", "Rechazado"),
        "re_verify" => say(words, "To be confirmed again", "Por confirmar de nuevo"),
        _ => say(words, "Unverified", "Sin verificar"),
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
pub fn decision(words: &Words, kind: &str) -> &'static str {
    match kind {
        "confirm" => say(words, "Confirmed", "Confirmado"),
        "reject" => say(words, "Rejected", "Rechazado"),
        "undo" => say(words, "Undone", "Retirado"),
        _ => say(words, "To be confirmed again", "Por confirmar de nuevo"),
    }
}

/// How the link or invite reached the patient's device. The page shows no database words, so an unknown
/// method gets a neutral phrase.
pub fn reached(words: &Words, method: &str) -> &'static str {
    match method {
        "universal_link" => say(words, "opened the link on the phone", "abrió el enlace en el teléfono"),
        "play_referrer" => say(words, "opened the link, then installed", "abrió el enlace y luego instaló"),
        "app_clip" => say(words, "opened the link as an App Clip", "abrió el enlace como App Clip"),
        "pasteboard" => say(words, "pasted the link", "pegó el enlace"),
        "typed" => say(words, "typed the code", "escribió el código"),
        "scanned" => say(words, "scanned the code", "escaneó el código"),
        "phone_first" => {
            say(words, "gave the number on the link’s page", "dio el número en la página del enlace")
        }
        "invite" => say(words, "by text message and e-mail", "por mensaje de texto y correo"),
        _ => say(words, "in another way", "de otra manera"),
    }
}

/// How staff confirmed the identity, or why it needs to be confirmed again.
pub fn method(words: &Words, method: &str) -> &'static str {
    match method {
        "record_match" => {
            say(words, "number and e-mail match the record", "número y correo son los de la ficha")
        }
        "call_back" => say(words, "called the number on record", "llamada al número de la ficha"),
        "in_person" => say(words, "in person", "en persona"),
        "date_of_birth" => say(words, "asked for the birth date", "se preguntó la fecha de nacimiento"),
        "photo_id" => say(words, "photo ID", "documento con fotografía"),
        "invite" => say(words, "invite, phone and e-mail verified", "invitación, ambos canales comprobados"),
        "number_changed" => say(words, "the number changed", "cambió el número"),
        "new_device" => say(words, "a new device signed in", "entró un dispositivo nuevo"),
        "details_changed" => say(words, "name or birth date changed", "cambió el nombre o el nacimiento"),
        _ => say(words, "in another way", "de otra manera"),
    }
}

/// Label of how closely one field matches.
pub fn agreement(words: &Words, word: Option<&str>) -> &'static str {
    match word {
        Some("equal") => say(words, "equal", "igual"),
        Some("close") => say(words, "nearly equal", "casi igual"),
        Some("differs") => say(words, "differs", "distinto"),
        Some("not_given") => say(words, "not given", "no indicado"),
        _ => say(words, "not on record", "no consta"),
    }
}

/// How closely each field matched when the decision was made, record by record.
pub fn compared(words: &Words, json: &str) -> String {
    let kept: Value = serde_json::from_str(json).unwrap_or_default();
    let fields = [
        ("given_name", say(words, "given name", "nombre")),
        ("family_name", say(words, "family name", "apellido")),
        ("birth_date", say(words, "birth date", "nacimiento")),
        ("phone", say(words, "number", "número")),
        ("email", say(words, "e-mail", "correo")),
    ];
    let candidates = kept.get("candidates").and_then(Value::as_array).cloned().unwrap_or_default();
    if candidates.is_empty() {
        return format!("{} {}", words.compared, grade(words, Grade::None));
    }
    let record = |found: &Value| {
        let parts = fields.map(|(field, name)| {
            format!("{name} {}", agreement(words, found.get(field).and_then(Value::as_str)))
        });
        parts.join(", ")
    };
    let records: Vec<String> = candidates.iter().take(3).map(record).collect();
    format!("{} {}", words.compared, records.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identity::Method;
    use crate::domain::links::Source;

    #[test]
    fn every_way_and_every_method_has_words_in_both_languages() {
        let sources = ["universal_link", "play_referrer", "app_clip", "pasteboard", "typed", "scanned"];
        let sources = sources.map(|word| serde_json::from_value::<Source>(word.into()).unwrap().as_str());
        let methods = [
            Method::RecordMatch,
            Method::CallBack,
            Method::InPerson,
            Method::DateOfBirth,
            Method::PhotoId,
            Method::Invite,
        ];
        for words in [ENGLISH, SPANISH] {
            let other = reached(&words, "");
            for way in sources.into_iter().chain(["phone_first", "invite"]) {
                assert_ne!(reached(&words, way), other, "{way}");
            }
            for known in methods.map(Method::as_str) {
                assert_ne!(method(&words, known), other, "{known}");
            }
        }
    }
}
