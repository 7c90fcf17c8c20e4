//! Cache of rendered pages, complete except for what is new in each response: the nonce and the visit token.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Instant;

use actix_web::web::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::ttl_cache::TtlCache;
use super::user_agent::{self, Platform};
use crate::domain::printing::{self, PreviewImage};
use crate::kit::{Language, LinkId};
use crate::platform::settings::Settings;
use crate::platform::signal::Signals;

/// Limit on cached pages: each has some tens of kilobytes, and they are from the last second or two.
const MOST_PAGES: usize = 512;
/// Limit on cached texts of preview images.
const MOST_IMAGE_TEXTS: usize = 4_096;
/// Limit on cached preview images; the least recently used one is evicted.
const MOST_IMAGES: usize = 256;
/// Limit on cached `User-Agent` values.
const MOST_AGENTS: usize = 4_096;
/// Longest `User-Agent` that is cached, in bytes. No real browser sends a longer one.
const LONGEST_AGENT: usize = 512;

/// Placeholder of the nonce in a rendered page. No name or text of a practice contains a control character,
/// so the placeholders are only where the template put them.
pub(crate) const NONCE: &str = "\u{1}n";
/// Placeholder of the visit token, see [`NONCE`].
pub(crate) const VISIT: &str = "\u{1}v";

/// Cache key: two requests with the same key get the same page.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PageKey {
    pub code: String,
    /// Language that the browser prefers; `None` is the practice's.
    pub language: Option<Language>,
    pub platform: Platform,
    /// Whether the request came in on the second host.
    pub is_open_host: bool,
}

/// A rendered page, split at its placeholders.
pub struct RenderedPage {
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

impl RenderedPage {
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
    pub fn fill(&self, nonce: &str, visit: &str) -> String {
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
pub(crate) type ImageKey = (String, Option<Language>);

/// The official store badges as data URLs, if they are configured.
#[derive(Default)]
pub struct Badges {
    pub app_store: Option<String>,
    pub google_play: Option<String>,
}

/// In-memory caches of the landing page.
pub struct LandingCache {
    pages: TtlCache<PageKey, Arc<RenderedPage>>,
    image_texts: TtlCache<ImageKey, PreviewImage>,
    /// Preview images by their text, so that an image is rendered once per change and not once per second;
    /// with the time of the last request.
    images: Mutex<HashMap<PreviewImage, (Bytes, Instant)>>,
    images_rendered: AtomicU64,
    /// A page that was being rendered while something changed is not cached: its generation is over.
    signals: Arc<Signals>,
    badges: OnceLock<Badges>,
    platforms: RwLock<HashMap<String, Platform>>,
}

impl LandingCache {
    /// A cache that every commit which changes a link or a practice invalidates.
    pub fn new(signals: Arc<Signals>) -> Self {
        Self {
            pages: TtlCache::new(MOST_PAGES),
            image_texts: TtlCache::new(MOST_IMAGE_TEXTS),
            images: Mutex::default(),
            images_rendered: AtomicU64::default(),
            signals,
            badges: OnceLock::default(),
            platforms: RwLock::default(),
        }
    }

    /// Returns the number of invalidations so far. Call it before the data of a page is read.
    pub fn generation(&self) -> u64 {
        self.signals.landing.count()
    }

    pub fn page(&self, key: &PageKey) -> Option<Arc<RenderedPage>> {
        self.pages.get(key, self.generation(), Instant::now())
    }

    /// Caches a page whose data was read at `generation`.
    pub fn insert_page(&self, key: PageKey, page: &Arc<RenderedPage>, generation: u64) {
        self.pages.insert(key, Arc::clone(page), generation, Instant::now());
    }

    /// Returns the cached text of a preview image.
    pub fn image_text(&self, key: &ImageKey) -> Option<PreviewImage> {
        self.image_texts.get(key, self.generation(), Instant::now())
    }

    /// Caches a text that was read at `generation`.
    pub fn insert_image_text(&self, key: ImageKey, preview: &PreviewImage, generation: u64) {
        self.image_texts.insert(key, preview.clone(), generation, Instant::now());
    }

    /// Returns the cached preview image with this text.
    pub fn image(&self, preview: &PreviewImage) -> Option<Bytes> {
        let mut images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        let (image, used_at) = images.get_mut(preview)?;
        *used_at = Instant::now();
        Some(image.clone())
    }

    /// Renders and caches a preview image, unless another thread has done so meanwhile. Call it
    /// in the render pool.
    pub fn render_image(&self, preview: &PreviewImage) -> Result<Bytes, printing::Error> {
        if let Some(image) = self.image(preview) {
            return Ok(image);
        }
        let image = Bytes::from(preview.png()?);
        self.images_rendered.fetch_add(1, Ordering::Relaxed);
        let mut images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        if images.len() >= MOST_IMAGES {
            let oldest = images.iter().min_by_key(|(_, (_, used_at))| *used_at);
            let oldest = oldest.map(|(preview, _)| preview.clone());
            oldest.and_then(|preview| images.remove(&preview));
        }
        images.insert(preview.clone(), (image.clone(), Instant::now()));
        Ok(image)
    }

    pub fn images_rendered(&self) -> u64 {
        self.images_rendered.load(Ordering::Relaxed)
    }

    /// Returns the platform of a `User-Agent`. Browsers are few and requests many, so results are cached.
    pub fn platform(&self, agent: &str) -> Platform {
        if let Some(platform) = self.platforms.read().unwrap_or_else(PoisonError::into_inner).get(agent) {
            return *platform;
        }
        let platform = user_agent::platform(agent);
        let mut platforms = self.platforms.write().unwrap_or_else(PoisonError::into_inner);
        if platforms.len() >= MOST_AGENTS {
            platforms.clear();
        }
        if agent.len() <= LONGEST_AGENT {
            platforms.insert(agent.to_owned(), platform);
        }
        platform
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
