//! Pages of the inbox over many conversations, on PostgreSQL.
//!
//! `BENCH_DATABASE_URL=postgres://… cargo bench --bench inbox -- [conversations]` fills the database, which
//! must be empty, with one practice of 100,000 conversations beside nine small ones, then reads pages of 50
//! with each filter, as an admin and as a member, by the same function that the API calls. It prints p50
//! and p95 in milliseconds and the EXPLAIN output of the page's statement. The target is 150 ms at p95.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::cast_precision_loss,
    clippy::disallowed_methods
)]

use std::time::Instant;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;
use practice_links::domain::conversations::IdentityState;
use practice_links::domain::inbox::{AssigneeFilter, Cursor, Filter, Reader, store};
use practice_links::domain::links::{AccessScope, Owner};
use practice_links::platform::db::{self, Db};
use practice_links::platform::settings::Database;

const PAGE: usize = 50;
const ROUNDS: usize = 40;
const PRACTICE: &str = "prc_bench_0";

/// Practice 0 has all but a thousandth of them. Every tenth is assigned, every fiftieth unread, every
/// hundredth confirmed; link 7 has a hundredth, tag `rare` a five-hundredth and `demo` all of them.
const FILL: &str = "
INSERT INTO practices (id, name, city, plan, state, language, time_zone, created_at)
    SELECT 'prc_bench_' || n, 'Bench ' || n, 'Springfield', 'communicator', 'active', 'en', 'America/Chicago', 0
    FROM generate_series(0, 9) n;
INSERT INTO practice_links (id, practice_id, code, label, tags, state, is_default, created_at, owner, discreet)
    SELECT 'lnk_bench_' || n, 'prc_bench_0', (900000 + n)::text, 'Link ' || n, '[]', 'active', n = 0, 0, 'practice', FALSE
    FROM generate_series(0, 99) n;
INSERT INTO staff (id, practice_id, email, name, role, state, created_at)
    SELECT 'stf_bench_' || n, 'prc_bench_0', n || '@bench.example', 'Person ' || n, 'member', 'active', 0
    FROM generate_series(0, 9) n;
INSERT INTO accounts (id, phone, created_at)
    SELECT 'acc_' || n, '+1' || (2000000000 + n), n FROM generate_series(1, COUNT) n;
INSERT INTO account_sessions (id, account_id, scope, created_at)
    SELECT 'ses_' || n, 'acc_' || n, 'full', n FROM generate_series(1, COUNT) n;
INSERT INTO patients (id, account_id, session_id, given_name, family_name, created_at)
    SELECT 'pat_' || n, 'acc_' || n, 'ses_' || n, 'Given' || n, 'Family' || n, n FROM generate_series(1, COUNT) n;
INSERT INTO pairings (id, account_id, patient_id, practice_id, link_id, session_id, method, created_at, owner)
    SELECT 'pai_' || n, 'acc_' || n, 'pat_' || n, 'prc_bench_' || CASE WHEN n % 1000 = 0 THEN 1 ELSE 0 END,
        'lnk_bench_' || n % 100, 'ses_' || n, 'typed', n, 'practice' FROM generate_series(1, COUNT) n;
INSERT INTO conversations (id, pairing_id, practice_id, status, entry_count, created_at, owner, assignee_id, link_id,
        endpoint_id, identity, last_entry_at, unread)
    SELECT 'cnv_' || n, 'pai_' || n, 'prc_bench_' || CASE WHEN n % 1000 = 0 THEN 1 ELSE 0 END, 'open', 2, n,
        CASE WHEN n % 500 = 3 THEN 'stf_bench_1' WHEN n % 2 = 0 THEN 'practice' ELSE 'tem_bench_0' END,
        CASE WHEN n % 10 = 0 THEN 'stf_bench_' || n / 10 % 10 END, 'lnk_bench_' || n % 100, 'lnk_bench_' || n % 100,
        CASE WHEN n % 100 = 5 THEN 'confirmed' ELSE 'unverified' END, (n * 7919) % 100003, n % 50 = 1
    FROM generate_series(1, COUNT) n;
INSERT INTO conversation_tags (conversation_id, tag)
    SELECT 'cnv_' || n, 'demo' FROM generate_series(1, COUNT) n
    UNION ALL SELECT 'cnv_' || n, 'rare' FROM generate_series(1, COUNT) n WHERE n % 500 = 9;
INSERT INTO entries (id, conversation_id, position, kind, author, body, created_at)
    SELECT 'ent_' || n || '_' || p, 'cnv_' || n, p, 'message', 'patient', 'Hello, I would like to book a visit.', n
    FROM generate_series(1, COUNT) n, generate_series(1, 2) p;
ANALYZE;";

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    text: String,
}

fn filters() -> Vec<(&'static str, Filter, &'static str)> {
    let text = |word: &str| Some(word.to_owned());
    let tagged = |tag: &str| {
        format!("AND id IN (SELECT conversation_id FROM conversation_tags WHERE tag = '{tag}')").leak()
            as &str
    };
    vec![
        ("none", Filter::default(), ""),
        (
            "link",
            Filter { link: Some("lnk_bench_7".into()), ..Filter::default() },
            "AND link_id = 'lnk_bench_7'",
        ),
        ("tag, common", Filter { tag: text("demo"), ..Filter::default() }, tagged("demo")),
        ("tag, rare", Filter { tag: text("rare"), ..Filter::default() }, tagged("rare")),
        (
            "identity",
            Filter { identity: Some(IdentityState::Confirmed), ..Filter::default() },
            "AND identity = 'confirmed'",
        ),
        (
            "assignee",
            Filter { assignee: Some(AssigneeFilter::Staff("stf_bench_3".into())), ..Filter::default() },
            "AND assignee_id = 'stf_bench_3'",
        ),
        (
            "unassigned",
            Filter { assignee: Some(AssigneeFilter::Unassigned), ..Filter::default() },
            "AND assignee_id IS NULL",
        ),
        ("unread", Filter { unread: Some(true), ..Filter::default() }, "AND unread"),
    ]
}

/// Reads page after page, again from the first after the last; returns each page's milliseconds, sorted.
fn walk(db: &Db, reader: &Reader, filter: &Filter) -> Vec<f64> {
    let (mut after, mut took): (Option<Cursor>, Vec<f64>) = (None, Vec::new());
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let cards =
            db.read_blocking::<_, db::Error>(|conn| store::list(conn, reader, filter, after.as_ref(), 51));
        took.push(began.elapsed().as_secs_f64() * 1000.0);
        let cards = cards.unwrap();
        after = (cards.len() > PAGE).then(|| cards[PAGE - 1].cursor());
    }
    took.sort_by(f64::total_cmp);
    took
}

/// The scans in the plan of the page's statement.
fn plan(conn: &mut PgConnection, condition: &str) -> String {
    let query = format!(
        "EXPLAIN SELECT * FROM conversations WHERE practice_id = '{PRACTICE}' {condition} \
         ORDER BY last_entry_at DESC, id DESC LIMIT 51"
    );
    let lines: Vec<Line> = diesel::sql_query(query).load(conn).unwrap();
    let scans = lines.iter().map(|line| line.text.trim()).filter(|text| text.contains("Scan"));
    scans
        .map(|text| text.split("  (").next().unwrap_or(text).trim_start_matches("->  "))
        .collect::<Vec<_>>()
        .join("; ")
}

fn main() {
    let Ok(url) = std::env::var("BENCH_DATABASE_URL") else {
        return println!("set BENCH_DATABASE_URL to an empty PostgreSQL database; nothing was measured");
    };
    let asked = std::env::args().skip(1).find_map(|argument| argument.parse::<u32>().ok());
    let count = asked.unwrap_or(100_000);
    let db = Db::new(&Database { url: url.clone(), pool_size: 2 }).unwrap();
    db.migrate().unwrap();
    let mut conn = PgConnection::establish(&url).unwrap();
    conn.batch_execute(&FILL.replace("COUNT", &count.to_string())).unwrap();
    let reader = |scope| Reader { practice_id: PRACTICE.into(), staff_id: "stf_bench_1".into(), scope };
    let member = |owners: &[&str]| AccessScope::Limited {
        owners: owners.iter().map(|owner| Owner::from(*owner)).collect(),
        links: vec!["lnk_bench_7".into()],
        staff_id: "stf_bench_1".into(),
    };
    let readers = [
        ("admin", reader(AccessScope::All)),
        ("member", reader(member(&["practice", "stf_bench_1"]))),
        ("member who sees little", reader(member(&["stf_bench_1"]))),
    ];
    println!("{count} conversations, pages of {PAGE}, {ROUNDS} pages per filter");
    for (who, reader) in &readers {
        for (name, filter, _) in filters() {
            let took = walk(&db, reader, &filter);
            println!("{who}, {name}: p50 {:.1} ms, p95 {:.1} ms", took[ROUNDS / 2], took[ROUNDS * 95 / 100]);
        }
    }
    for (name, _, condition) in filters() {
        println!("plan, {name}: {}", plan(&mut conn, condition));
    }
}
