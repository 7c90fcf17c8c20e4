//! The retention job: deletes expired data of every module, once per minute, on its own thread.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::app::App;
use crate::http::idempotency;
use crate::{
    accounts, consent, db, deferred, funnel, imports, invites, limits, live, notices, outbox, staff,
    verification, webhooks,
};

const PAUSE: Duration = Duration::from_mins(1);

/// Runs the sweep of every module in one transaction.
pub fn sweep(app: &App) -> db::Result<()> {
    app.write_blocking(|ctx, conn| {
        verification::sweep(ctx, conn)?;
        accounts::email::sweep(ctx, conn)?;
        deferred::sweep(ctx, conn)?;
        invites::sweep(ctx, conn)?;
        consent::sweep(ctx, conn)?;
        limits::sweep(ctx, conn)?;
        idempotency::sweep(ctx, conn)?;
        outbox::sweep(ctx, conn)?;
        funnel::sweep(ctx, conn)?;
        webhooks::sweep(ctx, conn)?;
        notices::sweep(ctx, conn)?;
        staff::sweep(ctx, conn)?;
        live::sweep(ctx, conn)?;
        imports::sweep(ctx, conn)?;
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
