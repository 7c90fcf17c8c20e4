//! What every test stands on: [`TestApp`], the whole service with a database of its own.
//!
//! A test reaches the service through HTTP alone and never writes to the database. What HTTP cannot do (make a
//! practice, move the clock, deliver what is queued) it asks of the `TestApp`.

#![allow(dead_code, unused_imports, reason = "the harness may offer more than today's tests use")]

mod builder;
mod carrier;
mod client;
mod database;
mod desk;
mod folder;
mod mailbox;
mod postgres;
mod provider;
mod spec;
mod steps;
mod stream;

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
use practice_links::platform::tx::{Service, Tx};
use practice_links::web::http::Draining;
use practice_links::web::server;

pub use builder::{Builder, DEMO, Prepared, app_over, run};
pub use carrier::{Recorded, Recorder};
pub use client::{Call, Client, IPHONE, Reply};
pub use database::Backend;
pub use desk::{Desk, PASSWORD, Person, as_desk};
pub use mailbox::{Mailbox, header_of, readable};
pub use provider::{Answer, Asked, Provider, drain};
pub use steps::{SignedUp, Verification, phone, sign_up_body};
pub use stream::{Event, Stream};

/// Each function becomes two tests, `name::sqlite` and `name::postgres`. Its argument is a started [`TestApp`],
/// or a [`Builder`] where the settings differ.
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

/// As `both!`, on PostgreSQL alone: SQLite has one writer, so races do not show there.
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
/// the test where something is still queued in the outbox.
pub struct TestApp {
    /// What the service itself holds.
    pub inner: Service,
    /// The clock of the service; it stands until it is moved.
    pub clock: Arc<ManualClock>,
    /// Who takes the messages.
    pub carrier: Arc<Recorder>,
    /// HTTP over TCP, every answer checked against the OpenAPI document.
    pub client: Client,
    /// Where the server listens, for raw sockets.
    pub address: SocketAddr,
    worker: Worker,
    server: Mutex<Option<Running>>,
    outbox_may_stay: AtomicBool,
    // Last, so that the pool is gone before the database is.
    _database: Option<database::Lent>,
}

/// The server's thread, and what stops it.
struct Running {
    handle: ServerHandle,
    draining: Draining,
    thread: JoinHandle<()>,
}

impl TestApp {
    /// A service with the default settings.
    pub fn new(backend: Backend) -> Self {
        Self::on(backend).start()
    }

    /// A service whose settings differ.
    pub fn on(backend: Backend) -> Builder {
        Builder::new(backend)
    }

    /// The service's present moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Moves the clock forward.
    pub fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Delivers what is due, as the worker would, and does the tasks; returns how many messages it settled.
    pub fn deliver_all(&self) -> usize {
        let tasks = || {
            let done = "SELECT count(*) FROM outbox WHERE channel = 'task' AND state <> 'queued'";
            usize::try_from(self.count(done)).unwrap()
        };
        let before = tasks();
        let settled = std::iter::from_fn(|| self.worker.run_once().unwrap().then_some(())).count();
        settled - (tasks() - before)
    }

    /// Delivers or does one of what is due; whether there was any.
    pub fn deliver_one(&self) -> bool {
        self.worker.run_once().unwrap()
    }

    /// A round of a worker that dies when it gets to `point`, outside of any transaction.
    pub fn dying_worker(&self, point: Point) -> thread::Result<bool> {
        let dies = Arc::new(move |at| assert!(at != point, "as the test wants it"));
        let worker = self.worker.clone().watched(dies);
        catch_unwind(AssertUnwindSafe(|| worker.run_once().unwrap()))
    }

    /// Lets messages stay queued at the end of this test.
    pub fn leave_outbox(&self) {
        self.outbox_may_stay.store(true, Ordering::SeqCst);
    }

    /// How many messages are in `state` (`queued`, `leased`, `sent`, `dropped`, `dead`); tasks inside of the house are
    /// none.
    pub fn outbox(&self, state: &str) -> i64 {
        self.count(&format!("SELECT count(*) FROM outbox WHERE state = '{state}' AND channel <> 'task'"))
    }

    /// The number that a `SELECT count(*) …` gives, on either database.
    pub fn count(&self, select: &str) -> i64 {
        assert!(select.trim_start().to_ascii_uppercase().starts_with("SELECT "), "tests only read: {select}");
        let count = |tx: &mut Tx| Ok(diesel::dsl::sql::<BigInt>(select).get_result::<i64>(tx.conn)?);
        self.inner.db.write_blocking::<_, db::Error>(count).unwrap()
    }

    /// Runs a rule that HTTP does not offer yet, in one transaction: for setting a test up.
    pub fn write<T>(&self, rule: impl FnOnce(&mut Tx) -> db::Result<T>) -> T {
        self.inner.write_blocking(rule).unwrap()
    }

    /// Ends the server as SIGTERM does: not ready, half a second's notice, no new connections, running requests
    /// to their end.
    pub fn shut_down(&self) {
        let Some(running) = self.server.lock().unwrap().take() else { return };
        let Running { handle, draining, thread } = running;
        actix_web::rt::System::new().block_on(server::stop(handle, draining));
        thread.join().unwrap();
    }

    /// As [`TestApp::shut_down`], without the notice, which would cost each test half a second.
    fn end(&self) {
        let Some(running) = self.server.lock().unwrap().take() else { return };
        // Open streams end by it.
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
        let left = self.outbox("queued") + self.outbox("leased");
        assert_eq!(left, 0, "messages left in the outbox: deliver_all(), or say leave_outbox()");
    }
}

/// Runs `call` on `threads` threads at once, all let go at the same moment; answers in the threads' order.
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
fn a_test_that_forgets_a_message_fails() {
    TestApp::new(Backend::Sqlite).start(&phone(0));
}
