//! The one writer of SQLite. A commit waits for the disk, so closures share one: the thread takes what is
//! waiting, runs it in one transaction, each closure in a savepoint of its own, and answers after the commit.
//!
//! * The group is whatever waits at that moment, up to a limit. Nothing is waited for to make it larger: a
//!   closure that is alone runs at once, and takes BEGIN and COMMIT and no savepoint.
//! * A closure that fails or panics is rolled back alone. The first of a group has nothing before it that
//!   must stay, so it needs no savepoint either: the transaction itself is rolled back, and begun anew.
//! * No answer goes out before the commit, a refusal neither: it can rest on what others of the group wrote.
//!   If the commit fails, everyone gets that error.
//! * What SQLite decides at the commit only, deferred constraints, would fail the whole group for the fault
//!   of one closure. The schema has none.
//! * On a full or broken disk SQLite can roll the whole transaction back in the middle of a closure. Its
//!   savepoint is gone then, the end of it fails, and so does the group.
//!
//! Threads of our own have closures that are not `Send`: they borrow the connection for their savepoint.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use r2d2::ManageConnection as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::pool::{MOST_TEXTS, Manager, Slot};
use super::wait::{PERMIT_WAIT, RESULT_WAIT};
use super::{CONNECTION, Conn, Db, Error, kind_of};
use crate::platform::threads::join_until;

/// The most closures that share a commit, and the longest that the first of them waits for the others.
const MOST: usize = 64;
const LONGEST: Duration = Duration::from_millis(8);
/// The most closures that wait: more than there can be connections.
const QUEUE: u32 = 1 << 16;
const DRAIN_PAUSE: Duration = Duration::from_millis(10);
/// How long the last user of the database waits for the thread to close the file.
const CLOSE: Duration = Duration::from_secs(2);

/// The queue of the thread, which starts with the first closure and ends with the last `Db`.
pub(super) struct Writer {
    manager: Manager,
    completed: Arc<AtomicU64>,
    thread: OnceLock<Option<Thread>>,
    waiting: Arc<Semaphore>,
}

struct Thread {
    jobs: Sender<Job>,
    handle: JoinHandle<()>,
}

/// What is told to each closure of a group after the commit.
type Committed = Result<(), Error>;
/// Hands a result to the one that waits for it.
type Answer = Box<dyn FnOnce(Committed) + Send>;

/// A closure of a handler; says whether its changes are to be kept. It is told if there is no connection.
type Closure = Box<dyn FnOnce(Result<&mut Conn, Error>) -> (bool, Answer) + Send>;

struct Job {
    turn: Arc<Turn>,
    work: Work,
    waiting: OwnedSemaphorePermit,
}

enum Work {
    Run(Closure),
    Lend(Loan),
}

/// The way of the connection to a thread of our own and back.
struct Loan {
    there: oneshot::Sender<Result<Slot, Error>>,
    back: Receiver<(Slot, bool)>,
    answer: Answer,
}

/// Whether a closure has begun: one that its caller does not wait for any more must not.
#[derive(Default)]
struct Turn(AtomicU8);

const BEGUN: u8 = 1;
const WITHDRAWN: u8 = 2;

impl Turn {
    fn begin(&self) -> bool {
        self.0.compare_exchange(0, BEGUN, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    fn withdraw(&self) -> bool {
        self.0.compare_exchange(0, WITHDRAWN, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

/// A caller that waits. If its future is dropped, its closure does not begin any more.
struct Waiting(Arc<Turn>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.withdraw();
    }
}

impl Writer {
    pub(super) fn new(manager: Manager, completed: Arc<AtomicU64>) -> Self {
        let waiting = Arc::new(Semaphore::new(QUEUE as usize));
        Self { manager, completed, thread: OnceLock::new(), waiting }
    }

    /// Waits until no closure is waiting or running. It looks again and again: a waiter for all places would
    /// have the closures refused that come meanwhile.
    pub(super) async fn drain(&self) {
        while self.waiting.available_permits() < QUEUE as usize {
            tokio::time::sleep(DRAIN_PAUSE).await;
        }
    }

    /// [`Db::write`].
    pub(super) async fn write<T, E, F>(&self, db: &Db, f: F) -> Result<T, E>
    where
        F: FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (sender, mut result) = oneshot::channel();
        let turn = self.send(Work::Run(Box::new(move |conn| run(conn, f, sender))))?;
        let waiting = Waiting(turn);
        let answer = match db.wait_for(PERMIT_WAIT, &mut result).await {
            None if waiting.0.withdraw() => return Err(Error::Busy.into()),
            None => db.wait_for(RESULT_WAIT, result).await,
            answer => answer,
        };
        match answer {
            Some(Ok(outcome)) => outcome,
            Some(Err(_)) => Err(Error::Panicked.into()),
            None => Err(Error::Unreachable.into()),
        }
    }

    /// [`Db::write_blocking`]: `f` runs on this thread.
    pub(super) fn write_blocking<T, E: From<Error>>(
        &self,
        db: &Db,
        f: impl FnOnce(&mut Conn) -> Result<T, E>,
    ) -> Result<T, E> {
        let (there, mut lent) = oneshot::channel();
        let (give_back, back) = channel();
        let (sender, committed) = oneshot::channel();
        let answer: Answer = Box::new(move |committed| drop(sender.send(committed)));
        let turn = self.send(Work::Lend(Loan { there, back, answer }))?;
        let slot = match db.wait_for_thread(&mut lent) {
            None if turn.withdraw() => return Err(Error::Busy.into()),
            None => super::wait::forever(lent),
            Some(slot) => slot,
        };
        let mut slot = slot.unwrap_or(Err(Error::Unreachable))?;
        let outcome = catch_unwind(AssertUnwindSafe(|| f(&mut slot.conn)));
        let _ = give_back.send((slot, matches!(outcome, Ok(Ok(_)))));
        let committed = super::wait::forever(committed).unwrap_or(Err(Error::Unreachable));
        match outcome {
            Ok(outcome) => committed.map_err(E::from).and(outcome),
            Err(panic) => resume_unwind(panic),
        }
    }

    fn send(&self, work: Work) -> Result<Arc<Turn>, Error> {
        let waiting = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| Error::Busy)?;
        let turn = Arc::<Turn>::default();
        let job = Job { turn: Arc::clone(&turn), work, waiting };
        let thread = self.thread.get_or_init(|| start(self.manager.clone(), Arc::clone(&self.completed)));
        let jobs = thread.as_ref().map(|thread| &thread.jobs).ok_or(Error::Unreachable)?;
        jobs.send(job).map_err(|_| Error::Unreachable)?;
        Ok(turn)
    }
}

impl Drop for Writer {
    /// Closing the last connection moves the write-ahead log into the file: a command that has ended leaves
    /// one file.
    fn drop(&mut self) {
        let Some(Thread { jobs, handle }) = self.thread.take().flatten() else { return };
        drop(jobs);
        // The last closure can own the last `Db`.
        if thread::current().id() != handle.thread().id() {
            join_until(vec![handle], Instant::now() + CLOSE);
        }
    }
}

/// Runs a closure of [`Db::write`], and keeps its result for after the commit.
fn run<T: Send + 'static, E: From<Error> + Send + 'static>(
    conn: Result<&mut Conn, Error>,
    f: impl FnOnce(&mut Conn) -> Result<T, E>,
    sender: oneshot::Sender<Result<T, E>>,
) -> (bool, Answer) {
    let outcome: Result<Result<T, E>, Box<dyn Any + Send>> = match conn {
        Ok(conn) => catch_unwind(AssertUnwindSafe(|| f(conn))),
        Err(error) => Ok(Err(error.into())),
    };
    let keeps = matches!(outcome, Ok(Ok(_)));
    let answer = move |committed: Committed| {
        let outcome = outcome.unwrap_or_else(|_| Err(Error::Panicked.into()));
        let _ = sender.send(committed.map_err(E::from).and(outcome));
    };
    (keeps, Box::new(answer))
}

fn start(manager: Manager, completed: Arc<AtomicU64>) -> Option<Thread> {
    let (jobs, queue) = channel::<Job>();
    let body = move || {
        let (mut slot, mut next) = (None, None);
        while let Some(first) = next.take().or_else(|| queue.recv().ok()) {
            let group = AssertUnwindSafe(|| Group::new(&manager, &mut slot).run(first, &queue));
            match catch_unwind(group) {
                Ok((closures, held)) => {
                    completed.fetch_add(closures, Ordering::Relaxed);
                    next = held;
                }
                Err(_) => slot = None,
            }
        }
    };
    let handle = thread::Builder::new().name("writer".into()).spawn(body).ok()?;
    Some(Thread { jobs, handle })
}

/// Closures that share a commit.
struct Group<'a> {
    manager: &'a Manager,
    /// The writer's connection; none while it is lent, and after a failure.
    slot: &'a mut Option<Slot>,
    /// Whether there is a transaction. If so, there are changes in it that are to be kept.
    is_open: bool,
    answers: Vec<(Answer, OwnedSemaphorePermit)>,
}

impl<'a> Group<'a> {
    fn new(manager: &'a Manager, slot: &'a mut Option<Slot>) -> Self {
        Self { manager, slot, is_open: false, answers: Vec::new() }
    }

    /// Runs `first` and what waits behind it. Returns how many closures ended normally, and the first of the
    /// next group: a thread of our own can take seconds with the connection, and a request that is done must
    /// not wait for its answer behind it.
    fn run(mut self, first: Job, queue: &Receiver<Job>) -> (u64, Option<Job>) {
        let start = Instant::now();
        let mut next = Some(first);
        let mut committed = Ok(());
        let mut has_requests = false;
        while let Some(job) = next.take() {
            let is_lent = matches!(job.work, Work::Lend(_));
            if is_lent && has_requests {
                next = Some(job);
                break;
            }
            if job.turn.begin() {
                has_requests |= !is_lent;
                committed = self.add(job);
            }
            if committed.is_ok() && self.answers.len() < MOST && start.elapsed() < LONGEST {
                next = queue.try_recv().ok();
            }
        }
        if self.is_open && committed.is_ok() {
            committed = self.slot.as_mut().map_or(Err(Error::Unreachable), |slot| Ok(slot.conn.commit()?));
        }
        // What failed is not used again: closing it undoes the rest.
        *self.slot = self.slot.take().filter(|slot| committed.is_ok() && slot.pulse.texts() <= MOST_TEXTS);
        if let Some(slot) = self.slot {
            slot.pulse.stop();
        }
        let ended = if self.slot.is_some() { self.answers.len() as u64 } else { 0 };
        answer(self.answers, committed);
        (ended, next)
    }

    /// Runs one closure. An error is one of the whole group.
    fn add(&mut self, job: Job) -> Committed {
        let is_first = !self.is_open;
        let slot = if is_first { self.begin() } else { self.save() };
        let (slot, keeps, answer) = work(job.work, slot);
        *self.slot = slot;
        self.answers.push((answer, job.waiting));
        let Some(slot) = self.slot.as_mut() else {
            // No connection, so nothing was done; or it was lent and did not come back.
            return if is_first { Ok(()) } else { Err(Error::Unreachable) };
        };
        if is_first && !keeps {
            // The closure's own error says more than one of the rollback, and there is no other to tell.
            if slot.conn.end_down_to(0, keeps).is_err() {
                *self.slot = None;
            }
            return Ok(());
        }
        slot.conn.end_down_to(1, keeps)?;
        self.is_open = true;
        Ok(())
    }

    /// The connection, inside a savepoint.
    fn save(&mut self) -> Result<Slot, Error> {
        let mut slot = self.slot.take().ok_or(Error::Unreachable)?;
        slot.conn.save()?;
        Ok(slot)
    }

    /// A connection inside a transaction. What fails at a BEGIN is another process that writes, or a file
    /// that was replaced: a new connection is worth a second attempt.
    fn begin(&mut self) -> Result<Slot, Error> {
        let end = Instant::now() + CONNECTION;
        loop {
            let slot = self.slot.take().map_or_else(|| self.manager.connect(), Ok);
            let mut slot = slot.map_err(|_| Error::Unreachable)?;
            if slot.conn.begin(true).is_ok() {
                return Ok(slot);
            }
            if Instant::now() >= end {
                return Err(Error::Unreachable);
            }
        }
    }
}

/// Runs a closure here, or lends the connection to the thread that has it.
fn work(work: Work, slot: Result<Slot, Error>) -> (Option<Slot>, bool, Answer) {
    match (work, slot) {
        (Work::Run(run), Ok(mut slot)) => {
            let (keeps, answer) = run(Ok(&mut slot.conn));
            (Some(slot), keeps, answer)
        }
        (Work::Run(run), Err(error)) => {
            let (keeps, answer) = run(Err(error));
            (None, keeps, answer)
        }
        (Work::Lend(Loan { there, back, answer }), slot) => {
            let slot = match there.send(slot) {
                Ok(()) => back.recv().ok(),
                // Its thread is gone, so nothing was done.
                Err(slot) => slot.ok().map(|slot| (slot, false)),
            };
            let keeps = slot.as_ref().is_some_and(|(_, keeps)| *keeps);
            (slot.map(|(slot, _)| slot), keeps, answer)
        }
    }
}

/// Tells everyone what became of the commit. The error itself can be told once; the others get its kind.
fn answer(answers: Vec<(Answer, OwnedSemaphorePermit)>, committed: Committed) {
    match committed {
        Ok(()) => answers.into_iter().for_each(|(answer, _)| answer(Ok(()))),
        Err(error) => {
            let kind = match &error {
                Error::Statement(error) => kind_of(error),
                _ => "connection closed",
            };
            let mut error = Some(error);
            let is_alone = answers.len() == 1;
            for (answer, _) in answers {
                answer(Err(error.take_if(|_| is_alone).unwrap_or(Error::NotCommitted(kind))));
            }
        }
    }
}
