//! One database per test: migrated once per process, then copied for each test.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use practice_links::config::Database;
use practice_links::db::Db;

use super::folder::Folder;
use super::postgres;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// The database and the folder of one test, until it is dropped.
pub struct TestDatabase {
    /// The value for `database.url`.
    pub url: String,
    _database: Option<postgres::Copy>,
    /// Holds the keys, and SQLite's file.
    pub folder: Folder,
}

/// Returns whether this machine has `backend`.
pub fn is_available(backend: Backend) -> bool {
    backend == Backend::Sqlite || postgres::is_available()
}

/// Returns an empty, migrated database.
pub fn create(backend: Backend) -> TestDatabase {
    let folder = Folder::new();
    match backend {
        Backend::Sqlite => {
            let file = folder.path().join("practice-links.db");
            fs::write(&file, sqlite_template()).unwrap();
            TestDatabase { url: format!("sqlite:{}", file.display()), _database: None, folder }
        }
        Backend::Postgres => {
            let copy = postgres::copy();
            TestDatabase { url: copy.url.clone(), _database: Some(copy), folder }
        }
    }
}

/// Migrates the database at `url` to the binary's schema.
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

/// Copies a database into one file: parts of the migration may still be in the write-ahead log beside it.
#[expect(clippy::disallowed_methods, reason = "the pool opens transactions, and VACUUM runs outside of one")]
fn in_one_file(from: &Path, to: &Path) {
    let mut conn = SqliteConnection::establish(&from.to_string_lossy()).unwrap();
    conn.batch_execute(&format!("VACUUM INTO '{}'", to.display())).unwrap();
}
