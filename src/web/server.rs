//! The HTTP server: limits, timeouts, the order of middleware, and a shutdown that interrupts no request.

use std::net::{SocketAddr, TcpListener};
use std::sync::LazyLock;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::KeepAlive;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, QueryConfig};
use actix_web::{HttpServer, web};
use utoipa_swagger_ui::{Config as DocsConfig, SwaggerUi};

use crate::web::http::fallback::{self, KnownRoutes};
use crate::web::http::request_scope::request_scope;
use crate::web::http::{Code, Draining, FieldError, Problem};
use crate::web::landing::cache_middleware::serve_cached;
use crate::web::operator::Document;
use crate::web::state::State;
use crate::web::{openapi, routes};

/// Timeout for a request's head, and for an idle connection.
const HEAD: Duration = Duration::from_secs(5);
const IDLE: Duration = Duration::from_secs(15);
/// Delay between "not ready" and "no new connections", in which a load balancer polls once.
const NOTICE: Duration = Duration::from_millis(500);

/// A server that is bound to its address.
pub struct Listening {
    pub server: Server,
    pub address: SocketAddr,
    draining: Draining,
}

/// Builds the server on a socket that is already bound.
pub fn listen(state: &State, listener: TcpListener) -> std::io::Result<Listening> {
    let address = listener.local_addr()?;
    let draining = Draining::default();
    let (shared, flag) = (state.clone(), draining.clone());
    let mut known = KnownRoutes::default();
    routes::all(&mut known);
    let known = Data::new(known);
    let document = Data::new(Document(LazyLock::new(|| openapi::json().into())));
    let server = HttpServer::new(move || {
        actix_web::App::new()
            .configure(|config| shared.register(&flag, config))
            .app_data(known.clone())
            .app_data(document.clone())
            .app_data(QueryConfig::default().error_handler(|_, _| wrong_query().into()))
            .configure(routes::all)
            .service(web::redirect("/docs", "/docs/"))
            .service(docs())
            .default_service(web::to(fallback::no_route))
            .wrap(from_fn(request_scope))
            .wrap(from_fn(serve_cached))
    });
    let settings = &state.service.settings.server;
    let server = server
        .workers(settings.workers)
        .client_request_timeout(HEAD)
        .keep_alive(KeepAlive::Timeout(IDLE))
        .shutdown_timeout(settings.shutdown_seconds)
        .disable_signals()
        .listen(listener)?
        .run();
    Ok(Listening { server, address, draining })
}

/// Shuts down gracefully: first report not ready, then refuse new connections, then
/// finish every running request.
pub async fn stop(handle: ServerHandle, draining: Draining) {
    draining.set();
    tokio::time::sleep(NOTICE).await;
    handle.stop(true).await;
}

impl Listening {
    /// Returns what [`stop`] needs.
    pub fn stopper(&self) -> (ServerHandle, Draining) {
        (self.server.handle(), self.draining.clone())
    }
}

fn wrong_query() -> Problem {
    Problem::fields(vec![FieldError {
        pointer: String::new(),
        code: Code::InvalidRequest.as_str().to_owned(),
        detail: "The query string cannot be read.".to_owned(),
    }])
}

/// Serves the document with Swagger UI from files in the binary. Its validator badge would send the
/// document to a third party, so it is switched off.
fn docs() -> SwaggerUi {
    SwaggerUi::new("/docs/{_:.*}").config(DocsConfig::from("/openapi.json").validator_url("none"))
}
