//! All outbox topics: the background jobs and messages that the outbox worker can handle.

use crate::accounts::NumberTopic;
use crate::accounts::email::EmailCodeTopic;
use crate::consent::AnswerTopic;
use crate::deferred::LinkTopic;
use crate::identity::GradeTopic;
use crate::imports::ImportTopic;
use crate::invites::{self, MailTopic, TextTopic};
use crate::notices;
use crate::outbox::{Topic, Topics};
use crate::staff::LetterTopic;
use crate::verification::CodeTopic;
use crate::webhooks::WebhookTopic;

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
    topics.into_iter().chain(notices::topics()).collect()
}
