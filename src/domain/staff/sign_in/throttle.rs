//! The rate limit of sign-ins: slower with every failure, but locked for no one.
//!
//! Failures are counted per account and per network. After a few free ones, each further one doubles the
//! wait, up to 15 minutes, so that a guesser has about a hundred tries per day. On its own, that would let
//! a stranger lock a staff member out. Therefore a device or a network from which an account was signed in
//! before has its own count for that account, and failures from elsewhere do not touch it. The wait is
//! checked again when the attempt is decided, with the rows locked: parallel guesses get no more decisions
//! than sequential ones.

use std::time::Duration;

use super::store::{self, Count};
use crate::kit::{Email, Secret, Timestamp, Wait};
use crate::platform::{Tx, db};

/// The wait after the first failure that is not free.
const FIRST_WAIT: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_mins(15);
/// Free failures per account.
const FREE: i32 = 5;
/// Free failures per network: many people may share one address.
const FREE_NETWORK: i32 = 20;
/// A count expires this long after its last failure.
const KEPT: Duration = Duration::from_hours(24);
const KEPT_NETWORK: Duration = Duration::from_hours(1);
/// A device or network stays known for this long after a sign-in.
const KNOWN: Duration = Duration::from_hours(90 * 24);

/// The factor that is being tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factor {
    Password,
    /// An authenticator or recovery code.
    Code,
}

/// The client that attempts a sign-in.
pub struct Client<'a> {
    /// The account that the client names.
    pub email: &'a Email,
    pub network: &'a str,
    /// The device token from an earlier sign-in.
    pub device: Option<&'a Secret>,
}

/// A rate-limit count that a failure is added to.
pub struct Limit {
    key: String,
    free: i32,
    kept: Duration,
    /// Whether a success resets the count.
    clears: bool,
}

impl Limit {
    fn account(tx: &Tx, what: &str, email: &Email) -> Self {
        let key = format!("{what}-account:{}", tx.keys.blind("staff-account", email.as_str()));
        Self { key, free: FREE, kept: KEPT, clears: true }
    }

    fn network(tx: &Tx, what: &str, network: &str) -> Self {
        let key = format!("{what}-network:{}", tx.keys.blind("staff-network", network));
        Self { key, free: FREE_NETWORK, kept: KEPT_NETWORK, clears: false }
    }

    fn known(key: String) -> Self {
        Self { key, free: FREE, kept: KEPT, clears: true }
    }
}

/// The rate limit on e-mails requested from one network.
pub fn links_from(tx: &Tx, network: &str) -> Vec<Limit> {
    vec![Limit::network(tx, "letter", network)]
}

/// The rate limits that apply to an attempt.
pub fn limits(tx: &mut Tx, what: Factor, client: &Client<'_>) -> db::Result<Vec<Limit>> {
    for key in known_keys(tx, client) {
        if store::find_count(tx.conn, &key)?.is_some_and(|count| count.expires_at > tx.now) {
            let key = if what == Factor::Password { key } else { format!("factor:{key}") };
            return Ok(vec![Limit::known(key)]);
        }
    }
    Ok(match what {
        Factor::Password => {
            vec![Limit::account(tx, "password", client.email), Limit::network(tx, "password", client.network)]
        }
        Factor::Code => vec![Limit::account(tx, "factor", client.email)],
    })
}

/// The device comes first: it is one person's, while a network may be a waiting room's.
fn known_keys(tx: &Tx, client: &Client<'_>) -> Vec<String> {
    let key = |kind: &str, what: &str| {
        format!("known:{}", tx.keys.blind(kind, &format!("{} {what}", client.email.as_str())))
    };
    let device = client.device.map(|device| key("staff-device", &device.hash()));
    device.into_iter().chain([key("staff-known", client.network)]).collect()
}

/// Marks the client's network and device as known from now on.
pub fn remember(tx: &mut Tx, client: &Client<'_>) -> db::Result<()> {
    for key in known_keys(tx, client) {
        store::lock_count(tx.conn, &key)?;
        store::write_count(tx.conn, &key, 0, tx.now, tx.now + KNOWN)?;
    }
    Ok(())
}

/// Resets the failures of strangers on an account: its owner has just proven access to the mailbox.
pub fn pardon(tx: &mut Tx, email: &Email) -> db::Result<()> {
    store::delete_count(tx.conn, &Limit::account(tx, "password", email).key).map(drop)
}

/// Writes a meaningless row in place of a meaningful one, so that both cases take equally long.
pub fn stand_in(tx: &mut Tx, hash: &str) -> db::Result<()> {
    let key = format!("nobody:{hash}");
    store::lock_count(tx.conn, &key)?;
    store::write_count(tx.conn, &key, 0, tx.now, tx.now).map(drop)
}

/// Returns the wait that these counts require, read without locking them.
pub fn wait(tx: &mut Tx, limits: &[Limit]) -> db::Result<Option<Wait>> {
    let mut next = tx.now;
    for limit in limits {
        if let Some(count) = store::find_count(tx.conn, &limit.key)? {
            next = next.max(count.next_at);
        }
    }
    Ok((next > tx.now).then(|| next.wait_from(tx.now)))
}

/// Locked counts: other transactions that need them wait until this one ends.
pub struct LockedCounts(Vec<(Limit, Count)>);

/// Locks the counts, always in the same order to avoid deadlocks.
pub fn lock(tx: &mut Tx, mut limits: Vec<Limit>) -> db::Result<LockedCounts> {
    limits.sort_by(|a, b| a.key.cmp(&b.key));
    let mut locked = Vec::with_capacity(limits.len());
    for limit in limits {
        let count = store::lock_count(tx.conn, &limit.key)?;
        locked.push((limit, count));
    }
    Ok(LockedCounts(locked))
}

impl LockedCounts {
    /// Returns the wait required before the next attempt.
    pub fn wait(&self, now: Timestamp) -> Option<Wait> {
        let next = self.0.iter().map(|(_, count)| count.next_at).max().unwrap_or(now);
        (next > now).then(|| next.wait_from(now))
    }

    /// Adds a failure to every count.
    pub fn fail(self, tx: &mut Tx) -> db::Result<()> {
        for (limit, count) in self.0 {
            let is_old = count.expires_at <= tx.now;
            let fails = if is_old { 1 } else { count.fails.saturating_add(1) };
            let next_at = tx.now + wait_after(fails, limit.free);
            let expires_at = count.expires_at.max(tx.now + limit.kept);
            store::write_count(tx.conn, &limit.key, fails, next_at, expires_at)?;
        }
        Ok(())
    }

    /// Resets the counts that a success resets.
    pub fn pass(self, tx: &mut Tx) -> db::Result<()> {
        for (limit, count) in self.0.into_iter().filter(|(limit, _)| limit.clears) {
            store::write_count(tx.conn, &limit.key, 0, tx.now, count.expires_at)?;
        }
        Ok(())
    }
}

/// Zero while failures are free; then 30 s, doubled by each further one.
fn wait_after(fails: i32, free: i32) -> Duration {
    match u32::try_from(fails - free) {
        Err(_) => Duration::ZERO,
        Ok(beyond) => LONGEST_WAIT.min(FIRST_WAIT.saturating_mul(1 << beyond.min(10))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_quarter_of_an_hour() {
        let waits = (4..=12).map(|fails| wait_after(fails, FREE).as_secs());
        assert_eq!(waits.collect::<Vec<_>>(), [0, 30, 60, 120, 240, 480, 900, 900, 900]);
        assert_eq!(wait_after(i32::MAX, FREE), LONGEST_WAIT);
    }
}
