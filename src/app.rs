//! The composition root: builds what the service, the command line and the tests run on. Nothing below
//! imports it.

use std::sync::Arc;

use crate::domain::accounts::NumberChangedTopic;
use crate::domain::accounts::email::EmailCodeTopic;
use crate::domain::consent::ReplyTopic;
use crate::domain::identity::grading::GradeTopic;
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
use crate::platform::settings::{BadSetting, Settings};
use crate::web::state::State;

/// Opens the database and the keys that `settings` name. Nothing is connected or migrated yet.
pub fn build(
    settings: Settings,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Result<State, BadSetting> {
    let keys = Keys::load_or_create(&settings.keys_file, clock.now(), &*entropy)
        .map_err(|error| BadSetting::new("keys_file", error.to_string()))?;
    let service = Service {
        db: Db::new(&settings.database)?,
        clock,
        entropy,
        keys: Arc::new(keys),
        settings: Arc::new(settings),
        signals: Arc::default(),
    };
    Ok(State::new(service, topics()))
}

/// Every kind of message that the outbox can render, by name.
fn topics() -> Topics {
    let topics: [(&'static str, Box<dyn Topic>); 12] = [
        (CodeTopic::NAME, Box::new(CodeTopic)),
        (LinkTopic::NAME, Box::new(LinkTopic)),
        (ReplyTopic::NAME, Box::new(ReplyTopic)),
        (WebhookTopic::NAME, Box::new(WebhookTopic)),
        (PasswordLinkTopic::NAME, Box::new(PasswordLinkTopic)),
        (GradeTopic::NAME, Box::new(GradeTopic)),
        (NumberChangedTopic::NAME, Box::new(NumberChangedTopic)),
        (ImportTopic::NAME, Box::new(ImportTopic::default())),
        (TextTopic::NAME, Box::new(TextTopic)),
        (MailTopic::NAME, Box::new(MailTopic)),
        (invites::import::ImportTopic::NAME, Box::new(invites::import::ImportTopic)),
        (EmailCodeTopic::NAME, Box::new(EmailCodeTopic)),
    ];
    topics.into_iter().chain(notifications::topics()).collect()
}
