//! Fills a database as a service of some years has it, for the other benchmarks.
//!
//! `cargo bench --bench fill -- --database URL [--accounts 1000000] [--practices 200] [--events 5000000]
//! [--binary FILE]`. The URL names an empty database, `sqlite:FILE` or `postgres://…`; the schema is made by
//! the service's own `migrate`. Rows are made by the database itself, 50,000 per statement, and foreign keys
//! are not checked meanwhile, where the user may switch that off.
//!
//! Each account has one patient, one pairing and one conversation with two entries. Practice 0 has a tenth of
//! them, and the link 123456 that `sign_ups` and `landing` use; the others have equal parts. Times are spread
//! evenly over two years until now.
//!
//! A practice's chain of events has numbers but no hashes that could be verified: those would take longer than
//! everything else, and no benchmark reads them.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods
)]

mod support;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Instant, SystemTime};

use diesel::connection::SimpleConnection as _;
use diesel::prelude::{Connection as _, PgConnection, SqliteConnection};
use support::{Folder, option};

/// Rows per statement.
const PIECE: u64 = 50_000;
const TWO_YEARS: u64 = 2 * 365 * 24 * 3600 * 1000;

/// Practices, their links and people.
const PRACTICES: [&str; 3] = [
    "INSERT INTO practices (id, name, city, plan, state, language, time_zone, created_at)
        SELECT {practice}, CASE WHEN n % 3 = 0 THEN 'Oak Street Family Medicine ' WHEN n % 3 = 1 THEN 'Elm Dental '
                ELSE 'Lakeside Pediatrics ' END || n,
            'Springfield', 'communicator', 'active', CASE WHEN n % 5 = 4 THEN 'es' ELSE 'en' END, 'America/Chicago',
            {at} FROM numbers",
    "INSERT INTO practice_links (id, practice_id, code, label, tags, welcome, state, is_default, created_at, owner,
            discreet)
        SELECT {link}, {practice}, CASE WHEN n = 0 THEN '123456' ELSE CAST(200000 + n AS TEXT) END, 'Flyer',
            '[\"flyer\"]', 'Welcome. How can we help?', 'active', TRUE, {at}, 'practice', FALSE FROM numbers",
    "INSERT INTO staff (id, practice_id, email, name, role, state, created_at)
        SELECT {staff}, {practice}, 'front' || n || '@practice.example', 'Alex Front', 'admin', 'active', {at}
        FROM numbers",
];

/// What a sign-up leaves.
const ACCOUNTS: [&str; 10] = [
    "INSERT INTO accounts (id, phone, created_at) SELECT {account}, '+1' || (2012000000 + n), {at} FROM numbers",
    "INSERT INTO account_sessions (id, account_id, scope, created_at)
        SELECT {session}, {account}, 'full', {at} FROM numbers",
    "INSERT INTO refresh_tokens (hash, session_id, created_at, expires_at)
        SELECT 'fill_' || {hash}, {session}, {at}, {now} + 7776000000 FROM numbers",
    "INSERT INTO patients (id, account_id, session_id, given_name, family_name, birth_date, created_at)
        SELECT {patient}, {account}, {session}, 'Given' || (n % 997), 'Family' || (n % 9973),
            CAST(1940 + n % 80 AS TEXT) || '-0' || (1 + n % 9) || '-1' || (n % 10), {at} FROM numbers",
    "INSERT INTO pairings (id, account_id, patient_id, practice_id, link_id, session_id, method, created_at, owner)
        SELECT {pairing}, {account}, {patient}, {practice}, {link}, {session}, 'typed', {at}, 'practice'
        FROM numbers",
    "INSERT INTO pairing_links (pairing_id, link_id, created_at) SELECT {pairing}, {link}, {at} FROM numbers",
    "INSERT INTO conversations (id, pairing_id, practice_id, status, entry_count, created_at, owner, assignee_id,
            link_id, endpoint_id, identity, last_entry_at, unread)
        SELECT {conversation}, {pairing}, {practice}, 'open', 2, {at}, 'practice',
            CASE WHEN n % 7 = 0 THEN {staff} END, {link}, {link},
            CASE WHEN n % 4 = 0 THEN 'unverified' ELSE 'confirmed' END, {at} + 60000, n % 50 = 1 FROM numbers",
    "INSERT INTO conversation_tags (conversation_id, tag) SELECT {conversation}, 'flyer' FROM numbers",
    "INSERT INTO entries (id, conversation_id, position, kind, author, body, created_at)
        SELECT 'ent_' || {even}, {conversation}, 1, 'welcome', 'practice',
            'Welcome. How can we help?', {at} FROM numbers
        UNION ALL SELECT 'ent_' || {odd}, {conversation}, 2, 'message', 'patient',
            'Hello, I would like to book a visit in the next two weeks, in the morning if possible.', {at} + 60000
        FROM numbers",
    "INSERT INTO identity_grades (conversation_id, grade, candidates, graded_at)
        SELECT {conversation}, 'none', 0, {at} FROM numbers",
];

/// Events, each in the chain of its practice.
const EVENTS: [&str; 1] = ["INSERT INTO events (id, seq, at, practice_id, actor, kind, subject, detail, place, chain,
            chain_seq, chain_hash)
        SELECT 'evt_' || {id}, n + 1, {at}, {practice}, {staff},
            CASE WHEN n % 5 = 0 THEN 'pairing.created' ELSE 'conversation.read' END, 'cnv_' || {time}, '{}', 0,
            {practice}, n / {practices} + 1, {hash} || {hash} FROM numbers"];
/// After them the head of each chain, and how far the log is numbered. A reaction without a cursor begins there.
const EVENT_HEADS: &str = "INSERT INTO event_chains (chain, seq, hash)
        SELECT chain, MAX(chain_seq), MAX(chain_hash) FROM events GROUP BY chain;
    INSERT INTO reaction_cursors (name, seq) SELECT 'sequence', MAX(seq) FROM events";

enum Conn {
    Sqlite(Box<SqliteConnection>),
    Postgres(PgConnection),
}

impl Conn {
    fn open(url: &str) -> Self {
        if let Some(file) = url.strip_prefix("sqlite:") {
            let mut conn = SqliteConnection::establish(file).unwrap();
            conn.batch_execute(
                "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000",
            )
            .unwrap();
            return Self::Sqlite(Box::new(conn));
        }
        let mut conn = PgConnection::establish(url).unwrap();
        // Only a superuser may; for another user it takes longer.
        let _ = conn.batch_execute("SET session_replication_role = replica");
        Self::Postgres(conn)
    }

    fn execute(&mut self, sql: &str) {
        let result = match self {
            Self::Sqlite(conn) => conn.batch_execute(sql),
            Self::Postgres(conn) => conn.batch_execute(sql),
        };
        result.unwrap_or_else(|error| panic!("{error}\n{sql}"));
    }

    /// Twelve hexadecimal digits.
    fn hex(&self, number: &str) -> String {
        match self {
            Self::Sqlite(_) => format!("printf('%012x', {number})"),
            Self::Postgres(_) => format!("lpad(to_hex(({number})::bigint), 12, '0')"),
        }
    }

    /// Statistics for PostgreSQL's planner, as it would have. A running service makes none for SQLite either.
    fn finish(&mut self) {
        match self {
            Self::Sqlite(_) => self.execute("PRAGMA wal_checkpoint(TRUNCATE)"),
            Self::Postgres(_) => ["VACUUM ANALYZE", "CHECKPOINT"].iter().for_each(|sql| self.execute(sql)),
        }
    }
}

/// How many rows there are of what, and when the last one was made.
struct Fill {
    practices: u64,
    now: u64,
}

impl Fill {
    /// Runs statements over the numbers up to `count`, piece by piece.
    fn run(&self, conn: &mut Conn, name: &str, count: u64, practice: &str, statements: &[&str]) {
        let began = Instant::now();
        for first in (0..count).step_by(usize::try_from(PIECE).unwrap()) {
            let last = (first + PIECE).min(count) - 1;
            let numbers = format!(
                "WITH RECURSIVE numbers(n) AS (SELECT CAST({first} AS BIGINT) UNION ALL \
                 SELECT n + 1 FROM numbers WHERE n < {last}) SELECT"
            );
            let over_numbers = |statement: &&str| {
                let (insert, select) = statement.split_once("SELECT").unwrap();
                format!("{insert}{numbers}{select};")
            };
            let sql: Vec<String> = statements.iter().map(over_numbers).collect();
            let sql = format!("BEGIN; {} COMMIT", sql.concat());
            conn.execute(&self.complete(conn, count, practice, &sql));
        }
        println!("{name}: {count} in {:.0} s", began.elapsed().as_secs_f64());
    }

    /// Replaces the words in braces. Ids are UUIDs of version 7, as the service makes them: time first, so that
    /// rows lie in the order in which they were made.
    fn complete(&self, conn: &Conn, count: u64, practice: &str, sql: &str) -> String {
        let at = format!("({} - ({count} - n) * {})", self.now, TWO_YEARS / count.max(1));
        let time = conn.hex(&at);
        let id = |number: &str| format!("{time} || '70008000' || {}", conn.hex(number));
        // As good as random: a token's hash has no order.
        let hash = [("2654435761", "281474976710597"), ("40503", "16777213")]
            .map(|(factor, modulus)| conn.hex(&format!("n * {factor} % {modulus}")));
        let mut sql = sql.to_owned();
        let mut replace = |word: &str, text: &str| sql = sql.replace(&format!("{{{word}}}"), text);
        for (word, prefix) in [("practice", "prc"), ("link", "lnk"), ("staff", "stf")] {
            replace(word, &format!("'{prefix}_fill' || ({practice})"));
        }
        let of_account = [("account", "acc"), ("session", "ses"), ("patient", "pat"), ("pairing", "pai")];
        for (word, prefix) in of_account.into_iter().chain([("conversation", "cnv")]) {
            replace(word, &format!("'{prefix}_' || {}", id("n")));
        }
        replace("id", &id("n"));
        replace("even", &id("2 * n"));
        replace("odd", &id("2 * n + 1"));
        replace("hash", &hash.join(" || "));
        replace("time", &time);
        replace("at", &at);
        replace("practices", &self.practices.to_string());
        replace("now", &self.now.to_string());
        sql
    }
}

/// Makes the schema by the service itself.
fn migrate(url: &str) {
    let folder = Folder::new("bench-fill");
    let binary =
        option("binary").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_practice-links")), Into::into);
    let mut command = Command::new(binary);
    command.arg("migrate").current_dir(folder.path()).env("PRACTICE_LINKS_DATABASE__URL", url);
    command.env("PRACTICE_LINKS_DATA_DIR", folder.path().join("data"));
    assert!(command.status().unwrap().success(), "the schema cannot be made");
}

fn main() {
    let Some(url) = option("database") else {
        return println!("name an empty database: --database sqlite:FILE or --database postgres://…");
    };
    let number = |name: &str, default: u64| option(name).map_or(default, |number| number.parse().unwrap());
    let accounts = number("accounts", 1_000_000);
    let events = number("events", 5_000_000);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    let fill = Fill { practices: number("practices", 200), now: u64::try_from(now).unwrap() };
    migrate(&url);
    let mut conn = Conn::open(&url);
    let spread = format!("CASE WHEN n % 10 = 0 THEN 0 ELSE n % {} END", fill.practices);
    fill.run(&mut conn, "practices", fill.practices, "n", &PRACTICES);
    fill.run(&mut conn, "accounts", accounts, &spread, &ACCOUNTS);
    fill.run(&mut conn, "events", events, &format!("n % {}", fill.practices), &EVENTS);
    conn.execute(EVENT_HEADS);
    conn.finish();
}
