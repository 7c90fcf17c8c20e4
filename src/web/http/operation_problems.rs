//! The problems of each operation, for the OpenAPI document. The codes are listed beside the handler and
//! grouped by status here; every response in the tests is checked against them.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};

use super::Code;

/// Any operation can answer with these.
const ALWAYS: &[Code] = &[Code::Internal, Code::Unavailable];
/// Any operation with a body can answer with these.
const WITH_BODY: &[Code] = &[
    Code::MalformedRequest,
    Code::RequestTimeout,
    Code::BodyTooLarge,
    Code::UnsupportedMediaType,
    Code::InvalidRequest,
];
/// Any operation with an `Idempotency-Key` can answer with these.
const WITH_KEY: &[Code] = &[Code::IdempotencyKeyInvalid, Code::IdempotencyKeyReused, Code::RequestInProgress];

/// Declares a type that documents the given codes, plus those that every operation of its kind shares.
#[macro_export]
macro_rules! problems {
    ($name:ident: $kind:ident $(, $code:ident)* $(,)?) => {
        #[doc = "The problems that one operation can answer with."]
        pub(crate) struct $name;

        impl utoipa::IntoResponses for $name {
            fn responses() -> std::collections::BTreeMap<
                String,
                utoipa::openapi::RefOr<utoipa::openapi::Response>,
            > {
                $crate::web::http::operation_problems::$kind(&[$($crate::web::http::Code::$code),*])
            }
        }
    };
}

type Responses = BTreeMap<String, RefOr<Response>>;

/// For operations without a body.
pub fn plain(own: &[Code]) -> Responses {
    responses(&[own, ALWAYS].concat())
}

/// For operations with a body.
pub fn body(own: &[Code]) -> Responses {
    responses(&[own, WITH_BODY, ALWAYS].concat())
}

/// For operations with a body and an `Idempotency-Key`.
pub fn keyed(own: &[Code]) -> Responses {
    responses(&[own, WITH_KEY, WITH_BODY, ALWAYS].concat())
}

/// For operations without a body but with an `Idempotency-Key`.
pub fn keyed_plain(own: &[Code]) -> Responses {
    responses(&[own, WITH_KEY, ALWAYS].concat())
}

fn responses(codes: &[Code]) -> Responses {
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in codes {
        by_status.entry(code.status()).or_default().push(*code);
    }
    by_status.into_iter().map(|(status, codes)| (status.to_string(), response(&codes).into())).collect()
}

fn response(codes: &[Code]) -> Response {
    let list = codes.iter().map(|code| format!("`{}`: {}", code.as_str(), code.title()));
    let words: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    let code = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).enum_values(Some(words));
    let narrowed = ObjectBuilder::new().property("code", code).required("code");
    let schema = AllOfBuilder::new().item(Ref::from_schema_name("Problem")).item(narrowed).build();
    let mut content = Content::new(Some(RefOr::T(Schema::AllOf(schema))));
    content.example = codes.first().map(|code| example(*code));
    ResponseBuilder::new()
        .description(list.collect::<Vec<_>>().join("; "))
        .content("application/problem+json", content)
        .build()
}

fn example(code: Code) -> serde_json::Value {
    json!({
        "type": format!("/docs#{}", code.as_str()),
        "title": code.title(),
        "status": code.status(),
        "detail": code.title(),
        "instance": "req_0198c1f2a4c07d3e8a51b2c3d4e5f607",
        "code": code.as_str(),
    })
}
