//! Landing page of a link: the first thing that a patient sees of a practice.
//!
//! One page with everything on it, ordered by the visitor's likely platform and complete without
//! scripts. It is rendered once and cached for a moment (`cache.rs`); the nonce and the visit token are
//! filled in for each response.

mod agent;
mod cache;
pub mod http;
mod invited;
mod page;
mod shelf;
mod ticket;
mod visit;
mod well_known;

pub use cache::Front;
