//! The base of every test: [`TestApp`], the whole service with a database of its own.
//!
//! A test reaches the service only over HTTP and never writes to the database. For what HTTP cannot do
//! (create a practice, move the clock, deliver queued messages) it calls a method of `TestApp`.

#![allow(dead_code, unused_imports, reason = "the harness may offer more than today's tests use")]

mod builder;
mod client;
mod database;
mod folder;
mod mailbox;
mod postgres;
mod provider;
mod spec;
mod staff_client;
mod steps;
mod stream;
mod transport;

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use diesel::RunQueryDsl as _;
use diesel::sql_types::BigInt;
use practice_links::kit::clock::ManualClock;
use practice_links::kit::{Clock as _, Timestamp};
use practice_links::platform::db::{self, Conn};
use practice_links::platform::outbox::{Point, Worker};
use practice_links::platform::{Tx, event_log};
use practice_links::web::http::Draining;
use practice_links::web::server;
use practice_links::web::state::State;

pub use builder::{Builder, DEMO, TestInput, app_from_config, default_settings, run};
pub use client::{Call, Client, IPHONE, Reply};
pub use database::Backend;
pub use mailbox::{Mailbox, header_of, readable};
pub use provider::{Provider, ProviderRequest, ScriptedReply, drain};
pub use staff_client::{EnrolledStaff, PASSWORD, StaffClient, as_staff};
pub use steps::{SignedUp, Verification, phone, sign_up_body};
pub use stream::{Event, Stream};
pub use transport::{RecordingTransport, SendAttempt};

/// Turns each function into two tests, `name::sqlite` and `name::postgres`. The argument is a started
/// [`TestApp`], or a [`Builder`] if the test needs other settings.
macro_rules! both {
    ($($(#[$meta:meta])* fn $name:ident($arg:ident: $type:ty) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            fn body($arg: $type) $body

            #[test]
            fn sqlite() {
                $crate::harness::run($crate::harness::Backend::Sqlite, body);
            }

            #[test]
            fn postgres() {
                $crate::harness::run($crate::harness::Backend::Postgres, body);
            }
        }
    )+};
}

/// Like `both!`, but only on PostgreSQL: SQLite has one writer, so races do not show there.
macro_rules! postgres {
    ($($(#[$meta:meta])* fn $name:ident($arg:ident: $type:ty) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            fn body($arg: $type) $body

            #[test]
            fn postgres() {
                $crate::harness::run($crate::harness::Backend::Postgres, body);
            }
        }
    )+};
}

/// The whole service on a database of its own. Dropping it stops the server, removes the database, and fails
/// the test if a message is still queued in the outbox.
pub struct TestApp {
    /// The state of the service itself.
    pub state: State,
    /// The clock of the service. It stands still until the test moves it.
    pub clock: Arc<ManualClock>,
    /// Receives every outgoing message.
    pub transport: Arc<RecordingTransport>,
    /// HTTP over TCP; every response is checked against the OpenAPI document.
    pub client: Client,
    /// The server's address, for raw sockets.
    pub address: SocketAddr,
    worker: Worker,
    server: Mutex<Option<Running>>,
    outbox_may_stay: AtomicBool,
    // Last, so that the pool is dropped before the database.
    _database: Option<database::TestDatabase>,
}

/// The server's thread, and the handles that stop it.
struct Running {
    handle: ServerHandle,
    draining: Draining,
    thread: JoinHandle<()>,
}

impl TestApp {
    /// Starts a service with the default settings.
    pub fn new(backend: Backend) -> Self {
        Self::on(backend).start()
    }

    /// Returns a builder, for a service with other settings.
    pub fn on(backend: Backend) -> Builder {
        Builder::new(backend)
    }

    /// The current time of the service's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Delivers every due message and runs every due task, as the worker does. Returns the number of messages
    /// settled.
    pub fn deliver_all(&self) -> usize {
        let tasks = || {
            let done = "SELECT count(*) FROM outbox WHERE channel = 'task' AND state <> 'queued'";
            usize::try_from(self.count(done)).unwrap()
        };
        let before = tasks();
        let mut settled = 0;
        self.react();
        while self.worker.run_once().unwrap() {
            settled += 1;
            self.react();
        }
        settled - (tasks() - before)
    }

    /// Does what follows from the events so far, as the event log's thread does.
    pub fn react(&self) {
        event_log::feed::settle(&self.state.service, &self.state.reactions).unwrap();
    }

    /// Delivers one due message or runs one due task. Returns whether there was one.
    pub fn deliver_one(&self) -> bool {
        let is_done = self.worker.run_once().unwrap();
        self.react();
        is_done
    }

    /// Delivers a batch of due messages as the dispatcher does: claimed together, settled together. Returns the
    /// number of messages and tasks.
    pub fn deliver_batch(&self) -> usize {
        self.worker.run_batch().unwrap()
    }

    /// A worker for the recording transport, to be started as the service does.
    pub fn worker(&self) -> Worker {
        self.worker.clone()
    }

    /// Runs one round of a worker that panics at `point`, outside of any transaction.
    pub fn dying_worker(&self, point: Point) -> thread::Result<bool> {
        let dies = Arc::new(move |at| assert!(at != point, "as the test wants it"));
        let worker = self.worker.clone().watched(dies);
        catch_unwind(AssertUnwindSafe(|| worker.run_once().unwrap()))
    }

    /// Allows messages to stay queued at the end of this test.
    pub fn leave_outbox(&self) {
        self.outbox_may_stay.store(true, Ordering::SeqCst);
    }

    /// The number of messages in `state` (`queued`, `leased`, `sent`, `dropped`, `dead`). Internal tasks are
    /// not counted.
    pub fn outbox(&self, state: &str) -> i64 {
        self.count(&format!("SELECT count(*) FROM outbox WHERE state = '{state}' AND channel <> 'task'"))
    }

    /// Runs a `SELECT count(*) …` on either database.
    pub fn count(&self, select: &str) -> i64 {
        assert!(select.trim_start().to_ascii_uppercase().starts_with("SELECT "), "tests only read: {select}");
        let count = |conn: &mut Conn| Ok(diesel::dsl::sql::<BigInt>(select).get_result::<i64>(conn)?);
        self.state.service.db.write_blocking::<_, db::Error>(count).unwrap()
    }

    /// Runs in one transaction a rule that HTTP does not offer, to set a test up.
    pub fn write<T>(&self, rule: impl FnOnce(&mut Tx) -> db::Result<T>) -> T {
        let value = self.state.service.write_blocking(rule).unwrap();
        self.react();
        value
    }

    /// Stops the server as SIGTERM does: `/readyz` fails, half a second later no connection is accepted, and
    /// running requests are finished.
    pub fn shut_down(&self) {
        let Some(running) = self.server.lock().unwrap().take() else { return };
        let Running { handle, draining, thread } = running;
        actix_web::rt::System::new().block_on(server::stop(handle, draining));
        thread.join().unwrap();
    }

    /// Like [`TestApp::shut_down`], without the half second of notice, which every test would pay.
    fn end(&self) {
        let Some(running) = self.server.lock().unwrap().take() else { return };
        // This ends open event streams.
        running.draining.set();
        drop(running.handle.stop(true));
        let _ = running.thread.join();
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.end();
        if thread::panicking() || self.outbox_may_stay.load(Ordering::SeqCst) {
            return;
        }
        // Workers that a test runs by itself emit events too.
        self.react();
        let unread =
            "SELECT count(*) FROM events WHERE seq IS NULL OR seq > (SELECT min(seq) FROM reaction_cursors)";
        assert_eq!(self.count(unread), 0, "an event was not read by every reaction");
        let left = self.outbox("queued") + self.outbox("leased");
        assert_eq!(left, 0, "messages left in the outbox: deliver_all(), or say leave_outbox()");
    }
}

/// Runs `call` on `threads` threads, all released at the same moment. Returns the results in the order of the
/// threads.
pub fn together<T: Send>(threads: usize, call: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let (start, call) = (&Barrier::new(threads), &call);
    let racer = |index| {
        move || {
            start.wait();
            call(index)
        }
    };
    thread::scope(|scope| {
        let racers: Vec<_> = (0..threads).map(|index| scope.spawn(racer(index))).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    })
}

#[test]
#[should_panic(expected = "messages left in the outbox")]
fn undelivered_message_at_end_fails_the_test() {
    TestApp::new(Backend::Sqlite).start(&phone(0));
}
