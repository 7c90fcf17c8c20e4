//! What instances tell each other: one thread per process LISTENs on one channel of PostgreSQL, whose payload
//! is a word ([`Wake`]), and notifies the signal of that word. On SQLite there is no other instance, and no
//! thread.
//!
//! NOTIFY belongs in rare transactions only, and never in one that a patient waits for: PostgreSQL takes one
//! lock for the whole database when a transaction that notifies commits, and holds it until the commit is on
//! disk, so that all of them commit one after the other. An instance therefore dispatches what it commits by
//! the signal of its own process. It notifies others from a command (`admin outbox requeue`), from a
//! background batch, or when it has no room for what it queued.
//!
//! A notification is a hint. Whoever waits for one looks for itself every few seconds: what was sent while
//! the connection was lost is gone, so after each connect all signals are notified.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use diesel::PgConnection;
use diesel::connection::SimpleConnection as _;
use strum::VariantArray as _;

use super::{Server, Target};
use crate::platform::signal::{Signals, Wake};

/// The one channel of all instances on a database.
pub(super) const CHANNEL: &str = "practice_links";
/// How often the socket is polled: libpq returns what has arrived, and does not wait for more.
const POLL: Duration = Duration::from_millis(100);
/// The pause before a lost connection is opened again.
const RETRY: Duration = Duration::from_secs(1);

/// The thread that listens. It ends after this is dropped, and is not waited for: it may be opening a
/// connection to a server that is gone.
pub struct Listening(Arc<AtomicBool>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

pub(super) fn spawn(target: &Target, signals: &Arc<Signals>) -> std::io::Result<Option<Listening>> {
    if target.sqlite_file().is_some() {
        return Ok(None);
    }
    let (target, signals, stop) = (target.clone(), Arc::clone(signals), Arc::new(AtomicBool::new(false)));
    let stopped = Arc::clone(&stop);
    thread::Builder::new().name("listen".into()).spawn(move || {
        while !stopped.load(Ordering::SeqCst) {
            listen(&target, &signals, &stopped);
            thread::sleep(RETRY);
        }
    })?;
    Ok(Some(Listening(stop)))
}

/// Listens until the connection is lost.
fn listen(target: &Target, signals: &Signals, stopped: &AtomicBool) {
    let Ok(Server::Pg(mut conn)) = target.connect() else { return };
    if conn.batch_execute(&format!("LISTEN {CHANNEL}")).is_err() {
        return;
    }
    for wake in Wake::VARIANTS {
        signals.of(*wake).notify();
    }
    while !stopped.load(Ordering::SeqCst) {
        let Ok(mut heard) = received(&mut conn) else { return };
        heard.dedup();
        for wake in heard {
            signals.of(wake).notify();
        }
        thread::sleep(POLL);
    }
}

/// What arrived since the last call. A word that this version does not know is not for it.
fn received(conn: &mut PgConnection) -> Result<Vec<Wake>, diesel::result::Error> {
    // The iterator ends with `None`, and a lost connection keeps failing.
    let payloads: Result<Vec<_>, _> = conn.notifications_iter().map(|one| one.map(|n| n.payload)).collect();
    Ok(payloads?.iter().filter_map(|payload| payload.parse().ok()).collect())
}
