//! A database a test: migrated once a process, copied for each.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use practice_links::platform::db::Db;
use practice_links::platform::settings::Database;

use super::folder::Folder;
use super::postgres;

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// A test's own database and folder, until it is dropped.
pub struct Lent {
    /// What `database.url` shall be.
    pub url: String,
    _database: Option<postgres::Copy>,
    /// For the keys, and SQLite's file.
    pub folder: Folder,
}

/// Whether `backend` is to be had on this machine.
pub fn is_available(backend: Backend) -> bool {
    backend == Backend::Sqlite || postgres::is_available()
}

/// A fresh, migrated database.
pub fn lend(backend: Backend) -> Lent {
    let folder = Folder::new();
    match backend {
        Backend::Sqlite => {
            let file = folder.path().join("practice-links.db");
            fs::write(&file, sqlite_template()).unwrap();
            Lent { url: format!("sqlite:{}", file.display()), _database: None, folder }
        }
        Backend::Postgres => {
            let copy = postgres::copy();
            Lent { url: copy.url.clone(), _database: Some(copy), folder }
        }
    }
}

/// Brings the database at `url` to the binary's schema.
pub fn migrate(url: &str) {
    Db::new(&Database { url: url.to_owned(), pool_size: 1 }).unwrap().migrate().unwrap();
}

fn sqlite_template() -> &'static [u8] {
    static TEMPLATE: OnceLock<Vec<u8>> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let folder = Folder::new();
        let (migrated, whole) = (folder.path().join("migrated.db"), folder.path().join("whole.db"));
        migrate(&format!("sqlite:{}", migrated.display()));
        in_one_file(&migrated, &whole);
        fs::read(whole).unwrap()
    })
}

/// What the migration wrote may still stand in the write-ahead log, beside the file.
#[expect(clippy::disallowed_methods, reason = "the pool opens transactions, and VACUUM runs outside of one")]
fn in_one_file(from: &Path, to: &Path) {
    let mut conn = SqliteConnection::establish(&from.to_string_lossy()).unwrap();
    tx.conn.batch_execute(&format!("VACUUM INTO '{}'", to.display())).unwrap();
}
