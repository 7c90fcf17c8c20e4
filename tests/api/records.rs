//! Search in the practice's own patient records.

use practice_links::staff::Role;
use serde_json::Value;

use super::imports::{admin, records, table, values};
use crate::harness::{TestApp, as_staff};

const ROWS: &str = "MRN,First name,Last name,Mobile,E-mail,Previous phone\n\
                    A-1,Alex,Rivera,+14155552001,alex@example.com,+14155552091\n\
                    A-2,Alexandra,River,+14155552002,,\n\
                    B-3,Zoë,O'Brien-Muñoz,,zoe@example.com,\n\
                    100%,Percy,Cent,,,\n";

fn numbers(found: &[Value]) -> Vec<&str> {
    found.iter().map(|record| record["number"].as_str().unwrap()).collect()
}

both! {
    /// Reception searches by what it has: a name with or without accents, a record number, a phone number
    /// or an e-mail address.
    fn records_are_found_by_name_number_phone_and_address(app: TestApp) {
        let staff = admin(&app);
        table(&app, &staff, ROWS);
        for (query, expected) in [
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
            assert_eq!(numbers(&records(&app, &staff, query)), expected, "{query}");
        }
        assert!(values(&app, &staff, "A-1").contains(&"(phone: +14155552091)".to_owned()));
    }

    fn record_pages_continue_after_the_cursor(app: TestApp) {
        let staff = admin(&app);
        table(&app, &staff, ROWS);
        let (mut query, mut seen) = ("?limit=3".to_owned(), Vec::new());
        for _ in 0..2 {
            let page = as_staff(&staff, app.get(&format!("/v1/practice/records{query}"))).send().expect(200);
            seen.extend(page.at("/items").as_array().unwrap().clone());
            query = format!("?limit=3&cursor={}", page.at("/next_cursor").as_str().unwrap_or("over"));
        }
        assert_eq!(numbers(&seen), ["100%", "B-3", "A-2", "A-1"]);
        assert!(query.ends_with("over"));
    }

    /// Two practices may use the same record numbers, and neither sees the other's patients.
    fn each_practice_has_its_own_records(app: TestApp) {
        let staff = admin(&app);
        table(&app, &staff, ROWS);
        let other_practice_admin = app.staff_client(&app.practice("Oak Eyes", None), "eve", Role::Admin);
        assert!(records(&app, &other_practice_admin, "?q=rivera").is_empty());
        assert_eq!(table(&app, &other_practice_admin, ROWS)["rows"]["created"], 4);
        assert_eq!(records(&app, &staff, "").len(), 4);
        assert_eq!(app.count("SELECT count(*) FROM patient_records"), 8);
    }
}
