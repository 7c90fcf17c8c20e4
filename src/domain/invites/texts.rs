//! Texts of an invite: who invites, and where to go. They contain nothing about the person or the reason.

use crate::kit::{Language, gsm7};
use crate::platform::outbox::ButtonMail;

/// Returns the text message: one segment, however long the practice's name is.
pub(super) fn text(from: &str, url: &str, language: Language) -> String {
    let says = language.text_with("sms-invite", &[("url", url.into())]);
    gsm7::segment(from, &format!(" {says}"))
}

/// Returns the wording of the e-mail.
pub(super) fn mail(language: Language) -> ButtonMail {
    ButtonMail {
        heading: language.text("mail-invite-heading"),
        lead: language.text("mail-invite-lead"),
        button: language.text("mail-invite-button"),
        limit: language.text("mail-invite-limit"),
        otherwise: language.text("mail-invite-otherwise"),
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray as _;

    use super::*;

    #[test]
    fn a_text_is_one_segment_with_the_longest_name() {
        for &language in Language::VARIANTS {
            let url = format!("https://links.practice.example/i/{}", "x".repeat(22));
            let text = text(&"Clínica Señora ".repeat(20), &url, language);
            assert!(gsm7::fits(&text) && text.len() <= gsm7::SEGMENT, "{text}");
            assert!(text.starts_with("Clinica Senora") && text.contains(&url), "{text}");
        }
    }
}
