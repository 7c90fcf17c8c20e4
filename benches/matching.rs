//! Matching grades on a public record-linkage set: precision and recall of each, and every false link.
//!
//! `python scripts/record_linkage.py` makes the files and runs this; by hand it is `cargo bench --bench
//! matching -- FILE…`. A file holds JSON lines: records (`{"record": id, "names": [[given, family]],
//! "birth_dates": […], "phones": […], "emails": […]}`) and people (`{"person": id, "is": record or null,
//! "given_name", "family_name", "birth_date", "phone", "email", "email_is_proven"}`).
#![allow(missing_docs, reason = "a program, not a library")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark panics on errors, prints results, and counts only thousands"
)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;
use std::{env, fs};

use practice_links::domain::identity::grading::matching::{
    GivenDetails, Grade, KnownDetails, MatchResult, grade,
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Record {
        record: String,
        names: Vec<(String, String)>,
        birth_dates: Vec<String>,
        phones: Vec<String>,
        emails: Vec<String>,
    },
    Person(Person),
}

#[derive(Deserialize)]
struct Person {
    #[serde(rename = "person")]
    id: String,
    is: Option<String>,
    given_name: String,
    family_name: String,
    birth_date: Option<String>,
    phone: String,
    email: Option<String>,
    email_is_proven: bool,
}

/// Records indexed by phone number, e-mail address and birth date, as in the service's store.
#[derive(Default)]
struct Practice {
    records: Vec<KnownDetails>,
    by_value: HashMap<(char, String), Vec<usize>>,
}

impl Practice {
    fn take(&mut self, known: KnownDetails) {
        let at = self.records.len();
        let kinds = [('p', &known.phones), ('e', &known.emails), ('b', &known.birth_dates)];
        for (kind, value) in
            kinds.iter().flat_map(|(kind, values)| values.iter().map(|value| (*kind, value.clone())))
        {
            self.by_value.entry((kind, value)).or_default().push(at);
        }
        self.records.push(known);
    }

    fn grade(&self, person: &Person) -> MatchResult {
        let values =
            [('p', Some(&person.phone)), ('e', person.email.as_ref()), ('b', person.birth_date.as_ref())];
        let found = values.iter().filter_map(|(kind, value)| self.by_value.get(&(*kind, (*value)?.clone())));
        let found: BTreeSet<usize> = found.flatten().copied().collect();
        let known: Vec<KnownDetails> = found.into_iter().map(|at| self.records[at].clone()).collect();
        let given = GivenDetails {
            given_name: &person.given_name,
            family_name: &person.family_name,
            birth_date: person.birth_date.as_deref(),
            phone: Some(&person.phone),
            email: person.email.as_deref(),
            email_is_proven: person.email_is_proven,
        };
        grade(&given, &known)
    }
}

/// For one grade: how often it was given, and how often it named the right record (or had it among several).
#[derive(Default)]
struct Tally {
    given: usize,
    right: usize,
}

fn main() {
    let files: Vec<String> = env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    assert!(!files.is_empty(), "name the files: see scripts/record_linkage.py");
    let false_links: usize = files.iter().map(|file| report(file)).sum();
    println!("false links by `match` and `certain`, all files: {false_links}");
}

/// Prints the report of one file; returns the number of false links.
fn report(file: &str) -> usize {
    let (practice, people) = read(file);
    let started = Instant::now();
    let verdicts: Vec<MatchResult> = people.iter().map(|person| practice.grade(person)).collect();
    let took = started.elapsed();
    let known = people.iter().filter(|person| person.is.is_some()).count();
    println!(
        "{file}: {} records, {} people, {known} of them on record",
        practice.records.len(),
        people.len()
    );
    println!("  graded in {took:.2?}, {:.1} µs each", took.as_secs_f64() * 1e6 / people.len() as f64);
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    let mut false_links = 0;
    for (person, verdict) in people.iter().zip(&verdicts) {
        let tally = tallies.entry(verdict.grade.as_str()).or_default();
        let is_right = match &person.is {
            Some(record) => verdict.candidates.iter().any(|found| found.record_id.as_str() == *record),
            None => verdict.grade == Grade::None,
        };
        tally.given += 1;
        tally.right += usize::from(is_right);
        if !is_right && matches!(verdict.grade, Grade::Match | Grade::Certain) {
            false_links += 1;
            let found = &verdict.candidates[0];
            println!(
                "  FALSE {}: {} is {:?}, linked to {found:?}",
                verdict.grade.as_str(),
                person.id,
                person.is
            );
        }
    }
    println!("  | grade | given | right | precision | share of those on record |");
    println!("  | --- | --- | --- | --- | --- |");
    for (name, Tally { given, right }) in &tallies {
        let precision = 100.0 * *right as f64 / *given as f64;
        let recall = if *name == "none" {
            String::from("–")
        } else {
            format!("{:.1} %", 100.0 * *right as f64 / known as f64)
        };
        println!("  | `{name}` | {given} | {right} | {precision:.2} % | {recall} |");
    }
    false_links
}

fn read(file: &str) -> (Practice, Vec<Person>) {
    let (mut practice, mut people) = (Practice::default(), Vec::new());
    for line in fs::read_to_string(file).expect("the file").lines() {
        match serde_json::from_str(line).expect("a line of JSON") {
            Line::Record { record, names, birth_dates, phones, emails } => {
                let record_id = record.into();
                practice.take(KnownDetails { record_id, names, birth_dates, phones, emails });
            }
            Line::Person(person) => people.push(person),
        }
    }
    (practice, people)
}
