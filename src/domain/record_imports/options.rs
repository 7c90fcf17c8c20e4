//! How an uploaded file is read.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::columns::{Columns, Field};

crate::text_enum! {
    /// File format of an import.
    #[schema(as = ImportFormat)]
    pub enum Format {
        /// A table with headings.
        Csv = "csv",
        /// FHIR resources, one per line.
        Ndjson = "ndjson",
        /// FHIR resources in a Bundle.
        Bundle = "bundle",
    }
}

impl Format {
    pub fn of(media_type: &str) -> Option<Self> {
        match media_type {
            "text/csv" => Some(Self::Csv),
            "application/fhir+ndjson" | "application/x-ndjson" | "application/ndjson" => Some(Self::Ndjson),
            "application/fhir+json" => Some(Self::Bundle),
            _ => None,
        }
    }
}

crate::text_enum! {
    /// What happens to records that a file does not name.
    #[schema(as = ImportMode)]
    pub enum Mode {
        /// They stay as they are.
        Merge = "merge",
        /// They become inactive: the file is the complete list.
        Replace = "replace",
    }
}

/// Character encoding of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ImportEncoding)]
pub enum Encoding {
    /// Detected row by row: Windows-1252 if it is not UTF-8.
    #[serde(rename = "auto")]
    Detect,
    /// Every row is UTF-8.
    #[serde(rename = "utf-8")]
    Utf8,
    /// Every row is Windows-1252.
    #[serde(rename = "windows-1252")]
    Windows1252,
}

/// How the rows of a file are parsed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Options {
    /// What happens to records that the file does not name.
    pub mode: Mode,
    /// Whether records may become inactive even if that is most of all records.
    #[serde(default)]
    pub may_retire_most: bool,
    /// Whether records may become inactive even if rows were refused whose patient is unknown.
    #[serde(default)]
    pub may_skip_unread: bool,
    /// Region of phone numbers written without a plus.
    pub region: String,
    /// Whether dates begin with the day instead of the month.
    pub day_first: bool,
    /// Character encoding of a table.
    pub encoding: Encoding,
    /// Delimiter of a table; 0 detects it from the headings.
    pub delimiter: u8,
    /// Which column of a table holds which field.
    pub columns: Columns,
    /// System of the FHIR identifier that holds the record number.
    pub system: Option<String>,
}

impl Options {
    /// Defaults for a file without any options.
    pub fn plain(region: &str) -> Self {
        Self {
            mode: Mode::Merge,
            may_retire_most: false,
            may_skip_unread: false,
            region: region.to_owned(),
            day_first: false,
            encoding: Encoding::Detect,
            delimiter: 0,
            columns: Columns::default(),
            system: None,
        }
    }
}

/// The practice's own mapping of fields to headings.
pub(super) type Mapping = [(Field, String)];

/// What a request says about the file that it uploads.
pub struct ImportRequest {
    pub format: Format,
    pub options: Options,
    pub mapping: Vec<(Field, String)>,
}
