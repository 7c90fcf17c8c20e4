//! HTTP handler for the public keys.

use actix_web::get;
use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::platform::Service;
use crate::platform::keys::Jwk;

/// A JWK Set (RFC 7517) of the access tokens' public keys.
#[derive(Serialize, ToSchema)]
pub(crate) struct Jwks {
    /// The keys, newest first.
    keys: Vec<Jwk>,
}

/// Get the public keys of the access tokens
#[utoipa::path(tag = "sessions", responses((status = 200, description = "A JWK Set", body = Jwks)))]
#[get("/.well-known/jwks.json")]
pub(crate) async fn get_jwks(service: Data<Service>) -> Json<Jwks> {
    Json(Jwks { keys: service.keys.jwks() })
}
