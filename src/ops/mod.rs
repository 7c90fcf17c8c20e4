//! Health, metrics and the OpenAPI document, for operators and QA.

pub mod http;
