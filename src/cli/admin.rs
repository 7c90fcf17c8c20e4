//! `practice-links admin …`: works beside a running server.

mod audit;
mod kannel;
mod link;
mod outbox;
mod practice;
mod staff;

use std::io::Write;

use clap::Subcommand;

use super::{Failure, app};
use crate::app::App;
use crate::audit::{self as events, Event};
use crate::config::Config;
use crate::db;
use crate::keys::Keys;
use crate::kit::clock::SystemClock;
use crate::kit::entropy::OsEntropy;
use crate::kit::{Clock as _, Email, Phone};
use crate::verification;

/// What an operator can do.
#[derive(Subcommand)]
pub enum Task {
    /// Practices.
    #[command(subcommand)]
    Practice(practice::PracticeTask),
    /// Practice links.
    #[command(subcommand)]
    Link(link::LinkTask),
    /// The people of a practice.
    #[command(subcommand)]
    Staff(staff::StaffTask),
    /// Teams of them.
    #[command(subcommand)]
    Team(staff::TeamTask),
    /// Messages on their way out.
    #[command(subcommand)]
    Outbox(outbox::OutboxTask),
    /// What was done, by whom and to what.
    #[command(subcommand)]
    Audit(audit::AuditTask),
    /// Signing keys and code secrets.
    #[command(subcommand)]
    Keys(KeysTask),
    /// Phone numbers.
    #[command(subcommand)]
    Number(NumberTask),
    /// What Kannel's configuration needs of this service.
    #[command(subcommand)]
    Kannel(kannel::KannelTask),
}

/// `admin keys …`
#[derive(Subcommand)]
pub enum KeysTask {
    /// Add a generation of keys (or make the first); servers take it up when they start again.
    Rotate,
}

/// `admin number …`
#[derive(Subcommand)]
pub enum NumberTask {
    /// Let a number be checked again after 100 wrong codes in a row.
    Unlock {
        /// The number, in E.164.
        phone: String,
    },
}

/// Runs `task`.
pub fn run(task: Task, config: Config, out: &mut dyn Write) -> Result<(), Failure> {
    match task {
        Task::Keys(KeysTask::Rotate) => rotate(config, out),
        Task::Practice(task) => practice::run(task, &app(config)?, out),
        Task::Link(task) => link::run(task, &app(config)?, out),
        Task::Staff(task) => staff::run(task, &app(config)?, out),
        Task::Team(task) => staff::run_team(task, &app(config)?, out),
        Task::Outbox(task) => outbox::run(task, &app(config)?, out),
        Task::Audit(task) => audit::run(task, &app(config)?, out),
        Task::Kannel(task) => kannel::run(&task, &app(config)?, out),
        Task::Number(NumberTask::Unlock { phone }) => unlock(&phone, &app(config)?, out),
    }
}

fn rotate(config: Config, out: &mut dyn Write) -> Result<(), Failure> {
    let keys = Keys::rotate(&config.keys_file, SystemClock.now(), &OsEntropy)
        .map_err(|e| Failure::Refused(format!("keys_file: {e}")))?;
    writeln!(
        out,
        "New keys: {}. Restart every server that shares this file within ten minutes.",
        keys.newest_kid()
    )?;
    // After the file: an event of keys that never came to be would be worse than keys without one.
    app(config)?.write_blocking(|ctx, conn| {
        let (action, subject, detail) = ("keys.rotated", keys.newest_kid(), serde_json::json!({}));
        events::record(ctx, conn, &Event { practice_id: None, actor: "operator", action, subject, detail })
            .map_err(Failure::from)
    })
}

fn unlock(phone: &str, app: &App, out: &mut dyn Write) -> Result<(), Failure> {
    let phone = Phone::parse(phone, None).map_err(|e| Failure::Refused(e.to_string()))?;
    match app.write_blocking(|ctx, conn| verification::unlock_number(ctx, conn, &phone))? {
        true => Ok(writeln!(out, "{phone} can be checked again.")?),
        false => Err(Failure::Refused(format!("{phone} was never checked"))),
    }
}

fn no_code() -> Failure {
    Failure::from(db::Error::Busy)
}

fn address(text: &str) -> Result<Email, Failure> {
    Email::parse(text).ok_or_else(|| Failure::Refused("--email: is no e-mail address".into()))
}

/// Names go into mail texts and pages: something visible, on one line.
fn one_line(argument: &str, text: &str) -> Result<String, Failure> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > 100 || text.chars().any(char::is_control) {
        return Err(Failure::Refused(format!("{argument}: must have 1 to 100 characters on one line")));
    }
    Ok(text.to_owned())
}
