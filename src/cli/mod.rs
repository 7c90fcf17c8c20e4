//! The command line.

mod admin;
mod demo;
mod serve;
mod settings;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Parser, Subcommand};

use crate::app::{self, Settings};
use crate::kit::Entropy as _;
use crate::kit::clock::SystemClock;
use crate::kit::entropy::OsEntropy;
use crate::platform::db::{self, Db};
use crate::platform::settings::BadSetting;
use crate::web::openapi;
use crate::web::state::State;

/// Connects patients with a practice: from the practice's link to a secure conversation.
#[derive(Parser)]
#[command(name = "practice-links", version)]
pub struct Cli {
    /// The settings file (TOML). Default: `practice-links.toml` in the working directory, if it exists.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service. This is the default.
    Serve,
    /// Bring the database schema up to date.
    Migrate,
    /// Print the OpenAPI document of the API.
    Openapi,
    /// Print all settings, as a page or as a file to start from.
    Settings {
        /// `markdown` for `docs/settings.md`, `toml` for an example of `practice-links.toml`.
        format: settings::Format,
    },
    /// Manage practices, links, staff and messages.
    Admin {
        #[command(subcommand)]
        task: admin::Task,
    },
}

/// Why a command failed, as one line.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Setting(#[from] BadSetting),
    #[error("database.url: {0}")]
    Db(#[from] db::Error),
    /// An error of the operating system.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The arguments of the command are invalid.
    #[error("{0}")]
    Refused(String),
}

/// Runs the command; its output goes to `out`.
pub fn run(cli: Cli, out: &mut dyn std::io::Write) -> Result<(), Failure> {
    let command = cli.command.unwrap_or(Command::Serve);
    let load = || Settings::load(cli.config.as_deref());
    match command {
        Command::Serve => serve::run(load()?, out),
        Command::Migrate => migrate(&load()?, out),
        Command::Admin { task } => admin::run(task, load()?, out),
        Command::Openapi => Ok(write!(out, "{}", openapi::json())?),
        Command::Settings { format } => Ok(write!(out, "{}", settings::render(format))?),
    }
}

fn migrate(settings: &Settings, out: &mut dyn std::io::Write) -> Result<(), Failure> {
    prepare_folder(settings)?;
    Db::new(&settings.platform.database)?.migrate()?;
    Ok(writeln!(out, "The database is up to date.")?)
}

/// Opens what the settings name, with the system's clock and randomness, and brings the schema up to date.
fn open(settings: Settings) -> Result<State, Failure> {
    prepare_folder(&settings)?;
    let entropy = OsEntropy;
    entropy.fill(&mut [0]);
    let state = app::build(settings, Arc::new(SystemClock), Arc::new(entropy))?;
    state.service.db.migrate()?;
    Ok(state)
}

/// SQLite does not create the folder. It is private to this user, because it holds patient data.
fn prepare_folder(settings: &Settings) -> Result<(), Failure> {
    let settings = &settings.platform;
    let target = db::Target::parse(&settings.database.url)?;
    if let Some(folder) =
        target.sqlite_file().and_then(|file| file.parent()).filter(|f| !f.as_os_str().is_empty())
    {
        let setting = if folder == settings.data_dir { "data_dir" } else { "database.url" };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|e| BadSetting::new(setting, format!("{}: {e}", folder.display())))?;
    }
    Ok(())
}
