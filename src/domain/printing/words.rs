//! Texts of the printed sheets in English and Spanish.

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
    match language {
        Language::En => Words {
            lead: "Send us secure messages from your phone",
            or_type: "Scan, or type this address:",
            steps: [
                "Scan the code with your phone’s camera, or type the address into your browser.",
                "Get the app and open it.",
                "Confirm your mobile number with the code we text you. You are connected.",
            ],
            emergency: "Not for emergencies. Call 911.",
            share: "Secure messages with your practice",
            code: "Code",
            latin: "(written here in Latin letters)",
            tag: "en-US",
        },
        Language::Es => Words {
            lead: "Envíenos mensajes seguros desde su teléfono",
            or_type: "Escanee o escriba esta dirección:",
            steps: [
                "Escanee el código con la cámara del teléfono o escriba la dirección en su navegador.",
                "Descargue la aplicación y ábrala.",
                "Confirme su número de celular con el código que le mandamos por mensaje de texto. Listo.",
            ],
            emergency: "No es para emergencias. Llame al 911.",
            share: "Mensajes seguros con su consultorio",
            code: "Código",
            latin: "(escrito aquí en letras latinas)",
            tag: "es-US",
        },
    }
}
