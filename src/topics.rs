//! Every message that can leave, on one page: what the outbox worker can render.

use crate::deferred::LinkTopic;
use crate::notices;
use crate::outbox::{Topic, Topics};
use crate::verification::CodeTopic;

/// All topics by name.
pub fn all() -> Topics {
    let topics: [(&'static str, Box<dyn Topic>); 2] =
        [(CodeTopic::NAME, Box::new(CodeTopic)), (LinkTopic::NAME, Box::new(LinkTopic))];
    topics.into_iter().chain(notices::topics()).collect()
}
