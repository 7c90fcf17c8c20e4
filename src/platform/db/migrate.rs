//! Migrates a database to the schema that this binary was built with.

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_query;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};

use super::{Conn, Error, Server};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// "PracLink": instances that start together migrate one after the other.
const LOCK: i64 = 0x5072_6163_4c69_6e6b;

/// The events of the log are never deleted, and nothing in them changes but the number and the place in a
/// chain, which are written once. No trigger has a text that both databases take, so they are made here and
/// not by a migration; running it again changes nothing.
const PG_APPEND_ONLY: &str = "DO $do$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'events_append_only'
        AND tgrelid = 'events'::regclass) THEN
        CREATE OR REPLACE FUNCTION events_append_only() RETURNS trigger LANGUAGE plpgsql AS $fn$ BEGIN
            IF TG_OP = 'UPDATE' AND OLD.seq IS NULL THEN
                OLD.seq := NEW.seq;
                OLD.chain_seq := NEW.chain_seq;
                OLD.chain_hash := NEW.chain_hash;
                IF OLD IS NOT DISTINCT FROM NEW THEN RETURN NEW; END IF;
            END IF;
            RAISE EXCEPTION 'events are append-only';
        END $fn$;
        CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events
            FOR EACH ROW EXECUTE FUNCTION events_append_only();
        DROP FUNCTION IF EXISTS audit_events_append_only();
    END IF;
END $do$";
const SQLITE_APPEND_ONLY: &str = "CREATE TRIGGER IF NOT EXISTS events_no_update BEFORE UPDATE ON events
        WHEN OLD.seq IS NOT NULL OR OLD.id <> NEW.id OR OLD.at <> NEW.at
            OR OLD.practice_id IS NOT NEW.practice_id OR OLD.account_id IS NOT NEW.account_id
            OR OLD.actor <> NEW.actor OR OLD.kind <> NEW.kind OR OLD.subject <> NEW.subject
            OR OLD.detail <> NEW.detail OR OLD.conversation_id IS NOT NEW.conversation_id
            OR OLD.place <> NEW.place OR OLD.chain IS NOT NEW.chain
        BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
    CREATE TRIGGER IF NOT EXISTS events_no_delete BEFORE DELETE ON events
        BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;";

/// Runs the pending migrations; safe to call from several instances at once.
pub(super) fn run(conn: &mut Server) -> Result<(), Error> {
    let outcome = match conn {
        Server::Pg(c) => {
            sql_query("SET statement_timeout = 0; ").execute(c)?;
            sql_query("SET lock_timeout = 0").execute(c)?;
            sql_query(format!("SELECT pg_advisory_lock({LOCK})")).execute(c)?;
            let outcome = c.run_pending_migrations(MIGRATIONS).map(drop);
            let outcome = outcome.and_then(|()| Ok(c.batch_execute(PG_APPEND_ONLY)?));
            sql_query(format!("SELECT pg_advisory_unlock({LOCK})")).execute(c)?;
            sql_query("RESET statement_timeout").execute(c)?;
            sql_query("RESET lock_timeout").execute(c)?;
            outcome
        }
        Server::Sqlite(c) => {
            // A migration can sort a whole table: not in memory.
            c.batch_execute("PRAGMA temp_store = FILE")?;
            let outcome = c.run_pending_migrations(MIGRATIONS).map(drop);
            outcome.and_then(|()| Ok(c.batch_execute(SQLITE_APPEND_ONLY)?))
        }
    };
    outcome.map_err(|e| Error::Migration(e.to_string()))
}

/// Whether no migration is pending, for `/readyz`.
pub(super) fn is_current(conn: &mut Conn) -> Result<bool, Error> {
    let pending = match &mut conn.server {
        Server::Pg(c) => c.has_pending_migration(MIGRATIONS),
        Server::Sqlite(c) => c.has_pending_migration(MIGRATIONS),
    };
    pending.map(|pending| !pending).map_err(|e| Error::Migration(e.to_string()))
}
