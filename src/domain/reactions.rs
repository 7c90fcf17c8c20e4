//! Who follows which events, on one page. A rule that emits an event knows none of these.
//!
//! | reaction | follows | does |
//! | --- | --- | --- |
//! | [`Funnel`] | texts sent, numbers verified, pairings, decisions | adds to the counters of the link |
//! | [`NewPairings`] | pairings | queues the practice's e-mails |
//! | [`Webhooks`] | what a practice can subscribe to | queues calls to its endpoints |
//! | [`Grading`] | pairings, changes of a patient | compares with the practice's records |
//!
//! | observer | follows | does |
//! | --- | --- | --- |
//! | [`EventHub`] | conversations | wakes open event streams |
//! | `PublicPages` | links, practices | has landing pages drawn anew |
//!
//! The audit log is the event log itself.

use std::sync::Arc;

use crate::domain::identity::grading::Grading;
use crate::domain::link_analytics::Funnel;
use crate::domain::notifications::NewPairings;
use crate::domain::webhooks::Webhooks;
use crate::platform::event_log::{Event, Observer, Reactions};
use crate::platform::event_stream::EventHub;
use crate::platform::signal::Signals;

/// All of them, for an instance with these event streams and signals.
pub fn all(event_hub: &Arc<EventHub>, signals: &Arc<Signals>) -> Reactions {
    Reactions::new(
        vec![Box::new(Funnel), Box::new(NewPairings), Box::new(Webhooks), Box::new(Grading)],
        vec![Arc::<EventHub>::clone(event_hub), Arc::new(PublicPages(Arc::clone(signals)))],
    )
}

/// Has the pages of links drawn anew that another instance, or the command line, changed.
struct PublicPages(Arc<Signals>);

impl Observer for PublicPages {
    fn observe(&self, events: &[Event]) {
        if events.iter().any(|event| event.kind.starts_with("link.") || event.kind.starts_with("practice.")) {
            self.0.landing.notify();
        }
    }

    fn reset(&self) {
        self.0.landing.notify();
    }
}
