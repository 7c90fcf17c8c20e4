//! How often somebody is told: at once, by the hour, by the day, and in one mail when many come at once. Every
//! pairing is in exactly one mail for each recipient.

use practice_links::domain::staff::Role;
use practice_links::platform::outbox::Outcome;
use serde_json::json;

use crate::harness::{Builder, DEMO, Desk, TestApp, as_desk, phone, sign_up_body, together};

const DESK: &str = "frontdesk@oakstreet.example";

fn crowded(on: Builder) -> TestApp {
    on.config(|config| config.limits.scale = 1000.0).start()
}

fn join(app: &TestApp, n: u32, code: &str) {
    let proof = app.verify(&phone(n));
    app.post("/v1/accounts", sign_up_body(&proof, &app.link_token(code))).send().expect(201);
}

/// Subjects of what an address got, in order.
fn subjects(app: &TestApp, to: &str) -> Vec<String> {
    app.carrier.sent_to(to).into_iter().map(|mail| mail.subject).collect()
}

/// How many patients a subject tells of.
fn told(subject: &str) -> usize {
    subject.split(' ').next().unwrap().parse().unwrap_or(1)
}

/// A practice with an admin and two people on the list of link 222222.
fn listed(app: &TestApp) -> (Desk, Vec<(Desk, String)>, String) {
    let practice = app.practice("Elm Dental", Some("desk@elm.example"));
    let admin = app.desk(&practice, "ana", Role::Admin);
    let link = app.link("222222", &practice.id);
    let people: Vec<(Desk, String)> = ["bo", "cy"]
        .into_iter()
        .map(|name| {
            (
                app.desk(&practice, name, Role::Member),
                format!("{name}@{}.example", practice.id.replace('_', "-")),
            )
        })
        .collect();
    let ids: Vec<&String> = people.iter().map(|(desk, _)| &desk.staff_id).collect();
    let path = format!("/v1/practice/links/{}", link.id);
    as_desk(&admin, app.patch(&path, json!({ "notify": ids }))).send().expect(200);
    (admin, people, link.id)
}

fn set(app: &TestApp, by: &Desk, person: &str, frequency: &str) {
    let body = json!({ "person": person, "frequency": frequency });
    as_desk(by, app.patch("/v1/practice/notifications", body)).send().expect(200);
}

both! {
    fn the_eleventh_patient_in_a_quarter_of_an_hour_opens_one_digest(on: Builder) {
        let app = crowded(on);
        for n in 0..16 {
            join(&app, n, DEMO);
            app.deliver_all();
            app.advance(10);
        }
        assert_eq!(subjects(&app, DESK).len(), 10);
        assert_eq!(app.count("SELECT count(*) FROM digests"), 1);
        app.advance(15 * 60);
        app.deliver_all();
        let mails = app.carrier.sent_to(DESK);
        assert_eq!((mails.len(), mails[10].subject.as_str()), (11, "6 new patients connected"));
        for text in [&mails[10].body, &mails[10].html] {
            assert!(text.contains("Nov 22, 2026, between 9:01 AM and 9:02 AM CST"), "{text}");
            assert!(text.contains("Demo flyer"), "{text}");
        }
        // Calm again: the next one gets a mail of its own.
        join(&app, 20, DEMO);
        app.deliver_all();
        assert_eq!(subjects(&app, DESK).last().unwrap(), "A new patient connected");
        assert_eq!(app.outbox("queued"), 0);
    }

    fn an_hourly_digest_goes_out_at_the_full_hour(app: TestApp) {
        let (admin, people, _) = listed(&app);
        let (bo, cy) = (&people[0], &people[1]);
        set(&app, &admin, &bo.0.staff_id, "hourly");
        app.advance(20 * 60);
        for n in 0..3 {
            join(&app, n, "222222");
        }
        app.deliver_all();
        assert_eq!((subjects(&app, &bo.1).len(), subjects(&app, &cy.1).len()), (0, 3));
        app.advance(40 * 60 - 1);
        app.deliver_all();
        assert!(subjects(&app, &bo.1).is_empty());
        app.advance(1);
        app.deliver_all();
        assert_eq!(subjects(&app, &bo.1), ["3 new patients connected"]);
        // One alone is told as one.
        join(&app, 5, "222222");
        app.advance(3600);
        app.deliver_all();
        assert_eq!(subjects(&app, &bo.1), ["3 new patients connected", "A new patient connected"]);
    }

    fn a_daily_digest_goes_out_at_eight_in_the_practices_time(app: TestApp) {
        let (admin, people, _) = listed(&app);
        set(&app, &admin, &people[0].0.staff_id, "daily");
        set(&app, &admin, &people[1].0.staff_id, "off");
        join(&app, 0, "222222");
        app.advance(3 * 3600);
        join(&app, 1, "222222");
        // It is 12:00 in Chicago; eight is twenty hours away.
        app.advance(20 * 3600 - 1);
        app.deliver_all();
        assert!(subjects(&app, &people[0].1).is_empty());
        app.advance(1);
        app.deliver_all();
        let mail = app.carrier.sent_to(&people[0].1).pop().unwrap();
        assert_eq!(mail.subject, "2 new patients connected");
        assert!(mail.body.contains("between 9:00 AM and 12:00 PM CST"), "{}", mail.body);
        assert!(subjects(&app, &people[1].1).is_empty(), "off is off");
    }

    fn a_digest_that_was_tried_takes_nobody_in_any_more(app: TestApp) {
        let (admin, people, _) = listed(&app);
        set(&app, &admin, &people[0].0.staff_id, "hourly");
        set(&app, &admin, &people[1].0.staff_id, "off");
        join(&app, 0, "222222");
        app.advance(3600);
        // Nobody knows whether that mail arrived, so it must not change.
        app.carrier.answer_next(1, &Outcome::Ambiguous("unanswered"));
        app.deliver_all();
        join(&app, 1, "222222");
        app.advance(3600);
        app.deliver_all();
        let told: usize = subjects(&app, &people[0].1).iter().map(|subject| told(subject)).sum();
        assert_eq!((told, subjects(&app, &people[0].1).len()), (2, 2));
    }

    fn who_turns_to_immediate_is_told_at_once_and_the_open_digest_still_comes(app: TestApp) {
        let (admin, people, _) = listed(&app);
        let (bo, mail) = &people[0];
        set(&app, &admin, &bo.staff_id, "daily");
        join(&app, 0, "222222");
        set(&app, &admin, &bo.staff_id, "immediate");
        join(&app, 1, "222222");
        app.deliver_all();
        assert_eq!(subjects(&app, mail), ["A new patient connected"]);
        app.advance(24 * 3600);
        app.deliver_all();
        assert_eq!(subjects(&app, mail).len(), 2);
    }

    fn every_pairing_is_in_exactly_one_mail(on: Builder) {
        let app = crowded(on);
        for n in 0..40 {
            join(&app, n, DEMO);
            app.advance(u64::from(n % 7) * 20);
            app.deliver_all();
        }
        app.advance(3600);
        app.deliver_all();
        let told: usize = subjects(&app, DESK).iter().map(|subject| told(subject)).sum();
        assert_eq!(told, 40, "{:?}", subjects(&app, DESK));
    }
}

postgres! {
    fn thirty_two_pairings_at_once_are_each_in_exactly_one_mail(on: Builder) {
        let app = crowded(on.pool(40));
        let (admin, people, _) = listed(&app);
        let (bo, cy) = (&people[0], &people[1]);
        set(&app, &admin, &bo.0.staff_id, "hourly");
        app.advance(3590);
        let proofs: Vec<String> = (0..32).map(|n| app.verify(&phone(n))).collect();
        let token = app.link_token("222222");
        // The full hour strikes while they are at it: the worker claims what they add to.
        app.advance(9);
        let app = &app;
        together(33, |n| match proofs.get(n) {
            Some(proof) => {
                if n % 4 == 3 {
                    app.clock.advance(std::time::Duration::from_millis(300));
                }
                app.post("/v1/accounts", sign_up_body(proof, &token)).send().expect(201);
            }
            None => {
                for _ in 0..40 {
                    app.deliver_all();
                }
            }
        });
        app.advance(2 * 3600);
        app.deliver_all();
        for (_, mail) in [bo, cy] {
            let told: usize = subjects(app, mail).iter().map(|subject| told(subject)).sum();
            assert_eq!(told, 32, "{:?}", subjects(app, mail));
        }
        assert_eq!(app.outbox("queued") + app.outbox("leased"), 0);
    }
}
