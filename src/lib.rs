//! Practice Links: from a practice's link to a secure conversation with that practice.
//!
//! This page is the map: every module in reading order. A request goes through [`routes`], a module's
//! `http.rs` (the handlers), its `mod.rs` (the rules) and its `store.rs` (the queries).
//!
//! # Adding an endpoint
//!
//! 1. Write the rule in the module's `mod.rs`: it takes `&Ctx` and `&mut Conn` and fails with the module's
//!    own error enum. An error whose changes must be kept is an `Ok`, because an `Err` rolls back.
//! 2. Write its queries in `store.rs`, one statement per function, with the guard in the `WHERE` of the
//!    statement that acts.
//! 3. Write the handler in `http.rs`: parse, one call, respond. Give it `#[utoipa::path]` with a summary,
//!    examples and a `refusals!` list of its problem codes.
//! 4. Register it in [`routes`] and run `cargo run -- openapi > api-spec/openapi.json`.
//! 5. Test it in `tests/api` through the public API, on both databases, and add its row to
//!    `tests/api/matrix.rs`.

pub mod app; //           shared state of the handlers, context of the rules
pub mod routes; //        every route on one page
pub mod topics; //        every outgoing message on one page
pub mod landing; //       the page behind a link: what a patient sees first
pub mod links; //         practice links, their codes and tokens, the effective link
pub mod invites; //       patients whom a practice invites by text and e-mail
pub mod deferred; //      pending pairings: they wait until a number is verified
pub mod funnel; //        how many visitors of a link take each step
pub mod printing; //      QR codes, posters, cards and preview images of a link
pub mod verification; //  phone number verification
pub mod consent; //       text message consent: STOP, START, HELP
pub mod accounts; //      accounts, sessions, tokens
pub mod me; //            the patient's API
pub mod conversations; // pairings and their conversations
pub mod identity; //      patient records of a practice, matching, identity checks
pub mod imports; //       imports of patient records from a file
pub mod live; //          event streams (SSE) of consoles and apps
pub mod notices; //       e-mails to the practice: recipients, digests, bounces
pub mod practices; //     practices and their profile
pub mod staff; //         staff members, teams, sign-in
pub mod desk; //          the practice's API
pub mod console; //       the practice's web pages, on top of `desk`
pub mod webhooks; //      signed calls to the practice's own server
pub mod limits; //        rate limits over sliding windows
pub mod audit; //         the append-only audit log
pub mod outbox; //        the queue of outgoing messages and its worker
pub mod providers; //     SMS, voice and e-mail providers
pub mod callbacks; //     delivery reports and inbound texts from providers
pub mod retention; //     the background job that deletes expired data
pub mod dev; //           the development page
pub mod ops; //           health, metrics, the API document
pub mod http; //          shared HTTP infrastructure
pub mod server; //        the listener and its graceful shutdown
pub mod openapi; //       the common parts of the API document
pub mod db; //            connections and transactions; only this module names a backend
pub mod keys; //          signing keys, code secrets, the pepper
pub mod config; //        all settings
pub mod telemetry; //     logs and metrics
pub mod cli; //           serve, migrate, openapi, admin
pub mod kit; //           value types without I/O: time, randomness, ids, numbers, secrets
