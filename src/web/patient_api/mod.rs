pub mod accounts;
pub mod email;
pub mod entry_point;
pub mod invites;
pub mod link_tokens;
pub mod me;
pub mod verifications;
