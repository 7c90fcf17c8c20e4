mod dkim;
pub(super) mod send;
mod session;
