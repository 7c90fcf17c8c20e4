//! The OpenAPI document is generated, committed and complete.
#![allow(missing_docs)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail as tests do"
)]

use std::collections::BTreeSet;

use practice_links::http::Code;
use practice_links::openapi;
use serde_json::Value;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn document() -> Value {
    serde_json::from_str(&openapi::json()).unwrap()
}

/// Every operation with its name, e.g. `POST /v1/link-tokens`.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, item)| {
        METHODS.iter().filter_map(move |m| Some((format!("{} {path}", m.to_uppercase()), item.get(m)?)))
    });
    each.collect()
}

#[test]
fn committed_document_equals_the_generated_one() {
    let committed = std::fs::read_to_string("api-spec/openapi.json").unwrap();
    assert!(committed == openapi::json(), "run: cargo run -- openapi > api-spec/openapi.json");
}

#[test]
fn every_operation_has_a_summary_tag_and_examples() {
    let document = document();
    let operations = operations(&document);
    assert!(operations.len() >= 25, "{} operations", operations.len());
    for (name, operation) in operations {
        assert!(operation["summary"].is_string(), "{name} has no summary");
        assert!(operation["tags"][0].is_string(), "{name} has no tag");
        if let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema/$ref") {
            let pointer = schema.as_str().unwrap().trim_start_matches('#');
            let properties = document.pointer(pointer).unwrap()["properties"].as_object().unwrap();
            for (field, schema) in properties {
                let shown = schema.get("example").is_some() || schema.to_string().contains("$ref");
                assert!(shown, "{name}: {field} has no example");
            }
        }
    }
}

/// Client generators follow the references.
#[test]
fn every_reference_resolves() {
    let document = document();
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer} does not exist");
    }
}

/// Client generators name a function after each.
#[test]
fn operation_ids_are_unique() {
    let document = document();
    let mut seen = BTreeSet::new();
    for (name, operation) in operations(&document) {
        assert!(seen.insert(operation["operationId"].as_str().unwrap()), "{name}");
    }
}

#[test]
fn every_request_body_is_documented() {
    let document = document();
    for (name, operation) in operations(&document) {
        // Page beacons and these actions on webhooks and invites have everything in their path.
        let ends = ["/seen", "/tap", "/rotate", "/replay", "/resend", "/i/{token}/email", "/email-code"];
        let says_all = ends.iter().any(|end| name.ends_with(end));
        let takes_one = !says_all && ["POST", "PATCH", "PUT"].iter().any(|method| name.starts_with(method));
        assert_eq!(operation.get("requestBody").is_some(), takes_one, "{name}");
    }
}

#[test]
fn documented_problem_codes_are_exactly_the_existing_ones() {
    let document = document();
    let mut documented = BTreeSet::new();
    for (name, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let Some(schema) = response.pointer("/content/application~1problem+json/schema") else {
                continue;
            };
            let codes = schema.pointer("/allOf/1/properties/code/enum").and_then(Value::as_array);
            for code in codes.into_iter().flatten() {
                let code = code.as_str().unwrap();
                let known = Code::ALL.iter().find(|known| known.as_str() == code);
                assert_eq!(known.unwrap().status().to_string(), *status, "{name}: {code}");
                documented.insert(code.to_owned());
            }
        }
    }
    // 405 comes from the fallback handler: no operation of the document returns it.
    documented.insert(Code::MethodNotAllowed.as_str().to_owned());
    let all: BTreeSet<String> = Code::ALL.iter().map(|code| code.as_str().to_owned()).collect();
    assert_eq!(documented, all);
}

#[test]
fn every_protected_operation_names_its_security_scheme() {
    let document = document();
    for (name, operation) in operations(&document) {
        let path = name.split(' ').nth(1).unwrap();
        let scheme =
            operation.pointer("/security/0").and_then(Value::as_object).map(|s| s.keys().next().unwrap());
        let wanted = match path {
            path if path.starts_with("/v1/verifications/") => Some("client_secret"),
            "/v1/pairings" => Some("access_token"),
            path if path.starts_with("/v1/sessions/current") => Some("access_token"),
            "/v1/staff/sessions/current" | "/v1/staff/sessions/{id}" => Some("staff_token"),
            path if path.starts_with("/v1/staff/me") => Some("staff_token"),
            "/v1/staff/sessions" if !name.starts_with("POST") => Some("staff_token"),
            path if path.starts_with("/v1/practice") => Some("staff_token"),
            path if path.starts_with("/v1/me") => Some("access_token"),
            _ => None,
        };
        assert_eq!(scheme.map(String::as_str), wanted, "{name}");
    }
}
