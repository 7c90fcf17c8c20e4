//! What the letters say, in both languages.

use super::Purpose;
use crate::kit::Language;
use crate::outbox::Letter;

/// The words of a letter.
pub fn of(purpose: Purpose, language: Language) -> Letter {
    match (purpose, language) {
        (Purpose::Invitation, Language::En) => Letter {
            heading: "You are invited to your practice’s inbox",
            lead: "A colleague gave you access. Choose a password, then sign in; an authenticator app on your phone is the second step.",
            button: "Choose a password",
            limit: "The link works once, for 7 days.",
            otherwise: "If you do not know this practice, do nothing: without the link nobody can use this access.",
        },
        (Purpose::Invitation, Language::Es) => Letter {
            heading: "Invitación a la bandeja de su consultorio",
            lead: "Un colega le dio acceso. Elija una contraseña y luego inicie sesión; el segundo paso es una aplicación de autenticación en su teléfono.",
            button: "Elegir una contraseña",
            limit: "El enlace funciona una sola vez, durante 7 días.",
            otherwise: "Si no conoce este consultorio, no haga nada: sin el enlace nadie puede usar este acceso.",
        },
        (Purpose::Reset, Language::En) => Letter {
            heading: "Choose a new password",
            lead: "Somebody asked for a new password for your sign-in. Choosing one ends every sign-in that is open; your authenticator app stays as it is.",
            button: "Choose a new password",
            limit: "The link works once, for an hour.",
            otherwise: "If it was not you, do nothing: your password stays as it is.",
        },
        (Purpose::Reset, Language::Es) => Letter {
            heading: "Elija una contraseña nueva",
            lead: "Alguien pidió una contraseña nueva para su acceso. Al elegirla se cierran todas las sesiones abiertas; su aplicación de autenticación queda como está.",
            button: "Elegir una contraseña nueva",
            limit: "El enlace funciona una sola vez, durante una hora.",
            otherwise: "Si no fue usted, no haga nada: su contraseña queda como está.",
        },
    }
}
