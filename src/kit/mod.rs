//! Value types with rules of their own and no I/O: time, randomness, ids, numbers, addresses, secrets.

pub mod clock;
pub mod color;
pub mod csv;
mod email;
pub mod entropy;
pub mod gsm7;
mod ids;
pub mod internet;
mod language;
pub mod names;
pub mod numeric_code;
pub mod phone;
pub mod seal;
pub mod secret;
pub mod signed_token;
pub mod standard_webhooks;
pub(crate) mod text_enum;
mod translation;

pub use clock::{Clock, Timestamp, Wait};
pub use color::Accent;
pub use email::Email;
pub use entropy::Entropy;
pub use ids::*;
pub use language::Language;
pub use phone::Phone;
pub use secret::Secret;
pub use translation::folded_word;
