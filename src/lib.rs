//! Practice Links: from a practice's link to a secure conversation with that practice.
//!
//! This page is the map. Each layer imports only the layers below it; a test (`tests/house.rs`) reads every
//! `use` and has no list of exceptions:
//!
//! [`cli`] → [`app`] → [`web`], [`delivery`] → [`domain`] → [`platform`] → [`kit`]
//!
//! A request takes three hops, always the same, and the URL tells the file: `web/routes.rs` →
//! `web/practice_api/links/mod.rs` (parse, one call, reply) → `domain/links/mod.rs` (the rules) →
//! `domain/links/store.rs` (the queries). Before the rule, `web/http/auth.rs` authenticates the caller and
//! checks the permission, in the rule's own transaction.
//!
//! # Adding an endpoint
//!
//! 1. Write the rule in the `mod.rs` of its subject in [`domain`]: it takes a `&mut Tx` and, where a person
//!    acts, the signed-in `&Staff` or patient's `&Principal` (in the inbox a `&Reader`, whose scope says
//!    which conversations a member may see), never a token. It refuses with the subject's own error enum; a
//!    refusal that must be remembered is an `Ok`.
//! 2. Write its queries in `store.rs`, one statement per function, the guard in the `WHERE` that acts.
//! 3. Write the handler in the file of [`web`] that is named after the URL: parse, one call, reply. The call
//!    is `read_as_staff`, `write_as_patient` or another one of `web/http/auth.rs`. Give the handler
//!    `#[utoipa::path]` with a summary and examples, and list its problem codes with `problems!`.
//! 4. Declare new files with `mod`, register the handler in `web/routes.rs`, and give it a row in the
//!    permission matrix (`tests/api/matrix.rs`).
//! 5. Run `cargo run -- openapi > api-spec/openapi.json`.
//! 6. Test it in `tests/api` through the public API, on both databases.

pub mod app; //       composition root: builds the service, the outbox topics and the transports
pub mod cli; //       serve, migrate, openapi, admin
pub mod delivery; //  how messages leave, and what is reported back: providers, SMTP, webhooks
pub mod domain; //    the business rules, one folder per subject
pub mod kit; //       values with rules and no I/O: clock, entropy, ids, phone numbers, addresses, secrets
pub mod platform; //  what rules are built on: transactions, database, outbox, rate limits, audit log
pub mod web; //       everything that speaks HTTP
