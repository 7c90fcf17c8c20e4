//! Every message that can leave, on one page: what the outbox worker can render.

use crate::consent::AnswerTopic;
use crate::conversations::{NewDeviceTopic, NewPairingTopic};
use crate::deferred::LinkTopic;
use crate::outbox::{Topic, Topics};
use crate::verification::CodeTopic;

/// All topics by name.
pub fn all() -> Topics {
    let topics: [(&'static str, Box<dyn Topic>); 5] = [
        (CodeTopic::NAME, Box::new(CodeTopic)),
        (LinkTopic::NAME, Box::new(LinkTopic)),
        (AnswerTopic::NAME, Box::new(AnswerTopic)),
        (NewPairingTopic::NAME, Box::new(NewPairingTopic)),
        (NewDeviceTopic::NAME, Box::new(NewDeviceTopic)),
    ];
    topics.into()
}
