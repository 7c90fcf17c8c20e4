//! What a handler may hold ([`App`]) and what a rule may know ([`Ctx`], made once a request).

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use crate::audit::{self, Recorded};
use crate::config::Config;
use crate::db::{self, Conn, Db};
use crate::funnel::Tally;
use crate::keys::Keys;
use crate::kit::{Bell, Clock, Entropy, Secret, Timestamp, id};
use crate::landing::Front;
use crate::limits::Guests;
use crate::live::Hub;
use crate::printing::Studio;
use crate::staff::Vault;

/// Everything that is shared between requests.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub db: Db,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub entropy: Arc<dyn Entropy>,
    /// Signing keys and code secrets.
    pub keys: Arc<Keys>,
    /// All settings.
    pub config: Arc<Config>,
    /// Wakes the outbox worker.
    pub wake: Arc<Bell>,
    /// Page views that wait to be written.
    pub tally: Arc<Tally>,
    /// What the landing page keeps in memory.
    pub front: Arc<Front>,
    /// Who tries codes that lead nowhere.
    pub guests: Arc<Guests>,
    /// Where pictures are drawn.
    pub studio: Arc<Studio>,
    /// Where passwords are hashed.
    pub vault: Arc<Vault>,
    /// The streams that are open.
    pub live: Arc<Hub>,
}

/// What a rule may know of the world: the moment, the keys, the settings, fresh randomness.
pub struct Ctx {
    /// The moment of this request; every rule of one request sees the same.
    pub now: Timestamp,
    /// Signing keys and code secrets.
    pub keys: Arc<Keys>,
    /// All settings.
    pub config: Arc<Config>,
    entropy: Arc<dyn Entropy>,
    /// What this request did, for the audit: written when its rule is done.
    pub(crate) recorded: RefCell<Vec<Recorded>>,
    /// Whether this request left something for the outbox worker.
    pub(crate) queued: Cell<bool>,
    /// Whether this request changed what a landing page shows.
    pub(crate) repaint: Cell<bool>,
    /// Whether this request left something for the open streams.
    pub(crate) told: Cell<bool>,
}

/// What a commit is followed by.
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

    /// Fresh random bytes.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }

    /// The generator itself, for `kit`.
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }
}

impl App {
    /// A context for one request, as of now.
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

    /// Runs a rule that changes something, in one transaction, and wakes the worker when it queued a message.
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

    /// [`App::read`] for the worker's thread.
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
