//! What the sheets say.

use crate::kit::Language;

/// The words of one language.
pub struct Words {
    /// What this is.
    pub lead: &'static str,
    /// Above the typed address.
    pub or_type: &'static str,
    /// Three steps.
    pub steps: [&'static str; 3],
    /// What it is not.
    pub emergency: &'static str,
    /// Under a shared link's picture.
    pub share: &'static str,
    /// Before the code.
    pub code: &'static str,
    /// Behind what was given in other letters than the page's.
    pub latin: &'static str,
    /// The file's language, for screen readers.
    pub tag: &'static str,
}

/// The words of `language`.
pub fn of(language: Language) -> Words {
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
