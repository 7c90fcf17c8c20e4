//! Idempotency: a request with the same `Idempotency-Key`, caller, route and body gets the first response
//! again, for 24 hours.
//!
//! The response is stored in the business transaction itself, so there is no moment in which the work is
//! done and the key is unknown. Responses carry tokens, so they are encrypted with a key that needs the
//! client's own `Idempotency-Key`, of which the database has only a hash: a database dump opens none of
//! them. Errors are not stored: a client that waited as told must succeed under the same key.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use serde::Serialize;

use super::{Code, Problem, RequestContext};
use crate::kit::{Secret, seal, secret};
use crate::platform::idempotency::{self, StoredResponse};
use crate::platform::{Service, Tx, db};

/// The result of a rule that commits.
pub enum Reply {
    /// A success, stored for a repeated request.
    Success(Success),
    /// An error whose changes must be kept, so it commits; like every error it is not stored under the key.
    Refused(Problem),
}

/// A successful response: a status and a body.
pub struct Success {
    status: StatusCode,
    body: Vec<u8>,
}

impl Reply {
    pub fn ok<T: Serialize>(body: &T) -> Self {
        Self::new(StatusCode::OK, body)
    }

    pub fn created<T: Serialize>(body: &T) -> Self {
        Self::new(StatusCode::CREATED, body)
    }

    pub fn accepted<T: Serialize>(body: &T) -> Self {
        Self::new(StatusCode::ACCEPTED, body)
    }

    fn new<T: Serialize>(status: StatusCode, body: &T) -> Self {
        Self::Success(Success { status, body: serde_json::to_vec(body).unwrap_or_default() })
    }
}

impl Success {
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (status, body) = bytes.split_at_checked(2)?;
        let status = u16::from_be_bytes(status.try_into().ok()?);
        Some(Self { status: StatusCode::from_u16(status).ok()?, body: body.to_vec() })
    }

    fn to_bytes(&self) -> Vec<u8> {
        [self.status.as_u16().to_be_bytes().as_slice(), &self.body].concat()
    }
}

impl From<Success> for HttpResponse {
    fn from(success: Success) -> Self {
        Self::build(success.status).content_type(ContentType::json()).body(success.body)
    }
}

/// Runs `rule` in one write transaction, or repeats the response to the first request with the same key.
pub async fn idempotent<E, F>(
    service: &Service,
    call: &RequestContext,
    canonical: &[u8],
    rule: F,
) -> Result<HttpResponse, Problem>
where
    F: FnOnce(&mut Tx) -> Result<Reply, E> + Send + 'static,
    E: Into<Problem>,
{
    let key = Key::of(service, call, canonical);
    let reply = service
        .write(move |tx| match key {
            None => rule(tx).map_err(Into::into),
            Some(key) => with_key(tx, &key, rule),
        })
        .await?;
    match reply {
        Reply::Success(success) => Ok(success.into()),
        Reply::Refused(problem) => Err(problem),
    }
}

fn with_key<E: Into<Problem>>(
    tx: &mut Tx,
    key: &Key,
    rule: impl FnOnce(&mut Tx) -> Result<Reply, E>,
) -> Result<Reply, Problem> {
    if !tx.conn.try_lock(key.lock).map_err(db::Error::from)? {
        let problem = Problem::new(Code::RequestInProgress, "Wait for its response, or try again.");
        return Err(problem.retry_after(1));
    }
    if let Some(stored) = idempotency::find(tx, &key.hash)? {
        return replay(key, &stored);
    }
    let reply = rule(tx).map_err(Into::into)?;
    let Reply::Success(success) = &reply else { return Ok(reply) };
    let sealed = seal::seal(&key.seal, &success.to_bytes(), tx.entropy())
        .ok_or_else(|| Problem::new(Code::Internal, "Nothing was changed. Try again."))?;
    let response = StoredResponse { request_mac: key.request_mac.clone(), answer: sealed };
    idempotency::insert(tx, &key.hash, &response)?;
    Ok(reply)
}

fn replay(key: &Key, stored: &StoredResponse) -> Result<Reply, Problem> {
    if stored.request_mac != key.request_mac {
        let detail = "Use a new key for a different request.";
        return Err(Problem::new(Code::IdempotencyKeyReused, detail));
    }
    seal::open(&key.seal, &stored.answer)
        .and_then(|bytes| Success::from_bytes(&bytes))
        .map(Reply::Success)
        .ok_or_else(|| Problem::new(Code::Internal, "The first response cannot be read. Use a new key."))
}

/// The values derived from a request and its key: row hash, lock, MAC of the request, encryption key.
struct Key {
    hash: String,
    lock: i64,
    request_mac: String,
    seal: [u8; 32],
}

impl Key {
    /// The caller is identified by a credential where there is one, in the header or the body: a phone that
    /// repeats a request may have changed from Wi-Fi to the mobile network in between. Without a credential
    /// it is identified by its network, so that two strangers with the same weak key never share a response.
    fn of(service: &Service, call: &RequestContext, canonical: &[u8]) -> Option<Self> {
        let key = call.idempotency_key.as_deref()?;
        let bearer = call.bearer.as_ref().map(Secret::hash);
        let caller = bearer.or(call.holder.clone()).unwrap_or_else(|| call.network.clone());
        let identity = [key.as_bytes(), caller.as_bytes(), call.route.as_bytes()];
        let hash = service.keys.derive("idempotency-key", &identity);
        let (lock, _) = hash.split_first_chunk::<8>()?;
        Some(Self {
            hash: secret::sha256(&hash),
            lock: i64::from_be_bytes(*lock),
            request_mac: secret::sha256(
                &service.keys.derive("idempotency-body", &[call.path.as_bytes(), canonical]),
            ),
            seal: service.keys.derive("idempotency-seal", &identity),
        })
    }
}
