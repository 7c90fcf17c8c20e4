//! E-mail over SMTP, by lettre's blocking transport on the worker's own thread. The asynchronous pool was
//! tried and dropped: with a time limit around it, a mail that was refused with 554 came back as sent.

use std::time::Duration;

use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Message, SmtpTransport, Transport as _};

use crate::config::{BadSetting, Config};
use crate::outbox::{Mail, Outcome};

/// On connecting, and on each reply.
const PATIENCE: Duration = Duration::from_secs(10);

/// A mail server.
pub struct Smtp {
    transport: SmtpTransport,
    from: Mailbox,
    domain: String,
}

/// RFC 3834: auto-responders must not answer.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Smtp {
    /// A transport for `url` (`smtp://`, `smtp+starttls://`, `smtps://`).
    pub fn new(url: &str, config: &Config) -> Result<Self, BadSetting> {
        let (scheme, rest) =
            url.split_once("://").ok_or_else(|| BadSetting::new("mail.smtp_url", "is no URL"))?;
        let url = match scheme {
            "smtp" | "smtps" => url.to_owned(),
            "smtp+starttls" => format!("smtp://{rest}?tls=required"),
            _ => {
                return Err(BadSetting::new(
                    "mail.smtp_url",
                    "must be smtp://, smtp+starttls:// or smtps://",
                ));
            }
        };
        let builder =
            SmtpTransport::from_url(&url).map_err(|_| BadSetting::new("mail.smtp_url", "cannot be used"))?;
        let from: Mailbox =
            config.mail.from.parse().map_err(|_| BadSetting::new("mail.from", "is no mailbox"))?;
        let domain = from.email.domain().to_owned();
        Ok(Self { transport: builder.timeout(Some(PATIENCE)).build(), from, domain })
    }

    /// Sends one mail; only the reply 250 counts as taken.
    pub fn send(&self, mail: &Mail, row_id: &str) -> Outcome {
        let Some(message) = self.message(mail, row_id) else { return Outcome::Rejected("unbuildable") };
        match self.transport.send(&message) {
            Ok(reply) if reply.has_code(250) => Outcome::Sent,
            Ok(_) => Outcome::Retry("unexpected_reply"),
            Err(error) if error.is_permanent() => Outcome::Rejected("refused"),
            Err(error) if error.is_transient() => Outcome::Retry("deferred"),
            Err(_) => Outcome::Retry("unreachable"),
        }
    }

    /// The `Message-ID` is the row's id: attempts of one mail carry the same, and a bounce leads back to it.
    fn message(&self, mail: &Mail, row_id: &str) -> Option<Message> {
        Message::builder()
            .from(self.from.clone())
            .to(mail.to.as_str().parse().ok()?)
            .subject(&mail.subject)
            .message_id(Some(format!("<{row_id}@{}>", self.domain)))
            .header(AutoSubmitted)
            .multipart(
                MultiPart::alternative()
                    .singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(mail.text.clone()))
                    .singlepart(SinglePart::builder().header(ContentType::TEXT_HTML).body(mail.html.clone())),
            )
            .ok()
    }
}
