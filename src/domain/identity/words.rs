//! System messages about the identity check. Both sides read them, so they do not say how the practice
//! confirmed the identity, and a rejection gives no reason: its reader may be a stranger.

use crate::kit::Language;

pub(super) struct Words {
    pub confirmed: &'static str,
    pub checked_again: &'static str,
    pub closed: &'static str,
    pub reopened: &'static str,
}

pub(super) fn words(language: Language) -> Words {
    match language {
        Language::En => Words {
            confirmed: "The practice confirmed your identity.",
            checked_again: "The practice is checking your identity again.",
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
