//! How long the callers of [`Db`] wait: for a place, and for the result.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::Db;

/// How long a request waits for a place before it gets 503.
pub(super) const PERMIT_WAIT: Duration = Duration::from_secs(2);
/// How long it waits for the result: if the database is down, the client gets 503 within 3 s.
pub(super) const RESULT_WAIT: Duration = Duration::from_millis(2_800);
/// A moving queue does not mean that the database is down: while other requests get results, the wait is
/// extended by this much, up to `RENEWALS` times.
const RENEWAL: Duration = Duration::from_secs(1);
const RENEWALS: u32 = 5;
/// How long a thread of our own waits for a place while the database gives no result to anyone.
const THREAD_WAIT: Duration = Duration::from_secs(5);

impl Db {
    /// Waits for `work` as long as `patience`, and longer while the database keeps giving results.
    pub(super) async fn wait_for<T>(&self, patience: Duration, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        let mut wait = patience;
        for _ in 0..=RENEWALS {
            let seen = self.completed.load(Ordering::Relaxed);
            if let Ok(output) = timeout(wait, &mut work).await {
                return Some(output);
            }
            if !self.is_moving(seen) {
                return None;
            }
            wait = RENEWAL;
        }
        None
    }

    /// [`Db::wait_for`] for our own threads, which have no client that waits: they give up only when the
    /// database gives no results at all.
    pub(super) fn wait_for_thread<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            let seen = self.completed.load(Ordering::Relaxed);
            if let Some(output) = block_on(work.as_mut(), Instant::now() + THREAD_WAIT) {
                return Some(output);
            }
            if !self.is_moving(seen) {
                return None;
            }
        }
    }

    /// Whether there were results since `seen`, or places became free that were lost.
    fn is_moving(&self, seen: u64) -> bool {
        self.completed.load(Ordering::Relaxed) != seen || self.places.give_up_lost() > 0
    }
}

/// Waits on this thread until the end of `work`, which is certain to come.
pub(super) fn forever<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    loop {
        if let Some(output) = block_on(work.as_mut(), Instant::now() + THREAD_WAIT) {
            return output;
        }
    }
}

/// Waits on this thread, which has no timer of an asynchronous runtime.
fn block_on<T>(mut work: Pin<&mut impl Future<Output = T>>, end: Instant) -> Option<T> {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        if let Poll::Ready(output) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        thread::park_timeout(left);
    }
}
