//! Texts of an invite: who invites, and where to go. They contain nothing about the person or the reason.

use crate::kit::{Language, gsm7};
use crate::platform::outbox::ButtonMail;

/// One segment in the GSM 7-bit alphabet (3GPP TS 23.038), in characters.
const SEGMENT: usize = 160;

/// Returns the text message: one segment, however long the practice's name is.
pub(super) fn text(from: &str, url: &str, language: Language) -> String {
    let says = match language {
        Language::En => format!(" invites you to secure messages: {url} Reply STOP to opt out."),
        Language::Es => format!(" le invita a mensajes seguros: {url} Envie ALTO para no recibirlos."),
    };
    format!("{}{says}", gsm7::name(from, SEGMENT.saturating_sub(says.len())))
}

/// Returns the wording of the e-mail.
pub(super) fn mail(language: Language) -> ButtonMail {
    match language {
        Language::En => ButtonMail {
            heading: "Confirm your e-mail address",
            lead: "You are invited to exchange secure messages. The invite itself arrives on your phone as a \
                   text message. The button below confirms that this e-mail address is yours too.",
            button: "Confirm this address",
            limit: "The button works for 24 hours.",
            otherwise: "If you did not expect this e-mail, ignore it: the invite cannot be used without \
                        both messages.",
        },
        Language::Es => ButtonMail {
            heading: "Confirme su correo electrónico",
            lead: "Le invitan a intercambiar mensajes seguros. La invitación misma llega a su teléfono como \
                   mensaje de texto; el botón confirma que también esta dirección es suya.",
            button: "Confirmar esta dirección",
            limit: "El botón funciona durante 24 horas.",
            otherwise: "Si no lo esperaba, no haga nada: sin los dos mensajes nadie puede usar la \
                        invitación.",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_segment_with_the_longest_name() {
        for language in [Language::En, Language::Es] {
            let url = format!("https://links.practice.example/i/{}", "x".repeat(22));
            let text = text(&"Clínica Señora ".repeat(20), &url, language);
            assert!(gsm7::fits(&text) && text.len() <= SEGMENT, "{text}");
            assert!(text.starts_with("Clinica Senora") && text.contains(&url), "{text}");
        }
    }
}
