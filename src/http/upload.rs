//! A page's form with a file in it (`multipart/form-data`, RFC 7578): small, whole in memory, and in time.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest};

use super::multipart::split;
use super::{Code, Problem, body};

/// What stands around the file: boundaries, headers, a few short fields.
const MARGIN: usize = 4 * 1024;

/// A form whose file has at most `MOST` bytes.
pub struct Upload<const MOST: usize>(Vec<(String, Vec<u8>)>);

impl<const MOST: usize> Upload<MOST> {
    /// A field's text; empty where it is missing.
    pub fn field(&self, name: &str) -> String {
        self.file(name).map(|bytes| String::from_utf8_lossy(bytes).replace('\0', "")).unwrap_or_default()
    }

    /// A field's bytes.
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, bytes)| bytes.as_slice())
    }
}

impl<const MOST: usize> FromRequest for Upload<MOST> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let boundary = kind.and_then(boundary);
        let bytes = body::in_time(request, payload, MOST + MARGIN);
        Box::pin(async move {
            let bytes = bytes.await?;
            let Some(boundary) = boundary else {
                return Err(Problem::new(Code::UnsupportedMediaType, "Send the page's form."));
            };
            let parts = parts(&bytes, &boundary);
            parts.map(Self).ok_or_else(|| Problem::new(Code::MalformedRequest, "The form cannot be read."))
        })
    }
}

fn boundary(kind: &str) -> Option<String> {
    let (kind, parameters) = kind.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let mut pairs = parameters.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, boundary) = pairs.find(|(name, _)| name.eq_ignore_ascii_case("boundary"))?;
    let boundary = boundary.trim_matches('"');
    (1..=70).contains(&boundary.len()).then(|| boundary.to_owned())
}

/// Names and contents, in order; `None` where the last boundary is missing.
fn parts(body: &[u8], boundary: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let between = format!("\r\n--{boundary}");
    let (_, mut rest) = split(body, between.trim_start().as_bytes())?;
    let mut found = Vec::new();
    while !rest.starts_with(b"--") {
        let (part, behind) = split(rest, between.as_bytes())?;
        let (head, content) = split(part, b"\r\n\r\n")?;
        if let Some(name) = name(&String::from_utf8_lossy(head)) {
            found.push((name, content.to_vec()));
        }
        rest = behind;
    }
    Some(found)
}

fn name(head: &str) -> Option<String> {
    let is_ours = |line: &&str| line.to_ascii_lowercase().starts_with("content-disposition:");
    let (_, rest) = head.lines().find(is_ours)?.split_once("; name=\"")?;
    rest.split('"').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_taken_apart_and_half_a_form_is_not() {
        let boundary = boundary("multipart/form-data; boundary=----x1").unwrap();
        let body = b"------x1\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\nabc\r\n------x1\r\n\
            Content-Disposition: form-data; name=\"logo\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\
            \x89PNG\r\n\r\n--\0\r\n------x1--\r\n";
        let found = parts(body, &boundary).unwrap();
        let wanted = [
            ("form_token".to_owned(), b"abc".to_vec()),
            ("logo".to_owned(), b"\x89PNG\r\n\r\n--\0".to_vec()),
        ];
        assert_eq!(found, wanted);
        for cut in 0..body.len() - 4 {
            assert!(parts(&body[..cut], &boundary).is_none(), "{cut}");
        }
    }

    #[test]
    fn only_forms_have_a_boundary() {
        assert_eq!(boundary("multipart/form-data; charset=utf-8; boundary=\"a b\"").unwrap(), "a b");
        for other in ["multipart/form-data", "image/png; boundary=x", "multipart/form-data; boundary="] {
            assert_eq!(boundary(other), None);
        }
    }
}
