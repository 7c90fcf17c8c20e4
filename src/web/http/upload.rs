//! A form with a small file in it (`multipart/form-data`), held in memory, with a time limit.

use std::future::{Future, ready};
use std::pin::Pin;

use actix_multipart::Multipart;
use actix_web::dev::Payload;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use futures_util::{TryStreamExt as _, stream};

use super::{Code, Problem, body, multipart};

/// Room for everything around the file: boundaries, headers, a few short fields.
const MARGIN: usize = 4 * 1024;

/// A form whose file has at most `MOST` bytes.
pub struct Upload<const MOST: usize>(Vec<(String, Bytes)>);

impl<const MOST: usize> Upload<MOST> {
    /// A field's text; empty where it is missing.
    pub fn field(&self, name: &str) -> String {
        self.file(name).map(|bytes| String::from_utf8_lossy(bytes).replace('\0', "")).unwrap_or_default()
    }

    /// The bytes of a field, such as a file's content.
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, bytes)| bytes.as_ref())
    }
}

impl<const MOST: usize> FromRequest for Upload<MOST> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, body) = (request.clone(), body::read(request, payload, MOST + MARGIN));
        Box::pin(async move {
            let whole = stream::once(ready(Ok(body.await?.freeze())));
            parts(multipart::parse(&request, whole)?, MOST).await.map(Self)
        })
    }
}

/// Names and contents, in order.
async fn parts(mut form: Multipart, most: usize) -> Result<Vec<(String, Bytes)>, Problem> {
    let mut found = Vec::new();
    while let Some(mut part) = form.try_next().await.map_err(|error| multipart::unreadable(&error))? {
        let name = part.name().unwrap_or_default().to_owned();
        let content = part.bytes(most).await.map_err(|_| too_large(most))?;
        found.push((name, content.map_err(|error| multipart::unreadable(&error))?));
    }
    Ok(found)
}

fn too_large(most: usize) -> Problem {
    Problem::new(Code::BodyTooLarge, format!("A file can have at most {} KiB.", most / 1024))
}
