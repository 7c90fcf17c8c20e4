//! Settling: what the result of an attempt means for its row.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::row::{Finished, Job, Settlement, State};
use super::{Outcome, Settled, Topics, pause, store};
use crate::kit::Timestamp;
use crate::platform::{Tx, db};

/// Seconds to wait after the n-th failed attempt; after the last one the row is dead. Jitter of up to a
/// quarter is added, so that a mail server that comes back is not hit by all messages at once.
pub(super) const BACK_OFF_SECONDS: [u64; 10] = [2, 5, 15, 60, 300, 900, 1_800, 3_600, 7_200, 14_400];

/// Stores the results of attempts in as few statements as there are tables, and lets each topic act on its
/// own. A row whose lease is no longer ours is left as it is. Returns when rows that failed are due again.
pub(super) fn settle(
    tx: &mut Tx,
    topics: &Topics,
    finished: &[&Finished],
    each: impl Fn(),
) -> db::Result<Vec<Timestamp>> {
    let rows: Vec<_> = finished.iter().map(|one| (*one, settlement(tx, topics, one))).collect();
    let settled = store::settle(tx.conn, &rows, tx.now)?;
    let ours: Vec<_> =
        rows.iter().filter(|(one, _)| settled.iter().any(|id| id == one.claim.job.id.as_str())).collect();
    store::finish_attempts(tx.conn, ours.iter().map(|(one, _)| *one), tx.now)?;
    let (mut due_again, mut by_topic) = (Vec::new(), BTreeMap::<&str, Vec<Settled<'_>>>::new());
    for (Finished { claim, result }, change) in ours {
        let (job, outcome, is_over) = (&claim.job, &result.outcome, change.settled_at.is_some());
        pause::learn(tx, job.channel, outcome, claim.is_trial)?;
        by_topic.entry(&job.topic).or_default().push(Settled { job, outcome, is_over });
        due_again.extend((!is_over).then_some(change.next_at));
    }
    for (name, rows) in by_topic {
        if let Some(topic) = topics.get(name) {
            // A topic that panics must not end the batch of all others.
            catch_unwind(AssertUnwindSafe(|| topic.settled_together(tx, &rows)))
                .unwrap_or(Err(db::Error::Panicked))?;
        }
        for _ in rows {
            each();
        }
    }
    Ok(due_again)
}

/// Seconds that a job waits after each failed attempt.
pub(super) fn schedule(topics: &Topics, job: &Job) -> &'static [u64] {
    topics.get(job.topic.as_str()).map_or(&BACK_OFF_SECONDS, |topic| topic.schedule())
}

fn settlement(tx: &Tx, topics: &Topics, finished: &Finished) -> Settlement {
    let (job, outcome) = (&finished.claim.job, &finished.result.outcome);
    let why = outcome.label();
    let dead = || Settlement::over(State::Dead, job, tx.now).because(why);
    // If the next attempt would be too late, the row is over now: the person who waits for it learns so
    // while there is another way.
    let in_time = |next_at: &Timestamp| job.not_after.is_none_or(|end| *next_at < end);
    let again = |after: Duration| {
        let schedule = schedule(topics, job);
        let next_at = back_off(tx, job.attempts, schedule).map(|next_at| next_at.max(tx.now + after));
        match next_at.filter(in_time) {
            Some(next_at) => Settlement::again(job, next_at).because(why),
            None => dead(),
        }
    };
    match outcome {
        Outcome::Sent => Settlement::over(State::Sent, job, tx.now),
        Outcome::Expired | Outcome::Unwanted => Settlement::over(State::Dropped, job, tx.now),
        Outcome::Rejected(_) | Outcome::TransportRejected(_) | Outcome::Fraud(_) => dead(),
        Outcome::Retry(_) => again(Duration::ZERO),
        Outcome::RetryAfter(_, wait) => again(*wait),
        Outcome::NotTried(_, wait) => match Some(tx.now + *wait).filter(in_time) {
            Some(next_at) => {
                Settlement { attempts: job.attempts - 1, ..Settlement::again(job, next_at).because(why) }
            }
            None => dead(),
        },
        Outcome::Ambiguous(_) if job.is_used_up_by(1) => dead(),
        Outcome::Ambiguous(_) => Settlement { ambiguous: job.ambiguous + 1, ..again(Duration::ZERO) },
        // Not the fault of this row, so its attempt is given back. It goes behind the others, so that the
        // next trial is of another row: some rejections are about one recipient after all.
        Outcome::Misconfigured(_) => Settlement {
            attempts: job.attempts - 1,
            ..Settlement::again(job, tx.now + pause::BETWEEN_TRIALS).because(why)
        },
    }
}

fn back_off(tx: &Tx, attempts: i32, schedule: &[u64]) -> Option<Timestamp> {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(0);
    let wait = Duration::from_secs(*schedule.get(index)?);
    let [dice] = tx.random::<1>();
    Some(tx.now + wait + wait.mul_f64(f64::from(dice) / 1024.0))
}
