//! A body as it came, for what is signed byte by byte.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use super::{Problem, body};

/// The bytes of a body, within the limits of size and time.
pub struct Raw(pub Vec<u8>);

impl FromRequest for Raw {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = body::in_time(request, payload);
        Box::pin(async move { Ok(Self(bytes.await?.to_vec())) })
    }
}
