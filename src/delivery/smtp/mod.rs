mod dkim;
pub mod send;
mod session;
