pub mod dkim;
pub mod send;
pub mod session;
pub mod slow;
