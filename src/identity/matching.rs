//! How far a person agrees with a practice's records: a pure function of what both say.
//!
//! The combinations that identify somebody are those of the Centers for Medicare & Medicaid Services (design,
//! `practice.md`): given name, family name, birth date and number; given name, family name, birth date and e-mail
//! address, and both without the family name. Of the names at most one may be off by one slip. The number is always
//! proven. An e-mail address identifies only where it is proven: name, birth date and address are what a
//! stranger can know; beside a proven number it may be as it was typed.
//!
//! Every value that a record ever had counts. A record is a *candidate* where number or address agree, or birth date
//! and both names do; two candidates never decide anything by themselves.

use crate::kit::names::{Likeness, Name};

/// How far a person agrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = IdentityGrade)]
pub enum Grade {
    /// With exactly one record: number and e-mail address, and the name fits.
    Match,
    /// With exactly one record, by a combination that identifies.
    Certain,
    /// With exactly one record, in less than that.
    Partial,
    /// With two records or more.
    Ambiguous,
    /// With none.
    None,
}

impl Grade {
    /// The word that the API and the database use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Certain => "certain",
            Self::Partial => "partial",
            Self::Ambiguous => "ambiguous",
            Self::None => "none",
        }
    }
}

/// What a person says of themselves.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// Given name.
    pub given_name: &'a str,
    /// Family name.
    pub family_name: &'a str,
    /// Birth date, ISO 8601.
    pub birth_date: Option<&'a str>,
    /// The proven number, E.164; none where the account was deleted.
    pub phone: Option<&'a str>,
    /// E-mail address, trimmed and in lower case.
    pub email: Option<&'a str>,
    /// Whether that is proven.
    pub email_is_proven: bool,
}

/// What a record says of a person, and ever said.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The record.
    pub record_id: String,
    /// Names as written, given and family; the current one first.
    pub names: Vec<(String, String)>,
    /// Birth dates, ISO 8601.
    pub birth_dates: Vec<String>,
    /// Numbers, E.164.
    pub phones: Vec<String>,
    /// E-mail addresses, trimmed and in lower case.
    pub emails: Vec<String>,
}

/// How one field agrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = FieldAgreement)]
pub enum Agreement {
    /// The same.
    Equal,
    /// One slip apart.
    Close,
    /// Something else.
    Differs,
    /// The person did not say.
    NotGiven,
    /// The record does not say.
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

/// A person and a record, field by field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The record.
    pub record_id: String,
    /// Given name.
    pub given_name: Agreement,
    /// Family name.
    pub family_name: Agreement,
    /// Birth date.
    pub birth_date: Agreement,
    /// Number.
    pub phone: Agreement,
    /// E-mail address.
    pub email: Agreement,
    /// Whether the address is proven to be the person's.
    pub email_is_proven: bool,
    /// Whether the names could be two forms of one.
    pub name_is_compatible: bool,
    /// Whether one is the father and the other the son.
    pub suffixes_conflict: bool,
}

/// A grade, and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The grade.
    pub grade: Grade,
    /// Every candidate, those who agree in more first.
    pub candidates: Vec<Comparison>,
}

/// Grades a person against records, which may be more than the candidates.
pub fn grade(given: &Given<'_>, known: &[Known]) -> Verdict {
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
    Verdict { grade, candidates }
}

/// Holds a person against one record.
pub fn compare(given: &Given<'_>, known: &Known) -> Comparison {
    let name = Name::new(given.given_name, given.family_name);
    let names: Vec<Name> = known.names.iter().map(|(given, family)| Name::new(given, family)).collect();
    let likeness = |other: &Name| (name.given.likeness(&other.given), name.family.likeness(&other.family));
    // Both of one name: a former family name goes with the given name that it had.
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

    /// The birth date need not be known, but must not speak against it.
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
        // Given name, birth date and number, whatever the family name: people marry. The combination with a family
        // name that may be off by a slip is a part of this one.
        let by_phone = is_first && self.phone.agrees();
        let slips =
            [self.given_name, self.family_name].iter().filter(|name| **name == Agreement::Close).count();
        let is_named = self.given_name.agrees() && self.family_name.agrees() && slips <= 1;
        let by_email = self.email.agrees() && self.email_is_proven && (is_first || is_named);
        by_phone || by_email
    }

    /// How many fields agree, a slip counting less.
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

#[cfg(test)]
mod tests;
