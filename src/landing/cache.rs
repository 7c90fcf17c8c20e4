//! Pages that were drawn a moment ago, ready but for what is new on each: the nonce and the visit.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::agent::{self, Lead};
use crate::config::Config;
use crate::kit::Language;

/// How long a page outlives a change that another instance made. One of this instance's own is seen at once.
const FRESH: Duration = Duration::from_secs(1);
/// More pages, or browsers, than this are not kept.
const MOST: usize = 4_096;
/// No browser calls itself by more; what does is not remembered.
const LONGEST_AGENT: usize = 512;

/// Where the nonce goes in a drawn page, and where the visit. No name or text of a practice holds a control
/// character, so these stand where the template put them and nowhere else.
pub const NONCE: &str = "\u{1}n";
/// See [`NONCE`].
pub const VISIT: &str = "\u{1}v";

/// What makes two requests see the same page.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// The link's code.
    pub code: String,
    /// What the browser asks for; without a wish it is the practice's.
    pub language: Option<Language>,
    /// What the page leads with.
    pub lead: Lead,
    /// Whether it is asked for on the second host.
    pub is_open_host: bool,
}

/// A drawn page.
pub struct Drawn {
    /// The link that was opened.
    pub link_id: String,
    /// Whether it is a page that takes patients in: only that one counts and has scripts.
    pub is_open: bool,
    parts: Vec<Part>,
    length: usize,
    /// The second and the channel of the latest stamp, and the stamp.
    stamp: Mutex<(i64, String, String)>,
}

enum Part {
    Text(String),
    Nonce,
    Visit,
}

impl Drawn {
    /// Takes a rendered page apart.
    pub fn new(link_id: &str, is_open: bool, page: &str) -> Self {
        let mut parts = Vec::new();
        for (n, piece) in page.split('\u{1}').enumerate() {
            let text = match (n, piece.split_at_checked(1)) {
                (1.., Some(("n", rest))) => {
                    parts.push(Part::Nonce);
                    rest
                }
                (1.., Some(("v", rest))) => {
                    parts.push(Part::Visit);
                    rest
                }
                _ => piece,
            };
            parts.push(Part::Text(text.to_owned()));
        }
        Self {
            link_id: link_id.to_owned(),
            is_open,
            parts,
            length: page.len() + 1_024,
            stamp: Mutex::default(),
        }
    }

    /// The stamp of this page's visits in one second and of one channel, made once.
    pub fn stamp(&self, second: i64, channel: &str, make: impl FnOnce() -> String) -> String {
        let mut kept = self.stamp.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.0 != second || kept.1 != channel || kept.2.is_empty() {
            *kept = (second, channel.to_owned(), make());
        }
        kept.2.clone()
    }

    /// The page of one visit.
    pub fn page(&self, nonce: &str, visit: &str) -> String {
        let mut page = String::with_capacity(self.length);
        for part in &self.parts {
            page.push_str(match part {
                Part::Text(text) => text,
                Part::Nonce => nonce,
                Part::Visit => visit,
            });
        }
        page
    }
}

struct Kept {
    drawn: Arc<Drawn>,
    since: Instant,
    generation: u64,
}

/// What the landing page keeps in memory between requests.
#[derive(Default)]
pub struct Front {
    pages: Mutex<HashMap<Key, Kept>>,
    /// Counts the changes: a page that was being drawn while something changed is not kept.
    generation: AtomicU64,
    badges: OnceLock<Badges>,
    leads: RwLock<HashMap<String, Lead>>,
}

/// The stores' official badges as data URLs, where they are configured.
#[derive(Default)]
pub struct Badges {
    /// The App Store's.
    pub app_store: Option<String>,
    /// Google Play's.
    pub google_play: Option<String>,
}

impl Front {
    /// Forgets every page: a link or a practice has changed.
    pub fn forget(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.lock().clear();
    }

    /// How many changes there were so far; to be asked before what is drawn is read.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// A page that was drawn a moment ago.
    pub fn find(&self, key: &Key) -> Option<Arc<Drawn>> {
        let generation = self.generation();
        let pages = self.lock();
        let kept = pages.get(key)?;
        let is_fresh = kept.generation == generation && kept.since.elapsed() < FRESH;
        is_fresh.then(|| Arc::clone(&kept.drawn))
    }

    /// Keeps a page that was read at `generation`.
    pub fn keep(&self, key: Key, drawn: &Arc<Drawn>, generation: u64) {
        let mut pages = self.lock();
        if pages.len() >= MOST {
            pages.clear();
        }
        pages.insert(key, Kept { drawn: Arc::clone(drawn), since: Instant::now(), generation });
    }

    /// What a page for `agent` leads with. Browsers are few and requests many, so guesses are kept.
    pub fn lead(&self, agent: &str) -> Lead {
        if let Some(lead) = self.leads.read().unwrap_or_else(PoisonError::into_inner).get(agent) {
            return *lead;
        }
        let lead = agent::lead(agent);
        let mut leads = self.leads.write().unwrap_or_else(PoisonError::into_inner);
        if leads.len() >= MOST {
            leads.clear();
        }
        if agent.len() <= LONGEST_AGENT {
            leads.insert(agent.to_owned(), lead);
        }
        lead
    }

    /// The badges; read once.
    pub fn badges(&self, config: &Config) -> &Badges {
        self.badges.get_or_init(|| Badges {
            app_store: config.app.app_store_badge.as_deref().and_then(data_url),
            google_play: config.app.google_play_badge.as_deref().and_then(data_url),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Kept>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file that cannot be read any more falls back to the plain button; the start has looked at it.
fn data_url(path: &Path) -> Option<String> {
    let kind = if path.extension()? == "svg" { "svg+xml" } else { "png" };
    Some(format!("data:image/{kind};base64,{}", STANDARD.encode(fs::read(path).ok()?)))
}
