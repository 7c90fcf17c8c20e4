//! E-mail over SMTP, by lettre's blocking connection on the worker's own thread. The asynchronous pool was
//! tried and dropped: with a time limit around it, a mail that was refused with 554 came back as sent.
//!
//! Command by command instead of lettre's own transport, because what a reply means depends on what it
//! answers: 550 to `RCPT` is a mailbox that is gone, 550 to `MAIL` is our own sender, 535 is our password.
//!
//! A connection is used again only after a mail that was taken with 250, since only then is it sure that no
//! reply is still under way; before that it must answer `RSET`. Whatever else happened, it is closed.

use std::error::Error as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use std::{fs, io};

use actix_web::http::Uri;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, MultiPartKind, SinglePart};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{Certificate, SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, Message};

use super::dkim::Dkim;
use crate::app::App;
use crate::config::{self, BadSetting};
use crate::kit::Clock;
use crate::outbox::{Mail, Outcome};

/// On each reply.
const PATIENCE: Duration = Duration::from_secs(5);
/// On one mail: a batch of four fits into its lease.
const WHOLE: Duration = Duration::from_secs(14);
/// A parked connection older than this is closed; servers close idle ones themselves, at 30 s and later.
const IDLE: Duration = Duration::from_secs(20);
/// Connections kept for the next mail: as many as threads send at once in a usual setting.
const PARKED: usize = 4;

/// A mail server.
pub struct Smtp {
    server: Server,
    from: Mailbox,
    dkim: Option<Dkim>,
    clock: Arc<dyn Clock>,
    parked: Mutex<Vec<(SmtpConnection, Instant)>>,
}

/// Where it is, and how it is spoken to.
struct Server {
    host: String,
    port: u16,
    security: Security,
    credentials: Option<Credentials>,
}

enum Security {
    Plain,
    StartTls(Box<TlsParameters>),
    Tls(Box<TlsParameters>),
}

/// What a reply answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Greeting, STARTTLS, AUTH.
    Login,
    /// `MAIL FROM`.
    Sender,
    /// `RCPT TO`.
    Recipient,
    /// `DATA`.
    Content,
    /// The end of the mail.
    Verdict,
}

impl Smtp {
    /// Mail to `url` (`smtp://`, `smtp+starttls://`, `smtps://`).
    pub fn new(url: &str, app: &App) -> Result<Self, BadSetting> {
        let settings = &app.config.mail;
        let from: Mailbox =
            settings.from.parse().map_err(|_| BadSetting::new("mail.from", "is no mailbox"))?;
        let dkim = settings
            .dkim_key_file
            .as_deref()
            .map(|path| Dkim::load(path, from.email.domain(), &settings.dkim_selector))
            .transpose()?;
        let (server, clock) = (Server::parse(url, settings)?, Arc::clone(&app.clock));
        Ok(Self { server, from, dkim, clock, parked: Mutex::default() })
    }

    /// Sends one mail; only the reply 250 counts as taken.
    pub fn send(&self, mail: &Mail, row_id: &str) -> Outcome {
        let Some((to, bytes)) = self.bytes(mail, row_id) else { return Outcome::Rejected("unbuildable") };
        let end = Instant::now() + WHOLE;
        let mut connection = match self.connection(end) {
            Ok(connection) => connection,
            Err(outcome) => return outcome,
        };
        let outcome = self.hand_over(&mut connection, to, &bytes, end);
        if outcome == Outcome::Sent {
            self.park(connection);
        }
        outcome
    }

    fn hand_over(&self, connection: &mut SmtpConnection, to: Address, bytes: &[u8], end: Instant) -> Outcome {
        let sender = MailFrom::new(Some(self.from.email.clone()), Vec::new());
        let recipient = Rcpt::new(to, Vec::new());
        let began = step(connection, Step::Sender, end, |c| c.command(sender))
            .and_then(|_| step(connection, Step::Recipient, end, |c| c.command(recipient)))
            .and_then(|_| step(connection, Step::Content, end, |c| c.command(Data)));
        match began {
            Ok(reply) if reply.has_code(354) => {}
            Ok(_) => return Outcome::Retry("unexpected_reply"),
            Err(outcome) => return outcome,
        }
        match step(connection, Step::Verdict, end, |c| c.message(bytes)) {
            Ok(reply) if reply.has_code(250) => Outcome::Sent,
            Ok(_) => Outcome::Ambiguous("unexpected_reply"),
            Err(outcome) => outcome,
        }
    }

    /// A parked connection that still answers, or a new one.
    fn connection(&self, end: Instant) -> Result<SmtpConnection, Outcome> {
        loop {
            let parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some((mut connection, since)) = parked else { break };
            if since.elapsed() < IDLE
                && connection.set_timeout(Some(PATIENCE)).is_ok()
                && connection.command(Rset).is_ok_and(|reply| reply.has_code(250))
            {
                return Ok(connection);
            }
        }
        self.server.connect(end)
    }

    fn park(&self, connection: SmtpConnection) {
        let mut parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        if parked.len() < PARKED {
            parked.push((connection, Instant::now()));
        }
    }

    /// The mail as it goes over the wire, signed.
    fn bytes(&self, mail: &Mail, row_id: &str) -> Option<(Address, Vec<u8>)> {
        let to: Address = mail.to.as_str().parse().ok()?;
        let bytes = self.message(mail, row_id, &to)?.formatted();
        let Some(dkim) = &self.dkim else { return Some((to, bytes)) };
        let signature = dkim.sign(&bytes, self.clock.now())?;
        Some((to, [signature.as_bytes(), &bytes].concat()))
    }

    /// The `Message-ID` is the row's id: attempts of one mail carry the same, and a bounce leads back to it.
    fn message(&self, mail: &Mail, row_id: &str, to: &Address) -> Option<Message> {
        let millis = u64::try_from(self.clock.now().millis()).unwrap_or(0);
        let mut head = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(&mail.subject)
            .date(SystemTime::UNIX_EPOCH + Duration::from_millis(millis))
            .message_id(Some(format!("<{row_id}@{}>", self.from.email.domain())))
            // RFC 3834: auto-responders must not answer.
            .raw_header(header("Auto-Submitted", "auto-generated")?);
        if let Some(url) = &mail.unsubscribe {
            head = head
                .raw_header(header("List-Unsubscribe", &format!("<{url}>"))?)
                .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")?);
        }
        let part = |kind: ContentType, text: &str| SinglePart::builder().header(kind).body(text.to_owned());
        let both = MultiPart::builder()
            .kind(MultiPartKind::Alternative)
            .boundary(format!("=_{row_id}"))
            .singlepart(part(ContentType::TEXT_PLAIN, &mail.text))
            .singlepart(part(ContentType::TEXT_HTML, &mail.html));
        head.multipart(both).ok()
    }
}

/// As it is: a URL must not be folded or encoded, or it is none any more.
fn header(name: &str, value: &str) -> Option<HeaderValue> {
    let name = HeaderName::new_from_ascii(name.to_owned()).ok()?;
    let is_plain = value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    is_plain.then(|| HeaderValue::dangerous_new_pre_encoded(name, value.to_owned(), value.to_owned()))
}

impl Server {
    fn parse(url: &str, settings: &config::Mail) -> Result<Self, BadSetting> {
        let wrong = |problem: &str| BadSetting::new("mail.smtp_url", problem);
        let uri: Uri = url.parse().map_err(|_| wrong("is no URL"))?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if host.is_empty() {
            return Err(wrong("names no host"));
        }
        let authority = settings.ca_file.as_deref().map(authority).transpose()?;
        let tls = || {
            let parameters = TlsParameters::builder(host.clone());
            let parameters = match &authority {
                Some(own) => parameters.add_root_certificate(own.clone()),
                None => parameters,
            };
            let unspeakable = || wrong("names a host that TLS cannot be spoken with");
            parameters.build_rustls().map(Box::new).map_err(|_| unspeakable())
        };
        let (security, port) = match uri.scheme_str() {
            Some("smtp") => (Security::Plain, 25),
            Some("smtp+starttls") => (Security::StartTls(tls()?), 587),
            Some("smtps") => (Security::Tls(tls()?), 465),
            _ => return Err(wrong("must be smtp://, smtp+starttls:// or smtps://")),
        };
        let credentials = credentials(&uri).ok_or_else(|| wrong("has credentials that cannot be read"))?;
        Ok(Self { port: uri.port_u16().unwrap_or(port), host, security, credentials })
    }

    fn connect(&self, end: Instant) -> Result<SmtpConnection, Outcome> {
        let me = ClientId::default();
        let wrapped = match &self.security {
            Security::Tls(parameters) => Some(&**parameters),
            Security::StartTls(_) | Security::Plain => None,
        };
        let address = (self.host.as_str(), self.port);
        let mut connection = SmtpConnection::connect(address, Some(PATIENCE), &me, wrapped, None)
            .map_err(|error| outcome(Step::Login, &error))?;
        if let Security::StartTls(parameters) = &self.security {
            if !connection.can_starttls() {
                return Err(Outcome::Misconfigured("no_starttls"));
            }
            step(&mut connection, Step::Login, end, |c| c.starttls(parameters, &me))?;
        }
        if let Some(credentials) = &self.credentials {
            step(&mut connection, Step::Login, end, |c| c.auth(DEFAULT_MECHANISMS, credentials))?;
        }
        Ok(connection)
    }
}

/// The authority behind a mail server of one's own network.
fn authority(path: &Path) -> Result<Certificate, BadSetting> {
    let wrong = |problem: String| BadSetting::new("mail.ca_file", problem);
    let pem = fs::read(path).map_err(|e| wrong(e.to_string()))?;
    Certificate::from_pem(&pem).map_err(|_| wrong("is no certificate in PEM".into()))
}

/// `USER:PASSWORD@`, percent-encoded; inside, `None` where there is none.
fn credentials(uri: &Uri) -> Option<Option<Credentials>> {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let Some((info, _)) = authority.rsplit_once('@') else { return Some(None) };
    let (user, password) = info.split_once(':').unwrap_or((info, ""));
    Some(Some(Credentials::new(percent_decoded(user)?, percent_decoded(password)?)))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(hex, 16).ok()?);
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

/// One command and its reply, within what is left of the mail's time. The verdict may take all of that:
/// servers look through a mail before they answer.
fn step<T>(
    connection: &mut SmtpConnection,
    step: Step,
    end: Instant,
    command: impl FnOnce(&mut SmtpConnection) -> Result<T, Error>,
) -> Result<T, Outcome> {
    let left = end.saturating_duration_since(Instant::now());
    let patience = if step == Step::Verdict { left } else { left.min(PATIENCE) };
    if patience.is_zero() || connection.set_timeout(Some(patience)).is_err() {
        return Err(Outcome::Retry("too_slow"));
    }
    command(connection).map_err(|error| outcome(step, &error))
}

/// What a failure means. Nothing that is wrong between us and our own server counts against a mail.
fn outcome(step: Step, error: &Error) -> Outcome {
    let Some(code) = error.status().map(u16::from) else { return broken(step, error) };
    match (step, code) {
        (_, 400..=499) => Outcome::Retry("deferred"),
        (Step::Login, _) => Outcome::Misconfigured("login_refused"),
        (_, 530 | 534 | 535 | 538) => Outcome::Misconfigured("login_wanted"),
        // Too large is about this mail; whatever else `MAIL` is refused for is about our sender.
        (Step::Sender, 552) => Outcome::Rejected("refused"),
        (Step::Sender, _) => Outcome::Misconfigured("sender_refused"),
        (Step::Recipient, _) if is_hard_bounce(code, &enhanced(error)) => {
            Outcome::Rejected("mailbox_refused")
        }
        _ => Outcome::Rejected("refused"),
    }
}

/// No reply at all. Once the mail is on its way, nobody knows whether it was taken.
fn broken(step: Step, error: &Error) -> Outcome {
    match step {
        Step::Login if error.is_client() => Outcome::Misconfigured("no_common_login"),
        Step::Login if error.is_tls() || is_bad_tls(error) => Outcome::Misconfigured("tls_failed"),
        Step::Verdict => Outcome::Ambiguous("unanswered"),
        _ => Outcome::Retry("unreachable"),
    }
}

/// The TLS library tells of a certificate that is not good, or of a server that speaks no TLS, as bad data.
fn is_bad_tls(error: &Error) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    source.is_some_and(|error| {
        error.kind() == io::ErrorKind::InvalidData
            && error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>)
    })
}

/// The mailbox is no more. A server that says more precisely what is wrong is believed: 5.7.1 is its policy,
/// 5.1.7 and 5.1.8 are our sender, and neither is a reason never to write there again (RFC 3463).
fn is_hard_bounce(code: u16, enhanced: &str) -> bool {
    match enhanced {
        "5.1.7" | "5.1.8" => false,
        "5.2.1" => true,
        precise if precise.starts_with("5.1.") => true,
        "" | "5.0.0" => matches!(code, 550 | 551 | 553),
        _ => false,
    }
}

/// The enhanced status code at the reply's beginning, where there is one (RFC 2034).
fn enhanced(error: &Error) -> String {
    let text = error.source().map(ToString::to_string).unwrap_or_default();
    let word = text.split_ascii_whitespace().next().unwrap_or_default();
    let is_code = word.split('.').count() == 3 && word.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if is_code { word.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_how_a_server_is_spoken_to() {
        let server = |url: &str| Server::parse(url, &config::Mail::default());
        let plain = server("smtp://127.0.0.1:2525").unwrap();
        assert_eq!((plain.host.as_str(), plain.port, plain.credentials.is_none()), ("127.0.0.1", 2525, true));
        let starttls = server("smtp+starttls://mail.example").unwrap();
        assert!(matches!(starttls.security, Security::StartTls(_)) && starttls.port == 587);
        let tls = server("smtps://me%40mail.example:p%3A%25w$!@[::1]").unwrap();
        assert!(matches!(tls.security, Security::Tls(_)) && tls.port == 465);
        assert_eq!(tls.host, "::1");
        assert!(tls.credentials == Some(Credentials::new("me@mail.example".into(), "p:%w$!".into())));
        for wrong in ["mail.example", "http://mail.example", "smtp://", "smtps://a:%zz@mail.example"] {
            assert_eq!(server(wrong).err().unwrap().setting, "mail.smtp_url", "{wrong}");
        }
    }

    #[test]
    fn only_a_mailbox_that_is_no_more_is_a_hard_bounce() {
        for (code, enhanced) in
            [(550, ""), (551, ""), (553, ""), (550, "5.1.1"), (554, "5.1.10"), (550, "5.2.1")]
        {
            assert!(is_hard_bounce(code, enhanced), "{code} {enhanced}");
        }
        for (code, enhanced) in [(554, ""), (552, "5.2.2"), (550, "5.7.1"), (550, "5.1.8"), (553, "5.1.7")] {
            assert!(!is_hard_bounce(code, enhanced), "{code} {enhanced}");
        }
    }
}
