//! Cache of rendered pages, complete except for what is new in each response: the nonce and the visit.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Instant;

use actix_web::web::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::ttl_cache::Shelf;
use super::user_agent::{self, Lead};
use crate::domain::printing::{Share, Unprintable};
use crate::kit::Language;
use crate::kit::ids::LinkId;
use crate::platform::settings::Settings;
use crate::platform::signal::Signals;

/// Limit on cached pages: each has some tens of kilobytes, and they are from the last second or two.
const MOST_PAGES: usize = 512;
/// Limit on cached texts of preview images.
const MOST_SHARES: usize = 4_096;
/// Limit on cached preview images; the least recently used one is evicted.
const MOST_PICTURES: usize = 256;
/// Limit on cached `User-Agent` values.
const MOST_AGENTS: usize = 4_096;
/// Longest `User-Agent` that is cached, in bytes. No real browser sends a longer one.
const LONGEST_AGENT: usize = 512;

/// Placeholder of the nonce in a rendered page. No name or text of a practice contains a control character,
/// so the placeholders are only where the template put them.
pub const NONCE: &str = "\u{1}n";
/// Placeholder of the visit token, see [`NONCE`].
pub const VISIT: &str = "\u{1}v";

/// Cache key: two requests with the same key get the same page.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    pub code: String,
    /// Language that the browser prefers; `None` is the practice's.
    pub language: Option<Language>,
    pub lead: Lead,
    /// Whether the request came in on the second host.
    pub is_open_host: bool,
}

/// A rendered page, split at its placeholders.
pub struct Drawn {
    pub link_id: LinkId,
    /// Whether the page accepts new patients: only such a page is counted and has scripts.
    pub is_open: bool,
    parts: Vec<Part>,
    length: usize,
}

enum Part {
    Text(String),
    Nonce,
    Visit,
}

impl Drawn {
    /// Splits a rendered page at its placeholders.
    pub fn new(link_id: &LinkId, is_open: bool, page: &str) -> Self {
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
        Self { link_id: link_id.clone(), is_open, parts, length: page.len() + 1_024 }
    }

    /// Returns the page with the nonce and the visit token filled in.
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

/// Cache key of a preview image: the link's code, and the reader's preferred language.
pub type Shared = (String, Option<Language>);

/// In-memory caches of the landing page.
pub struct LandingCache {
    pages: Shelf<Key, Arc<Drawn>>,
    shares: Shelf<Shared, Share>,
    /// Preview images by their text, so that an image is rendered once per change and not once per second;
    /// with the time of the last request.
    pictures: Mutex<HashMap<Share, (Bytes, Instant)>>,
    pictures_drawn: AtomicU64,
    /// A page that was being rendered while something changed is not cached: its generation is over.
    signals: Arc<Signals>,
    badges: OnceLock<Badges>,
    leads: RwLock<HashMap<String, Lead>>,
}

impl LandingCache {
    /// A cache that every commit which changes a link or a practice invalidates.
    pub fn new(signals: Arc<Signals>) -> Self {
        Self {
            pages: Shelf::new(MOST_PAGES),
            shares: Shelf::new(MOST_SHARES),
            pictures: Mutex::default(),
            pictures_drawn: AtomicU64::default(),
            signals,
            badges: OnceLock::default(),
            leads: RwLock::default(),
        }
    }
}

/// The official store badges as data URLs, if they are configured.
#[derive(Default)]
pub struct Badges {
    pub app_store: Option<String>,
    pub google_play: Option<String>,
}

impl LandingCache {
    /// Returns the number of invalidations so far. Call it before the data of a page is read.
    pub fn generation(&self) -> u64 {
        self.signals.landing.count()
    }

    pub fn find(&self, key: &Key) -> Option<Arc<Drawn>> {
        self.pages.find(key, self.generation(), Instant::now())
    }

    /// Caches a page whose data was read at `generation`.
    pub fn keep(&self, key: Key, drawn: &Arc<Drawn>, generation: u64) {
        self.pages.keep(key, Arc::clone(drawn), generation, Instant::now());
    }

    /// Returns the cached text of a preview image.
    pub fn find_share(&self, shared: &Shared) -> Option<Share> {
        self.shares.find(shared, self.generation(), Instant::now())
    }

    /// Caches a text that was read at `generation`.
    pub fn keep_share(&self, shared: Shared, share: &Share, generation: u64) {
        self.shares.keep(shared, share.clone(), generation, Instant::now());
    }

    /// Returns the cached preview image with this text.
    pub fn picture(&self, share: &Share) -> Option<Bytes> {
        let mut pictures = self.pictures.lock().unwrap_or_else(PoisonError::into_inner);
        let (picture, asked) = pictures.get_mut(share)?;
        *asked = Instant::now();
        Some(picture.clone())
    }

    /// Renders and caches a preview image, unless another thread has done so meanwhile. Call it
    /// in the render pool.
    pub fn drawn_picture(&self, share: &Share) -> Result<Bytes, Unprintable> {
        if let Some(picture) = self.picture(share) {
            return Ok(picture);
        }
        let picture = Bytes::from(share.png()?);
        self.pictures_drawn.fetch_add(1, Ordering::Relaxed);
        let mut pictures = self.pictures.lock().unwrap_or_else(PoisonError::into_inner);
        if pictures.len() >= MOST_PICTURES {
            let longest_quiet = pictures.iter().min_by_key(|(_, (_, asked))| *asked);
            let longest_quiet = longest_quiet.map(|(share, _)| share.clone());
            longest_quiet.and_then(|share| pictures.remove(&share));
        }
        pictures.insert(share.clone(), (picture.clone(), Instant::now()));
        Ok(picture)
    }

    pub fn pictures_drawn(&self) -> u64 {
        self.pictures_drawn.load(Ordering::Relaxed)
    }

    /// Returns the platform of a `User-Agent`. Browsers are few and requests many, so results are cached.
    pub fn lead(&self, agent: &str) -> Lead {
        if let Some(lead) = self.leads.read().unwrap_or_else(PoisonError::into_inner).get(agent) {
            return *lead;
        }
        let lead = user_agent::lead(agent);
        let mut leads = self.leads.write().unwrap_or_else(PoisonError::into_inner);
        if leads.len() >= MOST_AGENTS {
            leads.clear();
        }
        if agent.len() <= LONGEST_AGENT {
            leads.insert(agent.to_owned(), lead);
        }
        lead
    }

    /// Returns the badges, which are read once.
    pub fn badges(&self, settings: &Settings) -> &Badges {
        self.badges.get_or_init(|| Badges {
            app_store: settings.app.app_store_badge.as_deref().and_then(data_url),
            google_play: settings.app.google_play_badge.as_deref().and_then(data_url),
        })
    }
}

/// A file that has become unreadable falls back to the plain button; the start has checked it.
fn data_url(path: &Path) -> Option<String> {
    let kind = if path.extension()? == "svg" { "svg+xml" } else { "png" };
    Some(format!("data:image/{kind};base64,{}", STANDARD.encode(fs::read(path).ok()?)))
}
