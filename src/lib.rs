//! Practice Links: from a practice's link to a secure conversation with that practice.
//!
//! This page is the map: every room in reading order. A request takes three hops, always the same:
//! [`routes`] → a room's `http.rs` (the wire) → its `mod.rs` (the rules) → its `store.rs` (the queries).
//!
//! # Adding an endpoint
//!
//! 1. Write the rule in the room's `mod.rs`: it takes `&Ctx` and `&mut Conn` and refuses with the room's
//!    own enum. A refusal that must be remembered is an `Ok`.
//! 2. Write its queries in `store.rs`, one statement a function, the guard in the `WHERE` that acts.
//! 3. Write the handler in `http.rs`: parse, one call, answer. Give it `#[utoipa::path]` with a summary,
//!    examples and a `refusals!` list of its problem codes.
//! 4. Register it in [`routes`], run `cargo run -- openapi > api-spec/openapi.json`.
//! 5. Walk it in `tests/api` through the public API, on both databases.

pub mod app; //           what a handler may hold, what a rule may know
pub mod routes; //        every route on one page
pub mod topics; //        every outgoing message on one page
pub mod landing; //       the page behind a link: what a patient sees first
pub mod links; //         practice links as endpoints, link codes and tokens
pub mod invites; //       people whom a practice asks in, over two channels
pub mod deferred; //      phone first: pairings that wait for a number to be proven
pub mod funnel; //        what became of a link's visitors, counted
pub mod printing; //      QR codes, posters, cards, preview images: pictures of a link
pub mod verification; //  proving a phone number
pub mod consent; //       who wants texts from us: STOP, START, HELP
pub mod accounts; //      accounts, sign-ins, tokens
pub mod me; //            the patient's own view
pub mod conversations; // pairings and the conversations that they open
pub mod identity; //      the practice's own records, and who of them a patient is
pub mod imports; //       those records, taken in from a file
pub mod live; //          what open consoles and apps are told of at once
pub mod notices; //       the practice's e-mails: who is told, how often, and mails that come back
pub mod practices; //     the practices themselves
pub mod staff; //         the people who work there, and how they sign in
pub mod desk; //          the practice's own view
pub mod console; //       the practice's pages: a thin face of its own view
pub mod webhooks; //      the practice's own machine, told by signed calls
pub mod limits; //        budgets over sliding windows
pub mod audit; //         append-only events
pub mod outbox; //        what goes out, and the worker that sends it
pub mod providers; //     who takes it from us
pub mod callbacks; //     what they tell us afterwards
pub mod retention; //     what goes when it is no longer needed
pub mod dev; //           the development page
pub mod ops; //           health, metrics, the API document
pub mod http; //          what all doors have in common
pub mod server; //        the listener and its graceful end
pub mod openapi; //       what the API document says once
pub mod db; //            connections and transactions; the only place that names a backend
pub mod keys; //          signing keys, code secrets, the pepper
pub mod config; //        every setting
pub mod telemetry; //     logs and counters
pub mod cli; //           serve, migrate, openapi, admin
pub mod kit; //           clock, entropy, ids, numbers, addresses, secrets: values with rules, no I/O
