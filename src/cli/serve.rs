//! `practice-links serve`: starts the service, prints its address, runs until it is stopped.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;

use super::{Failure, app, demo};
use crate::app as topics;
use crate::delivery::Providers;
use crate::domain::{link_analytics, retention};
use crate::platform::db::Target;
use crate::platform::outbox::{Channel, Worker, WorkerHandle};
use crate::platform::settings::{BadSetting, Config};
use crate::platform::tx::App;
use crate::platform::{event_stream, telemetry};
use crate::web::server;

/// Runs the service until SIGTERM or SIGINT.
pub fn run(config: Config, out: &mut dyn Write) -> Result<(), Failure> {
    config.check_environment()?;
    telemetry::install_metrics();
    telemetry::log_panics();
    let _ = tracing::subscriber::set_global_default(telemetry::subscriber(config.log.level, std::io::stderr));
    let listener = bind(&config)?;
    let app = app(config)?;
    let _sole_server = lock(&app.config)?;
    let carrier = Arc::new(Providers::from_settings(&app)?);
    if app.config.is_development() {
        demo::ensure(&app)?;
    }
    let workers = start_workers(&Worker::new(app.clone(), topics::all(), carrier), &app.config)?;
    let sweeper = retention::spawn(app.clone())?;
    let funnel = link_analytics::spawn(app.clone())?;
    let feed = event_stream::spawn(app.clone())?;
    announce(&app, out)?;
    let outcome = actix_web::rt::System::new().block_on(serve(&app, listener));
    sweeper.stop();
    funnel.stop();
    workers.iter().for_each(WorkerHandle::tell);
    feed.stop();
    for worker in workers {
        worker.stop();
    }
    outcome
}

/// Each channel has its own threads, which share one send rate.
fn start_workers(worker: &Worker, config: &Config) -> std::io::Result<Vec<WorkerHandle>> {
    let mut handles = Vec::new();
    for channel in Channel::ALL {
        let (threads, a_second) = config.outbox.of(channel.as_str());
        let worker = worker.of_channel(channel, a_second);
        for _ in 0..threads {
            handles.push(worker.clone().spawn()?);
        }
    }
    Ok(handles)
}

async fn serve(app: &App, listener: TcpListener) -> Result<(), Failure> {
    let listening = server::listen(app, listener)?;
    let (handle, draining) = listening.stopper();
    actix_web::rt::spawn(async move {
        told_to_stop().await;
        tracing::info!("shutting down");
        server::stop(handle, draining).await;
    });
    listening.server.await?;
    app.db.drain().await;
    tracing::info!("stopped");
    Ok(())
}

async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("cannot install signal handlers: this process can only be killed");
        return std::future::pending().await;
    };
    futures_util::future::select(Box::pin(term.recv()), Box::pin(int.recv())).await;
}

fn bind(config: &Config) -> Result<TcpListener, Failure> {
    let socket = TcpListener::bind(config.listen)
        .map_err(|e| BadSetting::new("listen", format!("{}: {e}", config.listen)))?;
    Ok(socket)
}

/// Only one server may use a SQLite file: two would each assume to be the only queue of its writers. The lock
/// is beside the file, ends with the process, and does not affect `admin` commands.
fn lock(config: &Config) -> Result<Option<File>, Failure> {
    let target = Target::parse(&config.database.url)?;
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

fn announce(app: &App, out: &mut dyn Write) -> Result<(), Failure> {
    let url = &app.config.public_url;
    writeln!(out, "Practice Links listens on http://{}", app.config.listen)?;
    if app.config.is_development() {
        writeln!(out, "  {url}/{}  the demo practice's landing page, as a patient sees it", demo::CODE)?;
        writeln!(out, "  {url}/dev     all outgoing messages, and a phone to try the sign-up with")?;
        writeln!(out, "  {url}/docs/   the API documentation")?;
    }
    Ok(out.flush()?)
}
