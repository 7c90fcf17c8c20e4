//! The dispatcher of the outbox as a thread: that it sends at once and in batches, what one bad row does to the
//! others, what an idle one costs, and how it ends.

use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use practice_links::app::Settings;
use practice_links::kit::{Clock, Email};
use practice_links::platform::outbox::{
    self, Channel, Envelope, Job, Mail, Message, Outcome, Outgoing, Priority, Rendered, SendResult, Topic,
    Topics, Transport, Worker,
};
use practice_links::platform::signal::Wake;
use practice_links::platform::{Tx, db};
use practice_links::web::state::State;
use serde_json::json;

use crate::harness::{Builder, TestApp, app_from_config, phone, sign_up_body};

/// Waits until `is_so`, at most ten seconds; returns how long it took.
fn wait_until(what: &str, is_so: impl Fn() -> bool) -> Duration {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(10), "not within 10 s: {what}");
        thread::sleep(Duration::from_millis(5));
    }
    began.elapsed()
}

/// An instance that serves no requests, with a pool and counters of its own.
fn second_instance(app: &TestApp) -> State {
    let settings = Settings {
        platform: (*app.state.service.settings).clone(),
        delivery: app.state.delivery.settings.clone(),
    };
    app_from_config(settings, Arc::clone(&app.clock) as Arc<dyn Clock>, 7)
}

/// Holds e-mails until they are released, and sends everything else.
#[derive(Default)]
struct HangingMailServer {
    state: Mutex<(usize, bool)>,
    released: Condvar,
}

impl HangingMailServer {
    fn waiting(&self) -> usize {
        self.state.lock().unwrap().0
    }

    fn release(&self) {
        self.state.lock().unwrap().1 = true;
        self.released.notify_all();
    }
}

impl Transport for HangingMailServer {
    fn deliver(&self, message: &Outgoing, _: &Envelope<'_>) -> SendResult {
        if matches!(message, Outgoing::Email(_)) {
            let mut state = self.state.lock().unwrap();
            state.0 += 1;
            drop(self.released.wait_while(state, |state| !state.1).unwrap());
        }
        Outcome::Sent.into()
    }
}

const TOPIC: &str = "probe";

/// Fails in the way that the row's key names.
struct Probe;

impl Topic for Probe {
    fn render(&self, tx: &mut Tx, job: &Job) -> db::Result<Rendered> {
        match job.dedupe_key.as_str() {
            // On PostgreSQL the first failed statement ends the transaction.
            "bad-render" => fails(tx)?,
            "panicking-render" => panic!("as the test wants it"),
            _ => {}
        }
        let (to, text) = (Email::parse("desk@oak.example").unwrap(), String::new());
        let (subject, html) = (text.clone(), text.clone());
        Ok(Rendered::Ready(Outgoing::Email(Mail { to, subject, text, html, unsubscribe: None })))
    }

    fn settled(&self, tx: &mut Tx, job: &Job, _: &Outcome, _: bool) -> db::Result<()> {
        match job.dedupe_key.as_str() {
            "bad-settle" => fails(tx),
            "panicking-settle" => panic!("as the test wants it"),
            _ => Ok(()),
        }
    }
}

fn fails(tx: &mut Tx) -> db::Result<()> {
    use diesel::RunQueryDsl as _;
    diesel::sql_query("SELECT * FROM no_such_table").execute(tx.conn)?;
    Ok(())
}

fn topics() -> Arc<Topics> {
    let probe: Box<dyn Topic> = Box::new(Probe);
    Arc::new([(TOPIC, probe)].into())
}

fn enqueue(app: &TestApp, keys: &[&str]) {
    enqueue_as(app, Priority::Notice, keys);
}

fn enqueue_as(app: &TestApp, priority: Priority, keys: &[impl AsRef<str>]) {
    let message = |key: &str| Message {
        topic: TOPIC,
        priority,
        channel: Channel::Email,
        dedupe_key: key.to_owned(),
        recipient: None,
        payload: json!({}),
        due: None,
        not_after: None,
    };
    app.write(|tx| keys.iter().try_for_each(|key| outbox::enqueue(tx, &message(key.as_ref())).map(drop)));
}

fn settled_as(app: &TestApp, key: &str, state: &str) -> bool {
    app.count(&format!("SELECT count(*) FROM outbox WHERE dedupe_key = '{key}' AND state = '{state}'")) == 1
}

fn busy(on: Builder) -> TestApp {
    on.config(|config| {
        config.limits.scale = 1000.0;
        (config.outbox.sms_threads, config.outbox.sms_per_second) = (20, 1_000);
    })
    .start()
}

both! {
    /// Each round takes two transactions, however many rows it is about: eight statements for the queue, and
    /// those of the topics.
    fn rows_are_claimed_and_settled_in_batches(on: Builder) {
        let app = busy(on);
        let instance = second_instance(&app);
        for n in 0..40 {
            app.start(&phone(n));
        }
        let transport = Arc::clone(&app.transport) as Arc<dyn Transport>;
        let worker = Worker::new(instance.service.clone(), Arc::clone(&instance.topics), transport);
        let before = instance.service.db.counts();
        assert_eq!([(); 3].map(|()| worker.run_batch().unwrap()), [20, 20, 0]);
        let after = instance.service.db.counts();
        assert_eq!(after.transactions - before.transactions, 5, "two rounds, and a claim that finds nothing");
        assert_eq!(app.outbox("sent"), 40);
        assert_eq!(app.count("SELECT count(*) FROM deliveries WHERE outcome = 'sent'"), 40);
    }

    fn committed_code_leaves_at_once(on: Builder) {
        let app = busy(on);
        let worker = app.worker().spawn().unwrap();
        thread::sleep(Duration::from_millis(300));
        app.start(&phone(0));
        let waited = wait_until("the code", || !app.transport.attempts().is_empty());
        assert!(waited < Duration::from_secs(1), "{waited:?}");
        for n in 1..40 {
            app.start(&phone(n));
        }
        wait_until("all codes", || app.outbox("sent") == 40);
        worker.into_thread().join().unwrap();
    }

    fn hanging_mail_server_does_not_delay_codes(on: Builder) {
        let app = busy(on);
        let proofs: Vec<_> = (0..4).map(|n| app.verify(&phone(n))).collect();
        for proof in proofs {
            app.post("/v1/accounts", sign_up_body(&proof, &app.link_token("123456"))).send().expect(201);
        }
        let server = Arc::new(HangingMailServer::default());
        let transport = Arc::clone(&server) as Arc<dyn Transport>;
        let worker = Worker::new(app.state.service.clone(), Arc::clone(&app.state.topics), transport);
        let worker = worker.spawn().unwrap();
        wait_until("mails fill their channel", || server.waiting() == 2);
        let sent = app.outbox("sent");
        app.start(&phone(9));
        let waited = wait_until("the code", || app.outbox("sent") > sent);
        assert!(waited < Duration::from_secs(1), "{waited:?}");
        assert_eq!(server.waiting(), 2, "no more than the channel's senders");
        server.release();
        wait_until("all mails", || app.outbox("queued") + app.outbox("leased") == 0);
        worker.into_thread().join().unwrap();
    }

    /// A list of thousands takes half of a channel, and what is urgent overtakes it.
    fn bulk_leaves_half_of_a_channel_to_the_others(app: TestApp) {
        let keys: Vec<String> = (0..300).map(|n| format!("bulk-{n}")).collect();
        enqueue_as(&app, Priority::Bulk, &keys);
        let server = Arc::new(HangingMailServer::default());
        let transport = Arc::clone(&server) as Arc<dyn Transport>;
        let worker = Worker::new(app.state.service.clone(), topics(), transport)
            .of_channel(Channel::Email, 4, 1_000);
        let worker = worker.spawn().unwrap();
        wait_until("half of the senders", || server.waiting() == 2);
        for (n, priority) in [(3, Priority::Notice), (4, Priority::Code)] {
            thread::sleep(Duration::from_millis(300));
            assert_eq!(server.waiting(), n - 1, "the others are kept free");
            let key = format!("urgent-{n}");
            enqueue_as(&app, priority, &[key]);
            let waited = wait_until("what is urgent", || server.waiting() == n);
            assert!(waited < Duration::from_secs(1), "{waited:?}");
        }
        server.release();
        wait_until("everything", || app.outbox("sent") == 302);
        worker.into_thread().join().unwrap();
    }

    fn claim_goes_by_priority_then_by_time(app: TestApp) {
        use Priority::{Bulk, Code, Letter, Notice};
        let rows =
            [(Bulk, "list"), (Notice, "notice"), (Letter, "letter"), (Code, "code"), (Code, "later code")];
        for (priority, key) in rows {
            enqueue_as(&app, priority, &[key]);
            app.advance(1);
        }
        let transport = Arc::clone(&app.transport) as Arc<dyn Transport>;
        let worker = Worker::new(app.state.service.clone(), topics(), transport)
            .of_channel(Channel::Email, 1, 1_000);
        let mut order = Vec::new();
        while worker.run_batch().unwrap() > 0 {
            let mut sent = rows.iter().filter(|(_, key)| settled_as(&app, key, "sent"));
            order.push(sent.find(|(_, key)| !order.contains(key)).unwrap().1);
        }
        assert_eq!(order, ["code", "later code", "letter", "notice", "list"]);
    }

    fn row_that_cannot_be_rendered_holds_up_no_other(app: TestApp) {
        let keys = ["one", "bad-render", "two", "panicking-render", "three"];
        enqueue(&app, &keys);
        let transport = Arc::clone(&app.transport) as Arc<dyn Transport>;
        let worker = Worker::new(app.state.service.clone(), topics(), transport)
            .of_channel(Channel::Email, 5, 1_000);
        let worker = worker.spawn().unwrap();
        wait_until("the others", || app.outbox("sent") == 3);
        for key in ["bad-render", "panicking-render"] {
            wait_until(key, || settled_as(&app, key, "queued"));
        }
        worker.into_thread().join().unwrap();
        assert_eq!(app.count("SELECT count(*) FROM outbox WHERE last_error = 'not_rendered' AND attempts = 1"), 2);
        app.leave_outbox();
    }

    fn result_that_cannot_be_stored_loses_no_other(app: TestApp) {
        let keys = ["one", "bad-settle", "two", "panicking-settle", "three"];
        enqueue(&app, &keys);
        let transport = Arc::clone(&app.transport) as Arc<dyn Transport>;
        let worker = Worker::new(app.state.service.clone(), topics(), transport)
            .of_channel(Channel::Email, 5, 1_000);
        let worker = worker.spawn().unwrap();
        wait_until("the others", || app.outbox("sent") == 3);
        worker.into_thread().join().unwrap();
        assert_eq!(app.transport.attempts().len(), 5, "each was sent once");
        assert!(settled_as(&app, "bad-settle", "leased"), "until its lease ends");
        app.leave_outbox();
    }

    /// A statement every five seconds, outside of a transaction: twelve a minute.
    fn idle_dispatcher_costs_a_statement_in_five_seconds(app: TestApp) {
        let instance = second_instance(&app);
        let transport = Arc::clone(&app.transport) as Arc<dyn Transport>;
        let worker = Worker::new(instance.service.clone(), Arc::clone(&instance.topics), transport);
        let worker = worker.spawn().unwrap();
        thread::sleep(Duration::from_millis(700));
        let before = instance.service.db.counts();
        thread::sleep(Duration::from_millis(9_900));
        let after = instance.service.db.counts();
        let (statements, transactions) =
            (after.statements - before.statements, after.transactions - before.transactions);
        assert!((1..=2).contains(&statements), "{statements} in ten seconds");
        assert_eq!(transactions, 0);
        worker.into_thread().join().unwrap();
    }

    /// What another instance committed is found without a signal.
    fn rows_of_another_instance_are_found(app: TestApp) {
        let instance = second_instance(&app);
        let transport = Arc::clone(&app.transport) as Arc<dyn Transport>;
        let worker = Worker::new(instance.service.clone(), Arc::clone(&instance.topics), transport);
        let worker = worker.spawn().unwrap();
        thread::sleep(Duration::from_millis(300));
        app.start(&phone(0));
        wait_until("the code", || !app.transport.attempts().is_empty());
        worker.into_thread().join().unwrap();
        assert_eq!(app.outbox("sent"), 1);
    }

    fn stop_does_not_wait_for_a_sender_that_hangs(app: TestApp) {
        enqueue(&app, &["one"]);
        let server = Arc::new(HangingMailServer::default());
        let transport = Arc::clone(&server) as Arc<dyn Transport>;
        let worker = Worker::new(app.state.service.clone(), topics(), transport).spawn().unwrap();
        wait_until("the mail", || server.waiting() == 1);
        let began = Instant::now();
        worker.into_thread().join().unwrap();
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        server.release();
        app.leave_outbox();
    }
}

postgres! {
    fn instances_wake_each_other(app: TestApp) {
        let signals = &app.state.service.signals;
        wait_until("the connection", || signals.landing.count() > 0);
        let before = [Wake::Outbox, Wake::Landing].map(|wake| signals.of(wake).count());
        app.write(|tx| Ok(tx.conn.notify(Wake::Outbox)?));
        wait_until("the notification", || signals.outbox.count() > before[0]);
        assert_eq!(signals.landing.count(), before[1], "each word has a signal of its own");
    }
}
