pub(super) mod send;
mod slow_hosts;
