//! The retention job: deletes expired data of every module, once per minute, on its own thread.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::domain::{
    accounts, consent, invites, link_analytics, notifications, pending_pairings, record_imports, staff,
    verification, webhooks,
};
use crate::platform::tx::App;
use crate::platform::{db, event_stream, outbox, rate_limits};
use crate::web::http::idempotency;

const PAUSE: Duration = Duration::from_mins(1);

/// Runs the sweep of every module in one transaction.
pub fn sweep(app: &App) -> db::Result<()> {
    app.write_blocking(|ctx, conn| {
        verification::sweep(ctx, conn)?;
        accounts::email::sweep(ctx, conn)?;
        pending_pairings::sweep(ctx, conn)?;
        invites::sweep(ctx, conn)?;
        consent::sweep(ctx, conn)?;
        rate_limits::sweep(ctx, conn)?;
        idempotency::sweep(ctx, conn)?;
        outbox::sweep(ctx, conn)?;
        link_analytics::sweep(ctx, conn)?;
        webhooks::sweep(ctx, conn)?;
        notifications::sweep(ctx, conn)?;
        staff::sweep(ctx, conn)?;
        event_stream::sweep(ctx, conn)?;
        record_imports::sweep(ctx, conn)?;
        Ok(())
    })
}

/// Handle of the running retention thread.
pub struct Sweeper {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Sweeper {
    pub fn stop(self) {
        drop(self.stop);
        let _ = self.thread.join();
    }
}

/// Starts the thread, which sweeps until the handle is stopped.
pub fn spawn(app: App) -> std::io::Result<Sweeper> {
    let (stop, stopped) = channel::<()>();
    let thread = thread::Builder::new().name("retention".into()).spawn(move || {
        while stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
            if let Err(error) = sweep(&app) {
                tracing::warn!(%error, "sweep failed");
            }
        }
    })?;
    Ok(Sweeper { stop, thread })
}
