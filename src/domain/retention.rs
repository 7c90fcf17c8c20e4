//! The retention job: deletes expired data of every module, once per minute, on its own thread.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::domain::{
    accounts, consent, invites, link_analytics, notifications, pending_pairings, record_imports, staff,
    verification, webhooks,
};
use crate::platform::{Service, db, event_stream, idempotency, outbox, rate_limits};

const PAUSE: Duration = Duration::from_mins(1);

/// Runs the sweep of every module in one transaction.
pub fn sweep(service: &Service) -> db::Result<()> {
    service.write_blocking(|tx| {
        verification::sweep(tx)?;
        accounts::email::sweep(tx)?;
        pending_pairings::sweep(tx)?;
        invites::sweep(tx)?;
        consent::sweep(tx)?;
        rate_limits::sweep(tx)?;
        idempotency::sweep(tx)?;
        outbox::sweep(tx)?;
        link_analytics::sweep(tx)?;
        webhooks::sweep(tx)?;
        notifications::sweep(tx)?;
        staff::sweep(tx)?;
        event_stream::sweep(tx)?;
        record_imports::sweep(tx)?;
        Ok(())
    })
}

/// Handle of the running retention thread.
pub struct Sweeper {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Sweeper {
    /// Tells the thread to end after its current sweep. Does not wait.
    pub fn request_stop(self) -> JoinHandle<()> {
        drop(self.stop);
        self.thread
    }
}

/// Starts the thread, which sweeps until the handle is stopped.
pub fn spawn(service: Service) -> std::io::Result<Sweeper> {
    let (stop, stopped) = channel::<()>();
    let thread = thread::Builder::new().name("retention".into()).spawn(move || {
        while stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
            if let Err(error) = sweep(&service) {
                tracing::warn!(%error, "sweep failed");
            }
        }
    })?;
    Ok(Sweeper { stop, thread })
}
