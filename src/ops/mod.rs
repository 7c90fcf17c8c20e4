//! For operators and QA: is it alive, is it ready, what does it count, what does it speak.

pub mod http;
