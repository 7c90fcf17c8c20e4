//! Rate limits that instances share, clocks that were ahead, and what is served from memory.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use practice_links::domain::practices;
use practice_links::kit::PracticeId;
use practice_links::platform::rate_limits::{self, RateLimit};
use practice_links::platform::{Service, db};
use serde_json::{Value, json};

use crate::harness::{Builder, DEMO, Reply, TestApp, phone, sign_up_body, together};

const TWO_HOURS: Duration = Duration::from_hours(2);

/// Counts one message of a practice, in a unit of work that fails afterwards if it is told to.
fn spend(service: &Service, practice: &PracticeId, fails: bool) -> bool {
    let spent = service.write_blocking(|tx| {
        let limit = RateLimit::messages_of_practice(tx, practice);
        let taken = rate_limits::take(tx, &[limit])?.is_ok();
        if fails { Err(db::Error::Busy) } else { Ok(taken) }
    });
    spent.unwrap_or(false)
}

fn practice_of(app: &TestApp) -> PracticeId {
    app.write(practices::list).remove(0).id
}

/// Starts a verification; may be refused.
fn try_start(app: &TestApp, phone: &str, address: &str) -> Reply {
    let body = json!({ "phone": phone, "link_token": app.link_token(DEMO) });
    app.post("/v1/verifications", body).ip(address).send()
}

/// Asserts that a call is refused for `wait` seconds, and not for longer.
#[track_caller]
fn waits(app: &TestApp, wait: u64, call: impl Fn() -> Reply) {
    assert_eq!(call().problem(429, "send_limited").retry_after(), Some(wait));
    app.advance(wait - 1);
    assert_eq!(call().problem(429, "send_limited").retry_after(), Some(1));
    app.advance(1);
    call().expect(201);
}

fn wrong(code: &str, n: u32) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + n) % 1_000_000)
}

postgres! {
    fn three_instances_never_exceed_a_budget_and_use_all_of_it(on: Builder) {
        let app = on.pool(12).config(|config| config.limits.practice_10min = 600).start();
        let others = [app.second_instance(), app.second_instance()];
        let services = [&app, &others[0], &others[1]].map(|app| app.state.service.clone());
        let practice = practice_of(&app);
        let spent = AtomicUsize::new(0);
        let attempts = |thread: usize, share: usize| {
            for n in 0..10_000 * share / 100 / 8 {
                // One in seven fails after it has spent, and gives its unit back.
                let is_spent = spend(&services[thread % 3], &practice, n % 7 == 0);
                spent.fetch_add(usize::from(is_spent), Ordering::SeqCst);
            }
        };
        // Little by little at first, so that leases end unused in between.
        for share in [2, 2, 2, 94] {
            together(24, |thread| attempts(thread, share));
            let total = spent.load(Ordering::SeqCst);
            assert!(total <= 600, "{total} of 600");
            app.advance(4);
        }
        for service in &services {
            while spend(service, &practice, false) {
                spent.fetch_add(1, Ordering::SeqCst);
            }
        }
        // What is left is in the memory of an instance for as long as its lease lasts.
        app.advance(11);
        for service in &services {
            rate_limits::settle(service, false).unwrap();
        }
        for service in &services {
            while spend(service, &practice, false) {
                spent.fetch_add(1, Ordering::SeqCst);
            }
        }
        assert_eq!(spent.load(Ordering::SeqCst), 600);
        app.advance(602);
        assert!(spend(&services[1], &practice, false), "ten minutes later there is room again");
    }
}

both! {
    fn crashed_instance_leaves_its_lease_as_spent(on: Builder) {
        let app = on.config(|config| config.limits.practice_10min = 160).start();
        let practice = practice_of(&app);
        let crashed = app.second_instance();
        assert!(spend(&crashed.state.service, &practice, false));
        drop(crashed);
        let service = &app.state.service;
        let spent = (0..200).filter(|_| spend(service, &practice, false)).count();
        assert_eq!(spent, 150, "a sixteenth was leased");
        app.advance(611);
        assert!(spend(service, &practice, false));
    }

    fn stopped_instance_returns_what_it_did_not_spend(on: Builder) {
        let app = on.config(|config| config.limits.practice_10min = 160).start();
        let practice = practice_of(&app);
        let stopped = app.second_instance();
        assert!(spend(&stopped.state.service, &practice, false));
        rate_limits::settle(&stopped.state.service, true).unwrap();
        drop(stopped);
        let service = &app.state.service;
        assert_eq!((0..200).filter(|_| spend(service, &practice, false)).count(), 159);
    }

    fn refunded_unit_can_be_spent_again(on: Builder) {
        let app = on.config(|config| config.limits.practice_10min = 100).start();
        let (practice, service) = (practice_of(&app), &app.state.service);
        assert_eq!((0..120).filter(|_| spend(service, &practice, false)).count(), 100);
        let refund = |fails: bool| service.write_blocking(|tx| {
            let limit = RateLimit::messages_of_practice(tx, &practice);
            rate_limits::refund(tx, &limit, tx.now)?;
            if fails { Err(db::Error::Busy) } else { Ok(()) }
        });
        refund(true).unwrap_err();
        assert!(!spend(service, &practice, false));
        refund(false).unwrap();
        let pressure = app.write(|tx| {
            let limit = RateLimit::messages_of_practice(tx, &practice);
            rate_limits::pressure(tx, &limit)
        });
        assert!((pressure - 0.99).abs() < 1e-9, "{pressure}");
        assert!(spend(service, &practice, false));
        assert!(!spend(service, &practice, false));
    }

    fn verifications_of_a_clock_that_was_ahead_count_as_now(on: Builder) {
        // Leased, and in slots of more than a second.
        let app = on.config(|config| config.limits.practice_10min = 70).start();
        app.advance(TWO_HOURS.as_secs());
        (0..70).for_each(|n| drop(app.start(&phone(n))));
        app.clock.put_back(TWO_HOURS);
        let refused = try_start(&app, &phone(70), "203.0.113.1").problem(429, "send_limited");
        assert_eq!(refused.retry_after(), Some(600));
        app.advance(600);
        try_start(&app, &phone(70), "203.0.113.1").expect(201);
        app.leave_outbox();
    }

    fn number_and_address_of_a_clock_that_was_ahead_wait_no_longer(app: TestApp) {
        app.advance(TWO_HOURS.as_secs());
        (0..4).for_each(|n| drop(try_start(&app, &phone(0), &format!("203.0.113.{n}")).expect(201)));
        (0..10).for_each(|n| drop(try_start(&app, &phone(10 + n), "198.51.100.1").expect(201)));
        app.clock.put_back(TWO_HOURS);
        waits(&app, 600, || try_start(&app, &phone(0), "203.0.113.9"));
        // Those were seen first just now, and count from now.
        waits(&app, 600, || try_start(&app, &phone(30), "198.51.100.1"));
        app.leave_outbox();
    }

    fn wrong_codes_of_a_clock_that_was_ahead_do_not_keep_the_number_waiting(app: TestApp) {
        app.advance(TWO_HOURS.as_secs());
        for _ in 0..2 {
            let verification = app.start(&phone(0));
            let code = app.code_for(&phone(0));
            (1..=5).for_each(|n| drop(app.check(&verification, &wrong(&code, n)).expect(200)));
        }
        app.clock.put_back(TWO_HOURS);
        let verification = app.start(&phone(0));
        assert_eq!(verification.json["verification"]["next_check"], 0);
        let code = app.code_for(&phone(0));
        let proven = app.check(&verification, &code).expect(200);
        assert_eq!(proven.at("/result"), "approved");
    }

    /// An instance whose clock is a little behind the one that started the verification.
    fn right_code_is_accepted_by_a_clock_that_is_behind(app: TestApp) {
        let verification = app.start(&phone(0));
        let code = app.code_for(&phone(0));
        app.clock.put_back(Duration::from_secs(3));
        assert_eq!(app.check(&verification, &code).expect(200).at("/result"), "approved");
    }

    fn link_token_is_no_write(app: TestApp) {
        let token = |key: Option<&str>| {
            let call = app.post("/v1/link-tokens", json!({ "code": DEMO, "source": "typed" }));
            match key {
                Some(key) => call.key(key),
                None => call,
            }.send().expect(201)
        };
        let (first, second) = (token(None), token(None));
        assert_ne!(first.at("/link_token"), second.at("/link_token"));
        let rows = |table: &str| app.count(&format!("SELECT count(*) FROM {table}"));
        assert_eq!((rows("funnel_events"), rows("idempotency_keys")), (0, 0));
        let repeated = [token(Some("k")), token(Some("k"))];
        assert_eq!(repeated[0].at("/link_token"), repeated[1].at("/link_token"));
        assert_eq!(app.state.page_views.waiting(), 1, "one count, of three tokens");
        practice_links::domain::link_analytics::flush(&app.state.service, &app.state.page_views).unwrap();
        assert_eq!(app.count("SELECT CAST(sum(count) AS BIGINT) FROM funnel_events"), 3);
    }

    /// The other instance may give a token for as long as it has not heard of it, but nobody is paired.
    fn link_paused_by_another_instance_pairs_nobody(app: TestApp) {
        let proof = app.verify(&phone(0));
        let other = app.second_instance();
        let token = other.link_token(DEMO);
        app.write(|tx| {
            let update = "UPDATE practice_links SET state = 'paused'";
            Ok(diesel::RunQueryDsl::execute(diesel::sql_query(update), tx.conn)?)
        });
        let sign_up = || other.post("/v1/accounts", sign_up_body(&proof, &token)).send();
        sign_up().problem(409, "link_paused");
        other.state.service.signals.landing.notify();
        let body = json!({ "code": DEMO, "source": "typed" });
        other.post("/v1/link-tokens", body).send().problem(409, "link_paused");
        assert_eq!(app.count("SELECT count(*) FROM pairings"), 0);
    }
}

postgres! {
    fn racing_number_changes_and_sign_ups_end_in_one_owner_each(on: Builder) {
        let app = on.pool(32).config(|config| config.limits.scale = 1_000.0).start();
        for round in 0..12 {
            let n = |k: u32| phone(round * 10 + k);
            let patients = [app.sign_up(&n(0)), app.sign_up(&n(1))];
            let proofs: Vec<String> = (0..3).map(|_| app.verify(&n(2))).collect();
            let body = sign_up_body(&proofs[2], &app.link_token(DEMO));
            let answers: Vec<Reply> = together(3, |thread| match thread {
                2 => app.post("/v1/accounts", body.clone()).send(),
                thread => {
                    let change = json!({ "phone_proof": proofs[thread] });
                    app.post("/v1/me/phone", change).bearer(&patients[thread].access_token).send()
                }
            });
            let won = answers.iter().filter(|answer| answer.status < 300).count();
            assert_eq!(won, 1, "round {round}");
            for answer in answers.into_iter().filter(|answer| answer.status >= 300) {
                assert_eq!(answer.problem(409, "account_exists").at("/code"), Value::from("account_exists"));
            }
            app.deliver_all();
        }
        app.leave_outbox();
    }
}
