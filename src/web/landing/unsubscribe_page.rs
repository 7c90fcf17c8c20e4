//! The unsubscribe page: confirm, done, or unknown token.

use askama::Template;

use crate::domain::notifications::{Frequency, Subscription};
use crate::kit::Language;

/// Which step of the page is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Confirm,
    /// The mails were stopped, or lowered to one a day.
    Done,
}

struct Words {
    heading: &'static str,
    lead: &'static str,
    button: &'static str,
    after: &'static str,
}

#[derive(Template)]
#[template(path = "web/landing/unsubscribe.html")]
struct Page<'a> {
    nonce: &'a str,
    lang: &'a str,
    words: Words,
    practice_name: &'a str,
    link_label: &'a str,
}

/// Renders the page for a valid token.
pub(super) fn of(
    subscription: &Subscription,
    step: Step,
    language: Language,
    nonce: &str,
) -> askama::Result<String> {
    let is_discreet = subscription.to.is_discreet();
    Page {
        nonce,
        lang: language.as_str(),
        words: words(language, step, subscription.frequency),
        practice_name: shown_or(is_discreet, &subscription.to.practice.name),
        link_label: shown_or(is_discreet, &subscription.to.link.label),
    }
    .render()
}

/// Renders the page for an unknown or altered token.
pub(super) fn unknown(language: Language, nonce: &str) -> askama::Result<String> {
    let words = match language {
        Language::En => Words {
            heading: "This link is incomplete",
            lead: "It only works exactly as it appears in the e-mail. Open the e-mail again and use the link \
                at the bottom.",
            button: "",
            after: "You can also sign in to the console and choose what we tell you about.",
        },
        Language::Es => Words {
            heading: "Esta dirección no está completa",
            lead: "Solo funciona tal como aparece en el correo. Abra el correo otra vez y use el enlace del \
                final.",
            button: "",
            after: "En la consola, después de iniciar sesión, puede elegir de qué quiere recibir avisos.",
        },
    };
    Page { nonce, lang: language.as_str(), words, practice_name: "", link_label: "" }.render()
}

fn shown_or(is_discreet: bool, text: &str) -> &str {
    if is_discreet { "" } else { text }
}

fn words(language: Language, step: Step, frequency: Frequency) -> Words {
    match (language, step, frequency) {
        (Language::En, Step::Confirm, Frequency::Immediate | Frequency::Hourly | Frequency::Daily) => Words {
            heading: "Stop these e-mails?",
            lead: "You get an e-mail when new patients connect through this link. Your colleagues’ e-mails \
                stay the same.",
            button: "Stop these e-mails",
            after: "Would you rather get them once an hour or once a day? Choose that in the console.",
        },
        (Language::Es, Step::Confirm, Frequency::Immediate | Frequency::Hourly | Frequency::Daily) => Words {
            heading: "¿Dejar de recibir estos correos?",
            lead: "Recibe un correo cuando se conectan pacientes nuevos por este enlace. Los correos de \
                otras personas no cambian.",
            button: "No recibir más",
            after: "También puede recibirlos una vez por hora o una vez al día: elíjalo en la consola.",
        },
        (Language::En, _, Frequency::Off) => Words {
            heading: "You will no longer get these e-mails",
            lead: "We won’t write to you about new patients of this link anymore.",
            button: "",
            after: "You can turn them on again in the console.",
        },
        (Language::Es, _, Frequency::Off) => Words {
            heading: "Ya no recibirá estos correos",
            lead: "No le escribiremos más sobre pacientes nuevos de este enlace.",
            button: "",
            after: "Puede volver a activarlos en la consola.",
        },
        (Language::En, Step::Done, _) => Words {
            heading: "You now get one e-mail a day",
            lead: "You are the last person at your practice who hears about new patients, so we can’t stop \
                the e-mails completely. They come at most once a day, at 8 AM.",
            button: "",
            after: "To stop them, first add a colleague to a link’s list in the console.",
        },
        (Language::Es, Step::Done, _) => Words {
            heading: "Ahora recibirá un correo al día",
            lead: "Usted es la última persona de su consultorio a la que avisamos de pacientes nuevos, así \
                que los correos no cesan. Llegan como mucho una vez al día, a las ocho de la mañana.",
            button: "",
            after: "Añada a un colega a la lista de un enlace en la consola y entonces podrá dejar de \
                recibirlos.",
        },
    }
}
