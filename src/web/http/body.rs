//! JSON bodies: at most 16 KiB, with a time limit, parsed field by field; an error names the field.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::web::{BytesMut, Data};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;
use tokio::time::timeout;
use validator::{Validate, ValidationErrors, ValidationErrorsKind};

use super::{Code, FieldError, Problem};
use crate::platform::Service;

/// The default size limit of a request body. Only uploads of pictures and files have a larger one.
pub(super) const MOST_BYTES: usize = 16 * 1024;

/// A parsed and validated body, and its canonical form (sorted keys, no white space) for comparisons.
pub struct Body<T> {
    pub value: T,
    pub canonical: Vec<u8>,
}

impl<T: DeserializeOwned + Validate + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = is_json(request);
        let bytes = read(request, payload, MOST_BYTES);
        Box::pin(async move {
            let bytes = bytes.await?;
            if !is_json {
                return Err(Problem::new(
                    Code::UnsupportedMediaType,
                    "Send `content-type: application/json`.",
                ));
            }
            parse(&bytes)
        })
    }
}

/// Reads a whole body within the limits of size and time.
pub(super) fn read(
    request: &HttpRequest,
    payload: &mut Payload,
    most: usize,
) -> impl Future<Output = Result<BytesMut, Problem>> + 'static {
    let seconds = request
        .app_data::<Data<Service>>()
        .map_or(10, |service| service.settings.server.body_timeout_seconds);
    let payload = payload.take();
    async move {
        let collected = timeout(Duration::from_secs(seconds), collect(payload, most)).await;
        collected.map_err(|_| {
            Problem::new(Code::RequestTimeout, "The body stopped arriving. Send the request again.")
        })?
    }
}

fn is_json(request: &HttpRequest) -> bool {
    matches!(request.mime_type(), Ok(Some(mime)) if mime.type_() == "application" && mime.subtype() == "json")
}

async fn collect(mut payload: Payload, most: usize) -> Result<BytesMut, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::new(Code::MalformedRequest, "The body ended early."))?;
        if bytes.len() + chunk.len() > most {
            let detail = format!("The body can have at most {} KiB.", most / 1024);
            return Err(Problem::new(Code::BodyTooLarge, detail));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn parse<T: DeserializeOwned + Validate>(bytes: &[u8]) -> Result<Body<T>, Problem> {
    let json: Value = serde_json::from_slice(bytes).map_err(|e| {
        Problem::new(Code::MalformedRequest, format!("Not JSON at line {}, column {}.", e.line(), e.column()))
    })?;
    if !json.is_object() {
        return Err(Problem::field(Code::InvalidRequest, "", "The body must be a JSON object."));
    }
    if has_nul(&json) {
        // PostgreSQL cannot store U+0000 in text, so it is rejected here instead of failing there.
        return Err(Problem::field(Code::InvalidRequest, "", "Text must not contain the character U+0000."));
    }
    let canonical = json.to_string().into_bytes();
    let value: T = serde_path_to_error::deserialize(&json).map_err(|e| shape_error(&e))?;
    value.validate().map_err(|errors| Problem::fields(field_errors(&errors, "")))?;
    Ok(Body { value, canonical })
}

fn has_nul(json: &Value) -> bool {
    match json {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(members) => members.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// serde's own message can quote the value ("invalid type: string \"…\""), so it is not passed on.
fn shape_error(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let mut pointer = String::new();
    for segment in error.path() {
        pointer.push('/');
        match segment {
            // The library writes an index as `[0]`; a JSON Pointer writes `0`.
            Segment::Seq { index } => pointer.push_str(&index.to_string()),
            other => pointer.push_str(&other.to_string()),
        }
    }
    let text = error.inner().to_string();
    let missing = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    let (code, detail) = match missing {
        Some(name) => {
            pointer.push('/');
            pointer.push_str(name);
            ("required", "This field is required.")
        }
        None if text.starts_with("unknown variant") => {
            ("unknown_value", "This is not one of the allowed values.")
        }
        None => ("wrong_type", "This value has the wrong type."),
    };
    Problem::fields(vec![FieldError { pointer, code: code.to_owned(), detail: detail.to_owned() }])
}

fn field_errors(errors: &ValidationErrors, at: &str) -> Vec<FieldError> {
    let mut found: Vec<FieldError> = errors
        .errors()
        .iter()
        .flat_map(|(name, kind)| {
            let pointer = format!("{at}/{name}");
            match kind {
                ValidationErrorsKind::Field(list) => list.iter().map(|e| field_error(&pointer, e)).collect(),
                ValidationErrorsKind::Struct(inner) => field_errors(inner, &pointer),
                ValidationErrorsKind::List(items) => items
                    .iter()
                    .flat_map(|(index, inner)| field_errors(inner, &format!("{pointer}/{index}")))
                    .collect(),
            }
        })
        .collect();
    found.sort_by(|a, b| a.pointer.cmp(&b.pointer));
    found
}

fn field_error(pointer: &str, error: &validator::ValidationError) -> FieldError {
    let detail = error.message.clone().unwrap_or_else(|| "This value is not allowed.".into());
    FieldError { pointer: pointer.to_owned(), code: error.code.to_string(), detail: detail.into_owned() }
}
