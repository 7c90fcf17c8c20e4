//! Notice frequency: immediate, hourly, daily, and one digest when many patients arrive at once. Every
//! pairing is in exactly one mail per recipient.

use practice_links::outbox::Outcome;
use practice_links::staff::Role;
use serde_json::json;

use crate::harness::{Builder, DEMO, StaffClient, TestApp, as_staff, phone, sign_up_body, together};

const FRONT_DESK: &str = "frontdesk@oakstreet.example";

fn with_high_limits(on: Builder) -> TestApp {
    on.config(|config| config.limits.scale = 1000.0).start()
}

fn pair_new_patient(app: &TestApp, n: u32, code: &str) {
    let proof = app.verify(&phone(n));
    app.post("/v1/accounts", sign_up_body(&proof, &app.link_token(code))).send().expect(201);
}

/// Subjects of the mails to an address, in order.
fn subjects(app: &TestApp, to: &str) -> Vec<String> {
    app.transport.sent_to(to).into_iter().map(|mail| mail.subject).collect()
}

/// How many patients a subject announces.
fn patients_in(subject: &str) -> usize {
    subject.split(' ').next().unwrap().parse().unwrap_or(1)
}

/// A practice with an admin and two members who are notified about link 222222; also returns the link's id.
fn practice_with_recipients(app: &TestApp) -> (StaffClient, Vec<(StaffClient, String)>, String) {
    let practice = app.practice("Elm Dental", Some("desk@elm.example"));
    let admin = app.staff_client(&practice, "ana", Role::Admin);
    let link = app.link("222222", &practice.id);
    let recipients: Vec<(StaffClient, String)> = ["bo", "cy"]
        .into_iter()
        .map(|name| {
            (
                app.staff_client(&practice, name, Role::Member),
                format!("{name}@{}.example", practice.id.replace('_', "-")),
            )
        })
        .collect();
    let ids: Vec<&String> = recipients.iter().map(|(member, _)| &member.staff_id).collect();
    let path = format!("/v1/practice/links/{}", link.id);
    as_staff(&admin, app.patch(&path, json!({ "notify": ids }))).send().expect(200);
    (admin, recipients, link.id)
}

fn set_frequency(app: &TestApp, by: &StaffClient, person: &str, frequency: &str) {
    let body = json!({ "person": person, "frequency": frequency });
    as_staff(by, app.patch("/v1/practice/notifications", body)).send().expect(200);
}

both! {
    fn eleventh_patient_within_15_minutes_opens_one_digest(on: Builder) {
        let app = with_high_limits(on);
        for n in 0..16 {
            pair_new_patient(&app, n, DEMO);
            app.deliver_all();
            app.advance(10);
        }
        assert_eq!(subjects(&app, FRONT_DESK).len(), 10);
        assert_eq!(app.count("SELECT count(*) FROM digests"), 1);
        app.advance(15 * 60);
        app.deliver_all();
        let mails = app.transport.sent_to(FRONT_DESK);
        assert_eq!((mails.len(), mails[10].subject.as_str()), (11, "6 new patients connected"));
        for text in [&mails[10].body, &mails[10].html] {
            assert!(text.contains("Nov 22, 2026, between 9:01 AM and 9:02 AM CST"), "{text}");
            assert!(text.contains("Demo flyer"), "{text}");
        }
        // The burst is over: the next patient gets a separate mail.
        pair_new_patient(&app, 20, DEMO);
        app.deliver_all();
        assert_eq!(subjects(&app, FRONT_DESK).last().unwrap(), "A new patient connected");
        assert_eq!(app.outbox("queued"), 0);
    }

    fn hourly_digest_is_sent_at_the_full_hour(app: TestApp) {
        let (admin, recipients, _) = practice_with_recipients(&app);
        let (hourly, immediate) = (&recipients[0], &recipients[1]);
        set_frequency(&app, &admin, &hourly.0.staff_id, "hourly");
        app.advance(20 * 60);
        for n in 0..3 {
            pair_new_patient(&app, n, "222222");
        }
        app.deliver_all();
        assert_eq!((subjects(&app, &hourly.1).len(), subjects(&app, &immediate.1).len()), (0, 3));
        app.advance(40 * 60 - 1);
        app.deliver_all();
        assert!(subjects(&app, &hourly.1).is_empty());
        app.advance(1);
        app.deliver_all();
        assert_eq!(subjects(&app, &hourly.1), ["3 new patients connected"]);
        // A digest with one patient reads like a single notice.
        pair_new_patient(&app, 5, "222222");
        app.advance(3600);
        app.deliver_all();
        assert_eq!(subjects(&app, &hourly.1), ["3 new patients connected", "A new patient connected"]);
    }

    fn daily_digest_is_sent_at_eight_in_the_practices_time_zone(app: TestApp) {
        let (admin, recipients, _) = practice_with_recipients(&app);
        set_frequency(&app, &admin, &recipients[0].0.staff_id, "daily");
        set_frequency(&app, &admin, &recipients[1].0.staff_id, "off");
        pair_new_patient(&app, 0, "222222");
        app.advance(3 * 3600);
        pair_new_patient(&app, 1, "222222");
        // It is 12:00 in Chicago; 8:00 is twenty hours away.
        app.advance(20 * 3600 - 1);
        app.deliver_all();
        assert!(subjects(&app, &recipients[0].1).is_empty());
        app.advance(1);
        app.deliver_all();
        let mail = app.transport.sent_to(&recipients[0].1).pop().unwrap();
        assert_eq!(mail.subject, "2 new patients connected");
        assert!(mail.body.contains("between 9:00 AM and 12:00 PM CST"), "{}", mail.body);
        assert!(subjects(&app, &recipients[1].1).is_empty(), "`off` means no mail");
    }

    fn digest_takes_no_more_patients_after_a_send_attempt(app: TestApp) {
        let (admin, recipients, _) = practice_with_recipients(&app);
        set_frequency(&app, &admin, &recipients[0].0.staff_id, "hourly");
        set_frequency(&app, &admin, &recipients[1].0.staff_id, "off");
        pair_new_patient(&app, 0, "222222");
        app.advance(3600);
        // It is unknown whether that mail arrived, so its content must not change.
        app.transport.answer_next(1, &Outcome::Ambiguous("unanswered"));
        app.deliver_all();
        pair_new_patient(&app, 1, "222222");
        app.advance(3600);
        app.deliver_all();
        let announced: usize = subjects(&app, &recipients[0].1).iter().map(|subject| patients_in(subject)).sum();
        assert_eq!((announced, subjects(&app, &recipients[0].1).len()), (2, 2));
    }

    fn switching_to_immediate_also_flushes_the_open_digest(app: TestApp) {
        let (admin, recipients, _) = practice_with_recipients(&app);
        let (member, address) = &recipients[0];
        set_frequency(&app, &admin, &member.staff_id, "daily");
        pair_new_patient(&app, 0, "222222");
        set_frequency(&app, &admin, &member.staff_id, "immediate");
        pair_new_patient(&app, 1, "222222");
        app.deliver_all();
        assert_eq!(subjects(&app, address), ["A new patient connected"]);
        app.advance(24 * 3600);
        app.deliver_all();
        assert_eq!(subjects(&app, address).len(), 2);
    }

    fn every_pairing_is_in_exactly_one_mail(on: Builder) {
        let app = with_high_limits(on);
        for n in 0..40 {
            pair_new_patient(&app, n, DEMO);
            app.advance(u64::from(n % 7) * 20);
            app.deliver_all();
        }
        app.advance(3600);
        app.deliver_all();
        let announced: usize = subjects(&app, FRONT_DESK).iter().map(|subject| patients_in(subject)).sum();
        assert_eq!(announced, 40, "{:?}", subjects(&app, FRONT_DESK));
    }
}

postgres! {
    fn concurrent_pairings_are_each_in_exactly_one_mail(on: Builder) {
        let app = with_high_limits(on.pool(40));
        let (admin, recipients, _) = practice_with_recipients(&app);
        let (hourly, immediate) = (&recipients[0], &recipients[1]);
        set_frequency(&app, &admin, &hourly.0.staff_id, "hourly");
        app.advance(3590);
        let proofs: Vec<String> = (0..32).map(|n| app.verify(&phone(n))).collect();
        let token = app.link_token("222222");
        // The full hour passes while they sign up: the worker claims the digest they are adding to.
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
        for (_, address) in [hourly, immediate] {
            let announced: usize = subjects(app, address).iter().map(|subject| patients_in(subject)).sum();
            assert_eq!(announced, 32, "{:?}", subjects(app, address));
        }
        assert_eq!(app.outbox("queued") + app.outbox("leased"), 0);
    }
}
