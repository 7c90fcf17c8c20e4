//! A page's form as a browser sends it: small, and in time.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::web::Query;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};

use super::{Code, Problem, body};

/// The fields of a form; of several of one name, the last.
pub struct Form(HashMap<String, String>);

impl Form {
    /// A field as it was typed; empty where it is missing. U+0000 is nothing that a person types.
    pub fn field(&self, name: &str) -> String {
        self.0.get(name).map(|value| value.replace('\0', "")).unwrap_or_default()
    }
}

impl FromRequest for Form {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_form = request.content_type().eq_ignore_ascii_case("application/x-www-form-urlencoded");
        let bytes = body::in_time(request, payload, body::MOST_BYTES);
        Box::pin(async move {
            let bytes = bytes.await?;
            if !is_form {
                return Err(Problem::new(Code::UnsupportedMediaType, "Send the page's form."));
            }
            let text = String::from_utf8_lossy(&bytes);
            match Query::<HashMap<String, String>>::from_query(&text) {
                Ok(fields) => Ok(Self(fields.into_inner())),
                Err(_) => Err(Problem::new(Code::MalformedRequest, "The form cannot be read.")),
            }
        })
    }
}
