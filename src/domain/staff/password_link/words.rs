//! The texts of invitation and reset e-mails, in English and Spanish.

use super::Purpose;
use crate::kit::Language;
use crate::platform::outbox::ButtonMail;

pub(super) fn of(purpose: Purpose, language: Language) -> ButtonMail {
    match (purpose, language) {
        (Purpose::Invitation, Language::En) => ButtonMail {
            heading: "You’re invited to your practice’s inbox",
            lead: "A colleague gave you access. Choose a password, then sign in. You will also need an \
                authenticator app on your phone.",
            button: "Choose a password",
            limit: "The link works once and expires in 7 days.",
            otherwise: "If you do not know this practice, you can ignore this e-mail: without the link, this \
                access cannot be used.",
        },
        (Purpose::Invitation, Language::Es) => ButtonMail {
            heading: "Invitación a la bandeja de su consultorio",
            lead: "Un colega le dio acceso. Elija una contraseña y luego inicie sesión; el segundo paso es \
                una aplicación de autenticación en su teléfono.",
            button: "Elegir una contraseña",
            limit: "El enlace funciona una sola vez, durante 7 días.",
            otherwise: "Si no conoce este consultorio, no haga nada: sin el enlace nadie puede usar este \
                acceso.",
        },
        (Purpose::Reset, Language::En) => ButtonMail {
            heading: "Choose a new password",
            lead: "We received a request to reset your password. Choosing a new one signs you out on all \
                devices; your authenticator app stays set up.",
            button: "Choose a new password",
            limit: "The link works once and expires in an hour.",
            otherwise: "If this was not you, you can ignore this e-mail: your password stays the same.",
        },
        (Purpose::Reset, Language::Es) => ButtonMail {
            heading: "Elija una contraseña nueva",
            lead: "Alguien pidió una contraseña nueva para su acceso. Al elegirla se cierran todas las \
                sesiones abiertas; su aplicación de autenticación queda como está.",
            button: "Elegir una contraseña nueva",
            limit: "El enlace funciona una sola vez, durante una hora.",
            otherwise: "Si no fue usted, no haga nada: su contraseña queda como está.",
        },
    }
}
