//! `practice-links serve`: starts the service, prints its address, runs until it is stopped.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;

use super::{Failure, demo, open};
use crate::app::Settings;
use crate::delivery::Transports;
use crate::domain::{link_analytics, retention};
use crate::platform::db::Target;
use crate::platform::outbox::Worker;
use crate::platform::settings::{self, BadSetting};
use crate::platform::{Service, event_stream, telemetry};
use crate::web::server;
use crate::web::state::State;

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
    let state = open(settings)?;
    let service = &state.service;
    let _sole_server = lock(&service.settings)?;
    let transport = Arc::new(Transports::new(service, &state.delivery)?);
    if service.settings.is_development() {
        demo::ensure(service)?;
    }
    let other_instances = service.db.listen(&service.signals)?;
    let worker = Worker::new(service.clone(), Arc::clone(&state.topics), transport).spawn()?;
    let sweeper = retention::spawn(service.clone())?;
    let funnel = link_analytics::spawn(service.clone(), Arc::clone(&state.page_views))?;
    let feed = event_stream::spawn(service.clone(), Arc::clone(&state.event_hub))?;
    announce(service, out)?;
    let outcome = actix_web::rt::System::new().block_on(serve(&state, listener));
    sweeper.stop();
    funnel.stop();
    drop(other_instances);
    worker.request_stop();
    feed.stop();
    worker.stop();
    outcome
}

async fn serve(state: &State, listener: TcpListener) -> Result<(), Failure> {
    let listening = server::listen(state, listener)?;
    let (handle, draining) = listening.stopper();
    actix_web::rt::spawn(async move {
        stop_signal().await;
        tracing::info!("shutting down");
        server::stop(handle, draining).await;
    });
    listening.server.await?;
    state.service.db.drain().await;
    tracing::info!("stopped");
    Ok(())
}

async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("cannot install signal handlers: this process can only be killed");
        return std::future::pending().await;
    };
    futures_util::future::select(Box::pin(term.recv()), Box::pin(int.recv())).await;
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
