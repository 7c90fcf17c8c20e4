//! Grades how well a patient matches a practice's records: a pure function of what both say.
//!
//! The combinations that identify a person are those of the Centers for Medicare & Medicaid Services: given
//! name, family name, birth date and phone number; given name, family name, birth date and e-mail address;
//! and both without the family name. At most one of the names may be off by one typo. The
//! phone number is always verified. An e-mail address identifies a person only if it is verified, since a
//! stranger can know name, birth date and address; next to a verified phone number a typed address is enough.
//!
//! Every value that a record ever had counts. A record is a *candidate* if the phone number or the e-mail
//! address agrees, or the birth date and both names do; two candidates never decide anything by themselves.

#[cfg(test)]
mod tests;

use serde::Serialize;
use strum::{EnumString, IntoStaticStr};
use utoipa::ToSchema;

use crate::kit::RecordId;
use crate::kit::names::{Likeness, Name};

crate::text_enum! {
    /// How well a patient matches the practice's records.
    #[schema(as = IdentityGrade)]
    pub enum Grade {
        /// Exactly one record: phone number and e-mail address agree, and the name fits.
        Match = "match",
        /// Exactly one record, by a combination that identifies a person.
        Certain = "certain",
        /// Exactly one record, but with fewer fields.
        Partial = "partial",
        /// Two or more records are candidates.
        Ambiguous = "ambiguous",
        /// There are no candidates.
        None = "none",
    }
}

/// The patient's own details.
#[derive(Debug, Clone, Copy)]
pub struct GivenDetails<'a> {
    pub given_name: &'a str,
    pub family_name: &'a str,
    pub birth_date: Option<&'a str>,
    /// Verified phone number, E.164; `None` after the account was deleted.
    pub phone: Option<&'a str>,
    /// Trimmed and in lower case.
    pub email: Option<&'a str>,
    pub email_is_proven: bool,
}

/// Current and former values of a record.
#[derive(Debug, Clone)]
pub struct KnownDetails {
    pub record_id: RecordId,
    /// Given and family name as written; the current one first.
    pub names: Vec<(String, String)>,
    pub birth_dates: Vec<String>,
    pub phones: Vec<String>,
    /// Trimmed and in lower case.
    pub emails: Vec<String>,
}

impl KnownDetails {
    /// A record whose values are to be added.
    pub fn new(record_id: RecordId) -> Self {
        let (names, birth_dates, phones, emails) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { record_id, names, birth_dates, phones, emails }
    }
}

/// How well one field agrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, Serialize, ToSchema)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schema(as = FieldAgreement)]
pub enum Agreement {
    /// Both values are the same.
    Equal,
    /// The values differ by one typo.
    Close,
    /// The values are different.
    Differs,
    /// The patient did not give a value.
    NotGiven,
    /// The record has no value.
    NotOnRecord,
}

impl Agreement {
    fn agrees(self) -> bool {
        matches!(self, Self::Equal | Self::Close)
    }
}

impl From<Likeness> for Agreement {
    fn from(likeness: Likeness) -> Self {
        match likeness {
            Likeness::Equal => Self::Equal,
            Likeness::Close => Self::Close,
            Likeness::Unlike => Self::Differs,
        }
    }
}

/// A patient and a record compared field by field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    pub record_id: RecordId,
    pub given_name: Agreement,
    pub family_name: Agreement,
    pub birth_date: Agreement,
    pub phone: Agreement,
    pub email: Agreement,
    /// Whether the patient verified the address.
    pub email_is_proven: bool,
    /// Whether the names could be two forms of one name.
    pub name_is_compatible: bool,
    /// Whether the suffixes tell father from son.
    pub suffixes_conflict: bool,
}

/// A grade with the candidates it is based on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchResult {
    pub grade: Grade,
    /// All candidates, best match first.
    pub candidates: Vec<Comparison>,
}

/// Grades a patient against records, some of which may not be candidates.
pub fn grade(given: &GivenDetails<'_>, known: &[KnownDetails]) -> MatchResult {
    let mut candidates: Vec<Comparison> =
        known.iter().map(|record| compare(given, record)).filter(Comparison::is_candidate).collect();
    candidates.sort_by(|a, b| b.weight().cmp(&a.weight()).then_with(|| a.record_id.cmp(&b.record_id)));
    let grade = match candidates.as_slice() {
        [] => Grade::None,
        [one] if one.is_match() => Grade::Match,
        [one] if one.is_certain() => Grade::Certain,
        [_] => Grade::Partial,
        _ => Grade::Ambiguous,
    };
    MatchResult { grade, candidates }
}

/// Compares a patient with one record.
pub fn compare(given: &GivenDetails<'_>, known: &KnownDetails) -> Comparison {
    let name = Name::new(given.given_name, given.family_name);
    let names: Vec<Name> = known.names.iter().map(|(given, family)| Name::new(given, family)).collect();
    let likeness = |other: &Name| (name.given.likeness(&other.given), name.family.likeness(&other.family));
    // Both parts must come from the same name: a former family name belongs to the given name used with it.
    let best =
        names.iter().map(likeness).max_by_key(|(given, family)| (*given as u8 + *family as u8, *given));
    let mut suffixes = names.iter().filter_map(|other| other.suffix).peekable();
    Comparison {
        record_id: known.record_id.clone(),
        given_name: best.map_or(Agreement::NotOnRecord, |(given, _)| given.into()),
        family_name: best.map_or(Agreement::NotOnRecord, |(_, family)| family.into()),
        birth_date: exact(given.birth_date, &known.birth_dates),
        phone: exact(given.phone, &known.phones),
        email: exact(given.email, &known.emails),
        email_is_proven: given.email_is_proven,
        name_is_compatible: names.iter().any(|other| name.is_compatible(other)),
        suffixes_conflict: name
            .suffix
            .is_some_and(|ours| suffixes.peek().is_some() && !suffixes.any(|theirs| theirs == ours)),
    }
}

fn exact(given: Option<&str>, known: &[String]) -> Agreement {
    match given {
        None => Agreement::NotGiven,
        Some(_) if known.is_empty() => Agreement::NotOnRecord,
        Some(value) if known.iter().any(|known| known == value) => Agreement::Equal,
        Some(_) => Agreement::Differs,
    }
}

impl Comparison {
    fn is_candidate(&self) -> bool {
        let is_same_person =
            self.birth_date.agrees() && self.given_name.agrees() && self.family_name.agrees();
        self.phone.agrees() || self.email.agrees() || is_same_person
    }

    /// The birth date may be unknown, but must not contradict.
    fn is_match(&self) -> bool {
        self.phone.agrees()
            && self.email.agrees()
            && self.name_is_compatible
            && !self.suffixes_conflict
            && self.birth_date != Agreement::Differs
    }

    fn is_certain(&self) -> bool {
        if !self.birth_date.agrees() || self.suffixes_conflict {
            return false;
        }
        let is_first = self.given_name == Agreement::Equal;
        // Given name, birth date and phone number with any family name: people marry. This includes the
        // combination with a family name that is off by a typo.
        let by_phone = is_first && self.phone.agrees();
        let slips =
            [self.given_name, self.family_name].iter().filter(|name| **name == Agreement::Close).count();
        let is_named = self.given_name.agrees() && self.family_name.agrees() && slips <= 1;
        let by_email = self.email.agrees() && self.email_is_proven && (is_first || is_named);
        by_phone || by_email
    }

    /// Number of fields that agree; a typo counts half.
    fn weight(&self) -> usize {
        let fields = [self.phone, self.email, self.birth_date, self.given_name, self.family_name];
        let points = |field: &Agreement| match field {
            Agreement::Equal => 2,
            Agreement::Close => 1,
            _ => 0,
        };
        fields.iter().map(points).sum()
    }
}
