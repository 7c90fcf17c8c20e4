pub mod inbox;
pub mod send;
pub mod store;
