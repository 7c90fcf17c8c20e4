//! What the handlers hold, each part as actix app data of its own.

use std::sync::Arc;

use actix_web::web::{Data, ServiceConfig};

use super::http::Draining;
use super::landing::Landing;
use super::landing::cache::LandingCache;
use crate::delivery::Delivery;
use crate::domain::link_analytics::PageViews;
use crate::domain::printing::RenderPool;
use crate::domain::reactions;
use crate::domain::staff::PasswordHasher;
use crate::platform::Service;
use crate::platform::event_log::Reactions;
use crate::platform::event_stream::EventHub;
use crate::platform::outbox::Topics;
use crate::platform::rate_limits::CodeGuessLimiter;

/// Built once per process by the composition root.
#[derive(Clone)]
pub struct State {
    pub service: Service,
    /// Who sends, and with which settings: provider callbacks are verified by them.
    pub delivery: Arc<Delivery>,
    /// Every kind of message that can leave: provider callbacks report to it.
    pub topics: Arc<Topics>,
    pub event_hub: Arc<EventHub>,
    /// Who follows the event log.
    pub reactions: Reactions,
    /// Page views that wait to be written.
    pub page_views: Arc<PageViews>,
    pub landing_cache: Arc<LandingCache>,
    pub code_guesses: Arc<CodeGuessLimiter>,
    pub render_pool: Arc<RenderPool>,
    pub password_hasher: Arc<PasswordHasher>,
}

impl State {
    /// Everything over `service`, with empty caches.
    pub fn new(service: Service, delivery: Delivery, topics: Topics) -> Self {
        let event_hub = Arc::default();
        let reactions = reactions::all(&event_hub, &service.signals);
        Self {
            delivery: Arc::new(delivery),
            topics: Arc::new(topics),
            event_hub,
            reactions,
            page_views: Arc::default(),
            landing_cache: Arc::new(LandingCache::new(Arc::clone(&service.signals))),
            code_guesses: Arc::default(),
            render_pool: Arc::default(),
            password_hasher: Arc::default(),
            service,
        }
    }

    /// Gives each part to the handlers that ask for it.
    pub fn register(&self, draining: &Draining, config: &mut ServiceConfig) {
        let landing = Landing {
            service: self.service.clone(),
            cache: Arc::clone(&self.landing_cache),
            code_guesses: Arc::clone(&self.code_guesses),
            page_views: Arc::clone(&self.page_views),
            render_pool: Arc::clone(&self.render_pool),
        };
        config
            .app_data(Data::new(self.service.clone()))
            .app_data(Data::new(landing))
            .app_data(Data::new(draining.clone()))
            .app_data(Data::from(Arc::clone(&self.delivery)))
            .app_data(Data::from(Arc::clone(&self.topics)))
            .app_data(Data::from(Arc::clone(&self.event_hub)))
            .app_data(Data::from(Arc::clone(&self.page_views)))
            .app_data(Data::from(Arc::clone(&self.code_guesses)))
            .app_data(Data::from(Arc::clone(&self.render_pool)))
            .app_data(Data::from(Arc::clone(&self.password_hasher)));
    }
}
