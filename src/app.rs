//! All outbox topics: the background jobs and messages that the outbox worker can handle.

use crate::domain::accounts::NumberTopic;
use crate::domain::accounts::email::EmailCodeTopic;
use crate::domain::consent::AnswerTopic;
use crate::domain::identity::grading::GradeTopic;
use crate::domain::invites::{self, MailTopic, TextTopic};
use crate::domain::notifications;
use crate::domain::pending_pairings::LinkTopic;
use crate::domain::record_imports::ImportTopic;
use crate::domain::staff::LetterTopic;
use crate::domain::verification::CodeTopic;
use crate::domain::webhooks::WebhookTopic;
use crate::platform::outbox::{Topic, Topics};

/// Maps each topic's name to its implementation.
pub fn all() -> Topics {
    let topics: [(&'static str, Box<dyn Topic>); 12] = [
        (CodeTopic::NAME, Box::new(CodeTopic)),
        (LinkTopic::NAME, Box::new(LinkTopic)),
        (AnswerTopic::NAME, Box::new(AnswerTopic)),
        (WebhookTopic::NAME, Box::new(WebhookTopic)),
        (LetterTopic::NAME, Box::new(LetterTopic)),
        (GradeTopic::NAME, Box::new(GradeTopic)),
        (NumberTopic::NAME, Box::new(NumberTopic)),
        (ImportTopic::NAME, Box::new(ImportTopic::default())),
        (TextTopic::NAME, Box::new(TextTopic)),
        (MailTopic::NAME, Box::new(MailTopic)),
        (invites::import::ImportTopic::NAME, Box::new(invites::import::ImportTopic)),
        (EmailCodeTopic::NAME, Box::new(EmailCodeTopic)),
    ];
    topics.into_iter().chain(notifications::topics()).collect()
}
