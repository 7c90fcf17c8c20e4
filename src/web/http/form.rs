//! HTML forms as a browser sends them, with limits on size and time.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};

use super::{Code, Problem, body};

/// A message has up to 4,000 characters, and a form writes a character of four bytes as twelve.
pub const MOST_BYTES: usize = 64 * 1024;

/// The fields of a form of at most `MOST` bytes, in the order of the page.
pub struct Form<const MOST: usize = { MOST_BYTES }>(Vec<(String, String)>);

impl<const MOST: usize> Form<MOST> {
    /// The text of a field: the last one of several with the same name, or empty where it is missing.
    /// U+0000 is removed, because no person types it.
    pub fn field(&self, name: &str) -> String {
        self.fields(name).pop().unwrap_or_default()
    }

    /// All fields with one name: the ticked ones of a group of checkboxes.
    pub fn fields(&self, name: &str) -> Vec<String> {
        let named = self.0.iter().filter(|(field, _)| field == name);
        named.map(|(_, value)| value.replace('\0', "")).collect()
    }
}

impl<const MOST: usize> FromRequest for Form<MOST> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_form = request.content_type().eq_ignore_ascii_case("application/x-www-form-urlencoded");
        let bytes = body::read(request, payload, MOST);
        Box::pin(async move {
            let bytes = bytes.await?;
            if !is_form {
                return Err(Problem::new(Code::UnsupportedMediaType, "Send the page's form."));
            }
            Ok(Self(form_urlencoded::parse(&bytes).into_owned().collect()))
        })
    }
}
