//! Signed calls of a practice's own machine, against a small server in this process that answers as it is told.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use practice_links::app as topics;
use practice_links::delivery::Providers;
use practice_links::domain::links::NewLink;
use practice_links::domain::retention;
use practice_links::domain::staff::Role;
use practice_links::domain::webhooks::{self, Fact};
use practice_links::kit::{Secret, standard_webhooks};
use practice_links::platform::db;
use practice_links::platform::outbox::{Outcome, Worker};
use serde_json::{Value, json};

use crate::harness::{Builder, Desk, Reply, TestApp, as_desk, phone, sign_up_body, together};

const HOOKS: &str = "/v1/practice/webhooks";
const LINK: &str = "500005";
/// A URL that a recorder takes for any other.
const URL: &str = "https://hooks.elm.com/in?token=s3cret";
const HOUR: u64 = 3600;

/// One call as the practice's machine saw it.
#[derive(Clone, Debug)]
struct Heard {
    line: String,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Heard {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The signatures that `secret` would make of it.
    fn is_signed_by(&self, secret: &str) -> bool {
        let (id, seconds) = (&self.headers["webhook-id"], self.headers["webhook-timestamp"].parse().unwrap());
        let made = standard_webhooks::sign(&Secret::from_client(secret), id, seconds, &self.body).unwrap();
        self.signatures().contains(&made.as_str())
    }

    fn signatures(&self) -> Vec<&str> {
        self.headers["webhook-signature"].split(' ').collect()
    }
}

/// What the machine heard, and how it is to answer the next calls: a status and further headers.
#[derive(Default)]
struct Machine {
    url: String,
    heard: Mutex<Vec<Heard>>,
    answers: Mutex<VecDeque<String>>,
}

impl Machine {
    /// On loopback; it lives as long as the test process.
    fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/in", listener.local_addr().unwrap());
        let machine = Arc::new(Self { url, ..Self::default() });
        let shared = Arc::clone(&machine);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                shared.hear(stream);
            }
        });
        machine
    }

    fn hear(&self, mut stream: TcpStream) -> Option<()> {
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
        self.heard.lock().unwrap().push(Heard { line: line.trim().to_owned(), headers, body });
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or_else(|| "200 OK".into());
        stream.write_all(format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n").as_bytes()).ok()
    }

    fn answer_next(&self, answer: &str) {
        self.answers.lock().unwrap().push_back(answer.to_owned());
    }

    fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

/// A practice with a link and an admin.
fn elm(app: &TestApp) -> Desk {
    let practice = app.practice("Elm Dental", None);
    app.link_with(LINK, &NewLink { is_default: true, ..NewLink::plain(&practice.id, "Elm Dental") });
    app.desk(&practice, "ana", Role::Admin)
}

/// A service that may call this machine, the practice's admin, and a worker with real providers.
fn with_real_calls(on: Builder) -> (TestApp, Desk, Worker) {
    let app = on.config(|config| config.webhooks.allow_private = true).start();
    let desk = elm(&app);
    let carrier = Arc::new(Providers::from_settings(&app.inner).unwrap());
    let worker = Worker::new(app.inner.clone(), topics::all(), carrier);
    (app, desk, worker)
}

fn run(worker: &Worker) {
    while worker.run_once().unwrap() {}
}

#[track_caller]
fn make(app: &TestApp, desk: &Desk, body: Value) -> (String, String) {
    let made = as_desk(desk, app.post(HOOKS, body)).send().expect(201);
    (made.str("/webhook/id"), made.str("/secret"))
}

fn change(app: &TestApp, desk: &Desk, id: &str, body: Value) -> Reply {
    as_desk(desk, app.patch(&format!("{HOOKS}/{id}"), body)).send()
}

fn show(app: &TestApp, desk: &Desk, id: &str) -> Value {
    as_desk(desk, app.get(&format!("{HOOKS}/{id}"))).send().expect(200).at("/webhook")
}

fn log(app: &TestApp, desk: &Desk, id: &str) -> Vec<Value> {
    let page = as_desk(desk, app.get(&format!("{HOOKS}/{id}/deliveries"))).send().expect(200);
    page.at("/items").as_array().unwrap().clone()
}

fn replay(app: &TestApp, desk: &Desk, id: &str, delivery: &Value) -> Reply {
    let path = format!("{HOOKS}/{id}/deliveries/{}/replay", delivery["id"].as_str().unwrap());
    as_desk(desk, app.call("POST", &path)).send()
}

/// Something that is told: the practice renames its link.
fn rename_the_link(app: &TestApp, desk: &Desk, label: &str) {
    let link = as_desk(desk, app.get("/v1/practice/links")).send().expect(200).str("/items/0/id");
    let path = format!("/v1/practice/links/{link}");
    as_desk(desk, app.patch(&path, json!({ "label": label }))).send().expect(200);
}

/// A patient signs up, and nothing is delivered yet.
fn sign_up(app: &TestApp) -> Reply {
    let proof = app.verify(&phone(4));
    app.post("/v1/accounts", sign_up_body(&proof, &app.link_token(LINK))).send().expect(201)
}

both! {
    fn a_sign_up_is_told_in_ids_alone_and_signed(on: Builder) {
        let (app, desk, worker) = with_real_calls(on);
        let machine = Machine::start();
        let (id, secret) = make(&app, &desk, json!({ "url": machine.url, "label": " Practice software " }));
        let made = sign_up(&app);
        run(&worker);

        let heard = machine.heard();
        assert_eq!(heard.len(), 2);
        for call in &heard {
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
            // Whom it is about stays here.
            for private in ["Alex", "Rivera", "1987-05-31", &phone(4)[1..], &phone(4)[5..], "Elm"] {
                assert!(!call.body.contains(private), "{private} in {}", call.body);
            }
        }
        // Of one moment: calls have no order, and receivers are told so.
        let sorted = |words: Vec<String>| words.into_iter().collect::<std::collections::BTreeSet<_>>();
        let kinds = heard.iter().map(|call| call.json()["type"].as_str().unwrap().to_owned()).collect();
        assert_eq!(sorted(kinds), sorted(vec!["pairing.created".into(), "conversation.created".into()]));
        let ids = log(&app, &desk, &id).iter().map(|line| line["event_id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(sorted(ids), sorted(heard.iter().map(|call| call.headers["webhook-id"].clone()).collect()));
        for line in log(&app, &desk, &id) {
            assert_eq!((&line["state"], &line["attempts"], &line["last_outcome"]), (&json!("delivered"), &json!(1), &json!("sent")));
            assert_eq!(line["settled_at"], json!(app.now()));
        }
        assert_eq!(show(&app, &desk, &id)["label"], "Practice software");
    }

    fn an_endpoint_is_told_what_it_asked_for(app: TestApp) {
        let desk = elm(&app);
        let (links, _) = make(&app, &desk, json!({ "url": URL, "events": ["link.changed"] }));
        let (all, _) = make(&app, &desk, json!({ "url": URL, "events": null }));
        let (stopped, _) = make(&app, &desk, json!({ "url": URL }));
        change(&app, &desk, &stopped, json!({ "state": "disabled" })).expect(200);
        rename_the_link(&app, &desk, "Front door");
        app.advance(1);
        sign_up(&app);
        app.deliver_all();
        let kinds = |id: &str| log(&app, &desk, id).into_iter().map(|line| line["kind"].clone()).collect::<Vec<_>>();
        assert_eq!(kinds(&links), ["link.changed"]);
        let told = kinds(&all);
        assert!(told[..2].contains(&json!("conversation.created")) && told[..2].contains(&json!("pairing.created")));
        assert_eq!(told[2..], ["link.changed"], "the newest first");
        assert!(kinds(&stopped).is_empty());
        // One event, whoever is told of it.
        assert_eq!(log(&app, &desk, &links)[0]["event_id"], log(&app, &desk, &all)[2]["event_id"]);
        change(&app, &desk, &links, json!({ "events": ["invite.accepted", "identity.changed"] })).expect(200);
        rename_the_link(&app, &desk, "Back door");
        app.deliver_all();
        assert_eq!(kinds(&links).len(), 1);
        assert_eq!(kinds(&all).len(), 4);
    }

    fn where_nobody_listens_nothing_is_written(app: TestApp) {
        let (desk, elsewhere) = (elm(&app), app.practice("Birch Clinic", None));
        make(&app, &app.desk(&elsewhere, "bo", Role::Admin), json!({ "url": URL }));
        make(&app, &desk, json!({ "url": URL, "events": ["invite.accepted"] }));
        sign_up(&app);
        rename_the_link(&app, &desk, "Front door");
        assert_eq!(app.count("SELECT count(*) FROM webhook_events"), 0);
        assert_eq!(app.count("SELECT count(*) FROM outbox WHERE topic = 'webhook'"), 0);
    }

    fn a_fact_that_is_rolled_back_is_not_told(app: TestApp) {
        let desk = elm(&app);
        make(&app, &desk, json!({ "url": URL }));
        let fact = Fact::LinkChanged { link_id: "lnk_1", code: LINK, state: "active" };
        let undone = app.inner.write_blocking(|tx| {
            webhooks::emit(tx, &desk.practice_id, &[fact])?;
            Err::<(), _>(db::Error::Busy)
        });
        assert!(undone.is_err());
        for table in ["webhook_events", "webhook_deliveries", "outbox"] {
            assert_eq!(app.count(&format!("SELECT count(*) FROM {table}")), 0, "{table}");
        }
    }

    fn while_a_secret_is_replaced_both_sign_for_a_day(on: Builder) {
        let (app, desk, worker) = with_real_calls(on);
        let machine = Machine::start();
        let (id, first) = make(&app, &desk, json!({ "url": machine.url }));
        let rotate = format!("{HOOKS}/{id}/rotate");
        let rotated = as_desk(&desk, app.call("POST", &rotate)).send().expect(200);
        let second = rotated.str("/secret");
        assert_ne!(first, second);
        assert!(rotated.at("/webhook/old_secret_until").is_string());

        rename_the_link(&app, &desk, "During");
        run(&worker);
        let call = machine.heard().pop().unwrap();
        assert_eq!(call.signatures().len(), 2);
        assert!(call.is_signed_by(&first) && call.is_signed_by(&second), "{call:?}");

        app.advance(24 * HOUR);
        rename_the_link(&app, &desk, "Afterwards");
        run(&worker);
        let call = machine.heard().pop().unwrap();
        assert_eq!(call.signatures().len(), 1);
        assert!(!call.is_signed_by(&first) && call.is_signed_by(&second), "{call:?}");
    }

    fn a_machine_that_is_gone_is_called_no_more(on: Builder) {
        let (app, desk, worker) = with_real_calls(on);
        let machine = Machine::start();
        let (id, _) = make(&app, &desk, json!({ "url": machine.url }));
        machine.answer_next("410 Gone");
        rename_the_link(&app, &desk, "One");
        run(&worker);
        assert_eq!(show(&app, &desk, &id)["state"], "disabled");
        assert_eq!(show(&app, &desk, &id)["disabled_reason"], "gone");
        let line = log(&app, &desk, &id).remove(0);
        assert_eq!((&line["state"], &line["last_outcome"]), (&json!("failed"), &json!("gone")));
        assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE action = 'webhook.disabled' AND actor = 'system'"), 1);
        rename_the_link(&app, &desk, "Two");
        app.advance(72 * HOUR);
        run(&worker);
        assert_eq!(machine.heard().len(), 1);
        replay(&app, &desk, &id, &line).problem(409, "webhook_disabled");

        change(&app, &desk, &id, json!({ "state": "active" })).expect(200);
        assert_eq!(show(&app, &desk, &id)["disabled_reason"], Value::Null);
        replay(&app, &desk, &id, &line).expect(202);
        run(&worker);
        assert_eq!(machine.heard().len(), 2);
    }

    fn a_redirect_is_a_failure_and_is_not_followed(on: Builder) {
        let (app, desk, worker) = with_real_calls(on);
        let (machine, other) = (Machine::start(), Machine::start());
        let (id, _) = make(&app, &desk, json!({ "url": machine.url }));
        for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
            machine.answer_next(&format!("{status}\r\nlocation: {}", other.url));
        }
        rename_the_link(&app, &desk, "One");
        for round in 1..=4 {
            run(&worker);
            assert_eq!(machine.heard().len(), round);
            let line = log(&app, &desk, &id).remove(0);
            assert_eq!((&line["state"], &line["last_outcome"]), (&json!("queued"), &json!("redirect")));
            app.advance(3 * HOUR);
        }
        run(&worker);
        assert_eq!(log(&app, &desk, &id)[0]["state"], "delivered");
        assert!(other.heard().is_empty(), "followed");
        let ids: HashSet<_> = machine.heard().iter().map(|call| call.headers["webhook-id"].clone()).collect();
        let times: HashSet<_> = machine.heard().iter().map(|call| call.headers["webhook-timestamp"].clone()).collect();
        assert_eq!((ids.len(), times.len()), (1, 5), "one id, and the time of each attempt");
    }

    fn a_busy_machine_says_when_it_wants_to_be_called(on: Builder) {
        let (app, desk, worker) = with_real_calls(on);
        let machine = Machine::start();
        make(&app, &desk, json!({ "url": machine.url }));
        machine.answer_next("503 Busy\r\nretry-after: 600");
        rename_the_link(&app, &desk, "One");
        run(&worker);
        app.advance(599);
        run(&worker);
        assert_eq!(machine.heard().len(), 1);
        app.advance(1);
        run(&worker);
        assert_eq!(machine.heard().len(), 2);
    }

    fn ten_attempts_over_three_days_and_no_more(app: TestApp) {
        let desk = elm(&app);
        let (id, _) = make(&app, &desk, json!({ "url": URL }));
        app.carrier.answer_next(20, &Outcome::Retry("http_5xx"));
        rename_the_link(&app, &desk, "One");
        assert_eq!(app.deliver_all(), 1);
        for (attempts, wait) in [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400_u64].into_iter().enumerate() {
            assert_eq!(app.carrier.attempts().len(), attempts + 1);
            app.advance(wait - 1);
            assert_eq!(app.deliver_all(), 0, "early, after {wait} s");
            // Jitter is up to a quarter.
            app.advance(wait / 4 + 2);
            assert_eq!(app.deliver_all(), 1, "late, after {wait} s");
        }
        let line = log(&app, &desk, &id).remove(0);
        assert_eq!((&line["state"], &line["attempts"], &line["last_outcome"]), (&json!("failed"), &json!(10), &json!("http_5xx")));
        app.advance(10 * 24 * HOUR);
        assert_eq!(app.deliver_all(), 0);
        // It goes on to be called of what comes next.
        assert_eq!(show(&app, &desk, &id)["state"], "active");
        rename_the_link(&app, &desk, "Two");
        assert_eq!(app.deliver_all(), 1);
        app.leave_outbox();
    }

    fn a_replay_sends_the_same_event_at_once_and_once(app: TestApp) {
        let desk = elm(&app);
        let (id, _) = make(&app, &desk, json!({ "url": URL }));
        app.carrier.answer_next(3, &Outcome::Retry("timeout"));
        rename_the_link(&app, &desk, "One");
        for _ in 0..3 {
            app.deliver_all();
            app.advance(400);
        }
        let line = log(&app, &desk, &id).remove(0);
        assert_eq!((&line["state"], &line["attempts"]), (&json!("queued"), &json!(3)));
        // The next attempt would come in half an hour.
        let answer = replay(&app, &desk, &id, &line).expect(202);
        assert_eq!((answer.at("/delivery/state"), answer.at("/delivery/replays")), (json!("queued"), json!(1)));
        assert_eq!(app.deliver_all(), 1);
        let line = log(&app, &desk, &id).remove(0);
        assert_eq!((&line["state"], &line["attempts"], &line["replays"]), (&json!("delivered"), &json!(4), &json!(1)));
        // What waited is dropped for it, and changes nothing.
        app.advance(2 * HOUR);
        app.deliver_all();
        assert_eq!(app.carrier.sent().len(), 1);
        assert_eq!(log(&app, &desk, &id)[0]["state"], "delivered");

        replay(&app, &desk, &id, &line).expect(202);
        app.deliver_all();
        let sent = app.carrier.sent();
        assert_eq!(sent.len(), 2);
        assert_eq!(sent[0].body, sent[1].body);
        assert_ne!(sent[0].row_id, sent[1].row_id);
        assert_eq!(app.count("SELECT count(*) FROM webhook_events"), 1);
        assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE action = 'webhook.replayed'"), 2);
    }

    fn what_waits_for_a_disabled_endpoint_is_dropped_and_can_be_replayed(app: TestApp) {
        let desk = elm(&app);
        let (id, _) = make(&app, &desk, json!({ "url": URL }));
        rename_the_link(&app, &desk, "One");
        change(&app, &desk, &id, json!({ "state": "disabled" })).expect(200);
        assert_eq!(show(&app, &desk, &id)["disabled_reason"], "staff");
        app.deliver_all();
        assert!(app.carrier.attempts().is_empty());
        let line = log(&app, &desk, &id).remove(0);
        assert_eq!((&line["state"], &line["attempts"], &line["last_outcome"]), (&json!("failed"), &json!(0), &json!("endpoint_disabled")));
        change(&app, &desk, &id, json!({ "state": "active" })).expect(200);
        replay(&app, &desk, &id, &line).expect(202);
        app.deliver_all();
        assert_eq!(log(&app, &desk, &id)[0]["state"], "delivered");
    }

    fn a_deleted_endpoint_is_forgotten_with_what_waits_for_it(app: TestApp) {
        let desk = elm(&app);
        let (id, _) = make(&app, &desk, json!({ "url": URL }));
        rename_the_link(&app, &desk, "One");
        as_desk(&desk, app.delete(&format!("{HOOKS}/{id}"))).send().expect(204);
        app.deliver_all();
        assert!(app.carrier.sent().is_empty());
        assert_eq!(app.outbox("dropped"), 1);
        as_desk(&desk, app.get(&format!("{HOOKS}/{id}"))).send().problem(404, "webhook_not_found");
        as_desk(&desk, app.delete(&format!("{HOOKS}/{id}"))).send().problem(404, "webhook_not_found");
        let list = as_desk(&desk, app.get(HOOKS)).send().expect(200);
        assert_eq!(list.at("/items"), json!([]));
        assert_eq!(app.count("SELECT count(*) FROM webhook_endpoints WHERE url = '' AND secret = ''"), 1);
        retention::sweep(&app.inner).unwrap();
        assert_eq!(app.count("SELECT count(*) FROM webhook_endpoints"), 1, "its log is kept");
        app.advance(31 * 24 * HOUR);
        retention::sweep(&app.inner).unwrap();
        assert_eq!(app.count("SELECT count(*) FROM webhook_endpoints"), 0);
    }

    fn events_and_their_log_are_kept_for_thirty_days(app: TestApp) {
        let desk = elm(&app);
        let (id, _) = make(&app, &desk, json!({ "url": URL }));
        rename_the_link(&app, &desk, "One");
        app.deliver_all();
        app.advance(29 * 24 * HOUR);
        rename_the_link(&app, &desk, "Two");
        app.deliver_all();
        retention::sweep(&app.inner).unwrap();
        assert_eq!(app.count("SELECT count(*) FROM webhook_deliveries"), 2);
        app.advance(2 * 24 * HOUR);
        retention::sweep(&app.inner).unwrap();
        assert_eq!(app.count("SELECT count(*) FROM webhook_deliveries"), 1);
        assert_eq!(app.count("SELECT count(*) FROM webhook_events"), 1);
        assert_eq!(app.count(&format!("SELECT count(*) FROM webhook_endpoints WHERE id = '{id}'")), 1);
    }

    fn admins_alone_see_webhooks_and_only_their_own_practices(app: TestApp) {
        let desk = elm(&app);
        let (id, _) = make(&app, &desk, json!({ "url": URL }));
        rename_the_link(&app, &desk, "One");
        app.deliver_all();
        let delivery = log(&app, &desk, &id)[0]["id"].as_str().unwrap().to_owned();
        let (practice, other) = (app.practice("Birch Clinic", None), app.practice("Cedar Clinic", None));
        let (stranger, _) = (app.desk(&practice, "bo", Role::Admin), other);
        let elm = app.inner.read_blocking(|tx| practice_links::domain::practices::find(tx, &desk.practice_id)).unwrap();
        let member = app.desk(&elm.clone().unwrap(), "mia", Role::Member);
        let support = app.desk(&elm.unwrap(), "sue", Role::Support);
        let one = format!("{HOOKS}/{id}");
        let calls = [
            app.get(&one), app.patch(&one, json!({ "label": "mine" })), app.delete(&one),
            app.call("POST", &format!("{one}/rotate")), app.get(&format!("{one}/deliveries")),
            app.call("POST", &format!("{one}/deliveries/{delivery}/replay")),
        ];
        for call in calls {
            call.clone().send().problem(401, "unauthorized");
            as_desk(&member, call.clone()).send().problem(403, "staff_forbidden");
            as_desk(&support, call.clone()).send().problem(403, "staff_forbidden");
            as_desk(&stranger, call).send().problem(404, "webhook_not_found");
        }
        for call in [app.get(HOOKS), app.post(HOOKS, json!({ "url": URL }))] {
            call.clone().send().problem(401, "unauthorized");
            as_desk(&member, call.clone()).send().problem(403, "staff_forbidden");
            as_desk(&support, call).send().problem(403, "staff_forbidden");
        }
        assert_eq!(as_desk(&stranger, app.get(HOOKS)).send().expect(200).at("/items"), json!([]));
        // A line of another endpoint's log is none of this one's.
        let (second, _) = make(&app, &desk, json!({ "url": URL }));
        replay(&app, &desk, &second, &json!({ "id": delivery })).problem(404, "webhook_not_found");
        replay(&app, &desk, &id, &json!({ "id": "whd_%00" })).problem(404, "webhook_not_found");
        assert_eq!(log(&app, &desk, &id)[0]["replays"], 0);
    }

    fn a_url_that_leads_inside_is_refused_at_once(app: TestApp) {
        let desk = elm(&app);
        let (id, _) = make(&app, &desk, json!({ "url": URL }));
        for url in [
            "http://hooks.elm.com/", "https://localhost/", "https://127.0.0.1/", "https://0x7f.1/", "https://[::1]/",
            "https://169.254.169.254/latest", "https://user:pw@hooks.elm.com/", "https://hooks.elm.com:25/", "elm",
        ] {
            for answer in [
                as_desk(&desk, app.post(HOOKS, json!({ "url": url }))).send(),
                change(&app, &desk, &id, json!({ "url": url })),
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
            let problem = as_desk(&desk, app.post(HOOKS, body)).send().problem(422, "invalid_request");
            assert_eq!(problem.at("/errors/0/pointer"), pointer);
        }
    }

    // A name may come to lead inside after it was looked at: the connection's own resolver decides.
    fn a_name_that_leads_inside_is_not_called(on: Builder) {
        let (lax, desk, _) = with_real_calls(on);
        let machine = Machine::start();
        let (id, _) = make(&lax, &desk, json!({ "url": machine.url.replace("http://127.0.0.1", "https://localhost") }));
        rename_the_link(&lax, &desk, "One");
        let mut strict = lax.inner.clone();
        let mut config = (*strict.config).clone();
        config.webhooks.allow_private = false;
        strict.config = Arc::new(config);
        let carrier = Arc::new(Providers::from_settings(&strict).unwrap());
        Worker::new(strict, topics::all(), carrier).run_once().unwrap();
        assert_eq!(log(&lax, &desk, &id)[0]["last_outcome"], "unreachable");
        assert!(machine.heard().is_empty());
        lax.leave_outbox();
    }

    fn the_database_and_the_audit_hold_no_secret(app: TestApp) {
        let desk = elm(&app);
        let (id, secret) = make(&app, &desk, json!({ "url": URL }));
        let rotated = as_desk(&desk, app.call("POST", &format!("{HOOKS}/{id}/rotate"))).send().expect(200);
        change(&app, &desk, &id, json!({ "label": "Other" })).expect(200);
        rename_the_link(&app, &desk, "One");
        app.deliver_all();
        for secret in [&secret, &rotated.str("/secret")] {
            let key = secret.trim_start_matches("whsec_").trim_end_matches('=');
            for (table, column) in [
                ("webhook_endpoints", "secret"), ("webhook_endpoints", "old_secret"), ("audit_events", "detail"),
                ("outbox", "payload"), ("webhook_events", "body"),
            ] {
                assert_eq!(app.count(&format!("SELECT count(*) FROM {table} WHERE {column} LIKE '%{key}%'")), 0, "{table}.{column}");
            }
        }
        for private in ["s3cret", "/in", "?"] {
            let select = format!("SELECT count(*) FROM audit_events WHERE action LIKE 'webhook.%' AND detail LIKE '%{private}%'");
            assert_eq!(app.count(&select), 0, "{private}");
        }
        for action in ["webhook.created", "webhook.rotated", "webhook.changed"] {
            let select = format!("SELECT count(*) FROM audit_events WHERE action = '{action}' AND subject = '{id}' AND actor = '{}'", desk.staff_id);
            assert_eq!(app.count(&select), 1, "{action}");
        }
        // Shown once, and never again.
        assert!(show(&app, &desk, &id).get("secret").is_none());
    }

    fn the_log_comes_in_pages_newest_first(app: TestApp) {
        let desk = elm(&app);
        let (id, _) = make(&app, &desk, json!({ "url": URL }));
        for n in 0..5 {
            app.advance(1);
            rename_the_link(&app, &desk, &format!("Door {n}"));
        }
        app.deliver_all();
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("{HOOKS}/{id}/deliveries?limit=2{cursor}");
            let page = as_desk(&desk, app.get(&path)).send().expect(200);
            seen.extend(page.at("/items").as_array().unwrap().iter().map(|line| line["id"].clone().to_string()));
            match page.at("/next_cursor").as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen.len(), 5);
        assert!(seen.is_sorted_by(|a, b| a > b), "{seen:?}");
    }

    fn a_repeated_request_makes_one_endpoint_with_one_secret(app: TestApp) {
        let desk = elm(&app);
        let create = || as_desk(&desk, app.post(HOOKS, json!({ "url": URL }))).key("k1").send().expect(201);
        assert_eq!(create().json(), create().json());
        assert_eq!(app.count("SELECT count(*) FROM webhook_endpoints"), 1);
    }

    fn a_practice_has_up_to_ten(app: TestApp) {
        let desk = elm(&app);
        let mut last = String::new();
        for _ in 0..10 {
            last = make(&app, &desk, json!({ "url": URL })).0;
        }
        as_desk(&desk, app.post(HOOKS, json!({ "url": URL }))).send().problem(409, "webhook_limit");
        as_desk(&desk, app.delete(&format!("{HOOKS}/{last}"))).send().expect(204);
        make(&app, &desk, json!({ "url": URL }));
    }
}

postgres! {
    fn endpoints_made_at_once_are_ten_at_most(on: Builder) {
        let app = on.pool(40).start();
        let desk = elm(&app);
        for _ in 0..8 {
            make(&app, &desk, json!({ "url": URL }));
        }
        together(16, |_| as_desk(&desk, app.post(HOOKS, json!({ "url": URL }))).send());
        let made = app.count("SELECT count(*) FROM webhook_endpoints");
        assert!((9..=10).contains(&made), "{made}");
    }
}
