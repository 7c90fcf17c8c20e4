//! `practice-links serve`: starts the service, prints its address, runs until it is stopped.

use std::cell::Cell;
use std::fs::{File, TryLockError};
use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};

use super::{Failure, demo, open, prepare_folder};
use crate::app::Settings;
use crate::delivery::Transports;
use crate::domain::{link_analytics, retention};
use crate::platform::db::{Db, Target};
use crate::platform::outbox::Worker;
use crate::platform::settings::{self, BadSetting};
use crate::platform::{Service, event_log, rate_limits, telemetry, threads};
use crate::web::server;
use crate::web::state::State;

/// After this time, requests whose statement gets no answer are given up.
const GRACE: Duration = Duration::from_millis(3_500);
/// When background work is given up, counted from the signal: most platforms kill after ten seconds, and a
/// call to a provider ends before.
const WHOLE: Duration = Duration::from_millis(4_200);
/// How long background work has after the last request, if that is later.
const JOIN: Duration = Duration::from_secs(2);
/// The same while the database does not answer.
const HANG: Duration = Duration::from_millis(200);

/// Runs the service until SIGTERM or SIGINT.
pub(super) fn run(settings: Settings, out: &mut dyn Write) -> Result<(), Failure> {
    settings.check_environment()?;
    telemetry::install_metrics();
    telemetry::log_panics();
    let _ = tracing::subscriber::set_global_default(telemetry::subscriber(
        settings.platform.log.level,
        std::io::stderr,
    ));
    let listener = bind(&settings.platform)?;
    // Before `open`, which migrates: the file of a server that is running is not ours to change.
    prepare_folder(&settings)?;
    let _sole_server = lock(&settings.platform)?;
    let state = open(settings)?;
    let service = &state.service;
    let transport = Arc::new(Transports::new(service, &state.delivery)?);
    if service.settings.is_development() {
        demo::ensure(service)?;
    }
    let other_instances = service.db.listen(&service.signals)?;
    let worker = Worker::new(service.clone(), Arc::clone(&state.topics), transport).spawn()?;
    let sweeper = retention::spawn(service.clone())?;
    let funnel = link_analytics::spawn(service.clone(), Arc::clone(&state.page_views))?;
    let leases = rate_limits::spawn(service.clone())?;
    let feed = event_log::feed::spawn(service.clone(), state.reactions.clone())?;
    announce(service, out)?;
    let outcome = actix_web::rt::System::new().block_on(serve(&state, listener, || worker.request_stop()));
    // Here because a server that could not start never got the signal.
    let end = outcome.as_ref().map_or_else(|_| Instant::now() + JOIN, |signaled| join_end(&state, *signaled));
    drop(other_instances);
    let threads = vec![
        sweeper.request_stop(),
        funnel.request_stop(),
        leases.request_stop(),
        feed.request_stop(),
        worker.into_thread(),
    ];
    let left = threads::join_until(threads, end);
    if left > 0 {
        tracing::warn!(threads = left, "stopped without waiting for all background work");
    }
    tracing::info!("stopped");
    outcome.map(drop)
}

/// When the process ends although background threads are still at work.
fn join_end(state: &State, signaled: Instant) -> Instant {
    let last = if state.service.db.is_slow() { HANG } else { JOIN };
    (signaled + WHOLE).max(Instant::now() + last)
}

/// Serves until a signal, and returns when that came. `on_signal` is called at once, so that background work
/// ends while the last requests do.
async fn serve(state: &State, listener: TcpListener, on_signal: impl Fn()) -> Result<Instant, Failure> {
    let listening = server::listen(state, listener)?;
    let (handle, draining) = listening.stopper();
    let db = &state.service.db;
    let signaled = Cell::new(Instant::now());
    let stop = async {
        stop_signal().await;
        signaled.set(Instant::now());
        tracing::info!("shutting down");
        on_signal();
        let stopped = async {
            server::stop(handle, draining).await;
            db.drain().await;
        };
        let (stopped, hung) = (std::pin::pin!(stopped), std::pin::pin!(is_hung(db)));
        if let Either::Right(_) = select(stopped, hung).await {
            tracing::error!("the database does not answer: stopping without waiting for requests");
        }
        Ok(())
    };
    // Both end the server; a server that ends by itself has failed.
    match select(std::pin::pin!(stop), actix_web::rt::spawn(listening.server)).await {
        Either::Left((stopped, _)) => stopped,
        Either::Right((Ok(Ok(())), stop)) => stop.await,
        Either::Right((Ok(Err(error)), _)) => Err(error.into()),
        Either::Right((Err(_), _)) => Err(Failure::Refused("the server panicked".into())),
    }
    .map(|()| signaled.get())
}

/// Returns when requests have had their time and the database still leaves one without an answer. A request
/// that is merely slow (a client that sends a file) has `server.shutdown_seconds`.
async fn is_hung(db: &Db) {
    tokio::time::sleep(GRACE).await;
    while !db.is_slow() {
        tokio::time::sleep(GRACE / 16).await;
    }
}

async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("cannot install signal handlers: this process can only be killed");
        return std::future::pending().await;
    };
    select(Box::pin(term.recv()), Box::pin(int.recv())).await;
}

fn bind(settings: &settings::Settings) -> Result<TcpListener, Failure> {
    let socket = TcpListener::bind(settings.listen)
        .map_err(|e| BadSetting::new("listen", format!("{}: {e}", settings.listen)))?;
    Ok(socket)
}

/// Only one server may use a SQLite file: two would each assume to be the only queue of its writers. The lock
/// is beside the file, ends with the process, and does not affect `admin` commands.
fn lock(settings: &settings::Settings) -> Result<Option<File>, Failure> {
    let target = Target::parse(&settings.database.url)?;
    let Some(database) = target.sqlite_file() else { return Ok(None) };
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let file = File::create(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => {
            Err(BadSetting::new("database.url", "another server is using this SQLite file").into())
        }
        Err(TryLockError::Error(e)) => Err(BadSetting::new("database.url", e.to_string()).into()),
    }
}

fn announce(service: &Service, out: &mut dyn Write) -> Result<(), Failure> {
    let url = &service.settings.public_url;
    writeln!(out, "Practice Links listens on http://{}", service.settings.listen)?;
    if service.settings.is_development() {
        writeln!(out, "  {url}/{}  the demo practice's landing page, as a patient sees it", demo::CODE)?;
        writeln!(out, "  {url}/dev     all outgoing messages, and a phone to try the sign-up with")?;
        writeln!(out, "  {url}/docs/   the API documentation")?;
    }
    Ok(out.flush()?)
}
