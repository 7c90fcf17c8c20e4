//! The funnel: counted per link and day, exact for facts, with counters that equal the sums of the events.

use practice_links::domain::link_analytics::{self, PageViews, Step};
use practice_links::domain::staff::Role;
use practice_links::kit::Clock as _;
use practice_links::platform::{Service, db};
use serde_json::{Value, json};
use strum::VariantArray as _;

use crate::harness::{Backend, DEMO, IPHONE, StaffClient, TestApp, as_staff, phone, together};
use crate::landing::visit;

/// An admin who reads the funnel of one link.
struct FunnelReader {
    staff: StaffClient,
    link: String,
}

fn funnel_reader(app: &TestApp) -> FunnelReader {
    let practice = app.write(practice_links::domain::practices::list).remove(0);
    let staff = app.staff_client(&practice, "ana", Role::Admin);
    let links = as_staff(&staff, app.get("/v1/practice/links")).send().expect(200);
    FunnelReader { staff, link: links.str("/items/0/id") }
}

impl FunnelReader {
    fn funnel(&self, app: &TestApp, query: &str) -> Value {
        link_analytics::flush(&app.state.service, &app.state.page_views).unwrap();
        let path = format!("/v1/practice/links/{}/funnel{query}", self.link);
        as_staff(&self.staff, app.get(&path)).send().expect(200).json()
    }
}

/// For each step, the sum of the counters equals the number of its events: rows of page views, or events of the
/// log.
fn assert_counters_match_events(app: &TestApp) {
    let sum = |table: &str, step: &str| {
        app.count(&format!(
            "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) AS n FROM {table} WHERE step = '{step}'"
        ))
    };
    for step in Step::VARIANTS {
        let events = match step {
            Step::SmsSent => "kind IN ('verification.message_sent', 'pending_pairing.message_sent')",
            Step::Verified => "kind IN ('verification.approved', 'pending_pairing.phone_proven')",
            Step::Paired => "kind = 'pairing.created'",
            Step::Confirmed => "kind = 'identity.confirm' AND detail LIKE '%\"link\":\"%'",
            Step::Rejected => "kind = 'identity.reject' AND detail LIKE '%\"link\":\"%'",
            _ => "1 = 0",
        };
        let facts = app.count(&format!("SELECT count(*) FROM events WHERE {events}"));
        let step = step.as_str();
        assert_eq!(sum("funnel_counts", step), sum("funnel_events", step) + facts, "{step}");
    }
}

both! {
    fn patient_journey_is_counted_step_by_step(app: TestApp) {
        let reader = funnel_reader(&app);
        for _ in 0..3 {
            app.get("/123456").user_agent(IPHONE).send().expect(200);
        }
        app.get("/Q/123456").user_agent(IPHONE).send().expect(200);
        app.post("/v1/link-tokens", json!({ "code": DEMO, "source": "typed" })).send().expect(201);
        app.sign_up(&phone(0));
        app.sign_up(&phone(1));
        let seen = reader.funnel(&app, "");
        assert_eq!(seen["totals"], json!({
            "views": { "raw": 4, "bot": 0, "confirmed": 0 }, "scans": 1, "store_taps": { "ios": 0, "android": 0 },
            "codes_typed": 1, "sms_sent": 2, "verified": 2, "paired": 2, "confirmed": 0, "rejected": 0,
        }));
        assert_eq!(seen["days"].as_array().unwrap().len(), 30);
        assert_eq!(seen["days"][29]["day"], "2026-11-22");
        assert_eq!(seen["days"][29]["paired"], 2);
        assert_eq!(app.count("SELECT count(*) AS n FROM pairings"), 2, "the pairings are the reference");
        assert_counters_match_events(&app);
    }

    /// Mail programs and link shorteners escape more of a URL than they must.
    fn escaped_channel_is_the_same_channel(app: TestApp) {
        let reader = funnel_reader(&app);
        for query in ["s=spring-card", "s=spring%2Dcard", "%73=spring-card", "x=1&s=spring%2dcard&s=other"] {
            app.get(&format!("/123456?{query}")).user_agent(IPHONE).send().expect(200);
        }
        let seen = reader.funnel(&app, "?channel=spring-card");
        assert_eq!(seen["totals"]["views"]["raw"], 4, "{seen}");
    }

    fn staff_views_of_their_own_page_are_not_counted(app: TestApp) {
        let reader = funnel_reader(&app);
        let cookie = format!("theme=dark; practice_links={}", reader.staff.token);
        for path in ["/123456", "/Q/123456"] {
            for _ in 0..2 {
                let page = app.get(path).user_agent(IPHONE).header("cookie", &cookie).send().expect(200);
                let seen = app.call("POST", &format!("/123456/seen?visit={}", visit(&page))).user_agent(IPHONE);
                seen.header("cookie", &cookie).send().expect(204);
            }
        }
        assert_eq!(reader.funnel(&app, "")["totals"]["views"], json!({ "raw": 0, "bot": 0, "confirmed": 0 }));
        app.get("/123456").user_agent(IPHONE).header("cookie", "theme=dark").send().expect(200);
        let totals = reader.funnel(&app, "")["totals"].clone();
        assert_eq!((&totals["views"]["raw"], &totals["scans"]), (&json!(1), &json!(0)));
    }

    fn repeated_events_count_once(app: TestApp) {
        let reader = funnel_reader(&app);
        let patient = app.sign_up(&phone(0));
        let again = json!({ "link_token": app.link_token(DEMO) });
        app.post("/v1/pairings", again).bearer(&patient.access_token).send().expect(200);
        reader.funnel(&app, "");
        let seen = reader.funnel(&app, "");
        assert_eq!((&seen["totals"]["paired"], &seen["totals"]["verified"]), (&json!(1), &json!(1)));
        assert_counters_match_events(&app);
    }

    // The clock starts at 9:00 in Chicago, so the day ends fifteen hours later.
    fn days_follow_the_practices_time_zone(app: TestApp) {
        let reader = funnel_reader(&app);
        app.advance(15 * 3600 - 1);
        app.get("/123456").user_agent(IPHONE).send().expect(200);
        app.advance(2);
        app.get("/123456").user_agent(IPHONE).send().expect(200);
        let seen = reader.funnel(&app, "?from=2026-11-22&to=2026-11-23");
        let raw = |n: usize| (seen["days"][n]["day"].clone(), seen["days"][n]["views"]["raw"].clone());
        assert_eq!(raw(0), (json!("2026-11-22"), json!(1)));
        assert_eq!(raw(1), (json!("2026-11-23"), json!(1)));
    }

    fn invalid_date_range_is_rejected(app: TestApp) {
        let reader = funnel_reader(&app);
        for query in ["?from=yesterday", "?from=2026-11-23&to=2026-11-22", "?from=2020-01-01"] {
            let path = format!("/v1/practice/links/{}/funnel{query}", reader.link);
            as_staff(&reader.staff, app.get(&path)).send().problem(422, "invalid_request");
        }
    }

    fn concurrent_counting_loses_and_doubles_nothing(app: TestApp) {
        let reader = funnel_reader(&app);
        together(16, |thread| {
            for n in 0..50 {
                let now = app.clock.now();
                app.state.page_views.add(now, &reader.link.as_str().into(), Step::View, "");
                // Every thread reports each visit.
                app.state.page_views.add_once(now, &reader.link.as_str().into(), Step::ConfirmedView, "", &format!("visit-{n}"));
                if n % 10 == thread % 10 {
                    link_analytics::flush(&app.state.service, &app.state.page_views).unwrap();
                }
            }
        });
        let seen = reader.funnel(&app, "");
        assert_eq!(seen["totals"]["views"], json!({ "raw": 800, "bot": 0, "confirmed": 50 }));
        assert_counters_match_events(&app);
    }

    fn unwritten_counts_are_kept_until_a_flush_succeeds(app: TestApp) {
        let reader = funnel_reader(&app);
        let now = app.clock.now();
        // The database rejects an unknown link, and the whole batch with it.
        app.state.page_views.add(now, &"lnk_none".into(), Step::View, "");
        app.state.page_views.add(now, &reader.link.as_str().into(), Step::View, "");
        assert!(link_analytics::flush(&app.state.service, &app.state.page_views).is_err());
        assert!(link_analytics::flush(&app.state.service, &app.state.page_views).is_err());
        assert_eq!(app.count("SELECT count(*) AS n FROM funnel_events"), 0);
        // Once the link exists, everything is written, exactly once.
        let practice = app.practice("Elm Dental", None);
        let made = format!("INSERT INTO practice_links (id, practice_id, code, label, tags, state, is_default, created_at) VALUES ('lnk_none', '{}', '900009', 'x', '[]', 'active', FALSE, 0)", practice.id);
        app.write(|tx| { use diesel::RunQueryDsl as _; Ok::<_, db::Error>(diesel::sql_query(&made).execute(tx.conn)?) });
        let seen = reader.funnel(&app, "");
        assert_eq!(seen["totals"]["views"]["raw"], 1);
        assert_counters_match_events(&app);
    }

    fn rejected_counts_delay_no_others_and_are_finally_dropped(app: TestApp) {
        let reader = funnel_reader(&app);
        let now = app.clock.now();
        let view = |link: &str| app.state.page_views.add(now, &link.into(), Step::View, "");
        let written = || app.count("SELECT count(*) AS n FROM funnel_events");
        view("lnk_none");
        view(&reader.link);
        assert!(link_analytics::flush(&app.state.service, &app.state.page_views).is_err());
        view(&reader.link);
        assert!(link_analytics::flush(&app.state.service, &app.state.page_views).is_err());
        assert_eq!(written(), 1, "later counts do not wait for the rejected ones");
        let tries = (0..20).take_while(|_| link_analytics::flush(&app.state.service, &app.state.page_views).is_err()).count();
        assert_eq!(tries, 10);
        assert_eq!(written(), 2, "of a rejected batch, only the invalid counts are dropped");
        assert_eq!(app.state.page_views.waiting(), 0);
        assert_counters_match_events(&app);
    }

    fn invented_channels_are_counted_as_other_beyond_a_limit(app: TestApp) {
        let reader = funnel_reader(&app);
        for n in 0..60 {
            app.get(&format!("/123456?s=x{n}")).user_agent(IPHONE).send().expect(200);
            if n == 40 {
                // Another instance, or this one after a restart, does not know these channels.
                link_analytics::flush(&app.state.service, &app.state.page_views).unwrap();
                app.state.page_views.add(app.clock.now(), &reader.link.as_str().into(), Step::View, "x1");
                let fresh = PageViews::default();
                for n in 100..110 {
                    fresh.add(app.clock.now(), &reader.link.as_str().into(), Step::View, &format!("x{n}"));
                }
                link_analytics::flush(&app.state.service, &fresh).unwrap();
            }
        }
        let seen = reader.funnel(&app, "");
        assert_eq!(seen["totals"]["views"]["raw"], 71);
        assert_eq!(seen["channels"].as_array().unwrap().len(), 21);
        assert_eq!(app.count("SELECT count(DISTINCT channel) AS n FROM funnel_counts"), 21);
        assert!(app.count("SELECT count(DISTINCT channel) AS n FROM funnel_events") <= 31);
        let x1 = reader.funnel(&app, "?channel=x1");
        assert_eq!(x1["totals"]["views"]["raw"], 2, "a known channel is still counted");
        let other = reader.funnel(&app, "?channel=other");
        assert_eq!(other["totals"]["views"]["raw"], 50);
        assert_counters_match_events(&app);
    }

    fn report_lists_the_largest_channels_and_sums_the_rest(app: TestApp) {
        let reader = funnel_reader(&app);
        for day in 0..4 {
            for n in 0..20 {
                let channel = format!("d{day}-{n:02}");
                for _ in 0..=day {
                    app.state.page_views.add(app.clock.now(), &reader.link.as_str().into(), Step::View, &channel);
                }
            }
            app.state.page_views.add(app.clock.now(), &reader.link.as_str().into(), Step::View, "");
            app.advance(24 * 3600);
        }
        let seen = reader.funnel(&app, "");
        let channels = seen["channels"].as_array().unwrap();
        assert_eq!(channels.len(), 51);
        let named = |name: &str| channels.iter().find(|channel| channel["channel"] == name);
        assert_eq!(named("").unwrap()["views"]["raw"], 4);
        assert!(named("d3-00").is_some() && named("d2-19").is_some() && named("d0-00").is_none());
        let sum: i64 = channels.iter().map(|channel| channel["views"]["raw"].as_i64().unwrap()).sum();
        assert_eq!(json!(sum), seen["totals"]["views"]["raw"]);
        assert_eq!(reader.funnel(&app, "?channel=d0-00")["totals"]["views"]["raw"], 1);
    }
}

#[test]
fn visit_flood_is_capped_per_link_and_overall() {
    let (tally, now) = (PageViews::default(), practice_links::kit::Timestamp::from_millis(0));
    let flood = |link: &str| {
        for n in 0..10_010 {
            tally.add_once(now, &link.into(), Step::ConfirmedView, "", &n.to_string());
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
fn long_database_outage_keeps_memory_use_bounded() {
    let app = TestApp::new(Backend::Sqlite);
    let mut settings = app.state.service.settings.database.clone();
    settings.url = "postgres://nobody@127.0.0.1:1/nothing".into();
    let (away, views) =
        (Service { db: db::Db::new(&settings).unwrap(), ..app.state.service.clone() }, PageViews::default());
    let now = app.clock.now();
    for round in 0..5 {
        for n in 0..100_000 {
            views.add_once(
                now,
                &format!("lnk_{}", n % 50).into(),
                Step::ConfirmedView,
                "",
                &format!("{round}.{n}"),
            );
        }
        assert!(link_analytics::flush(&away, &views).is_err());
    }
    assert!(views.waiting() <= 300_000, "{}", views.waiting());
}
