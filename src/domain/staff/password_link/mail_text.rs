//! The texts of invitation and reset e-mails.

use super::Purpose;
use crate::kit::Language;
use crate::platform::outbox::ButtonMail;

pub(super) fn of(purpose: Purpose, language: Language) -> ButtonMail {
    match purpose {
        Purpose::Invitation => ButtonMail {
            heading: language.text("mail-invitation-heading"),
            lead: language.text("mail-invitation-lead"),
            button: language.text("mail-invitation-button"),
            limit: language.text("mail-invitation-limit"),
            otherwise: language.text("mail-invitation-otherwise"),
        },
        Purpose::Reset => ButtonMail {
            heading: language.text("mail-reset-heading"),
            lead: language.text("mail-reset-lead"),
            button: language.text("mail-reset-button"),
            limit: language.text("mail-reset-limit"),
            otherwise: language.text("mail-reset-otherwise"),
        },
    }
}
