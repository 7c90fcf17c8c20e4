//! The thread that settles leases when they are over. It looks into memory every second, and asks the
//! database only if there is something to return.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::platform::{Service, db};

const PAUSE: Duration = Duration::from_secs(1);

/// Handle of the running thread.
pub struct Keeper {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Keeper {
    /// Has all leases returned and the thread end. Call it when no request runs any more. Does not wait.
    pub fn request_stop(self) -> JoinHandle<()> {
        drop(self.stop);
        self.thread
    }
}

/// Starts the thread, which runs until the handle is stopped.
pub fn spawn(service: Service) -> std::io::Result<Keeper> {
    let (stop, stopped) = channel::<()>();
    let thread = thread::Builder::new().name("leases".into()).spawn(move || {
        let mut goes_on = true;
        while goes_on {
            goes_on = stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout);
            // A panic must not end the thread: leases would be returned by nobody.
            let settled = catch_unwind(AssertUnwindSafe(|| settle(&service, !goes_on)));
            if let Err(error) = settled.unwrap_or(Err(db::Error::Panicked)) {
                tracing::warn!(%error, "leases not settled, will retry");
            }
        }
    })?;
    Ok(Keeper { stop, thread })
}

/// Settles the leases that are over, each row in a transaction of its own; all leases `at_end`. Mends the
/// rows in which hits of a clock that was ahead were found.
pub fn settle(service: &Service, at_end: bool) -> db::Result<()> {
    if service.leases.has_ahead() {
        service.write_blocking(super::mend)?;
    }
    for (key, longest) in service.leases.due(service.now(), at_end) {
        service.write_blocking(|tx| super::settle_row(tx, &key, longest, at_end))?;
    }
    Ok(())
}
