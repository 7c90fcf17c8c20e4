//! `practice-links admin …`: works beside a running server.

mod audit;
mod events;
mod kannel;
mod link;
mod outbox;
mod practice;
mod staff;

use std::io::Write;
use std::str::FromStr;

use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use strum::VariantArray as _;

use super::{Failure, open};
use crate::app::Settings;
use crate::domain::events::EventKind;
use crate::domain::verification;
use crate::kit::clock::SystemClock;
use crate::kit::entropy::OsEntropy;
use crate::kit::{Clock as _, Email, Phone};
use crate::platform::event_log::{self, Actor};
use crate::platform::keys::Keys;
use crate::platform::signal::Wake;
use crate::platform::{Service, Tx, db};
use crate::web::state::State;

/// The tasks of an operator.
#[derive(Subcommand)]
pub(super) enum Task {
    /// Create, list, suspend, resume or close practices.
    #[command(subcommand)]
    Practice(practice::PracticeTask),
    /// Create, change, retire or list practice links.
    #[command(subcommand)]
    Link(link::LinkTask),
    /// Create staff members and reset second factors.
    #[command(subcommand)]
    Staff(staff::StaffTask),
    /// Create teams of staff members.
    #[command(subcommand)]
    Team(staff::TeamTask),
    /// List, requeue or discard outgoing messages.
    #[command(subcommand)]
    Outbox(outbox::OutboxTask),
    /// List or retry events that a reaction failed at.
    #[command(subcommand)]
    Events(events::EventsTask),
    /// Verify that the audit log is complete and unchanged.
    #[command(subcommand)]
    Audit(audit::AuditTask),
    /// Rotate signing keys and code secrets.
    #[command(subcommand)]
    Keys(KeysTask),
    /// Unlock phone numbers after too many wrong codes.
    #[command(subcommand)]
    Number(NumberTask),
    /// Print the Kannel configuration for inbound texts.
    #[command(subcommand)]
    Kannel(kannel::KannelTask),
}

#[derive(Subcommand)]
pub(super) enum KeysTask {
    /// Add a new generation of keys, or create the first one. Servers use it after a restart.
    Rotate,
}

#[derive(Subcommand)]
pub(super) enum NumberTask {
    /// Unlock a number that was locked after 100 wrong codes in a row.
    Unlock {
        /// The phone number in E.164 format, such as +14155552671.
        phone: String,
    },
}

pub(super) fn run(task: Task, settings: Settings, out: &mut dyn Write) -> Result<(), Failure> {
    if let Task::Keys(KeysTask::Rotate) = task {
        return rotate(settings, out);
    }
    let state = open(settings)?;
    let done = run_on(task, &state, out);
    finish(&state);
    done
}

/// Does what follows from the command, for which a server beside it would only look after some seconds. That
/// this failed is no failure of the command, which has done its work: a script would do it again.
fn finish(state: &State) {
    if let Err(error) = event_log::feed::settle(&state.service, &state.reactions) {
        tracing::warn!(%error, "the event log is not up to date; a server goes on with it");
    }
    tell_servers(&state.service);
}

fn run_on(task: Task, state: &State, out: &mut dyn Write) -> Result<(), Failure> {
    let service = &state.service;
    match task {
        // Done before anything is opened, which needs the keys.
        Task::Keys(KeysTask::Rotate) => Ok(()),
        Task::Practice(task) => practice::run(task, service, out),
        Task::Link(task) => link::run(task, service, out),
        Task::Staff(task) => staff::run(task, service, out),
        Task::Team(task) => staff::run_team(task, service, out),
        Task::Outbox(task) => outbox::run(task, state, out),
        Task::Events(task) => events::run(task, state, out),
        Task::Audit(task) => audit::run(task, service, out),
        Task::Kannel(task) => kannel::run(&task, state, out),
        Task::Number(NumberTask::Unlock { phone }) => unlock(&phone, service, out),
    }
}

/// Tells running servers what the commits of this command would have told its own process. It is a hint: they
/// look by themselves every few seconds.
fn tell_servers(service: &Service) {
    let told = Wake::VARIANTS.iter().filter(|wake| service.signals.of(**wake).count() > 0);
    let told: Vec<Wake> = told.copied().collect();
    if !told.is_empty() {
        let notify = |tx: &mut Tx<'_>| told.iter().try_for_each(|wake| Ok(tx.conn.notify(*wake)?));
        let _: db::Result<()> = service.write_blocking(notify);
    }
}

fn rotate(settings: Settings, out: &mut dyn Write) -> Result<(), Failure> {
    let keys = Keys::rotate(&settings.platform.keys_file, SystemClock.now(), &OsEntropy)
        .map_err(|e| Failure::Refused(format!("keys_file: {e}")))?;
    writeln!(
        out,
        "New keys: {}. Restart every server that shares this file within ten minutes.",
        keys.newest_kid()
    )?;
    // After the file: an event about keys that do not exist would be worse than keys without an event.
    let state = open(settings)?;
    state.service.write_blocking(|tx| {
        tx.emit(None, Actor::Operator, EventKind::KeysRotated, keys.newest_kid(), serde_json::json!({}));
        Ok::<_, db::Error>(())
    })?;
    finish(&state);
    Ok(())
}

fn unlock(phone: &str, service: &Service, out: &mut dyn Write) -> Result<(), Failure> {
    let phone = Phone::parse(phone, None).map_err(|e| Failure::Refused(e.to_string()))?;
    match service.write_blocking(|tx| verification::unlock_number(tx, &phone))? {
        true => Ok(writeln!(out, "{phone} is unlocked.")?),
        false => Err(Failure::Refused(format!("{phone} was never verified"))),
    }
}

/// Parses an argument that is one of `values`.
fn one_of<T>(values: &'static [T]) -> impl TypedValueParser<Value = T>
where
    T: Copy + Into<&'static str> + FromStr<Err = strum::ParseError> + Send + Sync + 'static,
{
    PossibleValuesParser::new(values.iter().map(|value| (*value).into())).try_map(|text| text.parse::<T>())
}

fn no_code() -> Failure {
    Failure::from(db::Error::Busy)
}

fn address(text: &str) -> Result<Email, Failure> {
    Email::parse(text).ok_or_else(|| Failure::Refused("--email: is not a valid e-mail address".into()))
}

/// Names go into e-mails and pages, so they must be visible and on one line.
fn one_line(argument: &str, text: &str) -> Result<String, Failure> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > 100 || text.chars().any(char::is_control) {
        return Err(Failure::Refused(format!("{argument}: must have 1 to 100 characters on one line")));
    }
    Ok(text.to_owned())
}
