//! Which column of a table holds what: by the headings that practice software gives them, in English and Spanish, or
//! as the practice says.

use serde::{Deserialize, Serialize};

/// What a column can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The record number.
    Number,
    /// Given name.
    GivenName,
    /// Family name.
    FamilyName,
    /// Birth date.
    BirthDate,
    /// A number; of several the mobile comes first.
    Phone,
    /// E-mail address.
    Email,
    /// Whether the practice still has this patient.
    Active,
    /// A family name of before.
    FormerName,
    /// A number of before.
    FormerPhone,
    /// An address of before.
    FormerEmail,
}

impl Field {
    /// The word in a request.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::GivenName => "given_name",
            Self::FamilyName => "family_name",
            Self::BirthDate => "birth_date",
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Active => "active",
            Self::FormerName => "former_name",
            Self::FormerPhone => "former_phone",
            Self::FormerEmail => "former_email",
        }
    }
}

/// Headings by what they hold, folded: letters and digits alone. Of several of one field those that stand first here
/// are used first.
const HEADINGS: [(Field, &[&str]); 10] = [
    (
        Field::Number,
        &[
            "mrn",
            "medicalrecordnumber",
            "recordnumber",
            "recordno",
            "record",
            "chartnumber",
            "chartno",
            "chart",
            "patientnumber",
            "patientno",
            "patientid",
            "idpatient",
            "nhc",
            "numerodeexpediente",
            "expediente",
            "numerodehistoria",
            "historiaclinica",
            "numerodeficha",
            "ficha",
            "numerodepaciente",
            "idpaciente",
            "numero",
            "number",
            "accountnumber",
            "id",
        ],
    ),
    (
        Field::GivenName,
        &[
            "givenname",
            "firstname",
            "patientfirstname",
            "first",
            "given",
            "forename",
            "fname",
            "nombre",
            "nombres",
            "primernombre",
            "nombredepila",
        ],
    ),
    (
        Field::FamilyName,
        &[
            "familyname",
            "lastname",
            "patientlastname",
            "last",
            "family",
            "surname",
            "lname",
            "apellidos",
            "apellido",
            "primerapellido",
        ],
    ),
    (
        Field::BirthDate,
        &[
            "birthdate",
            "dateofbirth",
            "dob",
            "patientdob",
            "birthday",
            "bdate",
            "fechadenacimiento",
            "fechanacimiento",
            "nacimiento",
        ],
    ),
    (
        Field::Phone,
        &[
            "mobile",
            "mobilephone",
            "mobilenumber",
            "cell",
            "cellphone",
            "cellular",
            "cellnumber",
            "movil",
            "celular",
            "telefonomovil",
            "telefonocelular",
            "phone",
            "phonenumber",
            "telephone",
            "tel",
            "primaryphone",
            "phone1",
            "telefono",
            "numerodetelefono",
            "homephone",
            "phonehome",
            "home",
            "telefonodecasa",
            "phone2",
            "secondaryphone",
            "otherphone",
            "telefono2",
            "workphone",
            "phonework",
            "telefonodetrabajo",
        ],
    ),
    (Field::Email, &["email", "emailaddress", "mail", "email1", "correoelectronico", "correo", "email2"]),
    (Field::Active, &["active", "isactive", "status", "patientstatus", "activo", "estado"]),
    (
        Field::FormerName,
        &[
            "formerlastname",
            "formername",
            "previouslastname",
            "maidenname",
            "birthname",
            "apellidodesoltera",
            "apellidoanterior",
        ],
    ),
    (Field::FormerPhone, &["formerphone", "previousphone", "oldphone", "telefonoanterior"]),
    (Field::FormerEmail, &["formeremail", "previousemail", "oldemail", "correoanterior"]),
];

/// What each column of a file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns(pub Vec<Column>);

/// One column that is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its place, from 0.
    pub index: usize,
    /// Its heading, as it stands there.
    pub heading: String,
    /// What it holds.
    pub field: Field,
}

/// A column that the practice names is not there.
pub struct NoColumn {
    /// What it should hold.
    pub field: Field,
}

impl Columns {
    /// What the columns under these headings hold. What the practice says comes before what the headings say.
    pub fn of(headings: &[String], said: &[(Field, String)]) -> Result<Self, NoColumn> {
        let mut found = Vec::new();
        for (field, heading) in said {
            let index = headings
                .iter()
                .position(|one| fold(one) == fold(heading))
                .ok_or(NoColumn { field: *field })?;
            found.push((index, *field));
        }
        for (field, known) in HEADINGS.iter().filter(|(field, _)| !said.iter().any(|(one, _)| one == field)) {
            let mut named = known.iter().flat_map(|name| {
                let here = headings.iter().enumerate().filter(move |(_, heading)| fold(heading) == *name);
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

    /// What no record can do without, and no column holds.
    pub fn missing(&self) -> Vec<Field> {
        let needed = [Field::Number, Field::GivenName, Field::FamilyName];
        needed.into_iter().filter(|field| !self.0.iter().any(|column| column.field == *field)).collect()
    }
}

fn fold(heading: &str) -> String {
    deunicode::deunicode(heading).to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect()
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
    fn headings_are_known_in_both_languages() {
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
    }

    #[test]
    fn what_the_practice_says_comes_first() {
        let headings = ["ID".to_owned(), "Chart #".to_owned()];
        let columns = Columns::of(&headings, &[(Field::Number, "chart".into())]).ok().unwrap();
        assert_eq!(columns.0.first().map(|column| column.index), Some(1));
        assert!(Columns::of(&headings, &[(Field::Email, "Mail".into())]).is_err());
        assert_eq!(columns.missing(), [Field::GivenName, Field::FamilyName]);
    }
}
