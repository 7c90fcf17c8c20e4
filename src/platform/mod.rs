pub mod audit;
pub mod db;
pub mod event_stream;
pub mod idempotency;
pub mod keys;
pub mod outbox;
pub mod rate_limits;
pub mod settings;
pub mod signal;
pub mod telemetry;
pub mod threads;
mod tx;

pub use tx::{Service, Tx};
