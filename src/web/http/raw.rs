//! A request body byte for byte, as a signature needs it.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};

use super::{Problem, body};

/// A whole body of at most `MOST` bytes, and its media type.
pub struct RawBody<const MOST: usize = { body::MOST_BYTES }> {
    pub bytes: Vec<u8>,
    /// The media type, in lower case and without parameters.
    pub media_type: String,
}

impl<const MOST: usize> RawBody<MOST> {
    /// The fields of a form in order, including several with the same name. Any bytes are a form: what is not
    /// UTF-8 is replaced.
    pub fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.bytes).into_owned().collect()
    }
}

impl<const MOST: usize> FromRequest for RawBody<MOST> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let media_type = request.content_type().to_ascii_lowercase();
        let bytes = body::read(request, payload, MOST);
        Box::pin(async move { Ok(Self { bytes: bytes.await?.to_vec(), media_type }) })
    }
}
