//! The page behind a link: the first thing that a patient sees of a practice.
//!
//! One page with everything on it, ordered by a guess at who asks, complete without scripts. What it shows is
//! drawn once and kept for a moment (`cache.rs`); what is new on each page, its nonce and its visit, is put in.

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
