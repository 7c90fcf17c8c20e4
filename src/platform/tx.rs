//! The shared state of the handlers ([`App`]) and the context of a rule ([`Ctx`], made once per request).

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use crate::domain::link_analytics::Tally;
use crate::domain::printing::Studio;
use crate::domain::staff::Vault;
use crate::kit::{Bell, Clock, Entropy, Secret, Timestamp, id};
use crate::platform::audit::{self, Recorded};
use crate::platform::db::{self, Conn, Db};
use crate::platform::event_stream::Hub;
use crate::platform::keys::Keys;
use crate::platform::rate_limits::Guests;
use crate::platform::settings::Config;
use crate::web::landing::cache::Front;

/// Everything that is shared between requests.
#[derive(Clone)]
pub struct App {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    /// Signing keys and code secrets.
    pub keys: Arc<Keys>,
    pub config: Arc<Config>,
    /// Wakes the outbox worker.
    pub wake: Arc<Bell>,
    /// Page views that are not written yet.
    pub tally: Arc<Tally>,
    /// Memory cache of the landing pages.
    pub front: Arc<Front>,
    /// Limits how many unknown link codes a network may try.
    pub guests: Arc<Guests>,
    /// The thread pool that renders pictures.
    pub studio: Arc<Studio>,
    /// The thread pool that hashes passwords.
    pub vault: Arc<Vault>,
    /// The open event streams (SSE).
    pub live: Arc<Hub>,
}

/// What a rule may read from outside the database: time, keys, settings, randomness.
pub struct Ctx {
    /// The time of this request; all rules of one request see the same.
    pub now: Timestamp,
    /// Signing keys and code secrets.
    pub keys: Arc<Keys>,
    pub config: Arc<Config>,
    entropy: Arc<dyn Entropy>,
    /// Audit events of this request, written when its rule is done.
    pub(crate) recorded: RefCell<Vec<Recorded>>,
    /// Whether this request queued a message for the outbox worker.
    pub(crate) queued: Cell<bool>,
    /// Whether this request changed what a landing page shows.
    pub(crate) repaint: Cell<bool>,
    /// Whether this request has something to send to the open event streams.
    pub(crate) told: Cell<bool>,
}

/// What to do after a commit.
struct After {
    queued: bool,
    repaint: bool,
    told: bool,
}

impl Ctx {
    fn after(&self) -> After {
        After { queued: self.queued.get(), repaint: self.repaint.get(), told: self.told.get() }
    }

    /// A fresh id with `prefix`.
    pub fn id(&self, prefix: &str) -> String {
        id::new(prefix, self.now, &*self.entropy)
    }

    /// A fresh secret with `prefix`.
    pub fn secret(&self, prefix: &str) -> Secret {
        Secret::generate(prefix, &*self.entropy)
    }

    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }

    /// The generator itself, for functions of `kit`.
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }
}

impl App {
    /// A context for one request, with the current time.
    pub fn ctx(&self) -> Ctx {
        Ctx {
            now: self.clock.now(),
            keys: Arc::clone(&self.keys),
            config: Arc::clone(&self.config),
            entropy: Arc::clone(&self.entropy),
            recorded: RefCell::default(),
            queued: Cell::new(false),
            repaint: Cell::new(false),
            told: Cell::new(false),
        }
    }

    /// Runs a rule that changes something, in one transaction, and wakes the worker if it queued a message.
    pub async fn write<T, E, F>(&self, rule: F) -> Result<T, E>
    where
        F: FnOnce(&Ctx, &mut Conn) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<db::Error> + Send + 'static,
    {
        let this = self.clone();
        let (value, after) = self
            .db
            .write(move |conn| {
                let ctx = this.ctx();
                let value = rule(&ctx, conn)?;
                audit::append(&ctx, conn)?;
                Ok::<_, E>((value, ctx.after()))
            })
            .await?;
        self.committed(&after);
        Ok(value)
    }

    /// Runs a rule that only reads.
    pub async fn read<T, E, F>(&self, rule: F) -> Result<T, E>
    where
        F: FnOnce(&Ctx, &mut Conn) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<db::Error> + Send + 'static,
    {
        let this = self.clone();
        self.db.read(move |conn| rule(&this.ctx(), conn)).await
    }

    /// [`App::write`] for the worker's thread and the CLI.
    pub fn write_blocking<T, E: From<db::Error>>(
        &self,
        rule: impl FnOnce(&Ctx, &mut Conn) -> Result<T, E>,
    ) -> Result<T, E> {
        let ctx = self.ctx();
        let value = self.db.write_blocking(|conn| {
            let value = rule(&ctx, conn)?;
            audit::append(&ctx, conn)?;
            Ok::<_, E>(value)
        })?;
        self.committed(&ctx.after());
        Ok(value)
    }

    /// [`App::read`] for the worker's thread and the CLI.
    pub fn read_blocking<T, E: From<db::Error>>(
        &self,
        rule: impl FnOnce(&Ctx, &mut Conn) -> Result<T, E>,
    ) -> Result<T, E> {
        self.db.read_blocking(|conn| rule(&self.ctx(), conn))
    }

    fn committed(&self, after: &After) {
        if after.queued {
            self.wake.ring();
        }
        if after.repaint {
            self.front.forget();
        }
        if after.told {
            self.live.ring();
        }
    }
}
