//! The two texts of a number change: to the old number, in case the owner did not ask for it, and
//! to the new one.

use serde_json::json;

use crate::domain::consent;
use crate::kit::{Language, Phone, VerificationId, gsm7};
use crate::platform::outbox::{self, Job, Message, Outgoing, Rendered, Sender, TextMessage, Topic};
use crate::platform::{Tx, db, rate_limits};

pub struct NumberChangedTopic;

impl NumberChangedTopic {
    pub const NAME: &'static str = "number_changed";
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Payload {
    is_new: bool,
    language: Language,
}

/// Queues both texts; `proof` (the verification id) makes their dedupe keys unique to this change.
pub(super) fn enqueue(
    tx: &mut Tx,
    proof: &VerificationId,
    old: Option<&Phone>,
    new: &Phone,
    language: Language,
) -> db::Result<()> {
    for (to, is_new) in old.map(|old| (old, false)).into_iter().chain([(new, true)]) {
        let message = Message {
            topic: NumberChangedTopic::NAME,
            priority: outbox::Priority::Code,
            channel: outbox::Channel::Sms,
            dedupe_key: format!("number:{proof}:{is_new}"),
            recipient: Some(to.as_e164().to_owned()),
            payload: json!(Payload { is_new, language }),
            due: None,
            not_after: None,
        };
        outbox::enqueue(tx, &message)?;
    }
    Ok(())
}

impl Topic for NumberChangedTopic {
    fn render(&self, tx: &mut Tx, job: &Job) -> db::Result<Rendered> {
        let Some(payload) = job.payload::<Payload>() else { return Ok(Rendered::Unwanted) };
        let Some(to) = job.phone() else { return Ok(Rendered::Unwanted) };
        let body = text(&tx.settings.app.name, payload.is_new, payload.language);
        let sender = Sender::AnyBut(consent::opt_outs(tx, &rate_limits::number_key(tx, &to))?);
        Ok(Rendered::Ready(Outgoing::Sms(TextMessage { to, body, code: None, sender })))
    }
}

/// Names the app, but neither the other number nor a practice: either phone may belong to
/// a stranger by now.
fn text(service: &str, is_new: bool, language: Language) -> String {
    let says = language.text(if is_new { "sms-number-new" } else { "sms-number-old" });
    gsm7::segment(service, &format!(": {says}"))
}
