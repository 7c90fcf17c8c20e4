//! A form with a small file in it (`multipart/form-data`), held in memory, with a time limit.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest};

use super::multipart::{self, Delimiter};
use super::{Code, Problem, body};

/// Room for everything around the file: boundaries, headers, a few short fields.
const MARGIN: usize = 4 * 1024;

/// A form whose file has at most `MOST` bytes.
pub struct Upload<const MOST: usize>(Vec<(String, Vec<u8>)>);

impl<const MOST: usize> Upload<MOST> {
    /// A field's text; empty where it is missing.
    pub fn field(&self, name: &str) -> String {
        self.file(name).map(|bytes| String::from_utf8_lossy(bytes).replace('\0', "")).unwrap_or_default()
    }

    /// The bytes of a field, such as a file's content.
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, bytes)| bytes.as_slice())
    }
}

impl<const MOST: usize> FromRequest for Upload<MOST> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let media_type = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let delimiter = media_type.and_then(Delimiter::of);
        let bytes = body::read(request, payload, MOST + MARGIN);
        Box::pin(async move {
            let bytes = bytes.await?;
            let Some(delimiter) = delimiter else {
                return Err(Problem::new(Code::UnsupportedMediaType, "Send the page's form."));
            };
            let parts = parts(&bytes, &delimiter);
            parts.map(Self).ok_or_else(|| Problem::new(Code::MalformedRequest, "The form cannot be read."))
        })
    }
}

/// Names and contents, in order; `None` where the last delimiter is missing.
fn parts(body: &[u8], delimiter: &Delimiter) -> Option<Vec<(String, Vec<u8>)>> {
    let (_, mut rest) = delimiter.split(body)?;
    let mut found = Vec::new();
    while !multipart::is_last(rest) {
        let (head, behind) = multipart::parse_part(rest)?;
        let (content, behind) = delimiter.split(behind)?;
        found.push((head.name, content.to_vec()));
        rest = behind;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
        parts(body, &Delimiter::of("multipart/form-data; boundary=----x1").unwrap())
    }

    #[test]
    fn complete_form_is_parsed_and_half_a_form_is_not() {
        let body = b"------x1\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\nabc\r\n\
            ------x1\r\nContent-Disposition: form-data; name=\"logo\"; filename=\"a.png\"\r\n\
            Content-Type: image/png\r\n\r\n\
            \x89PNG\r\n\r\n--\0\r\n------x1--\r\n";
        let wanted = [
            ("form_token".to_owned(), b"abc".to_vec()),
            ("logo".to_owned(), b"\x89PNG\r\n\r\n--\0".to_vec()),
        ];
        assert_eq!(parse(body).unwrap(), wanted);
        for cut in 0..body.len() - 4 {
            assert!(parse(&body[..cut]).is_none(), "{cut}");
        }
    }

    #[test]
    fn fields_after_the_file_and_empty_fields_are_parsed() {
        let body = b"a preamble\r\n\
            ------x1\r\nContent-Disposition: form-data; name=\"logo\"; filename=\"\"\r\n\r\n\r\n\
            ------x1\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\na\r\n\r\nb\r\n\
            ------x1\r\nContent-Disposition: form-data; name=\"none\"\r\n\r\n------x1--\r\nan epilogue";
        let wanted = [("logo", ""), ("note", "a\r\n\r\nb"), ("none", "")];
        let wanted = wanted.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
        assert_eq!(parse(body).unwrap(), wanted);
        assert_eq!(parse(b"------x1--").unwrap(), []);
    }
}
