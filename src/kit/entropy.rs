//! Randomness, from the operating system or, in tests, from a seed.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest;

/// A source of random bytes.
pub trait Entropy: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);
}

#[derive(Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        if bytes.len() > STOCK / 8 {
            return fill_from_system(bytes);
        }
        STOCKS.with_borrow_mut(|stock| {
            if stock.len() < bytes.len() {
                stock.resize(STOCK, 0);
                fill_from_system(stock);
            }
            let kept = stock.len() - bytes.len();
            for (to, from) in bytes.iter_mut().zip(stock.iter_mut().skip(kept)) {
                // Bytes that were handed out are erased from the stock.
                *to = std::mem::take(from);
            }
            stock.truncate(kept);
        });
    }
}

/// Every request draws a few times; one system call for many of them costs a third.
const STOCK: usize = 512;

thread_local! {
    static STOCKS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

#[expect(clippy::disallowed_methods, reason = "the only place that calls the operating system's generator")]
// Panics without randomness: no response is better than a weak secret. `cli` checks it at start.
fn fill_from_system(bytes: &mut [u8]) {
    let filled = getrandom::fill(bytes);
    assert!(filled.is_ok(), "the operating system provides no randomness");
}

/// A repeatable stream, SHA-256 over seed and counter: for tests.
#[derive(Debug)]
pub struct SeededEntropy {
    seed: u64,
    counter: AtomicU64,
}

impl SeededEntropy {
    /// The stream of one `seed`.
    pub fn new(seed: u64) -> Self {
        Self { seed, counter: AtomicU64::new(0) }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(digest::SHA256_OUTPUT_LEN) {
            let turn = self.counter.fetch_add(1, Ordering::SeqCst);
            let mut input = self.seed.to_be_bytes().to_vec();
            input.extend_from_slice(&turn.to_be_bytes());
            for (to, from) in chunk.iter_mut().zip(digest::digest(&digest::SHA256, &input).as_ref()) {
                *to = *from;
            }
        }
    }
}
