//! The query parameters of a record import.

use serde::Deserialize;
use strum::{EnumString, IntoStaticStr};
use utoipa::IntoParams;

use super::wrong;
use crate::domain::record_imports::{Encoding, Field, Format, ImportRequest, Mode, Options};
use crate::platform::Service;
use crate::web::http::Problem;

/// How to read the file. The usual headings in each `Language` are recognized; `column_…` names any other
/// heading.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportQuery {
    /// What happens to records that the file does not name: with `merge` (the default) they stay, with
    /// `replace` they become inactive.
    #[param(inline)]
    mode: Option<Mode>,
    /// Whether `replace` may make more than half of the active records inactive.
    /// Without it, such a file is presumed to be the wrong one: the records stay
    /// active, and the import reports `replace_leaves_most_out`.
    may_retire_most: Option<bool>,
    /// Whether `replace` may make records inactive although some refused rows do not say which patient they
    /// are about. Without it, patients who seem missing may be in one of those rows: the records stay
    /// active, and the import reports `replace_has_unread_rows`.
    may_skip_unread: Option<bool>,
    /// The character encoding of a table; detected by default.
    #[param(inline)]
    encoding: Option<Encoding>,
    /// The column delimiter of a table: `comma`, `semicolon`, `tab` or `pipe`; detected by default.
    #[param(example = "comma", pattern = "^(comma|semicolon|tab|pipe)$")]
    delimiter: Option<String>,
    /// Date order of a table, `mdy` (the default) or `dmy`; 1987-05-31 is accepted either way.
    #[param(example = "mdy", pattern = "^(mdy|dmy)$")]
    dates: Option<String>,
    /// Region of phone numbers without a plus sign (ISO 3166-1 alpha-2).
    #[param(example = "US")]
    region: Option<String>,
    /// The system of the FHIR identifier that holds the record number.
    #[param(example = "urn:oid:1.2.36.146.595.217.0.1")]
    system: Option<String>,
    /// The heading of the record number column.
    #[param(example = "MRN")]
    column_number: Option<String>,
    /// The heading of the given name column.
    #[param(example = "First name")]
    column_given_name: Option<String>,
    /// The heading of the family name column.
    #[param(example = "Last name")]
    column_family_name: Option<String>,
    /// The heading of the birth date column.
    #[param(example = "DOB")]
    column_birth_date: Option<String>,
    /// The heading of the phone number column.
    #[param(example = "Mobile")]
    column_phone: Option<String>,
    /// The heading of the e-mail address column.
    #[param(example = "E-mail")]
    column_email: Option<String>,
}

#[derive(EnumString)]
#[strum(serialize_all = "lowercase")]
enum Delimiter {
    Comma,
    Semicolon,
    Tab,
    Pipe,
}

impl From<Delimiter> for u8 {
    fn from(delimiter: Delimiter) -> Self {
        match delimiter {
            Delimiter::Comma => b',',
            Delimiter::Semicolon => b';',
            Delimiter::Tab => b'\t',
            Delimiter::Pipe => b'|',
        }
    }
}

/// Order of day and month in a date with slashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum DateOrder {
    /// Month first: 05/31/1987.
    Mdy,
    /// Day first: 31/05/1987.
    Dmy,
}

impl ImportQuery {
    /// The options of the console's upload form; columns in the order record number, given name, family
    /// name, birth date, phone, e-mail.
    pub(crate) fn of(mode: Mode, dates: DateOrder, columns: [String; 6]) -> Self {
        let [number, given_name, family_name, birth_date, phone, email] =
            columns.map(|column| Some(column).filter(|column| !column.is_empty()));
        Self {
            mode: Some(mode),
            dates: Some(<&str>::from(dates).to_owned()),
            column_number: number,
            column_given_name: given_name,
            column_family_name: family_name,
            column_birth_date: birth_date,
            column_phone: phone,
            column_email: email,
            ..Self::default()
        }
    }

    /// Says whether `replace` may retire most of the records, and whether it may do so despite refused
    /// rows of unknown patients.
    #[must_use]
    pub(crate) fn allowing(self, may_retire_most: bool, may_skip_unread: bool) -> Self {
        Self { may_retire_most: Some(may_retire_most), may_skip_unread: Some(may_skip_unread), ..self }
    }

    /// Validates the options and turns them into an import request.
    pub(crate) fn into_request(self, service: &Service, format: Format) -> Result<ImportRequest, Problem> {
        let delimiter = self.delimiter()?;
        let day_first = self.date_order()? == DateOrder::Dmy;
        let mut options = Options::plain(&self.region(service)?);
        options.mode = self.mode.unwrap_or(Mode::Merge);
        options.may_retire_most = self.may_retire_most.unwrap_or(false);
        options.may_skip_unread = self.may_skip_unread.unwrap_or(false);
        options.encoding = self.encoding.unwrap_or(Encoding::Detect);
        let mapping = [
            (Field::Number, self.column_number),
            (Field::GivenName, self.column_given_name),
            (Field::FamilyName, self.column_family_name),
            (Field::BirthDate, self.column_birth_date),
            (Field::Phone, self.column_phone),
            (Field::Email, self.column_email),
        ];
        let mapping = mapping.into_iter().filter_map(|(field, heading)| Some((field, heading?))).collect();
        (options.delimiter, options.day_first, options.system) = (delimiter, day_first, self.system);
        Ok(ImportRequest { format, options, mapping })
    }

    /// The delimiter as a byte; 0 detects it.
    fn delimiter(&self) -> Result<u8, Problem> {
        let Some(text) = &self.delimiter else { return Ok(0) };
        let unknown = |_| wrong("/delimiter", "unknown_value", "Use comma, semicolon, tab or pipe.");
        text.parse::<Delimiter>().map(Into::into).map_err(unknown)
    }

    fn date_order(&self) -> Result<DateOrder, Problem> {
        let unknown = |_| wrong("/dates", "unknown_value", "Use mdy or dmy.");
        self.dates.as_deref().map_or(Ok(DateOrder::Mdy), |text| text.parse().map_err(unknown))
    }

    fn region(&self, service: &Service) -> Result<String, Problem> {
        let region = self.region.as_ref().unwrap_or(&service.settings.verification.default_region);
        match region.len() == 2 && region.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            true => Ok(region.to_ascii_uppercase()),
            false => Err(wrong("/region", "unknown_value", "Use a two-letter country code like US.")),
        }
    }
}
