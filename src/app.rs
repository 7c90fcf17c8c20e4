//! The composition root: builds what the service, the command line and the tests run on. Nothing below
//! imports it.

use std::path::Path;
use std::sync::Arc;

use confique::Config as _;
use confique::meta::Meta;

use crate::delivery::{self, Delivery};
use crate::domain::accounts::NumberChangedTopic;
use crate::domain::accounts::email::EmailCodeTopic;
use crate::domain::consent::ReplyTopic;
use crate::domain::invites::{self, MailTopic, TextTopic};
use crate::domain::notifications;
use crate::domain::pending_pairings::LinkTopic;
use crate::domain::record_imports::ImportTopic;
use crate::domain::staff::PasswordLinkTopic;
use crate::domain::verification::CodeTopic;
use crate::domain::webhooks::WebhookTopic;
use crate::kit::{Clock, Entropy};
use crate::platform::Service;
use crate::platform::db::Db;
use crate::platform::keys::Keys;
use crate::platform::outbox::{Topic, Topics};
use crate::platform::row_cache::RowCache;
use crate::platform::settings::{self, BadSetting, Source};
use crate::platform::signal::Signals;
use crate::web::state::State;

/// Where settings are declared. Two structs instead of one, because a rule is handed the first and must not
/// know providers; their names are those of one file.
pub const DECLARATIONS: [&Meta; 2] = [&settings::Settings::META, &delivery::Settings::META];

/// All settings, read once.
#[derive(Debug, Clone)]
pub struct Settings {
    pub platform: settings::Settings,
    pub delivery: delivery::Settings,
}

impl Settings {
    /// Reads `file` (or `practice-links.toml`, if it exists) and the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, BadSetting> {
        Self::from_source(&Source::read(file, &DECLARATIONS)?)
    }

    /// Fills what `source` leaves out with the defaults.
    pub fn from_source(source: &Source) -> Result<Self, BadSetting> {
        let platform = source.settings::<settings::Settings>()?.complete();
        Ok(Self { platform, delivery: source.settings()? })
    }

    /// Refuses settings that are only for development. Called by `serve`, not by preparing commands. The file
    /// of the keys comes last: it is the one thing that is not mended in the settings.
    pub fn check_environment(&self) -> Result<(), BadSetting> {
        if self.platform.is_development() {
            return Ok(());
        }
        self.platform.check_production()?;
        self.delivery.check_production()?;
        if !self.platform.keys_file.is_file() {
            let problem = "does not exist; create it with `practice-links admin keys rotate`";
            return Err(BadSetting::new("keys_file", problem));
        }
        Ok(())
    }
}

/// Opens the database and the keys that `settings` name. Nothing is connected or migrated yet.
pub fn build(
    settings: Settings,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Result<State, BadSetting> {
    let Settings { platform: settings, delivery } = settings;
    let keys = Keys::load_or_create(&settings.keys_file, clock.now(), &*entropy)
        .map_err(|error| BadSetting::new("keys_file", error.to_string()))?;
    let signals = Arc::<Signals>::default();
    let service = Service {
        rows: Arc::new(RowCache::new(Arc::clone(&signals))),
        leases: Arc::default(),
        signals,
        db: Db::new(&settings.database)?,
        clock,
        entropy,
        keys: Arc::new(keys),
        settings: Arc::new(settings),
    };
    let delivery = Delivery::new(&service, delivery);
    Ok(State::new(service, delivery, topics()))
}

/// Every kind of message that the outbox can render, by name.
fn topics() -> Topics {
    let topics: [(&'static str, Box<dyn Topic>); 11] = [
        (CodeTopic::NAME, Box::new(CodeTopic)),
        (LinkTopic::NAME, Box::new(LinkTopic)),
        (ReplyTopic::NAME, Box::new(ReplyTopic)),
        (WebhookTopic::NAME, Box::new(WebhookTopic)),
        (PasswordLinkTopic::NAME, Box::new(PasswordLinkTopic)),
        (NumberChangedTopic::NAME, Box::new(NumberChangedTopic)),
        (ImportTopic::NAME, Box::new(ImportTopic::default())),
        (TextTopic::NAME, Box::new(TextTopic)),
        (MailTopic::NAME, Box::new(MailTopic)),
        (invites::import::ImportTopic::NAME, Box::new(invites::import::ImportTopic)),
        (EmailCodeTopic::NAME, Box::new(EmailCodeTopic)),
    ];
    topics.into_iter().chain(notifications::topics()).collect()
}
