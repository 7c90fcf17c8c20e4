//! `practice-links admin …`: works beside a running server.

use std::io::Write;

use clap::Subcommand;

use super::{Failure, app};
use crate::app::App;
use crate::config::Config;
use crate::db;
use crate::keys::Keys;
use crate::kit::clock::SystemClock;
use crate::kit::entropy::OsEntropy;
use crate::kit::{Clock as _, Email, Language, Phone};
use crate::links::{self, NewLink};
use crate::practices::{self, NewPractice};
use crate::{outbox, verification};

/// What an operator can do.
#[derive(Subcommand)]
pub enum Task {
    /// Practices.
    #[command(subcommand)]
    Practice(PracticeTask),
    /// Practice links.
    #[command(subcommand)]
    Link(LinkTask),
    /// Messages on their way out.
    #[command(subcommand)]
    Outbox(OutboxTask),
    /// Signing keys and code secrets.
    #[command(subcommand)]
    Keys(KeysTask),
    /// Phone numbers.
    #[command(subcommand)]
    Number(NumberTask),
}

/// `admin practice …`
#[derive(Subcommand)]
pub enum PracticeTask {
    /// Make a practice and its default link.
    Create {
        /// The name that patients see.
        #[arg(long)]
        name: String,
        /// Its city.
        #[arg(long)]
        city: String,
        /// Where its notices go.
        #[arg(long)]
        email: Option<String>,
        /// `basic` or `communicator`.
        #[arg(long, default_value = "basic", value_parser = ["basic", "communicator"])]
        plan: String,
        /// `en` or `es`.
        #[arg(long, default_value = "en", value_parser = ["en", "es"])]
        language: String,
        /// Its IANA time zone.
        #[arg(long, default_value = "America/New_York")]
        time_zone: String,
    },
    /// List all practices.
    List,
}

/// `admin link …`
#[derive(Subcommand)]
pub enum LinkTask {
    /// Make a link behind a fresh code.
    Create {
        /// The practice's id.
        #[arg(long)]
        practice: String,
        /// What the practice calls it.
        #[arg(long)]
        label: String,
        /// A tag of its conversations; may be given several times.
        #[arg(long = "tag")]
        tags: Vec<String>,
        /// The first entry of its conversations.
        #[arg(long)]
        welcome: Option<String>,
    },
}

/// `admin outbox …`
#[derive(Subcommand)]
pub enum OutboxTask {
    /// List rows in one state.
    List {
        /// `queued`, `leased`, `sent`, `dropped` or `dead`.
        #[arg(long, default_value = "dead")]
        state: String,
    },
    /// Give a dead row another round of attempts.
    Requeue {
        /// The row's id.
        id: String,
    },
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
        Task::Keys(KeysTask::Rotate) => rotate(&config, out),
        Task::Practice(task) => practice(task, &app(config)?, out),
        Task::Link(task) => link(task, &app(config)?, out),
        Task::Outbox(task) => outbox_task(task, &app(config)?, out),
        Task::Number(NumberTask::Unlock { phone }) => unlock(&phone, &app(config)?, out),
    }
}

fn rotate(config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
    let keys = Keys::rotate(&config.keys_file, SystemClock.now(), &OsEntropy)
        .map_err(|e| Failure::Refused(format!("keys_file: {e}")))?;
    Ok(writeln!(
        out,
        "New keys: {}. Restart every server that shares this file within ten minutes.",
        keys.newest_kid()
    )?)
}

fn practice(task: PracticeTask, app: &App, out: &mut dyn Write) -> Result<(), Failure> {
    match task {
        PracticeTask::List => {
            for practice in app.write_blocking(|_, conn| practices::list(conn))? {
                writeln!(out, "{}  {}, {}", practice.id, practice.name, practice.city)?;
            }
            Ok(())
        }
        PracticeTask::Create { name, city, email, plan, language, time_zone } => {
            let new = NewPractice {
                name: one_line("--name", &name)?,
                city: one_line("--city", &city)?,
                plan,
                language: Language::from_tag(&language).unwrap_or_default(),
                time_zone: known_zone(time_zone)?,
                notice_email: email.as_deref().map(address).transpose()?,
            };
            create_practice(app, &new, out)
        }
    }
}

fn create_practice(app: &App, new: &NewPractice, out: &mut dyn Write) -> Result<(), Failure> {
    let (practice, link) = app.write_blocking(|ctx, conn| {
        let practice = practices::create(ctx, conn, new)?;
        let link = NewLink {
            practice_id: practice.id.clone(),
            label: practice.name.clone(),
            tags: Vec::new(),
            welcome: None,
            is_default: true,
        };
        let link = links::create(ctx, conn, &link)?.ok_or_else(no_code)?;
        Ok::<_, Failure>((practice, link))
    })?;
    Ok(writeln!(out, "{}  {}\n{}/{}", practice.id, practice.name, app.config.public_url, link.code)?)
}

fn link(task: LinkTask, app: &App, out: &mut dyn Write) -> Result<(), Failure> {
    let LinkTask::Create { practice, label, tags, welcome } = task;
    let new = NewLink {
        practice_id: practice,
        label: one_line("--label", &label)?,
        tags: tags.iter().map(|tag| one_line("--tag", tag)).collect::<Result<_, _>>()?,
        welcome,
        is_default: false,
    };
    let link = app.write_blocking(|ctx, conn| {
        if practices::find(conn, &new.practice_id)?.is_none() {
            return Err(Failure::Refused("--practice: there is no such practice".into()));
        }
        links::create(ctx, conn, &new)?.ok_or_else(no_code)
    })?;
    Ok(writeln!(out, "{}  {}\n{}/{}", link.id, link.label, app.config.public_url, link.code)?)
}

fn outbox_task(task: OutboxTask, app: &App, out: &mut dyn Write) -> Result<(), Failure> {
    match task {
        OutboxTask::List { state } => {
            for job in app.write_blocking(|_, conn| outbox::list(conn, &state))? {
                let error = job.last_error.as_deref().unwrap_or("-");
                writeln!(
                    out,
                    "{}  {}  attempts {}  {}  {error}",
                    job.id, job.topic, job.attempts, job.created_at
                )?;
            }
            Ok(())
        }
        OutboxTask::Requeue { id } => {
            match app.write_blocking(|ctx, conn| outbox::requeue(ctx, conn, &id))? {
                true => Ok(writeln!(out, "{id} is queued again.")?),
                false => Err(Failure::Refused(format!("{id}: there is no dead row of this id"))),
            }
        }
    }
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

fn known_zone(name: String) -> Result<String, Failure> {
    match jiff::tz::TimeZone::get(&name) {
        Ok(_) => Ok(name),
        Err(_) => Err(Failure::Refused(format!("--time-zone: {name} is no IANA time zone"))),
    }
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
