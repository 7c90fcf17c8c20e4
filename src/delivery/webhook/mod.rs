pub mod send;
mod slow_hosts;
