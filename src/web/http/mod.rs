//! Shared HTTP infrastructure: bodies, problems, client addresses, idempotency, time limits.

pub mod auth;
pub mod body;
pub mod client_ip;
pub mod cookie;
pub mod draining;
pub mod event_stream;
pub mod fallback;
pub mod fields;
pub mod form;
pub mod html;
pub mod id;
pub mod idempotency;
pub mod multipart;
pub mod operation_problems;
pub mod paging;
pub mod problem;
pub mod raw;
pub mod request_context;
pub mod request_scope;
pub mod same_site;
pub mod spool;
pub mod upload;

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
