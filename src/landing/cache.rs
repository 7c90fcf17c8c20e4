//! Pages that were drawn a moment ago, ready but for what is new on each: the nonce and the visit.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Instant;

use actix_web::web::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::agent::{self, Lead};
use super::shelf::Shelf;
use crate::config::Config;
use crate::kit::Language;
use crate::printing::{Share, Unprintable};

/// More pages than this are not kept: each has some tens of kilobytes, and they are of the last second or two.
const MOST_PAGES: usize = 512;
/// More of what pictures say is not kept either.
const MOST_SHARES: usize = 4_096;
/// Of the pictures themselves, those asked for last are kept.
const MOST_PICTURES: usize = 256;
/// More browsers than this are not remembered.
const MOST_AGENTS: usize = 4_096;
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
        Self { link_id: link_id.to_owned(), is_open, parts, length: page.len() + 1_024 }
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

/// Which picture a link is shared with: its code, and what the reader asks for.
pub type Shared = (String, Option<Language>);

/// What the landing page keeps in memory between requests.
pub struct Front {
    pages: Shelf<Key, Arc<Drawn>>,
    shares: Shelf<Shared, Share>,
    /// By what they say, so that a picture is drawn once a change and not once a second; and when it was last
    /// asked for.
    pictures: Mutex<HashMap<Share, (Bytes, Instant)>>,
    pictures_drawn: AtomicU64,
    /// Counts the changes: a page that was being drawn while something changed is not kept.
    generation: AtomicU64,
    badges: OnceLock<Badges>,
    leads: RwLock<HashMap<String, Lead>>,
}

impl Default for Front {
    fn default() -> Self {
        Self {
            pages: Shelf::new(MOST_PAGES),
            shares: Shelf::new(MOST_SHARES),
            pictures: Mutex::default(),
            pictures_drawn: AtomicU64::default(),
            generation: AtomicU64::default(),
            badges: OnceLock::default(),
            leads: RwLock::default(),
        }
    }
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
        self.pages.clear();
        self.shares.clear();
    }

    /// How many changes there were so far; to be asked before what is drawn is read.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// A page that was drawn a moment ago.
    pub fn find(&self, key: &Key) -> Option<Arc<Drawn>> {
        self.pages.find(key, self.generation(), Instant::now())
    }

    /// Keeps a page that was read at `generation`.
    pub fn keep(&self, key: Key, drawn: &Arc<Drawn>, generation: u64) {
        self.pages.keep(key, Arc::clone(drawn), generation, Instant::now());
    }

    /// What the picture of a link says, read a moment ago.
    pub fn find_share(&self, shared: &Shared) -> Option<Share> {
        self.shares.find(shared, self.generation(), Instant::now())
    }

    /// Keeps what was read at `generation`.
    pub fn keep_share(&self, shared: Shared, share: &Share, generation: u64) {
        self.shares.keep(shared, share.clone(), generation, Instant::now());
    }

    /// The picture that says this, where it was drawn before.
    pub fn picture(&self, share: &Share) -> Option<Bytes> {
        let mut pictures = self.pictures.lock().unwrap_or_else(PoisonError::into_inner);
        let (picture, asked) = pictures.get_mut(share)?;
        *asked = Instant::now();
        Some(picture.clone())
    }

    /// Draws and keeps it, unless somebody else has meanwhile. To be done in the studio.
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

    /// How many pictures were drawn so far.
    pub fn pictures_drawn(&self) -> u64 {
        self.pictures_drawn.load(Ordering::Relaxed)
    }

    /// What a page for `agent` leads with. Browsers are few and requests many, so guesses are kept.
    pub fn lead(&self, agent: &str) -> Lead {
        if let Some(lead) = self.leads.read().unwrap_or_else(PoisonError::into_inner).get(agent) {
            return *lead;
        }
        let lead = agent::lead(agent);
        let mut leads = self.leads.write().unwrap_or_else(PoisonError::into_inner);
        if leads.len() >= MOST_AGENTS {
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
}

/// A file that cannot be read any more falls back to the plain button; the start has looked at it.
fn data_url(path: &Path) -> Option<String> {
    let kind = if path.extension()? == "svg" { "svg+xml" } else { "png" };
    Some(format!("data:image/{kind};base64,{}", STANDARD.encode(fs::read(path).ok()?)))
}
