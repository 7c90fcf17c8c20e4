//! The SMS with the app's link: one GSM-7 segment.

use serde_json::json;

use super::AppLinkRequest;
use crate::domain::consent;
use crate::domain::events::EventKind;
use crate::domain::links::{self, Destination};
use crate::kit::{Language, LinkId, PendingPairingId, gsm7};
use crate::platform::event_log::Actor;
use crate::platform::outbox::{self, Job, Outcome, Outgoing, Rendered, Sender, TextMessage, Topic};
use crate::platform::{Tx, db, rate_limits};

/// A link that arrives an hour late reaches a patient who has left the counter.
const LATEST: std::time::Duration = std::time::Duration::from_hours(1);

pub struct LinkTopic;

impl LinkTopic {
    pub const NAME: &'static str = "app_link";
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Payload {
    link: LinkId,
    language: Language,
}

/// Queues the SMS for a number that was entered on a landing page.
pub(super) fn enqueue(tx: &mut Tx, id: &PendingPairingId, request: &AppLinkRequest<'_>) -> db::Result<()> {
    outbox::enqueue(
        tx,
        &outbox::Message {
            topic: LinkTopic::NAME,
            priority: outbox::Priority::Code,
            channel: outbox::Channel::Sms,
            dedupe_key: format!("sms:{id}:{}", tx.now.millis()),
            recipient: Some(request.phone.as_e164().to_owned()),
            payload: json!({ "link": request.to.link.id, "language": request.language }),
            due: None,
            not_after: Some(tx.now + LATEST),
        },
    )
    .map(drop)
}

impl Topic for LinkTopic {
    fn render(&self, tx: &mut Tx, job: &Job) -> db::Result<Rendered> {
        let Some(payload) = job.payload::<Payload>() else { return Ok(Rendered::Unwanted) };
        let Some(to) = job.phone() else { return Ok(Rendered::Unwanted) };
        match links::destination_of(tx, &payload.link) {
            Ok(destination) => {
                let body = text(tx, &destination, payload.language);
                let sender = Sender::AnyBut(consent::opt_outs(tx, &rate_limits::number_key(tx, &to))?);
                Ok(Rendered::Ready(Outgoing::Sms(TextMessage { to, body, code: None, sender })))
            }
            Err(links::Error::Db(error)) => Err(error),
            // Paused or closed since: the page behind the link would only disappoint.
            Err(_) => Ok(Rendered::Unwanted),
        }
    }

    fn settled(&self, tx: &mut Tx, job: &Job, outcome: &Outcome, _: bool) -> db::Result<()> {
        match job.payload::<Payload>() {
            Some(payload) if *outcome == Outcome::Sent => {
                let (kind, detail) = (EventKind::PendingPairingMessageSent, json!({ "link": payload.link }));
                tx.emit(None, Actor::System, kind, &payload.link, detail);
            }
            _ => {}
        }
        Ok(())
    }
}

/// The text: sender, purpose and link. For a discreet link it names the app instead of the practice.
fn text(tx: &Tx, to: &Destination, language: Language) -> String {
    let says = language.text("sms-app-link");
    let url = format!("{}/{}?s=sms", tx.settings.public_url, to.link.code);
    let who = if to.is_discreet() { &tx.settings.app.name } else { &to.practice.name };
    gsm7::segment(who, &format!(": {says} {url}"))
}
