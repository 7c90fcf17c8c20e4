//! Brings a database to the schema that this binary was built with.

use diesel::prelude::*;
use diesel::sql_query;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};

use super::{Conn, Error};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// "PracLink": instances that start together migrate one after the other.
const LOCK: i64 = 0x5072_6163_4c69_6e6b;

/// Runs what is pending; safe to call from several instances at once.
pub fn run(conn: &mut Conn) -> Result<(), Error> {
    let outcome = match conn {
        Conn::Pg(c) => {
            sql_query("SET statement_timeout = 0; ").execute(c)?;
            sql_query("SET lock_timeout = 0").execute(c)?;
            sql_query(format!("SELECT pg_advisory_lock({LOCK})")).execute(c)?;
            let outcome = c.run_pending_migrations(MIGRATIONS).map(drop);
            sql_query(format!("SELECT pg_advisory_unlock({LOCK})")).execute(c)?;
            sql_query("RESET statement_timeout").execute(c)?;
            sql_query("RESET lock_timeout").execute(c)?;
            outcome
        }
        Conn::Sqlite(c) => c.run_pending_migrations(MIGRATIONS).map(drop),
    };
    outcome.map_err(|e| Error::Migration(e.to_string()))
}

/// Whether nothing is pending: what `/readyz` wants to know.
pub fn is_current(conn: &mut Conn) -> Result<bool, Error> {
    let pending = match conn {
        Conn::Pg(c) => c.has_pending_migration(MIGRATIONS),
        Conn::Sqlite(c) => c.has_pending_migration(MIGRATIONS),
    };
    pending.map(|pending| !pending).map_err(|e| Error::Migration(e.to_string()))
}
