//! One schema on two databases: the migrations create the same on both, and it matches `db::schema`.

use std::collections::BTreeSet;
use std::fs;

use diesel::RunQueryDsl as _;
use diesel::sql_types::Text;
use practice_links::db;

use crate::harness::{Backend, Builder, TestApp};

/// The rows of a query that selects one text column.
fn texts(app: &TestApp, query: &'static str) -> BTreeSet<String> {
    let rows = app
        .inner
        .db
        .write_blocking::<_, db::Error>(|conn| Ok(diesel::dsl::sql::<Text>(query).load::<String>(conn)?));
    rows.unwrap().into_iter().filter(|row| !row.contains("__diesel")).collect()
}

const COLUMNS: [&str; 2] = [
    "SELECT m.name || '.' || c.name || CASE WHEN c.\"notnull\" = 1 THEN ' NOT NULL' ELSE '' END
     FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'",
    "SELECT table_name || '.' || column_name || CASE WHEN is_nullable = 'NO' THEN ' NOT NULL' ELSE '' END
     FROM information_schema.columns WHERE table_schema = current_schema()",
];

const UNIQUE: [&str; 2] = [
    "SELECT m.name || '(' || (SELECT group_concat(k.name, ',') FROM pragma_index_info(i.name) k) || ')'
        || CASE WHEN i.partial = 1 THEN ' partial' ELSE '' END
     FROM sqlite_master m JOIN pragma_index_list(m.name) i
     WHERE m.type = 'table' AND i.\"unique\" = 1",
    "SELECT t.relname || '(' || (SELECT string_agg(a.attname, ',' ORDER BY k.place)
        FROM unnest(x.indkey) WITH ORDINALITY k(number, place)
        JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number) || ')'
        || CASE WHEN x.indpred IS NOT NULL THEN ' partial' ELSE '' END
     FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
     WHERE x.indisunique AND n.nspname = current_schema()",
];

const FOREIGN_KEYS: [&str; 2] = [
    "SELECT m.name || '.' || f.\"from\" || ' -> ' || f.\"table\" || '.' || f.\"to\"
     FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'",
    "SELECT t.relname || '.' || a.attname || ' -> ' || r.relname || '.' || b.attname
     FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class r ON r.oid = c.confrelid
     JOIN pg_namespace n ON n.oid = t.relnamespace
     JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = c.conkey[1]
     JOIN pg_attribute b ON b.attrelid = r.oid AND b.attnum = c.confkey[1]
     WHERE c.contype = 'f' AND n.nspname = current_schema()",
];

const INDEXES: [&str; 2] = [
    "SELECT name FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite%'",
    "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()
     AND indexname NOT LIKE '%_pkey' AND indexname NOT LIKE '%_key'",
];

postgres! {
    fn both_databases_have_the_same_schema(on: Builder) {
        let (sqlite, postgres) = (TestApp::new(Backend::Sqlite), on.start());
        for [of_sqlite, of_postgres] in [COLUMNS, UNIQUE, FOREIGN_KEYS, INDEXES] {
            let (in_sqlite, in_postgres) = (texts(&sqlite, of_sqlite), texts(&postgres, of_postgres));
            assert!(in_sqlite.len() >= 10, "{in_sqlite:#?}");
            let different: Vec<_> = in_sqlite.symmetric_difference(&in_postgres).collect();
            assert!(different.is_empty(), "only in one of the two: {different:#?}");
        }
    }
}

#[test]
fn schema_module_lists_exactly_the_migrated_columns() {
    let app = TestApp::new(Backend::Sqlite);
    let migrated: BTreeSet<String> =
        texts(&app, COLUMNS[0]).iter().map(|row| row.split(' ').next().unwrap().to_owned()).collect();
    let mut listed = BTreeSet::new();
    let mut table = String::new();
    for line in fs::read_to_string("src/db/schema.rs").unwrap().lines() {
        let column = line.trim().split_once(" -> ").filter(|_| !line.contains('!'));
        match column {
            Some((column, _)) => {
                listed.insert(format!("{table}.{column}"));
            }
            None if line.ends_with(") {") => table = line.trim().split(' ').next().unwrap().to_owned(),
            None => {}
        }
    }
    assert_eq!(migrated, listed);
}
