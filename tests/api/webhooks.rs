//! Webhooks: signed calls to a practice's endpoint, here a small server with scripted responses.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use practice_links::delivery::Transports;
use practice_links::domain::events::EventKind;
use practice_links::domain::links::{self, NewLink};
use practice_links::domain::retention;
use practice_links::domain::staff::Role;
use practice_links::kit::{Secret, standard_webhooks};
use practice_links::platform::db;
use practice_links::platform::event_log::Actor;
use practice_links::platform::outbox::{Outcome, Worker};
use serde_json::{Value, json};

use crate::harness::{Builder, Reply, StaffClient, TestApp, as_staff, phone, sign_up_body, together};

const HOOKS: &str = "/v1/practice/webhooks";
const LINK: &str = "500005";
/// The recording transport accepts any URL.
const URL: &str = "https://hooks.elm.com/in?token=s3cret";
const HOUR: u64 = 3600;

/// One call as the practice's server received it.
#[derive(Clone, Debug)]
struct ReceivedCall {
    line: String,
    headers: BTreeMap<String, String>,
    body: String,
}

impl ReceivedCall {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Whether one of its signatures is the one that `secret` makes.
    fn is_signed_by(&self, secret: &str) -> bool {
        let (id, seconds) = (&self.headers["webhook-id"], self.headers["webhook-timestamp"].parse().unwrap());
        let made = standard_webhooks::sign(&Secret::from_client(secret), id, seconds, &self.body).unwrap();
        self.signatures().contains(&made.as_str())
    }

    fn signatures(&self) -> Vec<&str> {
        self.headers["webhook-signature"].split(' ').collect()
    }
}

/// A practice's server: the calls it received, and its next responses (a status line and further headers).
#[derive(Default)]
struct Receiver {
    url: String,
    received: Mutex<Vec<ReceivedCall>>,
    answers: Mutex<VecDeque<String>>,
}

impl Receiver {
    /// Listens on loopback as long as the test process lives.
    fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/in", listener.local_addr().unwrap());
        let receiver = Arc::new(Self { url, ..Self::default() });
        let shared = Arc::clone(&receiver);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                shared.receive(stream);
            }
        });
        receiver
    }

    fn receive(&self, mut stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let head = reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty());
        let headers: BTreeMap<String, String> = head
            .filter_map(|line| {
                Some((line.split_once(':')?.0.to_lowercase(), line.split_once(':')?.1.trim().into()))
            })
            .collect();
        let mut body = vec![0; headers["content-length"].parse().ok()?];
        reader.read_exact(&mut body).ok()?;
        let body = String::from_utf8(body).ok()?;
        self.received.lock().unwrap().push(ReceivedCall { line: line.trim().to_owned(), headers, body });
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or_else(|| "200 OK".into());
        stream.write_all(format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n").as_bytes()).ok()
    }

    fn answer_next(&self, answer: &str) {
        self.answers.lock().unwrap().push_back(answer.to_owned());
    }

    fn received(&self) -> Vec<ReceivedCall> {
        self.received.lock().unwrap().clone()
    }
}

/// Makes a practice with a link; returns its admin.
fn elm(app: &TestApp) -> StaffClient {
    let practice = app.practice("Elm Dental", None);
    app.link_with(&practice.id, LINK, &NewLink { is_default: true, ..NewLink::plain("Elm Dental") });
    app.staff_client(&practice, "ana", Role::Admin)
}

/// A service that may call loopback addresses, the practice's admin, and a worker with real providers.
fn with_real_calls(on: Builder) -> (TestApp, StaffClient, Worker) {
    let app = on.config(|config| config.webhooks.allow_private = true).start();
    let admin = elm(&app);
    let transport = Arc::new(Transports::new(&app.state.service, &app.state.delivery).unwrap());
    let worker = Worker::new(app.state.service.clone(), Arc::clone(&app.state.topics), transport);
    (app, admin, worker)
}

fn run(worker: &Worker) {
    while worker.run_once().unwrap() {}
}

#[track_caller]
fn make(app: &TestApp, admin: &StaffClient, body: Value) -> (String, String) {
    let made = as_staff(admin, app.post(HOOKS, body)).send().expect(201);
    (made.str("/webhook/id"), made.str("/secret"))
}

fn change(app: &TestApp, admin: &StaffClient, id: &str, body: Value) -> Reply {
    as_staff(admin, app.patch(&format!("{HOOKS}/{id}"), body)).send()
}

fn show(app: &TestApp, admin: &StaffClient, id: &str) -> Value {
    as_staff(admin, app.get(&format!("{HOOKS}/{id}"))).send().expect(200).at("/webhook")
}

fn log(app: &TestApp, admin: &StaffClient, id: &str) -> Vec<Value> {
    let page = as_staff(admin, app.get(&format!("{HOOKS}/{id}/deliveries"))).send().expect(200);
    page.at("/items").as_array().unwrap().clone()
}

fn replay(app: &TestApp, admin: &StaffClient, id: &str, delivery: &Value) -> Reply {
    let path = format!("{HOOKS}/{id}/deliveries/{}/replay", delivery["id"].as_str().unwrap());
    as_staff(admin, app.call("POST", &path)).send()
}

/// Causes an event: the practice renames its link.
fn rename_the_link(app: &TestApp, admin: &StaffClient, label: &str) {
    let link = as_staff(admin, app.get("/v1/practice/links")).send().expect(200).str("/items/0/id");
    let path = format!("/v1/practice/links/{link}");
    as_staff(admin, app.patch(&path, json!({ "label": label }))).send().expect(200);
}

/// Signs a patient up and delivers nothing yet.
fn sign_up(app: &TestApp) -> Reply {
    let proof = app.verify(&phone(4));
    app.post("/v1/accounts", sign_up_body(&proof, &app.link_token(LINK))).send().expect(201)
}

both! {
    fn sign_up_sends_signed_events_that_carry_only_ids(on: Builder) {
        let (app, admin, worker) = with_real_calls(on);
        let receiver = Receiver::start();
        let (id, secret) = make(&app, &admin, json!({ "url": receiver.url, "label": " Practice software " }));
        let made = sign_up(&app);
        run(&worker);

        let calls = receiver.received();
        assert_eq!(calls.len(), 2);
        for call in &calls {
            assert_eq!(call.line, "POST /in HTTP/1.1");
            assert_eq!(call.headers["content-type"], "application/json");
            assert!(call.headers["user-agent"].starts_with("practice-links/"), "{call:?}");
            assert_eq!(call.headers["webhook-timestamp"], app.now().seconds().to_string());
            assert_eq!(call.signatures().len(), 1);
            assert!(call.is_signed_by(&secret), "{call:?}");
            assert!(call.body.len() < 20_000);
            let body = call.json();
            assert_eq!(body["timestamp"], json!(app.now()));
            assert_eq!(body["data"]["pairing_id"], made.at("/pairing/id"));
            assert_eq!(body["data"]["conversation_id"], made.at("/conversation/id"));
            assert_eq!(body["data"]["patient_id"], made.at("/patient/id"));
            assert_eq!(body["data"]["link_id"], made.at("/pairing/source/link_id"));
            // No patient data leaves the service.
            for private in ["Alex", "Rivera", "1987-05-31", &phone(4)[1..], &phone(4)[5..], "Elm"] {
                assert!(!call.body.contains(private), "{private} in {}", call.body);
            }
        }
        // Both events are of the same moment: calls have no order, which the documentation says.
        let sorted = |words: Vec<String>| words.into_iter().collect::<std::collections::BTreeSet<_>>();
        let kinds = calls.iter().map(|call| call.json()["type"].as_str().unwrap().to_owned()).collect();
        assert_eq!(sorted(kinds), sorted(vec!["pairing.created".into(), "conversation.created".into()]));
        let ids = log(&app, &admin, &id).iter().map(|line| line["event_id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(sorted(ids), sorted(calls.iter().map(|call| call.headers["webhook-id"].clone()).collect()));
        for line in log(&app, &admin, &id) {
            assert_eq!((&line["state"], &line["attempts"], &line["last_outcome"]), (&json!("delivered"), &json!(1), &json!("sent")));
            assert_eq!(line["settled_at"], json!(app.now()));
        }
        assert_eq!(show(&app, &admin, &id)["label"], "Practice software");
    }

    fn endpoint_gets_only_the_events_it_subscribed_to(app: TestApp) {
        let admin = elm(&app);
        let (links, _) = make(&app, &admin, json!({ "url": URL, "events": ["link.changed"] }));
        let (all, _) = make(&app, &admin, json!({ "url": URL, "events": null }));
        let (stopped, _) = make(&app, &admin, json!({ "url": URL }));
        change(&app, &admin, &stopped, json!({ "state": "disabled" })).expect(200);
        rename_the_link(&app, &admin, "Front door");
        app.advance(1);
        sign_up(&app);
        app.deliver_all();
        let kinds = |id: &str| log(&app, &admin, id).into_iter().map(|line| line["kind"].clone()).collect::<Vec<_>>();
        assert_eq!(kinds(&links), ["link.changed"]);
        let kinds_of_all = kinds(&all);
        assert!(kinds_of_all[..2].contains(&json!("conversation.created")) && kinds_of_all[..2].contains(&json!("pairing.created")));
        assert_eq!(kinds_of_all[2..], ["link.changed"], "newest first");
        assert!(kinds(&stopped).is_empty());
        // All endpoints get the same event id.
        assert_eq!(log(&app, &admin, &links)[0]["event_id"], log(&app, &admin, &all)[2]["event_id"]);
        change(&app, &admin, &links, json!({ "events": ["invite.accepted", "identity.changed"] })).expect(200);
        rename_the_link(&app, &admin, "Back door");
        app.deliver_all();
        assert_eq!(kinds(&links).len(), 1);
        assert_eq!(kinds(&all).len(), 4);
    }

    fn event_without_a_subscriber_is_not_stored(app: TestApp) {
        let (admin, elsewhere) = (elm(&app), app.practice("Birch Clinic", None));
        make(&app, &app.staff_client(&elsewhere, "bo", Role::Admin), json!({ "url": URL }));
        make(&app, &admin, json!({ "url": URL, "events": ["invite.accepted"] }));
        sign_up(&app);
        rename_the_link(&app, &admin, "Front door");
        assert_eq!(app.count("SELECT count(*) FROM webhook_events"), 0);
        assert_eq!(app.count("SELECT count(*) FROM outbox WHERE topic = 'webhook'"), 0);
    }

    fn rolled_back_event_is_not_sent(app: TestApp) {
        let admin = elm(&app);
        make(&app, &admin, json!({ "url": URL }));
        let undone = app.state.service.write_blocking(|tx| {
            let link = links::default_of(tx, &admin.practice_id)?.expect("the practice has a link");
            tx.emit(Some(&admin.practice_id), Actor::Operator, EventKind::LinkChanged, &link.id, json!({}));
            Err::<(), _>(db::Error::Busy)
        });
        app.react();
        assert!(undone.is_err());
        for table in ["webhook_events", "webhook_deliveries", "outbox"] {
            assert_eq!(app.count(&format!("SELECT count(*) FROM {table}")), 0, "{table}");
        }
    }

    fn old_and_new_secret_both_sign_for_a_day_after_rotation(on: Builder) {
        let (app, admin, worker) = with_real_calls(on);
        let receiver = Receiver::start();
        let (id, first) = make(&app, &admin, json!({ "url": receiver.url }));
        let rotate = format!("{HOOKS}/{id}/rotate");
        let rotated = as_staff(&admin, app.call("POST", &rotate)).send().expect(200);
        let second = rotated.str("/secret");
        assert_ne!(first, second);
        assert!(rotated.at("/webhook/old_secret_until").is_string());

        rename_the_link(&app, &admin, "During");
        run(&worker);
        let call = receiver.received().pop().unwrap();
        assert_eq!(call.signatures().len(), 2);
        assert!(call.is_signed_by(&first) && call.is_signed_by(&second), "{call:?}");

        app.advance(24 * HOUR);
        rename_the_link(&app, &admin, "Afterwards");
        run(&worker);
        let call = receiver.received().pop().unwrap();
        assert_eq!(call.signatures().len(), 1);
        assert!(!call.is_signed_by(&first) && call.is_signed_by(&second), "{call:?}");
    }

    fn endpoint_that_answers_410_is_disabled(on: Builder) {
        let (app, admin, worker) = with_real_calls(on);
        let receiver = Receiver::start();
        let (id, _) = make(&app, &admin, json!({ "url": receiver.url }));
        receiver.answer_next("410 Gone");
        rename_the_link(&app, &admin, "One");
        run(&worker);
        assert_eq!(show(&app, &admin, &id)["state"], "disabled");
        assert_eq!(show(&app, &admin, &id)["disabled_reason"], "gone");
        let line = log(&app, &admin, &id).remove(0);
        assert_eq!((&line["state"], &line["last_outcome"]), (&json!("failed"), &json!("gone")));
        assert_eq!(app.count("SELECT count(*) FROM events WHERE kind = 'webhook.disabled' AND actor = 'system'"), 1);
        rename_the_link(&app, &admin, "Two");
        app.advance(72 * HOUR);
        run(&worker);
        assert_eq!(receiver.received().len(), 1);
        replay(&app, &admin, &id, &line).problem(409, "webhook_disabled");

        change(&app, &admin, &id, json!({ "state": "active" })).expect(200);
        assert_eq!(show(&app, &admin, &id)["disabled_reason"], Value::Null);
        replay(&app, &admin, &id, &line).expect(202);
        run(&worker);
        assert_eq!(receiver.received().len(), 2);
    }

    fn redirect_is_a_failure_and_is_not_followed(on: Builder) {
        let (app, admin, worker) = with_real_calls(on);
        let (receiver, other) = (Receiver::start(), Receiver::start());
        let (id, _) = make(&app, &admin, json!({ "url": receiver.url }));
        for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
            receiver.answer_next(&format!("{status}\r\nlocation: {}", other.url));
        }
        rename_the_link(&app, &admin, "One");
        for round in 1..=4 {
            run(&worker);
            assert_eq!(receiver.received().len(), round);
            let line = log(&app, &admin, &id).remove(0);
            assert_eq!((&line["state"], &line["last_outcome"]), (&json!("queued"), &json!("redirect")));
            app.advance(3 * HOUR);
        }
        run(&worker);
        assert_eq!(log(&app, &admin, &id)[0]["state"], "delivered");
        assert!(other.received().is_empty(), "the redirect was followed");
        let ids: HashSet<_> = receiver.received().iter().map(|call| call.headers["webhook-id"].clone()).collect();
        let times: HashSet<_> = receiver.received().iter().map(|call| call.headers["webhook-timestamp"].clone()).collect();
        assert_eq!((ids.len(), times.len()), (1, 5), "one id, and a timestamp per attempt");
    }

    fn busy_endpoint_is_called_after_its_retry_after(on: Builder) {
        let (app, admin, worker) = with_real_calls(on);
        let receiver = Receiver::start();
        make(&app, &admin, json!({ "url": receiver.url }));
        receiver.answer_next("503 Busy\r\nretry-after: 600");
        rename_the_link(&app, &admin, "One");
        run(&worker);
        app.advance(599);
        run(&worker);
        assert_eq!(receiver.received().len(), 1);
        app.advance(1);
        run(&worker);
        assert_eq!(receiver.received().len(), 2);
    }

    fn failing_delivery_gets_ten_attempts_over_three_days(app: TestApp) {
        let admin = elm(&app);
        let (id, _) = make(&app, &admin, json!({ "url": URL }));
        app.transport.answer_next(20, &Outcome::Retry("http_5xx"));
        rename_the_link(&app, &admin, "One");
        assert_eq!(app.deliver_all(), 1);
        for (attempts, wait) in [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400_u64].into_iter().enumerate() {
            assert_eq!(app.transport.attempts().len(), attempts + 1);
            app.advance(wait - 1);
            assert_eq!(app.deliver_all(), 0, "early, after {wait} s");
            // The jitter is up to a quarter.
            app.advance(wait / 4 + 2);
            assert_eq!(app.deliver_all(), 1, "late, after {wait} s");
        }
        let line = log(&app, &admin, &id).remove(0);
        assert_eq!((&line["state"], &line["attempts"], &line["last_outcome"]), (&json!("failed"), &json!(10), &json!("http_5xx")));
        app.advance(10 * 24 * HOUR);
        assert_eq!(app.deliver_all(), 0);
        // The endpoint stays active for the next event.
        assert_eq!(show(&app, &admin, &id)["state"], "active");
        rename_the_link(&app, &admin, "Two");
        assert_eq!(app.deliver_all(), 1);
        app.leave_outbox();
    }

    fn replay_sends_the_same_event_immediately_and_once(app: TestApp) {
        let admin = elm(&app);
        let (id, _) = make(&app, &admin, json!({ "url": URL }));
        app.transport.answer_next(3, &Outcome::Retry("timeout"));
        rename_the_link(&app, &admin, "One");
        for _ in 0..3 {
            app.deliver_all();
            app.advance(400);
        }
        let line = log(&app, &admin, &id).remove(0);
        assert_eq!((&line["state"], &line["attempts"]), (&json!("queued"), &json!(3)));
        // The next attempt would be in half an hour.
        let answer = replay(&app, &admin, &id, &line).expect(202);
        assert_eq!((answer.at("/delivery/state"), answer.at("/delivery/replays")), (json!("queued"), json!(1)));
        assert_eq!(app.deliver_all(), 1);
        let line = log(&app, &admin, &id).remove(0);
        assert_eq!((&line["state"], &line["attempts"], &line["replays"]), (&json!("delivered"), &json!(4), &json!(1)));
        // The replaced attempt is dropped and changes nothing.
        app.advance(2 * HOUR);
        app.deliver_all();
        assert_eq!(app.transport.sent().len(), 1);
        assert_eq!(log(&app, &admin, &id)[0]["state"], "delivered");

        replay(&app, &admin, &id, &line).expect(202);
        app.deliver_all();
        let sent = app.transport.sent();
        assert_eq!(sent.len(), 2);
        assert_eq!(sent[0].body, sent[1].body);
        assert_ne!(sent[0].row_id, sent[1].row_id);
        assert_eq!(app.count("SELECT count(*) FROM webhook_events"), 1);
        assert_eq!(app.count("SELECT count(*) FROM events WHERE kind = 'webhook.replayed'"), 2);
    }

    fn delivery_to_disabled_endpoint_fails_and_can_be_replayed(app: TestApp) {
        let admin = elm(&app);
        let (id, _) = make(&app, &admin, json!({ "url": URL }));
        rename_the_link(&app, &admin, "One");
        change(&app, &admin, &id, json!({ "state": "disabled" })).expect(200);
        assert_eq!(show(&app, &admin, &id)["disabled_reason"], "staff");
        app.deliver_all();
        assert!(app.transport.attempts().is_empty());
        let line = log(&app, &admin, &id).remove(0);
        assert_eq!((&line["state"], &line["attempts"], &line["last_outcome"]), (&json!("failed"), &json!(0), &json!("endpoint_disabled")));
        change(&app, &admin, &id, json!({ "state": "active" })).expect(200);
        replay(&app, &admin, &id, &line).expect(202);
        app.deliver_all();
        assert_eq!(log(&app, &admin, &id)[0]["state"], "delivered");
    }

    fn deleted_endpoint_drops_its_queued_deliveries(app: TestApp) {
        let admin = elm(&app);
        let (id, _) = make(&app, &admin, json!({ "url": URL }));
        rename_the_link(&app, &admin, "One");
        as_staff(&admin, app.delete(&format!("{HOOKS}/{id}"))).send().expect(204);
        app.deliver_all();
        assert!(app.transport.sent().is_empty());
        assert_eq!(app.outbox("dropped"), 1);
        as_staff(&admin, app.get(&format!("{HOOKS}/{id}"))).send().problem(404, "webhook_not_found");
        as_staff(&admin, app.delete(&format!("{HOOKS}/{id}"))).send().problem(404, "webhook_not_found");
        let list = as_staff(&admin, app.get(HOOKS)).send().expect(200);
        assert_eq!(list.at("/items"), json!([]));
        assert_eq!(app.count("SELECT count(*) FROM webhook_endpoints WHERE url = '' AND secret = ''"), 1);
        retention::sweep(&app.state.service).unwrap();
        assert_eq!(app.count("SELECT count(*) FROM webhook_endpoints"), 1, "the delivery log is kept");
        app.advance(31 * 24 * HOUR);
        retention::sweep(&app.state.service).unwrap();
        assert_eq!(app.count("SELECT count(*) FROM webhook_endpoints"), 0);
    }

    fn events_and_their_log_are_kept_for_thirty_days(app: TestApp) {
        let admin = elm(&app);
        let (id, _) = make(&app, &admin, json!({ "url": URL }));
        rename_the_link(&app, &admin, "One");
        app.deliver_all();
        app.advance(29 * 24 * HOUR);
        rename_the_link(&app, &admin, "Two");
        app.deliver_all();
        retention::sweep(&app.state.service).unwrap();
        assert_eq!(app.count("SELECT count(*) FROM webhook_deliveries"), 2);
        app.advance(2 * 24 * HOUR);
        retention::sweep(&app.state.service).unwrap();
        assert_eq!(app.count("SELECT count(*) FROM webhook_deliveries"), 1);
        assert_eq!(app.count("SELECT count(*) FROM webhook_events"), 1);
        assert_eq!(app.count(&format!("SELECT count(*) FROM webhook_endpoints WHERE id = '{id}'")), 1);
    }

    fn only_admins_see_webhooks_of_their_own_practice(app: TestApp) {
        let admin = elm(&app);
        let (id, _) = make(&app, &admin, json!({ "url": URL }));
        rename_the_link(&app, &admin, "One");
        app.deliver_all();
        let delivery = log(&app, &admin, &id)[0]["id"].as_str().unwrap().to_owned();
        let (practice, other) = (app.practice("Birch Clinic", None), app.practice("Cedar Clinic", None));
        let (other_practice_admin, _) = (app.staff_client(&practice, "bo", Role::Admin), other);
        let elm = app.state.service.read_blocking(|tx| practice_links::domain::practices::find(tx, &admin.practice_id)).unwrap();
        let member = app.staff_client(&elm.clone().unwrap(), "mia", Role::Member);
        let support = app.staff_client(&elm.unwrap(), "sue", Role::Support);
        let one = format!("{HOOKS}/{id}");
        let calls = [
            app.get(&one), app.patch(&one, json!({ "label": "mine" })), app.delete(&one),
            app.call("POST", &format!("{one}/rotate")), app.get(&format!("{one}/deliveries")),
            app.call("POST", &format!("{one}/deliveries/{delivery}/replay")),
        ];
        for call in calls {
            call.clone().send().problem(401, "unauthorized");
            as_staff(&member, call.clone()).send().problem(403, "staff_forbidden");
            as_staff(&support, call.clone()).send().problem(403, "staff_forbidden");
            as_staff(&other_practice_admin, call).send().problem(404, "webhook_not_found");
        }
        for call in [app.get(HOOKS), app.post(HOOKS, json!({ "url": URL }))] {
            call.clone().send().problem(401, "unauthorized");
            as_staff(&member, call.clone()).send().problem(403, "staff_forbidden");
            as_staff(&support, call).send().problem(403, "staff_forbidden");
        }
        assert_eq!(as_staff(&other_practice_admin, app.get(HOOKS)).send().expect(200).at("/items"), json!([]));
        // A delivery of another endpoint is not found under this one.
        let (second, _) = make(&app, &admin, json!({ "url": URL }));
        replay(&app, &admin, &second, &json!({ "id": delivery })).problem(404, "webhook_not_found");
        replay(&app, &admin, &id, &json!({ "id": "whd_%00" })).problem(404, "webhook_not_found");
        assert_eq!(log(&app, &admin, &id)[0]["replays"], 0);
    }

    fn unsafe_url_is_refused_at_once(app: TestApp) {
        let admin = elm(&app);
        let (id, _) = make(&app, &admin, json!({ "url": URL }));
        for url in [
            "http://hooks.elm.com/", "https://localhost/", "https://127.0.0.1/", "https://0x7f.1/", "https://[::1]/",
            "https://169.254.169.254/latest", "https://user:pw@hooks.elm.com/", "https://hooks.elm.com:25/", "elm",
        ] {
            for answer in [
                as_staff(&admin, app.post(HOOKS, json!({ "url": url }))).send(),
                change(&app, &admin, &id, json!({ "url": url })),
            ] {
                let problem = answer.problem(422, "invalid_request");
                assert_eq!(problem.at("/errors/0/pointer"), "/url", "{url}");
                assert_eq!(problem.at("/errors/0/code"), "url_refused", "{url}");
            }
        }
        let wrong = [
            (json!({ "url": URL, "events": [] }), "/events"), (json!({ "url": URL, "label": "a\nb" }), "/label"),
            (json!({ "url": URL, "events": ["pairing.deleted"] }), "/events/0"), (json!({}), "/url"),
        ];
        for (body, pointer) in wrong {
            let problem = as_staff(&admin, app.post(HOOKS, body)).send().problem(422, "invalid_request");
            assert_eq!(problem.at("/errors/0/pointer"), pointer);
        }
    }

    // A name may resolve to a private address after the URL check, so the connection's resolver decides.
    fn name_that_resolves_to_a_private_address_is_not_called(on: Builder) {
        let (lax, admin, _) = with_real_calls(on);
        let receiver = Receiver::start();
        let (id, _) = make(&lax, &admin, json!({ "url": receiver.url.replace("http://127.0.0.1", "https://localhost") }));
        rename_the_link(&lax, &admin, "One");
        let mut strict = lax.state.service.clone();
        let mut config = (*strict.settings).clone();
        config.webhooks.allow_private = false;
        strict.settings = Arc::new(config);
        let transport = Arc::new(Transports::new(&strict, &lax.state.delivery).unwrap());
        Worker::new(strict, Arc::clone(&lax.state.topics), transport).run_once().unwrap();
        assert_eq!(log(&lax, &admin, &id)[0]["last_outcome"], "unreachable");
        assert!(receiver.received().is_empty());
        lax.leave_outbox();
    }

    fn database_and_audit_log_hold_no_secret(app: TestApp) {
        let admin = elm(&app);
        let (id, secret) = make(&app, &admin, json!({ "url": URL }));
        let rotated = as_staff(&admin, app.call("POST", &format!("{HOOKS}/{id}/rotate"))).send().expect(200);
        change(&app, &admin, &id, json!({ "label": "Other" })).expect(200);
        rename_the_link(&app, &admin, "One");
        app.deliver_all();
        for secret in [&secret, &rotated.str("/secret")] {
            let key = secret.trim_start_matches("whsec_").trim_end_matches('=');
            for (table, column) in [
                ("webhook_endpoints", "secret"), ("webhook_endpoints", "old_secret"), ("events", "detail"),
                ("outbox", "payload"), ("webhook_events", "body"),
            ] {
                assert_eq!(app.count(&format!("SELECT count(*) FROM {table} WHERE {column} LIKE '%{key}%'")), 0, "{table}.{column}");
            }
        }
        for private in ["s3cret", "/in", "?"] {
            let select = format!("SELECT count(*) FROM events WHERE kind LIKE 'webhook.%' AND detail LIKE '%{private}%'");
            assert_eq!(app.count(&select), 0, "{private}");
        }
        for action in ["webhook.created", "webhook.rotated", "webhook.changed"] {
            let select = format!("SELECT count(*) FROM events WHERE kind = '{action}' AND subject = '{id}' AND actor = '{}'", admin.staff_id);
            assert_eq!(app.count(&select), 1, "{action}");
        }
        // The secret is shown only once.
        assert!(show(&app, &admin, &id).get("secret").is_none());
    }

    fn delivery_log_is_paged_newest_first(app: TestApp) {
        let admin = elm(&app);
        let (id, _) = make(&app, &admin, json!({ "url": URL }));
        for n in 0..5 {
            app.advance(1);
            rename_the_link(&app, &admin, &format!("Door {n}"));
        }
        app.deliver_all();
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("{HOOKS}/{id}/deliveries?limit=2{cursor}");
            let page = as_staff(&admin, app.get(&path)).send().expect(200);
            seen.extend(page.at("/items").as_array().unwrap().iter().map(|line| line["id"].clone().to_string()));
            match page.at("/next_cursor").as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen.len(), 5);
        assert!(seen.is_sorted_by(|a, b| a > b), "{seen:?}");
    }

    fn repeated_request_creates_one_endpoint_with_one_secret(app: TestApp) {
        let admin = elm(&app);
        let create = || as_staff(&admin, app.post(HOOKS, json!({ "url": URL }))).key("k1").send().expect(201);
        assert_eq!(create().json(), create().json());
        assert_eq!(app.count("SELECT count(*) FROM webhook_endpoints"), 1);
    }

    fn practice_has_at_most_ten_endpoints(app: TestApp) {
        let admin = elm(&app);
        let mut last = String::new();
        for _ in 0..10 {
            last = make(&app, &admin, json!({ "url": URL })).0;
        }
        as_staff(&admin, app.post(HOOKS, json!({ "url": URL }))).send().problem(409, "webhook_limit");
        as_staff(&admin, app.delete(&format!("{HOOKS}/{last}"))).send().expect(204);
        make(&app, &admin, json!({ "url": URL }));
    }
}

postgres! {
    fn concurrent_requests_create_at_most_ten_endpoints(on: Builder) {
        let app = on.pool(40).start();
        let admin = elm(&app);
        for _ in 0..8 {
            make(&app, &admin, json!({ "url": URL }));
        }
        together(16, |_| as_staff(&admin, app.post(HOOKS, json!({ "url": URL }))).send());
        let made = app.count("SELECT count(*) FROM webhook_endpoints");
        assert!((9..=10).contains(&made), "{made}");
    }
}
