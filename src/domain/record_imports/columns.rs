//! Which column of a table holds which field: by the headings that practice software uses, in each
//! language, or by the practice's own mapping.

use serde::{Deserialize, Serialize};

use crate::kit::{Language, folded_word};

/// A field that a column can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The practice's own record number.
    Number,
    GivenName,
    FamilyName,
    BirthDate,
    /// A phone number; if there are several, the mobile comes first.
    Phone,
    Email,
    /// Whether the practice still has this patient.
    Active,
    FormerName,
    FormerPhone,
    FormerEmail,
}

impl Field {
    /// The name in a request.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The known headings of each field, as folded words in the translations. Among several columns of one field
/// the order decides: message by message, in each of them language by language.
const HEADINGS: [(Field, &[&str]); 10] = [
    (Field::Number, &["headings-number", "headings-number-vague", "headings-number-last"]),
    (Field::GivenName, &["headings-given-name"]),
    (Field::FamilyName, &["headings-family-name"]),
    (Field::BirthDate, &["headings-birth-date"]),
    (Field::Phone, &["headings-phone", "headings-phone-vague"]),
    (Field::Email, &["headings-email"]),
    (Field::Active, &["headings-active"]),
    (Field::FormerName, &["headings-former-name"]),
    (Field::FormerPhone, &["headings-former-phone"]),
    (Field::FormerEmail, &["headings-former-email"]),
];

/// The mapping of a file's columns to fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns(pub Vec<Column>);

/// A column that is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Position in the row, from 0.
    pub index: usize,
    /// Heading as written in the file.
    pub heading: String,
    pub field: Field,
}

/// The practice mapped a field to a heading that the file does not have.
pub struct HeadingNotFound {
    pub field: Field,
}

impl Columns {
    /// Maps columns to fields by their headings. The practice's own mapping takes
    /// precedence over known headings.
    pub fn of(headings: &[String], mapping: &[(Field, String)]) -> Result<Self, HeadingNotFound> {
        let mut found = Vec::new();
        for (field, heading) in mapping {
            let index = headings
                .iter()
                .position(|one| folded_word(one) == folded_word(heading))
                .ok_or(HeadingNotFound { field: *field })?;
            found.push((index, *field));
        }
        for (field, known) in
            HEADINGS.iter().filter(|(field, _)| !mapping.iter().any(|(one, _)| one == field))
        {
            let known = known.iter().flat_map(|id| Language::words_of_all(id));
            let mut named = known.flat_map(|name| {
                let here =
                    headings.iter().enumerate().filter(move |(_, heading)| folded_word(heading) == name);
                here.map(|(index, _)| index)
            });
            match field {
                Field::Phone | Field::Email | Field::FormerPhone | Field::FormerEmail | Field::FormerName => {
                    found.extend(named.map(|index| (index, *field)));
                }
                _ => found.extend(named.next().map(|index| (index, *field))),
            }
        }
        let column = |(index, field): (usize, Field)| Column {
            index,
            heading: headings.get(index).cloned().unwrap_or_default(),
            field,
        };
        Ok(Self(found.into_iter().map(column).collect()))
    }

    /// Required fields that no column holds.
    pub fn missing(&self) -> Vec<Field> {
        let needed = [Field::Number, Field::GivenName, Field::FamilyName];
        needed.into_iter().filter(|field| !self.0.iter().any(|column| column.field == *field)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(headings: &[&str]) -> Vec<(usize, Field)> {
        let headings: Vec<String> = headings.iter().map(|&heading| heading.into()).collect();
        let columns = Columns::of(&headings, &[]).ok().unwrap();
        columns.0.iter().map(|column| (column.index, column.field)).collect()
    }

    #[test]
    fn headings_are_known_in_every_language() {
        let of_us =
            fields(&["Patient ID", "Last Name", "First Name", "DOB", "Home Phone", "Mobile", "E-mail"]);
        let of_spain = fields(&[
            "N.º",
            "Apellidos",
            "Nombre",
            "Fecha de nacimiento",
            "Teléfono",
            "Móvil",
            "Correo electrónico",
        ]);
        let wanted = |number: &[(usize, Field)]| {
            let rest = [
                (2, Field::GivenName),
                (1, Field::FamilyName),
                (3, Field::BirthDate),
                (5, Field::Phone),
                (4, Field::Phone),
                (6, Field::Email),
            ];
            [number, &rest].concat()
        };
        assert_eq!(of_us, wanted(&[(0, Field::Number)]));
        assert_eq!(of_spain, wanted(&[]));
        let of_quebec =
            fields(&["Dossier", "Nom", "Prénom", "Date de naissance", "Téléphone", "Cellulaire", "Courriel"]);
        assert_eq!(of_quebec, wanted(&[(0, Field::Number)]));
    }

    /// A list's running number is not a patient's: taken for the record number, the next list would give the
    /// records of one patient to another.
    #[test]
    fn a_running_number_is_no_record_number() {
        for heading in ["No", "No.", "N.º", "N°", "#", "Nr", "Row"] {
            assert_eq!(fields(&[heading, "Nombre"]), [(1, Field::GivenName)], "{heading}");
        }
        assert_eq!(fields(&["ID", "Número"]), [(1, Field::Number)]);
        assert_eq!(fields(&["ID", "Number"]), [(1, Field::Number)]);
        assert_eq!(fields(&["Id", "Expediente"]), [(1, Field::Number)]);
    }

    #[test]
    fn the_own_mapping_takes_precedence() {
        let headings = ["ID".to_owned(), "Chart #".to_owned()];
        let columns = Columns::of(&headings, &[(Field::Number, "chart".into())]).ok().unwrap();
        assert_eq!(columns.0.first().map(|column| column.index), Some(1));
        assert!(Columns::of(&headings, &[(Field::Email, "Mail".into())]).is_err());
        assert_eq!(columns.missing(), [Field::GivenName, Field::FamilyName]);
    }
}
