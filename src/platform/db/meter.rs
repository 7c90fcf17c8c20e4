//! Counts what the pool's connections send to the database, by diesel's instrumentation: a test holds how
//! many statements a sign-up takes, and `/metrics` shows an operator what a second costs.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use diesel::connection::{Instrumentation, InstrumentationEvent};

use super::places::Pulse;

/// What was sent since the start of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Every statement, BEGIN, COMMIT, ROLLBACK and those of savepoints included.
    pub statements: u64,
    /// Transactions that were begun; a savepoint is part of one.
    pub transactions: u64,
}

#[derive(Debug, Default)]
pub(super) struct Meter {
    statements: AtomicU64,
    transactions: AtomicU64,
    keeps_texts: AtomicBool,
    texts: Mutex<BTreeMap<String, u64>>,
}

impl Meter {
    pub(super) fn counts(&self) -> Counts {
        Counts {
            statements: self.statements.load(Ordering::Relaxed),
            transactions: self.transactions.load(Ordering::Relaxed),
        }
    }

    /// Keeps from now on how often each text was sent. Off by default: it costs a text per statement.
    pub(super) fn keep_texts(&self) {
        self.keeps_texts.store(true, Ordering::Relaxed);
    }

    pub(super) fn take_texts(&self) -> BTreeMap<String, u64> {
        std::mem::take(&mut *self.texts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn count(&self, query: &impl ToString) {
        self.statements.fetch_add(1, Ordering::Relaxed);
        if self.keeps_texts.load(Ordering::Relaxed) {
            let text = query.to_string();
            // The values behind this mark are what must never be kept.
            let text = text.split(" -- binds:").next().unwrap_or_default().to_owned();
            *self.texts.lock().unwrap_or_else(PoisonError::into_inner).entry(text).or_default() += 1;
        }
    }
}

/// What one connection reports to.
pub(super) struct Instrument {
    pub(super) meter: Arc<Meter>,
    pub(super) pulse: Arc<Pulse>,
}

impl Instrumentation for Instrument {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { query, .. } => {
                self.meter.count(&query);
                self.pulse.start();
            }
            InstrumentationEvent::CacheQuery { .. } => self.pulse.count_text(),
            InstrumentationEvent::FinishQuery { .. } => self.pulse.stop(),
            InstrumentationEvent::BeginTransaction { depth, .. } if depth.get() == 1 => {
                self.meter.transactions.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}
