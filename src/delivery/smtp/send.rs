//! E-mail over SMTP, on the worker's own thread. Lettre's asynchronous pool was tried and dropped: with a
//! time limit around it, a mail that was rejected with 554 was reported as sent.
//!
//! Commands are sent one by one instead of through lettre's own transport, because the meaning of a reply
//! depends on what it answers: 550 5.1.1 to `RCPT` is a mailbox that is gone, 550 to `MAIL` is our own
//! sender, 535 is our password.
//!
//! A connection is reused only after a mail was accepted with 250, because only then is it certain that no
//! reply is still under way; before reuse it must answer `RSET`. In all other cases it is closed.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use std::{fs, io};

use actix_web::http::Uri;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, MultiPartKind, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt, Rset};
use lettre::{Address, Message};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

use super::dkim::Dkim;
use super::session::{Failure, Session, Tls};
use super::settings::Settings;
use crate::kit::{Clock, OutboxId};
use crate::platform::Service;
use crate::platform::outbox::{Mail, Outcome};
use crate::platform::settings::BadSetting;

/// Timeout of each step before the mail itself.
const STEP_TIMEOUT: Duration = Duration::from_secs(5);
/// Timeout of all these steps, from resolving the server's name to its 354.
const SETUP_TIMEOUT: Duration = Duration::from_secs(10);
/// Timeout of the mail and its verdict. RFC 5321 4.5.3.2.6 asks for ten minutes, because giving up makes a
/// second copy; more than this does not fit, with the beginning, into the row's lease.
const VERDICT_TIMEOUT: Duration = Duration::from_secs(30);
/// An idle connection older than this is closed; servers close idle ones themselves, at 30 s and later.
const IDLE_LIMIT: Duration = Duration::from_secs(20);
/// Connections kept for the next mail: as many as threads send at once in a usual configuration.
const MOST_IDLE: usize = 4;

/// Client of one mail server.
pub(crate) struct Smtp {
    server: Server,
    from: Mailbox,
    dkim: Option<Dkim>,
    clock: Arc<dyn Clock>,
    idle: Mutex<Vec<(Session, Instant)>>,
}

/// Address of the server, and how to connect to it.
struct Server {
    host: String,
    port: u16,
    security: Security,
    credentials: Option<Credentials>,
}

enum Security {
    Plain,
    StartTls(Tls),
    Tls(Tls),
}

/// The step that a reply answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Greeting, `EHLO`, `STARTTLS` and `AUTH`.
    Login,
    /// The `MAIL FROM` command.
    Sender,
    /// The `RCPT TO` command.
    Recipient,
    /// The `DATA` command, before the content.
    Content,
    /// The content, up to its final dot.
    Verdict,
}

impl Smtp {
    /// Sends through `url` (`smtp://`, `smtp+starttls://`, `smtps://`).
    pub(crate) fn new(url: &str, settings: &Settings, service: &Service) -> Result<Self, BadSetting> {
        let from: Mailbox =
            settings.from.parse().map_err(|_| BadSetting::new("mail.from", "is not a mailbox"))?;
        let dkim = settings
            .dkim_key_file
            .as_deref()
            .map(|path| Dkim::load(path, from.email.domain(), &settings.dkim_selector))
            .transpose()?;
        let (server, clock) = (Server::parse(url, settings.ca_file.as_deref())?, Arc::clone(&service.clock));
        Ok(Self { server, from, dkim, clock, idle: Mutex::default() })
    }

    /// Sends one mail; only the reply 250 counts as accepted.
    pub(crate) fn send(&self, mail: &Mail, row_id: &OutboxId) -> Outcome {
        let Some((to, bytes)) = self.bytes(mail, row_id) else { return Outcome::Rejected("unbuildable") };
        let end = Instant::now() + SETUP_TIMEOUT;
        let mut session = match self.session(end) {
            Ok(session) => session,
            Err(outcome) => return outcome,
        };
        let outcome = self.send_over(&mut session, to, &bytes, end);
        if outcome == Outcome::Sent {
            self.keep_idle(session);
        }
        outcome
    }

    fn send_over(&self, session: &mut Session, to: Address, bytes: &[u8], end: Instant) -> Outcome {
        let sender = MailFrom::new(Some(self.from.email.clone()), Vec::new());
        let recipient = Rcpt::new(to, Vec::new());
        let accepted = step(session, Step::Sender, end, |s| s.command(sender))
            .and_then(|_| step(session, Step::Recipient, end, |s| s.command(recipient)))
            .and_then(|_| step(session, Step::Content, end, |s| s.command(Data)));
        match accepted {
            Ok(reply) if reply.has_code(354) => {}
            Ok(_) => return Outcome::Retry("unexpected_reply"),
            Err(outcome) => return outcome,
        }
        session.set_deadline(Instant::now() + VERDICT_TIMEOUT);
        match session.message(bytes) {
            Ok(reply) if reply.has_code(250) => Outcome::Sent,
            Ok(_) => Outcome::Ambiguous("unexpected_reply"),
            Err(failure) => outcome(Step::Verdict, &failure),
        }
    }

    /// An idle session that still answers, or a new one. A session that hangs is waited for once.
    fn session(&self, end: Instant) -> Result<Session, Outcome> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some((mut session, _)) = idle.filter(|(_, since)| since.elapsed() < IDLE_LIMIT) {
            session.set_deadline(step_deadline(end));
            if session.command(Rset).is_ok_and(|reply| reply.has_code(250)) {
                return Ok(session);
            }
        }
        self.server.connect(end)
    }

    fn keep_idle(&self, session: Session) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE {
            idle.push((session, Instant::now()));
        }
    }

    /// The mail as it is sent over the wire, signed.
    fn bytes(&self, mail: &Mail, row_id: &OutboxId) -> Option<(Address, Vec<u8>)> {
        let to: Address = mail.to.as_str().parse().ok()?;
        let bytes = self.message(mail, row_id, &to)?.formatted();
        let Some(dkim) = &self.dkim else { return Some((to, bytes)) };
        let signature = dkim.sign(&bytes, self.clock.now())?;
        Some((to, [signature.as_bytes(), &bytes].concat()))
    }

    /// The `Message-ID` is the row's id: all attempts of one mail carry the same, and a bounce can
    /// be traced to it.
    fn message(&self, mail: &Mail, row_id: &OutboxId, to: &Address) -> Option<Message> {
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

/// A raw header: a URL must not be folded or encoded, or it is no longer usable.
fn header(name: &str, value: &str) -> Option<HeaderValue> {
    let name = HeaderName::new_from_ascii(name.to_owned()).ok()?;
    let is_plain = value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    is_plain.then(|| HeaderValue::dangerous_new_pre_encoded(name, value.to_owned(), value.to_owned()))
}

impl Server {
    fn parse(url: &str, ca_file: Option<&Path>) -> Result<Self, BadSetting> {
        let wrong = |problem: &str| BadSetting::new("mail.smtp_url", problem);
        let uri: Uri = url.parse().map_err(|_| wrong("is not a URL"))?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if host.is_empty() {
            return Err(wrong("does not name a host"));
        }
        let tls = || {
            let invalid_name = |_| wrong("names a host that is not valid for TLS");
            let name = ServerName::try_from(host.clone()).map_err(invalid_name)?;
            Ok::<_, BadSetting>(Tls { config: tls_config(ca_file)?, name })
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

    fn connect(&self, end: Instant) -> Result<Session, Outcome> {
        let wrapped = match &self.security {
            Security::Tls(tls) => Some(tls),
            Security::StartTls(_) | Security::Plain => None,
        };
        let failed = |failure| outcome(Step::Login, &failure);
        let mut session =
            Session::connect(&self.host, self.port, wrapped, step_deadline(end)).map_err(failed)?;
        if let Security::StartTls(tls) = &self.security {
            if !session.can_starttls() {
                return Err(Outcome::Misconfigured("no_starttls"));
            }
            session.set_deadline(step_deadline(end));
            session = session.starttls(tls).map_err(failed)?;
        }
        if let Some(credentials) = &self.credentials {
            step(&mut session, Step::Login, end, |s| s.auth(credentials))?;
        }
        Ok(session)
    }
}

/// TLS that trusts the public certificate authorities, and the configured one for a mail server
/// in a private network.
fn tls_config(own: Option<&Path>) -> Result<Arc<ClientConfig>, BadSetting> {
    let wrong = |problem: String| BadSetting::new("mail.ca_file", problem);
    let mut roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
    if let Some(path) = own {
        let pem = fs::read(path).map_err(|e| wrong(e.to_string()))?;
        let certificate = CertificateDer::from_pem_slice(&pem);
        let added = certificate.ok().and_then(|certificate| roots.add(certificate).ok());
        added.ok_or_else(|| wrong("is not a PEM certificate".into()))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|_| wrong("TLS is not available".into()))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// `USER:PASSWORD@`, percent-encoded; the inner `None` means no credentials.
fn credentials(uri: &Uri) -> Option<Option<Credentials>> {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let Some((info, _)) = authority.rsplit_once('@') else { return Some(None) };
    let (user, password) = info.split_once(':').unwrap_or((info, ""));
    Some(Some(Credentials::new(percent_decoded(user)?, percent_decoded(password)?)))
}

/// Not `percent-encoding`'s decoder, which takes a `%` without two digits as it is: a password that was not
/// encoded would be refused by the mail server, and not here, where the setting has a name.
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

/// Runs one step, within the time left for the beginning.
fn step<T>(
    session: &mut Session,
    step: Step,
    end: Instant,
    act: impl FnOnce(&mut Session) -> Result<T, Failure>,
) -> Result<T, Outcome> {
    session.set_deadline(step_deadline(end));
    act(session).map_err(|failure| outcome(step, &failure))
}

fn step_deadline(end: Instant) -> Instant {
    end.min(Instant::now() + STEP_TIMEOUT)
}

/// Outcome of a failure. Nothing that is wrong between us and our own server counts against a mail.
fn outcome(step: Step, failure: &Failure) -> Outcome {
    let (code, words) = match failure {
        Failure::Refused(code, words) => (*code, words.as_str()),
        Failure::Broken(error) => return outcome_without_reply(step, error),
        Failure::NoCommonLogin => return Outcome::Misconfigured("no_common_login"),
    };
    match (step, code) {
        (_, 400..=499) => Outcome::Retry("deferred"),
        (Step::Login, _) => Outcome::Misconfigured("login_refused"),
        (_, 530 | 534 | 535 | 538) => Outcome::Misconfigured("login_wanted"),
        // 552 (too large) is about this mail; any other rejection of `MAIL` is about our sender.
        (Step::Sender, 552) => Outcome::Rejected("refused"),
        (Step::Sender, _) => Outcome::Misconfigured("sender_refused"),
        (Step::Recipient, _) => recipient_refused(words),
        _ => Outcome::Rejected("refused"),
    }
}

/// No reply at all. Once the mail is on its way, the result is unknown.
fn outcome_without_reply(step: Step, error: &io::Error) -> Outcome {
    match step {
        Step::Login if is_bad_tls(error) => Outcome::Misconfigured("tls_failed"),
        Step::Verdict => Outcome::Ambiguous("unanswered"),
        _ => Outcome::Retry("unreachable"),
    }
}

/// The certificate is invalid, or the server does not speak TLS.
fn is_bad_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>)
}

/// A rejected `RCPT`: a mailbox that is gone, our own server's policy, or something about this one mail.
///
/// The reply code is not enough reason never to write to a person again: Exim answers a bare `550 relay not
/// permitted`, and that is about us. Only the RFC 3463 codes for a mailbox that is gone are trusted.
fn recipient_refused(words: &str) -> Outcome {
    match enhanced(words).as_str() {
        "5.1.1" | "5.1.2" | "5.1.3" | "5.1.6" | "5.1.10" | "5.2.1" => Outcome::MAILBOX_GONE,
        _ if words.to_ascii_lowercase().contains("relay") => Outcome::Misconfigured("relay_refused"),
        // Often our address on a blocklist, for a while; and no single recipient's policy may stop all mail.
        policy if policy.starts_with("5.7.") => Outcome::Retry("policy_refused"),
        _ => Outcome::Rejected("refused"),
    }
}

/// Enhanced status code at the start of the reply, if there is one (RFC 2034).
fn enhanced(words: &str) -> String {
    let word = words.split_ascii_whitespace().next().unwrap_or_default();
    let is_code = word.split('.').count() == 3 && word.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if is_code { word.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_selects_security_port_and_credentials() {
        let server = |url: &str| Server::parse(url, None);
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
    fn only_a_missing_mailbox_is_a_hard_bounce() {
        let refused = |words| outcome(Step::Recipient, &Failure::Refused(550, String::from(words)));
        for words in ["5.1.1 no such user", "5.1.2 no host", "5.1.3 syntax", "5.1.6 moved", "5.1.10 null MX"]
        {
            assert_eq!(refused(words), Outcome::MAILBOX_GONE, "{words}");
        }
        assert_eq!(refused("5.2.1 disabled"), Outcome::MAILBOX_GONE);
        for words in ["relay not permitted", "Relaying denied", "5.7.1 Relay access denied"] {
            assert_eq!(refused(words), Outcome::Misconfigured("relay_refused"), "{words}");
        }
        assert_eq!(refused("5.7.1 policy"), Outcome::Retry("policy_refused"));
        for words in ["no", "no such user", "5.2.2 full", "5.1.0 other", "5.1.7 sender", "5.1.8 sender"] {
            assert_eq!(refused(words), Outcome::Rejected("refused"), "{words}");
        }
    }

    // The lease of a row is a minute; giving up on a verdict makes a second copy.
    #[test]
    fn verdict_timeout_fits_into_the_lease() {
        assert!(
            VERDICT_TIMEOUT >= Duration::from_secs(30)
                && SETUP_TIMEOUT + VERDICT_TIMEOUT <= Duration::from_secs(40)
        );
    }
}
