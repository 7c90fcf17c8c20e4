//! From settings to a running [`TestApp`].

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::TcpListener;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use practice_links::app as topics;
use practice_links::domain::links::{self, Link, NewLink};
use practice_links::domain::practices::{self, NewPractice, Practice};
use practice_links::kit::clock::ManualClock;
use practice_links::kit::entropy::SeededEntropy;
use practice_links::kit::{Bell, Clock, Email, Language, Timestamp};
use practice_links::platform::db::Db;
use practice_links::platform::keys::Keys;
use practice_links::platform::outbox::Worker;
use practice_links::platform::settings::Settings;
use practice_links::platform::tx::Service;
use practice_links::platform::{event_stream, telemetry};
use practice_links::web::server;

use super::database::{self, Backend};
use super::{Client, Recorder, Running, TestApp};

/// The demo practice's link.
pub const DEMO: &str = "123456";

/// The settings of a [`TestApp`] that is not running yet.
pub struct Builder {
    backend: Backend,
    pool: u32,
    seed: u64,
    change: Box<dyn FnOnce(&mut Settings)>,
}

impl Builder {
    /// The default settings; nothing is started.
    pub fn new(backend: Backend) -> Self {
        Self { backend, pool: 8, seed: seed_of_this_test(), change: Box::new(|_| {}) }
    }

    /// Which database it will run on.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// The width of the connection pool; a race wants at least 32.
    #[must_use]
    pub fn pool(mut self, connections: u32) -> Self {
        self.pool = connections;
        self
    }

    /// Another stream of randomness than the test's own.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Changes settings before they are checked; changes add up.
    #[must_use]
    pub fn config(mut self, change: impl FnOnce(&mut Settings) + 'static) -> Self {
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
        let database = database::lend(self.backend);
        let mut config = Settings {
            listen: ([127, 0, 0, 1], 0).into(),
            public_url: "http://links.example.test".into(),
            data_dir: database.folder.path().to_owned(),
            // The client may then say where it calls from: `Call::ip`.
            trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
            ..Settings::default()
        };
        config.database.url.clone_from(&database.url);
        config.database.pool_size = self.pool;
        (self.change)(&mut config);
        let app = launch(config.complete().unwrap(), self.seed, database);
        app.make_demo();
        app
    }
}

/// What a process holds that serves no requests: a worker of its own, say.
pub fn app_over(settings: Settings, clock: Arc<dyn Clock>, seed: u64) -> Service {
    let entropy = Arc::new(SeededEntropy::new(seed));
    Service {
        db: Db::new(&config.database).unwrap(),
        keys: Arc::new(Keys::load_or_create(&config.keys_file, clock.now(), &*entropy).unwrap()),
        clock,
        entropy,
        settings: Arc::new(config),
        wake: Arc::new(Bell::default()),
        tally: Arc::default(),
        front: Arc::default(),
        guests: Arc::default(),
        studio: Arc::default(),
        vault: Arc::default(),
        live: Arc::default(),
    }
}

fn launch(settings: Settings, seed: u64, database: database::Lent) -> TestApp {
    let clock = Arc::new(ManualClock::new(start_of_time()));
    let listener = TcpListener::bind(config.listen).unwrap();
    let inner = app_over(config, Arc::<ManualClock>::clone(&clock), seed);
    let carrier = Arc::new(Recorder::default());
    let address = listener.local_addr().unwrap();
    TestApp {
        worker: Worker::new(inner.clone(), topics::all(), Arc::<Recorder>::clone(&carrier)),
        server: Mutex::new(Some(serve(inner.clone(), listener))),
        client: Client::new(&format!("http://{address}")),
        address,
        inner,
        clock,
        carrier,
        outbox_may_stay: AtomicBool::new(false),
        _database: Some(database),
    }
}

impl TestApp {
    /// A second instance on the same database, at the same moment; it ends before the first does.
    pub fn beside(&self) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let inner = app_over((*self.inner.settings).clone(), Arc::<ManualClock>::clone(&self.clock), 7);
        let worker = Worker::new(inner.clone(), topics::all(), Arc::<Recorder>::clone(&self.carrier));
        Self {
            worker,
            server: Mutex::new(Some(serve(inner.clone(), listener))),
            client: Client::new(&format!("http://{address}")),
            address,
            inner,
            clock: Arc::clone(&self.clock),
            carrier: Arc::clone(&self.carrier),
            outbox_may_stay: AtomicBool::new(true),
            _database: None,
        }
    }
}

/// The server wants an actix system, and a test thread has none.
fn serve(app: Service, listener: TcpListener) -> Running {
    let (sender, receiver) = mpsc::channel();
    let body = async move {
        let feed = event_stream::spawn(app.clone()).unwrap();
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

/// The test's name makes its seed: different for each test, the same in each run and on both databases.
fn seed_of_this_test() -> u64 {
    let thread = thread::current();
    let name = thread.name().unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    name.trim_end_matches("::sqlite").trim_end_matches("::postgres").hash(&mut hasher);
    hasher.finish()
}

impl TestApp {
    fn make_demo(&self) {
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

    /// Makes a practice in Springfield, Illinois.
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

    /// Makes any practice.
    pub fn practice_with(&self, new: &NewPractice) -> Practice {
        self.write(|tx| practices::create(tx, new))
    }

    /// Makes a plain link of a practice behind `code`.
    pub fn link(&self, code: &str, practice_id: &str) -> Link {
        self.link_with(code, &link_of(practice_id))
    }

    /// Makes any link behind `code`.
    pub fn link_with(&self, code: &str, new: &NewLink) -> Link {
        self.write(|tx| links::create_with_code(tx, code, new)).expect("the code is taken")
    }
}

fn link_of(practice_id: &str) -> NewLink {
    NewLink::plain(practice_id, "Flyer")
}

/// What a test's function can take: a started service, or its settings.
pub trait Prepared {
    fn prepare(builder: Builder) -> Self;
}

impl Prepared for Builder {
    fn prepare(builder: Builder) -> Self {
        builder
    }
}

impl Prepared for TestApp {
    fn prepare(builder: Builder) -> Self {
        builder.start()
    }
}

/// Runs a test on `backend`, or passes where that is not to be had.
pub fn run<T: Prepared>(backend: Backend, body: fn(T)) {
    if database::is_available(backend) {
        body(T::prepare(Builder::new(backend)));
    }
}
