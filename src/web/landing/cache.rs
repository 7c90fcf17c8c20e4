//! Caches of rendered pages, which are complete except for the visit token, of their compressed forms, and of
//! preview images.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Instant;

use actix_web::http::header::HeaderValue;
use actix_web::web::Bytes;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::document::Document;
use super::recent_cache::RecentCache;
use super::ttl_cache::TtlCache;
use super::user_agent::{self, Platform};
use crate::domain::printing::{self, PreviewImage, RenderPool};
use crate::kit::{Language, LinkId};
use crate::platform::settings::Settings;
use crate::platform::signal::Signals;
use crate::web::http::content_coding::{Accepted, Coding, CompressedForms};

/// Limit on cached pages: each has some tens of kilobytes, and they are from the last second or two.
const MOST_PAGES: usize = 512;
/// Limit on pages whose compressed forms are cached: up to ten kilobytes each.
const MOST_FORMS: usize = 1_024;
/// Limit on cached texts of preview images.
const MOST_IMAGE_TEXTS: usize = 4_096;
/// Limit on cached preview images.
const MOST_IMAGES: usize = 256;
/// Limit on cached `User-Agent` values.
const MOST_AGENTS: usize = 4_096;
/// Longest `User-Agent` that is cached, in bytes. No real browser sends a longer one.
const LONGEST_AGENT: usize = 512;

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

/// The page of a link.
pub struct RenderedPage {
    pub link_id: LinkId,
    /// Whether the page accepts new patients: only such a page is counted and has scripts.
    pub is_open: bool,
    pub document: Document,
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
    /// By the SHA-256 of the text, so that a page is compressed once per change and not once per second.
    forms: RecentCache<Vec<u8>, Arc<CompressedForms>>,
    /// A page that is compressed does not wait for a poster that is being drawn.
    compressor: RenderPool,
    image_texts: TtlCache<ImageKey, PreviewImage>,
    /// Preview images by their text, so that an image is rendered once per change and not once per second.
    images: RecentCache<PreviewImage, Bytes>,
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
            forms: RecentCache::new(MOST_FORMS),
            compressor: RenderPool::default(),
            image_texts: TtlCache::new(MOST_IMAGE_TEXTS),
            images: RecentCache::new(MOST_IMAGES),
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

    /// Splits a rendered page, and finds its compressed forms if it was rendered before.
    pub(super) fn document(&self, page: &str, policy: HeaderValue) -> Document {
        Document::new(page, policy, |text| {
            let key = digest(&SHA256, text).as_ref().to_vec();
            self.forms.get(&key).unwrap_or_else(|| {
                let forms = Arc::<CompressedForms>::default();
                self.forms.insert(key, Arc::clone(&forms));
                forms
            })
        })
    }

    /// Returns the coding to respond with, and makes the page ready for it. Brotli is made by one thread
    /// beside those that answer requests. A response for which that thread has no time is compressed by
    /// gzip.
    pub(super) async fn prepare(&self, document: &Document, accepted: Accepted) -> Coding {
        let best = accepted.best();
        if document.is_ready(best) || self.compressor.run_now(document.brotli()).await.is_some() {
            return best;
        }
        accepted.without_brotli().best()
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
        self.images.get(preview)
    }

    /// Renders and caches a preview image, unless another thread has done so meanwhile. Call it
    /// in the render pool.
    pub fn render_image(&self, preview: &PreviewImage) -> Result<Bytes, printing::Error> {
        if let Some(image) = self.image(preview) {
            return Ok(image);
        }
        let image = Bytes::from(preview.png()?);
        self.images_rendered.fetch_add(1, Ordering::Relaxed);
        self.images.insert(preview.clone(), image.clone());
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
