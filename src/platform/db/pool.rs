//! Connection setup. The scheme of the URL selects the database, in our own code: the `establish` that the
//! derive makes swallows errors, and would turn a typo into an empty SQLite file.

use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;

use super::Conn;
use crate::platform::settings::BadSetting;

/// The database that `database.url` selects.
#[derive(Clone)]
pub enum Target {
    /// libpq's own URL, with a time limit on connecting.
    Postgres(String),
    Sqlite(PathBuf),
}

impl Target {
    /// Parses `sqlite:PATH` or `postgres://…`; anything else is an error.
    pub fn parse(url: &str) -> Result<Self, BadSetting> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return match path {
                "" => Err(BadSetting::new("database.url", "needs a file name after `sqlite:`")),
                ":memory:" => {
                    Err(BadSetting::new("database.url", "a database in memory would lose sign-ups"))
                }
                path => Ok(Self::Sqlite(PathBuf::from(path))),
            };
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(with_connect_timeout(url)));
        }
        Err(BadSetting::new("database.url", "must start with `sqlite:` or `postgres://`"))
    }

    /// The file of a SQLite database, otherwise `None`.
    pub fn sqlite_file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the only place that opens a connection")]
    pub(super) fn connect(&self) -> Result<Conn, ConnectError> {
        match self {
            Self::Postgres(url) => {
                let mut c = PgConnection::establish(url)?;
                c.batch_execute(PG_SESSION)?;
                Ok(Conn::Pg(c))
            }
            Self::Sqlite(path) => {
                let mut c = SqliteConnection::establish(&path.to_string_lossy())?;
                c.batch_execute(SQLITE_SESSION)?;
                Ok(Conn::Sqlite(c))
            }
        }
    }
}

/// No statement may outlive the longest wait for its result (`db::RENEWALS`), and a transaction whose
/// process was cut off must not hold its locks.
const PG_SESSION: &str = "SET statement_timeout = '9s'; SET lock_timeout = '9s';
    SET idle_in_transaction_session_timeout = '10s'; SET client_min_messages = 'warning';";

/// `synchronous = FULL`: a 201 that was sent survives a power cut. The busy timeout is for other processes
/// (`admin` commands); inside this one writers queue before the file.
const SQLITE_SESSION: &str =
    "PRAGMA busy_timeout = 2000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;";

fn with_connect_timeout(url: &str) -> String {
    if url.contains("connect_timeout=") {
        return url.to_owned();
    }
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}connect_timeout=2&tcp_user_timeout=2500")
}

/// Why a connection could not be opened. Both libraries name host and user, never the password.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The server or file could not be opened.
    #[error(transparent)]
    Connect(#[from] diesel::ConnectionError),
    /// It could be opened, but setting up the session failed.
    #[error(transparent)]
    Setup(#[from] diesel::result::Error),
}

/// A connection in the pool, and whether it may be reused.
pub(super) struct Slot {
    pub(super) conn: Conn,
    /// Set where a statement showed that the server is gone: r2d2 then drops it instead of reusing it.
    pub(super) spent: bool,
}

pub(super) struct Manager(pub(super) Target);

impl r2d2::ManageConnection for Manager {
    type Connection = Slot;
    type Error = ConnectError;

    fn connect(&self) -> Result<Slot, ConnectError> {
        Ok(Slot { conn: self.0.connect()?, spent: false })
    }

    fn is_valid(&self, slot: &mut Slot) -> Result<(), ConnectError> {
        Ok(slot.conn.batch_execute("SELECT 1")?)
    }

    fn has_broken(&self, slot: &mut Slot) -> bool {
        slot.spent || slot.conn.is_spent()
    }
}
