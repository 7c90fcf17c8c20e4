//! The practice's own records as its people look them up.

use practice_links::domain::staff::Role;
use serde_json::Value;

use super::imports::{admin, records, table, values};
use crate::harness::{TestApp, as_desk};

const ROWS: &str = "MRN,First name,Last name,Mobile,E-mail,Previous phone\n\
                    A-1,Alex,Rivera,+14155552001,alex@example.com,+14155552091\n\
                    A-2,Alexandra,River,+14155552002,,\n\
                    B-3,Zoë,O'Brien-Muñoz,,zoe@example.com,\n\
                    100%,Percy,Cent,,,\n";

fn numbers(found: &[Value]) -> Vec<&str> {
    found.iter().map(|record| record["number"].as_str().unwrap()).collect()
}

both! {
    /// By whatever somebody at the desk has in hand: a name as it is spelled or typed, a number, an address.
    fn records_are_found_by_name_number_phone_and_address(app: TestApp) {
        let desk = admin(&app);
        table(&app, &desk, ROWS);
        for (query, found) in [
            ("", &["100%", "B-3", "A-2", "A-1"][..]),
            ("?q=rivera", &["A-1"]),
            ("?q=RIVER", &["A-2", "A-1"]),
            ("?q=alex%20riv", &["A-2", "A-1"]),
            ("?q=munoz", &["B-3"]),
            ("?q=zo%C3%AB", &["B-3"]),
            ("?q=a-2", &["A-2"]),
            ("?q=(415)%20555-2001", &["A-1"]),
            ("?q=4155552091", &["A-1"]),
            ("?q=ALEX@example.com", &["A-1"]),
            ("?q=nobody@example.com", &[]),
            ("?q=%25", &["100%", "B-3", "A-2", "A-1"]),
            ("?q=100%25", &["100%"]),
        ] {
            assert_eq!(numbers(&records(&app, &desk, query)), found, "{query}");
        }
        assert!(values(&app, &desk, "A-1").contains(&"(phone: +14155552091)".to_owned()));
    }

    fn pages_of_records_go_on_where_they_stopped(app: TestApp) {
        let desk = admin(&app);
        table(&app, &desk, ROWS);
        let (mut query, mut seen) = ("?limit=3".to_owned(), Vec::new());
        for _ in 0..2 {
            let page = as_desk(&desk, app.get(&format!("/v1/practice/records{query}"))).send().expect(200);
            seen.extend(page.at("/items").as_array().unwrap().clone());
            query = format!("?limit=3&cursor={}", page.at("/next_cursor").as_str().unwrap_or("over"));
        }
        assert_eq!(numbers(&seen), ["100%", "B-3", "A-2", "A-1"]);
        assert!(query.ends_with("over"));
    }

    /// Two practices may use the same record numbers, and none sees the other's patients.
    fn each_practice_has_its_own_records(app: TestApp) {
        let desk = admin(&app);
        table(&app, &desk, ROWS);
        let other = app.desk(&app.practice("Oak Eyes", None), "eve", Role::Admin);
        assert!(records(&app, &other, "?q=rivera").is_empty());
        assert_eq!(table(&app, &other, ROWS)["rows"]["created"], 4);
        assert_eq!(records(&app, &desk, "").len(), 4);
        assert_eq!(app.count("SELECT count(*) FROM patient_records"), 8);
    }
}
