//! Builds a running [`TestApp`] from settings.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::TcpListener;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use practice_links::app::App;
use practice_links::config::Config;
use practice_links::db::Db;
use practice_links::keys::Keys;
use practice_links::kit::clock::ManualClock;
use practice_links::kit::entropy::SeededEntropy;
use practice_links::kit::{Bell, Clock, Email, Language, Timestamp};
use practice_links::links::{self, Link, NewLink};
use practice_links::outbox::Worker;
use practice_links::practices::{self, NewPractice, Practice};
use practice_links::{live, server, telemetry, topics};

use super::database::{self, Backend};
use super::{Client, RecordingTransport, Running, TestApp};

/// The code of the demo practice's link.
pub const DEMO: &str = "123456";

/// The settings of a [`TestApp`] that is not running yet.
pub struct Builder {
    backend: Backend,
    pool: u32,
    seed: u64,
    change: Box<dyn FnOnce(&mut Config)>,
}

impl Builder {
    /// The default settings. Starts nothing.
    pub fn new(backend: Backend) -> Self {
        Self { backend, pool: 8, seed: seed_of_this_test(), change: Box::new(|_| {}) }
    }

    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Sets the size of the connection pool; a test of races needs at least 32.
    #[must_use]
    pub fn pool(mut self, connections: u32) -> Self {
        self.pool = connections;
        self
    }

    /// Replaces the seed that comes from the test's name.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Changes settings before they are validated. Several changes are applied in order.
    #[must_use]
    pub fn config(mut self, change: impl FnOnce(&mut Config) + 'static) -> Self {
        let before = self.change;
        self.change = Box::new(move |config| {
            before(config);
            change(config);
        });
        self
    }

    /// Starts the service, with the demo practice behind [`DEMO`].
    pub fn start(self) -> TestApp {
        telemetry::install_metrics();
        let database = database::create(self.backend);
        let mut config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            public_url: "http://links.example.test".into(),
            data_dir: database.folder.path().to_owned(),
            // Lets the client choose its address: `Call::ip`.
            trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
            ..Config::default()
        };
        config.database.url.clone_from(&database.url);
        config.database.pool_size = self.pool;
        (self.change)(&mut config);
        let app = launch(config.complete().unwrap(), self.seed, database);
        app.create_demo_practice();
        app
    }
}

/// The state of a process that serves no requests, such as a separate worker.
pub fn app_from_config(config: Config, clock: Arc<dyn Clock>, seed: u64) -> App {
    let entropy = Arc::new(SeededEntropy::new(seed));
    App {
        db: Db::new(&config.database).unwrap(),
        keys: Arc::new(Keys::load_or_create(&config.keys_file, clock.now(), &*entropy).unwrap()),
        clock,
        entropy,
        config: Arc::new(config),
        wake: Arc::new(Bell::default()),
        tally: Arc::default(),
        front: Arc::default(),
        guests: Arc::default(),
        studio: Arc::default(),
        vault: Arc::default(),
        live: Arc::default(),
    }
}

fn launch(config: Config, seed: u64, database: database::TestDatabase) -> TestApp {
    let clock = Arc::new(ManualClock::new(start_of_time()));
    let listener = TcpListener::bind(config.listen).unwrap();
    let inner = app_from_config(config, Arc::<ManualClock>::clone(&clock), seed);
    let transport = Arc::new(RecordingTransport::default());
    let address = listener.local_addr().unwrap();
    TestApp {
        worker: Worker::new(inner.clone(), topics::all(), Arc::<RecordingTransport>::clone(&transport)),
        server: Mutex::new(Some(serve(inner.clone(), listener))),
        client: Client::new(&format!("http://{address}")),
        address,
        inner,
        clock,
        transport,
        outbox_may_stay: AtomicBool::new(false),
        _database: Some(database),
    }
}

impl TestApp {
    /// Starts a second instance on the same database and clock. It has to end before the first one.
    pub fn second_instance(&self) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let inner = app_from_config((*self.inner.config).clone(), Arc::<ManualClock>::clone(&self.clock), 7);
        let worker =
            Worker::new(inner.clone(), topics::all(), Arc::<RecordingTransport>::clone(&self.transport));
        Self {
            worker,
            server: Mutex::new(Some(serve(inner.clone(), listener))),
            client: Client::new(&format!("http://{address}")),
            address,
            inner,
            clock: Arc::clone(&self.clock),
            transport: Arc::clone(&self.transport),
            outbox_may_stay: AtomicBool::new(true),
            _database: None,
        }
    }
}

/// The server needs an actix system, and a test thread has none.
fn serve(app: App, listener: TcpListener) -> Running {
    let (sender, receiver) = mpsc::channel();
    let body = async move {
        let feed = live::spawn(app.clone()).unwrap();
        let listening = server::listen(&app, listener).unwrap();
        sender.send(listening.stopper()).unwrap();
        listening.server.await.unwrap();
        feed.stop();
        app.db.drain().await;
    };
    let thread = thread::Builder::new().name("server".into());
    let thread = thread.spawn(move || actix_web::rt::System::new().block_on(body)).unwrap();
    let (handle, draining) = receiver.recv().unwrap();
    Running { handle, draining, thread }
}

fn start_of_time() -> Timestamp {
    let start: jiff::Timestamp = "2026-11-22T15:00:00Z".parse().unwrap();
    Timestamp::from_millis(start.as_millisecond())
}

/// Hashes the test's name: a different seed for each test, the same in each run and on both databases.
fn seed_of_this_test() -> u64 {
    let thread = thread::current();
    let name = thread.name().unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    name.trim_end_matches("::sqlite").trim_end_matches("::postgres").hash(&mut hasher);
    hasher.finish()
}

impl TestApp {
    fn create_demo_practice(&self) {
        let practice = self.practice("Oak Street Family Medicine", Some("frontdesk@oakstreet.example"));
        let link = NewLink {
            label: "Demo flyer".into(),
            tags: vec!["demo".into()],
            welcome: Some("Welcome to Oak Street Family Medicine. How can we help?".into()),
            is_default: true,
            ..link_of(&practice.id)
        };
        self.link_with(DEMO, &link);
    }

    /// Creates a practice in Springfield, Illinois.
    pub fn practice(&self, name: &str, notice_email: Option<&str>) -> Practice {
        self.practice_with(&NewPractice {
            name: name.into(),
            city: "Springfield".into(),
            plan: "communicator".into(),
            language: Language::En,
            time_zone: "America/Chicago".into(),
            notice_email: notice_email.map(|address| Email::parse(address).unwrap()),
        })
    }

    pub fn practice_with(&self, new: &NewPractice) -> Practice {
        self.write(|ctx, conn| practices::create(ctx, conn, new))
    }

    /// Creates a plain link of a practice with this code.
    pub fn link(&self, code: &str, practice_id: &str) -> Link {
        self.link_with(code, &link_of(practice_id))
    }

    pub fn link_with(&self, code: &str, new: &NewLink) -> Link {
        self.write(|ctx, conn| links::create_with_code(ctx, conn, code, new)).expect("the code is taken")
    }
}

fn link_of(practice_id: &str) -> NewLink {
    NewLink::plain(practice_id, "Flyer")
}

/// The argument of a test's function: a started service, or its settings.
pub trait TestInput {
    fn prepare(builder: Builder) -> Self;
}

impl TestInput for Builder {
    fn prepare(builder: Builder) -> Self {
        builder
    }
}

impl TestInput for TestApp {
    fn prepare(builder: Builder) -> Self {
        builder.start()
    }
}

/// Runs a test on `backend`, or passes if that database is not available.
pub fn run<T: TestInput>(backend: Backend, body: fn(T)) {
    if database::is_available(backend) {
        body(T::prepare(Builder::new(backend)));
    }
}
