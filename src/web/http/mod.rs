//! Shared HTTP infrastructure: bodies, problems, client addresses, idempotency, time limits.

mod auth;
mod body;
pub mod client_ip;
pub mod content_coding;
pub mod cookie;
mod draining;
pub mod event_stream;
pub mod fallback;
pub mod fields;
pub mod form;
pub mod html;
mod id;
mod idempotency;
mod multipart;
pub mod operation_problems;
mod paging;
pub mod problem;
pub mod query;
mod raw;
pub mod request_context;
pub mod request_scope;
mod same_site;
pub mod spool;
mod upload;

pub use auth::Caller;
pub use body::Body;
pub use draining::Draining;
pub use form::Form;
pub use id::PathId;
pub use idempotency::{Reply, idempotent};
pub use paging::{Page, PageQuery};
pub use problem::{Code, FieldError, Problem};
pub use raw::RawBody;
pub use request_context::RequestContext;
pub use same_site::is_same_site;
pub use upload::Upload;
