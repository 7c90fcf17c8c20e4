mod dkim;
pub(super) mod send;
mod session;
pub mod settings;
