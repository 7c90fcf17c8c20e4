//! The funnel: counted by link and day, exact for facts, and in sums that equal the events.

use practice_links::domain::link_analytics::{self, Step, Tally};
use practice_links::domain::staff::Role;
use practice_links::kit::Clock as _;
use practice_links::platform::db;
use practice_links::platform::tx::Service;
use serde_json::{Value, json};

use crate::harness::{Backend, DEMO, Desk, IPHONE, TestApp, as_desk, phone, together};
use crate::landing::visit;

struct Eyes {
    desk: Desk,
    link: String,
}

fn eyes(app: &TestApp) -> Eyes {
    let practice = app.write(|tx| practice_links::domain::practices::list(tx)).remove(0);
    let desk = app.desk(&practice, "ana", Role::Admin);
    let links = as_desk(&desk, app.get("/v1/practice/links")).send().expect(200);
    Eyes { desk, link: links.str("/items/0/id") }
}

impl Eyes {
    fn funnel(&self, app: &TestApp, query: &str) -> Value {
        link_analytics::flush(&app.inner).unwrap();
        let path = format!("/v1/practice/links/{}/funnel{query}", self.link);
        as_desk(&self.desk, app.get(&path)).send().expect(200).json()
    }
}

/// Sums of all counters equal the sums of all events, step by step.
fn in_balance(app: &TestApp) {
    for step in Step::ALL {
        let sum = |table: &str| {
            app.count(&format!(
                "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) AS n FROM {table} WHERE step = '{}'",
                step.as_str()
            ))
        };
        assert_eq!(sum("funnel_counts"), sum("funnel_events"), "{}", step.as_str());
    }
}

both! {
    fn a_patients_way_is_counted_step_by_step(app: TestApp) {
        let eyes = eyes(&app);
        for _ in 0..3 {
            app.get("/123456").user_agent(IPHONE).send().expect(200);
        }
        app.get("/Q/123456").user_agent(IPHONE).send().expect(200);
        app.post("/v1/link-tokens", json!({ "code": DEMO, "source": "typed" })).send().expect(201);
        app.sign_up(&phone(0));
        app.sign_up(&phone(1));
        let seen = eyes.funnel(&app, "");
        assert_eq!(seen["totals"], json!({
            "views": { "raw": 4, "bot": 0, "confirmed": 0 }, "scans": 1, "store_taps": { "ios": 0, "android": 0 },
            "codes_typed": 1, "sms_sent": 2, "verified": 2, "paired": 2, "confirmed": 0, "rejected": 0,
        }));
        assert_eq!(seen["days"].as_array().unwrap().len(), 30);
        assert_eq!(seen["days"][29]["day"], "2026-11-22");
        assert_eq!(seen["days"][29]["paired"], 2);
        assert_eq!(app.count("SELECT count(*) AS n FROM pairings"), 2, "pairings are the truth");
        in_balance(&app);
    }

    fn staff_who_look_at_their_own_page_are_no_visitors(app: TestApp) {
        let eyes = eyes(&app);
        let cookie = format!("theme=dark; practice_links={}", eyes.desk.token);
        for path in ["/123456", "/Q/123456"] {
            for _ in 0..2 {
                let page = app.get(path).user_agent(IPHONE).header("cookie", &cookie).send().expect(200);
                let told = app.call("POST", &format!("/123456/seen?visit={}", visit(&page))).user_agent(IPHONE);
                told.header("cookie", &cookie).send().expect(204);
            }
        }
        assert_eq!(eyes.funnel(&app, "")["totals"]["views"], json!({ "raw": 0, "bot": 0, "confirmed": 0 }));
        app.get("/123456").user_agent(IPHONE).header("cookie", "theme=dark").send().expect(200);
        let totals = eyes.funnel(&app, "")["totals"].clone();
        assert_eq!((&totals["views"]["raw"], &totals["scans"]), (&json!(1), &json!(0)));
    }

    fn what_happens_again_counts_once(app: TestApp) {
        let eyes = eyes(&app);
        let who = app.sign_up(&phone(0));
        let again = json!({ "link_token": app.link_token(DEMO) });
        app.post("/v1/pairings", again).bearer(&who.access_token).send().expect(200);
        eyes.funnel(&app, "");
        let seen = eyes.funnel(&app, "");
        assert_eq!((&seen["totals"]["paired"], &seen["totals"]["verified"]), (&json!(1), &json!(1)));
        in_balance(&app);
    }

    // The clock stands at 9:00 in Chicago, so the day ends fifteen hours later.
    fn days_are_the_practices_own(app: TestApp) {
        let eyes = eyes(&app);
        app.advance(15 * 3600 - 1);
        app.get("/123456").user_agent(IPHONE).send().expect(200);
        app.advance(2);
        app.get("/123456").user_agent(IPHONE).send().expect(200);
        let seen = eyes.funnel(&app, "?from=2026-11-22&to=2026-11-23");
        let raw = |n: usize| (seen["days"][n]["day"].clone(), seen["days"][n]["views"]["raw"].clone());
        assert_eq!(raw(0), (json!("2026-11-22"), json!(1)));
        assert_eq!(raw(1), (json!("2026-11-23"), json!(1)));
    }

    fn a_range_that_is_none_is_refused(app: TestApp) {
        let eyes = eyes(&app);
        for query in ["?from=yesterday", "?from=2026-11-23&to=2026-11-22", "?from=2020-01-01"] {
            let path = format!("/v1/practice/links/{}/funnel{query}", eyes.link);
            as_desk(&eyes.desk, app.get(&path)).send().problem(422, "invalid_request");
        }
    }

    fn nothing_is_lost_and_nothing_doubled_by_many_at_once(app: TestApp) {
        let eyes = eyes(&app);
        together(16, |thread| {
            for n in 0..50 {
                let now = app.clock.now();
                app.inner.tally.add(now, &eyes.link, Step::View, "");
                // Each visit comes in from every thread.
                app.inner.tally.add_once(now, &eyes.link, Step::ConfirmedView, "", &format!("visit-{n}"));
                if n % 10 == thread % 10 {
                    link_analytics::flush(&app.inner).unwrap();
                }
            }
        });
        let seen = eyes.funnel(&app, "");
        assert_eq!(seen["totals"]["views"], json!({ "raw": 800, "bot": 0, "confirmed": 50 }));
        in_balance(&app);
    }

    fn what_could_not_be_written_waits(app: TestApp) {
        let eyes = eyes(&app);
        let now = app.clock.now();
        // A link that is none is refused by the database, whole batch and all.
        app.inner.tally.add(now, "lnk_none", Step::View, "");
        app.inner.tally.add(now, &eyes.link, Step::View, "");
        assert!(link_analytics::flush(&app.inner).is_err());
        assert!(link_analytics::flush(&app.inner).is_err());
        assert_eq!(app.count("SELECT count(*) AS n FROM funnel_events"), 0);
        // It becomes one, and everything is written, once.
        let practice = app.practice("Elm Dental", None);
        let made = format!("INSERT INTO practice_links (id, practice_id, code, label, tags, state, is_default, created_at) VALUES ('lnk_none', '{}', '900009', 'x', '[]', 'active', FALSE, 0)", practice.id);
        app.write(|tx| { use diesel::RunQueryDsl as _; Ok::<_, db::Error>(diesel::sql_query(&made).execute(tx)?) });
        let seen = eyes.funnel(&app, "");
        assert_eq!(seen["totals"]["views"]["raw"], 1);
        in_balance(&app);
    }

    fn what_is_refused_holds_nothing_back_and_is_given_up_at_last(app: TestApp) {
        let eyes = eyes(&app);
        let now = app.clock.now();
        let view = |link: &str| app.inner.tally.add(now, link, Step::View, "");
        let written = || app.count("SELECT count(*) AS n FROM funnel_events");
        view("lnk_none");
        view(&eyes.link);
        assert!(link_analytics::flush(&app.inner).is_err());
        view(&eyes.link);
        assert!(link_analytics::flush(&app.inner).is_err());
        assert_eq!(written(), 1, "what came later does not wait for what is refused");
        let tries = (0..20).take_while(|_| link_analytics::flush(&app.inner).is_err()).count();
        assert_eq!(tries, 10);
        assert_eq!(written(), 2, "of what was refused together, only what is wrong is given up");
        assert_eq!(app.inner.tally.waiting(), 0);
        in_balance(&app);
    }

    fn invented_channels_do_not_fill_the_counters(app: TestApp) {
        let eyes = eyes(&app);
        for n in 0..60 {
            app.get(&format!("/123456?s=x{n}")).user_agent(IPHONE).send().expect(200);
            if n == 40 {
                // Another instance, or this one after a restart, knows nothing of them.
                link_analytics::flush(&app.inner).unwrap();
                app.inner.tally.add(app.clock.now(), &eyes.link, Step::View, "x1");
                let fresh = Service { tally: std::sync::Arc::default(), ..app.inner.clone() };
                for n in 100..110 {
                    fresh.tally.add(app.clock.now(), &eyes.link, Step::View, &format!("x{n}"));
                }
                link_analytics::flush(&fresh).unwrap();
            }
        }
        let seen = eyes.funnel(&app, "");
        assert_eq!(seen["totals"]["views"]["raw"], 71);
        assert_eq!(seen["channels"].as_array().unwrap().len(), 21);
        assert_eq!(app.count("SELECT count(DISTINCT channel) AS n FROM funnel_counts"), 21);
        assert!(app.count("SELECT count(DISTINCT channel) AS n FROM funnel_events") <= 31);
        let x1 = eyes.funnel(&app, "?channel=x1");
        assert_eq!(x1["totals"]["views"]["raw"], 2, "a channel that is known goes on");
        let other = eyes.funnel(&app, "?channel=other");
        assert_eq!(other["totals"]["views"]["raw"], 50);
        in_balance(&app);
    }

    fn a_report_lists_the_largest_channels_and_the_rest_as_one(app: TestApp) {
        let eyes = eyes(&app);
        for day in 0..4 {
            for n in 0..20 {
                let channel = format!("d{day}-{n:02}");
                for _ in 0..=day {
                    app.inner.tally.add(app.clock.now(), &eyes.link, Step::View, &channel);
                }
            }
            app.inner.tally.add(app.clock.now(), &eyes.link, Step::View, "");
            app.advance(24 * 3600);
        }
        let seen = eyes.funnel(&app, "");
        let channels = seen["channels"].as_array().unwrap();
        assert_eq!(channels.len(), 51);
        let named = |name: &str| channels.iter().find(|channel| channel["channel"] == name);
        assert_eq!(named("").unwrap()["views"]["raw"], 4);
        assert!(named("d3-00").is_some() && named("d2-19").is_some() && named("d0-00").is_none());
        let sum: i64 = channels.iter().map(|channel| channel["views"]["raw"].as_i64().unwrap()).sum();
        assert_eq!(json!(sum), seen["totals"]["views"]["raw"]);
        assert_eq!(eyes.funnel(&app, "?channel=d0-00")["totals"]["views"]["raw"], 1);
    }
}

#[test]
fn a_flood_of_visits_has_an_end_and_leaves_room_for_other_links() {
    let (tally, now) = (Tally::default(), practice_links::kit::Timestamp::from_millis(0));
    let flood = |link: &str| {
        for n in 0..10_010 {
            tally.add_once(now, link, Step::ConfirmedView, "", &n.to_string());
        }
    };
    flood("lnk_1");
    assert_eq!(tally.waiting(), 10_000);
    for link in 2..=11 {
        flood(&format!("lnk_{link}"));
    }
    assert_eq!(tally.waiting(), 100_000);
}

#[test]
fn a_database_that_is_away_for_long_does_not_eat_the_memory() {
    let app = TestApp::new(Backend::Sqlite);
    let mut settings = app.inner.settings.database.clone();
    settings.url = "postgres://nobody@127.0.0.1:1/nothing".into();
    let away = Service { db: db::Db::new(&settings).unwrap(), ..app.inner.clone() };
    let now = app.clock.now();
    for round in 0..5 {
        for n in 0..100_000 {
            away.tally.add_once(
                now,
                &format!("lnk_{}", n % 50),
                Step::ConfirmedView,
                "",
                &format!("{round}.{n}"),
            );
        }
        assert!(link_analytics::flush(&away).is_err());
    }
    assert!(away.tally.waiting() <= 300_000, "{}", away.tally.waiting());
}
