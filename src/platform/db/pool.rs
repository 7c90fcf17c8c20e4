//! Connection setup. The scheme of the URL selects the database, in our own code: the `establish` that the
//! derive makes swallows errors, and would turn a typo into an empty SQLite file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;

use super::meter::{Instrument, Meter};
use super::places::{Places, Pulse};
use super::{Conn, Server};
use crate::platform::settings::BadSetting;

/// The database that `database.url` selects.
#[derive(Clone)]
pub enum Target {
    /// libpq's own URL, with time limits on connecting and on silence.
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
            return Ok(Self::Postgres(with_network_limits(url)));
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
    pub(super) fn connect(&self) -> Result<Server, ConnectError> {
        match self {
            Self::Postgres(url) => {
                let mut c = PgConnection::establish(url)?;
                c.batch_execute(PG_SESSION)?;
                Ok(Server::Pg(c))
            }
            Self::Sqlite(path) => {
                let mut c = SqliteConnection::establish(&path.to_string_lossy())?;
                c.batch_execute(SQLITE_SESSION)?;
                Ok(Server::Sqlite(c))
            }
        }
    }
}

/// No statement may outlive the longest wait for its result (`db::RENEWALS`), and a transaction whose
/// process was cut off must not hold its locks.
const PG_SESSION: &str = "SET statement_timeout = '9s'; SET lock_timeout = '9s';
    SET idle_in_transaction_session_timeout = '10s'; SET client_min_messages = 'warning';";

/// `synchronous = FULL`: a 201 that was sent survives a power cut. The busy timeout is for other processes
/// (`admin` commands); inside this one writers queue before the file. `temp_store`: what a savepoint needs
/// for its rollback would be written to a file that is deleted again. A checkpoint after 16 MB instead of 4
/// writes pages that change all the time less often.
const SQLITE_SESSION: &str =
    "PRAGMA busy_timeout = 2000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;
    PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 4000;";

/// What ends a connection whose server is gone. libpq waits without a limit for the answer to a statement,
/// and nothing in this process can interrupt it: these are the end of every such wait. `tcp_user_timeout`, in
/// milliseconds, is for data that is not acknowledged, the keepalives for a server that acknowledged the
/// statement and then died; without them the system waits two hours. Such a death is noticed after nine
/// seconds.
const NETWORK_LIMITS: [(&str, &str); 5] = [
    ("connect_timeout", "2"),
    ("tcp_user_timeout", "2500"),
    ("keepalives_idle", "5"),
    ("keepalives_interval", "2"),
    ("keepalives_count", "2"),
];

/// Adds each limit that the URL does not set itself. One that it sets says nothing about the others.
fn with_network_limits(url: &str) -> String {
    let query = url.split_once('?').map(|(_, query)| query);
    let is_set = |name: &str| {
        query.is_some_and(|query| query.split('&').any(|pair| pair.split('=').next() == Some(name)))
    };
    let mut whole = url.to_owned();
    let mut joint = match query {
        None => "?",
        Some("") => "",
        Some(_) => "&",
    };
    for (name, value) in NETWORK_LIMITS.iter().filter(|(name, _)| !is_set(name)) {
        whole.extend([joint, name, "=", value]);
        joint = "&";
    }
    whole
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
    pub(super) pulse: Arc<Pulse>,
}

/// The most statements that a connection keeps prepared; some kilobytes each. The service has about four
/// hundred, and lists of any length add to them.
pub(super) const MOST_TEXTS: u64 = 1_000;

#[derive(Clone)]
pub(super) struct Manager {
    pub(super) target: Target,
    pub(super) places: Arc<Places>,
    pub(super) meter: Arc<Meter>,
}

impl r2d2::ManageConnection for Manager {
    type Connection = Slot;
    type Error = ConnectError;

    fn connect(&self) -> Result<Slot, ConnectError> {
        let mut conn = Conn::new(self.target.connect()?);
        let pulse = self.places.register();
        conn.set_instrumentation(Instrument { meter: Arc::clone(&self.meter), pulse: Arc::clone(&pulse) });
        Ok(Slot { conn, spent: false, pulse })
    }

    fn is_valid(&self, slot: &mut Slot) -> Result<(), ConnectError> {
        Ok(slot.conn.batch_execute("SELECT 1")?)
    }

    fn has_broken(&self, slot: &mut Slot) -> bool {
        slot.spent || slot.pulse.texts() > MOST_TEXTS || slot.conn.is_spent()
    }
}

#[cfg(test)]
mod tests {
    use super::{NETWORK_LIMITS, with_network_limits};

    #[test]
    fn every_limit_is_added_by_itself() {
        let all = "connect_timeout=2&tcp_user_timeout=2500\
            &keepalives_idle=5&keepalives_interval=2&keepalives_count=2";
        for (url, joint) in [
            ("postgres://h", "?"),
            ("postgres://u:p@h:5432/db", "?"),
            ("postgres://u@h/db?", ""),
            ("postgres://u@h/db?sslmode=require", "&"),
            ("postgres://u@h/db?x", "&"),
            ("postgresql:///db?host=/run/postgresql&user=connect_timeout", "&"),
        ] {
            assert_eq!(with_network_limits(url), format!("{url}{joint}{all}"));
        }
    }

    #[test]
    fn limit_of_the_url_stays_and_the_others_are_added() {
        for (name, _) in NETWORK_LIMITS {
            let url = format!("postgres://u@h/db?sslmode=require&{name}=77");
            let whole = with_network_limits(&url);
            assert!(whole.starts_with(&url), "{whole}");
            for (other, _) in NETWORK_LIMITS {
                assert_eq!(whole.matches(&format!("{other}=")).count(), 1, "{other} in {whole}");
            }
        }
        let whole = "postgres://h/db?connect_timeout=1&tcp_user_timeout=1&keepalives_idle=1\
            &keepalives_interval=1&keepalives_count=1";
        assert_eq!(with_network_limits(whole), whole);
    }
}
