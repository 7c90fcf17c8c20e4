//! Texts of the printed sheets.

use crate::kit::Language;

/// All texts in one language.
pub(super) struct Words {
    /// The headline of a sheet.
    pub lead: &'static str,
    /// Shown above the address to type.
    pub or_type: &'static str,
    /// The three steps for patients.
    pub steps: [&'static str; 3],
    /// The notice that this is not for emergencies.
    pub emergency: &'static str,
    /// Line on the preview image of a shared link.
    pub share: &'static str,
    /// Label before the code.
    pub code: &'static str,
    /// Mark after a text that was transliterated to Latin letters.
    pub latin: &'static str,
    /// The BCP 47 language tag of the file, for screen readers.
    pub tag: &'static str,
}

pub(super) fn of(language: Language) -> Words {
    Words {
        lead: language.text("print-lead"),
        or_type: language.text("print-or-type"),
        steps: [language.text("print-step-1"), language.text("print-step-2"), language.text("print-step-3")],
        emergency: language.text("print-emergency"),
        share: language.text("print-share"),
        code: language.text("print-code"),
        latin: language.text("print-latin"),
        tag: language.text("print-tag"),
    }
}
