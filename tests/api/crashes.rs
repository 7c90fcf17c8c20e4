//! The crash tests of `delivery.md`: a worker in its own process is killed at each of the four points of a
//! message's delivery, another worker takes over, and the provider counts what really arrived.

#![expect(clippy::print_stdout, reason = "the parent process reads the output, and people read the results")]

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, thread};

use practice_links::kit::clock::ManualClock;
use practice_links::kit::{Clock, Email, Phone, Timestamp};
use practice_links::platform::outbox::{
    self, Channel, Envelope, Job, Mail, Message, Outcome, Outgoing, Point, Rendered, SendResult, Sender,
    TextMessage, Topic, Topics, Transport, Worker,
};
use practice_links::platform::{Service, Tx, db};
use serde_json::{Value, json};

use crate::harness::{TestApp, app_from_config, default_settings};

const TOPIC: &str = "crash_test";
const PLAN: &str = "PRACTICE_LINKS_TEST_CRASH";

/// A provider that counts the messages it accepts, by key.
struct Provider {
    address: SocketAddr,
    taken: Arc<Mutex<HashMap<String, u32>>>,
}

impl Provider {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let taken = Arc::new(Mutex::new(HashMap::new()));
        let counts = Arc::clone(&taken);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let counts = Arc::clone(&counts);
                thread::spawn(move || accept(stream.unwrap(), &counts));
            }
        });
        Self { address, taken }
    }

    fn sum(&self) -> u32 {
        self.taken.lock().unwrap().values().sum()
    }

    /// The number of messages that arrived, and of repetitions.
    fn messages_and_duplicates(&self) -> (usize, u32) {
        let taken = self.taken.lock().unwrap();
        (taken.len(), taken.values().map(|times| times - 1).sum())
    }
}

fn accept(mut stream: TcpStream, counts: &Mutex<HashMap<String, u32>>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut line = String::new();
    while reader.read_line(&mut line).ok()? > 2 {
        line.clear();
    }
    let key = first.split_whitespace().nth(1)?.to_owned();
    *counts.lock().unwrap().entry(key).or_default() += 1;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").ok()
}

/// A topic whose body is the job's key.
struct Probe;

impl Topic for Probe {
    fn render(&self, _: &mut Tx, job: &Job) -> db::Result<Rendered> {
        let body = job.dedupe_key.clone();
        Ok(Rendered::Ready(if job.channel == Channel::Sms {
            let to = Phone::parse("+13125550100", None).unwrap();
            Outgoing::Sms(TextMessage { to, body, code: None, sender: Sender::AnyBut(Vec::new()) })
        } else {
            let to = Email::parse("desk@oak.example").unwrap();
            let (subject, html) = (body.clone(), body.clone());
            Outgoing::Email(Mail { to, subject, text: body, html, unsubscribe: None })
        }))
    }
}

fn topics() -> Topics {
    let probe: Box<dyn Topic> = Box::new(Probe);
    [(TOPIC, probe)].into()
}

/// Sends to the [`Provider`].
struct HttpTransport(SocketAddr);

impl HttpTransport {
    fn post(&self, key: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(self.0)?;
        stream.write_all(format!("POST {key} HTTP/1.1\r\n\r\n").as_bytes())?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply)?;
        Ok(reply)
    }
}

impl Transport for HttpTransport {
    fn deliver(&self, _: &Outgoing, envelope: &Envelope<'_>) -> SendResult {
        match self.post(envelope.key) {
            Ok(reply) if reply.contains(" 200 ") => Outcome::Sent.into(),
            _ => Outcome::Ambiguous("no_answer").into(),
        }
    }
}

fn queue(app: &TestApp, channel: Channel, count: usize) {
    app.write(|tx| (0..count).try_for_each(|n| enqueue(tx, channel, &format!("job-{n}"))));
    for n in 0..20 {
        let rolled_back: Result<(), db::Error> = app.state.service.write_blocking(|tx| {
            enqueue(tx, channel, &format!("never-{n}"))?;
            Err(db::Error::Busy)
        });
        assert!(rolled_back.is_err());
    }
}

fn enqueue(tx: &mut Tx, channel: Channel, key: &str) -> db::Result<()> {
    let message = Message {
        topic: TOPIC,
        priority: outbox::Priority::Notice,
        channel,
        dedupe_key: key.to_owned(),
        recipient: None,
        payload: json!({}),
        due: None,
        not_after: None,
    };
    outbox::enqueue(tx, &message).map(drop)
}

/// Starts a worker process. The plan names its database, its provider and the point where it stops.
fn spawn(app: &TestApp, provider: &Provider, plan: &Value) -> Child {
    let mut whole = json!({
        "url": app.state.service.settings.database.url, "folder": app.state.service.settings.data_dir,
        "provider": provider.address.to_string(), "threads": 1, "haste": 1, "now": app.now().millis(),
    });
    whole.as_object_mut().unwrap().extend(plan.as_object().unwrap().clone());
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["crashes::process", "--exact", "--ignored", "--nocapture"]).env(PLAN, whole.to_string());
    command.stdout(Stdio::piped()).spawn().unwrap()
}

/// Reads the process's output until `word` appears.
fn wait_for(child: &mut Child, word: &str) {
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains(word)), "the process ended before it printed {word}");
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn finish(mut child: Child) {
    let mut said = String::new();
    child.stdout.as_mut().unwrap().read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
}

#[test]
#[ignore = "started by the tests below as the process that is killed"]
fn process() {
    let Some(plan) = env::var_os(PLAN) else { return };
    let plan: Value = serde_json::from_str(plan.to_str().unwrap()).unwrap();
    let app = app_of(&plan);
    let transport = Arc::new(HttpTransport(plan["provider"].as_str().unwrap().parse().unwrap()));
    let channel = plan["channel"].as_str().unwrap().parse::<Channel>().unwrap();
    let threads = u32::try_from(plan["threads"].as_u64().unwrap()).unwrap();
    let worker = Worker::new(app.clone(), Arc::new(topics()), transport)
        .of_channel(channel, threads, 1_000)
        .watched(blocks_at(&plan))
        .spawn()
        .unwrap();
    while is_open(&app) {
        thread::sleep(Duration::from_millis(20));
    }
    worker.into_thread().join().unwrap();
}

fn app_of(plan: &Value) -> Service {
    let folder: std::path::PathBuf = plan["folder"].as_str().unwrap().into();
    let mut config = default_settings();
    config.platform.keys_file = folder.join("keys.json");
    config.platform.data_dir = folder;
    plan["url"].as_str().unwrap().clone_into(&mut config.platform.database.url);
    config.platform = config.platform.complete();
    let start = Timestamp::from_millis(plan["now"].as_i64().unwrap());
    let clock: Arc<dyn Clock> = match plan["haste"].as_u64().unwrap() {
        1 => Arc::new(ManualClock::new(start)),
        haste => Arc::new(FastClock { start, began: Instant::now(), haste }),
    };
    app_from_config(config, clock, u64::from(std::process::id())).service
}

/// A clock that runs `haste` times as fast, so that a lease of a minute ends in seconds.
struct FastClock {
    start: Timestamp,
    began: Instant,
    haste: u64,
}

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        self.start + self.began.elapsed() * u32::try_from(self.haste).unwrap()
    }
}

fn is_open(app: &Service) -> bool {
    let depth = app.read_blocking(outbox::depth).unwrap();
    depth.iter().any(|(state, rows)| ["queued", "leased"].contains(&state.as_str()) && *rows > 0)
}

/// Blocks forever after the plan's point was reached `after` times.
fn blocks_at(plan: &Value) -> Arc<dyn Fn(Point) + Send + Sync> {
    let (point, after) = (plan["point"].as_str().unwrap_or_default().to_owned(), plan["after"].as_u64());
    let reached = AtomicU32::new(0);
    Arc::new(move |at| {
        if format!("{at:?}") == point && Some(u64::from(reached.fetch_add(1, Ordering::SeqCst))) == after {
            println!("reached");
            loop {
                thread::park();
            }
        }
    })
}

/// Queues 200 jobs, sends SIGKILL at `point`, starts a second process. Returns the number of duplicates.
fn duplicates_after_kill_at(app: &TestApp, channel: Channel, point: Point) -> u32 {
    let (provider, channel_name) = (Provider::start(), channel.as_str());
    queue(app, channel, 200);
    let mut first = spawn(
        app,
        &provider,
        &json!({ "channel": channel_name, "point": format!("{point:?}"), "after": 97 }),
    );
    wait_for(&mut first, "reached");
    kill(first);
    // By then the leases of the killed process have expired.
    finish(spawn(app, &provider, &json!({ "channel": channel_name, "now": app.now().millis() + 120_000 })));
    let (messages, duplicates) = provider.messages_and_duplicates();
    assert_eq!(messages, 200, "every job arrives, but none of a rolled-back transaction");
    assert_eq!(app.outbox("sent"), 200);
    println!("{channel:?} killed at {point:?}: 200 of 200 arrived, {duplicates} twice");
    duplicates
}

both! {
    /// Before the attempt is committed, nothing was sent. Between that commit and the provider's response the
    /// outcome is unknown; in these tests the message had not been sent yet.
    fn kill_after_claim_sends_nothing_twice(app: TestApp) {
        assert_eq!(duplicates_after_kill_at(&app, Channel::Sms, Point::Claimed), 0);
    }

    fn kill_after_attempt_is_stored_sends_nothing_twice(app: TestApp) {
        assert_eq!(duplicates_after_kill_at(&app, Channel::Email, Point::Started), 0);
        assert_eq!(app.count("SELECT count(*) FROM deliveries WHERE outcome IS NULL"), 1, "the attempt stays visible");
    }

    fn text_killed_during_the_attempt_is_sent_once_more(app: TestApp) {
        assert_eq!(duplicates_after_kill_at(&app, Channel::Sms, Point::Started), 0);
        assert_eq!(app.count("SELECT count(*) FROM outbox WHERE ambiguous = 1 AND attempts = 2"), 1);
    }

    fn kill_after_provider_accepts_sends_one_message_twice(app: TestApp) {
        assert_eq!(duplicates_after_kill_at(&app, Channel::Sms, Point::Sent), 1);
    }

    fn kill_before_result_is_committed_sends_one_message_twice(app: TestApp) {
        assert_eq!(duplicates_after_kill_at(&app, Channel::Email, Point::Settled), 1);
    }
}

postgres! {
    /// Two instances, eight senders, 2,000 jobs, one instance killed halfway: each job is settled exactly
    /// once.
    fn killing_one_of_two_instances_settles_each_job_once(app: TestApp) {
        let provider = Provider::start();
        queue(&app, Channel::Email, 2_000);
        let began = Instant::now();
        let threads = 4;
        let plan = json!({ "channel": "email", "threads": threads, "haste": 30 });
        let doomed = spawn(&app, &provider, &plan);
        let other = spawn(&app, &provider, &plan);
        while provider.sum() < 1_000 && began.elapsed() < Duration::from_mins(1) {
            thread::sleep(Duration::from_millis(5));
        }
        kill(doomed);
        finish(other);
        let (messages, duplicates) = provider.messages_and_duplicates();
        println!("2,000 jobs in {:?}, one of two instances killed halfway, {duplicates} twice", began.elapsed());
        assert_eq!((messages, app.outbox("sent")), (2_000, 2_000));
        assert_eq!(app.count("SELECT count(*) FROM deliveries WHERE outcome = 'sent'"), 2_000, "each settled once");
        assert!(duplicates <= threads, "at most one per sender of the killed instance: {duplicates}");
    }
}

both! {
    /// Case 7 of `verification.md`.
    fn code_with_lost_send_result_is_resent_unchanged(app: TestApp) {
        let session = app.start(&crate::harness::phone(1));
        let lost = app.dying_worker(Point::Sent);
        assert!(lost.is_err(), "the worker died before it stored the provider's response");
        let first = app.transport.attempts()[0].code.clone().unwrap();
        app.advance(61);
        app.deliver_all();
        let codes: Vec<_> = app.transport.attempts().into_iter().map(|sent| sent.code.unwrap()).collect();
        assert_eq!(codes, [first.clone(), first.clone()], "sent once more, with the same digits");
        app.check(&session, &first).expect(200);
    }
}
