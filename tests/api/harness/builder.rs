//! Builds a running [`TestApp`] from settings.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::TcpListener;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use practice_links::app::{self, Settings};
use practice_links::delivery;
use practice_links::delivery::sms::SmsProvider;
use practice_links::domain::links::{self, Link, NewLink};
use practice_links::domain::practices::{self, NewPractice, Plan, Practice};
use practice_links::kit::clock::ManualClock;
use practice_links::kit::entropy::SeededEntropy;
use practice_links::kit::{Clock, Email, Language, PracticeId, Timestamp};
use practice_links::platform::event_log::{self, Reactions};
use practice_links::platform::outbox::Worker;
use practice_links::platform::settings::{self, Source};
use practice_links::platform::telemetry;
use practice_links::web::server;
use practice_links::web::state::State;

use super::database::{self, Backend};
use super::{Client, RecordingTransport, Running, TestApp};

/// The code of the demo practice's link.
pub const DEMO: &str = "123456";

/// The settings of a [`TestApp`] that is not running yet.
pub struct Builder {
    backend: Backend,
    pool: u32,
    seed: u64,
    change: Box<dyn FnOnce(&mut Settings)>,
    provider: Option<Arc<dyn SmsProvider>>,
    reacts_in_background: bool,
}

impl Builder {
    /// The default settings. Starts nothing.
    pub fn new(backend: Backend) -> Self {
        Self {
            backend,
            pool: 8,
            seed: seed_of_this_test(),
            change: Box::new(|_| {}),
            provider: None,
            reacts_in_background: false,
        }
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

    /// Has the event log's own thread run the reactions, as a server does, instead of the test after each request.
    #[must_use]
    pub fn reacts_in_background(mut self) -> Self {
        self.reacts_in_background = true;
        self
    }

    /// Replaces the seed that comes from the test's name.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Changes settings of the service itself. Several changes are applied in order.
    #[must_use]
    pub fn config(self, change: impl FnOnce(&mut settings::Settings) + 'static) -> Self {
        self.changed(move |settings| change(&mut settings.platform))
    }

    /// Changes settings of mail and of the providers of texts and calls.
    #[must_use]
    pub fn delivery(self, change: impl FnOnce(&mut delivery::Settings) + 'static) -> Self {
        self.changed(move |settings| change(&mut settings.delivery))
    }

    fn changed(mut self, change: impl FnOnce(&mut Settings) + 'static) -> Self {
        let before = self.change;
        self.change = Box::new(move |settings| {
            before(settings);
            change(settings);
        });
        self
    }

    /// Adds a provider of texts and calls, which `sms.provider` can name.
    #[must_use]
    pub fn provider(mut self, provider: Arc<dyn SmsProvider>) -> Self {
        self.provider = Some(provider);
        self
    }

    /// Starts the service, with the demo practice behind [`DEMO`].
    pub fn start(self) -> TestApp {
        telemetry::install_metrics();
        let database = database::create(self.backend);
        let mut settings = default_settings();
        settings.platform = settings::Settings {
            listen: ([127, 0, 0, 1], 0).into(),
            public_url: "http://links.example.test".into(),
            data_dir: database.folder.path().to_owned(),
            // Lets the client choose its address: `Call::ip`.
            trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
            database: settings::Database { url: database.url.clone(), pool_size: self.pool },
            ..settings.platform
        };
        (self.change)(&mut settings);
        settings.platform = settings.platform.complete();
        let app = launch(settings, self.provider, self.seed, database, self.reacts_in_background);
        app.create_demo_practice();
        app
    }
}

/// The settings of a service for which nothing is set.
pub fn default_settings() -> Settings {
    // Not `from_source`, which computes the URL and the files before a test has changed what they depend on.
    let source = Source::default();
    Settings { platform: source.settings().unwrap(), delivery: source.settings().unwrap() }
}

/// The state of a process that serves no requests, such as a separate worker.
pub fn app_from_config(config: Settings, clock: Arc<dyn Clock>, seed: u64) -> State {
    app::build(config, clock, Arc::new(SeededEntropy::new(seed))).unwrap()
}

fn launch(
    config: Settings,
    provider: Option<Arc<dyn SmsProvider>>,
    seed: u64,
    database: database::TestDatabase,
    reacts_in_background: bool,
) -> TestApp {
    let clock = Arc::new(ManualClock::new(start_of_time()));
    let listener = TcpListener::bind(config.platform.listen).unwrap();
    let mut state = app_from_config(config, Arc::<ManualClock>::clone(&clock), seed);
    Arc::get_mut(&mut state.delivery).unwrap().providers.extend(provider);
    let transport = Arc::new(RecordingTransport::default());
    let address = listener.local_addr().unwrap();
    let client = Client::new(&format!("http://{address}"));
    // The reactions begin before the first event, as those of a server do.
    event_log::round(&state.service, &state.reactions, false).unwrap();
    TestApp {
        worker: Worker::new(
            state.service.clone(),
            Arc::clone(&state.topics),
            Arc::<RecordingTransport>::clone(&transport),
        ),
        server: Mutex::new(Some(serve(state.clone(), listener, reacts_in_background))),
        client: if reacts_in_background { client } else { client.followed_by(&state) },
        address,
        state,
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
        let settings = Settings {
            platform: (*self.state.service.settings).clone(),
            delivery: self.state.delivery.settings.clone(),
        };
        let state = app_from_config(settings, Arc::<ManualClock>::clone(&self.clock), 7);
        let worker = Worker::new(
            state.service.clone(),
            Arc::clone(&state.topics),
            Arc::<RecordingTransport>::clone(&self.transport),
        );
        Self {
            worker,
            server: Mutex::new(Some(serve(state.clone(), listener, false))),
            client: Client::new(&format!("http://{address}")).followed_by(&state),
            address,
            state,
            clock: Arc::clone(&self.clock),
            transport: Arc::clone(&self.transport),
            outbox_may_stay: AtomicBool::new(true),
            _database: None,
        }
    }
}

/// The server needs an actix system, and a test thread has none.
fn serve(state: State, listener: TcpListener, reacts: bool) -> Running {
    let (sender, receiver) = mpsc::channel();
    let body = async move {
        let other_instances = state.service.db.listen(&state.service.signals).unwrap();
        // As a rule a test runs the reactions after each request, so that it sees what follows from it.
        let observers = Reactions { reactions: Arc::default(), ..state.reactions.clone() };
        let reactions = if reacts { state.reactions.clone() } else { observers };
        let feed = event_log::feed::spawn(state.service.clone(), reactions).unwrap();
        let listening = server::listen(&state, listener).unwrap();
        sender.send(listening.stopper()).unwrap();
        listening.server.await.unwrap();
        drop(other_instances);
        feed.request_stop().join().unwrap();
        state.service.db.drain().await;
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
            ..NewLink::plain("Demo flyer")
        };
        self.link_with(&practice.id, DEMO, &link);
    }

    /// Creates a practice in Springfield, Illinois.
    pub fn practice(&self, name: &str, notice_email: Option<&str>) -> Practice {
        self.practice_with(&NewPractice {
            name: name.into(),
            city: "Springfield".into(),
            plan: Plan::Communicator,
            language: Language::En,
            time_zone: "America/Chicago".into(),
            notice_email: notice_email.map(|address| Email::parse(address).unwrap()),
        })
    }

    pub fn practice_with(&self, new: &NewPractice) -> Practice {
        self.write(|tx| practices::create(tx, new))
    }

    /// Creates a plain link of a practice with this code.
    pub fn link(&self, code: &str, practice_id: &PracticeId) -> Link {
        self.link_with(practice_id, code, &NewLink::plain("Flyer"))
    }

    pub fn link_with(&self, practice_id: &PracticeId, code: &str, new: &NewLink) -> Link {
        self.write(|tx| links::create_with_code(tx, practice_id, code, new)).expect("the code is taken")
    }
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
