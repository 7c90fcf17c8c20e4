//! Checks every reply against the OpenAPI document: path, method, status, media type, body. A route that the
//! document does not have must answer with a 404 or 405 problem.
//!
//! Schemas are read strictly: a member that the document does not name fails, because clients would come to
//! rely on it unnoticed. Only `Problem` is open, as RFC 9457 intends.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::{Draft, Validator};
use practice_links::openapi;
use serde_json::{Value, json};

use super::Reply;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut document = serde_json::to_value(openapi::document()).unwrap();
    for (name, schema) in document["components"]["schemas"].as_object_mut().unwrap() {
        let is_object = schema.get("properties").or(schema.get("allOf")).is_some();
        if name != "Problem" && is_object {
            schema["unevaluatedProperties"] = json!(false);
        }
    }
    document
});

/// Fails if `reply` differs from the document.
#[track_caller]
pub fn check(method: &str, path: &str, reply: &Reply) {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let context = format!("{method} {path} → {} {}", reply.status, reply.text());
    check_headers(path, reply, &context);
    // The rendered document and the console are pages for people, not API.
    if ["/docs", "/console"].iter().any(|pages| path == *pages || path.starts_with(&format!("{pages}/"))) {
        return;
    }
    let method = if method == "HEAD" { "GET" } else { method }.to_ascii_lowercase();
    let operations = template(path).map(|template| &DOCUMENT["paths"][template]);
    match operations.and_then(|operations| Some((operations, operations.get(&method)?))) {
        Some((_, operation)) => check_answer(operation, reply, &context),
        None if operations.is_some() => check_unknown(reply, 405, "method_not_allowed", &context),
        None => check_unknown(reply, 404, "not_found", &context),
    }
    if reply.media_type() == "application/problem+json" && !reply.body.is_empty() {
        assert_eq!(reply.at("/instance"), reply.header("x-request-id").unwrap(), "instance: {context}");
        assert_eq!(reply.at("/status"), reply.status, "status member: {context}");
    }
}

#[track_caller]
fn check_headers(path: &str, reply: &Reply, context: &str) {
    assert!(reply.header("x-request-id").is_some_and(|id| id.starts_with("req_")), "x-request-id: {context}");
    if path.starts_with("/v1/") {
        assert_eq!(reply.header("cache-control"), Some("no-store"), "cache-control: {context}");
    }
    let is_problem = reply.media_type() == "application/problem+json";
    if matches!(reply.status, 429 | 503) && is_problem && reply.at("/retry_at").is_string() {
        assert!(reply.retry_after().is_some(), "retry-after: {context}");
    }
}

#[track_caller]
fn check_unknown(reply: &Reply, status: u16, code: &str, context: &str) {
    assert_eq!(reply.status, status, "not in the document: {context}");
    assert_eq!(reply.media_type(), "application/problem+json", "media type: {context}");
    if !reply.body.is_empty() {
        assert_eq!(reply.at("/code"), code, "code: {context}");
    }
    assert!(status != 405 || reply.header("allow").is_some(), "allow: {context}");
}

#[track_caller]
fn check_answer(operation: &Value, reply: &Reply, context: &str) {
    let answer = &operation["responses"][reply.status.to_string()];
    assert!(!answer.is_null(), "undocumented status: {context}");
    let Some(content) = answer.get("content").and_then(Value::as_object) else {
        return assert!(reply.body.is_empty(), "undocumented body: {context}");
    };
    let media = content.get(reply.media_type());
    let media = media.unwrap_or_else(|| panic!("undocumented media type {}: {context}", reply.media_type()));
    // A reply to HEAD has only headers.
    if reply.media_type().ends_with("json") && !reply.body.is_empty() {
        let errors: Vec<_> =
            validator(&media["schema"]).iter_errors(&reply.json()).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "not as documented, {}: {context}", errors.join("; "));
    }
}

/// The path template that matches `path`; of several, the one with the earliest fixed segment.
fn template(path: &str) -> Option<&'static str> {
    let templates = DOCUMENT["paths"].as_object().unwrap().keys().map(String::as_str);
    let matching = templates.filter(|template| {
        template.split('/').count() == path.split('/').count()
            && template
                .split('/')
                .zip(path.split('/'))
                .all(|(t, p)| is_variable(t) && !p.is_empty() || t == p)
    });
    matching.min_by_key(|template| template.split('/').map(is_variable).collect::<Vec<_>>())
}

fn is_variable(segment: &str) -> bool {
    segment.starts_with('{')
}

/// Compiles each schema once. The components are copied to its root, so that its references resolve.
fn validator(schema: &Value) -> Arc<Validator> {
    static COMPILED: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);
    let mut compiled = COMPILED.lock().unwrap();
    let made = compiled.entry(schema.to_string()).or_insert_with(|| {
        let mut whole = schema.clone();
        whole["components"] = DOCUMENT["components"].clone();
        let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
        Arc::new(options.build(&whole).unwrap())
    });
    Arc::clone(made)
}

/// Tests of the check itself: a check that accepts everything would be just as green.
mod tests {
    use std::panic::catch_unwind;

    use ureq::http::HeaderMap;

    use super::*;

    fn passes(path: &str, status: u16, media: &str, body: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", "req_1".parse().unwrap());
        headers.insert("cache-control", "no-store".parse().unwrap());
        headers.insert("content-type", media.parse().unwrap());
        let reply = Reply { status, headers, body: body.into() };
        catch_unwind(|| check("GET", path, &reply)).is_ok()
    }

    #[test]
    fn undocumented_answer_fails_the_check() {
        let (json, problem) = ("application/json", "application/problem+json");
        assert!(passes("/healthz", 200, json, r#"{"status":"ok"}"#));
        assert!(!passes("/healthz", 200, json, r#"{"status":7}"#), "wrong type");
        assert!(!passes("/healthz", 200, json, "{}"), "member missing");
        assert!(!passes("/healthz", 200, json, r#"{"status":"ok","more":1}"#), "member too many");
        assert!(!passes("/healthz", 200, "text/plain", "ok"), "media type");
        assert!(!passes("/healthz", 202, json, r#"{"status":"ok"}"#), "status");
        let refusal = |instance: &str| json!({ "type": "/docs#not_found", "title": "", "status": 404, "detail": "", "code": "not_found", "instance": instance });
        assert!(passes("/no/where", 404, problem, &refusal("req_1").to_string()));
        assert!(!passes("/no/where", 404, problem, &refusal("req_2").to_string()), "instance");
        assert!(!passes("/no/where", 200, json, "{}"), "unknown path");
    }
}
