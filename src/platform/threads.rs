//! Ends the threads that work on their own.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A thread cannot be joined with a time limit, so it is looked at this often.
const LOOK: Duration = Duration::from_millis(5);

/// Waits until all threads have ended, at most until `end`; returns how many have not. Those are left to end
/// with the process: a statement that gets no answer cannot be interrupted, and whatever it was part of is
/// rolled back by the database.
pub fn join_until(threads: Vec<JoinHandle<()>>, end: Instant) -> usize {
    let mut left = threads;
    loop {
        left.retain(|thread| !thread.is_finished());
        if left.is_empty() || Instant::now() >= end {
            return left.len();
        }
        thread::sleep(LOOK);
    }
}
