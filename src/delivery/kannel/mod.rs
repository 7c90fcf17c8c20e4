pub mod callback;
pub mod send;
