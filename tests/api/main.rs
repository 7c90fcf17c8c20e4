//! Tests of the API as its clients use it: over TCP, on both databases, with clock, messages and randomness
//! under the test's control. One binary, so that it links once; one module per capability.

#![allow(unreachable_pub, reason = "nothing is outside of a test binary")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy.toml allows these in #[test] functions; helpers outside of them may fail the same way"
)]

#[macro_use]
mod harness;

mod accounts;
mod audit;
mod bounces;
mod callbacks;
mod consent;
mod console;
mod console_inbox;
mod console_records;
mod console_settings;
mod crashes;
mod dispatcher;
mod damaged_files;
mod deferred;
mod devices;
mod digests;
mod discreet;
mod doors;
mod endpoints;
mod families;
mod faults;
mod funnel;
mod group_commit;
mod idempotency;
mod identity;
mod imports;
mod inbox;
mod invites;
mod landing;
mod limits;
mod links;
mod matrix;
mod live;
mod me;
mod notices;
mod notifications;
mod outbox;
mod persons;
mod privacy;
mod profile;
mod providers;
mod records;
mod schema;
mod signup;
mod smtp;
mod snapshots;
mod staff;
mod staff_account;
mod statement_counts;
mod two_databases;
mod uploads;
mod verification;
mod webhooks;
