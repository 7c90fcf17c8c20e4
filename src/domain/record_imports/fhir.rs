//! FHIR R4 `Patient` resources, one per line.

use jiff::civil::Date;
use serde::Deserialize;

use super::draft::{Draft, Note, ParsedRow};
use super::options::Options;
use super::resources::TOO_LONG;

/// Code of a medical record number in practice software (HL7 v2-0203).
const RECORD_NUMBER: &str = "MR";

/// Type and identifiers of a resource, parsed separately so that an error elsewhere in the resource does not
/// hide its record number. An error within an identifier does: it could be the one that matters.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    resource_type: String,
    #[serde(rename = "id")]
    logical: Option<String>,
    #[serde(default)]
    identifier: Vec<Identifier>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Patient {
    active: Option<bool>,
    #[serde(default)]
    name: Vec<HumanName>,
    #[serde(default)]
    telecom: Vec<ContactPoint>,
    birth_date: Option<String>,
    deceased_boolean: Option<bool>,
    deceased_date_time: Option<String>,
    #[serde(default)]
    link: Vec<Link>,
}

#[derive(Deserialize)]
struct Identifier {
    #[serde(rename = "use")]
    usage: Option<String>,
    system: Option<String>,
    value: Option<String>,
    #[serde(rename = "type")]
    kind: Option<Concept>,
}

#[derive(Deserialize)]
struct Concept {
    #[serde(default)]
    coding: Vec<Coding>,
}

#[derive(Deserialize)]
struct Coding {
    code: Option<String>,
}

#[derive(Deserialize)]
struct HumanName {
    #[serde(rename = "use")]
    usage: Option<String>,
    family: Option<String>,
    #[serde(default)]
    given: Vec<Option<String>>,
    #[serde(default)]
    suffix: Vec<Option<String>>,
    period: Option<Period>,
}

#[derive(Deserialize)]
struct ContactPoint {
    system: Option<String>,
    value: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    rank: Option<u32>,
    period: Option<Period>,
}

#[derive(Deserialize)]
struct Period {
    end: Option<String>,
}

#[derive(Deserialize)]
struct Link {
    #[serde(rename = "type")]
    kind: String,
}

/// Parses the rows of a chunk.
pub(super) fn parse(source: &[u8], options: &Options, today: Date) -> Vec<ParsedRow> {
    let lines = source.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    lines.map(|line| record(line, options, today)).collect()
}

fn record(line: &[u8], options: &Options, today: Date) -> ParsedRow {
    if line == TOO_LONG {
        let why = "This resource is too long: the parts that are read can have up to 1 MiB.";
        return ParsedRow::unreadable("", Note::new("resource_too_long", "", why));
    }
    let unreadable = || Note::new("row_unreadable", "", "This is not a FHIR R4 Patient.");
    let Ok(named) = serde_json::from_slice::<Named>(line) else {
        return ParsedRow::unreadable("", unreadable());
    };
    if named.resource_type != "Patient" {
        let why = "This resource is not a Patient.";
        return ParsedRow::not_a_patient(Note::new("not_a_patient", "resourceType", why));
    }
    let number = number(&named, options).unwrap_or_default();
    let Ok(patient) = serde_json::from_slice::<Patient>(line) else {
        return ParsedRow::unreadable(number, unreadable());
    };
    let mut draft = Draft::new(options);
    draft.number(number);
    names(&mut draft, &patient, today);
    if let Some(date) = &patient.birth_date {
        draft.birth_date("birthDate", date, today);
    }
    contacts(&mut draft, &patient, today);
    if is_gone(&patient) {
        draft.inactive();
    }
    draft.finish()
}

/// The identifier of the system named by the practice. Without one: the identifier marked as record number,
/// else the first in use, else the resource's id.
fn number<'a>(named: &'a Named, options: &Options) -> Option<&'a str> {
    let value = |found: Option<&'a Identifier>| found.and_then(|one| one.value.as_deref());
    if let Some(system) = &options.system {
        return value(named.identifier.iter().find(|one| one.system.as_ref() == Some(system)));
    }
    let is_current = |one: &&Identifier| one.usage.as_deref() != Some("old");
    let is_marked = |one: &&Identifier| {
        one.kind.as_ref().is_some_and(|kind| {
            kind.coding.iter().any(|coding| coding.code.as_deref() == Some(RECORD_NUMBER))
        })
    };
    let current = || named.identifier.iter().filter(is_current);
    value(current().find(is_marked)).or_else(|| value(current().next())).or(named.logical.as_deref())
}

fn names(draft: &mut Draft<'_>, patient: &Patient, today: Date) {
    // Official comes before usual, and usual before a name without a use.
    let place = |name: &&HumanName| match name.usage.as_deref() {
        _ if is_over(name.period.as_ref(), today) => None,
        Some("official") => Some(0),
        Some("usual") => Some(1),
        None => Some(2),
        _ => None,
    };
    let current = patient.name.iter().filter(|name| place(name).is_some()).min_by_key(|name| place(name));
    if let Some(current) = current {
        draft.name(&given(current), &family(current));
    }
    for name in
        patient.name.iter().filter(|name| !current.is_some_and(|current| std::ptr::eq(*name, current)))
    {
        if name.usage.as_deref() != Some("anonymous") {
            draft.former_name("name", &given(name), &family(name));
        }
    }
}

fn given(name: &HumanName) -> String {
    name.given.iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// Family name with the suffix, which tells father from son.
fn family(name: &HumanName) -> String {
    let words = name.family.iter().chain(name.suffix.iter().flatten());
    if name.family.is_none() {
        String::new()
    } else {
        words.map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

fn contacts(draft: &mut Draft<'_>, patient: &Patient, today: Date) {
    let is_old =
        |one: &ContactPoint| one.usage.as_deref() == Some("old") || is_over(one.period.as_ref(), today);
    let place = |one: &&ContactPoint| {
        let by_use = match one.usage.as_deref() {
            Some("mobile") => 0,
            Some("work") => 2,
            _ => 1,
        };
        (by_use, one.rank.unwrap_or(u32::MAX))
    };
    let mut contacts: Vec<&ContactPoint> = patient.telecom.iter().collect();
    contacts.sort_by_key(place);
    // A resource is complete: a missing value means that the patient has none.
    draft.phone("telecom", "", true);
    draft.email("telecom", "", true);
    for contact in contacts {
        let value = contact.value.as_deref().unwrap_or_default().trim();
        match contact.system.as_deref() {
            _ if value.is_empty() => {}
            Some("phone" | "sms") => draft.phone("telecom", strip(value, "tel:"), !is_old(contact)),
            Some("email") => draft.email("telecom", strip(value, "mailto:"), !is_old(contact)),
            _ => {}
        }
    }
}

fn strip<'a>(value: &'a str, scheme: &str) -> &'a str {
    value.strip_prefix(scheme).unwrap_or(value)
}

fn is_over(period: Option<&Period>, today: Date) -> bool {
    let end = period.and_then(|period| period.end.as_deref());
    end.and_then(last_day).is_some_and(|end| end < today)
}

/// The last day of a FHIR date, which may be only a year or a month, or a time on a day.
fn last_day(text: &str) -> Option<Date> {
    let parts: Vec<&str> = text.trim().split('T').next()?.split('-').collect();
    match parts.as_slice() {
        [year] => Date::new(year.parse().ok()?, 12, 31).ok(),
        [year, month] => Some(Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()?.last_of_month()),
        [year, month, day] => Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok(),
        _ => None,
    }
}

fn is_gone(patient: &Patient) -> bool {
    patient.active == Some(false)
        || patient.deceased_boolean == Some(true)
        || patient.deceased_date_time.is_some()
        || patient.link.iter().any(|link| link.kind == "replaced-by")
}
