//! What the system says in a conversation about who it is. Both sides read it, so it says nothing of how the
//! practice came to know, and a refusal gives no reason: its reader may be a stranger.

use crate::kit::Language;

/// The sentences.
pub struct Words {
    pub confirmed: &'static str,
    pub checked_again: &'static str,
    pub closed: &'static str,
    pub reopened: &'static str,
}

/// They, in a language.
pub fn words(language: Language) -> Words {
    match language {
        Language::En => Words {
            confirmed: "The practice confirmed who you are.",
            checked_again: "The practice is checking again who you are.",
            closed: "This conversation is closed. If you have questions, please call the practice.",
            reopened: "This conversation is open again.",
        },
        Language::Es => Words {
            confirmed: "El consultorio confirmó quién es usted.",
            checked_again: "El consultorio está comprobando otra vez quién es usted.",
            closed: "Esta conversación está cerrada. Si tiene preguntas, llame al consultorio.",
            reopened: "Esta conversación está abierta de nuevo.",
        },
    }
}
